"""Strict reader of GGUF version 3 files (ggml/docs/gguf.md): mapped, and no length in it is believed unchecked."""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np

from model_bundle.build.gguf_types import TENSOR_TYPES, TensorType
from model_bundle.errors import SourceModelError

if TYPE_CHECKING:
    from pathlib import Path

    from model_bundle.build.weights import Bytes, Floats

MAGIC = b"GGUF"
VERSION = 3
MAX_KEYS = 1024
MAX_TENSORS = 8192
MAX_DIMENSIONS = 4
MAX_KEY_BYTES = 256
MAX_STRING_BYTES = 1 << 20
MAX_ARRAY_ITEMS = 1 << 21
MAX_ELEMENTS = 1 << 36

Value: TypeAlias = str | int | float | bool | list[str] | list[int] | list[float] | list[bool]

_SCALARS: dict[int, tuple[str, type[Any]]] = {
    0: ("<u1", int),
    1: ("<i1", int),
    2: ("<u2", int),
    3: ("<i2", int),
    4: ("<u4", int),
    5: ("<i4", int),
    6: ("<f4", float),
    7: ("<u1", bool),
    10: ("<u8", int),
    11: ("<i8", int),
    12: ("<f8", float),
}
_STRING = 8
_ARRAY = 9


@dataclass(frozen=True)
class TensorInfo:
    """One tensor: ``shape`` in row-major order (outputs first), ``offset`` and ``length`` in bytes from the start."""

    name: str
    kind: TensorType
    shape: tuple[int, ...]
    offset: int
    length: int


class GgufFile:
    """An open file: ``metadata`` by key, ``tensors`` by name. Use as a context manager.

    Raises:
        SourceModelError: not a GGUF version 3 file, truncated, inconsistent, or beyond the limits above.
    """

    metadata: Mapping[str, Value]
    tensors: Mapping[str, TensorInfo]

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as stream:
                self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            message = f"The model file {path.name} cannot be read."
            raise SourceModelError(
                message, cause=str(error), action="Check the path and fetch the file again."
            ) from error
        try:
            cursor = _Cursor(self._map)
            self.metadata, infos = _read_header(cursor)
            self.tensors = MappingProxyType(_locate(infos, cursor.position, self.metadata, len(self._map)))
        except BaseException:
            self._map.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._map.close()

    def rows(self, info: TensorInfo, start: int, end: int) -> Floats:
        """Rows ``start`` to ``end`` of the tensor, seen as ``[rows, last dimension]``, in float32."""
        return info.kind.rows(self.raw_rows(info, start, end))

    def raw_rows(self, info: TensorInfo, start: int, end: int) -> Bytes:
        """The same rows as they are stored: uint8 ``[rows, bytes of a row]``."""
        width = info.length // math.prod(info.shape[:-1])
        content = self._map[info.offset + start * width : info.offset + end * width]
        return np.frombuffer(content, dtype=np.uint8).reshape(end - start, width)

    def dense(self, info: TensorInfo) -> Floats:
        """The whole tensor in float32 and in its shape."""
        return self.rows(info, 0, math.prod(info.shape[:-1])).reshape(info.shape)


