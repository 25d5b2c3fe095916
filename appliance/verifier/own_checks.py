"""Stage own: the checks that makers wrote themselves, each tried as the person that it names."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from appliance.blueprint.check_words import access_words, sentence
from appliance.blueprint.checks import Act, Given, OwnCheck, Whose
from appliance.blueprint.model import Entity, Field, Me, Ref, Scalar, Today, Verb, label_field
from appliance.blueprint.naming import identifier, slug
from appliance.verifier.client import Answer
from appliance.verifier.model import CannotTry, CheckFailed, Stage
from appliance.verifier.page import CSRF_FIELD
from appliance.verifier.people import Actor, actor
from appliance.verifier.recorder import Recorder
from appliance.verifier.samples import MANNERS, Manner, Sample
from appliance.verifier.wording import a
from appliance.verifier.world import MISSING, Row, World

KIND: Final = "own_check_failed"
UNTRIED: Final = "own_check_untried"
_REFUSED: Final = (409, 422)
_DONE: Final = 303


def check_own(recorder: Recorder, world: World) -> None:
    """Every check of the blueprint.

    Raises:
        AppGone: the app does not answer any more; it is recorded.
    """
    for check in world.blueprint.checks:
        title = sentence(check, world.blueprint)
        role = check.role
        with recorder.check(Stage.OWN, title, role=role, subject=check.entity):
            try:
                _Trial(world, check).run()
            except CannotTry as untried:
                message = f"Your check “{title}” could not be tried: {untried.message}"
                raise CheckFailed(UNTRIED, message, detail="Give more values, or remove the check.") from untried
            except CheckFailed as failed:
                if failed.ends_everything:
                    raise
                why = access_words(check, world.blueprint)
                message = f"Your check “{title}” does not hold: {failed.message} {why} Change that, or the check."
                raise CheckFailed(KIND, message, detail=failed.cause) from failed


@dataclass
class _Trial:
    """One check. What is given to create and edit is typed in; else it is what the row holds before."""

    world: World
    check: OwnCheck

    def __post_init__(self) -> None:
        self.entity = self.world.blueprint.entity(self.check.entity)
        self.who = actor(self.check.role, 1)

    def run(self) -> None:
        if self.check.act is Act.CREATE:
            self._create()
            return
        if self.check.act is Act.PRESS:
            self._press()
            return
        for row in self._rows(self.world.ways(self.entity)):
            self._try(row)

    def _press(self) -> None:
        """An action may need rows of a certain kind: several are tried, and none may be refused or taken alone."""
        done: Row | None = None
        answer: Answer | None = None
        message = f"{a(self.entity.name)} to try it with could not be added."
        for manner in MANNERS:
            try:
                rows = self._rows((manner,))
            except CannotTry as untried:
                message = untried.message
                continue
            for row in rows:
                token = {CSRF_FIELD: self.world.token(self.who)}
                path = f"/{slug(self.entity.name)}/{row.id}/do/{slug(self.check.action)}"
                answer = self.world.client.post(self.who, path, token)
                done = row if answer.status == _DONE else None
                if not self.check.allowed:
                    self._settle(answer)
            if done is not None:
                break
        if answer is None:
            raise CannotTry(message)
        self._settle(answer)
        if done is not None and self.check.then:
            self._look_after(done.id)

    # --- rows to try it with -----------------------------------------------------------------------------------------

    def _rows(self, ways: tuple[Manner, ...]) -> list[Row]:
        """What cannot be done must be refused for everybody's rows, unless the check says whose."""
        whose = self.check.whose
        if whose is Whose.OWN:
            return [self._own(ways)]
        theirs = self._made(self.world.owner, self.world.owner, ways)
        if whose is Whose.OTHERS or self.check.allowed:
            return [theirs]
        try:
            return [theirs, self._own(ways)]
        except CannotTry:
            return [theirs]

    def _own(self, ways: tuple[Manner, ...]) -> Row:
        if self.world.blueprint.permission(self.entity.name, self.check.role, Verb.CREATE) is not None:
            return self._made(self.who, self.who, ways)
        if any(item.type is Scalar.PERSON for item in self.entity.fields):
            return self._made(self.world.owner, self.who, ways)
        message = f"nobody of this role can have {a(self.entity.name)} of their own."
        raise CannotTry(message)

    def _made(self, maker: Actor, named: Actor, ways: tuple[Manner, ...]) -> Row:
        """A row that ``maker`` adds and that names ``named``."""
        held = () if self.check.act is Act.EDIT else self.check.given
        refused: CheckFailed | None = None
        for manner in ways:
            sample = self._sample(named, manner, held)
            try:
                return self.world.add(maker, self.entity, sample)
            except CheckFailed as failed:
                if failed.ends_everything:
                    raise
                refused = failed
        reason = refused.cause if refused else ""
        message = f"{a(self.entity.name)} to try it with could not be added. {reason}".strip()
        raise CannotTry(message)

    def _sample(self, named: Actor, manner: Manner, values: tuple[Given, ...]) -> Sample:
        sample = self.world.sample(self.entity, named, manner=manner)
        return self._with(sample, values, named)

    def _with(self, sample: Sample, values: tuple[Given, ...], named: Actor) -> Sample:
        typed = dict(sample.values)
        for item in values:
            text = self._typed(item, named)
            typed.pop(identifier(item.field), None)
            if text:
                typed[identifier(item.field)] = text
        return Sample(typed, sample.files, "")

    def _typed(self, item: Given, named: Actor) -> str:
        """A value as a form takes it."""
        field = self.entity.field(item.field)
        if field is not None and isinstance(field.type, Ref) and isinstance(item.value, str):
            return str(self._row_called(field.type.entity, item.value))
        return _text(item, named, typed=True)

    def _row_called(self, entity: str, name: str) -> int:
        target = self.world.blueprint.entity(entity)
        named = label_field(target)
        for id_, row in _table(self.world, target).items():
            if named is not None and row.get(named.name) == name:
                return id_
        message = f"there is no {entity} called “{name}”; take one from the examples."
        raise CannotTry(message)

    # --- acts --------------------------------------------------------------------------------------------------------

    def _create(self) -> None:
        path = f"/{slug(self.entity.name)}/new"
        opened = self.world.client.get(self.who, path)
        if opened.status in MISSING:
            self._settle(opened)
            return
        before = set(_table(self.world, self.entity)) if self.check.then else set()
        self._settle(self._fill_in(path, lambda manner: self.world.sample(self.entity, self.who, manner=manner)))
        if self.check.then:
            added = set(_table(self.world, self.entity)) - before
            self._look_after(max(added, default=0))

    def _fill_in(self, path: str, fresh: Callable[[Manner], Sample]) -> Answer:
        """Send the form with the check's values among others that are taken without them: what is refused is theirs.

        Raises:
            CannotTry: nothing is taken without them either.
        """
        answer: Answer | None = None
        for manner in self.world.ways(self.entity):
            if not self.check.allowed and self._send(path, fresh(manner)).status != _DONE:
                continue
            answer = self._send(path, self._with(fresh(manner), self.check.given, self.who))
            if answer.status == _DONE or not self.check.allowed:
                break
        if answer is None:
            message = f"the form for {a(self.entity.name)} is refused whatever is in it, so this would say nothing."
            raise CannotTry(message)
        return answer

    def _try(self, row: Row) -> None:
        path = f"/{slug(self.entity.name)}/{row.id}"
        match self.check.act:
            case Act.READ:
                self._read(row)
            case Act.DELETE:
                self._settle(self.world.remove(self.who, row))
            case _:
                self._edit(row, f"{path}/edit")
        if self.check.then:
            self._look_after(row.id)

    def _read(self, row: Row) -> None:
        answer = self.world.client.get(self.who, f"/{slug(self.entity.name)}/{row.id}")
        listed = answer.status not in MISSING and self.world.listed(self.who, row)
        if self.check.allowed and not (answer.status == 200 and listed):
            raise CheckFailed(KIND, "It is not shown.", detail=f"{answer.request}: {answer.status}")
        if not self.check.allowed and answer.status not in MISSING:
            raise CheckFailed(KIND, "It is shown.", detail=f"{answer.request}: {answer.status}")

    def _edit(self, row: Row, path: str) -> None:
        opened = self.world.client.get(self.who, path)
        if opened.status in MISSING:
            self._settle(opened)
            return
        self._settle(
            self._fill_in(path, lambda manner: self.world.sample(self.entity, self.who, without=row.id, manner=manner))
        )

    def _send(self, path: str, sample: Sample) -> Answer:
        """The form as a browser would send it: what it keeps hidden goes along."""
        opened = self.world.client.get(self.who, path)
        form = next((item for item in opened.page.forms if item.method == "post" and CSRF_FIELD in item.inputs), None)
        hidden = form.hidden() if form is not None else {}
        values = {**hidden, **sample.values, CSRF_FIELD: opened.page.csrf or self.world.token(self.who)}
        multipart = bool(form and form.multipart)
        return self.world.client.post(self.who, path, values, files=sample.files, multipart=multipart)

    # --- expectations ------------------------------------------------------------------------------------------------

    def _settle(self, answer: Answer) -> None:
        """Whether it went as the check says."""
        said = "; ".join(answer.page.errors[:2]).rstrip(".")
        detail = f"{answer.request}: {answer.status} {said}".strip()
        if self.check.allowed:
            if answer.status == _DONE:
                return
            reason = (
                "it is not allowed." if answer.status in MISSING else f"it is refused: {said or 'no reason given'}."
            )
            raise CheckFailed(KIND, reason, detail=detail)
        if answer.status == _DONE:
            raise CheckFailed(KIND, "it works.", detail=detail)
        if answer.status not in (*MISSING, *_REFUSED):
            raise CheckFailed(KIND, "the answer is neither yes nor no.", detail=detail)
        if self.check.because and " ".join(self.check.because.split()) not in answer.page.text:
            other = said or "another message" if answer.status in _REFUSED else "for lack of access"
            raise CheckFailed(KIND, f"it is refused for something else: {other}.", detail=detail)

    def _look_after(self, id_: int) -> None:
        row = _table(self.world, self.entity).get(id_, {})
        for item in self.check.then:
            field = self.entity.field(item.field)
            wanted, found = _text(item, self.who, typed=False), row.get(item.field, "")
            if field is None or not _same(field, wanted, found):
                message = f"afterwards {item.field} is {found or 'empty'}, not {wanted or 'empty'}."
                raise CheckFailed(KIND, message, detail=f"row {id_}")


