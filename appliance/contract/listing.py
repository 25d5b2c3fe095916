"""Lists: how the rows are wrapped, what stands beside them, and what a query may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.contract.binding import Asked, Beside, Counter, Wrap
from appliance.contract.description import Place
from appliance.contract.shapes import Group, Kind, Leaf, Many, Value
from appliance.contract.typed import Unsayable, accepts, shape_of
from appliance.contract.words import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.contract.binding import Slot
    from appliance.contract.description import Parameter

_BESIDE: Final = {
    "total": Counter.TOTAL,
    "totalcount": Counter.TOTAL,
    "totalitems": Counter.TOTAL,
    "totalelements": Counter.TOTAL,
    "totalresults": Counter.TOTAL,
    "count": Counter.TOTAL,
    "page": Counter.PAGE,
    "pagenumber": Counter.PAGE,
    "number": Counter.PAGE,
    "currentpage": Counter.PAGE,
    "pages": Counter.PAGES,
    "totalpages": Counter.PAGES,
    "pagecount": Counter.PAGES,
    "lastpage": Counter.PAGES,
    "pagesize": Counter.SIZE,
    "perpage": Counter.SIZE,
    "limit": Counter.SIZE,
    "size": Counter.SIZE,
    "offset": Counter.OFFSET,
    "skip": Counter.OFFSET,
    "hasmore": Counter.MORE,
    "hasnext": Counter.MORE,
    "more": Counter.MORE,
    "next": Counter.NEXT,
    "nextpage": Counter.NEXT,
    "nexturl": Counter.NEXT,
    "previous": Counter.PREVIOUS,
    "prev": Counter.PREVIOUS,
    "previouspage": Counter.PREVIOUS,
    "nextcursor": Counter.CURSOR,
    "nextpagetoken": Counter.CURSOR,
    "cursor": Counter.CURSOR,
}
_QUERY: Final = {
    "limit": Counter.SIZE,
    "pagesize": Counter.SIZE,
    "perpage": Counter.SIZE,
    "size": Counter.SIZE,
    "offset": Counter.OFFSET,
    "skip": Counter.OFFSET,
    "page": Counter.PAGE,
    "pagenumber": Counter.PAGE,
    "cursor": Counter.CURSOR,
    "pagetoken": Counter.CURSOR,
    "after": Counter.CURSOR,
    "q": Counter.SEARCH,
    "query": Counter.SEARCH,
    "search": Counter.SEARCH,
    "sort": Counter.SORT,
    "sortby": Counter.SORT,
    "orderby": Counter.SORT,
    "sortorder": Counter.DOWN,
    "sortdirection": Counter.DOWN,
    "direction": Counter.DOWN,
    "order": Counter.DOWN,
}
_WHOLE: Final = frozenset({Counter.TOTAL, Counter.HERE, Counter.PAGE, Counter.PAGES, Counter.SIZE, Counter.OFFSET})
_UNSAID_HEADERS: Final = frozenset({"accept", "content-type", "authorization"})
"""A parameter of these names is ignored (OpenAPI 3.1, 4.8.12.2.1)."""


def rows_of(kind: Kind) -> tuple[Group, Wrap]:
    """What one row looks like, and how the list is wrapped.

    Raises:
        Unsayable: it is no list of objects, or something beside the rows is not known.
    """
    if isinstance(kind, Many):
        return _row(kind), Wrap()
    if isinstance(kind, Group):
        lists = [member for member in kind.members if isinstance(member.kind, Many)]
        if len(lists) == 1 and isinstance(lists[0].kind, Many):
            beside = _beside(kind, (), {lists[0].name})
            names = [item.what for item in beside]
            if names.count(Counter.TOTAL) > 1:
                beside = [_as_here(item) for item in beside]
            return _row(lists[0].kind), Wrap((lists[0].name,), tuple(beside))
    raise Unsayable("it answers neither a list nor an object with one list in it")


def _row(kind: Many) -> Group:
    if not isinstance(kind.of, Group):
        raise Unsayable("it is a list of single values")
    if kind.fewest > 0 or kind.most is not None:
        raise Unsayable("how many rows there are cannot be promised")
    return kind.of


def _as_here(item: Beside) -> Beside:
    here = plain(item.path[-1]) == "count"
    return Beside(item.path, Counter.HERE, item.nullable, item.required) if here else item


def _beside(group: Group, path: tuple[str, ...], but: set[str]) -> list[Beside]:
    found: list[Beside] = []
    for member in group.members:
        if member.name in but and not path:
            continue
        here = (*path, member.name)
        if isinstance(member.kind, Group) and not path:
            found += _beside(member.kind, here, set())
            continue
        what = _BESIDE.get(plain(member.name))
        if what is not None and isinstance(member.kind, Value) and _fits(what, member.kind):
            found.append(Beside(here, what, member.kind.nullable, member.required))
        elif member.required:
            raise Unsayable(f"“{'.'.join(here)}” stands beside the rows, and nothing says what it is")
    return found


def _fits(what: Counter, value: Value) -> bool:
    if value.options or value.pattern or value.multiple not in (None, 1):
        return False
    if what in _WHOLE:
        return value.leaf in (Leaf.INTEGER, Leaf.NUMBER)
    if what is Counter.MORE:
        return value.leaf is Leaf.BOOLEAN
    return value.leaf is Leaf.TEXT or (value.leaf is Leaf.URI and what is not Counter.CURSOR)


def asked_of(parameter: Parameter, slots: Mapping[tuple[str, ...], Slot], *, is_list: bool) -> Asked | None:
    """What a parameter means; None for headers that OpenAPI says nothing about.

    Raises:
        Unsayable: it must be sent and has no meaning here.
    """
    if parameter.place is Place.HEADER and parameter.name.lower() in _UNSAID_HEADERS:
        return None
    try:
        kind = shape_of(parameter.schema, [])
    except Unsayable:
        kind = None
    value = kind if isinstance(kind, Value) else None
    name, place = parameter.name, parameter.place.value
    default = parameter.schema.get("default")
    if value is None or not accepts(value, default):
        default = None
    query = is_list and parameter.place is Place.QUERY
    if query and value is not None:
        means = _QUERY.get(plain(name))
        if means is not None and _means(means, value):
            return Asked(name, place, value, parameter.required, means=means, default=default)
        path = next((path for path in slots if plain(".".join(path)) == plain(name)), None)
        if path is not None and slots[path].nested == () and slots[path].many is None:
            return Asked(name, place, value, parameter.required, filters=path, default=default)
    why = "it is a list" if value is None else "nothing of a record is called so"
    if parameter.required and parameter.place is Place.COOKIE:
        raise Unsayable(f"the cookie “{name}” must be sent with it, and nothing says what it means")
    if parameter.required and parameter.place is Place.QUERY:
        raise Unsayable(f"“{name}” must be sent with it, and {why}")
    return Asked(name, place, value or Value(Leaf.TEXT), parameter.required, default=default, why=why)


def _means(what: Counter, value: Value) -> bool:
    if what in _WHOLE:
        return value.leaf is Leaf.INTEGER
    return value.leaf is Leaf.TEXT
