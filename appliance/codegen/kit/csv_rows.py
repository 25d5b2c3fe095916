"""A CSV text as rows for one kind of record: columns found by their headings, cells turned into what forms send."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from .columns import FieldSpec, Kind
from .importing import Outcome, Refusal, add_rows
from .language import Said
from .records import Entity
from .values import Invalid

if TYPE_CHECKING:
    from .language import Language
    from .visit import Visit

MAX_BYTES: Final = 2 << 20
MAX_ROWS: Final = 2_000
MAX_TARGETS: Final = 20_000
_DELIMITERS: Final = ",;\t|"
_TOO_LARGE: Final = "The file is larger than {limit} MB. Split it and add one part after the other."
_TOO_MANY: Final = "These are more than {limit} rows. Split them and add one part after the other."
_NO_FIELD: Final = "No column is called like a field. The first row must name some of: {fields}."
_YES: Final = frozenset({"yes", "y", "true", "on", "1", "x", "✓", "ja", "wahr", "oui", "vrai", "sí", "si"})
_NO: Final = frozenset({"no", "n", "false", "off", "0", "nein", "falsch", "non", "faux"})
_DAY: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_GUARDED: Final = re.compile(r"'[=+\-@\t\r]")


class NoTable(Said):
    """The text cannot be taken in; the message is for the person."""


@dataclass(frozen=True, slots=True)
class Table:
    """Headings and numbered rows (the headings are row 1); ``columns``: a field for each heading, None if left out."""

    headings: tuple[str, ...]
    columns: tuple[FieldSpec | None, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]

    @property
    def ignored(self) -> list[str]:
        """Headings that belong to no field."""
        return [heading for heading, spec in zip(self.headings, self.columns, strict=True) if spec is None and heading]


def decode(content: bytes) -> str:
    """Text of a CSV file: UTF-8 with or without byte-order mark, else Windows-1252.

    Raises:
        NoTable: too large, or no text.
    """
    if len(content) > MAX_BYTES:
        raise NoTable(_TOO_LARGE, limit=MAX_BYTES // 2**20)
    marked = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    for codec in ("utf-16",) if marked else ("utf-8-sig", "cp1252"):
        try:
            return content.decode(codec)
        except UnicodeDecodeError:
            continue
    raise NoTable("This is not a CSV file. In a spreadsheet program choose “Save as” and CSV.")


def fillable(visit: Visit, entity: Entity) -> list[FieldSpec]:
    """The fields of a new row that this person may fill in from a table."""
    return [spec for spec in entity.fields if not spec.is_upload and visit.access.sets(entity, spec, None)]


def read(fields: list[FieldSpec], text: str) -> Table:
    """Rows and columns of a CSV text whose first row names some of ``fields``, by label or by name.

    Raises:
        NoTable: with a sentence that says what to change.
    """
    if len(text) > MAX_BYTES:
        raise NoTable(_TOO_LARGE, limit=MAX_BYTES // 2**20)
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    csv.field_size_limit(MAX_BYTES)
    rows: list[tuple[int, tuple[str, ...]]] = []
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), start=1):
            if any(cell.strip() for cell in cells):
                rows.append((number, tuple(cells)))
            if len(rows) > MAX_ROWS + 1:
                raise NoTable(_TOO_MANY, limit=MAX_ROWS)
    except csv.Error as error:
        raise NoTable("This cannot be read as CSV.") from error
    if len(rows) < 2:
        raise NoTable("There are no rows. The first row names the columns, the others are added.")
    headings = tuple(" ".join(cell.split()) for cell in rows[0][1])
    columns = _match(fields, headings)
    if not any(columns):
        raise NoTable(_NO_FIELD, fields=", ".join(spec.label for spec in fields))
    missing = [spec.label for spec in fields if spec.required and spec.default is None and spec not in columns]
    if missing:
        raise NoTable("A column is missing that every row needs: {fields}.", fields=", ".join(missing))
    return Table(headings, columns, tuple(rows[1:]))


def add_table(visit: Visit, entity: Entity, table: Table) -> Outcome:
    """Add every row that can be added; the caller's visit commits or rolls back."""
    early: list[Refusal] = []
    targets = {spec.name: _targets(visit, spec) for spec in table.columns if spec is not None and spec.kind is Kind.REF}
    outcome = add_rows(visit, entity, _texts(table, targets, early, visit.language))
    outcome.refused = sorted([*early, *outcome.refused], key=lambda item: item.number)
    return outcome


