"""``python -m <package> migrate plan.json``: carry the records over to this version's tables.

The tables are made anew by this app's own models and filled from the old ones in one transaction; what has no place in
them goes to the archive. Nothing is kept unless every row arrived and reads back as it was meant: counts and digests
are compared, and a value that does not fit stops everything, unless the plan says what is to become of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, insert, select

from .columns import FieldSpec, Special
from .migration_archive import ROW, Applied, Archived
from .migration_check import Digest, read_back
from .migration_source import Row, Source, frozen_meta
from .migration_values import ABSENT, Cell, Names, Unfit, convert, from_text, frozen, text_of, thawed
from .records import table_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Table

    from .definition import Definition
    from .migration_plan import ColumnPlan, Plan, TablePlan
    from .records import Entity

_Groups = dict[tuple[str, ...], set[tuple[Any, ...]]]
SHOWN: Final = 20
BATCH: Final = 500


@dataclass
class Problem:
    """Rows of one field that stop the change: ``why`` is ``missing``, ``unfit`` or ``duplicate``."""

    entity: str
    name: str
    uid: str
    why: str
    count: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, row_id: int, label: str, value: str, text: str) -> None:
        """Count a row, and keep the first few."""
        self.count += 1
        if len(self.rows) < SHOWN:
            self.rows.append({"id": row_id, "label": label[:80], "value": value[:200], "why": text})


@dataclass
class Result:
    """What was done, or what stands in the way; ``tables`` holds counts and a digest per table."""

    tables: list[dict[str, Any]] = field(default_factory=list)
    problems: dict[tuple[str, str], Problem] = field(default_factory=dict)
    archived: int = 0
    brought_back: int = 0
    emptied: int = 0
    already: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON values."""
        problems = [vars(problem) for problem in self.problems.values()]
        return {
            "ok": not problems,
            "already": self.already,
            "tables": self.tables,
            "problems": problems,
            "archived": self.archived,
            "brought_back": self.brought_back,
            "emptied": self.emptied,
        }


class Stopped(Exception):  # noqa: N818
    """Rows stand in the way; nothing was kept. ``result`` says which."""

    def __init__(self, result: Result) -> None:
        super().__init__("rows stand in the way")
        self.result = result


