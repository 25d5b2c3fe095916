"""What type a column has, and how its cells are read: the narrowest type that nearly all of them fit."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Final

from appliance.blueprint import words
from appliance.blueprint.model import MAX_CHOICES, MAX_NAME
from appliance.importer.booleans import is_pair
from appliance.importer.dates import DayOrder, depends_on_order, has_zone, orders_of, parse_day
from appliance.importer.grid import Native, text_of
from appliance.importer.kinds import MAX_TEXT, Reading, Unfit, fold, is_empty, value_of
from appliance.importer.numbers import DecimalMark, decimals, depends_on_mark, has_currency, marks_of, parse_number
from appliance.importer.proposal import Answer, ColumnDecision, ColumnType, Question

if TYPE_CHECKING:
    pass

SAMPLE: Final = 300
"""Cells by which a type is first judged; the one that is chosen is then tried on every cell."""
_MIN_FIT: Final = 0.9
_MIN_FOR_MISFITS: Final = 10
_MAX_PROPOSED_OPTIONS: Final = 12
_OFFERED_FIT: Final = 0.5
_ORDER: Final = (
    ColumnType.BOOLEAN, ColumnType.DATE, ColumnType.DATETIME, ColumnType.TIME, ColumnType.NUMBER, ColumnType.EMAIL,
    ColumnType.URL, ColumnType.PHONE,
)  # fmt: skip
_MONEY_WORDS: Final = re.compile(
    r"price|cost|amount|fee|salary|budget|revenue|preis|betrag|kosten|gebühr|gehalt|umsatz|prix|montant|coût|tarif"
    r"|precio|importe|coste|salario|[€$£]|\b(?:eur|usd|chf|gbp)\b",
    re.IGNORECASE,
)
_PHONE_WORDS: Final = re.compile(
    r"phone|tel\b|tel\.|telefon|téléphone|teléfono|mobil|handy|fax|portable", re.IGNORECASE
)
_FIGURE: Final = re.compile(r"\d")
_KEY_WORDS: Final = re.compile(
    r"(?:^|[\s_-])(?:id|no|nr|num|number|numéro|numero|número|code|key|sku|ref|serial|matricule|kürzel|kennung|plz"
    r"|zip|postcode)\.?$|(?:nummer|nr|code)\.?$",
    re.IGNORECASE,
)
_NAMES: Final = {
    ColumnType.BOOLEAN: "yes or no", ColumnType.DATE: "a day", ColumnType.DATETIME: "a day and time",
    ColumnType.TIME: "a time of day", ColumnType.NUMBER: "a number", ColumnType.MONEY: "an amount",
    ColumnType.EMAIL: "an e-mail address", ColumnType.URL: "a web address", ColumnType.PHONE: "a phone number",
    ColumnType.PERSON: "a person's e-mail address", ColumnType.CHOICE: "one of the options",
    ColumnType.TEXT: "text", ColumnType.LONGTEXT: "long text", ColumnType.REF: "in the other table",
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """The cells of one column, top to bottom, with their heading."""

    index: int
    heading: str
    cells: tuple[Native, ...]

    @cached_property
    def _not_blank(self) -> list[Native]:
        return [cell for cell in self.cells if not is_empty(cell, ColumnType.TEXT)]

    @cached_property
    def _said(self) -> list[Native]:
        return [cell for cell in self._not_blank if not is_empty(cell, ColumnType.NUMBER)]

    @cached_property
    def distinct(self) -> Counter[Native]:
        """Each cell that is not blank, with how often it occurs: types are judged by these."""
        return Counter(self._not_blank)

    def filled(self, kind: ColumnType = ColumnType.TEXT) -> list[Native]:
        """The cells that say something."""
        return self._not_blank if kind in (ColumnType.TEXT, ColumnType.LONGTEXT) else self._said


@dataclass(frozen=True, slots=True)
class Judged:
    """A type for a column, with the reason, what else it could be, and what must be asked first."""

    reading: Reading
    why: str
    choices: tuple[ColumnType, ...]
    question: Question | None = None
    answer: str = ""


def names_things(heading: str) -> bool:
    """Whether a heading says that its column holds numbers or codes by which things are told apart."""
    return _KEY_WORDS.search(heading.strip()) is not None


def judge(column: Column, decision: ColumnDecision) -> Judged:
    """The type that the maker chose, or the narrowest that fits."""
    sample = Counter(column.filled()[:SAMPLE])
    reading, question, answer = _manner(column, decision)
    options = _options(column)
    offered = [kind for kind in ColumnType if _offers(kind, sample, replace(reading, type=kind), options)]
    kind = decision.type if decision.type is not None else None
    if kind is None or kind is ColumnType.REF:
        kind = _narrowest(column, reading, options)
        why = _reason(column, kind, reading)
    else:
        why = "You chose this."
    if kind is ColumnType.CHOICE:
        reading = replace(reading, options=options[:MAX_CHOICES])
    reading = replace(reading, type=kind)
    concerned = kind in (ColumnType.DATE, ColumnType.DATETIME, ColumnType.NUMBER, ColumnType.MONEY)
    if question is not None and (not concerned or not _concerns(question, kind)):
        question, answer = None, ""
    choices = tuple(dict.fromkeys([*offered, kind, ColumnType.TEXT, ColumnType.LONGTEXT]))
    return Judged(reading, why, tuple(item for item in ColumnType if item in choices), question, answer)


def _manner(column: Column, decision: ColumnDecision) -> tuple[Reading, Question | None, str]:
    """Which number is the day, and what stands before decimals: from the cells, else from the maker's answer."""
    texts = [cell for cell in column.distinct if isinstance(cell, str) and _FIGURE.search(cell)]
    dated = {text: orders for text in texts if (orders := orders_of(text))}
    doubtful = next((text for text in dated if depends_on_order(text)), None)
    counts = {order: sum(order in orders for orders in dated.values()) for order in DayOrder}
    day_order, question, answer = decision.day_order, None, ""
    if counts[DayOrder.DAY_FIRST] != counts[DayOrder.MONTH_FIRST]:
        day_order = day_order or max(counts, key=lambda order: counts[order])
    elif doubtful is not None and dated:
        question, answer = _ask_day(doubtful), day_order.value if day_order else ""
    figures = {text: marks for text in texts if (marks := marks_of(text))}
    unclear = next((text for text in figures if depends_on_mark(text)), None)
    fits = {mark: sum(mark in marks for marks in figures.values()) for mark in DecimalMark}
    mark = decision.decimal_mark
    if fits[DecimalMark.POINT] != fits[DecimalMark.COMMA]:
        mark = mark or max(fits, key=lambda each: fits[each])
    elif unclear is not None and len(figures) > len(dated):
        question, answer = _ask_number(unclear), mark.value if mark else ""
    return Reading(ColumnType.TEXT, day_order or DayOrder.DAY_FIRST, mark or DecimalMark.POINT), question, answer


