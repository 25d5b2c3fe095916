"""Keeps the directory like the identity provider: a thread that reads everything every half minute.

A reading that would mark many people as gone at once is not believed (a filter or a right that was lost looks just like
that); it waits until the operator accepts it.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final, Protocol

from appliance.core.errors import IntramuralError
from appliance.identity.errors import DirectoryUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.identity.directory import Directory
    from appliance.identity.directory_records import DirectoryGroup, DirectoryPerson
    from appliance.studio.departures import Departures

SOURCE: Final = "keycloak"
FEW: Final = 10
SHARE: Final = 0.3
_log = logging.getLogger(__name__)


class PeopleSource(Protocol):
    """Where people and groups are read."""

    def read(self) -> tuple[Sequence[DirectoryPerson], Sequence[DirectoryGroup]]:
        """Everybody and every group; raises DirectoryUnavailable."""
        ...


class DirectorySync:
    """``start`` and ``stop`` it; ``once`` reads now."""

    def __init__(self, source: PeopleSource, directory: Directory, departures: Departures, seconds: float) -> None:
        self._source = source
        self._directory = directory
        self._departures = departures
        self._seconds = seconds
        self._stop = threading.Event()
        self._state = "not read yet"
        self._thread = threading.Thread(target=self._run, name="directory", daemon=True)

    def start(self) -> None:
        """Read now and then until :meth:`stop`."""
        self._thread.start()

    def stop(self) -> None:
        """End it; waits for a reading under way."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(30)

    def state(self) -> str:
        """``ok``, or what is wrong."""
        return self._state

    def once(self, *, accept: bool = False) -> int:
        """Read and carry out; returns how many people left. ``accept`` believes a reading in which many did.

        Raises:
            DirectoryUnavailable: it cannot be read, or would mark too many as gone.
        """
        people, groups = self._source.read()
        before = {person.id: person for person in self._directory.people(SOURCE)}
        here = {person.id: person for person in people if person.active}
        was = [person for person in before.values() if person.active]
        leaving = [person for person in was if person.id not in here]
        if not accept and len(leaving) > max(FEW, SHARE * len(was)):
            message = f"The identity provider does not know {len(leaving)} of {len(was)} people any more."
            raise DirectoryUnavailable(
                message,
                cause="so many at once may be a lost right or a filter",
                action="If they have really left: `intramural identity sync --accept`.",
            )
        self._directory.replace_all(SOURCE, people, groups)
        for person in people:
            known = before.get(person.id)
            if person.active and known is not None and not known.active:
                self._departures.changed(known, person, by=SOURCE)
        for person in leaving:
            self._departures.left(person, by=SOURCE)
        self._departures.resume()
        return len(leaving)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.once()
                self._state = "ok"
            except IntramuralError as error:
                if self._state != error.message:
                    _log.warning("directory: %s", error)
                self._state = error.message
            self._stop.wait(self._seconds)
