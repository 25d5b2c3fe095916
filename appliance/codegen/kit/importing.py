"""Many rows at once, each through the same checks as a form: from a CSV text, or from a folder prepared elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from .access import OWNER
from .forms import Form, empty_form, read_form
from .identity import Identity
from .records import Entity, attribute
from .saving import save
from .transfer import TransferRefused

if TYPE_CHECKING:
    from .visit import Runtime, Visit

FORGET_EVERY: Final = 500
MAX_LINE: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that could not be added: its number where it comes from, and why in sentences."""

    number: int
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Outcome:
    """What became of the rows. ``ids`` leads from a row's number to the id that it has now."""

    ids: dict[int, int] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)


def add_rows(visit: Visit, entity: Entity, rows: Iterable[tuple[int, Mapping[str, str]]]) -> Outcome:
    """Add rows given as texts by field name, each whole or not at all. The caller's visit commits or rolls back.

    Fields that a row does not name get their defaults.
    """
    outcome = Outcome()
    defaults = empty_form(visit, entity, {}).texts
    for count, (number, texts) in enumerate(rows, start=1):
        point = visit.session.begin_nested()
        form = read_form(visit, entity, {**defaults, **texts}, None)
        row = save(visit, form, None) if form.ok else None
        if row is None:
            point.rollback()
            outcome.refused.append(Refusal(number, reasons(form)))
            continue
        outcome.ids[number] = row.id
        point.commit()
        if count % FORGET_EVERY == 0:
            visit.session.expunge_all()  # or every row would stay in memory until the end
    return outcome


def may_import(entity: Entity) -> bool:
    """A file cannot come out of a table, so records that must have one cannot either."""
    return not any(spec.required for spec in entity.uploads)


def reasons(form: Form) -> tuple[str, ...]:
    """What is wrong with a row, one sentence for each field."""
    labels = {spec.name: spec.label for spec in form.entity.fields}
    found = [f"{labels.get(name, name)}: {message}" for name, message in form.errors.items()]
    return (*found, *([form.problem] if form.problem else []), *form.problems)


def import_folder(runtime: Runtime, folder: Path) -> dict[str, Any]:
    """Add the rows that ``folder/import.json`` describes, and write ``folder/report.json``.

    ``import.json`` holds ``import`` (a name for this import), ``as`` (subject, name and email of whom the rows belong
    to) and ``tables``: in the order of loading, each with ``table``, ``file`` (JSON Lines of ``row``, its number, and
    ``values``, texts by field name) and ``refs`` (field name → table whose row numbers the texts are). The report is
    on disk before the rows are committed, so whoever finds rows finds it too.

    Raises:
        TransferRefused: the description cannot be read, or there are records already and no report of this import.
    """
    try:
        told = json.loads((folder / "import.json").read_text(encoding="utf-8"))
        identity = Identity(
            str(told["as"]["subject"]), str(told["as"]["name"]), str(told["as"]["email"]), frozenset({OWNER})
        )
        plan = [(str(item["table"]), str(item["file"]), dict(item["refs"])) for item in told["tables"]]
        name = str(told["import"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TransferRefused(f"{folder} has no import.json that can be read.") from error
    report = folder / "report.json"
    with runtime.visit(identity, writing=True) as visit:
        if any(
            visit.session.scalar(select(func.count(attribute(entity.model, "id"))))
            for entity in runtime.definition.entities
        ):
            return _reported(report, name)
        numbers: dict[str, dict[int, int]] = {}
        told_tables = {}
        for table, file, refs in plan:
            entity = runtime.definition.by_table.get(table)
            if entity is None or "/" in file:
                raise TransferRefused(f"This app has no place for {table}.")
            early: list[Refusal] = []
            outcome = add_rows(visit, entity, _rows(folder / file, refs, numbers, early))
            numbers[table] = outcome.ids
            refused = sorted([*early, *outcome.refused], key=lambda item: item.number)
            told_tables[table] = {
                "added": len(outcome.ids),
                "refused": [{"row": item.number, "reasons": list(item.reasons)} for item in refused],
            }
        result = {"import": name, "tables": told_tables}
        fresh = report.with_suffix(".new")
        fresh.write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
        fresh.replace(report)
    return _counts(result)


def _holds_records(visit: Visit) -> bool:
    models = [entity.model for entity in visit.runtime.definition.entities]
    return any(visit.session.scalar(select(func.count(attribute(model, "id")))) for model in models)


def _rows(
    path: Path, refs: Mapping[str, str], numbers: Mapping[str, Mapping[int, int]], early: list[Refusal]
) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of one file with references turned into ids; those whose reference was refused go to ``early``."""
    with path.open(encoding="utf-8") as stream:
        while line := stream.readline(MAX_LINE):
            try:
                told = json.loads(line)
                number, texts = int(told["row"]), {str(key): str(text) for key, text in told["values"].items()}
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise TransferRefused(f"{path.name} cannot be read.") from error
            lost = []
            for name, table in refs.items():
                if name in texts:
                    target = numbers.get(table, {}).get(int(texts[name]))
                    lost += [name] if target is None else []
                    texts[name] = str(target)
            if lost:
                early.append(
                    Refusal(number, tuple(f"{name}: the row that it refers to was left out." for name in lost))
                )
            else:
                yield number, texts


def _reported(report: Path, name: str) -> dict[str, Any]:
    """The report of the same import, if an earlier run wrote one."""
    try:
        told = json.loads(report.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TransferRefused("There are records already, so nothing was added.") from error
    if told.get("import") != name:
        raise TransferRefused("There are records already, so nothing was added.")
    return _counts(told)


def _counts(result: dict[str, Any]) -> dict[str, Any]:
    tables = result["tables"].values()
    return {"added": sum(item["added"] for item in tables), "refused": sum(len(item["refused"]) for item in tables)}