def _ask_day(text: str) -> Question:
    answers = []
    for order in DayOrder:
        stamp = parse_day(re.split(r"[T\s]", text.strip())[0], order)
        shown = f"{stamp:%-d %B %Y}" if stamp else order.value
        answers.append(Answer(order.value, shown))
    return Question(f"Which day is {text.strip()}?", tuple(answers))


def _ask_number(text: str) -> Question:
    answers = []
    for mark in DecimalMark:
        number = parse_number(text, mark)
        answers.append(Answer(mark.value, f"{number:,}" if number is not None else mark.value))
    return Question(f"Which number is {text.strip()}?", tuple(answers))


def _concerns(question: Question, kind: ColumnType) -> bool:
    about_days = question.text.startswith("Which day")
    return about_days is (kind in (ColumnType.DATE, ColumnType.DATETIME))


def _options(column: Column) -> tuple[str, ...]:
    """The distinct words of the column in the order in which they appear, if all can be options; else nothing."""
    found: dict[str, str] = {}
    for cell in column.distinct:
        if is_empty(cell, ColumnType.CHOICE):
            continue
        text = " ".join(text_of(cell).split())
        if len(text) > MAX_NAME or not words.is_option(text):
            return ()
        found.setdefault(fold(text), text)
        if len(found) > MAX_CHOICES:
            return ()
    return tuple(found.values())


def _fits(kind: ColumnType, cells: Counter[Native], reading: Reading) -> float:
    """The share of cells that the type can hold."""
    reading = replace(reading, type=kind)
    good = said = 0
    for cell, count in cells.items():
        if is_empty(cell, kind):
            continue
        said += count
        try:
            value_of(cell, reading)
        except Unfit:
            continue
        good += count
    return good / said if said else 0.0


def _offers(kind: ColumnType, sample: Counter[Native], reading: Reading, options: tuple[str, ...]) -> bool:
    if kind is ColumnType.REF:
        return False
    if kind is ColumnType.CHOICE:
        return len(options) > 1
    return _fits(kind, sample, reading) >= _OFFERED_FIT


