"""The archive as a container: files by name, nothing extracted to disk."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from typing import Any

from appliance.audit.export.standalone.notes import Broken, need

MAX_SMALL = 64 << 20
MAX_LINE = 1 << 20


class Archive:
    """Reads a file of the archive, whole or by lines; nothing is extracted to disk."""

    def __init__(self, path: str) -> None:
        self.zip = zipfile.ZipFile(path)
        names = [one.filename for one in self.zip.infolist()]
        need(len(names) == len(set(names)), "the archive holds two files of one name")
        self.names = set(names)

    def small(self, name: str) -> bytes:
        """A whole file of at most 64 MiB."""
        need(name in self.names, f"{name} is missing")
        need(self.zip.getinfo(name).file_size <= MAX_SMALL, f"{name} is too large")
        return self.zip.read(name)

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a file, each at most 1 MiB."""
        with self.zip.open(name) as stream:
            while True:
                line = stream.readline(MAX_LINE)
                if not line:
                    return
                need(line.endswith(b"\n"), f"{name}: a line is cut off or too long")
                yield line

    def object(self, name: str) -> dict[str, Any]:
        """A file that is one JSON object."""
        try:
            found: dict[str, Any] = json.loads(self.small(name))
        except ValueError as error:
            message = f"{name} is no JSON"
            raise Broken(message) from error
        need(isinstance(found, dict), f"{name} is no object")
        return found

    def sha256(self, name: str) -> str:
        """The digest of a file, in hex."""
        hashed = hashlib.sha256()
        with self.zip.open(name) as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                hashed.update(block)
        return hashed.hexdigest()
