"""The order of waiting builds: nobody starves, and each person's own builds keep their order."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.studio.fair_queue import FairQueue

PEOPLE = ("ann", "bob", "cem", "dia")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.sampled_from(PEOPLE)),
        st.tuples(st.just("pop"), st.just("")),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
    ),
    max_size=80,
)


@given(STEPS)
@settings(max_examples=300)
def test_order_kept_and_nobody_starves(steps: list[tuple[str, object]]) -> None:
    queue: FairQueue[tuple[str, int]] = FairQueue()
    model: dict[str, list[int]] = defaultdict(list)
    waited: dict[tuple[str, int], dict[str, int]] = {}
    number = 0
    for step, value in steps:
        if step == "push":
            number += 1
            person = str(value)
            queue.push(person, (person, number))
            model[person].append(number)
            waited[(person, number)] = defaultdict(int)
        elif step == "cancel":
            order = queue.order()
            if order:
                target = order[int(str(value)) % len(order)]
                assert queue.remove(lambda one, target=target: one == target) == [target]
                model[target[0]].remove(target[1])
        elif len(queue):
            expected = queue.order()[0]
            person, served = queue.pop()
            assert (person, served) == expected
            assert model[person][0] == served, "each person's own order"
            model[person].pop(0)
            for other, numbers in model.items():
                if other != person and numbers:
                    waited[(other, numbers[0])][person] += 1
                    # Whoever is first in their own line lets anybody else by at most twice (arrived in between).
                    assert waited[(other, numbers[0])][person] <= 2, "starved"
        assert sorted(queue.order()) == sorted((name, one) for name, ones in model.items() for one in ones)
        for name in PEOPLE:
            assert queue.of(name) == len(model[name])
            assert [one for who, one in queue.order() if who == name] == model[name]


def test_many_builds_of_one_person_do_not_hold_up_another() -> None:
    queue: FairQueue[str] = FairQueue()
    for number in range(10):
        queue.push("ann", f"a{number}")
    assert queue.pop() == "a0"
    queue.push("bob", "b0")
    queue.push("bob", "b1")
    assert [queue.pop() for _ in range(5)] == ["a1", "b0", "a2", "b1", "a3"]
    with pytest.raises(IndexError):
        FairQueue[str]().pop()
