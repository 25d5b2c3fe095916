"""Where a model runs: as asked, or not at all. The engine's promises on a CUDA device, where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnxruntime as ort
import pytest

from appliance.core.ports import GenerationFailed
from appliance.inference.sessions import Device, open_session
from tests.fixtures.inference_parts import engine_parts
from tests.fixtures.tiny_bundle import tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from model_bundle.verify import VerifiedBundle

HAS_CUDA = Device.CUDA.provider in ort.get_available_providers()
LETTERS = "start: /[a-z ]{20,25}/"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> VerifiedBundle:
    return tiny_bundle(tmp_path_factory.mktemp("tiny") / "bundle")


@pytest.mark.skipif(HAS_CUDA, reason="this ONNX Runtime has a CUDA provider")
def test_a_device_that_is_not_there_is_refused_and_nothing_else_is_used(bundle: VerifiedBundle) -> None:
    with pytest.raises(GenerationFailed, match="would not run on the requested device") as caught:
        open_session(bundle.graph_path, threads=1, device=Device.CUDA)
    assert "CPUExecutionProvider" in caught.value.cause
    assert "model.device" in caught.value.action


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_CUDA, reason="no CUDA device: onnxruntime-gpu is not installed or finds none")
def test_the_engine_writes_together_what_it_writes_alone_on_cuda(bundle: VerifiedBundle, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    prompts = [[int(token) for token in random.integers(0, 500, 20)] for _ in range(4)]
    with engine_parts(bundle, tmp_path / "p", slots=4, device=Device.CUDA) as parts:
        assert parts.model.description.provider == Device.CUDA.provider
        alone = [parts.run(parts.work(prompt, LETTERS)).generated for prompt in prompts]
        works = [parts.engine.submit(parts.work(prompt, LETTERS)) for prompt in prompts]
        assert [work.result.result(timeout=60).generated for work in works] == alone
