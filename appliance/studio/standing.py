"""A version as everything that follows builds on it: its blueprint, what is what in it, and where its records lie."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from appliance.blueprint import lineage as lineages
from appliance.blueprint.behaviour import Renamed
from appliance.blueprint.diff import diff
from appliance.blueprint.parser import parse
from appliance.codegen.migrate import Decision, Side, plan, same_tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.blueprint.behaviour import Rename
    from appliance.blueprint.changes import Changes
    from appliance.blueprint.lineage import Lineage
    from appliance.blueprint.model import Blueprint
    from appliance.core.filetree import FileTree
    from appliance.db.records import Version
    from appliance.studio.version import VersionStore

LINEAGE: Final = "lineage.json"
BLUEPRINT: Final = "blueprint.app"


@dataclass(frozen=True)
class Standing:
    """A version that stands. ``data`` names the folder of its records below the app's ``data``."""

    version: Version
    tree: FileTree
    side: Side
    data: str

    @property
    def blueprint(self) -> Blueprint:
        """Its blueprint."""
        return self.side.blueprint

    @property
    def lineage(self) -> Lineage:
        """What is what in it."""
        return self.side.lineage


@dataclass(frozen=True)
class Step:
    """From one version to the next. ``carry`` is the plan for the records; None: both versions have the same tables."""

    number: int
    changes: Changes
    side: Side
    carry: Mapping[str, object] | None

    def roles(self) -> dict[str, str]:
        """Roles that have another name now."""
        return {was: role for was, role in self.changes.identities.roles if was != role}


def data_folder(versions: VersionStore, version: Version) -> str:
    """The name of the folder with a version's records: the one that its commit names, else by its tables."""
    info = versions.info(version.project_id, version.commit)
    return info.trailers.get("Data") or version.schema_digest[:16]


def standing(versions: VersionStore, version: Version) -> Standing:
    """Read a version.

    Raises:
        RepositoryDamaged, LineageDamaged: it cannot be read.
    """
    tree = versions.read(version.project_id, version.commit)
    blueprint = parse(tree.text(BLUEPRINT))
    known = tree.files.get(LINEAGE)
    lineage = lineages.first(blueprint) if known is None else lineages.from_text(known.decode())
    return Standing(version, tree, Side(blueprint, lineage), data_folder(versions, version))


def step(
    now: Standing,
    blueprint: Blueprint,
    *,
    number: int,
    id_: str,
    renames: tuple[Rename, ...] = (),
    decisions: Mapping[str, Decision] | None = None,
) -> Step:
    """What leads from ``now`` to ``blueprint`` as version ``number``. ``decisions`` are by field, ``Loan.due``.

    Raises:
        RenameRefused: a rename that cannot be meant.
    """
    changes = diff(now.blueprint, replace(blueprint, renames=renames or blueprint.renames))
    lineage = lineages.follow(now.lineage, changes, number)
    side = Side(changes.after, lineage)
    decided = {lineage.uid(Renamed.FIELD, *split(name)): decision for name, decision in (decisions or {}).items()}
    return Step(number, changes, side, _carry(now, side, decided, id_=id_, version=number))


def step_back(
    now: Standing,
    then: Standing,
    *,
    number: int,
    id_: str,
    since: str = "",
    decisions: Mapping[str, Decision] | None = None,
) -> Step:
    """What leads from ``now`` to the earlier version ``then``, which comes back as version ``number``.

    ``since`` is when another version took its place: what was added later is counted.
    """
    renames, apart = lineages.meant(now.lineage, then.lineage)
    changes = diff(now.blueprint, replace(then.blueprint, renames=renames), apart=apart)
    decided = {then.lineage.uid(Renamed.FIELD, *split(name)): decision for name, decision in (decisions or {}).items()}
    back = then.version.number
    carry = _carry(now, then.side, decided, id_=id_, version=number, restores=back, since=since)
    return Step(number, changes, then.side, carry)


def step_to(now: Standing, then: Standing, *, id_: str) -> Step:
    """What leads the records of ``now`` to any later version, however many lie between."""
    renames, apart = lineages.meant(now.lineage, then.lineage)
    changes = diff(now.blueprint, replace(then.blueprint, renames=renames), apart=apart)
    number = then.version.number
    return Step(number, changes, then.side, _carry(now, then.side, {}, id_=id_, version=number))


def _carry(now: Standing, side: Side, decisions: Mapping[str, Decision], **told: Any) -> Mapping[str, object] | None:
    return None if same_tables(now.side, side) else plan(now.side, side, decisions=decisions, **told)


def split(name: str) -> tuple[str, str]:
    """Entity and field of a full name such as ``Loan.due``."""
    entity, _, field = name.rpartition(".")
    return entity, field


def with_lineage(tree: FileTree, lineage: Lineage) -> FileTree:
    """The tree with the file that says what is what."""
    return type(tree)({**tree.files, LINEAGE: lineages.to_text(lineage).encode()})
