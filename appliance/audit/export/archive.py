"""One archive (ZIP) that proves itself: entries, the proof that they are all of a range, keys, and a verifier.

========================  =====================================================================
``manifest.json``         what is in here, with digests; the range, the checkpoint's size and root
``manifest.sig``          a signed note over the manifest's digest, by this log's export key
``checkpoint``            the tree head, with the log's signatures and every cosignature it had
``keys/log.vkeys``        the log's public keys; compare them with a copy from elsewhere
``keys/export.vkey``      the public export key; the leaf of ``act.json`` names it
``entries.jsonl``         ``{"entry":text,"index":n}``: every entry of the range, byte for byte
``range-proof.json``      roots of the subtrees before and after: hashing the entries gives the signed root
``act.json``              the leaf that announced this export, with its inclusion proof
``export.…``              the same entries in the format that was asked for
``bodies/<address>.json``  opened bodies with salt, or why there is none; only if asked for
``verify.py``             checks all of this with Python and ``cryptography`` alone
========================  =====================================================================
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.audit.errors import BodyDamaged, BodyGone
from appliance.audit.export.assemble import verifier
from appliance.audit.export.errors import ExportRefused
from appliance.audit.export.wording import compact
from appliance.audit.note import ED25519, Signature, VerifierKey
from appliance.audit.seal import Opened
from appliance.core.ports import SealedRef
from appliance.core.private_files import read_private, write_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from appliance.audit.export.formats import Format
    from appliance.audit.export.view import Entry, LogView
    from appliance.core.ports import LeafRef

MANIFEST_LABEL: Final = "intramural audit archive v1"
_TIME: Final = (2026, 1, 1, 0, 0, 0)
_EXPORT_SUFFIX: Final = "/export"


@dataclass(frozen=True)
class ExportKey:
    """Signs manifests. Not a key of the log: what it signs can never be taken for a checkpoint."""

    name: str
    secret: Ed25519PrivateKey = field(repr=False)

    @property
    def vkey(self) -> VerifierKey:
        """The public key."""
        return VerifierKey(self.name, ED25519, self.secret.public_key().public_bytes_raw())

    def sign(self, manifest: bytes) -> bytes:
        """The signed note over a manifest."""
        text = f"{MANIFEST_LABEL}\n{hashlib.sha256(manifest).hexdigest()}\n"
        line = Signature(self.name, self.vkey.key_id, self.secret.sign(text.encode())).line
        return f"{text}\n{line}".encode()


def load_or_make_export_key(path: Path, origin: str) -> ExportKey:
    """The key in ``path`` (mode 0600, the raw seed), made on first use. Raises PrivateFileError."""
    stored = read_private(path)
    if stored is None:
        stored = Ed25519PrivateKey.generate().private_bytes_raw()
        write_private(path, stored)
    try:
        return ExportKey(f"{origin}{_EXPORT_SUFFIX}", Ed25519PrivateKey.from_private_bytes(stored))
    except ValueError as error:
        message = "The key that signs exports is damaged."
        raise ExportRefused(
            message, cause=str(path), action="Remove it; a new one is made and named in the log."
        ) from (error)


@dataclass(frozen=True)
class Wanted:
    """What the archive shall hold. ``act`` is the leaf that announces the export."""

    start: int
    stop: int
    format: Format
    act: LeafRef
    by: str
    at: str
    open_body: Callable[[SealedRef], Opened] | None = None


def write_archive(out: BinaryIO, view: LogView, key: ExportKey, wanted: Wanted) -> dict[str, Any]:
    """Write the archive; returns its manifest. Entries go through once for each file, one bundle at a time in memory.

    Raises:
        ExportRefused: the range, or the leaf that announces the export, is not in the view.
        AuditCorrupt: the log is not as it was written.
        OSError: the archive cannot be written.
    """
    view.require(wanted.start, wanted.stop)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        files = _Files(archive)
        files.add("checkpoint", view.note)
        files.add("keys/log.vkeys", "".join(f"{one.text}\n" for one in view.keys).encode())
        files.add("keys/export.vkey", f"{key.vkey.text}\n".encode())
        files.add("act.json", _act(view, wanted.act.index))
        files.add("range-proof.json", _range_proof(view, wanted))
        with files.open("entries.jsonl") as stream:
            for entry in view.entries(wanted.start, wanted.stop):
                stream.write(f"{compact({'entry': entry.raw.decode(), 'index': entry.index})}\n".encode())
        with files.open(wanted.format.file) as stream:
            wanted.format.write(view.entries(wanted.start, wanted.stop), view, stream)
        if wanted.open_body is not None:
            for ref in _bodies(view.entries(wanted.start, wanted.stop)):
                files.add(f"bodies/{ref.address}.json", _body(ref, wanted.open_body))
        files.add("verify.py", verifier())
        manifest = {
            "act": wanted.act.index,
            "by": wanted.by,
            "created": wanted.at,
            "files": files.listed,
            "label": MANIFEST_LABEL,
            "origin": view.origin,
            "root": view.checkpoint.root.hex(),
            "size": view.size,
            "start": wanted.start,
            "stop": wanted.stop,
        }
        encoded = f"{compact(manifest)}\n".encode()
        _put(archive, "manifest.json", encoded)
        _put(archive, "manifest.sig", key.sign(encoded))
    return manifest


def sealed_refs(entry: Entry) -> Iterator[SealedRef]:
    """The sealed bodies that an entry names, wherever they stand in its details."""
    for value in entry.leaf.details.values():
        if isinstance(value, dict) and value.keys() == {"address", "digest", "kind", "subject"}:
            yield SealedRef(**{name: str(text) for name, text in value.items()})


class _Files:
    """Adds files and keeps the list for the manifest. What is not known beforehand goes through a file on disk."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.listed: list[dict[str, object]] = []

    def add(self, name: str, content: bytes) -> None:
        _put(self._archive, name, content)
        self._list(name, len(content), hashlib.sha256(content).hexdigest())

    def open(self, name: str) -> _Spool:
        return _Spool(self, name)

    def take(self, name: str, spooled: BinaryIO) -> None:
        spooled.seek(0)
        hashed = hashlib.sha256()
        for block in iter(lambda: spooled.read(1 << 20), b""):
            hashed.update(block)
        length = spooled.tell()
        spooled.seek(0)
        info = zipfile.ZipInfo(name, _TIME)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.file_size = length
        with self._archive.open(info, "w") as target:
            shutil.copyfileobj(spooled, target)
        self._list(name, length, hashed.hexdigest())

    def _list(self, name: str, length: int, digest: str) -> None:
        self.listed.append({"bytes": length, "name": name, "sha256": digest})


