"""Adding, changing and deleting records in JSON, by the way that the app's own forms take: access, uniqueness, rules,
numbers and history are those of the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..access import Verb
from ..forms import Form, empty_form, form_of, read_form
from ..related import blockers
from ..saving import check_unique, delete, save
from ..visit import NotAllowed
from .asking import above, named
from .refusing import Refusal
from .showing import show
from .values import to_text

if TYPE_CHECKING:
    from ..visit import Visit
    from ..web import AppRequest
    from .model import Kept, Operation, Path

_ABSENT = object()


def created(visit: Visit, request: AppRequest, operation: Operation, kept: Kept, sent: dict[str, Any]) -> Any:
    """Add a record; returns its row.

    Raises:
        NotAllowed, NoSuchRow: the person may not add it there, or not see it afterwards.
        Refusal: it is not taken.
    """
    visit.require(kept.entity, Verb.CREATE)
    _, given = above(visit, request, operation)
    texts: dict[str, object] = {name: text for name, text in empty_form(visit, kept.entity, {}).texts.items() if text}
    texts |= {part: text for part, text in _texts(visit, operation, sent).items() if text is not None}
    _agree(visit, given, texts)
    texts |= given
    form = read_form(visit, kept.entity, texts, None)
    return _saved(visit, operation, kept, form, None)


def changed(visit: Visit, request: AppRequest, operation: Operation, kept: Kept, sent: dict[str, Any]) -> Any:
    """Change a record: what is sent (``update``), or all that could be (``replace``, where what is not sent becomes
    empty or its default); returns its row.

    Raises:
        NotAllowed, NoSuchRow: the person may not change it.
        Refusal: it is not taken.
    """
    narrowing, given = above(visit, request, operation)
    entity = kept.entity
    row = named(visit, kept, request.path_params[operation.key], Verb.EDIT, narrowing)
    touched = {name: text for name, text in _texts(visit, operation, sent).items() if text is not None}
    _agree(visit, given, touched)
    if operation.does == "replace" and operation.body is not None:
        defaults = empty_form(visit, entity, {}).texts
        for part in operation.body.parts:
            spec = entity.field(part.field)
            if part.field in touched or spec is None or not visit.access.sets(entity, spec, row):
                continue
            if defaults.get(part.field) or not spec.required:
                touched[part.field] = defaults.get(part.field, "")
    texts: dict[str, object] = {**form_of(visit, entity, row).texts, **touched}
    form = read_form(visit, entity, texts, row)
    for spec in entity.kept:
        if spec.name not in touched:  # it stays as it is, to the last digit
            form.values.pop(spec.attribute, None)
            form.errors.pop(spec.name, None)
    check_unique(visit, form, row)
    return _saved(visit, operation, kept, form, row)


def removed(visit: Visit, request: AppRequest, operation: Operation, kept: Kept) -> dict[str, Any] | None:
    """Delete a record; returns it as it was, if the operation answers it.

    Raises:
        NotAllowed, NoSuchRow: the person may not delete it.
        Refusal: something refers to it, or a rule keeps it.
    """
    narrowing, _ = above(visit, request, operation)
    row = named(visit, kept, request.path_params[operation.key], Verb.DELETE, narrowing)
    visit.learn(kept.entity, [row])
    shown = show(visit, operation.shown, row) if operation.shown is not None else None
    found = blockers(visit, kept.entity, row)
    if found:
        listed = ", ".join(blocker.text for blocker in found)
        message = visit.language.say("It cannot be deleted while this refers to it: {records}.", records=listed)
        raise Refusal.conflict(message)
    if problems := delete(visit, kept.entity, row):
        raise Refusal.conflict(" ".join(problems))
    return shown


def _texts(visit: Visit, operation: Operation, sent: dict[str, Any]) -> dict[str, str | None]:
    """What was sent, by field, as a form takes it; None for what was not sent."""
    found: dict[str, str | None] = {}
    for part in operation.body.parts if operation.body is not None else ():
        value = _at(sent, part.path)
        found[part.field] = None if value is _ABSENT else to_text(visit.language, value, part)
    return found


def _at(sent: Any, path: Path) -> Any:
    for number, name in enumerate(path):
        if sent is None and number:
            return None  # the whole object around it was emptied
        if not isinstance(sent, dict) or name not in sent:
            return _ABSENT
        sent = sent[name]
    return sent


def _agree(visit: Visit, given: dict[str, str], texts: dict[str, Any]) -> None:
    """What is sent must not lead elsewhere than the path does."""
    for name, text in given.items():
        if texts.get(name) not in (None, "", text):
            message = visit.language.say("This is not what the address says.")
            raise Refusal.invalid(message, ((name, message),))


def _saved(visit: Visit, operation: Operation, kept: Kept, form: Form, row: Any) -> Any:
    saved = save(visit, form, row)
    if saved is None:
        raise _refusal(visit, operation, kept, form, row)
    visit.session.flush()
    visit.session.refresh(saved)
    if operation.shown is not None and not visit.access.covers(kept.entity, Verb.READ, saved):
        message = "You may not see {records}, and this operation answers what it saved, so nothing was saved."
        raise NotAllowed(visit.language.say(message, records=kept.entity.nouns))
    return saved


def _refusal(visit: Visit, operation: Operation, kept: Kept, form: Form, row: Any) -> Refusal:
    names = {part.field: part.name for part in operation.body.parts} if operation.body is not None else {}
    errors = tuple((names.get(field, ""), message) for field, message in form.errors.items())
    general = [*([form.problem] if form.problem else []), *form.problems]
    message = " ".join(general) or next(iter(form.errors.values()), "")
    alike = Form(kept.entity, values=dict(form.values))
    check_unique(visit, alike, row)
    if alike.errors and set(form.errors) <= set(alike.errors):
        return Refusal.conflict(message, errors)
    return Refusal.invalid(message, (*errors, *(("", text) for text in general if errors)))
