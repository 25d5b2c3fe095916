"""The API contracts of apps: which one a build must keep, whatever its records are called by now."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from appliance.blueprint.diff import diff
from appliance.blueprint.parser import parse
from appliance.contract.binding import BINDING, DOCUMENT, Contract, contract_in
from appliance.contract.follow import check_kept, followed
from appliance.core.private_files import write_private
from appliance.db.records import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from appliance.blueprint.behaviour import Rename
    from appliance.blueprint.model import Blueprint
    from appliance.core.filetree import FileTree
    from appliance.db.records import Build, Project
    from appliance.db.repositories.projects import Projects
    from appliance.studio.parts import Parts
    from appliance.studio.proposals import Proposals
    from appliance.studio.version import VersionStore

KEPT_SECONDS: Final = 7 * 86_400
"""How long a build may wait for its contract to be used."""


class Contracts:
    """A contract lies ready by the name of its build until the first version keeps it; then it is part of the tree."""

    def __init__(self, folder: Path, projects: Projects, versions: VersionStore, proposals: Proposals) -> None:
        self._folder = folder
        self._projects = projects
        self._versions = versions
        self._proposals = proposals

    def lay_ready(self, build_id: str, contract: Contract) -> None:
        """Keep a contract for a build that is about to be asked for.

        Raises:
            PrivateFileError: it cannot be stored.
        """
        self._clear()
        for name, content in contract.files().items():
            path = self._folder / build_id / name
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_private(path, content)

    def forget(self, build_id: str) -> None:
        """Its version keeps it, or there will be none."""
        shutil.rmtree(self._folder / build_id, ignore_errors=True)

    def _clear(self) -> None:
        """Forget what builds that failed, or a crash, left here."""
        for folder in self._folder.iterdir() if self._folder.exists() else ():
            if time.time() - folder.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)

    def of_build(self, build: Build, project: Project, blueprint: Blueprint) -> Contract | None:
        """The contract that a build must keep; names that changed since the version before are followed.

        Raises:
            ContractRefused: what is there cannot be read.
        """
        ready = self._folder / build.id
        if ready.is_dir():
            return contract_in({name: (ready / name).read_bytes() for name in (BINDING, DOCUMENT)})
        return self._standing(project, blueprint, self._renames(build, project))

    def check(self, project: Project, blueprint: Blueprint) -> None:
        """See that a change of an app leaves what its API needs; ``blueprint`` names what was renamed.

        Raises:
            ContractRefused: with what is missing.
        """
        contract = self._standing(project, blueprint, blueprint.renames)
        if contract is not None:
            check_kept(contract.binding, blueprint)

    def _standing(self, project: Project, blueprint: Blueprint, renames: tuple[Rename, ...]) -> Contract | None:
        """The contract of the version that stands, over the names of ``blueprint``."""
        version = None if project.current is None else self._projects.version(project.id, project.current)
        if version is None:
            return None
        tree = self._versions.read(project.id, version.commit)
        contract = contract_in(dict(tree.files))
        if contract is None:
            return None
        known = diff(parse(tree.text("blueprint.app")), replace(blueprint, renames=renames)).identities
        fields = {(entity, name): now for (entity, name), (_, now) in known.fields}
        return Contract(followed(contract.binding, dict(known.entities), fields), contract.document)

    def _renames(self, build: Build, project: Project) -> tuple[Rename, ...]:
        if build.origin is not Origin.REVISION:
            return ()
        return self._proposals.of_build(project.id, build.id).proposal.renames


def rendered(parts: Parts, blueprint: Blueprint, code: Mapping[str, str], contract: Contract | None) -> FileTree:
    """The project of a blueprint, with the code of its places and its API, if it has any."""
    if contract is not None:
        return parts.render(blueprint, code, contract)
    return parts.render(blueprint, code) if code else parts.render(blueprint)
