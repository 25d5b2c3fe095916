"""Stage acceptance, second part: each role can do what the blueprint grants, and nothing else.

Two people of a role are sent where a permission covers a person's own rows only.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from appliance.blueprint.model import Entity, Permission, Scalar, Verb
from appliance.blueprint.naming import plural, slug
from appliance.blueprint.screens import DashboardPage, Page
from appliance.verifier.client import expect
from appliance.verifier.model import CheckFailed, Stage
from appliance.verifier.page import CSRF_FIELD
from appliance.verifier.pages import may_open, open_page
from appliance.verifier.people import Actor, actor
from appliance.verifier.recorder import Recorder
from appliance.verifier.wording import a, can, start
from appliance.verifier.world import MISSING, Row, World


def check_role(recorder: Recorder, world: World, role: str) -> None:
    """Every entity and page for one role.

    Raises:
        AppGone: the app does not answer any more; it is recorded.
    """
    for page in world.blueprint.pages:
        allowed = may_open(world.blueprint, page, role)
        title = can(role, f"open the page “{page.title}”", allowed=allowed)
        with recorder.check(Stage.PAGES, title, role=role, subject=page.title):
            _check_page(world, page, actor(role), allowed=allowed)
    for entity in world.blueprint.entities:
        if entity.name in world.rows:
            _RoleCheck(recorder, world, role, entity).run()


def _check_page(world: World, page: Page, who: Actor, *, allowed: bool) -> None:
    if allowed:
        open_page(world.client, who, page)
        return
    answer = world.client.get(who, f"/pages/{slug(page.title)}")
    message = f"{start(a(who.role))} sees the page “{page.title}”, which is not meant for them."
    wanted = (403, 404, 200) if isinstance(page, DashboardPage) else MISSING
    expect(answer, wanted, "access_too_wide", message)


class _RoleCheck:
    """One role and one entity. ``own``: a row that the first person of the role may call their own."""

    def __init__(self, recorder: Recorder, world: World, role: str, entity: Entity) -> None:
        self._recorder = recorder
        self._world = world
        self._role = role
        self._entity = entity
        self._first = actor(role, 1)
        self._second = actor(role, 2)
        self._one = a(entity.name)
        self._own: Row | None = None
        self._theirs = world.rows[entity.name]  # made by the owner, names the owner

    def run(self) -> None:
        grants = {verb: self._world.blueprint.permission(self._entity.name, self._role, verb) for verb in Verb}
        self._create(grants[Verb.CREATE])
        if self._own is None and any(grant is not None and grant.own for grant in grants.values()):
            self._own = self._named_row()
        self._read(grants[Verb.READ])
        self._edit(grants[Verb.EDIT])
        self._delete(grants[Verb.DELETE])

    def _named_row(self) -> Row | None:
        """A row that is the person's own because the owner named them in it, if the entity can name anybody."""
        if not any(item.type is Scalar.PERSON for item in self._entity.fields):
            return None
        made: list[Row] = []
        title = f"The owner can add {self._one} for {a(self._role)}"
        with self._recorder.check(Stage.ACCEPTANCE, title, role=self._role, subject=self._entity.name):
            sample = self._world.sample(self._entity, self._first)
            made.append(self._world.add(self._world.owner, self._entity, sample))
        return made[0] if made else None

    def _check(self, deed: str, *, allowed: bool) -> AbstractContextManager[None]:
        title = can(self._role, deed, allowed=allowed)
        return self._recorder.check(Stage.ACCEPTANCE, title, role=self._role, subject=self._entity.name)

    def _wide(self, what: str) -> str:
        return f"{start(a(self._role))} can {what}, which they should not."

    def _create(self, grant: Permission | None) -> None:
        world, path = self._world, f"/{slug(self._entity.name)}/new"
        with self._check(f"add {self._one}", allowed=grant is not None):
            if grant is not None:
                self._own = world.add(self._first, self._entity)
                message = f"{start(self._one)} that {a(self._role)} added is not there."
                world.must_show(self._own, "saved_wrong", message)
                return
            message = self._wide(f"add {self._one}")
            expect(world.client.get(self._first, path), MISSING, "access_too_wide", message)
            sample = world.sample(self._entity, self._first)
            values = {**sample.values, CSRF_FIELD: world.token(self._first)}
            answer = world.send_new(self._first, self._entity, values, sample)
            expect(answer, MISSING, "access_too_wide", message)

    def _read(self, grant: Permission | None) -> None:
        world = self._world
        many = plural(self._entity.name)
        if grant is None:
            with self._check(f"see {many}", allowed=False):
                message = self._wide(f"see {many}")
                answer = world.client.get(self._first, f"/{slug(self._entity.name)}")
                expect(answer, MISSING, "access_too_wide", message)
                expect(world.view(self._first, self._own or self._theirs), MISSING, "access_too_wide", message)
            return
        if not grant.own:
            with self._check(f"see all {many}", allowed=True):
                self._must_see(self._first, self._theirs)
            return
        with self._check(f"see only their own {many}", allowed=True):
            self._must_not_see(self._first, self._theirs)
            if self._own is not None:
                self._must_see(self._first, self._own)
                self._must_not_see(self._second, self._own)

    def _must_see(self, who: Actor, row: Row) -> None:
        message = f"{start(a(self._role))} does not see {self._one} that they should see."
        expect(self._world.view(who, row), (200,), "access_too_narrow", message)
        if not self._world.listed(who, row):
            raise CheckFailed("access_too_narrow", message, detail=f"row {row.id} is not in the list")

    def _must_not_see(self, who: Actor, row: Row) -> None:
        message = self._wide(f"see {self._one} of somebody else")
        expect(self._world.view(who, row), MISSING, "access_too_wide", message)
        if self._world.listed(who, row):
            raise CheckFailed("access_too_wide", message, detail=f"row {row.id} is in the list")

    def _edit(self, grant: Permission | None) -> None:
        world = self._world
        if grant is not None and not grant.own:
            with self._check(f"change {self._one}", allowed=True):
                world.rows[self._entity.name] = self._theirs = world.change(self._first, self._theirs)
            return
        if grant is not None and self._own is not None:
            with self._check(f"change their own {self._entity.name}", allowed=True):
                self._own = world.change(self._first, self._own)
        deed = f"change {self._one}" if grant is None else f"change {self._one} of somebody else"
        with self._check(deed, allowed=False):
            targets = [(self._first, self._theirs)]
            if self._own is not None:
                targets.append((self._second, self._own) if grant is not None else (self._first, self._own))
            for who, row in targets:
                self._must_not_edit(who, row, self._wide(deed))

    def _must_not_edit(self, who: Actor, row: Row, message: str) -> None:
        path = f"/{slug(self._entity.name)}/{row.id}/edit"
        expect(self._world.client.get(who, path), MISSING, "access_too_wide", message)
        sample = self._world.sample(self._entity, who, without=row.id)
        values = {**sample.values, CSRF_FIELD: self._world.token(who)}
        multipart = bool(sample.files)
        answer = self._world.client.post(who, path, values, files=sample.files, multipart=multipart)
        expect(answer, MISSING, "access_too_wide", message)
        self._world.must_show(row, "access_too_wide", message)

    def _delete(self, grant: Permission | None) -> None:
        world = self._world
        if grant is not None and not grant.own:
            with self._check(f"delete {self._one}", allowed=True):
                self._must_delete(world.add(world.owner, self._entity))
            return
        deed = f"delete {self._one}" if grant is None else f"delete {self._one} of somebody else"
        with self._check(deed, allowed=False):
            targets = [(self._first, self._theirs)]
            if self._own is not None:
                targets.append((self._second, self._own) if grant is not None else (self._first, self._own))
            for who, row in targets:
                expect(world.remove(who, row), MISSING, "access_too_wide", self._wide(deed))
                world.must_show(row, "access_too_wide", self._wide(deed))
        if grant is not None and self._own is not None:
            with self._check(f"delete their own {self._entity.name}", allowed=True):
                self._must_delete(self._own)

    def _must_delete(self, row: Row) -> None:
        message = f"{start(a(self._role))} cannot delete {self._one}, although they should."
        answer = self._world.may_go(self._world.remove(self._first, row), row.entity)
        expect(answer, (303,), "access_too_narrow", message)
        expect(self._world.view(self._world.owner, row), (404,), "not_deleted", message)
