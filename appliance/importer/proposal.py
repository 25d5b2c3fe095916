"""What an import would become: shown to the maker before anything is made, and changed by their decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from appliance.importer.dates import DayOrder
from appliance.importer.numbers import DecimalMark


class ColumnType(StrEnum):
    """What a column can become: the field types of the language that a cell of a table can fill."""

    TEXT = "text"
    LONGTEXT = "longtext"
    NUMBER = "number"
    MONEY = "money"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    PERSON = "person"
    CHOICE = "choice"
    REF = "ref"


@dataclass(frozen=True, slots=True)
class Misfit:
    """A cell that cannot be a value of its column; ``row`` is its row in the source."""

    row: int
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One way to answer a question: what is sent, and what it means for the column's first doubtful cell."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Question:
    """What the table does not say and nobody may guess."""

    text: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class ColumnProposal:
    """One column. ``why`` is a sentence for the maker; ``misfits`` are the first of ``misfit_count``.

    ``target`` is the index of the table that a reference leads to. ``choices`` are the types that may be chosen.
    """

    index: int
    header: str
    field: str
    type: ColumnType
    why: str
    filled: int
    keep: bool = True
    required: bool = False
    unique: bool = False
    options: tuple[str, ...] = ()
    target: int | None = None
    samples: tuple[str, ...] = ()
    choices: tuple[ColumnType, ...] = ()
    misfits: tuple[Misfit, ...] = ()
    misfit_count: int = 0
    question: Question | None = None
    answer: str = ""


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One row, ready to load. ``values`` are texts as a form of the app takes them, by field name; those of references
    are row numbers of the target's table. ``problems`` say why the row cannot be loaded; such a row has no values."""

    number: int
    cells: tuple[str, ...]
    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableProposal:
    """One table. ``source`` is the sheet or file it comes from, ``header_row`` its row of headings, 0 for none."""

    index: int
    source: str
    entity: str
    columns: tuple[ColumnProposal, ...]
    rows: tuple[ImportRow, ...]
    keep: bool = True
    header_row: int = 1
    notes: tuple[str, ...] = ()

    @property
    def kept(self) -> tuple[ColumnProposal, ...]:
        """The columns that become fields."""
        return tuple(column for column in self.columns if column.keep)

    @property
    def good(self) -> tuple[ImportRow, ...]:
        """The rows that fit."""
        return tuple(row for row in self.rows if not row.problems)

    @property
    def good_count(self) -> int:
        """How many rows fit."""
        return len(self.good)

    @property
    def bad_count(self) -> int:
        """How many do not."""
        return len(self.bad)

    @property
    def bad(self) -> tuple[ImportRow, ...]:
        """The rows that do not."""
        return tuple(row for row in self.rows if row.problems)


@dataclass(frozen=True, slots=True)
class ImportProposal:
    """Everything that would be made. ``language`` is that of the headings (ISO 639-1), ``en`` when unsure."""

    name: str
    language: str
    tables: tuple[TableProposal, ...]

    @property
    def kept(self) -> tuple[TableProposal, ...]:
        """The tables that become entities."""
        return tuple(table for table in self.tables if table.keep)

    @property
    def open_questions(self) -> tuple[tuple[TableProposal, ColumnProposal], ...]:
        """What the maker must answer first."""
        return tuple(
            (table, column) for table in self.kept for column in table.kept if column.question and not column.answer
        )


@dataclass(frozen=True, slots=True)
class ColumnDecision:
    """What the maker said about a column; None where they said nothing."""

    keep: bool | None = None
    type: ColumnType | None = None
    name: str | None = None
    day_order: DayOrder | None = None
    decimal_mark: DecimalMark | None = None


@dataclass(frozen=True, slots=True)
class TableDecision:
    """What the maker said about a table. ``headings``: whether its first row names the columns."""

    keep: bool | None = None
    name: str | None = None
    headings: bool | None = None


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the maker said, by index of the table and of the column in it."""

    name: str | None = None
    tables: Mapping[int, TableDecision] = field(default_factory=lambda: MappingProxyType({}))
    columns: Mapping[tuple[int, int], ColumnDecision] = field(default_factory=lambda: MappingProxyType({}))

    def table(self, index: int) -> TableDecision:
        """What was said about a table."""
        return self.tables.get(index, TableDecision())

    def column(self, table: int, index: int) -> ColumnDecision:
        """What was said about a column."""
        return self.columns.get((table, index), ColumnDecision())


NOTHING_DECIDED: Final = Decisions()
