"""The figures by which a conversion is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from model_bundle.build.agreement import KEPT, agreement, load_reference, log_softmax, summarize
from model_bundle.build.evaluate import main
from model_bundle.build.gguf import PrecisionPlan, Source, convert_gguf
from model_bundle.build.quantize import Precision
from model_bundle.errors import ConversionError
from model_bundle.signature import PrivateKey
from tests.fixtures.tiny_gguf import tiny_gguf

if TYPE_CHECKING:
    from pathlib import Path

RANDOM = np.random.default_rng(5)
LOGITS = [RANDOM.standard_normal((count, 200)).astype(np.float32) * 3 for count in (4, 3)]
TEXTS = [[1, 2, 3, 4], [5, 6, 7]]


def full_divergence(reference: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    expected, given = log_softmax(reference.astype(np.float64)), log_softmax(candidate.astype(np.float64))
    return (np.exp(expected) * (expected - given)).sum(-1)


def test_equal_predictions_agree_wholly() -> None:
    found = agreement(summarize(TEXTS, LOGITS), LOGITS)
    assert found.mean_kl < 1e-6
    assert found.top1 == 1.0
    assert found.positions == 7


def test_the_divergence_is_close_to_the_full_one_and_never_above_it() -> None:
    other = [part + 0.3 * RANDOM.standard_normal(part.shape).astype(np.float32) for part in LOGITS]
    full = np.concatenate([full_divergence(*pair) for pair in zip(LOGITS, other, strict=True)]).mean()
    found = agreement(summarize(TEXTS, LOGITS), other)
    assert 0.75 * full < found.mean_kl <= full + 1e-6


def test_an_exchanged_best_token_lowers_the_agreement() -> None:
    other = [part.copy() for part in LOGITS]
    other[0][0, other[0][0].argmax()] -= 20
    found = agreement(summarize(TEXTS, LOGITS), other)
    assert found.top1 == pytest.approx(6 / 7)
    assert found.p99_kl > 1


def test_a_reference_is_kept_in_a_file(tmp_path: Path) -> None:
    reference = summarize(TEXTS, LOGITS)
    reference.save(tmp_path / "reference.npz")
    again = load_reference(tmp_path / "reference.npz")
    assert again.texts == reference.texts
    assert again.ids.shape == (7, KEPT)
    np.testing.assert_array_equal(again.ids, reference.ids)
    # Stored as float16: enough for thresholds of a few hundredths.
    np.testing.assert_allclose(again.logprobs, reference.logprobs, rtol=2e-3)


def test_other_texts_and_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConversionError):
        agreement(summarize(TEXTS, LOGITS), LOGITS[:1])
    (tmp_path / "x.npz").write_bytes(b"no archive")
    with pytest.raises(ConversionError):
        load_reference(tmp_path / "x.npz")


def test_the_command_line_reports_agreement_and_speed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tiny_gguf().write(tmp_path / "model.gguf")
    plan = PrecisionPlan(Precision(8, 32))
    source = Source(model, "Tiny", "Apache-2.0", "none")
    convert_gguf(source, tmp_path / "bundle", PrivateKey.generate(), name="tiny", version=1, plan=plan)
    assert main(["reference", str(model), str(tmp_path / "reference.npz")]) == 0
    assert main(["bundle", str(tmp_path / "bundle"), str(tmp_path / "reference.npz"), "--threads", "1"]) == 0
    printed = capsys.readouterr().out
    assert "mean KL 0.00" in printed
    assert "tokens/s" in printed
    assert main(["reference", str(tmp_path / "absent"), str(tmp_path / "r.npz")]) == 1
    assert "cannot be read" in capsys.readouterr().err
