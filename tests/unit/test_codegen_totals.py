"""Functions of the kit's expressions: total at the edges, and rounded as people round."""

from __future__ import annotations

import datetime as dt
import sqlite3

import pytest

from appliance.codegen.kit import total


@pytest.mark.parametrize(
    ("number", "places", "rounded"),
    [
        (2.5, 0, 3.0),
        (-2.5, 0, -3.0),
        (1.005, 2, 1.01),
        (2.675, 2, 2.68),
        (0.1 + 0.2, 15, 0.3),
        (149.0, -2, 100.0),
        (1e15, 0, 1e15),
        (-0.4, 0, 0.0),
    ],
)
def test_numbers_are_rounded_half_away_from_zero(number: float, places: int, rounded: float) -> None:
    assert total.rounded(number, places) == rounded


def test_days_outside_the_calendar_are_empty() -> None:
    assert total.plus_days(dt.date.max, 1) is None
    assert total.plus_days(dt.date.min, -1) is None
    assert total.plus_days(dt.date.max, -(10**12)) is None
    assert total.plus_months(dt.date(9999, 12, 1), 1) is None
    assert total.plus_months(dt.date(1, 1, 1), -1) is None
    assert total.plus_months(dt.date(2026, 1, 1), 1201) is None


def test_a_shorter_month_ends_on_its_last_day() -> None:
    assert total.plus_months(dt.date(2026, 1, 31), 1) == dt.date(2026, 2, 28)
    assert total.plus_months(dt.date(2024, 2, 29), -12) == dt.date(2023, 2, 28)
    assert total.plus_months(dt.date(2026, 1, 31), 1.9) == dt.date(2026, 2, 28)


def test_sqlite_calls_the_same_functions() -> None:
    connection = sqlite3.connect(":memory:")
    total.register(connection)
    found = connection.execute(
        "SELECT total_plus_days('2026-02-28', 1), total_plus_days('9999-12-31', 1),"
        " total_days_between('2026-03-01', NULL),"
        " total_plus_days_timed('2026-02-28 23:30:00.000000', 1), total_day_of('2026-02-28 23:30:00.000000'),"
        " total_weekday_of('2026-11-23'), total_lowest(3, 1, 2), total_highest(3, NULL), total_upper('straße'),"
        " total_contains('Größe', 'GRÖ')"
    ).fetchone()
    connection.close()
    assert found == (
        *("2026-03-01", None, None, "2026-03-01 23:30:00.000000", "2026-02-28", 1.0, 1, None, "STRASSE"),
        1,
    )
