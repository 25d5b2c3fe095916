"""The address of a list and what it asks for: search, filters, sorting, page; and one page of rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .columns import FieldSpec
    from .conditions import Where

PAGE_ROWS: Final = 25
MAX_SEARCH: Final = 200
MAX_FILTERS: Final = 24


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What the address asks for. ``notices`` say what of it could not be followed."""

    path: str
    q: str = ""
    sort: str = ""
    page: int = 1
    filters: tuple[tuple[str, str], ...] = ()
    view: str = ""
    extra: tuple[tuple[str, str], ...] = ()
    notices: tuple[str, ...] = ()

    def address(self, **changes: Any) -> str:
        """The address of this list with some changes; any change but of the page goes back to the first page."""
        changed = replace(self, **({"page": 1} | changes))
        pairs = [("q", changed.q), ("sort", changed.sort), ("view", changed.view)]
        pairs += [*changed.extra, *((f"f.{name}", value) for name, value in changed.filters)]
        if changed.page > 1:
            pairs.append(("page", str(changed.page)))
        text = urlencode([(name, value) for name, value in pairs if value])
        return f"{changed.path}?{text}" if text else changed.path

    def value(self, name: str) -> str:
        """The value of a filter, or nothing."""
        return dict(self.filters).get(name, "")

    def asked(self, name: str) -> str:
        """What the page itself was asked for under that name, such as the month of a calendar."""
        return dict(self.extra).get(name, "")

    def turned(self, **asked: str) -> str:
        """The address with other wishes to the page itself; an empty one is left out."""
        return self.address(extra=tuple((dict(self.extra) | asked).items()))

    def without(self, name: str) -> str:
        """The address without one filter."""
        return self.address(filters=tuple(item for item in self.filters if item[0] != name))

    def sorted_by(self, spec: FieldSpec) -> str:
        """``ascending``, ``descending`` or ``none``: the value of ``aria-sort``."""
        if self.sort.removeprefix("-") != spec.name:
            return "none"
        return "descending" if self.sort.startswith("-") else "ascending"

    def sort_address(self, spec: FieldSpec) -> str:
        """The address that sorts by this column, or turns the order round."""
        return self.address(sort=f"-{spec.name}" if self.sorted_by(spec) == "ascending" else spec.name)

    @property
    def narrowed(self) -> bool:
        """Whether something was asked for beyond the whole list."""
        return bool(self.q or self.filters or self.view)


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of rows."""

    query: ListQuery
    rows: list[Any]
    total: int
    where: Where | None = None
    choices: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    columns: tuple[FieldSpec, ...] = ()

    @property
    def pages(self) -> int:
        """How many pages there are; at least one."""
        return max(1, -(-self.total // PAGE_ROWS))

    @property
    def first(self) -> int:
        """The number of the first row shown."""
        return (self.query.page - 1) * PAGE_ROWS + 1 if self.rows else 0

    @property
    def last(self) -> int:
        """The number of the last row shown."""
        return self.first + len(self.rows) - 1 if self.rows else 0


def read_query(path: str, parameters: Iterable[tuple[str, str]], keep: tuple[str, ...] = ()) -> ListQuery:
    """Read the parameters of a list's address as they are; ``listing`` says which mean something here.

    ``keep``: those of the page itself.
    """
    query = ListQuery(path)
    extra: dict[str, str] = {}
    filters: dict[str, str] = {}
    for name, value in parameters:
        if name == "q":
            query = replace(query, q=value[:MAX_SEARCH])
        elif name == "view":
            query = replace(query, view=value)
        elif name in keep:
            extra[name] = value[:MAX_SEARCH]
        elif name == "page":
            query = replace(query, page=int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 1)
        elif name == "sort" and value:
            query = replace(query, sort=value[:MAX_SEARCH])
        elif name.startswith("f.") and value and len(filters) < MAX_FILTERS:
            filters[name[2:]] = value
    return replace(
        query,
        page=max(1, query.page),
        filters=tuple(filters.items()),
        extra=tuple(extra.items()),
    )
