"""Any sequence of changes keeps every row, and going back is exact; ``./intramural bench revisions`` runs many more."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fixtures.postgresql import postgresql
from tests.fixtures.revision_worlds import Tally, live

QUICK = settings(
    max_examples=5,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@QUICK
@given(st.data())
def test_any_sequence_of_changes_loses_nothing_and_undo_is_exact(data: Any) -> None:
    live(data, Tally(), steps=2)


def test_the_same_on_postgresql() -> None:
    with postgresql() as url:

        @settings(QUICK, max_examples=3)
        @given(st.data())
        def run(data: Any) -> None:
            live(data, Tally(), url=url, steps=2)

        run()
