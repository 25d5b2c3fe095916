"""ONNX Runtime for tools that run beside the appliance, told before it is imported to report its use to nobody.

Its official packages start a client of their maker's servers when they are imported. The appliance's own worker is kept
from the network besides (``appliance.inference.seclusion``); a tool on a command line is not.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort

__all__ = ["ort"]
