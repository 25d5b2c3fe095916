"""Columns to types: what is found, what is asked, and what does not fit."""

from __future__ import annotations

import pytest

from appliance.importer.dates import DayOrder, depends_on_order, parse_day, parse_stamp, parse_time
from appliance.importer.grid import Source
from appliance.importer.numbers import DecimalMark, parse_number
from appliance.importer.proposal import ColumnDecision, ColumnType, Decisions
from appliance.importer.propose import propose


def column(heading: str, *cells: str, decision: ColumnDecision | None = None):
    text = "\n".join([f"Name\t{heading}", *(f"n{number}\t{cell}" for number, cell in enumerate(cells))])
    said = Decisions(columns={(0, 1): decision}) if decision else Decisions()
    table = propose([Source("t.tsv", text.encode())], said).tables[0]
    return table.columns[1], table


@pytest.mark.parametrize(
    ("heading", "cells", "kind"),
    [
        ("Paid", ["yes", "no", "yes"], ColumnType.BOOLEAN),
        ("Bezahlt", ["ja", "nein", "JA"], ColumnType.BOOLEAN),
        ("Réglé", ["oui", "non", ""], ColumnType.BOOLEAN),
        ("Done", ["x", "", "X"], ColumnType.BOOLEAN),
        ("Bits", ["1", "0", "1"], ColumnType.BOOLEAN),
        ("Count", ["1", "1", "1"], ColumnType.NUMBER),
        ("Day", ["2026-04-03", "2026-12-31"], ColumnType.DATE),
        ("Tag", ["3.4.2026", "31.12.26"], ColumnType.DATE),
        ("Day", ["4/25/2026", "12/31/2026"], ColumnType.DATE),
        ("Jour", ["3 avril 2026", "1er mai 2026"], ColumnType.DATE),
        ("Day", ["3 April 2026", "Apr 5, 2026"], ColumnType.DATE),
        ("When", ["2026-04-03T09:30:00Z", "2026-04-04 10:00"], ColumnType.DATETIME),
        ("At", ["9:30 am", "17:00"], ColumnType.TIME),
        ("Um", ["8.30 Uhr", "17.00 Uhr"], ColumnType.TIME),
        ("Hours", ["0.50", "13.50"], ColumnType.NUMBER),
        ("Weight", ["1.5", "2", "-3.25"], ColumnType.NUMBER),
        ("Weight", ["0.143", "142.857"], ColumnType.NUMBER),
        ("Gewicht", ["1.234,5", "2,75"], ColumnType.NUMBER),
        ("Total", ["€ 12.50", "€1,300.00"], ColumnType.MONEY),
        ("Price", ["12.50", "3"], ColumnType.MONEY),
        ("Betrag", ["12,50 €", "1.300,00 €"], ColumnType.MONEY),
        ("Contact", ["a@b.org", "c@d.org"], ColumnType.EMAIL),
        ("Site", ["https://a.org/x", "www.b.org"], ColumnType.URL),
        ("Phone", ["030 123456", "+49 40 99887"], ColumnType.PHONE),
        ("Postcode", ["01067", "10115"], ColumnType.TEXT),
        ("Serial no", ["1001", "1002"], ColumnType.TEXT),
        ("Status", ["open", "done", "open", "open", "done", "open"], ColumnType.CHOICE),
        ("Notes", ["a long story " * 12, "another " * 20], ColumnType.LONGTEXT),
        ("Place", ["Bonn", "Köln"], ColumnType.TEXT),
        ("Big", ["12345678901234567", "22345678901234567"], ColumnType.TEXT),
        ("Version", ["1.2.3", "1.10.0"], ColumnType.TEXT),
    ],
)
def test_the_narrowest_type_that_fits_is_proposed(heading, cells, kind):
    found, table = column(heading, *cells)
    assert (found.type, found.misfit_count) == (kind, 0), found
    assert found.why
    assert not table.bad


