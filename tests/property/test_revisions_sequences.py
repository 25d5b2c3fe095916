"""Any sequence of changes keeps every row, and going back is exact; ``./intramural bench revisions`` runs many more."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fixtures.revision_worlds import Tally, live


@settings(
    max_examples=6,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@given(st.data())
def test_any_sequence_of_changes_loses_nothing_and_undo_is_exact(data: Any) -> None:
    live(data, Tally(), steps=2)