class Migration:
    """Fills the tables of ``definition`` in ``target`` (empty, in a transaction of the caller) from ``source``."""

    def __init__(self, plan: Plan, definition: Definition, source: Source, target: Connection) -> None:
        self._plan = plan
        self._by_table = definition.by_table
        self._source = source
        self._target = target
        self._result = Result()
        self._to_archive: list[dict[str, Any]] = []
        self._names = self._learn_names()

    def run(self) -> Result:
        """Carry everything over.

        Raises:
            Stopped: rows stand in the way, or something did not arrive; the caller takes the transaction back.
        """
        digests = [(plan, self._carry(plan)) for plan in self._plan.tables if plan.target is not None]
        for plan in self._plan.tables:
            if plan.target is None:
                self._put_aside(plan)
        self._insert(table_of(Archived), self._to_archive)
        if self._result.problems:
            raise Stopped(self._result)
        for plan, digest in digests:
            self._check(plan, digest)
        if self._result.problems:
            raise Stopped(self._result)
        done = {"id": self._plan.id, "version": self._plan.version, "result": self._result.as_dict()}
        self._target.execute(insert(table_of(Applied)), [done])
        return self._result

    # --- rows that stay ---------------------------------------------------------------------------------------------

    def _carry(self, plan: TablePlan) -> Digest:
        entity = self._by_table[str(plan.target)]
        table = table_of(entity.model)
        digest, count, newer = Digest(), 0, 0
        unique = [(spec.attribute,) for spec in entity.fields if spec.unique]
        groups: _Groups = {group: set() for group in (*unique, *getattr(entity, "unique", ()))}
        labels = self._source.labels(plan)
        waiting: list[dict[str, Any]] = []
        before = self._source.count(plan)
        for row in self._source.rows(plan):
            cells = self._convert(plan, entity, row, labels)
            for column in self._duplicates(plan, groups, cells):
                text = text_of(cells[column.uid], column, self._names)
                problem = self._problem(plan, column, "duplicate")
                problem.add(row.id, labels.get(row.id, ""), text, "Another row has the same.")
            values = {"id": row.id, **row.meta, **self._thawed(plan, cells)}
            digest.add(row.id, row.meta, {column.uid: cells[column.uid].value for column in _kept(plan, table)})
            waiting.append(values)
            self._note(plan, row, cells)
            count += 1
            newer += bool(self._plan.since) and str(frozen_meta(row.meta)["created_at"]) >= self._plan.since
            if len(waiting) >= BATCH:
                self._insert(table, waiting)
        self._insert(table, waiting)
        told = {"table": plan.target, "entity": plan.entity, "before": before, "after": count}
        self._result.tables.append({**told, "newer": newer, "digest": digest.text()})
        return digest

    def _insert(self, table: Table, waiting: list[dict[str, Any]]) -> None:
        if waiting and not self._result.problems:
            self._target.execute(insert(table), waiting)
        waiting.clear()

    def _thawed(self, plan: TablePlan, cells: dict[str, Cell]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for column in plan.columns:
            if column.target is not None and column.after != ABSENT:
                value = cells[column.uid].value
                found[column.target] = None if value is None else thawed(column.after, value, column.words_after)
        return found

    def _convert(self, plan: TablePlan, entity: Entity, row: Row, labels: dict[int, str]) -> dict[str, Cell]:
        made: dict[str, Cell] = {}
        notes: dict[str, str] = {}
        for column in plan.columns:
            if column.target is None or column.after == ABSENT:
                continue
            spec = _spec(entity, column)
            cell = row.cells.get(column.uid, Cell(ABSENT))
            try:
                value = convert(cell, column, spec, self._names)
            except Unfit as unfit:
                value = None
                text = text_of(cell, column, self._names)
                if column.unfit != "empty":
                    self._problem(plan, column, "unfit").add(row.id, labels.get(row.id, ""), text, str(unfit))
                    made[column.uid] = Cell(column.after)
                    continue
                self._result.emptied += 1
                if column.note is not None:
                    notes[column.note] = text
            if value is None:
                value = self._filled(column, spec, cell)
            if value is None and spec is not None and spec.required:
                text = "Every row needs a value here."
                self._problem(plan, column, "missing").add(row.id, labels.get(row.id, ""), "", text)
            made[column.uid] = Cell(column.after, value)
        for column in plan.columns:
            if column.target in notes:
                old = made[column.uid].value
                text = notes[str(column.target)]
                made[column.uid] = Cell(column.after, f"{old}\n{text}" if old else text)
        return made

    def _filled(self, column: ColumnPlan, spec: FieldSpec | None, cell: Cell) -> Any:
        """What a row without a value gets: what the maker said, else the default where there must be something."""
        if spec is None or not (spec.required or column.after == "boolean"):
            return None
        if column.fill is not None:
            try:
                return from_text(column.fill, column, spec, self._names)
            except Unfit:
                return None
        if cell.kind != ABSENT and column.after != "boolean":
            return None
        if spec.default is None or isinstance(spec.default, Special):
            return False if column.after == "boolean" else None
        return frozen(column.after, spec.default, column.words_after)

    def _duplicates(self, plan: TablePlan, groups: _Groups, cells: dict[str, Cell]) -> Iterator[ColumnPlan]:
        """The first field of each combination of which another row has the same values."""
        columns = {column.target: column for column in plan.columns if column.target is not None}
        for group, seen in groups.items():
            found = tuple(cells[columns[name].uid].value for name in group if name in columns)
            if len(found) == len(group) and None not in found:
                if found in seen:
                    yield columns[group[0]]
                seen.add(found)

    def _problem(self, plan: TablePlan, column: ColumnPlan, why: str) -> Problem:
        made = Problem(plan.entity, column.name, column.uid, why)
        return self._result.problems.setdefault((column.uid, why), made)

    # --- the archive ------------------------------------------------------------------------------------------------

    def _note(self, plan: TablePlan, row: Row, cells: dict[str, Cell]) -> None:
        """Keep what the row was before wherever that is not what it is now."""
        if row.was is None:
            self._result.brought_back += 1
            self._archive(plan, row.id, "", Cell(ABSENT), Cell(ROW))
            return
        for column in plan.columns:
            old = row.was.get(column.uid, Cell(ABSENT))
            new = cells.get(column.uid, Cell(ABSENT))
            changed = old.value != new.value or (old.value is not None and old.kind != new.kind)
            if changed:
                self._archive(plan, row.id, column.uid, old, new)

    def _put_aside(self, plan: TablePlan) -> None:
        """Every row of a table that is no longer there."""
        count = 0
        for row in self._source.rows(plan):
            meta = {f"@{name}": Cell(ABSENT, value) for name, value in frozen_meta(row.meta).items()}
            whole = {uid: [cell.kind, cell.value] for uid, cell in {**row.cells, **meta}.items()}
            self._archive(plan, row.id, "", Cell(ROW, whole), Cell(ABSENT))
            count += 1
        told = {"table": plan.source, "entity": plan.entity, "before": count, "after": 0}
        self._result.tables.append({**told, "newer": 0, "digest": ""})

    def _archive(self, plan: TablePlan, row_id: int, uid: str, old: Cell, new: Cell) -> None:
        entry = {
            "version": self._plan.version,
            "entity": plan.uid,
            "row_id": row_id,
            "field": uid,
            "kind_before": old.kind,
            "before": old.value,
            "kind_after": new.kind,
            "after": new.value,
        }
        self._result.archived += 1
        self._to_archive.append(entry)
        if len(self._to_archive) >= BATCH:
            self._insert(table_of(Archived), self._to_archive)

    # --- afterwards ---------------------------------------------------------------------------------------------------

    def _check(self, plan: TablePlan, meant: Digest) -> None:
        table = table_of(self._by_table[str(plan.target)].model)
        count = self._target.scalar(select(func.count()).select_from(table))
        found = read_back(self._target, table, _kept(plan, table))
        if count != meant.count or found.text() != meant.text():
            problem = Problem(plan.entity, "", plan.uid, "lost")
            problem.add(0, "", "", f"{meant.count} rows were carried over, {count} read back, or a value differs.")
            self._result.problems[plan.uid, "lost"] = problem

    # --- what rows are called -----------------------------------------------------------------------------------------

    def _learn_names(self) -> Names:
        texts: dict[tuple[str, Any], str] = {("file", key): name for key, name in self._source.files().items()}
        pairs: list[tuple[str, str, Any]] = []
        for key, (name, email) in self._source.people().items():
            texts["person", key] = name or email
            pairs += [("person", text.lower(), key) for text in {name, email} if text]
        present: dict[str, frozenset[int]] = {}
        for plan in self._plan.tables:
            kind = f"ref {plan.uid}"
            if plan.target is not None:
                present[kind] = frozenset(row.id for row in self._rows_to_be(plan))
            for key, text in self._source.labels(plan).items():
                texts[kind, key] = text
                pairs.append((kind, text.lower(), key))
        keys: dict[tuple[str, str], Any] = {}
        for kind, name, key in pairs:
            keys[kind, name] = key if keys.get((kind, name), key) == key else None
        return Names(texts, keys, present)

    def _rows_to_be(self, plan: TablePlan) -> Iterator[Row]:
        if self._source.table(plan) is None:
            yield from self._source.rows(plan)
        else:
            yield from (Row(number, {}, {}, None) for number in self._source.ids(plan))


def _kept(plan: TablePlan, table: Table) -> list[ColumnPlan]:
    """The fields that have a column in the new table."""
    return [column for column in plan.columns if column.target and column.target in table.c and column.after != ABSENT]


def _spec(entity: Entity, column: ColumnPlan) -> FieldSpec | None:
    return next((spec for spec in entity.fields if spec.attribute == column.target), None)
