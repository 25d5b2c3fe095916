"""Everything in a blueprint that names an entity, a field, an option or a role: one walk that rewrites and finds.

A rename, the search for what would break, and the comparison of two blueprints all use this one walk, so that none of
them can forget a place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from appliance.blueprint.behaviour import Part
from appliance.blueprint.check_words import sentence
from appliance.blueprint.expression_references import ExpressionWalk
from appliance.blueprint.model import OWNER, Access, Blueprint, Choice, Entity, Example, Field, FieldAccess, Ref
from appliance.blueprint.page_references import PageWalk
from appliance.blueprint.places import Case, place_key, places

if TYPE_CHECKING:
    from appliance.blueprint.behaviour import Action, Fragment, Mark, Protection, Reminder, Rule
    from appliance.blueprint.checks import Given, OwnCheck
    from appliance.blueprint.expressions import Expression
    from appliance.blueprint.model import Grant

_BRACES: Final = re.compile(r"\{([^{}]+)\}")


class Renamer:
    """What each name becomes. This one keeps every name; names are given as they are before."""

    def entity(self, name: str) -> str:
        """An entity."""
        return name

    def field(self, entity: str, name: str) -> str:
        """A field of an entity."""
        del entity
        return name

    def option(self, entity: str, field: str, option: str) -> str:
        """An option of a choice field."""
        del entity, field
        return option

    def role(self, name: str) -> str:
        """A role."""
        return name


@dataclass(frozen=True, slots=True)
class RenameOne(Renamer):
    """Renames exactly one thing; ``within`` is the entity of a field, ``field`` the field of an option."""

    kind: str
    before: str
    after: str
    within: str = ""
    of: str = ""

    def entity(self, name: str) -> str:
        return self.after if self.kind == "entity" and name == self.before else name

    def field(self, entity: str, name: str) -> str:
        return self.after if self.kind == "field" and (entity, name) == (self.within, self.before) else name

    def option(self, entity: str, field: str, option: str) -> str:
        wanted = self.kind == "option" and (entity, field, option) == (self.within, self.of, self.before)
        return self.after if wanted else option

    def role(self, name: str) -> str:
        return self.after if self.kind == "role" and name == self.before else name


def rewrite(blueprint: Blueprint, renamer: Renamer) -> Blueprint:
    """The blueprint with every name replaced, everywhere."""
    return _Walk(blueprint, renamer).blueprint()


@dataclass(frozen=True, slots=True)
class Use:
    """One place that names something: ``what`` (``entity``, ``field``, ``option``, ``role``), its name in full
    (``Loan``, ``Loan.due``, ``Loan.status.open``) and the place in words for a person."""

    what: str
    name: str
    place: str


def uses(blueprint: Blueprint) -> tuple[Use, ...]:
    """Every place that names something, in the order of the text; a thing's own definition is not among them."""
    recorder = _Recorder()
    walk = _Walk(blueprint, recorder)
    recorder.walk = walk
    walk.blueprint()
    return tuple(dict.fromkeys(recorder.found))


class _Recorder(Renamer):
    walk: _Walk

    def __init__(self) -> None:
        self.found: list[Use] = []

    def _note(self, what: str, name: str) -> None:
        if self.walk.place:
            self.found.append(Use(what, name, self.walk.place))

    def entity(self, name: str) -> str:
        self._note("entity", name)
        return name

    def field(self, entity: str, name: str) -> str:
        self._note("field", f"{entity}.{name}")
        return name

    def option(self, entity: str, field: str, option: str) -> str:
        self._note("option", f"{entity}.{field}.{option}")
        return option

    def role(self, name: str) -> str:
        self._note("role", name)
        return name


