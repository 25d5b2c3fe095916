"""Uploads: checked by size and kind, stored under a random name, served so that a browser cannot be fooled by them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from .language import Said
from .pixels import MAX_PIXELS, size_of
from .records import StoredFile

if TYPE_CHECKING:
    from sqlmodel import Session

MAX_FILE_BYTES: Final = 20 * 1024 * 1024
MAX_IMAGE_BYTES: Final = 10 * 1024 * 1024
MAX_FILENAME: Final = 120

_IMAGE_SIGNATURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
IMAGE_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
FILE_TYPES: Final = {
    ".csv": "text/csv",
    ".doc": "application/msword",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".eml": "message/rfc822",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".md": "text/markdown",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".ppt": "application/vnd.ms-powerpoint",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".rtf": "application/rtf",
    ".txt": "text/plain",
    ".webp": "image/webp",
    ".xls": "application/vnd.ms-excel",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xml": "application/xml",
    ".zip": "application/zip",
}
_SHOWN_INLINE: Final = IMAGE_TYPES | {"application/pdf", "text/plain"}


class UploadRefused(Said):
    """The upload is too large or of a kind that is not taken; the message is for the person."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came with a form."""

    filename: str
    content: bytes


def check(upload: Upload, *, image: bool) -> str:
    """The content type under which the file is kept.

    Raises:
        UploadRefused: too large, empty, or not of a kind that is taken.
    """
    limit = MAX_IMAGE_BYTES if image else MAX_FILE_BYTES
    if not upload.content:
        raise UploadRefused("The file is empty. Choose another one.")
    if len(upload.content) > limit:
        raise UploadRefused("The file is larger than {limit} MB. Choose a smaller one.", limit=limit // 1024 // 1024)
    found = image_type(upload.content)
    if image:
        if found is None:
            raise UploadRefused("This is not a picture. Choose a PNG, JPEG, GIF or WebP file.")
        _check_pixels(upload.content)
        return found
    suffix = PurePosixPath(upload.filename.lower()).suffix
    declared = FILE_TYPES.get(suffix)
    if declared is None:
        kinds = ", ".join(ending[1:] for ending in sorted(FILE_TYPES))
        raise UploadRefused("Files of this kind are not taken. These are: {kinds}.", kinds=kinds)
    if declared in IMAGE_TYPES and found != declared:
        raise UploadRefused("The file's name says that it is a picture, but it is not one.")
    return declared


def _check_pixels(content: bytes) -> None:
    """A small file can unfold to a picture that no browser can hold; thumbnails show the picture itself."""
    size = size_of(content)
    if size is not None and size[0] * size[1] > MAX_PIXELS:
        limit = MAX_PIXELS // 1_000_000
        raise UploadRefused("The picture has more than {limit} million pixels. Choose a smaller one.", limit=limit)


def image_type(content: bytes) -> str | None:
    """The type of a picture by its first bytes, or None."""
    for signature, name in _IMAGE_SIGNATURES:
        if content.startswith(signature):
            return name
    return "image/webp" if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else None


class FileStore:
    """Files of this app, in one folder. The bytes reach the disk before the row that names them is committed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, session: Session, upload: Upload, *, image: bool, by: int | None) -> StoredFile:
        """Check and keep an upload.

        Raises:
            UploadRefused: see :func:`check`.
        """
        content_type = check(upload, image=image)
        key = secrets.token_hex(20)
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(upload.content)
        name = PurePosixPath(upload.filename.replace("\\", "/")).name or "file"
        stored = StoredFile(
            key=key, filename=name[-MAX_FILENAME:], content_type=content_type, size=len(upload.content), created_by=by
        )
        session.add(stored)
        session.flush()
        return stored

    def path(self, key: str) -> Path:
        """Where a file lies."""
        return self._folder / key[:2] / key

    def forget(self, session: Session, key: str) -> None:
        """Remove a file's row, then its bytes; missing bytes are no error."""
        if (stored := session.get(StoredFile, key)) is not None:
            session.delete(stored)
        self.path(key).unlink(missing_ok=True)


def disposition(content_type: str) -> str:
    """Shown in the browser if that is safe, else offered for saving."""
    return "inline" if content_type in _SHOWN_INLINE else "attachment"
