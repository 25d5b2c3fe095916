"""The default model after its conversion: agreement with the float32 source, and its tokenizer.

The reference predictions are kept in ``tests/fixtures/default_model_reference.npz``; they are made again with
``python -m model_bundle.build.evaluate reference MODEL.gguf tests/fixtures/default_model_reference.npz``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tokenizers import Tokenizer

from model_bundle.build.agreement import Reference, agreement, load_reference
from model_bundle.build.distribution import DEFAULT_MODEL
from model_bundle.build.evaluate import Runner
from model_bundle.build.evaluation_texts import EVALUATION_TEXTS
from tests.fixtures.default_model import default_model

if TYPE_CHECKING:
    from model_bundle.verify import VerifiedBundle

pytestmark = [pytest.mark.model, pytest.mark.timeout(300)]

REFERENCE = Path(__file__).parent.parent / "fixtures" / "default_model_reference.npz"


@pytest.fixture(scope="module")
def bundle() -> VerifiedBundle:
    return default_model()


@pytest.fixture(scope="module")
def tokenizer(bundle: VerifiedBundle) -> Tokenizer:
    return Tokenizer.from_file(str(bundle.tokenizer_path))


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load_reference(REFERENCE)


def test_the_conversion_predicts_what_its_source_predicts(bundle: VerifiedBundle, reference: Reference) -> None:
    found = agreement(reference, Runner(bundle.directory).logits(reference.texts))
    assert found.positions == sum(map(len, reference.texts)) > 2000
    # Measured: 0.044 and 90.9 % over the whole vocabulary; with attention in int4, too: 0.053 and 89.4 %.
    assert found.mean_kl < 0.046
    assert found.top1 > 0.90


def test_the_graph_for_prompts_and_batches_predicts_it_too(bundle: VerifiedBundle, reference: Reference) -> None:
    assert bundle.wide_graph_path is not None
    found = agreement(reference, Runner(bundle.directory, graph=bundle.wide_graph_path.name).logits(reference.texts))
    # Measured: 0.043, nearly all of it at one position in a hundred, and 95.5 %.
    assert found.mean_kl < 0.05
    assert found.top1 > 0.94


def test_the_reference_is_over_the_texts_of_the_evaluation(tokenizer: Tokenizer, reference: Reference) -> None:
    assert [tuple(tokenizer.encode(text).ids) for text in EVALUATION_TEXTS] == list(reference.texts)


def test_known_texts_have_their_published_token_ids(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("Hello, how are you").ids == [9707, 11, 1246, 525, 498]
    assert tokenizer.encode("<|im_start|>user\n<|im_end|>").ids == [151644, 872, 198, 151645]
    assert tokenizer.encode("12345").ids == [16, 17, 18, 19, 20]


@pytest.mark.parametrize("text", [*EVALUATION_TEXTS, "naïve 東京 🙂👩‍👩‍👧 \t\r\n  x\u00a0y", "a" * 300, "\x00\x7f"])
def test_texts_survive_a_round_trip(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


def test_the_manifest_describes_the_model(bundle: VerifiedBundle) -> None:
    manifest = bundle.manifest
    assert manifest.provenance.source_file_sha256 == DEFAULT_MODEL.sha256
    assert manifest.provenance.licence == "Apache-2.0"
    assert manifest.provenance.customer_data is False
    assert manifest.tokenizer.eos_token_ids == (151645, 151643)
    assert manifest.graph.context_length == 32768
    assert manifest.graph.cache_bytes_per_token == 28 * 2 * 2 * 128 * 4
    assert "add_generation_prompt" in bundle.chat_template_path.read_text(encoding="utf-8")
    assert json.loads(bundle.tokenizer_path.read_text(encoding="utf-8"))["model"]["type"] == "BPE"
