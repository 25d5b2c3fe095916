"""The schedule of ``intramural bench load``: the same seed, the same load."""

from __future__ import annotations

import math
from collections import Counter

from tests.benchmarks.load_figures import Fared, percentiles, summary
from tests.benchmarks.load_schedule import SHARES, Kind, schedule


def test_the_same_seed_gives_the_same_load() -> None:
    assert schedule(0.5, 300, 7) == schedule(0.5, 300, 7)
    assert schedule(0.5, 300, 7) != schedule(0.5, 300, 8)


def test_arrivals_have_the_rate_and_the_mixture_that_was_asked_for() -> None:
    arrivals = schedule(2.0, 2000, 1)
    assert abs(len(arrivals) / 4000 - 1) < 0.05
    kinds = Counter(one.kind for one in arrivals)
    assert all(abs(kinds[kind] / len(arrivals) - share) < 0.03 for kind, share in SHARES.items())
    times = [one.seconds for one in arrivals]
    assert times == sorted(times)
    again = [one for one in arrivals if one.kind is Kind.CHAT and len(one.words) > 1]
    firsts = {one.words[:1]: one.person for one in arrivals if len(one.words) == 1}
    assert again
    assert all(firsts[one.words[:1]] == one.person for one in again), "a chat stays with whoever began it"


def test_figures_are_of_what_was_answered() -> None:
    base = {kind: Fared(kind, total=1.0) for kind in Kind}
    fared = [Fared(Kind.CHAT, 0, 1, 3, 11), Fared(Kind.WISH, 0, 1, 6, 1), Fared(Kind.CHAT, refused=True)]
    told = summary(fared, 10.0, base)
    assert (told["requests"], told["refused"], told["requests_per_s"]) == (3, 1, 0.2)
    assert (told["slowdown"], told["fairness"]) == ({"wish": 6.0, "chat": 3.0}, 2.0)
    assert percentiles([math.nan, 3.0, 1.0, 2.0]) == {"p50": 2.0, "p95": 3.0, "p99": 3.0}
