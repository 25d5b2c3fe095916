"""What every connection of a worker shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.inference.constraint import GrammarCompiler
    from appliance.inference.engine import Engine
    from appliance.inference.loader import LoadedModel


@dataclass(frozen=True)
class ServedModel:
    """What every connection shares.

    Attributes:
        request_seconds: limit of one generation, and of a client's silence while it holds the slot.
    """

    loaded: LoadedModel
    engine: Engine
    grammars: GrammarCompiler
    request_seconds: float
