"""Reading the lines of pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.blueprint import clauses
from appliance.blueprint.errors import closest
from appliance.blueprint.expressions import Fold
from appliance.blueprint.fields import read_title
from appliance.blueprint.model import MAX_NAME, Choice, Field, Scalar
from appliance.blueprint.screens import (
    MAX_COLUMNS,
    MAX_TOTALS,
    BoardPage,
    CalendarPage,
    ChartPage,
    DashboardPage,
    DetailPage,
    FormPage,
    KioskPage,
    Measure,
    Page,
    Period,
    ReportPage,
    Shape,
    Sort,
    TablePage,
    TimelinePage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.blueprint.cursor import Cursor
    from appliance.blueprint.lexer import Token
    from appliance.blueprint.model import Entity

_SHAPES: Final = tuple(shape.value for shape in Shape)
_PERIODS: Final = tuple(period.value for period in Period)
_COLUMNS_HINT: Final = "Use a field that is neither hidden nor custom."


def read_page(cursor: Cursor, entities: Sequence[Entity]) -> Page:
    """``"Overdue" table Loan where due < today``.

    Raises:
        BlueprintError: an unknown kind of page, entity or field, or one that this kind of page cannot use.
    """
    title = read_title(cursor, "a page's title", MAX_NAME)
    kind = cursor.take()
    if kind.text == "dashboard":
        cursor.expect(":")
        page: Page = DashboardPage(title, clauses.read_widgets(cursor, entities))
    elif kind.text in _KINDS:
        page = _KINDS[kind.text](cursor, entities, title)
    else:
        cursor.fail(f"{kind.text!r} is no kind of page", closest(kind.text, PAGE_KINDS), kind)
    cursor.end()
    return page


def _table(cursor: Cursor, entities: Sequence[Entity], title: str) -> Page:
    entity = clauses.read_entity(cursor, entities, until=("(", "sort", "where"))
    columns = _columns(cursor, entity)
    sort = None
    if cursor.accept("sort"):
        field = clauses.read_known(cursor, entity, clauses.is_sortable, _COLUMNS_HINT)
        sort = Sort(field.name, down=cursor.accept("down"))
    return TablePage(title, entity.name, clauses.read_where(cursor, entities, entity), columns, sort)


def _columns(cursor: Cursor, entity: Entity) -> tuple[str, ...]:
    if not cursor.at("("):
        return ()
    return clauses.read_fields(cursor, entity, MAX_COLUMNS, clauses.is_shown, "Use fields that are not hidden.")


def _form(cursor: Cursor, entities: Sequence[Entity], title: str) -> Page:
    return FormPage(title, clauses.read_entity(cursor, entities, until=()).name)


def _detail(cursor: Cursor, entities: Sequence[Entity], title: str) -> Page:
    return DetailPage(title, clauses.read_entity(cursor, entities, until=()).name)


def _board(cursor: Cursor, entities: Sequence[Entity], title: str) -> Page:
    entity = clauses.read_entity(cursor, entities, until=("by",))
    cursor.expect("by", "Say what the columns are: board Task by status.")
    by = clauses.read_known(cursor, entity, _is_column, "Use a choice or yes/no field that people set.")
    return BoardPage(title, entity.name, by.name, clauses.read_where(cursor, entities, entity))


def _is_column(field: Field) -> bool:
    return clauses.is_given(field) and (isinstance(field.type, Choice) or field.type is Scalar.BOOLEAN)


def _calendar(cursor: Cursor, entities: Sequence[Entity], title: str) -> Page:
    entity = clauses.read_entity(cursor, entities, until=("by",))
    cursor.expect("by", "Say which date counts: calendar Loan by due.")
    start = _day(cursor, entity)
    end = _day(cursor, entity) if cursor.accept("to") else None
    return CalendarPage(title, entity.name, start, end, clauses.read_where(cursor, entities, entity))


def _day(cursor: Cursor, entity: Entity) -> str:
    return clauses.read_known(cursor, entity, clauses.is_day, "Use a date field.").name


def _timeline(cursor: Cursor, entities: Sequence[Entity], title: str) -> Page:
    entity = clauses.read_entity(cursor, entities, until=("from",))
    cursor.expect("from", "Say where the bars begin: timeline Project from start to end.")
    start = _day(cursor, entity)
    cursor.expect("to", "Say where the bars end: timeline Project from start to end.")
    end = _day(cursor, entity)
    by = None
    if cursor.accept("by"):
        by = clauses.read_known(cursor, entity, clauses.is_groupable, "Use a choice, yes/no, person or ref field.").name
    return TimelinePage(title, entity.name, start, end, by, clauses.read_where(cursor, entities, entity))


def _chart(cursor: Cursor, entities: Sequence[Entity], title: str) -> Page:
    word = cursor.take()
    if word.text not in _SHAPES:
        cursor.fail(f"there is no chart {word.text!r}", closest(word.text, _SHAPES), word)
    entity = clauses.read_entity(cursor, entities, until=("by",))
    cursor.expect("by", f"Say what is compared: chart {word.text} Order by status.")
    token = cursor.peek()
    by, field = clauses.read_group(cursor, entities, entity, days=True)
    per = _period(cursor, field, token)
    measure = clauses.read_measure(cursor, entity) if cursor.at(*clauses.FOLDS) else Measure(Fold.COUNT)
    where = clauses.read_where(cursor, entities, entity)
    return ChartPage(title, Shape(word.text), entity.name, by, measure, per, where)


def _period(cursor: Cursor, field: Field, token: Token | None) -> Period | None:
    here = cursor.peek()
    if not cursor.accept("per"):
        if clauses.is_day(field):
            cursor.fail("dates are put together by a period", f"Write {field.name} per month.", token)
        return None
    if not clauses.is_day(field):
        cursor.fail(f"{field.name!r} has no periods", "Remove 'per': only dates have it.", here)
    word = cursor.take()
    if word.text not in _PERIODS:
        cursor.fail(f"there is no period {word.text!r}", closest(word.text, _PERIODS), word)
    return Period(word.text)


def _kiosk(cursor: Cursor, entities: Sequence[Entity], title: str) -> Page:
    start = cursor.peek()
    entity = clauses.read_entity(cursor, entities, until=("(",))
    names = clauses.read_fields(cursor, entity, MAX_COLUMNS, _at_kiosk, "Use fields that a guest can fill in.")
    for field in entity.fields:
        if field.required and field.default is None and field.name not in names:
            cursor.fail(f"{field.name!r} is required but not asked for", f"Add {field.name} to the fields.", start)
    thanks = read_title(cursor, "the thanks", MAX_THANKS) if cursor.accept("thanks") else ""
    return KioskPage(title, entity.name, names, thanks)


def _at_kiosk(field: Field) -> bool:
    return clauses.is_given(field) and not field.hidden and field.type not in (Scalar.FILE, Scalar.IMAGE)


def _report(cursor: Cursor, entities: Sequence[Entity], title: str) -> Page:
    entity = clauses.read_entity(cursor, entities, until=("(", "by", "where", *clauses.FOLDS))
    columns = _columns(cursor, entity)
    by = clauses.read_group(cursor, entities, entity)[0] if cursor.accept("by") else None
    totals: list[Measure] = []
    if cursor.at(*clauses.FOLDS):
        while True:
            token = cursor.peek()
            totals.append(clauses.read_measure(cursor, entity))
            if len(totals) > MAX_TOTALS or totals[-1] in totals[:-1]:
                cursor.fail(f"a report has at most {MAX_TOTALS} different totals", "Remove one.", token)
            if not cursor.accept(","):
                break
    where = clauses.read_where(cursor, entities, entity)
    return ReportPage(title, entity.name, columns, by, tuple(totals), where)


MAX_THANKS: Final = 160

_KINDS: Final[dict[str, Callable[[Cursor, Sequence[Entity], str], Page]]] = {
    "table": _table,
    "form": _form,
    "detail": _detail,
    "board": _board,
    "calendar": _calendar,
    "timeline": _timeline,
    "chart": _chart,
    "kiosk": _kiosk,
    "report": _report,
}
PAGE_KINDS: Final = (*_KINDS, "dashboard")
