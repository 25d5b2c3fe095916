"""Which tokens a grammar forces, and how they are spelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, models
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split

from appliance.core.ports import GenerationFailed, Grammar
from appliance.inference.constraint import MAX_GRAMMAR, GrammarCompiler
from appliance.inference.sampler import Sampler, allowed_tokens
from appliance.inference.tokenizer import TextTokenizer
from tests.fixtures.tiny_bundle import tiny_tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


@pytest.fixture(scope="module")
def tokenizer() -> TextTokenizer:
    text, vocabulary = tiny_tokenizer()
    return TextTokenizer(text, vocabulary=vocabulary, end_tokens=(vocabulary - 1,))


@pytest.fixture(scope="module")
def grammars(tokenizer: TextTokenizer) -> Iterator[GrammarCompiler]:
    compiler = GrammarCompiler(tokenizer)
    yield compiler
    compiler.close()


@pytest.mark.parametrize(
    ("lark", "sentence"),
    [
        ('start: "entity Item is due\\n"', "entity Item is due\n"),
        ('start: "role\\n" "  " /[a-z]+/', "role\n  name"),
        ('start: "page \\"" /[A-Z][a-z]+/', 'page "Items'),
        ('start: "access Item" ": " ("read" | "all")', "access Item: read"),
    ],
)
def test_forced_tokens_are_the_canonical_ones(
    tokenizer: TextTokenizer, grammars: GrammarCompiler, lark: str, sentence: str
) -> None:
    forced = grammars.compile(Grammar(lark)).forced(100)
    assert forced
    assert forced == tokenizer.encode(sentence)[: len(forced)]


def indentation_tokenizer() -> TextTokenizer:
    """Bytes, two spaces, and a space with the letter ``a``."""
    words = [*sorted(ByteLevel.alphabet()), "ĠĠ", "Ġa"]
    end = len(words)
    library = Tokenizer(models.BPE({word: index for index, word in enumerate(words)}, [("Ġ", "Ġ"), ("Ġ", "a")]))
    split = Split(Regex(r" ?\p{L}+|\p{N}|\s+(?!\S)|\s+"), "isolated")  # what matters here of the rule of qwen2
    library.pre_tokenizer = Sequence([split, ByteLevel(add_prefix_space=False, use_regex=False)])
    library.decoder = ByteLevelDecoder()
    library.add_special_tokens([AddedToken("<|end|>", special=True)])
    text, words = library.to_str(), [*words, "<|end|>"]
    return TextTokenizer(text, vocabulary=len(words), end_tokens=(end,))


@pytest.mark.parametrize(
    ("lark", "forced"),
    [
        ('start: "x" "  " /[a-z]+/', b"x "),  # "  a" is spelled " ", " a": the first space is no choice, the second is
        ('start: "x" "  " /[0-9]+/', b"x  "),
        ('start: "x" "  " ("\\n" | "a")', b"x"),  # "  \n" is spelled "  ", "\n"
    ],
)
def test_spelling_that_is_no_choice_of_content_is_forced(lark: str, forced: bytes) -> None:
    tokenizer = indentation_tokenizer()
    grammars = GrammarCompiler(tokenizer)
    assert tokenizer.token_bytes(grammars.compile(Grammar(lark)).forced(100)) == forced
    grammars.close()


def test_ambiguous_spelling_with_content_is_left_to_the_model(
    tokenizer: TextTokenizer, grammars: GrammarCompiler
) -> None:
    """`` name`` is a token, so forcing the space alone would take it away."""
    assert tokenizer.encode("due name") == [*tokenizer.encode("due"), *tokenizer.encode(" name")]
    forced = grammars.compile(Grammar('start: "due " ("name" | "date")')).forced(100)
    assert tokenizer.token_bytes(forced) == b"due"


def test_part_of_a_word_is_not_forced(grammars: GrammarCompiler) -> None:
    """How a word is spelled depends on all of it, so its forced beginning is no token yet."""
    assert grammars.compile(Grammar('start: " all" /[a-z]+/')).forced(100) == []


def test_held_text_comes_first(tokenizer: TextTokenizer, grammars: GrammarCompiler) -> None:
    forced = grammars.compile(Grammar('start: "name\\n"'), held=b" ").forced(100)
    assert forced == tokenizer.encode(" name\n")


def test_limit_is_kept_and_the_rest_follows(tokenizer: TextTokenizer, grammars: GrammarCompiler) -> None:
    constraint = grammars.compile(Grammar('start: "entity Item is due\\n"'))
    taken = [*constraint.forced(2), *constraint.forced(100)]
    assert tokenizer.token_bytes(taken) == b"entity Item is due\n"
    assert constraint.finished


def test_compiled_grammar_starts_afresh_each_time(tokenizer: TextTokenizer, grammars: GrammarCompiler) -> None:
    grammar = Grammar('start: "entity Item\\n"')
    first = grammars.compile(grammar).forced(100)
    assert grammars.compile(grammar).forced(100) == first


@pytest.mark.parametrize(
    "lark", ['start: "open', "start: nowhere", "", "start: A\nA: /[/", "%%", "x" * (MAX_GRAMMAR + 1)]
)
def test_malformed_grammar_is_refused_with_its_cause(grammars: GrammarCompiler, lark: str) -> None:
    with pytest.raises(GenerationFailed) as caught:
        grammars.compile(Grammar(lark))
    assert caught.value.cause
    assert caught.value.action


def test_control_tokens_are_never_allowed_except_the_end(tokenizer: TextTokenizer, grammars: GrammarCompiler) -> None:
    mask = grammars.compile(Grammar("start: /(.|\\n)*/")).mask()
    assert set(allowed_tokens(mask).tolist()) & tokenizer.special_ids == tokenizer.end_tokens


masks = st.lists(st.booleans(), min_size=1, max_size=200)


def packed(bits: list[bool]) -> NDArray[np.uint32]:
    padded = np.zeros(-(-len(bits) // 32) * 32, dtype=np.uint8)
    padded[: len(bits)] = bits
    return np.packbits(padded, bitorder="little").view(np.uint32)


@given(masks)
def test_allowed_tokens_are_the_set_bits(bits: list[bool]) -> None:
    assert allowed_tokens(packed(bits)).tolist() == [index for index, bit in enumerate(bits) if bit]


@given(masks.filter(any), st.integers(0, 1 << 32))
def test_greedy_takes_the_largest_allowed_logit(bits: list[bool], seed: int) -> None:
    logits = np.random.default_rng(seed).standard_normal(len(bits)).astype(np.float32)
    expected = max((index for index, bit in enumerate(bits) if bit), key=lambda index: logits[index])
    assert Sampler().choose(logits.copy(), packed(bits)) == expected


@given(masks.filter(any), st.integers(0, 1 << 32))
def test_sampling_stays_inside_the_mask_and_repeats_with_its_seed(bits: list[bool], seed: int) -> None:
    logits = np.random.default_rng(seed).standard_normal(len(bits)).astype(np.float32)
    choices = [[Sampler(1.5, seed).choose(logits.copy(), packed(bits)) for _ in range(1)] for _ in range(2)]
    assert choices[0] == choices[1]
    assert bits[choices[0][0]]


def test_sampling_follows_the_probabilities() -> None:
    logits = np.log(np.array([0.1, 0.2, 0.7], dtype=np.float32))
    sampler = Sampler(1.0, 3)
    counts = np.bincount([sampler.choose(logits.copy(), packed([True, True, True])) for _ in range(4000)])
    np.testing.assert_allclose(counts / 4000, [0.1, 0.2, 0.7], atol=0.03)


def test_empty_mask_is_a_clear_error() -> None:
    with pytest.raises(GenerationFailed, match="no way to go on"):
        Sampler().choose(np.zeros(5, np.float32), packed([False] * 5))


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_logits_that_are_not_numbers_are_refused(temperature: float, value: float) -> None:
    with np.errstate(invalid="ignore"), pytest.raises(GenerationFailed, match="not a number"):
        Sampler(temperature).choose(np.full(5, value, np.float32), packed([True] * 5))
