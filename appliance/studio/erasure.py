"""The studio's part of an erasure: end the person's builds, then empty what the database holds of the person."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from appliance.studio.people import Actor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.core.ports import PersonalRecords
    from appliance.db.records import Build
    from appliance.db.repositories.builds import Builds
    from appliance.studio.build import BuildService

WAIT_SECONDS: Final = 20.0


class StudioRecords:
    """Implements :class:`appliance.core.ports.PersonalRecords`; needs the build service at work."""

    def __init__(self, service: BuildService, builds: Builds, personal: PersonalRecords) -> None:
        self._service, self._builds, self._personal = service, builds, personal

    def erase(self, subject: str) -> Mapping[str, int]:
        """Stop what is under way for ``subject``, then remove words, name and address.

        Raises:
            Unavailable: a build did not end within 20 seconds, or the database is in use; ask again.
        """
        deadline = time.monotonic() + WAIT_SECONDS
        while (mine := self._under_way(subject)) and time.monotonic() < deadline:
            for build in mine:
                self._service.cancel(Actor(build.requester, maker=True), build.id)
            time.sleep(0.05)
        return self._personal.erase(subject)

    def _under_way(self, subject: str) -> list[Build]:
        return [one for one in self._builds.unfinished() if one.requester.subject == subject]
