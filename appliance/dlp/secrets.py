"""Secrets by a maintained rule set: Kingfisher (MongoDB, Apache-2.0), in-process, detection only.

It compiles its rules once for each machine (seconds) and keeps them in the user's cache folder. Nothing here ever uses
its validation or revocation, which would ask services outside.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from appliance.core.screening import Finding
from appliance.dlp.errors import NotReady
from appliance.dlp.schema import SECRET

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

READY_SECONDS: Final = 60.0
SCAN_SECONDS: Final = 5.0


class SecretRecognizer:
    """The library's rules, loaded on a thread of its own; :meth:`find` waits for that."""

    def __init__(self) -> None:
        self._scanner: Any = None
        self._problem = ""
        self._lock = threading.Lock()
        self._loaded = threading.Event()
        self._begun = False

    def start(self) -> None:
        """Begin to load; harmless when it has begun."""
        with self._lock:
            if self._begun:
                return
            self._begun = True
        threading.Thread(target=self._load, name="secret-rules", daemon=True).start()

    @property
    def state(self) -> str:
        """``ok``, ``getting ready``, or what is wrong."""
        if self._problem:
            return f"the secret rules cannot be used: {self._problem}"
        return "ok" if self._loaded.is_set() else "getting ready"

    def find(self, text: str, *, without: Collection[str] = ()) -> Iterator[Finding]:
        """Every secret that the library knows, ``without`` some of its rules.

        Raises:
            NotReady: the rules could not be loaded in time, or the text took too long.
        """
        self.start()
        if not self._loaded.wait(READY_SECONDS) or self._scanner is None:
            message = "The check for secrets is not ready, so nothing can be taken in."
            raise NotReady(message, cause=self._problem, action="Try again in a minute.")
        content = text.encode("utf-8", "replace")
        plain = len(content) == len(text)
        with self._lock:
            try:
                found = [(one.rule_id, one.location) for one in self._scanner.scan(content, timeout=SCAN_SECONDS)
                         if one.visible]  # fmt: skip
            except Exception as error:
                message = "The check for secrets did not finish, so this cannot be taken in."
                raise NotReady(message, cause=repr(error)[:200], action="Send less at once.") from error
        for rule, location in found:
            if rule in without:
                continue
            start, end = int(location["start_offset"]), int(location["end_offset"])
            if not plain:
                start = len(content[:start].decode("utf-8", "replace"))
                end = len(content[:end].decode("utf-8", "replace"))
            yield Finding(SECRET, start, end, rule)

    def _load(self) -> None:
        try:
            self._scanner = _library()
        except Exception as error:  # noqa: BLE001 - the boundary of the thread; find() says it
            self._problem = repr(error)[:200]
        self._loaded.set()


@cache
def _library() -> Any:
    """The library's rules, compiled; once for each process."""
    from kingfisher_sdk import Rules, Scanner  # noqa: PLC0415 - a large library, wanted on this thread only

    return Scanner(Rules(), dedup=False)
