"""The model in its process, and what asks it: planner, reviser, the writer of custom code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.codegen.custom.write import Coder
from appliance.planner.plan import Planner
from appliance.planner.revise import ModelReviser
from appliance.studio.engine import Engine
from appliance.studio.model_choice import ModelChoice

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from appliance.core.sandboxing import Sandbox
    from appliance.core.settings import Settings


@dataclass(frozen=True)
class ModelParts:
    """``warm_ups`` are called whenever a model has started."""

    engine: Engine
    planner: Planner
    reviser: ModelReviser
    coder: Coder
    warm_ups: tuple[Callable[[], None], ...]


def make_model(settings: Settings, sandbox: Sandbox, bundle: Path | None) -> ModelParts:
    """Wire the model: ``bundle``, else the one that was chosen, else the newest. Nothing runs yet.

    Raises:
        SettingsError: there is none.
    """
    engine = _engine(settings, bundle)
    planner = Planner(engine.generator, request_characters=settings.build.prompt_characters)
    reviser = ModelReviser(engine.generator, request_characters=settings.build.prompt_characters)
    coder = Coder(engine.generator, sandbox)
    return ModelParts(engine, planner, reviser, coder, (planner.warm_up, reviser.warm_up))


def _engine(settings: Settings, bundle: Path | None) -> Engine:
    if bundle is not None:
        return Engine(settings.model, home=settings.home, bundle=bundle)
    choice = ModelChoice(settings.home)
    found, digest = choice.bundle()

    def before_start() -> None:
        if digest:
            choice.require(found, digest)

    return Engine(settings.model, home=settings.home, bundle=found, before_start=before_start)
