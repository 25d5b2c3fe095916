"""One visit: who is here, what they may do, and a database session; plus what lives as long as the process."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, case, null, select

from .access import Access, Scope, Verb
from .columns import FieldSpec, Kind
from .conditions import Moment, moment
from .identity import Identity, ids_of, known, remember
from .records import Entity, Person, StoredFile, attribute
from .titles import title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlmodel import Session

    from .behaviour import Mark
    from .database import Database
    from .definition import Definition
    from .files import FileStore
    from .identity import HeaderIdentity, LocalIdentity
    from .language import Language
    from .rendering import Renderer
    from .security import Signer
    from .sessions import SessionIdentity
    from .settings import Settings


COMPUTED_COLUMNS: Final = 3
LEARNED_AT_ONCE: Final = 500
"""Rows whose computed fields are asked for in one query: well below what any database takes as parameters."""


class NotAllowed(Exception):  # noqa: N818
    """The person's roles do not allow this; the message says what they may ask for."""


class NoSuchRow(Exception):  # noqa: N818
    """There is no such row, or none that this person may see."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What one process holds."""

    definition: Definition
    settings: Settings
    database: Database
    files: FileStore
    signer: Signer
    renderer: Renderer
    identity: HeaderIdentity | LocalIdentity | SessionIdentity

    @contextmanager
    def visit(self, identity: Identity, *, writing: bool = False) -> Iterator[Visit]:
        """Open a visit; with ``writing`` everything is committed at the end or, on an error, nothing."""
        if not writing:
            with self.database.reading() as session:
                if (person := known(session, identity)) is not None:
                    yield self._visit(session, identity, person)
                    return
            with self.database.writing() as session:
                remember(session, identity)
        with self.database.writing() if writing else self.database.reading() as session:
            yield self._visit(session, identity, known(session, identity) or remember(session, identity))

    def _visit(self, session: Session, identity: Identity, person: Person) -> Visit:
        me = ids_of(session, person)
        access = Access(self.definition.access, identity.roles, me, self.definition.fields)
        return Visit(self, session, identity, person, access, moment(me))


