"""The app's own pages, each kind shown by its own module; and the way in."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from litestar import get

from . import board, calendar, chart, dashboard, kiosk, report, timeline
from .controller import show_form
from .definition import (
    BoardPage,
    CalendarPage,
    ChartPage,
    DashboardPage,
    DetailPage,
    FormPage,
    KioskPage,
    Page,
    ReportPage,
    TablePage,
    TimelinePage,
)
from .export import MAX_EXPORT_ROWS, as_csv
from .forms import empty_form
from .listing import every, find
from .query import read_query
from .related import related
from .rendering import may_see, visible_pages
from .rows import Unreadable
from .visit import NotAllowed
from .web import AppRequest, Html, identity_of, page, redirect, runtime_of

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

    from .visit import Visit


@get("/", sync_to_thread=True)
def home(request: AppRequest) -> Html:
    """The first page that the person may see, or a page that says what to ask for."""
    with runtime_of(request).visit(identity_of(request)) as visit:
        pages = visible_pages(visit)
        if pages:
            return redirect(request, f"/pages/{pages[0].slug}")
        return page(request, visit, "home.html")


def page_handlers(shown: Page) -> list[HTTPRouteHandler]:
    """Every address of one page."""

    @get(f"/pages/{shown.slug}", sync_to_thread=True, name=f"page-{shown.slug}")
    def handler(request: AppRequest) -> Html:
        with runtime_of(request).visit(identity_of(request)) as visit:
            _require(visit, shown)
            try:
                return _show(request, visit, shown)
            except Unreadable as error:
                return page(request, visit, "closed.html", heading=shown.title, message=str(error))

    found: list[HTTPRouteHandler] = [handler]
    if isinstance(shown, BoardPage):
        found.append(board.move_handler(shown))
    elif isinstance(shown, KioskPage):
        found += kiosk.handlers(shown)
    elif isinstance(shown, TablePage | ReportPage):
        found.append(_csv_handler(shown))
    return found


def _csv_handler(shown: TablePage | ReportPage) -> HTTPRouteHandler:
    @get(f"/pages/{shown.slug}/export.csv", sync_to_thread=True)
    def handler(request: AppRequest) -> Html:
        with runtime_of(request).visit(identity_of(request)) as visit:
            _require(visit, shown)
            if isinstance(shown, ReportPage):
                return report.export(request, visit, shown)
            query = read_query(request.url.path, _parameters(request, shown))
            return as_csv(visit, shown.entity, every(visit, shown.entity, query, shown.where, MAX_EXPORT_ROWS))

    return handler


def _require(visit: Visit, shown: Page) -> None:
    if not may_see(visit, shown):
        raise NotAllowed(visit.language.say("You may not open “{page}”.", page=shown.title))


def _parameters(request: AppRequest, shown: TablePage | ReportPage) -> list[tuple[str, str]]:
    """What the address asks for; a table page that has an order of its own keeps it until another is asked for."""
    asked = list(request.query_params.multi_items())
    if isinstance(shown, TablePage) and shown.sort and not any(name == "sort" and value for name, value in asked):
        asked.append(("sort", shown.sort))
    return asked


def _show(request: AppRequest, visit: Visit, shown: Page) -> Html:  # noqa: PLR0911 - one kind after the other
    match shown:
        case TablePage():
            return _show_table(request, visit, shown)
        case FormPage():
            form = empty_form(visit, shown.entity, dict(request.query_params.items()))
            return show_form(request, visit, form, heading=shown.title)
        case DetailPage():
            return _show_picker(request, visit, shown)
        case BoardPage():
            return board.show(request, visit, shown)
        case CalendarPage():
            return calendar.show(request, visit, shown)
        case TimelinePage():
            return timeline.show(request, visit, shown)
        case ChartPage():
            return chart.show(request, visit, shown)
        case KioskPage():
            return kiosk.show(request, visit, shown)
        case ReportPage():
            return report.show(request, visit, shown)
        case DashboardPage():
            return dashboard.show(request, visit, shown)
        case _:
            assert_never(shown)


def _show_table(request: AppRequest, visit: Visit, shown: TablePage) -> Html:
    query = read_query(request.url.path, _parameters(request, shown))
    listing = find(visit, shown.entity, query, shown.where, shown.columns)
    return page(request, visit, "list.html", entity=shown.entity, listing=listing, heading=shown.title)


def _show_picker(request: AppRequest, visit: Visit, shown: DetailPage) -> Html:
    entity = shown.entity
    wanted = request.query_params.get("id", "")
    row = visit.row(entity, int(wanted)) if wanted.isascii() and wanted.isdigit() else None
    query = read_query(request.url.path, [item for item in request.query_params.multi_items() if item[0] != "id"])
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
        row_title=visit.title(entity, row) if row is not None else "",
        related=related(visit, entity, row) if row is not None else [],
    )
