"""Streams tensors into one ONNX external data file (onnx.proto), aligned so that a loader can map them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import onnx
from onnx import TensorProto, helper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ALIGNMENT = 4096
"""Bytes. A page: tensors can be mapped in place."""

INLINE_BYTES = 256
"""Tensors up to this size stay inside the graph file, where shape inference can see them."""


@dataclass(frozen=True)
class StoredTensor:
    """Where the bytes of a tensor are, so that a second initializer can describe the same bytes in another shape."""

    location: str
    data_type: int
    offset: int
    length: int


class ExternalDataWriter:
    """Appends tensors to ``stream`` and makes the initializers that point to them.

    Args:
        stream: where the bytes go.
        location: the name of that file beside the graph.
        other: a writer of another file; tensors of the same name and size that it has stored are not stored again.
    """

    def __init__(self, stream: BinaryIO, location: str, *, other: ExternalDataWriter | None = None) -> None:
        self._stream = stream
        self._location = location
        self._offset = 0
        self._other = other
        self._stored: dict[str, StoredTensor] = {}

    def add(self, name: str, array: NDArray[Any]) -> tuple[TensorProto, StoredTensor | None]:
        """Store ``array``; returns its initializer, and where it lies unless it was small enough to stay inline."""
        array = np.ascontiguousarray(array)
        if array.nbytes <= INLINE_BYTES:
            return onnx.numpy_helper.from_array(array, name), None
        twin = self._other._stored.get(name) if self._other is not None else None
        if twin is not None and twin.length == array.nbytes:
            return self.view(name, twin, array.shape), twin
        padding = -self._offset % ALIGNMENT
        self._stream.write(b"\0" * padding)
        self._offset += padding
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        stored = self._stored[name] = StoredTensor(self._location, kind, self._offset, array.nbytes)
        self._stream.write(array.reshape(-1).view(np.uint8).data)
        self._offset += array.nbytes
        return self.view(name, stored, array.shape), stored

    def view(self, name: str, stored: StoredTensor, shape: Sequence[int]) -> TensorProto:
        """An initializer over bytes that are already in a file."""
        tensor = TensorProto(name=name, data_type=stored.data_type, data_location=TensorProto.EXTERNAL)
        tensor.dims.extend(shape)
        pairs = {"location": stored.location, "offset": str(stored.offset), "length": str(stored.length)}
        for key, value in pairs.items():
            tensor.external_data.add(key=key, value=value)
        return tensor
