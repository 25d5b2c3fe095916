"""One visit: who is here, what they may do, and a database session; plus what lives as long as the process."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from .access import Access, Verb
from .columns import FieldSpec, Kind
from .conditions import Moment, moment
from .identity import Identity, ids_of, known, remember
from .records import Entity, Person, StoredFile, attribute
from .titles import title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlmodel import Session

    from .database import Database
    from .definition import Definition
    from .files import FileStore
    from .identity import HeaderIdentity, LocalIdentity
    from .rendering import Renderer
    from .security import Signer
    from .sessions import SessionIdentity
    from .settings import Settings


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
        access = Access(self.definition.access, identity.roles, me)
        return Visit(self, session, identity, person, access, moment(me))


@dataclass(slots=True)
class Visit:
    """One request of one person. Names of people and of referred rows are looked up once, for all rows together."""

    runtime: Runtime
    session: Session
    identity: Identity
    person: Person
    access: Access
    moment: Moment
    _titles: dict[tuple[str, int], str | None] = field(default_factory=dict)
    _people: dict[int, Person] = field(default_factory=dict)
    _files: dict[str, StoredFile] = field(default_factory=dict)

    def require(self, entity: Entity, verb: Verb) -> None:
        """Refuse what no role of this person allows.

        Raises:
            NotAllowed: the person may not do this with any row.
        """
        if not self.access.may(entity, verb):
            what = entity.nouns if verb is not Verb.CREATE else f"new {entity.nouns}"
            words = {Verb.READ: "see", Verb.CREATE: "add", Verb.EDIT: "change", Verb.DELETE: "delete"}[verb]
            raise NotAllowed(f"You may not {words} {what}.")

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
                raise NotAllowed(f"You may do this only with {entity.nouns} of your own.")
            raise NoSuchRow(entity.noun)
        return found

    def learn(self, entity: Entity, rows: Iterable[Any]) -> None:
        """Look up the names that these rows mention."""
        rows = list(rows)
        people: set[int] = {row.created_by for row in rows if row.created_by is not None}
        keys: set[str] = set()
        for spec in entity.fields:
            values = {value for row in rows if (value := getattr(row, spec.attribute)) is not None}
            if spec.kind is Kind.PERSON:
                people |= values
            elif spec.is_upload:
                keys |= values
            elif spec.kind is Kind.REF:
                self._learn_titles(self.runtime.definition.by_table[spec.target], values)
        if missing := people - self._people.keys():
            found = self.session.scalars(select(Person).where(attribute(Person, "id").in_(missing)))
            self._people.update({person.id: person for person in found if person.id is not None})
        if missing_keys := keys - self._files.keys():
            files = self.session.scalars(select(StoredFile).where(attribute(StoredFile, "key").in_(missing_keys)))
            self._files.update({stored.key: stored for stored in files})

    def _learn_titles(self, target: Entity, ids: set[int]) -> None:
        wanted = {row_id for row_id in ids if (target.table, row_id) not in self._titles}
        if not wanted:
            return
        visible = select(target.model).where(attribute(target.model, "id").in_(wanted), self.access.named_rows(target))
        for row in self.session.scalars(visible):
            self._titles[target.table, row.id or 0] = title(target, row)
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
