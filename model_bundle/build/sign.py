"""Completes a directory into a bundle: lists its files in a manifest and signs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model_bundle.digest import file_digests
from model_bundle.files import write_durably
from model_bundle.manifest import (
    FORMAT,
    MANIFEST_NAME,
    SIGNATURE_NAME,
    FileEntry,
    GraphDescription,
    Manifest,
    Provenance,
    TokenizerDescription,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from model_bundle.signature import PrivateKey

MINIMUM_APPLIANCE = "0.1.0"


def sign_bundle(
    directory: Path,
    key: PrivateKey,
    *,
    name: str,
    version: int,
    graph: GraphDescription,
    tokenizer: TokenizerDescription,
    provenance: Provenance,
    quality: Mapping[str, str] | None = None,
) -> Manifest:
    """Write ``manifest.json`` and its signature over every file that is in ``directory`` now.

    Raises:
        InvalidManifest: a name or value is out of range.
        OSError: a file cannot be read or written.
    """
    paths = {path.name: path for path in directory.iterdir() if path.name not in (MANIFEST_NAME, SIGNATURE_NAME)}
    digests = file_digests(paths)
    manifest = Manifest(
        format=FORMAT,
        name=name,
        version=version,
        minimum_appliance=MINIMUM_APPLIANCE,
        files={name: FileEntry(digests[name], paths[name].stat().st_size) for name in sorted(paths)},
        graph=graph,
        tokenizer=tokenizer,
        provenance=provenance,
        quality=quality or {},
    )
    content = manifest.to_bytes()
    write_durably(directory / MANIFEST_NAME, content)
    write_durably(directory / SIGNATURE_NAME, key.sign(content))
    return manifest
