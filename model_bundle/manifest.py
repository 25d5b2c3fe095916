"""What a bundle says about itself: the signed ``manifest.json``, read strictly and written canonically (RFC 8785)."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, TypeVar

import rfc8785

from model_bundle.errors import InvalidManifest

FORMAT = "intramural-model-bundle/1"
GRAPH_CONTRACT = "decoder/1"
"""Inputs, outputs and their meaning as ``model_bundle.build.graph`` documents them."""

CACHE_TYPES: Final[Mapping[str, int]] = MappingProxyType({"float32": 4, "float16": 2})
"""Element types of cache and logits, with their bytes."""
OWN_CONTRACT = "decoder/2"
"""The same inputs and outputs; the graph has operators of ``model_bundle.kernels``."""

WIDE_GRAPH_NAME = "decoder-wide.onnx"
"""A bundle may have a second graph of the same contract over the same weights, for steps of many tokens."""

MANIFEST_NAME = "manifest.json"
SIGNATURE_NAME = "manifest.sig.json"
MAX_MANIFEST_BYTES = 256 * 1024
MAX_FILES = 256
MAX_FILE_BYTES = 1 << 40
MAX_QUALITY = 24
MAX_QUALITY_TEXT = 200

_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_BUNDLE_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,79}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_T = TypeVar("_T")


@dataclass(frozen=True)
class FileEntry:
    """One file of the bundle: lower-case hex SHA-256 and size in bytes."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class GraphDescription:
    """What the engine must know before it opens the graph."""

    contract: str
    file: str
    architecture: str
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    context_length: int
    """Tokens that the model was made for and rotary tables exist for."""
    cache_type: str
    """Element type of the key/value cache and of the logits."""

    @property
    def cache_bytes_per_token(self) -> int:
        """Bytes that one token occupies in the key/value cache."""
        return self.layers * 2 * self.kv_heads * self.head_dim * CACHE_TYPES[self.cache_type]


@dataclass(frozen=True)
class TokenizerDescription:
    """Files and ids that turn chats into tokens and back."""

    file: str
    chat_template_file: str
    eos_token_ids: tuple[int, ...]
    """Any of these ends the assistant's turn."""
    bos_token_id: int | None
    """Put before every prompt, or None."""


@dataclass(frozen=True)
class Provenance:
    """Where the weights come from and what was done to them."""

    model: str
    source_file_sha256: str
    source_file_bytes: int
    licence: str
    training_data: str
    customer_data: bool
    """Whether data of the customer was used to make the weights."""
    converter: str
    precision: Mapping[str, str]
    """How each kind of weight is stored."""


@dataclass(frozen=True)
class Manifest:
    """Everything that is signed.

    ``version`` counts up with each bundle of one ``name``; a machine refuses versions below its floor.
    """

    format: str
    name: str
    version: int
    minimum_appliance: str
    files: Mapping[str, FileEntry]
    graph: GraphDescription
    tokenizer: TokenizerDescription
    provenance: Provenance
    quality: Mapping[str, str] = field(default_factory=dict)
    """What was measured of the model, by name, each with its unit and on what; left out of the bytes when empty."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", MappingProxyType(dict(self.files)))
        object.__setattr__(self, "quality", MappingProxyType(dict(self.quality)))
        object.__setattr__(
            self,
            "provenance",
            dataclasses.replace(self.provenance, precision=MappingProxyType(dict(self.provenance.precision))),
        )
        _check(self)

    def to_bytes(self) -> bytes:
        """The canonical bytes: what is stored and what is signed."""
        return rfc8785.dumps(_plain(self))


def parse_manifest(content: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        InvalidManifest: too large, not canonical JSON, unknown or missing keys, or values out of range.
    """
    if len(content) > MAX_MANIFEST_BYTES:
        raise _invalid(f"it is larger than {MAX_MANIFEST_BYTES} bytes")
    try:
        document = json.loads(content)
        manifest = _build(Manifest, document, "manifest")
        canonical = manifest.to_bytes()
    except (ValueError, RecursionError, rfc8785.CanonicalizationError) as error:
        raise _invalid(str(error)) from error
    if canonical != content:
        raise _invalid("it is not in canonical form (RFC 8785)")
    return manifest


