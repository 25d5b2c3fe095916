"""Reports: rows made for paper, in groups with totals of each group and of all; and the same as CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from litestar import Response
from sqlalchemy import select

from .columns import FieldSpec, Kind
from .conditions import local_now
from .export import cell, harmless
from .grouping import UNSEEN, Axis, axis, in_order, learn_values, named
from .listing import held, sort_key
from .measures import Gauge, Tally, gauge
from .records import attribute
from .rows import Selection, Unreadable, selection
from .web import page

if TYPE_CHECKING:
    from .definition import ReportPage
    from .visit import Visit
    from .web import AppRequest, Html

MAX_ROWS: Final = 2_000
MAX_COLUMNS: Final = 8


class Total(NamedTuple):
    """A total in words: of what, in which column (-1: beside the name of the group), and how much."""

    name: str
    place: int
    text: str


@dataclass(slots=True)
class Group:
    """The rows of one value, and their totals in words; the totals count rows that are not shown, too."""

    label: str
    rows: list[Any] = field(default_factory=list)
    totals: tuple[Total, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Everything on the page."""

    columns: tuple[FieldSpec, ...]
    groups: list[Group]
    totals: tuple[Total, ...]
    count: int
    shown: int
    by: str


def show(request: AppRequest, visit: Visit, shown: ReportPage) -> Html:
    """The page; its printed form leaves out everything that is not the report."""
    chosen = selection(request, visit, shown.entity, shown.where)
    report = _report(visit, shown, chosen)
    export = chosen.query.address()[len(chosen.query.path) :]
    return page(
        request,
        visit,
        "report.html",
        heading=shown.title,
        shown=shown,
        entity=shown.entity,
        selection=chosen,
        query=chosen.query,
        report=report,
        export=f"/pages/{shown.slug}/export.csv{export}",
        made=local_now(),
    )


def export(request: AppRequest, visit: Visit, shown: ReportPage) -> Html:
    """The same rows and totals for a spreadsheet (RFC 4180)."""
    chosen = selection(request, visit, shown.entity, shown.where)
    report = _report(visit, shown, chosen)
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    first = [harmless(report.by)] if report.by else []
    writer.writerow([*first, *(harmless(spec.label) for spec in report.columns)])
    for group in report.groups:
        label = [harmless(group.label)] if report.by else []
        for row in group.rows:
            writer.writerow(
                [*label, *(cell(visit, spec, visit.value(shown.entity, row, spec)) for spec in report.columns)]
            )
    headers = {"content-disposition": f'attachment; filename="{shown.slug}.csv"', "cache-control": "no-store"}
    return Response(b"\xef\xbb\xbf" + buffer.getvalue().encode(), media_type="text/csv; charset=utf-8", headers=headers)


def _report(visit: Visit, shown: ReportPage, chosen: Selection) -> Report:
    entity = shown.entity
    columns = tuple(spec for name in shown.columns if (spec := visit.field(entity, name)) is not None)
    if not columns:
        columns = tuple(spec for spec in visit.fields(entity) if not spec.is_upload)[:MAX_COLUMNS]
    by = axis(visit, entity, shown.by) if shown.by else None
    if shown.by and by is None:
        raise Unreadable(visit.language.say("You may not see what this report is grouped by."))
    if by is not None:
        columns = tuple(spec for spec in columns if spec.name != by.path) or columns
    gauges = [made for total in shown.totals if (made := gauge(visit, entity, total)) is not None]
    totals = _totals(visit, chosen, gauges)
    groups = _groups(visit, chosen, by, gauges, columns)
    rows = _rows(visit, chosen, by, columns)
    found: dict[Any, Group] = dict(groups)
    for value, row in rows:
        found.setdefault(value, Group("")).rows.append(row)
    return Report(
        columns=columns,
        groups=[group for group in found.values() if group.rows],
        totals=_worded(visit, columns, gauges, totals),
        count=chosen.count(visit),
        shown=len(rows),
        by=by.label if by is not None else "",
    )


def _worded(
    visit: Visit, columns: tuple[FieldSpec, ...], gauges: list[Gauge], tallies: list[Tally]
) -> tuple[Total, ...]:
    """Totals in words; each in the column of its field, unless that is the first or another fold has it already."""
    found: list[Total] = []
    for made, tally in zip(gauges, tallies, strict=True):
        place = next((index for index, spec in enumerate(columns) if made.spec == spec and index > 0), -1)
        found.append(Total(_name(visit, made), place, made.text(tally)))
    return tuple(found)