class _Cursor:
    """Reads little-endian values and never past the end."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content = content
        self.position = 0

    def take(self, count: int) -> bytes:
        end = self.position + count
        if count < 0 or end > len(self._content):
            raise corrupt(f"it ends inside the header, at byte {len(self._content)}")
        chunk = self._content[self.position : end]
        self.position = end
        return chunk

    def number(self, layout: str) -> Any:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def count(self, limit: int, what: str) -> int:
        value: int = self.number("<Q")
        if value > limit:
            raise corrupt(f"{what} is {value}, more than {limit}")
        return value

    def text(self, limit: int) -> str:
        content = self.take(self.count(limit, "the length of a string"))
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise corrupt(f"a string is not UTF-8: {error}") from error


def _read_header(cursor: _Cursor) -> tuple[Mapping[str, Value], list[tuple[str, tuple[int, ...], int, int]]]:
    if cursor.take(4) != MAGIC:
        raise corrupt("it does not start with the GGUF signature")
    if (version := cursor.number("<I")) != VERSION:
        raise corrupt(f"its version is {version}; only {VERSION} is read")
    tensor_count = cursor.count(MAX_TENSORS, "the number of tensors")
    key_count = cursor.count(MAX_KEYS, "the number of metadata keys")
    metadata: dict[str, Value] = {}
    for _ in range(key_count):
        key = cursor.text(MAX_KEY_BYTES)
        if key in metadata:
            raise corrupt(f"the key {key!r} occurs twice")
        metadata[key] = _read_value(cursor, cursor.number("<I"))
    infos = [_read_info(cursor) for _ in range(tensor_count)]
    return MappingProxyType(metadata), infos


def _read_value(cursor: _Cursor, kind: int) -> Value:
    if kind == _STRING:
        return cursor.text(MAX_STRING_BYTES)
    if kind == _ARRAY:
        item_kind: int = cursor.number("<I")
        length = cursor.count(MAX_ARRAY_ITEMS, "the length of an array")
        if item_kind == _STRING:
            return [cursor.text(MAX_STRING_BYTES) for _ in range(length)]
        layout, _ = _scalar(item_kind)
        content = np.frombuffer(cursor.take(length * np.dtype(layout).itemsize), dtype=layout)
        values: list[Any] = (content != 0).tolist() if item_kind == 7 else content.tolist()
        return values
    layout, python = _scalar(kind)
    value: Value = python(np.frombuffer(cursor.take(np.dtype(layout).itemsize), dtype=layout)[0])
    return value


def _scalar(kind: int) -> tuple[str, type[Any]]:
    if kind not in _SCALARS:
        raise corrupt(f"it has a metadata value of the unknown or nested type {kind}")
    return _SCALARS[kind]


def _read_info(cursor: _Cursor) -> tuple[str, tuple[int, ...], int, int]:
    name = cursor.text(MAX_KEY_BYTES)
    dimensions: int = cursor.number("<I")
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise corrupt(f"the tensor {name!r} has {dimensions} dimensions")
    shape = tuple(cursor.number("<Q") for _ in range(dimensions))
    kind, offset = cursor.number("<I"), cursor.number("<Q")
    return name, shape[::-1], kind, offset


def _locate(
    infos: list[tuple[str, tuple[int, ...], int, int]], header_end: int, metadata: Mapping[str, Value], size: int
) -> dict[str, TensorInfo]:
    """Absolute positions, all inside the file and not overlapping."""
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 8 <= alignment <= 65536 or alignment & (alignment - 1):
        raise corrupt(f"its alignment is {alignment!r}")
    start = header_end + -header_end % alignment
    tensors: dict[str, TensorInfo] = {}
    for name, shape, kind_id, offset in infos:
        kind = TENSOR_TYPES.get(kind_id)
        if kind is None:
            message = f"The tensor {name!r} is stored in a form that cannot be converted (type {kind_id})."
            supported = ", ".join(sorted(known.name for known in TENSOR_TYPES.values()))
            raise SourceModelError(message, action=f"Use a model file with tensors of these types: {supported}.")
        elements = math.prod(shape)
        if name in tensors or not 0 < elements <= MAX_ELEMENTS or shape[-1] % kind.block_elements or offset % alignment:
            raise corrupt(f"the tensor {name!r} is listed twice, is misaligned or has the impossible shape {shape}")
        length = elements // kind.block_elements * kind.block_bytes
        if start + offset + length > size:
            raise corrupt(f"the tensor {name!r} ends at byte {start + offset + length}, the file at byte {size}")
        tensors[name] = TensorInfo(name, kind, shape, start + offset, length)
    end = 0
    for tensor in sorted(tensors.values(), key=lambda item: item.offset):
        if tensor.offset < end:
            raise corrupt(f"the tensor {tensor.name!r} overlaps another")
        end = tensor.offset + tensor.length
    return tensors


def corrupt(cause: str) -> SourceModelError:
    """The error for a file that contradicts itself."""
    message = "The model file is corrupt, incomplete or not a GGUF file."
    return SourceModelError(message, cause=cause, action="Fetch the file again and compare its SHA-256.")
