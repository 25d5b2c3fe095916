"""Opens graphs in ONNX Runtime; whatever would not run as asked is refused, never run somewhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnxruntime as ort

from appliance.core.ports import GenerationFailed
from appliance.inference.limits import Device

if TYPE_CHECKING:
    from pathlib import Path


def require_provider(device: Device) -> None:
    """Look whether this ONNX Runtime can use the device at all.

    Raises:
        GenerationFailed: it cannot.
    """
    if device.provider not in ort.get_available_providers():
        raise _elsewhere(device, f"ONNX Runtime offers {', '.join(ort.get_available_providers())}")


def open_session(
    graph: Path, *, threads: int, device: Device = Device.CPU, operators: Path | None = None
) -> ort.InferenceSession:
    """Load the graph for latency at batch 1: all threads inside one operator, spinning between operators.

    ``operators``: the library of those that ONNX Runtime does not have.

    Raises:
        GenerationFailed: ONNX Runtime cannot load it, or would run any part of it on another device.
    """
    require_provider(device)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    if device is not Device.CPU:
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    options.log_severity_level = 3
    try:
        if operators is not None:
            options.register_custom_ops_library(str(operators))
        session = ort.InferenceSession(str(graph), options, providers=[device.provider])
    except Exception as error:  # the library raises many unrelated kinds
        message = "The model cannot be loaded."
        cause = " ".join(str(error).split())[:500]
        raise GenerationFailed(message, cause=cause, action="Verify the bundle or build it again.") from error
    if session.get_providers()[0] != device.provider:
        raise _elsewhere(device, f"providers {session.get_providers()}")
    return session


def _elsewhere(device: Device, cause: str) -> GenerationFailed:
    message = f"The model would not run on the requested device, {device.value}."
    action = "Set model.device to cpu."
    if device is Device.CUDA:
        action = "Install the extra 'gpu' (onnxruntime-gpu) and the driver, or set model.device to cpu."
    return GenerationFailed(message, cause=cause, action=action)
