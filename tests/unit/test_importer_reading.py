"""Files to grids: encodings, delimiters, workbooks, headings, and everything that must be refused."""

from __future__ import annotations

import datetime as dt
import io
import json
import zipfile
from pathlib import Path

import openpyxl
import pytest

from appliance.importer.delimited import decode, read_delimited
from appliance.importer.errors import ImportRefused, NotATable, TooLarge
from appliance.importer.grid import Source
from appliance.importer.limits import LIMITS, ImportLimits
from appliance.importer.propose import propose
from appliance.importer.workbook import read_workbook

NAUGHTY = [
    json.loads(line)["text"]
    for line in (Path(__file__).parent.parent / "fixtures/naughty_strings.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]


def workbook(**sheets: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    return saved(book)


def saved(book: openpyxl.Workbook) -> bytes:
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("Größe;Preis".encode(), "UTF-8"),
        (b"\xef\xbb\xbf" + "Größe;Preis".encode(), "UTF-8"),
        ("Größe;Preis".encode("cp1252"), "Windows-1252"),
        ("Größe;Preis".encode("utf-16"), "UTF-16"),
    ],
)
def test_the_encoding_is_found(content, encoding):
    assert decode(content).text == "Größe;Preis"
    assert decode(content).encoding == encoding


@pytest.mark.parametrize("delimiter", ["\t", ";", ",", "|"])
def test_the_delimiter_is_found_although_others_stand_in_the_cells(delimiter):
    other = "," if delimiter != "," else ";"
    lines = [
        delimiter.join(cells)
        for cells in (["Name", "Note", "Amount"], ["Ann", f"a{other} b{other} c", "1"], ["Bo", "d", "2"])
    ]
    grid = read_delimited("t", "\n".join(lines).encode(), LIMITS)
    assert [row.cells for row in grid.rows][1] == ("Ann", f"a{other} b{other} c", "1")


def test_quoted_line_breaks_stay_and_rows_keep_their_numbers():
    grid = read_delimited("t", b'Name,Note\r\n\r\nAnn,"one\ntwo"\r\nBo,x\r\n', LIMITS)
    assert [(row.number, row.cells) for row in grid.rows] == [
        (1, ("Name", "Note")),
        (3, ("Ann", "one\ntwo")),
        (4, ("Bo", "x")),
    ]


@pytest.mark.parametrize(
    "content", [b"", b"  \n \n", b"\x00\x01\x02\x00" * 50, b"\x89PNG\r\n\x1a\n" + bytes(900), b"\x81\x8d\x8f"]
)
def test_what_is_no_table_is_refused(content):
    with pytest.raises(NotATable):
        propose([Source("x.csv", content)])


@pytest.mark.parametrize(
    ("content", "limits"),
    [
        (b"a,b\n" + b"1,2\n" * 30, ImportLimits(rows=20)),
        (b",".join(b"h%d" % n for n in range(101)), LIMITS),
        (b"a,b\n" + b"x" * 20_001 + b",1\n", LIMITS),
        (b"a,b\n1,2\n" * 10, ImportLimits(file_bytes=40)),
    ],
)
def test_more_than_the_limits_is_refused(content, limits):
    with pytest.raises(TooLarge) as caught:
        propose([Source("x.csv", content)], limits=limits)
    assert caught.value.action


def test_a_workbook_gives_values_of_its_own_types_and_no_formulas():
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Name", "On", "At", "Cost", "Ok", "Sum"])
    day, stamp = dt.datetime.fromisoformat("2026-04-03"), dt.datetime.fromisoformat("2026-04-03T09:30")
    sheet.append(["=cmd()", day, stamp, 0.1 + 0.2, True, "=1+1"])
    (grid,) = read_workbook("b.xlsx", saved(book), LIMITS)
    name, on, at, cost, ok = grid.rows[1].cells
    assert name == ""  # a formula that no program has computed has no value
    assert (on, at, str(cost), ok) == (day.date(), stamp, "0.3", True)


def test_merged_cells_give_each_row_their_value():
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (["Area", "Room"], ["North", "1"], [None, "2"], ["South", "3"]):
        sheet.append(row)
    sheet.merge_cells("A2:A3")
    (grid,) = read_workbook("b.xlsx", saved(book), LIMITS)
    assert [row.cells[0] for row in grid.rows] == ["Area", "North", "North", "South"]
    assert "Merged" in grid.notes[0]


def test_hidden_sheets_are_left_out_and_said_so():
    book = openpyxl.Workbook()
    book.active.append(["Name"])
    book.create_sheet("secret").append(["Salary"])
    book["secret"].sheet_state = "hidden"
    (grid,) = read_workbook("b.xlsx", saved(book), LIMITS)
    assert "hidden" in grid.notes[0]


def test_a_zip_bomb_is_not_opened():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as container:
        container.writestr("xl/workbook.xml", "<x/>")
        container.writestr("xl/worksheets/sheet1.xml", b" " * (50 << 20))
    with pytest.raises(TooLarge, match="unpack"):
        propose([Source("bomb.xlsx", buffer.getvalue())])


def test_a_part_that_lies_about_its_size_is_not_unpacked_further():
    content = bytearray(workbook(S=[["Name", "Note"], ["a" * 3000, "b"]]))
    name = b"xl/worksheets/sheet1.xml"
    at = content.rfind(b"PK\x01\x02", 0, content.rfind(name))
    content[at + 24 : at + 28] = (40).to_bytes(4, "little")
    with pytest.raises(ImportRefused):
        propose([Source("b.xlsx", bytes(content))])


@pytest.mark.parametrize(
    "sheet",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet>&b;</worksheet>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><worksheet/>',
        "<worksheet><sheetData><row",
    ],
)
def test_hostile_and_broken_markup_is_refused(sheet):
    original = zipfile.ZipFile(io.BytesIO(workbook(S=[["Name"], ["a"]])))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as container:
        for item in original.infolist():
            content = original.read(item)
            container.writestr(item.filename, sheet if item.filename.endswith("sheet1.xml") else content)
    with pytest.raises(NotATable):
        propose([Source("b.xlsx", buffer.getvalue())])


def test_a_row_far_down_is_refused_and_not_counted_to():
    book = openpyxl.Workbook()
    book.active["A1"], book.active["A1048576"] = "Name", "x"
    with pytest.raises(TooLarge, match="goes down"):
        propose([Source("b.xlsx", saved(book))])


def test_naughty_strings_come_through_unchanged():
    import csv

    texts = [text for text in NAUGHTY if text.strip() and "\0" not in text]
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["Name", "Text"])
    for number, text in enumerate(texts):
        writer.writerow([f"row {number}", text])
    (table,) = propose([Source("n.csv", buffer.getvalue().encode())]).tables
    assert [row.values["text"] for row in table.rows] == texts


def test_naughty_headings_and_names_still_give_a_blueprint():
    from appliance.importer.compose import compose

    headings = [text for text in NAUGHTY if text.strip()][:500]
    for start in range(0, len(headings), 20):
        part = headings[start : start + 20]
        book = openpyxl.Workbook()
        for column, heading in enumerate(part, start=1):
            clean = "".join(
                c for c in heading if c >= " " and c not in "\ufffe\uffff" and not "\ud800" <= c <= "\udfff"
            )
            book.active.cell(1, column).value = f"'{clean}" if clean[:1] == "=" else clean
            book.active.cell(2, column).value = "value one"
        proposal = propose([Source(f"{part[0][:60]}.xlsx", saved(book))])
        if proposal.kept:
            assert compose(proposal).entities
