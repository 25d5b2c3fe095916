"""What lies between two versions of an app, in plain words; what was renamed is followed, whatever its name was."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from appliance.blueprint import lineage
from appliance.blueprint.diff import diff
from appliance.blueprint.diff_words import in_words
from appliance.studio.errors import NotFound
from appliance.studio.standing import standing

if TYPE_CHECKING:
    from appliance.blueprint.diff_words import InWords
    from appliance.db.repositories.projects import Projects
    from appliance.studio.version import VersionStore

KEPT: Final = 400


class Differences:
    """Compares versions; what was compared is remembered, because versions never change. Safe for several threads."""

    def __init__(self, projects: Projects, versions: VersionStore) -> None:
        self._projects = projects
        self._versions = versions
        self._known: OrderedDict[tuple[str, int, int], InWords] = OrderedDict()
        self._lock = threading.Lock()

    def between(self, project_id: str, before: int, after: int) -> InWords:
        """What version ``after`` has that ``before`` has not, and the other way round.

        Raises:
            NotFound: the app has no such version.
            RepositoryDamaged, LineageDamaged: one of them cannot be read.
        """
        key = (project_id, before, after)
        with self._lock:
            known = self._known.get(key)
        if known is None:
            known = self._compare(project_id, before, after)
            with self._lock:
                self._known[key] = known
                while len(self._known) > KEPT:
                    self._known.popitem(last=False)
        return known

    def _compare(self, project_id: str, before: int, after: int) -> InWords:
        sides = []
        for number in (before, after):
            version = self._projects.version(project_id, number)
            if version is None:
                message = f"This app has no version {number}."
                raise NotFound(message, action="Choose one from the list.")
            sides.append(standing(self._versions, version))
        now, then = sides
        renames, apart = lineage.meant(now.lineage, then.lineage)
        return in_words(diff(now.blueprint, replace(then.blueprint, renames=renames), apart=apart))