class _Spool:
    def __init__(self, files: _Files, name: str) -> None:
        self._files, self._name = files, name
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__

    def __enter__(self) -> BinaryIO:
        return self._file

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._files.take(self._name, self._file)
        self._file.close()


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, _TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, content)


def _act(view: LogView, index: int) -> bytes:
    entry = view.entry(index)
    proof = [one.hex() for one in view.proof(index)]
    return f"{compact({'entry': entry.raw.decode(), 'index': index, 'proof': proof})}\n".encode()


def _range_proof(view: LogView, wanted: Wanted) -> bytes:
    proof = view.range_proof(wanted.start, wanted.stop)
    left, right = [one.hex() for one in proof.left], [one.hex() for one in proof.right]
    content = {"left": left, "right": right, "size": proof.size, "start": proof.start, "stop": proof.stop}
    return f"{compact(content)}\n".encode()


def _bodies(entries: Iterator[Entry]) -> list[SealedRef]:
    return list({ref.address: ref for entry in entries for ref in sealed_refs(entry)}.values())


def _body(ref: SealedRef, open_body: Callable[[SealedRef], Opened]) -> bytes:
    content: dict[str, str] = {"address": ref.address, "digest": ref.digest, "kind": ref.kind, "subject": ref.subject}
    try:
        opened = open_body(ref)
        content |= {"body": base64.b64encode(opened.body).decode(), "salt": opened.salt.hex()}
    except (BodyGone, BodyDamaged) as error:
        content["absent"] = f"{error.message} {error.cause}"
    return f"{json.dumps(content, sort_keys=True)}\n".encode()
