"""Wiring of the API for programs: its keys, and the model that it asks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.core.errors import Unavailable
from appliance.db.repositories.api_keys import ApiKeyStore
from appliance.studio.api_keys import ApiKeys, AsLastSeen
from appliance.web.services import ApiServices

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.core.answers import PromptScreen
    from appliance.core.clock import Clock
    from appliance.core.ports import AuditSink, BodyVault, EngineDescription, KeyHolders, Person, TextGenerator
    from appliance.core.settings import Settings
    from appliance.db.engine import Database
    from appliance.identity.directory import Directory
    from appliance.studio.engine import Engine


@dataclass(frozen=True)
class EngineModel:
    """Implements :class:`appliance.web.services.ServedModel`; without an engine, no model is ever ready."""

    engine: Engine | None

    def description(self) -> EngineDescription | None:
        """What runs; None while it is not ready."""
        return None if self.engine is None else self.engine.description()

    def generator(self, on_queued: Callable[[int], None]) -> TextGenerator:
        """Asks the model.

        Raises:
            Unavailable: there is none.
        """
        if self.engine is None:
            message = "There is no model here."
            raise Unavailable(message, action="Start the appliance with a model.")
        return self.engine.generator_heard_by(on_queued)


@dataclass(frozen=True)
class InDirectory:
    """Implements :class:`appliance.core.ports.KeyHolders` over the directory of people."""

    directory: Directory

    def groups_now(self, holder: Person, known: frozenset[str]) -> frozenset[str] | None:
        """The groups of the last sign-in and those that an identity system pushed since; None: they have left.

        Raises:
            DirectoryUnavailable: nobody can tell, so nobody is let in.
        """
        if self.directory.gone(holder.subject, holder.email):
            return None
        return known | self.directory.groups_of(holder.subject, holder.email)


def make_api(
    settings: Settings,
    database: Database,
    engine: Engine | None,
    *,
    audit: AuditSink,
    vault: BodyVault,
    clock: Clock,
    holders: KeyHolders | None = None,
    screen: PromptScreen | None = None,
) -> ApiServices:
    """The API's services. ``holders`` knows who has left; ``screen`` looks at words before the model does."""
    keys = ApiKeys(ApiKeyStore(database), audit, clock, settings.api, holders or AsLastSeen())
    return ApiServices(keys, EngineModel(engine), vault, int(time.time()), screen)