def _check(manifest: Manifest) -> None:
    """Refuse values that no honest bundle has."""
    if manifest.format != FORMAT:
        raise _invalid(f"its format is {manifest.format!r}, not {FORMAT!r}")
    if not _BUNDLE_NAME.fullmatch(manifest.name) or manifest.version < 1:
        raise _invalid("its name or version is out of range")
    if not 1 <= len(manifest.files) <= MAX_FILES:
        raise _invalid("it lists no files, or too many")
    for name, entry in manifest.files.items():
        if not _FILE_NAME.fullmatch(name) or name in (MANIFEST_NAME, SIGNATURE_NAME):
            raise _invalid(f"the file name {name!r} is not allowed")
        if not _SHA256.fullmatch(entry.sha256) or not 0 <= entry.bytes <= MAX_FILE_BYTES:
            raise _invalid(f"the entry of {name!r} is out of range")
    graph, tokenizer = manifest.graph, manifest.tokenizer
    for name in (graph.file, tokenizer.file, tokenizer.chat_template_file):
        if name not in manifest.files:
            raise _invalid(f"it refers to {name!r}, which it does not list")
    sizes = (graph.layers, graph.heads, graph.kv_heads, graph.head_dim, graph.vocabulary, graph.context_length)
    if (
        graph.contract not in (GRAPH_CONTRACT, OWN_CONTRACT)
        or graph.cache_type not in CACHE_TYPES
        or min(sizes) < 1
        or max(sizes) > 1 << 24
    ):
        raise _invalid("its graph description is not one that this version runs")
    told = [*manifest.quality, *manifest.quality.values()]
    if len(manifest.quality) > MAX_QUALITY or any(not 0 < len(text) <= MAX_QUALITY_TEXT for text in told):
        raise _invalid("what it says of its quality is out of range")
    ids = (*tokenizer.eos_token_ids, *(() if tokenizer.bos_token_id is None else (tokenizer.bos_token_id,)))
    if not tokenizer.eos_token_ids or any(not 0 <= token < graph.vocabulary for token in ids):
        raise _invalid("its token ids are outside the vocabulary")


def _plain(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        named = {one.name: _plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
        return {name: plain for name, plain in named.items() if plain or name not in _OPTIONAL}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


_NESTED: dict[str, type[Any]] = {
    "graph": GraphDescription,
    "tokenizer": TokenizerDescription,
    "provenance": Provenance,
}
_OPTIONAL: Final = frozenset({"quality"})
"""Members that bundles of before do not have."""
_KINDS: dict[str, type[Any]] = {"str": str, "int": int, "bool": bool}


def _build(kind: type[_T], document: object, where: str) -> _T:
    """An instance of the dataclass ``kind`` from parsed JSON; exact keys, exact types."""
    names = {one.name: str(one.type) for one in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if not isinstance(document, dict) or set(document) | (_OPTIONAL & set(names)) != set(names):
        found = sorted(document) if isinstance(document, dict) else type(document).__name__
        raise _invalid(f"{where} must have exactly the keys {sorted(names)}, found {found}")
    return kind(
        **{
            name: _value(name, annotation, document[name], where)
            for name, annotation in names.items()
            if name in document
        }
    )


def _value(name: str, annotation: str, value: Any, where: str) -> Any:
    where = f"{where}.{name}"
    if name in _NESTED:
        return _build(_NESTED[name], value, where)
    if annotation.startswith("Mapping"):
        if not isinstance(value, dict):
            raise _invalid(f"{where} must be an object")
        if annotation == "Mapping[str, FileEntry]":
            return {key: _build(FileEntry, item, f"{where}[{key!r}]") for key, item in value.items()}
        return {key: _scalar("str", item, f"{where}[{key!r}]") for key, item in value.items()}
    if annotation == "tuple[int, ...]":
        if not isinstance(value, list):
            raise _invalid(f"{where} must be a list")
        return tuple(_scalar("int", item, where) for item in value)
    if annotation.endswith("| None"):
        return None if value is None else _scalar(annotation.removesuffix("| None").strip(), value, where)
    return _scalar(annotation, value, where)


def _scalar(annotation: str, value: Any, where: str) -> Any:
    if type(value) is not _KINDS[annotation]:
        raise _invalid(f"{where} must be of type {annotation}")
    return value


def _invalid(cause: str) -> InvalidManifest:
    message = "The bundle's manifest cannot be used."
    return InvalidManifest(message, cause=cause, action="Use a bundle made for this version of the appliance.")
