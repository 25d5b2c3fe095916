"""Opens graphs in ONNX Runtime; whatever would not run as asked is refused, never run somewhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import onnxruntime as ort

from appliance.core.ports import GenerationFailed

if TYPE_CHECKING:
    from pathlib import Path

PROVIDER: Final = "CPUExecutionProvider"


def open_session(graph: Path, *, threads: int) -> ort.InferenceSession:
    """Load the graph for latency at batch 1: all threads inside one operator, spinning between operators.

    Raises:
        GenerationFailed: ONNX Runtime cannot load it, or would not run it on :data:`PROVIDER`.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(str(graph), options, providers=[PROVIDER])
    except Exception as error:  # the library raises many unrelated kinds
        message = "The model cannot be loaded."
        cause = " ".join(str(error).split())[:500]
        raise GenerationFailed(message, cause=cause, action="Verify the bundle or build it again.") from error
    if session.get_providers() != [PROVIDER]:
        message = "The model would not run on the requested device."
        raise GenerationFailed(message, cause=f"providers {session.get_providers()}", action="Report this.")
    return session
