"""What one engine may use, and where; known to whoever starts a worker, without loading what computes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Device(StrEnum):
    """Where a model runs; the values are those of ``model.device`` and of ONNX Runtime's device names."""

    CPU = "cpu"
    CUDA = "cuda"

    @property
    def provider(self) -> str:
        """ONNX Runtime's execution provider."""
        return _PROVIDERS[self]


class ExecutorKind(StrEnum):
    """What runs the model; the values are those of ``model.executor``."""

    ONNXRUNTIME = "onnxruntime"
    GENAI = "genai"


_PROVIDERS: Final = {Device.CPU: "CPUExecutionProvider", Device.CUDA: "CUDAExecutionProvider"}


@dataclass(frozen=True)
class EngineLimits:
    """What one engine may use.

    Attributes:
        threads: 0 means one per physical core that this process may use.
        context_tokens: length of a conversation; lowered to what the model was made for.
        prefill_chunk: tokens per prefill step.
        slots: conversations that are computed together; memory for their keys and values is taken as they grow.
        device: where it runs; never anywhere else.
        drafts: guess tokens that were said before and verify several in one step; changes no text.
        executor: the library that runs it; never another.
    """

    threads: int = 0
    context_tokens: int = 4096
    prefill_chunk: int = 512
    slots: int = 8
    drafts: bool = True
    device: Device = Device.CPU
    executor: ExecutorKind = ExecutorKind.ONNXRUNTIME