def _name(visit: Visit, made: Gauge) -> str:
    if made.spec is None:
        return visit.language.say("Count")
    words = {
        "count": "Number of {field}", "sum": "Sum of {field}", "average": "Average {field}", "lowest": "Lowest {field}",
        "highest": "Highest {field}",
    }  # fmt: skip
    return visit.language.say(words[made.fold], field=visit.language.inside(made.spec.label))


def _totals(visit: Visit, chosen: Selection, gauges: list[Gauge]) -> list[Tally]:
    if not gauges:
        return []
    columns = [column for made in gauges for column in made.columns]
    values = visit.session.execute(
        select(*_distinct(columns)).select_from(chosen.entity.model).where(chosen.condition)
    ).one()
    return _split(gauges, list(values))


def _groups(
    visit: Visit, chosen: Selection, by: Axis | None, gauges: list[Gauge], shown: tuple[FieldSpec, ...]
) -> list[tuple[Any, Group]]:
    """Every group in order, with its totals; without grouping one that has no name."""
    if by is None:
        return [(None, Group(""))]
    columns = _distinct([column for made in gauges for column in made.columns])
    tallies: dict[Any, list[Tally]] = {}
    for value, unseen, *values in visit.session.execute(by.grouped(chosen.condition, *columns)):
        key, parts = UNSEEN if unseen else _plain(by, value), _split(gauges, values)
        if key not in tallies:
            tallies[key] = parts
        else:
            for known, part in zip(tallies[key], parts, strict=True):
                known.add(part)
    learn_values(visit, by, tallies)
    labelled = [(value, named(visit, by, value)[0]) for value in in_order(by, tallies)]
    if by.spec.kind in (Kind.DATE, Kind.DATETIME):
        labelled.sort(key=lambda item: (item[0] is None or item[0] is UNSEEN, str(item[0])))
    elif by.spec.kind not in (Kind.CHOICE, Kind.BOOLEAN):
        labelled.sort(key=lambda item: (item[0] is None or item[0] is UNSEEN, item[1].lower()))
    return [
        (
            value,
            Group(label, totals=_worded(visit, shown, gauges, tallies[value])),
        )
        for value, label in labelled
    ]


def _plain(by: Axis, value: Any) -> Any:
    return str(value)[:10] if by.spec.kind is Kind.DATETIME and value is not None else value


def _rows(visit: Visit, chosen: Selection, by: Axis | None, columns: tuple[FieldSpec, ...]) -> list[tuple[Any, Any]]:
    """The rows with the value that they are grouped by: ordered by it, so that a bound leaves whole groups out last."""
    entity = chosen.entity
    dated = next((spec for spec in columns if spec.kind in (Kind.DATE, Kind.DATETIME)), None)
    order = [] if dated is None else [held(visit, entity, dated).asc().nulls_last()]
    order += [attribute(entity.model, "id").asc()]
    if by is None:
        rows = list(
            visit.session.scalars(select(entity.model).where(chosen.condition).order_by(*order).limit(MAX_ROWS))
        )
        visit.learn(entity, rows)
        return [(None, row) for row in rows]
    first = sort_key(visit, entity, by.spec) if by.owner is entity and by.lookup is None else by.column
    pairs = visit.session.execute(
        by.select(entity.model, by.column, by.unseen)  # type: ignore[arg-type]
        .where(chosen.condition)
        .order_by(first.asc().nulls_last(), *order)
        .limit(MAX_ROWS)
    ).all()
    visit.learn(entity, [row for row, _, _ in pairs])
    return [(UNSEEN if unseen else _plain(by, value), row) for row, value, unseen in pairs]


def _distinct(columns: list[Any]) -> list[Any]:
    """Columns under names of their own: the same count may stand among them more than once."""
    return [column.label(f"c{index}") for index, column in enumerate(columns)]


def _split(gauges: list[Gauge], values: list[Any]) -> list[Tally]:
    return [made.tally(values[index * 5 : index * 5 + 5]) for index, made in enumerate(gauges)]
