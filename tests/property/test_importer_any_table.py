"""Whatever is handed in: a proposal that says where every row went, or a refusal in our own words."""

from __future__ import annotations

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.blueprint.parser import parse
from appliance.blueprint.printer import to_text
from appliance.importer.compose import compose
from appliance.importer.errors import ImportRefused
from appliance.importer.grid import Source
from appliance.importer.numbers import DecimalMark, parse_number, plain_number
from appliance.importer.propose import propose

CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", "x", "ja", "nein", "01/02/2026", "31.12.2026", "1,234", "1.234,50", "€ 5", "a@b.de", "-", "S1"]
    ),
    st.integers(-10_000, 10_000).map(str),
    st.dates().map(str),
)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["a.csv", "b.xlsx", ""]))
def test_any_bytes(content: bytes, name: str) -> None:
    try:
        proposal = propose([Source(name, content)])
    except ImportRefused as error:
        said = (error.message, error.action)
    else:
        said = (proposal.tables,)
    assert all(said)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=1, max_size=6), min_size=2, max_size=14))
def test_no_row_is_lost_and_what_is_made_parses(rows: list[list[str]]) -> None:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    try:
        proposal = propose([Source("table.csv", buffer.getvalue().encode("utf-8", "surrogatepass"))])
    except ImportRefused:
        return
    (table,) = proposal.tables
    assert len(table.good) + len(table.bad) == len(table.rows)
    assert all(not row.values for row in table.bad)
    for row in table.rows:
        assert set(row.values) <= {column.field for column in table.kept}
    try:
        blueprint = compose(proposal)
    except ImportRefused:
        return
    assert parse(to_text(blueprint)) == blueprint


@given(st.decimals(-(10**9), 10**9, places=3, allow_nan=False), st.sampled_from(DecimalMark))
def test_a_number_written_with_a_mark_is_read_back(number, mark) -> None:
    written = f"{number:,}"
    if mark is DecimalMark.COMMA:
        written = written.translate(str.maketrans(",.", ".,"))
    read = parse_number(written, mark)
    assert read == number
    assert plain_number(read) == plain_number(number)