class _Walk:
    """Goes through a whole blueprint. ``place`` says where it is; it is empty where a thing itself is defined."""

    def __init__(self, blueprint: Blueprint, renamer: Renamer) -> None:
        self._blueprint = blueprint
        self._to = renamer
        self.place = ""
        self._expressions = ExpressionWalk(blueprint, renamer)
        self._pages = PageWalk(renamer, self._where, self._expressions.dotted)

    def blueprint(self) -> Blueprint:
        """The rewritten blueprint."""
        old = self._blueprint
        roles = tuple(self._to.role(role) for role in old.roles)
        entities = tuple(self._entity(entity) for entity in old.entities)
        pages = []
        for page in old.pages:
            self.place = f"the page “{page.title}”"
            pages.append(self._pages.page(page))
        return replace(
            old,
            roles=roles,
            entities=entities,
            access=tuple(self._access(item) for item in old.access),
            field_access=tuple(self._field_access(item) for item in old.field_access),
            pages=tuple(pages),
            rules=tuple(self._rule(item) for item in old.rules),
            actions=tuple(self._action(item) for item in old.actions),
            reminders=tuple(self._reminder(item) for item in old.reminders),
            marks=tuple(self._mark(item) for item in old.marks),
            fragments=tuple(self._fragment(item) for item in old.fragments),
            cases=tuple(self._case(item) for item in old.cases),
            checks=tuple(self._check(item) for item in old.checks),
            protections=tuple(self._protection(item) for item in old.protections),
            examples=tuple(self._example(item) for item in old.examples),
        )

    def _entity(self, entity: Entity) -> Entity:
        self.place = ""
        name = self._to.entity(entity.name)
        fields = tuple(self._field(entity, field) for field in entity.fields)
        self.place = f"what must be unique together in {entity.name}"
        unique = tuple(tuple(self._to.field(entity.name, one) for one in group) for group in entity.unique)
        return Entity(name, fields, unique)

    def _field(self, entity: Entity, field: Field) -> Field:
        self.place = ""
        name = self._to.field(entity.name, field.name)
        kind = field.type
        default = field.default
        if isinstance(kind, Choice):
            options = tuple(self._to.option(entity.name, field.name, option) for option in kind.options)
            if isinstance(default, str):
                default = self._to.option(entity.name, field.name, default)
            kind = Choice(options)
        self.place = f"the field “{field.name}” of {entity.name}"
        if isinstance(kind, Ref):
            kind = Ref(self._to.entity(kind.entity))
        computed, custom = field.computed, field.custom
        if computed is not None:
            choice = (entity.name, field.name) if isinstance(field.type, Choice) else None
            computed = self._expressions.expression(computed, entity.name, choice)
        if custom is not None:
            custom = replace(custom, inputs=tuple(self._to.field(entity.name, one) for one in custom.inputs))
        return replace(field, name=name, type=kind, default=default, computed=computed, custom=custom)

    def _grants(self, grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
        return tuple(replace(grant, role=self._to.role(grant.role)) for grant in grants)

    def _access(self, access: Access) -> Access:
        self.place = f"the access to {access.entity}"
        return Access(self._to.entity(access.entity), self._grants(access.grants))

    def _field_access(self, access: FieldAccess) -> FieldAccess:
        self.place = f"the access to {access.entity}.{access.field}"
        entity, field = self._to.entity(access.entity), self._to.field(access.entity, access.field)
        return FieldAccess(entity, field, self._grants(access.grants))

    def _where(self, entity: str, where: Expression | None) -> Expression | None:
        return None if where is None else self._expressions.expression(where, entity)

    def _rule(self, rule: Rule) -> Rule:
        self.place = f"the rule “{rule.message}” of {rule.entity}"
        condition = self._expressions.expression(rule.condition, rule.entity)
        return replace(rule, entity=self._to.entity(rule.entity), condition=condition)

    def _action(self, action: Action) -> Action:
        self.place = f"the action “{action.title}” of {action.entity}"
        here = action.entity
        assignments = []
        for one in action.assignments:
            field = self._expressions.find(here, one.field)
            choice = (here, one.field) if field is not None and isinstance(field.type, Choice) else None
            value = None if one.value is None else self._expressions.expression(one.value, here, choice)
            assignments.append(replace(one, field=self._to.field(here, one.field), value=value))
        return replace(
            action,
            entity=self._to.entity(here),
            roles=tuple(self._to.role(role) for role in action.roles),
            people=tuple(self._to.field(here, one) for one in action.people),
            when=self._where(here, action.when),
            assignments=tuple(assignments),
        )

    def _reminder(self, reminder: Reminder) -> Reminder:
        self.place = f"the reminder “{reminder.message}” of {reminder.entity}"
        here = reminder.entity
        known = {field.name for field in self._expressions.fields(here)}

        def named(found: re.Match[str]) -> str:
            return "{" + self._to.field(here, found[1]) + "}" if found[1] in known else found[0]

        return replace(
            reminder,
            entity=self._to.entity(here),
            field=self._to.field(here, reminder.field),
            people=tuple(self._to.field(here, one) for one in reminder.people),
            roles=tuple(self._to.role(role) for role in reminder.roles),
            where=self._where(here, reminder.where),
            message=_BRACES.sub(named, reminder.message),
        )

    def _mark(self, mark: Mark) -> Mark:
        self.place = f"the {mark.colour} mark of {mark.entity}"
        where = self._expressions.expression(mark.where, mark.entity)
        return replace(mark, entity=self._to.entity(mark.entity), where=where)

    def _fragment(self, fragment: Fragment) -> Fragment:
        self.place = f"the part “{fragment.title}” of {fragment.entity}"
        inputs = tuple(self._to.field(fragment.entity, one) for one in fragment.inputs)
        return replace(fragment, entity=self._to.entity(fragment.entity), inputs=inputs)

    def _case(self, case: Case) -> Case:
        self.place = ""  # cases follow whatever happens to their place; they hold nothing up
        place = next(item for item in places(self._blueprint) if (item.entity, item.name) == (case.entity, case.name))
        values = tuple(
            self._to.option(case.entity, field.name, value)
            if isinstance(field.type, Choice) and isinstance(value, str)
            else value
            for field, value in zip(place.inputs, case.values, strict=True)
        )
        gives = case.gives
        if isinstance(place.output, Choice) and isinstance(gives, str):
            gives = self._to.option(case.entity, case.name, gives)
        name = case.name if place.output is None else self._to.field(case.entity, case.name)
        return Case(self._to.entity(case.entity), name, values, gives)

    def _place_key(self, key: str) -> str:
        self.place = ""
        place = next((item for item in places(self._blueprint) if item.key == key), None)
        if place is None:
            return key
        fragment = place.output is None
        name = place.name if fragment else self._to.field(place.entity, place.name)
        return place_key(self._to.entity(place.entity), name, fragment=fragment)

    def _check(self, check: OwnCheck) -> OwnCheck:
        self.place = f"the check “{sentence(check, self._blueprint)}”"
        here = check.entity

        def values(listed: tuple[Given, ...]) -> tuple[Given, ...]:
            return tuple(self._given(here, item) for item in listed)

        return replace(
            check,
            entity=self._to.entity(here),
            role=check.role if check.role == OWNER else self._to.role(check.role),
            given=values(check.given),
            then=values(check.then),
        )

    def _given(self, entity: str, item: Given) -> Given:
        field = self._expressions.find(entity, item.field)
        value = item.value
        if field is not None and isinstance(field.type, Choice) and isinstance(value, str):
            value = self._to.option(entity, item.field, value)
        return replace(item, field=self._to.field(entity, item.field), value=value)

    def _protection(self, protection: Protection) -> Protection:
        if protection.part in (Part.PAGE, Part.ROLES):
            return protection
        if protection.part is Part.CUSTOM:
            return replace(protection, name=self._place_key(protection.name))
        self.place = f"the protection of {protection.part} {protection.name}"
        return replace(protection, name=self._to.entity(protection.name))

    def _example(self, example: Example) -> Example:
        self.place = ""  # examples follow whatever happens to their entity; they hold nothing up
        values = []
        for field, value in zip(self._expressions.fields(example.entity), example.values, strict=False):
            choice = isinstance(field.type, Choice) and isinstance(value, str)
            values.append(self._to.option(example.entity, field.name, str(value)) if choice else value)
        return Example(self._to.entity(example.entity), tuple(values))