def _text(item: Given, who: Actor, *, typed: bool) -> str:
    """A value as a form takes it, or as an export writes it."""
    value = item.value
    if value is None:
        return ""
    if isinstance(value, Me):
        return who.person.email
    if isinstance(value, Today):
        return (date.today() + timedelta(days=item.days)).isoformat()  # noqa: DTZ011 - the app's own day, same machine
    if isinstance(value, bool):
        return ("on" if value else "") if typed else ("yes" if value else "no")
    if isinstance(value, int | float):
        text = format(Decimal(str(value)), "f")
        # Three decimals could be read as thousands where a comma is written.
        return f"{text}0" if typed and len(text.partition(".")[2]) == 3 else text
    return value


def _same(field: Field, wanted: str, found: str) -> bool:
    if field.type in (Scalar.NUMBER, Scalar.MONEY) and wanted and found:
        try:
            return Decimal(wanted) == Decimal(found)
        except InvalidOperation:
            return False
    if field.type is Scalar.DATETIME and len(wanted) == len("2026-11-30"):
        return found.startswith(wanted)
    return wanted == found.removeprefix("'")


def _table(world: World, entity: Entity) -> dict[int, dict[str, str]]:
    """The rows that the owner can export, by number, with their values by field."""
    answer = world.client.get(world.owner, f"/{slug(entity.name)}/export.csv")
    if answer.status != 200:
        raise CheckFailed(KIND, "the rows cannot be looked at.", detail=f"{answer.request}: {answer.status}")
    shown = [field.name for field in entity.fields if not field.hidden]
    lines = csv.reader(io.StringIO(answer.body.removeprefix("\ufeff")))
    next(lines, None)
    return {int(line[0]): dict(zip(shown, line[1:], strict=False)) for line in lines if line and line[0].isdigit()}
