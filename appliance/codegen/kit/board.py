"""Boards: a column for each option of a field, a card for each row; moving a card sets the field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from litestar import Response, post
from litestar.concurrency import sync_to_thread
from sqlalchemy import func, select

from .access import Verb
from .columns import FieldSpec, Kind
from .display import names_deadline, tone
from .grouping import EMPTY_KEY
from .history import HistoryEntry
from .listing import held
from .records import attribute
from .rendering import may_see
from .rows import Selection, Unreadable, hints, selection
from .saving import change
from .values import Invalid, parse
from .visit import NoSuchRow, NotAllowed
from .web import AppRequest, Html, identity_of, page, read_sent, redirect, runtime_of

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

    from .definition import BoardPage
    from .visit import Visit

MAX_CARDS: Final = 50
"""Cards in one column; the rest is a link away."""


@dataclass(frozen=True, slots=True)
class Card:
    """One row on the board."""

    row: Any
    title: str
    movable: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """One column. ``key`` is what a form sends for it; ``add`` leads to a form for a new row in it, if allowed."""

    key: str
    label: str
    tone: str
    total: int
    cards: list[Card]
    address: str
    add: str


def show(request: AppRequest, visit: Visit, shown: BoardPage) -> Html:
    """The board."""
    entity = shown.entity
    spec = _field(visit, shown)
    chosen = selection(request, visit, entity, shown.where)
    lanes = _lanes(visit, chosen, spec)
    return page(
        request,
        visit,
        "board.html",
        heading=shown.title,
        shown=shown,
        entity=entity,
        selection=chosen,
        lanes=lanes,
        total=sum(lane.total for lane in lanes),
        movable=any(card.movable for lane in lanes for card in lane.cards),
        hints=hints(visit, entity, without=(spec.name,)),
    )


def _field(visit: Visit, shown: BoardPage) -> FieldSpec:
    spec = visit.field(shown.entity, shown.by)
    if spec is None:
        raise Unreadable(visit.language.say("You may not see what this board is sorted by."))
    return spec


def _lanes(visit: Visit, chosen: Selection, spec: FieldSpec) -> list[Lane]:
    entity = chosen.entity
    by = held(visit, entity, spec)
    counted = select(by, func.count()).select_from(entity.model).where(chosen.condition).group_by(by)
    totals: dict[str, int] = {}
    for value, count in visit.session.execute(counted):
        totals[_key(spec, value)] = totals.get(_key(spec, value), 0) + count
    by_key: dict[str, list[Any]] = {}
    for row in _rows(visit, chosen, spec):
        by_key.setdefault(_key(spec, visit.value(entity, row, spec)), []).append(row)
    can_add = visit.access.may(entity, Verb.CREATE) and visit.access.sets(entity, spec, None)
    lanes = []
    for key, label in _columns(visit, spec, totals):
        cards = [Card(row, visit.title(entity, row), _movable(visit, entity, spec, row)) for row in by_key.get(key, [])]
        base = chosen.list_address
        address = f"{base}{'&' if '?' in base else '?'}f.{spec.name}={quote(_filter(spec, key))}"
        add = f"/{entity.slug}/new?{spec.name}={quote(key)}" if can_add and key in _keys(spec) else ""
        lanes.append(Lane(key, label, _tone(spec, key), totals.get(key, 0), cards, address, add))
    return lanes


def _rows(visit: Visit, chosen: Selection, spec: FieldSpec) -> list[Any]:
    """The first rows of each column: what is due first, else what is newest."""
    model = chosen.entity.model
    newest = attribute(model, "id").desc()
    due = next(
        (
            other
            for other in visit.fields(chosen.entity)
            if other.kind in (Kind.DATE, Kind.DATETIME) and names_deadline(other.label)
        ),
        None,
    )
    order = [newest] if due is None else [held(visit, chosen.entity, due).asc().nulls_last(), newest]
    place = func.row_number().over(partition_by=held(visit, chosen.entity, spec), order_by=order)
    placed = select(attribute(model, "id").label("id"), place.label("place")).where(chosen.condition).subquery()
    first = select(model).join(placed, placed.c.id == attribute(model, "id")).where(placed.c.place <= MAX_CARDS)
    rows = list(visit.session.scalars(first.order_by(placed.c.place)))
    visit.learn(chosen.entity, rows)
    return rows


def _keys(spec: FieldSpec) -> tuple[str, ...]:
    return ("", "on") if spec.kind is Kind.BOOLEAN else spec.options


def _columns(visit: Visit, spec: FieldSpec, totals: dict[str, int]) -> list[tuple[str, str]]:
    say = visit.language.say
    if spec.kind is Kind.BOOLEAN:
        return [("", say("No")), ("on", say("Yes"))]
    found = [(option, option) for option in spec.options]
    if not spec.required and totals.get(""):
        found.insert(0, ("", say("(empty)")))
    known = {key for key, _ in found}
    return found + [
        (key, say("{value} (no longer offered)", value=key)) for key in sorted(totals) if key and key not in known
    ]


def _key(spec: FieldSpec, value: Any) -> str:
    if spec.kind is Kind.BOOLEAN:
        return "on" if value else ""
    return "" if value is None else str(value)


def _filter(spec: FieldSpec, key: str) -> str:
    if spec.kind is Kind.BOOLEAN:
        return key or "off"
    return key or EMPTY_KEY


def _tone(spec: FieldSpec, key: str) -> str:
    if spec.kind is Kind.BOOLEAN:
        return "green" if key else "slate"
    return tone(key, spec.label, spec.options) if key else "plain"


def _movable(visit: Visit, entity: Any, spec: FieldSpec, row: Any) -> bool:
    return visit.access.covers(entity, Verb.EDIT, row) and visit.access.sets(entity, spec, row)


def move_handler(shown: BoardPage) -> HTTPRouteHandler:
    """``POST /pages/P/move``: ``id``, ``value`` and the ``version`` that the card showed."""

    @post(f"/pages/{shown.slug}/move", status_code=303)
    async def handler(request: AppRequest) -> Html:
        sent = await read_sent(request)
        return await sync_to_thread(_move, request, shown, sent)

    return handler


def _move(request: AppRequest, shown: BoardPage, sent: dict[str, object]) -> Html:
    say, noun = runtime_of(request).renderer.language.say, shown.entity.noun
    try:
        with runtime_of(request).visit(identity_of(request), writing=True) as visit:
            status, message, version = _moved(visit, shown, sent)
            if status >= 400:
                visit.session.rollback()
    except NotAllowed as error:
        status, message, version = 403, str(error), 0
    except NoSuchRow:
        status, message, version = (
            404,
            say("There is no such {record} any more, or you may not see it.", record=noun),
            0,
        )
    if "application/json" in request.headers.get("accept", ""):
        return Response({"message": message, "version": version}, status_code=status)
    return redirect(request, f"/pages/{shown.slug}", message, kind="success" if status < 400 else "problem")


def _moved(visit: Visit, shown: BoardPage, sent: dict[str, object]) -> tuple[int, str, int]:
    """Status, message and the row's new version."""
    say = visit.language.say
    if not may_see(visit, shown):
        raise NotAllowed(say("You may not open “{page}”.", page=shown.title))
    entity, spec = shown.entity, visit.field(shown.entity, shown.by)
    if spec is None:
        raise NotAllowed(say("You may not move this {record}.", record=entity.noun))
    wanted = str(sent.get("id", ""))
    row = visit.row(entity, int(wanted) if wanted.isascii() and wanted.isdigit() else 0, Verb.EDIT)
    if not visit.access.sets(entity, spec, row):
        raise Unreadable(visit.language.say("You may not move this {record}.", record=entity.noun))
    key = str(sent.get("value", ""))
    try:
        value = parse(spec, key) if key or spec.kind is Kind.BOOLEAN else None
    except Invalid:
        return 422, say("There is no such column on this board."), row.version
    if value is None and spec.required:
        return 422, say("There is no such column on this board."), row.version
    shown_version = str(sent.get("version", ""))
    version = int(shown_version) if shown_version.isascii() and shown_version.isdigit() else row.version
    if version != row.version:
        message = (
            "Somebody changed this {record} meanwhile, so it was not moved. Reload the page to see it as it is now."
        )
        return 409, say(message, record=entity.noun), row.version
    if not isinstance(changed := change(visit, entity, row, {spec.attribute: value}), HistoryEntry):
        return 422, " ".join(changed), version
    label = dict(_columns(visit, spec, {key: 1})).get(key, key)
    return 200, say("{title} moved to {column}", title=visit.title(entity, row), column=label), row.version
