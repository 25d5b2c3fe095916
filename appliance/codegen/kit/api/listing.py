"""Lists in JSON: filtered, searched, sorted and in pages as the contract says, of the rows that the person may read."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, and_, func, select

from ..access import Verb
from ..columns import Kind
from ..listing import held, narrowed, ordered
from ..query import ListQuery
from ..records import attribute
from ..values import Invalid, parse
from . import ids
from .asking import above, asked
from .refusing import Refusal
from .showing import show
from .types import read_moment

if TYPE_CHECKING:
    from ..columns import FieldSpec
    from ..visit import Visit
    from ..web import AppRequest
    from .model import Kept, Operation, Part, Wrap

MAX_ROWS: Final = 1_000
"""Rows of one answer, whatever is asked for."""
USUAL_ROWS: Final = 100
"""Rows of one answer where the contract has pages and the request says nothing."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows of all."""

    offset: int
    size: int
    total: int
    first: int = 1

    @property
    def more(self) -> bool:
        """Whether there are rows behind."""
        return self.offset + self.size < self.total


def listed(visit: Visit, request: AppRequest, operation: Operation, kept: Kept) -> Any:
    """The answer of a list.

    Raises:
        NotAllowed, NoSuchRow: the person may not see these.
        Refusal: a parameter cannot be followed.
    """
    if operation.shown is None:
        raise LookupError(operation.id)
    entity = kept.entity
    visit.require(entity, Verb.READ)
    values = asked(visit, request, operation)
    narrowing, _ = above(visit, request, operation)
    query = ListQuery(request.url.path, q=str(_meant(operation, values, "search") or "")[:200])
    condition, query = narrowed(visit, entity, query, None)
    condition = and_(condition, narrowing, *_filters(visit, operation, kept, values))
    total = visit.session.scalar(select(func.count()).select_from(entity.model).where(condition)) or 0
    window = _window(visit, operation, values, total)
    statement = _sorted(visit, operation, kept, values, condition)
    rows = list(visit.session.scalars(statement.limit(window.size).offset(window.offset)))
    visit.learn(entity, rows)
    shown = [show(visit, operation.shown, row) for row in rows]
    return _wrapped(request, operation, operation.wrap, shown, window)


def _meant(operation: Operation, values: dict[str, Any], what: str) -> Any:
    return next((values[one.name] for one in operation.asked if one.means == what and one.name in values), None)


def _filters(visit: Visit, operation: Operation, kept: Kept, values: dict[str, Any]) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for one in operation.asked:
        part = one.filters
        if part is None or one.name not in values:
            continue
        text = str(values[one.name])
        if part.source in ("created", "updated", "version", "id"):
            found.append(_own_filter(kept, part, text))
            continue
        spec = visit.field(kept.entity, part.field)
        if spec is None:
            message = visit.language.say("You may not see “{field}”, so nothing can be found by it.", field=one.name)
            raise Refusal.asked(message, ((one.name, message),))
        try:
            found.append(_is(visit, kept, spec, part, text))
        except Invalid as error:
            message = visit.language.tell(error)
            raise Refusal.asked(message, ((one.name, message),)) from error
    return found


def _own_filter(kept: Kept, part: Part, text: str) -> ColumnElement[bool]:
    if part.source == "id":
        number = ids.read(part.to or kept, text)
        return attribute(kept.entity.model, "id") == (number or 0)
    name = {"created": "created_at", "updated": "updated_at", "version": "version"}[part.source]
    value: Any = int(text) if part.source == "version" else read_moment(text)
    found: ColumnElement[bool] = attribute(kept.entity.model, name).expression == value
    return found


def _is(visit: Visit, kept: Kept, spec: FieldSpec, part: Part, text: str) -> ColumnElement[bool]:
    column = held(visit, kept.entity, spec)
    if spec.kind is Kind.REF:
        return column == (ids.read(part.to, text) or 0) if part.to is not None else column == 0
    if spec.kind is Kind.BOOLEAN:
        return column.is_(text == "True")
    if spec.kind is Kind.DATETIME:
        return column == read_moment(text).astimezone().replace(tzinfo=None)
    if spec.kind is Kind.PERSON:
        person = next(iter(visit.moment.me), 0) if text == visit.person.key else 0
        return column == person
    value = parse(spec, text)
    return func.lower(column) == str(value).lower() if spec.is_text else column == value