def test_an_ambiguous_day_is_asked_and_never_guessed():
    found, _ = column("Due", "03/04/2026", "05/06/2026")
    assert found.question is not None
    assert [answer.label for answer in found.question.answers] == ["3 April 2026", "4 March 2026"]
    answered, table = column("Due", "03/04/2026", "05/06/2026", decision=ColumnDecision(day_order=DayOrder.MONTH_FIRST))
    assert answered.answer == "month-first"
    assert table.rows[0].values["due"] == "2026-03-04"


def test_one_cell_that_can_be_read_one_way_only_decides_for_the_column():
    found, table = column("Due", "03/04/2026", "05/25/2026")
    assert found.question is None
    assert "month before day" in found.why
    assert table.rows[0].values["due"] == "2026-03-04"


def test_an_ambiguous_number_is_asked():
    found, _ = column("Total", "1,234", "2,500")
    assert found.question is not None
    assert [answer.label for answer in found.question.answers] == ["1,234", "1.234"]
    _, table = column("Total", "1,234", "2,500", decision=ColumnDecision(decimal_mark=DecimalMark.COMMA))
    assert table.rows[0].values["total"] == "1.234"
    sure, table = column("Total", "1,234", "2.5")
    assert sure.question is None
    assert table.rows[0].values["total"] == "1234"


def test_a_few_cells_that_do_not_fit_are_listed_by_row():
    found, table = column("Due", *(["2026-01-02"] * 19), "soon")
    assert found.type is ColumnType.DATE
    assert [(misfit.row, misfit.value) for misfit in found.misfits] == [(21, "soon")]
    assert [row.number for row in table.bad] == [21]
    assert "soon" in table.bad[0].problems[0]


def test_too_many_of_them_and_the_column_is_text():
    days = [f"2026-01-{day:02}" for day in range(1, 9)]
    assert column("Due", *days, "soon", "later")[0].type is ColumnType.TEXT


def test_the_maker_can_choose_another_type_and_sees_what_does_not_fit():
    found, table = column("Place", "Bonn", "12", decision=ColumnDecision(type=ColumnType.NUMBER))
    assert (found.type, found.misfit_count, found.why) == (ColumnType.NUMBER, 1, "You chose this.")
    assert len(table.good) == 1


def test_marks_for_nothing_are_empty_but_not_in_texts():
    assert column("Due", "2026-01-02", "n/a", "-")[1].rows[1].values == {"name": "n1"}
    assert column("Place", "Bonn", "n/a")[1].rows[1].values["place"] == "n/a"


@pytest.mark.parametrize(
    ("text", "mark", "number"),
    [
        ("1,234.50", DecimalMark.POINT, "1234.50"), ("1.234,50", DecimalMark.COMMA, "1234.50"),
        ("1 234,5", DecimalMark.COMMA, "1234.5"), ("1'234.50", DecimalMark.POINT, "1234.50"),
        ("1\u202f234", None, "1234"), ("(12.00)", None, "-12.00"), ("CHF 12.-", None, None), ("-$3.20", None, "-3.20"),
        ("12,00-", None, "-12.00"), ("007", None, None), ("1,23,456", None, None), ("", None, None),
        ("1e5", None, None),
        ("٣", None, None), ("1 2 3", None, None), ("€", None, None), ("1,234", None, None),
    ],
)  # fmt: skip
def test_numbers(text, mark, number):
    found = parse_number(text, mark)
    assert (None if found is None else str(found)) == number


@pytest.mark.parametrize(
    "text", ["30.02.2026", "2026-13-01", "32/01/2026", "3 Foo 2026", "99.99.99", "1/2", "0/0/0000"]
)
def test_what_is_no_day(text):
    assert all(parse_day(text, order) is None for order in DayOrder)
    assert not depends_on_order(text)


def test_times_of_day():
    assert str(parse_time("12:15 am")) == "00:15:00"
    assert str(parse_time("8.30 Uhr")) == "08:30:00"
    assert str(parse_time("14h05")) == "14:05:00"
    assert parse_time("25:00") is None
    assert parse_time("13:00 pm") is None
    assert str(parse_stamp("03.04.2026, 14:05", None)) == "2026-04-03 14:05:00"
