"""SCIM resources over the directory: kept in memory for searches, written through to the directory's file.

Everything that is a protocol (filters, PATCH, paging, ETags, schemas) is scim2-server's; this module says where users
and groups live and tells ``heard`` what became of them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from scim2_models import EnterpriseUser, Group, Resource, ResourceType, TooManyException, User
from scim2_server.memory import InMemoryStorage

from appliance.identity.directory import Directory
from appliance.identity.directory_records import MAX_GROUPS, MAX_PEOPLE, DirectoryGroup, DirectoryPerson

if TYPE_CHECKING:
    from collections.abc import Generator

SOURCE: Final = "scim"
MAX_MEMBERS: Final = 20_000
FullUser = User[EnterpriseUser]
_MODELS: Final[dict[str, Any]] = {"User": FullUser, "Group": Group}

Heard = Callable[[str, DirectoryPerson | None, DirectoryPerson | None], None]
"""Operation, the person before and after; called before the answer is given."""


class DirectoryStorage(InMemoryStorage):
    """The resources, shared with other processes on the same file: what they wrote is read before each operation."""

    def __init__(self, directory: Directory, heard: Heard = lambda _operation, _before, _after: None) -> None:
        super().__init__()
        self._directory = directory
        self._heard = heard
        self._seen = -1
        self._load()

    def next_version(self) -> str:
        """Versions stay different over restarts, so that an ETag never fits another state."""
        return f'W/"{secrets.token_hex(8)}"'

    @contextmanager
    def operation(self) -> Generator[None]:
        with self.lock:
            if self._directory.version() != self._seen:
                self._load()
            yield

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        with self.lock:
            limit = MAX_PEOPLE if resource_type.name == "User" else MAX_GROUPS
            if len(self._resources.get(resource_type.name, {})) >= limit:
                raise TooManyException
            made = super().create(resource_type, resource)
            self._written("create", resource_type, None, made)
            return made

    def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        with self.lock:
            before = self.get(resource_type, str(resource.id))
            made = super().update(resource_type, resource, expected_version=expected_version)
            self._written("update", resource_type, before, made)
            return made

    def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        with self.lock:
            before = self.get(resource_type, resource_id)
            super().delete(resource_type, resource_id, expected_version=expected_version)
            self._written("delete", resource_type, before, None)

    def _load(self) -> None:
        self._seen, rows = self._directory.resources()
        self.resources = [_MODELS[kind].model_validate_json(body) for kind, body in rows if kind in _MODELS]

    def _written(
        self, operation: str, kind: ResourceType, before: Resource[Any] | None, after: Resource[Any] | None
    ) -> None:
        try:
            self._keep(str(kind.name), before, after)
        except BaseException:
            self._load()  # what was not kept did not happen
            raise
        if kind.name == "User":
            self._heard(
                operation,
                None if before is None else person_of(before),
                None if after is None else person_of(after),
            )

    def _keep(self, kind: str, before: Resource[Any] | None, after: Resource[Any] | None) -> None:
        id_ = str((after or before).id)  # type: ignore[union-attr]
        body = None if after is None else after.model_dump_json()
        if kind == "User":
            self._directory.keep_user(SOURCE, id_, body, None if after is None else person_of(after))
        else:
            self._directory.keep_group(SOURCE, id_, body, None if after is None else group_of(after))


def person_of(user: Any) -> DirectoryPerson:
    """A user as the directory knows people."""
    emails = [email for email in user.emails or [] if email.value]
    chosen = next((email for email in emails if email.primary), emails[0] if emails else None)
    name = user.display_name or (user.name.formatted if user.name and user.name.formatted else "")
    if not name and user.name:
        name = " ".join(part for part in (user.name.given_name, user.name.family_name) if part)
    enterprise = user[EnterpriseUser] if EnterpriseUser in user.get_extension_models().values() else None
    manager = enterprise.manager.value if enterprise is not None and enterprise.manager else ""
    address = str(chosen.value) if chosen is not None else (user.user_name if "@" in (user.user_name or "") else "")
    return DirectoryPerson(
        SOURCE,
        str(user.id),
        "",
        str(user.user_name or "")[:320],
        str(name or user.user_name or "")[:200],
        str(address)[:320],
        user.active is not False,
        str(manager or "")[:200],
    )


def group_of(group: Any) -> DirectoryGroup:
    """A group as the directory knows groups.

    Raises:
        TooManyException: it has more members than can be kept.
    """
    members = [str(member.value) for member in group.members or [] if member.value]
    if len(members) > MAX_MEMBERS:
        raise TooManyException
    return DirectoryGroup(SOURCE, str(group.id), str(group.display_name or "")[:200], tuple(members))
