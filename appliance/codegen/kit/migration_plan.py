"""What is to become of the records when the app changes: read from ``plan.json``, which the appliance wrote.

A field keeps its identity (``uid``) under every name, and so do tables and the options of choices. A kind is written as
in the blueprint; ``ref <uid>`` names the table that a reference leads to, and the empty text says that there is no such
field on that side.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

MAX_PLAN_BYTES: Final = 4 << 20
FORMAT: Final = 1


class PlanRefused(Exception):  # noqa: N818
    """The plan cannot be read or is of another format; nothing was done."""


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """One field before and after. ``source`` and ``target`` are columns (None: there is none on that side), ``name`` is
    what people call it. ``words_before`` and ``words_after``: the options of a choice, word → uid.

    ``fill``: what rows without a value get, as a form takes it. ``unfit``: ``refuse`` or ``empty``, for values that
    cannot be converted; ``note`` is the column that then keeps their text.
    """

    uid: str
    name: str
    source: str | None
    target: str | None
    before: str
    after: str
    words_before: Mapping[str, str]
    words_after: Mapping[str, str]
    fill: str | None = None
    unfit: str = "refuse"
    note: str | None = None


@dataclass(frozen=True, slots=True)
class TablePlan:
    """One kind of record before and after; ``label`` is the column that names a row in a report."""

    uid: str
    entity: str
    source: str | None
    target: str | None
    label: str | None
    columns: tuple[ColumnPlan, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """``version`` is the version that this leads to, ``restores`` the one that is to come back, if any.

    ``id`` is the same for the same change: carried out twice, the second time nothing is done.
    """

    id: str
    version: int
    restores: int | None
    tables: tuple[TablePlan, ...]
    since: str = ""
    """Rows added at or after this instant (ISO 8601, UTC) are counted as newer in the result; empty: none."""

    def table(self, uid: str) -> TablePlan | None:
        """The table with that identity."""
        return next((table for table in self.tables if table.uid == uid), None)


def read_plan(path: Path) -> Plan:
    """Read ``plan.json``.

    Raises:
        PlanRefused: too large, not JSON, or not of this format.
    """
    try:
        if path.stat().st_size > MAX_PLAN_BYTES:
            raise PlanRefused(f"{path} is larger than {MAX_PLAN_BYTES >> 20} MB.")
        return make_plan(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise PlanRefused(f"{path} cannot be read: {error}") from error


def make_plan(data: Any) -> Plan:
    """A plan from JSON values.

    Raises:
        PlanRefused: not of this format.
    """
    try:
        if data["format"] != FORMAT:
            raise PlanRefused(f"The plan has format {data['format']}, this app reads format {FORMAT}.")
        tables = tuple(
            TablePlan(**{**table, "columns": tuple(ColumnPlan(**column) for column in table["columns"])})
            for table in data["tables"]
        )
        return Plan(str(data["id"]), int(data["version"]), data["restores"], tables, str(data.get("since", "")))
    except (KeyError, TypeError, ValueError) as error:
        raise PlanRefused(f"The plan is not complete: {error!r}") from error
