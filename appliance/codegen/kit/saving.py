"""Writing rows: versions, uniqueness, rules, numbers and history, together or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from .behaviour import Occasion
from .columns import Kind
from .files import UploadRefused
from .history import CREATE, DELETE, EDIT, HistoryEntry, record, snapshot
from .numbering import number_row
from .records import attribute, now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import CursorResult

    from .columns import FieldSpec
    from .forms import Form
    from .records import Entity
    from .visit import Visit


class ChangedMeanwhile(Exception):  # noqa: N818
    """Somebody else saved the row after this form was opened."""


class _Refused(Exception):  # noqa: N818
    """Takes back what was written; never leaves this module."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


CLASH = "This clashes with a record that somebody saved just now. Look at the list, then try again."


def save(visit: Visit, form: Form, row: Any | None) -> Any:
    """Write a checked form to a new row, or to ``row``; returns the row, or None if the form now has errors.

    Nothing of a refused form stays: not the row, not its number, not its files. So rows of a table can be saved one
    by one in the same transaction.

    Raises:
        ChangedMeanwhile: the row is not at the version that the form showed.
    """
    if not form.ok:
        _ask_again_for_files(visit, form)
        return None
    stored: list[str] = []
    try:
        with visit.session.begin_nested():
            stored = _store_uploads(visit, form)
            return _write(visit, form, row)
    except IntegrityError:
        check_unique(visit, form, row)
        if form.ok:
            form.problem = visit.language.say(CLASH)
    except _Refused as refused:
        form.problems = refused.problems
    except UploadRefused as error:
        form.errors[form.failed_upload] = visit.language.tell(error)
    except ChangedMeanwhile:
        _drop(visit, stored)
        raise
    _drop(visit, stored)
    _ask_again_for_files(visit, form)
    return None


def _write(visit: Visit, form: Form, row: Any | None) -> Any:
    entity, session = form.entity, visit.session
    occasion, kind, before = Occasion.EDIT, EDIT, {}
    if row is None:
        occasion, kind = Occasion.CREATE, CREATE
        row = entity.model(created_by=visit.person.id)
    else:
        _claim(visit, entity, row, form.version)
        before = snapshot(entity, row)
    replaced = [key for spec in entity.uploads if (key := before.get(spec.attribute)) and spec.attribute in form.values]
    for name, value in form.values.items():
        setattr(row, name, value)
    row.updated_at = now()
    if kind == CREATE:
        number_row(session, entity, row)
    session.add(row)
    session.flush()
    if problems := check_rules(visit, entity, row, occasion):
        raise _Refused(problems)
    record(visit, entity, row, kind, before=before, after=snapshot(entity, row))
    for key in replaced:
        visit.runtime.files.forget(session, key)
    return row


def change(
    visit: Visit, entity: Entity, row: Any, values: Mapping[str, Any], *, kind: str = EDIT, title: str = ""
) -> HistoryEntry | list[str]:
    """Give some attributes of a row other values, as an action or a moved card does.

    Returns the entry of the history, or everything that speaks against it; then nothing was changed.
    """
    say = visit.language.say
    empty = [spec.label for spec in entity.kept if spec.required and values.get(spec.attribute, 0) in (None, "")]
    if empty:
        return [say("{field} must not be empty.", field=label) for label in empty]
    try:
        with visit.session.begin_nested():
            return _change(visit, entity, row, values, kind, title)
    except _Refused as refused:
        return refused.problems
    except (IntegrityError, ChangedMeanwhile):
        return [say(CLASH)]


def _change(  # noqa: PLR0917 - private, and always called in this order
    visit: Visit, entity: Entity, row: Any, values: Mapping[str, Any], kind: str, title: str
) -> HistoryEntry:
    _claim(visit, entity, row, None)
    before = snapshot(entity, row)
    if clashes := _clashes(visit, entity, values, row):
        raise _Refused([message for _, message in clashes])
    for name, value in values.items():
        setattr(row, name, value)
    row.updated_at = now()
    visit.session.flush()
    if problems := check_rules(visit, entity, row, Occasion.EDIT):
        raise _Refused(problems)
    return record(visit, entity, row, kind, before=before, after=snapshot(entity, row), title=title)


