"""How far the predictions of a conversion are from those of its source."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from model_bundle.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from model_bundle.build.weights import Floats

KEPT = 64
"""Most likely tokens whose probabilities are kept per position; the others count as one event."""


@dataclass(frozen=True)
class Reference:
    """The source's predictions over fixed texts.

    Attributes:
        texts: token ids of every text.
        ids: int32 ``[positions, KEPT]``, most likely first; positions of all texts one after the other.
        logprobs: float32 of the same shape, natural logarithm.
    """

    texts: tuple[tuple[int, ...], ...]
    ids: NDArray[np.int32]
    logprobs: Floats

    def save(self, path: Path) -> None:
        """Write a compressed NumPy archive."""
        lengths = np.array([len(text) for text in self.texts], dtype=np.int32)
        tokens = np.array([token for text in self.texts for token in text], dtype=np.int32)
        np.savez_compressed(path, lengths=lengths, tokens=tokens, ids=self.ids, logprobs=self.logprobs.astype("<f2"))


@dataclass(frozen=True)
class Agreement:
    """Over all positions: Kullback-Leibler divergence from the source in nats, and share of equal best tokens."""

    mean_kl: float
    p99_kl: float
    top1: float
    positions: int


def summarize(texts: Sequence[Sequence[int]], logits: Sequence[Floats]) -> Reference:
    """Reduce full logits to a :class:`Reference`."""
    ids, logprobs = [], []
    for part in logits:
        best = np.argpartition(part, -KEPT, axis=-1)[:, -KEPT:]
        order = np.argsort(-np.take_along_axis(part, best, axis=-1), axis=-1, kind="stable")
        best = np.take_along_axis(best, order, axis=-1)
        ids.append(best.astype(np.int32))
        logprobs.append(np.take_along_axis(log_softmax(part), best, axis=-1))
    return Reference(tuple(tuple(text) for text in texts), np.concatenate(ids), np.concatenate(logprobs))


def load_reference(path: Path) -> Reference:
    """Read what :meth:`Reference.save` wrote.

    Raises:
        ConversionError: not such a file.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            ends = np.cumsum(archive["lengths"])[:-1]
            texts = tuple(tuple(int(token) for token in text) for text in np.split(archive["tokens"], ends))
            return Reference(texts, archive["ids"], archive["logprobs"].astype(np.float32))
    except (OSError, ValueError, KeyError) as error:
        message = f"{path.name} is not a file of reference predictions."
        raise ConversionError(message, cause=str(error), action="Make it again with the evaluate command.") from error


def agreement(reference: Reference, logits: Sequence[Floats]) -> Agreement:
    """Compare a candidate's logits over the reference's texts.

    The divergence is taken over the kept tokens and one event for all others, which can only lower it: with 64 kept
    tokens by about an eighth for the models that were tried.

    Raises:
        ConversionError: the candidate was not run over the same texts.
    """
    if [len(part) for part in logits] != [len(text) for text in reference.texts]:
        message = "The candidate's predictions are not over the reference's texts."
        raise ConversionError(message)
    divergences, same, start = [], 0, 0
    for part in logits:
        rows = slice(start, start + len(part))
        start += len(part)
        kept = np.take_along_axis(log_softmax(part), reference.ids[rows].astype(np.int64), axis=-1)
        divergences.append(_divergence(reference.logprobs[rows], kept))
        same += int((part.argmax(axis=-1) == reference.ids[rows, 0]).sum())
    every = np.concatenate(divergences)
    return Agreement(float(every.mean()), float(np.quantile(every, 0.99)), same / start, start)


def log_softmax(logits: Floats) -> Floats:
    """Natural logarithm of the softmax over the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    result: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def texts_digest(texts: Sequence[str]) -> str:
    """Names a set of texts."""
    return hashlib.sha256(json.dumps(list(texts)).encode()).hexdigest()


def _divergence(reference: Floats, candidate: Floats) -> NDArray[np.float64]:
    expected, given = np.exp(reference.astype(np.float64)), np.exp(candidate.astype(np.float64))
    rest_expected = np.maximum(1 - expected.sum(axis=-1), 1e-9)
    rest_given = np.maximum(1 - given.sum(axis=-1), 1e-9)
    inside = (expected * (reference - candidate)).sum(axis=-1)
    divergence: NDArray[np.float64] = np.maximum(inside + rest_expected * np.log(rest_expected / rest_given), 0)
    return divergence
