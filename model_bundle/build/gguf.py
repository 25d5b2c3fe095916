"""Converts a GGUF file into a signed bundle, one weight at a time, and leaves nothing behind when it cannot."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import onnx

from model_bundle.build.decoder_config import DecoderConfig
from model_bundle.build.describe import describe_graph
from model_bundle.build.external_data import ExternalDataWriter
from model_bundle.build.gguf_model import GgufWeights, read_config, read_tokenizer
from model_bundle.build.gguf_reader import GgufFile
from model_bundle.build.graph import build_with
from model_bundle.build.quantize import Precision, quantize_columns, quantize_rows
from model_bundle.build.records import fits_records, to_records
from model_bundle.build.sign import sign_bundle
from model_bundle.digest import file_digest
from model_bundle.errors import ConversionError
from model_bundle.files import sync_directory
from model_bundle.manifest import (
    GRAPH_CONTRACT,
    OWN_CONTRACT,
    WIDE_GRAPH_NAME,
    Provenance,
    TokenizerDescription,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from model_bundle.build.graph_model import Element
    from model_bundle.build.weights import BlockWeight, Floats, RecordWeight, Weight
    from model_bundle.manifest import Manifest
    from model_bundle.signature import PrivateKey

CONVERTER = "intramural 0.1.0, GGUF to ONNX"
GRAPH_FILE = "decoder.onnx"
DATA_FILE = "decoder.onnx.data"
WIDE_DATA_FILE = WIDE_GRAPH_NAME + ".data"
TOKENIZER_FILE = "tokenizer.json"
TEMPLATE_FILE = "chat_template.jinja"
STAGING_PREFIX = ".converting-"


@dataclass(frozen=True)
class PrecisionPlan:
    """How each kind of weight is stored.

    Attributes:
        default: for every matrix that nothing else names.
        by_kind: overrides by the last part of a weight's name: ``embedding``, ``head``, ``qkv``, ``output``,
            ``gate``, ``up``, ``down``.
        sensitive: overrides both for matrices of a layer that the source file stored with six bits or more.
        wide: write a second graph, whose layers multiply int8 by int8, for prompts and batches.
        wide_blocks: kinds of matrices that stay as they are in that graph, too.
        element: type of everything that is computed; float16 is for devices, and has no second graph.
        records: use the appliance's own operators: the matrices of the layers whose size allows it in four bits as the
            source has them, attention over the cache, and a head of four bits beside the one of eight.
    """

    default: Precision
    by_kind: Mapping[str, Precision] = field(default_factory=dict)
    sensitive: Precision | None = None
    wide: bool = False
    wide_blocks: frozenset[str] = frozenset()
    element: Element = "float32"
    records: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_kind", MappingProxyType(dict(self.by_kind)))
        if self.wide and self.element != "float32":
            message = "A second graph for prompts is written in float32 only."
            raise ConversionError(message, cause=f"element type {self.element}")

    def precision(self, name: str, source_types: frozenset[str]) -> Precision:
        """What the matrix ``name`` is stored as."""
        if self.sensitive is not None and "." in name and source_types & {"Q6_K", "Q8_0", "F16", "BF16", "F32"}:
            return self.sensitive
        return self.by_kind.get(name.rpartition(".")[2], self.default)

    def labels(self) -> dict[str, str]:
        """For the manifest."""
        named = {kind: precision.label() for kind, precision in self.by_kind.items()}
        if self.sensitive is not None:
            named["layers stored with six bits or more"] = self.sensitive.label()
        if self.records:
            named["layers, and the head's first pass"] = "4 bits in blocks of 32, as in the source where it has Q4_K"
        if self.wide:
            named["second graph, for prompts and batches"] = "int8 by column, activations int8 by row"
        if self.element != "float32":
            named["activations, keys and values"] = self.element
        return {"default": self.default.label(), **named}


@dataclass(frozen=True)
class Source:
    """The file to convert and what is known about it."""

    path: Path
    model: str
    licence: str
    training_data: str
    quality: Mapping[str, str] = field(default_factory=dict)
    """What was measured of this very conversion; goes into the manifest."""


@dataclass(frozen=True)
class _QuantizedWeights:
    source: GgufWeights
    plan: PrecisionPlan
    on_weights: Callable[[int], None]
    outside_layers: dict[str, BlockWeight] = field(default_factory=dict)
    """Embedding and head, which a second graph shares."""

    def matrix(self, name: str) -> Weight:
        outputs, inputs = self.source.shape(name)
        if self.plan.records and "." in name and fits_records(outputs, inputs):
            self.on_weights(outputs * inputs)
            return self.coarse(name)
        precision = self.plan.precision(name, self.source.source_types(name))
        weight = quantize_rows(self.source.reader(name), outputs, inputs, precision)
        self.on_weights(outputs * inputs)
        if "." not in name:
            self.outside_layers[name] = weight
        return weight

    def coarse(self, name: str) -> RecordWeight:
        """Any matrix in records."""
        return to_records(self.source.affine_reader(name), *self.source.shape(name))

    def vector(self, name: str) -> Floats:
        return self.source.vector(name)


@dataclass(frozen=True)
class _WideWeights:
    first: _QuantizedWeights

    def coarse(self, name: str) -> RecordWeight:
        return self.first.coarse(name)

    def matrix(self, name: str) -> Weight:
        if "." not in name:
            return self.first.outside_layers[name]
        if name.rpartition(".")[2] in self.first.plan.wide_blocks:
            return self.first.matrix(name)
        outputs, inputs = self.first.source.shape(name)
        weight = quantize_columns(self.first.source.reader(name), outputs, inputs)
        self.first.on_weights(outputs * inputs)
        return weight

    def vector(self, name: str) -> Floats:
        return self.first.vector(name)


def convert_gguf(
    source: Source,
    target: Path,
    key: PrivateKey,
    *,
    name: str,
    version: int,
    plan: PrecisionPlan,
    on_weights: Callable[[int, int], None] = lambda _done, _total: None,
) -> Manifest:
    """Convert ``source`` into the new directory ``target``, which appears in one step when it is complete and on disk.

    ``on_weights`` is told how many weights are done and how many there are.

    Raises:
        SourceModelError: the file is corrupt or of a kind that cannot be converted.
        ConversionError: ``target`` exists, or it cannot be written; nothing is left behind.
    """
    if target.exists():
        message = f"{target.name} exists already."
        raise ConversionError(message, action="Choose another name or remove it.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=target.parent))
    except OSError as error:
        raise _unwritable(target, error) from error
    try:
        manifest = _convert_into(staging, source, key, name=name, version=version, plan=plan, on_weights=on_weights)
        staging.chmod(0o755)
        staging.rename(target)
        sync_directory(target.parent)
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return manifest


def _convert_into(
    staging: Path,
    source: Source,
    key: PrivateKey,
    *,
    name: str,
    version: int,
    plan: PrecisionPlan,
    on_weights: Callable[[int, int], None],
) -> Manifest:
    with GgufFile(source.path) as file:
        config = read_config(file)
        tokenizer = read_tokenizer(file, config.vocabulary)
        write_graph(GgufWeights(file, config), staging, plan, on_weights)
    (staging / TOKENIZER_FILE).write_text(tokenizer.tokenizer, encoding="utf-8")
    (staging / TEMPLATE_FILE).write_text(tokenizer.chat_template, encoding="utf-8")
    for path in staging.iterdir():
        _sync_file(path)
    return sign_bundle(
        staging,
        key,
        name=name,
        version=version,
        graph=describe_graph(
            config, GRAPH_FILE, element=plan.element, contract=OWN_CONTRACT if plan.records else GRAPH_CONTRACT
        ),
        tokenizer=TokenizerDescription(TOKENIZER_FILE, TEMPLATE_FILE, tokenizer.eos_token_ids, tokenizer.bos_token_id),
        provenance=Provenance(
            model=source.model,
            source_file_sha256=file_digest(source.path),
            source_file_bytes=source.path.stat().st_size,
            licence=source.licence,
            training_data=source.training_data,
            customer_data=False,
            converter=CONVERTER,
            precision=plan.labels(),
        ),
        quality=source.quality,
    )


def write_graph(
    source: GgufWeights,
    folder: Path,
    plan: PrecisionPlan,
    on_weights: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Write the quantised graph and its weights into ``folder``.

    Raises:
        SourceModelError: a weight is missing or has the wrong shape.
        ConversionError: a weight cannot be quantised as planned.
        OSError: a file cannot be written.
    """
    total, done = matrix_weights(source.config) + (layer_weights(source.config) if plan.wide else 0), 0

    def count(weights: int) -> None:
        nonlocal done
        done += weights
        on_weights(done, total)

    weights = _QuantizedWeights(source, plan, count)
    with (folder / DATA_FILE).open("wb") as data:
        writer = ExternalDataWriter(data, DATA_FILE)
        model = build_with(source.config, weights, writer, element=plan.element, own=plan.records)
        onnx.save_model(model, folder / GRAPH_FILE)
    if plan.wide:
        with (folder / WIDE_DATA_FILE).open("wb") as data:
            second = ExternalDataWriter(data, WIDE_DATA_FILE, other=writer)
            onnx.save_model(build_with(source.config, _WideWeights(weights), second), folder / WIDE_GRAPH_NAME)


def layer_weights(config: DecoderConfig) -> int:
    """Number of weights in the matrices of all layers."""
    return config.layers * config.hidden * (config.qkv_rows + config.attention_width + 3 * config.ffn)


def matrix_weights(config: DecoderConfig) -> int:
    """Number of weights in all matrices."""
    return layer_weights(config) + config.vocabulary * config.hidden * (1 if config.tied_head else 2)


def _sync_file(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _unwritable(target: Path, error: OSError) -> ConversionError:
    message = f"The bundle {target.name} could not be written."
    return ConversionError(message, cause=str(error), action="Check the free disk space and the folder's permissions.")