def delete(visit: Visit, entity: Entity, row: Any) -> list[str]:
    """Delete a row that nothing refers to, with its files; returns the rules that speak against it."""
    if problems := check_rules(visit, entity, row, Occasion.DELETE):
        return problems
    before = snapshot(entity, row)
    keys = [key for spec in entity.uploads if (key := getattr(row, spec.attribute)) is not None]
    record(visit, entity, row, DELETE, before=before, after={})
    visit.session.delete(row)
    visit.session.flush()
    for key in keys:
        visit.runtime.files.forget(visit.session, key)
    return []


def check_rules(visit: Visit, entity: Entity, row: Any, occasion: Occasion) -> list[str]:
    """The messages of all rules that a row, as it now is in the session, does not obey; then what the contract of the
    app's API does not allow."""
    visit.session.flush()
    definition = visit.runtime.definition
    rules = definition.behaviour.rules_of(entity, occasion)
    problems = [rule.message for rule in rules if not rule.test.holds(visit.session, row, visit.moment)]
    if definition.api is None or occasion is Occasion.DELETE or problems:
        return problems
    from .api.showing import disagreements  # noqa: PLC0415 - only apps with a contract need it

    return disagreements(visit, definition.api.shapes(entity), row)


def check_unique(visit: Visit, form: Form, row: Any | None) -> None:
    """Put a message beside every field that has a value, alone or with others, which another row has."""
    for names, message in _clashes(visit, form.entity, form.values, row):
        for name in names:
            form.errors.setdefault(name, message)


def _clashes(
    visit: Visit, entity: Entity, values: Mapping[str, Any], row: Any | None
) -> list[tuple[tuple[str, ...], str]]:
    say = visit.language.say
    found: list[tuple[tuple[str, ...], str]] = []
    for spec in entity.kept:
        if spec.unique and spec.attribute in values and _taken(visit, entity, [spec], values, row):
            label = visit.language.inside(spec.label)
            message = say("Another {record} has this {field} already.", record=entity.noun, field=label)
            found.append(((spec.name,), message))
    for combination in entity.unique:
        specs = [spec for spec in entity.kept if spec.attribute in combination]
        if any(spec.attribute in values for spec in specs) and _taken(visit, entity, specs, values, row):
            shown = [spec for spec in specs if visit.field(entity, spec.name) is not None] or specs[:1]
            labels = ", ".join(visit.language.inside(spec.label) for spec in shown)
            message = say("Another {record} has the same {fields} already.", record=entity.noun, fields=labels)
            found.append((tuple(spec.name for spec in shown), message))
    return found


def _taken(visit: Visit, entity: Entity, specs: list[FieldSpec], values: Mapping[str, Any], row: Any | None) -> bool:
    same = []
    for spec in specs:
        value = values[spec.attribute] if spec.attribute in values else getattr(row, spec.attribute, None)
        if value is None:
            return False
        column = attribute(entity.model, spec.attribute)
        folded = spec.is_text or spec.kind is Kind.LONGTEXT
        same.append(func.lower(column) == value.lower() if folded else column == value)
    others = select(attribute(entity.model, "id")).where(*same)
    if row is not None:
        others = others.where(attribute(entity.model, "id") != row.id)
    with visit.session.no_autoflush:
        return visit.session.scalar(others.limit(1)) is not None


def _claim(visit: Visit, entity: Entity, row: Any, version: int | None) -> None:
    """Raise the version, if it still is what the form showed; a form without version takes the present one."""
    shown = row.version if version is None else version
    table = entity.model
    raised = update(table).where(attribute(table, "id") == row.id, attribute(table, "version") == shown)
    result = cast("CursorResult[Any]", visit.session.execute(raised.values(version=shown + 1)))
    if result.rowcount != 1:
        raise ChangedMeanwhile
    visit.session.refresh(row)


def _store_uploads(visit: Visit, form: Form) -> list[str]:
    stored = []
    for name, upload in form.uploads.items():
        spec = form.entity.field(name)
        if spec is not None:
            form.failed_upload = name
            kept = visit.runtime.files.save(visit.session, upload, image=spec.kind is Kind.IMAGE, by=visit.person.id)
            form.values[spec.attribute] = kept.key
            stored.append(kept.key)
    return stored


def _drop(visit: Visit, keys: list[str]) -> None:
    """Bytes of files whose rows were taken back."""
    for key in keys:
        visit.runtime.files.path(key).unlink(missing_ok=True)


def _ask_again_for_files(visit: Visit, form: Form) -> None:
    for name in form.uploads:
        form.errors.setdefault(name, visit.language.say("Choose the file again, please."))
