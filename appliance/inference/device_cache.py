"""The key/value arena in a device's memory: the same slots and cursors, bound by address, never copied to the host.

Rows stay where they are: slots are kept and rewound, but not copied, stored or restored, because ONNX Runtime's Python
interface has no copy of a part of a device tensor. A prefix is computed again there, which is what such a device is
quick at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnxruntime as ort

from appliance.inference.kv_cache import BoundCache, CacheShape, Place

if TYPE_CHECKING:
    from appliance.inference.limits import Device


class DeviceKvCache(BoundCache):
    """Slots in the memory of ``device``.

    Raises:
        RuntimeError: ONNX Runtime cannot allocate there.
    """

    def __init__(self, shape: CacheShape, *, slots: int, device: Device) -> None:
        super().__init__(shape, slots=slots)
        self._device = device
        sizes = [slots, shape.kv_heads, shape.max_len, shape.head_dim]
        self._tensors = [
            [ort.OrtValue.ortvalue_from_shape_and_type(sizes, shape.kind, device.value, 0) for _ in range(2)]
            for _ in range(shape.layers)
        ]

    def place(self, index: int, part: int, first: int, last: int) -> Place:
        """Where a layer's keys or values of some slots lie."""
        shape = self.shape
        slot = shape.max_len * shape.bytes_per_token // (2 * shape.layers)
        address = int(self._tensors[index][part].data_ptr()) + first * slot
        sizes = [last - first, shape.kv_heads, shape.max_len, shape.head_dim]
        return self._device.value, 0, shape.kind, sizes, address
