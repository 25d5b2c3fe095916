"""Products of int8 weights with int8 activations (W8A8): every row of the activations has a scale of its own.

A row is a token's values, or a group of them, so one token's outliers never change the figures of another, which
matters in a batch of several conversations; ``DynamicQuantizeMatMul`` has one scale for the whole tensor and is not
used for that reason. Codes are unsigned with zero point 128, because the kernels of x86 multiply unsigned by signed
bytes (VPDPBUSD). Operators: ONNX ``QuantizeLinear`` along axis 0, and ``MatMulIntegerToFloat`` of ONNX Runtime's
ContribOperators.md, which also applies the scales of the weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from onnx import TensorProto, helper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from model_bundle.build.weights import ColumnWeight

_TOP = 127.0
_SMALLEST = 1e-8
"""Of a row's largest value: a row of zeros must not be divided by zero."""


class _Node(Protocol):
    def __call__(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str: ...


class _Split(Protocol):
    def __call__(self, value: str, outputs: list[str]) -> list[str]: ...


class _Constant(Protocol):
    def __call__(self, name: str, array: NDArray[Any]) -> str: ...


class RowQuantizedMatMul:
    """Adds the nodes of such products to a graph through the functions that it is given.

    The results are flat, ``[tokens, outputs]``, whatever the shape of the activations.
    """

    def __init__(self, node: _Node, split: _Split, constant: _Constant) -> None:
        self._node = node
        self._split = split
        self._constant = constant
        self._flat: set[str] = set()
        self._shapes: set[str] = set()
        self._quantized: dict[str, list[tuple[str, str]]] = {}
        self._prepared = False

    def is_flat(self, value: str) -> bool:
        """Whether ``value`` came from :meth:`product`."""
        return value in self._flat

    def product(self, prefix: str, value: str, weight: ColumnWeight, *, bias: str = "") -> str:
        """The name of ``value @ weight + bias``, ``[tokens, outputs]``."""
        self._prepare()
        terms = []
        for group, (codes, scale) in enumerate(self._rows(value, *weight.values.shape[:2])):
            name = f"{prefix}.{group}"
            operands = [
                codes,
                self._constant(f"{name}.columns", weight.values[group]),
                "rows.one",
                self._constant(f"{name}.column_scales", weight.scales[group]),
                "rows.zero",
            ]
            raw = self._node("MatMulIntegerToFloat", operands, f"{name}.raw", domain="com.microsoft")
            terms.append(self._node("Mul", [raw, scale], f"{name}.term"))
        if bias:
            terms.append(bias)
        product = self._node("Sum", terms, f"{prefix}.product") if len(terms) > 1 else terms[0]
        self._flat.add(product)
        return product

    def flatten(self, value: str, width: int) -> str:
        """``[tokens, width]``, as the results are."""
        return self._node("Reshape", [value, self._shape(-1, width)], f"{value}.flat")

    def unflatten(self, value: str, width: int) -> str:
        """``[rows, tokens per row, width]`` again, as the graph's input has it."""
        name = f"rows.input.{width}"
        if name not in self._shapes:
            self._shapes.add(name)
            shape = self._node("Shape", ["input_ids"], f"{name}.first")
            self._node("Concat", [shape, self._shape(width)], name, axis=0)
        return self._node("Reshape", [value, name], f"{value}.unflat")

    def _rows(self, value: str, groups: int, width: int) -> list[tuple[str, str]]:
        """For each group the codes ``[tokens, width]`` of ``value`` and their scales ``[tokens, 1]``; made once."""
        if value not in self._quantized:
            flat = self._node("Reshape", [value, self._shape(-1, width)], f"{value}.rows")
            size = self._node("Abs", [flat], f"{value}.size")
            largest = self._node("ReduceMax", [size, "rows.axis"], f"{value}.largest", keepdims=1)
            bounded = self._node("Max", [largest, "rows.smallest"], f"{value}.bounded")
            scale = self._node("Mul", [bounded, "rows.step"], f"{value}.scale")
            scales = self._node("Reshape", [scale, self._shape(-1)], f"{value}.scales")
            count = self._node("Shape", [scales], f"{value}.count")
            middle = helper.make_tensor("middle", TensorProto.UINT8, [1], [128])
            zeros = self._node("ConstantOfShape", [count], f"{value}.zeros", value=middle)
            codes = self._node("QuantizeLinear", [flat, scales, zeros], f"{value}.codes", axis=0)
            self._quantized[value] = [(codes, scale)]
            if groups > 1:
                wide = self._node("Reshape", [codes, self._shape(-1, groups * width)], f"{value}.codes.wide")
                steps = self._node("Reshape", [scale, self._shape(-1, groups)], f"{value}.scale.wide")
                parts = [
                    self._split(source, [f"{source}.{group}" for group in range(groups)]) for source in (wide, steps)
                ]
                self._quantized[value] = list(zip(*parts, strict=True))
        return self._quantized[value]

    def _shape(self, *sizes: int) -> str:
        name = "rows.shape." + ".".join(map(str, sizes))
        if name not in self._shapes:
            self._shapes.add(name)
            self._constant(name, np.array(sizes, dtype=np.int64))
        return name

    def _prepare(self) -> None:
        if self._prepared:
            return
        self._prepared = True
        self._constant("rows.one", np.array(1, dtype=np.float32))
        self._constant("rows.zero", np.array(128, dtype=np.uint8))
        self._constant("rows.axis", np.array([-1], dtype=np.int64))
        self._constant("rows.smallest", np.array(_SMALLEST, dtype=np.float32))
        self._constant("rows.step", np.array(1 / _TOP, dtype=np.float32))