def _narrowest(column: Column, reading: Reading, options: tuple[str, ...]) -> ColumnType:
    for kind in _ORDER:
        if _plausible(kind, column) and _holds(kind, column, reading):
            if kind is ColumnType.NUMBER and names_things(column.heading):
                break  # figures that name things are not counted with
            return ColumnType.MONEY if kind is ColumnType.NUMBER and _is_money(column, reading) else kind
    texts = [text_of(cell) for cell in column.filled()]
    if _repeats(options, len(column.filled(ColumnType.CHOICE))):
        return ColumnType.CHOICE
    long = any("\n" in text or len(text) > MAX_TEXT for text in texts)
    wordy = sum(len(text) for text in texts) > 120 * max(1, len(texts))
    return ColumnType.LONGTEXT if long or wordy else ColumnType.TEXT


def _repeats(options: tuple[str, ...], filled: int) -> bool:
    few = 2 <= len(options) <= _MAX_PROPOSED_OPTIONS
    return few and filled >= 6 and len(options) * 2 <= filled


def _plausible(kind: ColumnType, column: Column) -> bool:
    """Whether the cells look like that type at all, before they are read as it."""
    cells = [cell for cell in column.distinct if not is_empty(cell, kind)]
    texts = {text_of(cell).strip().lower() for cell in cells}
    if kind is ColumnType.BOOLEAN:
        return all(isinstance(cell, bool) for cell in cells) or is_pair(texts)
    if kind is ColumnType.PHONE:
        marked = sum(bool(re.search(r"^[+0(]|[ /()-]", text)) for text in texts)
        return bool(_PHONE_WORDS.search(column.heading)) or marked == len(texts) > 0
    if kind is ColumnType.NUMBER:
        return not _PHONE_WORDS.search(column.heading)
    return kind is not ColumnType.DATETIME or any(
        isinstance(cell, dt.datetime) or ":" in text_of(cell) for cell in cells
    )


def _holds(kind: ColumnType, column: Column, reading: Reading) -> bool:
    """All cells fit; or, of ten or more, at least nine in ten, and the few others are listed for the maker."""
    reading = replace(reading, type=kind)
    for cells in (Counter(column.filled()[:SAMPLE]), column.distinct):
        share = _fits(kind, cells, reading)
        enough = share >= _MIN_FIT if cells.total() >= _MIN_FOR_MISFITS else share == 1.0
        if not enough:
            return False
    return True


def _is_money(column: Column, reading: Reading) -> bool:
    cells = [cell for cell in column.distinct if not is_empty(cell, ColumnType.MONEY)]
    marked = any(isinstance(cell, str) and has_currency(cell) for cell in cells)
    mark = reading.decimal_mark
    numbers = [cell if isinstance(cell, Decimal) else parse_number(text_of(cell), mark) for cell in cells]
    exact = all(decimals(number) <= 2 for number in numbers if number is not None)
    return exact and (marked or bool(_MONEY_WORDS.search(column.heading)))


def _reason(column: Column, kind: ColumnType, reading: Reading) -> str:
    """One sentence for the maker."""
    filled = len(column.filled(kind))
    if not filled:
        return "The column is empty."
    if kind is ColumnType.CHOICE:
        return f"{len(_options(column))} words repeat in {filled:,} rows."
    if kind is ColumnType.LONGTEXT:
        return "The texts are long or have several lines."
    if kind is ColumnType.TEXT:
        return "It names things." if names_things(column.heading) else "The cells are plain text."
    share = _fits(kind, column.distinct, reading)
    amount = "Every filled cell is" if share == 1.0 else "Nearly every filled cell is"
    why = f"{amount} {_NAMES[kind]}"
    if kind in (ColumnType.NUMBER, ColumnType.MONEY) and reading.decimal_mark is DecimalMark.COMMA:
        why += ", with a decimal comma"
    texts = [cell for cell in column.distinct if isinstance(cell, str)]
    if kind in (ColumnType.DATE, ColumnType.DATETIME) and any(depends_on_order(text) for text in texts):
        why += ", day before month" if reading.day_order is DayOrder.DAY_FIRST else ", month before day"
    if kind is ColumnType.DATETIME and any(has_zone(text) for text in texts):
        why += "; offsets from UTC are left out, the clock times stay as written"
    return f"{why}."