@dataclass(slots=True)
class Visit:
    """One request of one person. Names of people and of referred rows are looked up once, for all rows together.

    ``here`` is the address of the page that is shown.
    """

    runtime: Runtime
    session: Session
    identity: Identity
    person: Person
    access: Access
    moment: Moment
    here: str = ""
    _titles: dict[tuple[str, int], str | None] = field(default_factory=dict)
    _marks: dict[tuple[str, int], Mark | None] = field(default_factory=dict)
    _possible: dict[tuple[str, int], frozenset[str]] = field(default_factory=dict)
    _fields: dict[str, tuple[FieldSpec, ...]] = field(default_factory=dict)
    _people: dict[int, Person] = field(default_factory=dict)
    _files: dict[str, StoredFile] = field(default_factory=dict)

    @property
    def language(self) -> Language:
        """The app's own words, days and numbers."""
        return self.runtime.renderer.language

    @property
    def form_token(self) -> str:
        """What every form of this person needs."""
        return self.runtime.signer.form_token(self.identity.subject)

    def require(self, entity: Entity, verb: Verb) -> None:
        """Refuse what no role of this person allows.

        Raises:
            NotAllowed: the person may not do this with any row.
        """
        if not self.access.may(entity, verb):
            words = {
                Verb.READ: "You may not see {records}.",
                Verb.CREATE: "You may not add new {records}.",
                Verb.EDIT: "You may not change {records}.",
                Verb.DELETE: "You may not delete {records}.",
            }
            raise NotAllowed(self.language.say(words[verb], records=entity.nouns))

    def row(self, entity: Entity, row_id: int, verb: Verb = Verb.READ) -> Any:
        """The row, if this person may do this with it.

        Raises:
            NotAllowed: the person sees it but may not do this.
            NoSuchRow: there is none, or none that they may see.
        """
        self.require(entity, verb)
        found = self.session.get(entity.model, row_id) if 0 < row_id < 2**63 else None
        if found is None:
            raise NoSuchRow(entity.noun)
        if not self.access.covers(entity, verb, found):
            if self.access.covers(entity, Verb.READ, found):
                message = "You may do this only with {records} of your own."
                raise NotAllowed(self.language.say(message, records=entity.nouns))
            raise NoSuchRow(entity.noun)
        return found

    def fields(self, entity: Entity) -> tuple[FieldSpec, ...]:
        """The fields that this person may read, of some rows at least: what shows rows shows these and no others."""
        if entity.table not in self._fields:
            readable = (spec for spec in entity.fields if self.access.field_scope(entity, spec) is not Scope.NONE)
            self._fields[entity.table] = tuple(readable)
        return self._fields[entity.table]

    def field(self, entity: Entity, name: str) -> FieldSpec | None:
        """The field of that name, if this person may read it; who may not cannot tell it from one that is not there."""
        return next((spec for spec in self.fields(entity) if spec.name == name), None)

    def columns(self, entity: Entity, limit: int) -> tuple[FieldSpec, ...]:
        """The fields that a table shows: at most ``limit``, leaving out first what says least in a narrow column.

        Beyond them a few computed fields: whoever has something worked out wants to see it.
        """
        fields = [spec for spec in self.fields(entity) if not spec.computed]
        shown = [spec for spec in fields if spec.kind is not Kind.LONGTEXT or spec == entity.label]
        for kind in (Kind.FILE, Kind.URL, Kind.PHONE, Kind.IMAGE, Kind.TIME):
            while len(shown) > limit and (last := [spec for spec in shown if spec.kind is kind]):
                shown.remove(last[-1])
        kept = set(shown[:limit] or fields[:limit])
        kept.update([spec for spec in self.fields(entity) if spec.computed][:COMPUTED_COLUMNS])
        return tuple(spec for spec in self.fields(entity) if spec in kept)

    def column(self, entity: Entity, spec: FieldSpec) -> ColumnElement[Any] | None:
        """A field in SQL, empty in rows of which this person may not read it; None if only Python can work it out."""
        found = self.held(entity, spec)
        scope = self.access.field_scope(entity, spec)
        if found is None or scope is Scope.ALL:
            return found
        return case((self.access.field_rows(entity, spec), found), else_=null())

    def held(self, entity: Entity, spec: FieldSpec) -> ColumnElement[Any] | None:
        """A field in SQL whoever looks: for what the app does by itself, never for what it shows."""
        if not spec.computed:
            return attribute(entity.model, spec.attribute).expression
        value = self.runtime.definition.behaviour.value(entity, spec)
        return value.column(self.moment) if value is not None else None

    def value(self, entity: Entity, row: Any, spec: FieldSpec) -> Any:
        """A field of a learned row, None if this person may not read it."""
        return getattr(row, spec.attribute) if self.access.reads(entity, spec, row) else None

    def title(self, entity: Entity, row: Any) -> str:
        """What a row is called, as far as this person may know."""
        return title(entity, row, named=self.access.names(entity, row), language=self.language)

    def mark(self, entity: Entity, row: Any) -> Mark | None:
        """How a learned row stands out."""
        return self._marks.get((entity.table, row.id or 0))

    def learn(self, entity: Entity, rows: Iterable[Any]) -> None:
        """Look up what these rows mention, and work out what is computed."""
        rows = list(rows)
        self._learn_behaviour(entity, rows)
        self.learn_people({row.created_by for row in rows if row.created_by is not None})
        for spec in (spec for spec in entity.fields if not spec.hidden):
            self.learn_values(spec, {value for row in rows if (value := getattr(row, spec.attribute)) is not None})

    def learn_values(self, spec: FieldSpec, values: set[Any]) -> None:
        """Look up the names behind some values of a field."""
        if spec.kind is Kind.PERSON:
            self.learn_people(values)
        elif spec.kind is Kind.REF:
            self._learn_titles(self.runtime.definition.by_table[spec.target], values)
        elif spec.is_upload and (missing := values - self._files.keys()):
            files = self.session.scalars(select(StoredFile).where(attribute(StoredFile, "key").in_(missing)))
            self._files.update({stored.key: stored for stored in files})

    def learn_people(self, ids: set[int]) -> None:
        """Look up who these people are."""
        if missing := ids - self._people.keys():
            found = self.session.scalars(select(Person).where(attribute(Person, "id").in_(missing)))
            self._people.update({person.id: person for person in found if person.id is not None})

    def possible(self, entity: Entity, row: Any) -> frozenset[str]:
        """The actions with a condition that a learned row obeys."""
        return self._possible.get((entity.table, row.id or 0), frozenset())

    def _learn_behaviour(self, entity: Entity, rows: list[Any]) -> None:
        """Work out computed fields and marks: everything that SQL can say in one query for all rows together."""
        behaviour = self.runtime.definition.behaviour
        readable = {spec.name for spec in self.fields(entity)}
        marks = [mark for mark in behaviour.marks_of(entity) if readable.issuperset(mark.needs)]
        saved = [row for row in rows if row.id is not None]
        actions = [(action.slug, action.when) for action in behaviour.actions_of(entity) if action.when is not None]
        if not saved or not (entity.computed or marks or actions):
            return
        values = {spec: behaviour.value(entity, spec) for spec in entity.computed}
        columns = {spec: value.column(self.moment) for spec, value in values.items() if value is not None}
        asked = {spec: column for spec, column in columns.items() if column is not None}
        key = attribute(entity.model, "id")
        for start in range(0, len(saved), LEARNED_AT_ONCE):
            part = {row.id: row for row in saved[start : start + LEARNED_AT_ONCE]}
            tests = [mark.test.clause(self.moment) for mark in marks]
            tests += [when.clause(self.moment) for _, when in actions]
            found = self.session.execute(select(key, *asked.values(), *tests).where(key.in_(part)))
            for row_id, *answers in found:
                for spec, answer in zip(asked, answers, strict=False):
                    part[row_id].__dict__[spec.attribute] = answer
                told = answers[len(asked) :]
                held = (mark for mark, holds in zip(marks, told, strict=False) if holds)
                self._marks[entity.table, row_id] = next(held, None)
                possible = zip(actions, told[len(marks) :], strict=True)
                self._possible[entity.table, row_id] = frozenset(slug for (slug, _), holds in possible if holds)
        for spec in entity.computed:
            value = values[spec]
            for row in saved if spec not in asked else ():
                row.__dict__[spec.attribute] = None if value is None else value.of(self.session, row, self.moment)

    def _learn_titles(self, target: Entity, ids: set[int]) -> None:
        wanted = {row_id for row_id in ids if (target.table, row_id) not in self._titles}
        if not wanted:
            return
        visible = select(target.model).where(attribute(target.model, "id").in_(wanted), self.access.named_rows(target))
        for row in self.session.scalars(visible):
            self._titles[target.table, row.id or 0] = self.title(target, row)
        for row_id in wanted:
            self._titles.setdefault((target.table, row_id), None)

    def referred(self, spec: FieldSpec, value: int) -> str | None:
        """What the referred row is called, or None if this person may not know."""
        return self._titles.get((spec.target, value))

    def somebody(self, person_id: int | None) -> Person | None:
        """A person that :meth:`learn` met."""
        return None if person_id is None else self._people.get(person_id)

    def stored(self, key: str) -> StoredFile | None:
        """A file that :meth:`learn` met."""
        return self._files.get(key)
