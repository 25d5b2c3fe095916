"""The app's own pages: tables, forms, details, dashboards; and the way in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from litestar import get
from sqlalchemy import and_, func, select

from .access import Verb
from .columns import Kind
from .controller import show_form
from .definition import Bars, Count, DashboardPage, DetailPage, FormPage, Page, TablePage
from .forms import empty_form
from .listing import EMPTY, find, read_query
from .records import attribute
from .related import related
from .rendering import may_see, visible_pages
from .titles import title
from .visit import NotAllowed
from .web import AppRequest, Html, identity_of, page, redirect, runtime_of

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

    from .definition import Widget
    from .visit import Visit

NEWEST_ROWS: Final = 6
MAX_BARS: Final = 12


@get("/", sync_to_thread=True)
def home(request: AppRequest) -> Html:
    """The first page that the person may see, or a page that says what to ask for."""
    with runtime_of(request).visit(identity_of(request)) as visit:
        pages = visible_pages(visit)
        if pages:
            return redirect(request, f"/pages/{pages[0].slug}")
        return page(request, visit, "home.html")


def page_handler(shown: Page) -> HTTPRouteHandler:
    """The handler of one page."""

    @get(f"/pages/{shown.slug}", sync_to_thread=True, name=f"page-{shown.slug}")
    def handler(request: AppRequest) -> Html:
        with runtime_of(request).visit(identity_of(request)) as visit:
            if not may_see(visit, shown):
                raise NotAllowed(f"You may not open “{shown.title}”.")
            return _show(request, visit, shown)

    return handler


def _show(request: AppRequest, visit: Visit, shown: Page) -> Html:
    if isinstance(shown, TablePage):
        query = read_query(shown.entity, request.url.path, request.query_params.multi_items())
        listing = find(visit, shown.entity, query, shown.where)
        return page(request, visit, "list.html", entity=shown.entity, listing=listing, heading=shown.title)
    if isinstance(shown, FormPage):
        form = empty_form(visit, shown.entity, dict(request.query_params.items()))
        return show_form(request, visit, form, heading=shown.title)
    if isinstance(shown, DetailPage):
        return _show_picker(request, visit, shown)
    widgets = [
        _figure(visit, shown, index, widget)
        for index, widget in enumerate(shown.widgets, start=1)
        if visit.access.may(widget.entity, Verb.READ)
    ]
    return page(request, visit, "dashboard.html", heading=shown.title, widgets=widgets)


def _show_picker(request: AppRequest, visit: Visit, shown: DetailPage) -> Html:
    entity = shown.entity
    wanted = request.query_params.get("id", "")
    row = visit.row(entity, int(wanted)) if wanted.isascii() and wanted.isdigit() else None
    query = read_query(
        entity, request.url.path, [item for item in request.query_params.multi_items() if item[0] != "id"]
    )
    listing = find(visit, entity, query)
    if row is not None:
        visit.learn(entity, [row])
    return page(
        request,
        visit,
        "picker.html",
        heading=shown.title,
        entity=entity,
        listing=listing,
        row=row,
        row_title=title(entity, row) if row is not None else "",
        related=related(visit, entity, row) if row is not None else [],
    )


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what it counts, how many, how long compared to the longest (percent), and the rows behind it."""

    label: str
    count: int
    percent: float
    address: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A widget with its numbers."""

    kind: str
    widget: Widget
    address: str
    count: int = 0
    rows: tuple[Any, ...] = ()
    bars: tuple[Bar, ...] = ()
    more: int = 0


def _figure(visit: Visit, shown: DashboardPage, index: int, widget: Widget) -> Figure:
    entity = widget.entity
    rows = visit.access.rows(entity, Verb.READ)
    condition = rows if widget.where is None else and_(rows, widget.where.clause(visit.moment))
    address = _address(visit, shown, index, widget)
    if isinstance(widget, Bars):
        return _bars(visit, widget, condition, address)
    count = visit.session.scalar(select(func.count()).select_from(entity.model).where(condition)) or 0
    if isinstance(widget, Count):
        return Figure("count", widget, address, count=count)
    newest = select(entity.model).where(condition).order_by(attribute(entity.model, "id").desc()).limit(NEWEST_ROWS)
    found = tuple(visit.session.scalars(newest))
    visit.learn(entity, found)
    return Figure("newest", widget, address, count=count, rows=found)


def _address(visit: Visit, shown: DashboardPage, index: int, widget: Widget) -> str:
    if widget.where is None:
        return f"/{widget.entity.slug}"
    for other in visit.runtime.definition.pages:
        if isinstance(other, TablePage) and other.entity is widget.entity and other.where == widget.where:
            return f"/pages/{other.slug}"
    return f"/{widget.entity.slug}?view={shown.slug}-{index}"


def _bars(visit: Visit, widget: Bars, condition: Any, address: str) -> Figure:
    entity = widget.entity
    spec = entity.field(widget.by)
    if spec is None:
        return Figure("bars", widget, address)
    column = attribute(entity.model, spec.attribute)
    counted = select(column, func.count()).where(condition).group_by(column)
    counts: dict[Any, int] = {value: count for value, count in visit.session.execute(counted)}  # noqa: C416
    total = sum(counts.values())
    joiner = "&" if "?" in address else "?"
    if spec.kind is Kind.CHOICE:
        ordered = [(option, counts.pop(option, 0)) for option in spec.options]
        ordered += sorted(((value, count) for value, count in counts.items()), key=lambda item: str(item[0]))
    else:
        ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    _learn_values(visit, widget, [value for value, _ in ordered if value is not None])
    longest = max((count for _, count in ordered), default=0) or 1
    bars = []
    for value, count in ordered[:MAX_BARS]:
        label, key = _named(visit, widget, value)
        link = f"{address}{joiner}f.{spec.name}={quote(key)}" if key else ""
        bars.append(Bar(label, count, round(100 * count / longest, 1), link))
    return Figure("bars", widget, address, total, bars=tuple(bars), more=max(0, len(ordered) - MAX_BARS))


def _learn_values(visit: Visit, widget: Bars, values: list[Any]) -> None:
    """Look up the names behind ids, through one stand-in row per value."""
    entity = widget.entity
    spec = entity.field(widget.by)
    if spec is not None and spec.kind in (Kind.REF, Kind.PERSON):
        visit.learn(entity, [entity.model(**{spec.attribute: value}) for value in values])


def _named(visit: Visit, widget: Bars, value: Any) -> tuple[str, str]:
    spec = widget.entity.field(widget.by)
    if value is None or spec is None:
        return "(empty)", EMPTY
    if spec.kind is Kind.BOOLEAN:
        return ("Yes", "on") if value else ("No", "off")
    if spec.kind is Kind.REF:
        return visit.referred(spec, value) or "(not visible to you)", str(value)
    if spec.kind is Kind.PERSON:
        person = visit.somebody(value)
        return (person.display, person.key) if person is not None else ("Somebody", "")
    return str(value), str(value)
