"""Doing things in the app as a person would: open a form, fill it in, send it, look at the result."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from appliance.blueprint.behaviour import Occasion
from appliance.blueprint.model import OWNER, Blueprint, Entity, Field, Ref
from appliance.blueprint.naming import identifier, plural, slug
from appliance.verifier.client import Answer, AppClient, expect
from appliance.verifier.model import CannotTry, CheckFailed
from appliance.verifier.page import CSRF_FIELD, Form
from appliance.verifier.people import Actor, actor
from appliance.verifier.samples import MANNERS, UPLOADS, Manner, Sample, Sampler
from appliance.verifier.typed import distinct, typed_fields
from appliance.verifier.wording import a, start

_LOCATION: Final = re.compile(r"/([a-z0-9-]+)/([1-9]\d{0,18})(?:\?.*)?")
_MAX_LIST_PAGES: Final = 6
MISSING: Final = (403, 404)


@dataclass(frozen=True)
class Row:
    """A row that a check made; ``marker`` is text of it, or empty."""

    entity: Entity
    id: int
    marker: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass
class World:
    """The app under trial: the client, and one row of each entity that the owner made."""

    client: AppClient
    blueprint: Blueprint
    sampler: Sampler
    rows: dict[str, Row] = field(default_factory=dict)
    manners: dict[str, Manner] = field(default_factory=dict)
    """By entity: how a form was filled in last time that it was taken."""
    owner: Actor = field(default_factory=lambda: actor(OWNER))

    def sample(self, entity: Entity, who: Actor, *, without: int = 0, manner: Manner | None = None) -> Sample:
        """Values for a row as ``who`` would type them; no reference leads to the row ``without``.

        Raises:
            CannotTry: a row that is required first could not be made.
        """
        refs: dict[str, str] = {}
        for item in entity.fields:
            if isinstance(item.type, Ref):
                target = self._target(entity, item, item.type)
                itself = target is not None and target.entity == entity and target.id == without
                refs[item.name] = "" if target is None or itself else str(target.id)
        chosen = manner or self.manners.get(entity.name, MANNERS[0])
        return self.sampler.sample(entity, who.person.email, refs, chosen, who.role)

    def ways(self, entity: Entity) -> tuple[Manner, ...]:
        """How to fill in a form, what was taken last time first; only one where the blueprint has no rules."""
        last = self.manners.get(entity.name, MANNERS[0])
        if not any(rule.entity == entity.name for rule in self.blueprint.rules):
            return (last,)
        return (last, *(manner for manner in MANNERS if manner != last))

    def _target(self, entity: Entity, item: Field, kind: Ref) -> Row | None:
        target = self.rows.get(kind.entity)
        if target is None:
            if item.required:
                message = f"No {kind.entity} could be made."
                raise CannotTry(message)
            return None
        if item.name not in distinct(entity):
            return target
        # Each row needs one of its own. Only required ones are made: they cannot go round in a circle.
        return self.add(self.owner, target.entity) if item.required and kind.entity != entity.name else None

    def add(self, who: Actor, entity: Entity, sample: Sample | None = None) -> Row:
        """Open the form for a new row, fill it in and send it.

        Raises:
            CheckFailed: any step fails.
        """
        path = f"/{slug(entity.name)}/new"
        refused = f"{start(a(entity.name))} cannot be added: the form does not open."
        tried = (None,) if sample is not None else self.ways(entity)
        for manner in tried:
            typed = sample or self.sample(entity, who, manner=manner)  # first: it may add rows that the form offers
            opened = expect(self.client.get(who, path), (200,), "form_closed", refused)
            answer, typed = self._send(who, path, opened, entity, typed)
            if answer.status != 422:
                self.manners[entity.name] = manner or self.manners.get(entity.name, MANNERS[0])
                break
        message = f"{start(a(entity.name))} that is filled in correctly is not saved."
        expect(answer, (303,), "not_saved", message)
        return Row(entity, self._created(answer, entity), typed.marker, typed.values)

    def _send(self, who: Actor, path: str, opened: Answer, entity: Entity, sample: Sample) -> tuple[Answer, Sample]:
        form = self._form(opened, entity, who)
        values = self._fill(form, entity, sample)
        answer = self.client.post(who, path, values, files=sample.files, multipart=form.multipart)
        while answer.status == 422 and (other := self.sampler.another_choice(entity, sample)) is not None:
            sample = other  # an example may have been given an option that its blueprint line does not name
            values = self._fill(form, entity, sample)
            answer = self.client.post(who, path, values, files=sample.files, multipart=form.multipart)
        return answer, sample

    def _form(self, opened: Answer, entity: Entity, who: Actor) -> Form:
        form = None
        typed = typed_fields(self.blueprint, entity, who.role)
        for item in typed:
            form = form or opened.page.form_for(identifier(item.name))
        if not typed:  # everything is hidden or worked out: the form has only its button
            form = next(
                (item for item in opened.page.forms if item.method == "post" and CSRF_FIELD in item.inputs), None
            )
        if form is None:
            message = f"There is no form to fill in for {a(entity.name)}."
            raise CheckFailed("form_missing", message, detail=opened.request)
        missing = [item.name for item in typed if identifier(item.name) not in form.inputs]
        if missing:
            message = f"The form for {a(entity.name)} has no place for: {', '.join(missing)}."
            raise CheckFailed("field_missing", message, detail=opened.request)
        if not form.hidden().get(CSRF_FIELD):
            message = f"The form for {a(entity.name)} is not protected against other sites."
            raise CheckFailed("form_unprotected", message, detail=f"{opened.request}: no {CSRF_FIELD}")
        return form

    def _fill(self, form: Form, entity: Entity, sample: Sample) -> dict[str, str]:
        values = {**form.hidden(), **sample.values}
        for item in entity.fields:
            name = identifier(item.name)
            control = form.inputs.get(name)
            if (
                control is None
                or not isinstance(item.type, Ref)
                or control.kind != "select"
                or values.get(name, "") in control.options
            ):
                continue
            offered = [option for option in control.options if option]
            if not offered and item.required:
                message = f"{start(a(entity.name))} cannot be added: there is no {item.type.entity} to choose."
                raise CheckFailed("nothing_to_choose", message, detail=f"field {item.name}")
            values[name] = offered[0] if item.required else ""
        return values

    def _created(self, answer: Answer, entity: Entity) -> int:
        match = _LOCATION.fullmatch(answer.headers.get("location", ""))
        if match is None or match[1] != slug(entity.name):
            detail = f"{answer.request}: Location {answer.headers.get('location', '')!r}"
            message = f"After adding {a(entity.name)} the wrong page appears."
            raise CheckFailed("wrong_redirect", message, detail=detail)
        return int(match[2])

    def view(self, who: Actor, row: Row) -> Answer:
        """The row's own page."""
        return self.client.get(who, f"/{slug(row.entity.name)}/{row.id}")

    def listed(self, who: Actor, row: Row) -> bool:
        """Whether the row is in the list, on any of its pages.

        Raises:
            CheckFailed: the list does not open.
        """
        seen: set[int] = set()
        for number in range(1, _MAX_LIST_PAGES + 1):
            answer = self.client.get(who, f"/{slug(row.entity.name)}?page={number}")
            message = f"The list of {plural(row.entity.name)} does not open."
            found = set(expect(answer, (200,), "list_closed", message).page.rows)
            if row.id in found:
                return True
            if not found - seen:
                return False
            seen |= found
        return False

    def change(self, who: Actor, row: Row) -> Row:
        """Open the row's form, write new values, send it, and find them again.

        Raises:
            CheckFailed: any step fails.
        """
        path = f"/{slug(row.entity.name)}/{row.id}/edit"
        message = f"{start(a(row.entity.name))} cannot be changed: its form does not open."
        for manner in self.ways(row.entity):
            sample = self.sample(row.entity, who, without=row.id, manner=manner)
            opened = expect(self.client.get(who, path), (200,), "form_closed", message)
            form = self._form(opened, row.entity, who)
            values = self._fill(form, row.entity, sample)
            answer = self.client.post(who, path, values, files=sample.files, multipart=form.multipart)
            if answer.status != 422:
                self.manners[row.entity.name] = manner
                break
        message = f"A change to {a(row.entity.name)} is not saved."
        expect(answer, (303,), "not_saved", message)
        changed = Row(row.entity, row.id, sample.marker, sample.values)
        self.must_show(changed, "change_lost", f"A change to {a(row.entity.name)} is lost.")
        return changed

    def must_show(self, row: Row, kind: str, message: str) -> None:
        """The owner finds the row with its text.

        Raises:
            CheckFailed: of that kind.
        """
        answer = expect(self.view(self.owner, row), (200,), kind, message)
        if row.marker and row.marker not in answer.page.text:
            raise CheckFailed(kind, message, detail=f"{answer.request}: {row.marker!r} is not on the page")

    def remove(self, who: Actor, row: Row, *, csrf: str | None = None) -> Answer:
        """Send the deletion of a row."""
        token = self.token(who) if csrf is None else csrf
        return self.client.post(who, f"/{slug(row.entity.name)}/{row.id}/delete", {CSRF_FIELD: token} if token else {})

    def may_go(self, answer: Answer, entity: Entity) -> Answer:
        """The answer to a deletion, unless a rule of the blueprint may refuse it: other values might be let go.

        Raises:
            CannotTry: a rule on deletion refused.
        """
        rules = (rule for rule in self.blueprint.rules if rule.entity == entity.name)
        if answer.status == 409 and any(Occasion.DELETE in rule.occasions for rule in rules):
            message = "A rule keeps this row."
            raise CannotTry(message)
        return answer

    def token(self, who: Actor) -> str:
        """A form token for ``who``, from the first page that has one; empty if they see no form at all.

        Somebody may act on rows without any form for them, so the form of their own details is looked at, too: a
        refusal for want of a token would say nothing of their access.
        """
        paths = [f"/{slug(entity.name)}/new" for entity in self.blueprint.entities]
        paths.append("/-/people/me")
        paths += [f"/{slug(row.entity.name)}/{row.id}" for row in self.rows.values()]
        for path in paths:
            answer = self.client.get(who, path)
            if answer.status == 200 and (token := answer.page.csrf):
                return token
        return ""

    def send_new(self, who: Actor | None, entity: Entity, values: Mapping[str, str], sample: Sample) -> Answer:
        """POST a new row without looking at the form first."""
        multipart = any(item.type in UPLOADS for item in typed_fields(self.blueprint, entity))
        path = f"/{slug(entity.name)}/new"
        return self.client.post(who, path, values, files=sample.files, multipart=multipart)
