"""Turns a directory into a :class:`VerifiedBundle`: the only thing that a loader accepts, and made nowhere else.

Steps, in this order; nothing of a later step is looked at before the earlier ones hold:

1. The directory holds regular files only, no links, no subdirectories, not too many.
2. The signature file parses, its key is trusted, and both signatures hold over the manifest's bytes.
3. The manifest parses strictly and is canonical.
4. Its version is not below the machine's floor, and the appliance is new enough.
5. The files in the directory are exactly the files that it lists.
6. Every file has the listed size and SHA-256.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from model_bundle.digest import file_digests
from model_bundle.errors import UntrustedBundle
from model_bundle.manifest import (
    MANIFEST_NAME,
    MAX_FILES,
    MAX_MANIFEST_BYTES,
    SIGNATURE_NAME,
    WIDE_GRAPH_NAME,
    Manifest,
    parse_manifest,
)
from model_bundle.signature import MAX_SIGNATURE_BYTES, check_signature, parse_signature

if TYPE_CHECKING:
    from pathlib import Path

    from model_bundle.trust_root import TrustRoot

APPLIANCE_VERSION: Final = "0.1.0"
"""What ``minimum_appliance`` is compared with."""

_VERIFIER: Final = object()


class VerifiedBundle:
    """A directory whose every byte is covered by a trusted signature, as of the moment of :func:`verify`.

    Attributes:
        directory: where it is.
        manifest: what was signed.
        digest: SHA-256 (hex) of the manifest's canonical bytes; names the whole bundle.
        key_id: who signed.
    """

    __slots__ = ("digest", "directory", "key_id", "manifest")

    directory: Path
    manifest: Manifest
    digest: str
    key_id: str

    def __init__(self, token: object, directory: Path, manifest: Manifest, digest: str, key_id: str) -> None:
        if token is not _VERIFIER:
            message = "only verify() makes a VerifiedBundle"
            raise TypeError(message)
        for name, value in (("directory", directory), ("manifest", manifest), ("digest", digest), ("key_id", key_id)):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        message = f"VerifiedBundle is frozen; cannot set {name}"
        raise AttributeError(message)

    def __repr__(self) -> str:
        return f"VerifiedBundle({self.manifest.name!r}, version {self.manifest.version}, {self.digest[:16]})"

    @property
    def graph_path(self) -> Path:
        """The ONNX graph; its weights lie beside it."""
        return self.directory / self.manifest.graph.file

    @property
    def wide_graph_path(self) -> Path | None:
        """The graph for steps of many tokens, if the bundle has one."""
        return self.directory / WIDE_GRAPH_NAME if WIDE_GRAPH_NAME in self.manifest.files else None

    @property
    def tokenizer_path(self) -> Path:
        """The ``tokenizer.json``."""
        return self.directory / self.manifest.tokenizer.file

    @property
    def chat_template_path(self) -> Path:
        """The Jinja chat template, UTF-8."""
        return self.directory / self.manifest.tokenizer.chat_template_file


@dataclass(frozen=True)
class SignedBundle:
    """What a trusted key says of a directory, whose large files nobody has read: for lists. No loader takes it."""

    directory: Path
    manifest: Manifest
    digest: str
    key_id: str

    @property
    def bytes(self) -> int:
        """Size of all files by the manifest."""
        return sum(entry.bytes for entry in self.manifest.files.values())


def read_signed(directory: Path, trust_root: TrustRoot, *, appliance_version: str = APPLIANCE_VERSION) -> SignedBundle:
    """Check all but the last step: who vouches for the directory, what for, and that nothing is missing or too much.

    Raises:
        UntrustedBundle, InvalidManifest: as for :func:`verify`.
    """
    try:
        return _signed(directory, trust_root, appliance_version)[0]
    except OSError as error:
        raise _untrusted("The bundle cannot be read.", str(error)) from error


def verify(directory: Path, trust_root: TrustRoot, *, appliance_version: str = APPLIANCE_VERSION) -> VerifiedBundle:
    """Check everything that the module's description lists.

    Raises:
        UntrustedBundle: the directory is not exactly what a trusted key signed, or is below the version floor.
        InvalidManifest: signed, but not in a form that this version reads.
    """
    try:
        signed, found = _signed(directory, trust_root, appliance_version)
        # 6. Every byte.
        _check_contents(signed.manifest, directory, found)
    except OSError as error:
        raise _untrusted("The bundle cannot be read.", str(error)) from error
    return VerifiedBundle(_VERIFIER, directory.resolve(), signed.manifest, signed.digest, signed.key_id)


def _signed(directory: Path, trust_root: TrustRoot, appliance_version: str) -> tuple[SignedBundle, dict[str, int]]:
    # 1. What is there.
    found = _regular_files(directory)
    # 2. Who vouches for it.
    content = _small_file(directory / MANIFEST_NAME, MAX_MANIFEST_BYTES)
    signature = parse_signature(_small_file(directory / SIGNATURE_NAME, MAX_SIGNATURE_BYTES))
    check_signature(signature, trust_root.key(signature.key_id), content)
    # 3. What it says.
    manifest = parse_manifest(content)
    # 4. Whether it is too old, or we are.
    _check_versions(manifest, trust_root, appliance_version)
    # 5. Nothing more, nothing less.
    _check_names(manifest, set(found) - {MANIFEST_NAME, SIGNATURE_NAME})
    return SignedBundle(directory, manifest, hashlib.sha256(content).hexdigest(), signature.key_id), found


def _regular_files(directory: Path) -> dict[str, int]:
    """Names and sizes."""
    found: dict[str, int] = {}
    with os.scandir(directory) as entries:
        for entry in entries:
            status = entry.stat(follow_symlinks=False)
            if not stat.S_ISREG(status.st_mode):
                raise _untrusted(f"The bundle contains {entry.name!r}, which is not a regular file.")
            found[entry.name] = status.st_size
            if len(found) > MAX_FILES + 2:
                raise _untrusted("The bundle contains too many files.")
    return found


def _small_file(path: Path, limit: int) -> bytes:
    with path.open("rb") as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise _untrusted(f"The bundle's {path.name} is too large.", f"limit {limit} bytes")
    return content


def _check_versions(manifest: Manifest, trust_root: TrustRoot, appliance_version: str) -> None:
    floor = trust_root.floors.get(manifest.name, 0)
    if manifest.version < floor:
        message = f"The bundle {manifest.name!r} is older than this machine accepts."
        raise _untrusted(message, f"version {manifest.version}, floor {floor}")
    if _version(manifest.minimum_appliance) > _version(appliance_version):
        message = (
            f"The bundle needs version {manifest.minimum_appliance} of the appliance; this is {appliance_version}."
        )
        raise UntrustedBundle(message, action="Upgrade the appliance, or use an older bundle.")


def _version(text: str) -> tuple[int, ...]:
    parts = text.split(".")
    if len(parts) > 4 or not all(part.isascii() and part.isdigit() and len(part) < 7 for part in parts):
        raise _untrusted("The bundle names an appliance version that cannot be read.", repr(text))
    return tuple(int(part) for part in parts)


def _check_names(manifest: Manifest, found: set[str]) -> None:
    listed = set(manifest.files)
    if missing := sorted(listed - found):
        raise _untrusted(f"The bundle lacks {missing[0]!r}.")
    if unlisted := sorted(found - listed):
        raise _untrusted(f"The bundle contains {unlisted[0]!r}, which its manifest does not list.")


def _check_contents(manifest: Manifest, directory: Path, found: dict[str, int]) -> None:
    for name, entry in manifest.files.items():
        if found[name] != entry.bytes:
            cause = f"{found[name]} bytes, {entry.bytes} expected"
            raise _untrusted(f"The bundle's {name!r} has the wrong size.", cause)
    digests = file_digests({name: directory / name for name in manifest.files})
    for name, entry in manifest.files.items():
        if digests[name] != entry.sha256:
            cause = f"SHA-256 {digests[name]}, {entry.sha256} expected"
            raise _untrusted(f"The bundle's {name!r} was changed.", cause)


def _untrusted(message: str, cause: str = "") -> UntrustedBundle:
    return UntrustedBundle(message, cause=cause, action="Do not use this bundle; fetch or convert the model again.")