def refused_csv(table: Table, refused: list[Refusal], language: Language) -> bytes:
    """The rows that were left out, with the reasons in a last column; harmless in spreadsheets."""
    why = {item.number: " ".join(item.reasons) for item in refused}
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([*map(_harmless, table.headings), language.say("Why it was left out")])
    for number, cells in table.rows:
        if number in why:
            padded = (*cells, *[""] * (len(table.headings) - len(cells)))
            writer.writerow([*map(_harmless, padded), why[number]])
    return b"\xef\xbb\xbf" + buffer.getvalue().encode("utf-8", "replace")


def _match(fields: list[FieldSpec], headings: tuple[str, ...]) -> tuple[FieldSpec | None, ...]:
    known: dict[str, FieldSpec] = {}
    for spec in fields:
        known.setdefault(spec.label.casefold(), spec)
        known.setdefault(spec.name.casefold(), spec)
    found: list[FieldSpec | None] = []
    for heading in headings:
        named: FieldSpec | None = known.get(heading.casefold()) or known.get(heading.casefold().replace(" ", "_"))
        found.append(named if named not in found else None)
    return tuple(found)


def _texts(
    table: Table, targets: Mapping[str, Mapping[str, int | None]], early: list[Refusal], language: Language
) -> Iterator[tuple[int, dict[str, str]]]:
    for number, cells in table.rows:
        texts: dict[str, str] = {}
        wrong: list[str] = []
        for spec, cell in zip(table.columns, (*cells, *[""] * (len(table.columns) - len(cells))), strict=False):
            if spec is None:
                continue
            try:
                texts[spec.name] = _text(spec, cell, targets.get(spec.name, {}))
            except Invalid as error:
                wrong.append(f"{spec.label}: {language.tell(error)}")
        if len(cells) > len(table.columns):
            wrong.append(language.say("There are more cells than headings in this row."))
        if wrong:
            early.append(Refusal(number, tuple(wrong)))
        else:
            yield number, texts


def _text(spec: FieldSpec, cell: str, targets: Mapping[str, int | None]) -> str:  # noqa: PLR0911 - one kind after the other
    """What a form would send for this cell.

    Raises:
        Invalid: with a sentence that says what to write.
    """
    plain = cell.strip()
    if not plain:
        return ""
    if spec.kind is Kind.BOOLEAN:
        if plain.casefold() in _YES:
            return "on"
        if plain.casefold() in _NO:
            return ""
        raise Invalid("This is neither yes nor no.")
    if spec.kind is Kind.CHOICE:
        return next((option for option in spec.options if option.casefold() == plain.casefold()), plain)
    if spec.kind is Kind.REF:
        found = targets.get(plain.casefold(), 0)
        if found is None:
            raise Invalid("There are several called “{name}”.", name=plain[:80])
        if found == 0:
            raise Invalid("There is none called “{name}”.", name=plain[:80])
        return str(found)
    if spec.kind is Kind.DATE and (match := _DAY.fullmatch(plain)):
        return f"{match[3]}-{int(match[2]):02}-{int(match[1]):02}"
    # The apostrophe is what an export puts before text that a spreadsheet would run as a formula.
    return cell[1:] if _GUARDED.match(cell) else cell


def _targets(visit: Visit, spec: FieldSpec) -> dict[str, int | None]:
    """What rows of the target are called, and their ids; None where several are called the same."""
    target = visit.runtime.definition.by_table[spec.target]
    found: dict[str, int | None] = {}
    visible = select(target.model).where(visit.access.named_rows(target)).limit(MAX_TARGETS)
    row: Any
    for row in visit.session.scalars(visible):
        name = visit.title(target, row).strip().casefold()
        found[name] = None if name in found else row.id
    return found


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
