"""What a person may be in the studio, derived from the groups that the identity provider names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final


class StudioRole(StrEnum):
    """The people the appliance serves. One person may be several of them."""

    MAKER = "maker"
    REVIEWER = "reviewer"
    USER = "user"
    OPERATOR = "operator"
    AUDITOR = "auditor"


DEFAULT_GROUPS: Final[Mapping[str, StudioRole]] = {role.value: role for role in StudioRole}


def roles_of(groups: Iterable[str], mapping: Mapping[str, StudioRole] = DEFAULT_GROUPS) -> frozenset[StudioRole]:
    """The studio roles of someone in ``groups``; a group that is not mapped gives nothing (default deny).

    Keycloak writes groups as paths (``/maker``); one leading slash is ignored.
    """
    return frozenset(mapping[name] for group in groups if (name := group.removeprefix("/")) in mapping)
