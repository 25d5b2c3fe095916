"""Reading GGUF: what is refused, and that a refused file leaves nothing behind."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_bundle.build.agreement import agreement
from model_bundle.build.evaluate import Runner, reference_from_gguf
from model_bundle.build.gguf import PrecisionPlan, Source, convert_gguf
from model_bundle.build.gguf_model import GgufWeights, read_config
from model_bundle.build.gguf_reader import GgufFile
from model_bundle.build.quantize import Precision
from model_bundle.errors import ConversionError, ModelBundleError, SourceModelError
from model_bundle.signature import PrivateKey
from model_bundle.trust_root import TrustRoot
from model_bundle.verify import verify
from tests.fixtures.tiny_gguf import GgufTensor, tiny_gguf

if TYPE_CHECKING:
    from pathlib import Path

    from model_bundle.manifest import Manifest
    from tests.fixtures.tiny_gguf import GgufContent

KEY = PrivateKey.generate()
PLAN = PrecisionPlan(Precision(8, 32))
WHOLE = tiny_gguf().to_bytes()
HEADER_BYTES = WHOLE.index(b"output.weight") + 64


def convert(path: Path, target: Path) -> Manifest:
    return convert_gguf(Source(path, "Tiny", "Apache-2.0", "none"), target, KEY, name="tiny", version=1, plan=PLAN)


def refused(content: bytes, folder: Path) -> ModelBundleError:
    """Convert bytes that must be refused; nothing may be left."""
    path = folder / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelBundleError) as caught:
        convert(path, folder / "bundles" / "tiny")
    assert not list((folder / "bundles").iterdir())
    assert caught.value.message
    return caught.value


@pytest.mark.parametrize("architecture", ["qwen2", "llama"])
def test_a_whole_file_becomes_a_bundle_that_predicts_the_same(architecture: str, tmp_path: Path) -> None:
    path = tiny_gguf(architecture).write(tmp_path / "model.gguf")
    manifest = convert(path, tmp_path / "bundle")
    bundle = verify(tmp_path / "bundle", TrustRoot({KEY.public().key_id: KEY.public()}, {}))
    assert bundle.manifest == manifest
    assert manifest.graph.architecture == architecture
    assert manifest.provenance.source_file_bytes == path.stat().st_size
    assert manifest.tokenizer.eos_token_ids[0] == manifest.graph.vocabulary - 1
    assert manifest.tokenizer.bos_token_id is None
    reference = reference_from_gguf(path, ["Track equipment loans for our physics lab.", "page table"])
    found = agreement(reference, Runner(tmp_path / "bundle").logits(reference.texts))
    assert found.mean_kl < 2e-4
    assert found.top1 > 0.9


def test_query_and_key_rows_of_llama_files_are_put_back_in_order(tmp_path: Path) -> None:
    path = tiny_gguf("llama").write(tmp_path / "model.gguf")
    with GgufFile(path) as file:
        config = read_config(file)
        ours = GgufWeights(file, config).matrix("layers.0.qkv")
        stored = [file.dense(file.tensors[f"blk.0.attn_{part}.weight"]) for part in "qkv"]
    half, start = config.head_dim // 2, 0
    for rows, heads in zip(stored[:2], (config.heads, config.kv_heads), strict=True):
        for head in range(heads):
            for index in range(config.head_dim):
                # Ours is (half, pair); the file has (pair, half).
                side, pair = divmod(index, half)
                np.testing.assert_array_equal(
                    ours[start + head * config.head_dim + index], rows[head * config.head_dim + 2 * pair + side]
                )
        start += len(rows)
    np.testing.assert_array_equal(ours[start:], stored[2])


def test_an_existing_target_is_left_alone(tmp_path: Path) -> None:
    path = tiny_gguf().write(tmp_path / "model.gguf")
    (tmp_path / "bundle").mkdir()
    with pytest.raises(ConversionError, match="exists"):
        convert(path, tmp_path / "bundle")
    assert not list((tmp_path / "bundle").iterdir())


@given(end=st.integers(0, len(WHOLE) - 1) | st.integers(0, HEADER_BYTES))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_cut_off_anywhere_is_refused(end: int, tmp_path: Path) -> None:
    # The last tensor's padding is not needed; everything before it is.
    if end > len(WHOLE) - 32:
        end -= 32
    refused(WHOLE[:end], tmp_path)


@given(position=st.integers(0, HEADER_BYTES), value=st.integers(0, 255))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_header_byte_is_read_or_refused_but_never_breaks(position: int, value: int, tmp_path: Path) -> None:
    content = bytearray(WHOLE)
    content[position] = value
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with suppress(SourceModelError), GgufFile(path) as file:
        for tensor in file.tensors.values():
            assert tensor.offset + tensor.length <= len(content)


@pytest.mark.parametrize("count_at", [8, 16])
def test_enormous_counts_are_refused_at_once(count_at: int, tmp_path: Path) -> None:
    content = bytearray(WHOLE)
    content[count_at : count_at + 8] = struct.pack("<Q", 2**63)
    assert "more than" in refused(bytes(content), tmp_path).cause


def test_an_enormous_string_is_refused_at_once(tmp_path: Path) -> None:
    content = bytearray(WHOLE)
    content[24:32] = struct.pack("<Q", 2**62)
    assert "length of a string" in refused(bytes(content), tmp_path).cause


CHANGES = {
    "magic": lambda c: replace(c, magic=b"GGML"),
    "version": lambda c: replace(c, version=2),
    "architecture": lambda c: c.with_key("general.architecture", "mamba"),
    "no layers key": lambda c: c.without("qwen2.block_count"),
    "wrong type of a key": lambda c: c.with_key("qwen2.block_count", "2"),
    "fewer heads": lambda c: c.with_key("qwen2.attention.head_count", 3),
    "no heads": lambda c: c.with_key("qwen2.attention.head_count", 0),
    "another width": lambda c: c.with_key("qwen2.feed_forward_length", 768),
    "one layer more": lambda c: c.with_key("qwen2.block_count", 3),
    "rope scaling": lambda c: c.with_key("qwen2.rope.scaling.type", "yarn"),
    "partial rotation": lambda c: c.with_key("qwen2.rope.dimension_count", 32),
    "experts": lambda c: c.with_key("qwen2.expert_count", 8),
    "alignment": lambda c: c.with_key("general.alignment", 24),
    "another tokenizer": lambda c: c.with_key("tokenizer.ggml.model", "llama"),
    "another splitting rule": lambda c: c.with_key("tokenizer.ggml.pre", "unheard-of"),
    "fewer tokens": lambda c: c.with_key("tokenizer.ggml.tokens", c.metadata["tokenizer.ggml.tokens"][:-1]),
    "a token twice": lambda c: c.with_key(
        "tokenizer.ggml.tokens", ["!", "!", *c.metadata["tokenizer.ggml.tokens"][2:]]
    ),
    "a merge of nothing": lambda c: c.with_key("tokenizer.ggml.merges", ["zz qq"]),
    "end token outside": lambda c: c.with_key("tokenizer.ggml.eos_token_id", 100_000),
    "no chat template": lambda c: c.without("tokenizer.chat_template"),
    "no embedding": lambda c: replace(c, tensors=c.tensors[1:]),
    "a tensor twice": lambda c: replace(c, tensors=(*c.tensors, c.tensors[1])),
    "misaligned tensor": lambda c: replace(c, offsets={"output_norm.weight": 7}),
    "overlapping tensors": lambda c: replace(c, offsets={"output_norm.weight": 0}),
    "tensor outside": lambda c: replace(c, offsets={"output_norm.weight": 1 << 40}),
    "unknown tensor type": lambda c: replace(c, tensors=(*c.tensors, GgufTensor("extra", (32,), 99, bytes(32)))),
    "impossible shape": lambda c: replace(c, tensors=(*c.tensors, GgufTensor("extra", (0, 32), 0, b""))),
    "five dimensions": lambda c: replace(c, tensors=(*c.tensors, GgufTensor("extra", (1,) * 5, 0, bytes(4)))),
    "no finite weights": lambda c: replace(
        c,
        tensors=tuple(
            replace(t, content=b"\x00\x7e" * (len(t.content) // 2)) if t.name == "blk.0.attn_output.weight" else t
            for t in c.tensors
        ),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_cannot_be_converted_is_refused_and_leaves_nothing(change: str, tmp_path: Path) -> None:
    content: GgufContent = CHANGES[change](tiny_gguf())
    refused(content.to_bytes(), tmp_path)


def test_an_absent_or_empty_file_is_refused(tmp_path: Path) -> None:
    refused(b"", tmp_path)
    with pytest.raises(SourceModelError):
        convert(tmp_path / "absent.gguf", tmp_path / "bundles" / "tiny")
