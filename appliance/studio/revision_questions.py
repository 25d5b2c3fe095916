"""What has to be asked before a change: what was renamed, what old rows get, what becomes of values that do not fit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from appliance.blueprint.behaviour import Rename, Renamed
from appliance.blueprint.edit import apply_all
from appliance.blueprint.edits import AddField
from appliance.blueprint.model import Scalar
from appliance.codegen.migrate import Decision
from appliance.studio.proposal import Ask, Question, RowInTheWay
from appliance.studio.standing import split

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from appliance.blueprint.changes import RenameQuestion
    from appliance.blueprint.model import Blueprint
    from appliance.studio.carrying import Problem

NOTE: Final = "_before"
YES_OR_NO: Final = (("yes", "Yes, it is the same"), ("no", "No, it is something new"))
_WHAT: Final = {
    Renamed.ENTITY: "kind of record",
    Renamed.FIELD: "field",
    Renamed.ROLE: "role",
    Renamed.OPTION: "option",
}


def rename_questions(asked: Iterable[RenameQuestion], answers: Mapping[str, str]) -> tuple[Question, ...]:
    """The questions that the comparison has."""
    found = []
    for item in asked:
        rename = item.rename
        within = f" of {rename.entity}" if rename.entity else ""
        text = f"Is the {_WHAT[rename.kind]} “{rename.after}”{within} the renamed “{rename.before}”?"
        found.append(Question(item.id, Ask.RENAME, text, YES_OR_NO, answer=answers.get(item.id, "")))
    return tuple(found)


def renames_by(asked: Iterable[RenameQuestion], answers: Mapping[str, str]) -> tuple[Rename, ...]:
    """What was answered with yes."""
    return tuple(item.rename for item in asked if answers.get(item.id) == "yes")


def row_questions(problems: Iterable[Problem]) -> tuple[Question, ...]:
    """What a trial showed to stand in the way."""
    return tuple(_row_question(problem) for problem in problems)


def _row_question(problem: Problem) -> Question:
    name = f"{problem.entity}.{problem.name}"
    rows = tuple(RowInTheWay(row.id, row.label, row.value, row.why) for row in problem.rows)
    count = f"{problem.count} {'row' if problem.count == 1 else 'rows'} of {problem.entity}"
    if problem.kind == "missing":
        text = f"{count} {'has' if problem.count == 1 else 'have'} no “{problem.name}”. What should they get?"
        return Question(f"value {name}", Ask.VALUE, text, rows=rows, count=problem.count)
    if problem.kind == "duplicate":
        text = f"{count} {'has' if problem.count == 1 else 'have'} the same “{problem.name}” as another one."
        again = (("again", "I have changed them: look again"),)
        return Question(f"twice {name}", Ask.ROWS, text, again, rows, problem.count)
    text = f"In {count} the value of “{problem.name}” cannot be converted. What should become of it?"
    options = (
        ("empty", "Leave it empty; undo brings it back"),
        ("note", f"Keep the text in a new field “{problem.name}{NOTE}”"),
    )
    return Question(f"rows {name}", Ask.ROWS, text, options, rows, problem.count)


def decisions_by(answers: Mapping[str, str]) -> dict[str, Decision]:
    """The decisions that follow from the answers, by field: ``Loan.due``."""
    found: dict[str, Decision] = {}
    for id_, answer in answers.items():
        what, _, name = id_.partition(" ")
        old = found.get(name, Decision())
        if what == "value" and answer:
            found[name] = replace(old, fill=answer)
        elif what == "rows" and answer in ("empty", "note"):
            note = split(name)[1] + NOTE if answer == "note" else None
            found[name] = replace(old, empty=True, note=note)
    return found


def with_notes(blueprint: Blueprint, answers: Mapping[str, str]) -> Blueprint:
    """The blueprint with a field for each text that is to be kept; ``renames`` stay as they are."""
    made = replace(blueprint, renames=())
    for id_, answer in answers.items():
        what, _, name = id_.partition(" ")
        entity, field = split(name)
        if what == "rows" and answer == "note" and made.entity(entity).field(field + NOTE) is None:
            made = replace(apply_all(made, [AddField(entity, field + NOTE, Scalar.LONGTEXT)]), renames=())
    return replace(made, renames=blueprint.renames)