def _sorted(
    visit: Visit, operation: Operation, kept: Kept, values: dict[str, Any], condition: ColumnElement[bool]
) -> Any:
    statement = select(kept.entity.model).where(condition)
    wanted = str(_meant(operation, values, "sort") or "")
    if not wanted:
        return ordered(visit, kept.entity, statement, "")
    name, _, direction = re.sub(r"^[+-]", "", wanted).partition(":" if ":" in wanted else ",")
    downs = {"desc", "descending", "down", "-1"}
    told = str(_meant(operation, values, "down") or direction).strip().lower()
    down = wanted.startswith("-") or told in downs
    parts = operation.shown.parts if operation.shown is not None else ()
    part = next((one for one in parts if _plain(one.name) == _plain(name)), None)
    own = {"id": "id", "created": "created_at", "updated": "updated_at", "version": "version"}
    if part is not None and part.source in own:
        column = attribute(kept.entity.model, own[part.source])
        return statement.order_by(column.desc() if down else column.asc(), attribute(kept.entity.model, "id"))
    spec = visit.field(kept.entity, part.field) if part is not None else None
    if spec is None or part is None or part.source == "related":
        message = visit.language.say("There is no column “{name}” to sort by.", name=wanted)
        asked_by = next(one.name for one in operation.asked if one.means == "sort")
        raise Refusal.asked(message, ((asked_by, message),))
    return ordered(visit, kept.entity, statement, f"-{spec.name}" if down else spec.name)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _window(visit: Visit, operation: Operation, values: dict[str, Any], total: int) -> Window:
    pages = any(one.means in ("size", "offset", "page", "cursor") for one in operation.asked)
    size = _meant(operation, values, "size")
    size = max(0, min(int(size), MAX_ROWS)) if size is not None else (USUAL_ROWS if pages else MAX_ROWS)
    offset = max(0, int(_meant(operation, values, "offset") or 0))
    first = next((one.first for one in operation.asked if one.means == "page"), 1)
    page = _meant(operation, values, "page")
    if page is not None:
        offset = max(0, int(page) - first) * size
    cursor = _meant(operation, values, "cursor")
    if cursor is not None:
        offset = _opened(visit, str(cursor))
    return Window(min(offset, 1 << 40), size, total, first)


def _cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(f"at:{offset}".encode()).decode().rstrip("=")


def _opened(visit: Visit, cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        text = ""
    found = re.fullmatch(r"at:(\d{1,12})", text)
    if found is None:
        raise Refusal.asked(visit.language.say("This place in the list is not known. Begin again without it."))
    return int(found[1])


def _wrapped(
    request: AppRequest, operation: Operation, wrap: Wrap | None, rows: list[dict[str, Any]], window: Window
) -> Any:
    if wrap is None or not wrap.rows:
        return rows
    made: dict[str, Any] = {wrap.rows[0]: rows}
    for path, what, nullable in wrap.beside:
        value = _counter(request, operation, what, rows, window)
        if value is None and not nullable:
            if what in ("next", "previous", "cursor"):
                value = ""
            else:
                continue
        inside = made
        for name in path[:-1]:
            inside = inside.setdefault(name, {})
        inside[path[-1]] = value
    return made


def _counter(request: AppRequest, operation: Operation, what: str, rows: list[dict[str, Any]], window: Window) -> Any:
    page = window.offset // window.size if window.size else 0
    following, before = window.offset + window.size, max(0, window.offset - window.size)
    plain: dict[str, Any] = {
        "total": window.total,
        "here": len(rows),
        "page": page + window.first,
        "pages": -(-window.total // window.size) if window.size else 0,
        "size": window.size,
        "offset": window.offset,
        "more": window.more,
        "cursor": _cursor(following) if window.more else None,
        "next": _link(request, operation, following, window) if window.more else None,
        "previous": _link(request, operation, before, window) if window.offset else None,
    }
    return plain[what]


def _link(request: AppRequest, operation: Operation, offset: int, window: Window) -> str | None:
    """The address of another part of the same list, if the contract has a parameter for it."""
    for one in operation.asked:
        if one.means in ("page", "offset", "cursor"):
            page = offset // window.size + window.first if window.size else window.first
            value = {"page": str(page), "offset": str(offset), "cursor": _cursor(offset)}[one.means]
            kept = [(name, text) for name, text in request.query_params.multi_items() if name != one.name]
            address = f"{request.url.path}?{urlencode([*kept, (one.name, value)])}"
            return f"{request.url.scheme}://{request.headers.get('host', '')}{address}"
    return None
