"""A file tree as a value: what codegen returns and what the verifier, the version store and the sandbox take."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from appliance.core.errors import IntramuralError


class UnsafePath(IntramuralError):  # noqa: N818
    """A path in a tree would leave the tree."""

    code = "unsafe_path"


@dataclass(frozen=True)
class FileTree:
    """Relative POSIX paths to bytes. Order is that of the paths, so equal trees have equal digests.

    Raises:
        UnsafePath: a path is absolute, empty, or has ``.``/``..`` segments.
    """

    files: Mapping[str, bytes]

    def __post_init__(self) -> None:
        for path in self.files:
            parts = PurePosixPath(path).parts
            if not parts or path.startswith("/") or ".." in parts or "\\" in path or str(PurePosixPath(path)) != path:
                message = f"The path {path!r} is not allowed in a file tree."
                raise UnsafePath(message, action="Use relative paths with forward slashes.")
        object.__setattr__(self, "files", MappingProxyType(dict(sorted(self.files.items()))))

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        return iter(self.files.items())

    def __len__(self) -> int:
        return len(self.files)

    def text(self, path: str) -> str:
        """The UTF-8 text of one file."""
        return self.files[path].decode()

    def digest(self) -> str:
        """SHA-256 (hex) over every path and content, each with its length before it."""
        sha = hashlib.sha256()
        for path, content in self:
            name = path.encode()
            sha.update(len(name).to_bytes(8, "big") + name + len(content).to_bytes(8, "big") + content)
        return sha.hexdigest()

    def write_to(self, folder: Path) -> None:
        """Write every file below ``folder``, which is created; existing files with other names are left alone."""
        for path, content in self:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
