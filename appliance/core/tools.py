"""Functions that a program offers the model, and the calls that it answers with; carrying them out is the program's."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.core.ports import GrammarRefused


class ToolsRefused(GrammarRefused):
    """The schema of a function's arguments cannot be used; the cause says which function and why."""

    code = "tools_refused"


@dataclass(frozen=True)
class Tool:
    """A function: ``parameters`` is the JSON schema of its arguments, as text."""

    name: str
    description: str = ""
    parameters: str = '{"type": "object", "properties": {}, "additionalProperties": false}'


@dataclass(frozen=True)
class ToolCall:
    """A call that was made: ``arguments`` as JSON text."""

    name: str
    arguments: str


@dataclass(frozen=True)
class Calling:
    """Which calls an answer may or must have.

    Attributes:
        required: the answer is calls; otherwise the model chooses between calls and text.
        only: the one function that may be called; empty: any of those that the prompt offers.
        most: how many calls an answer has at most.
    """

    required: bool = False
    only: str = ""
    most: int = 1


@dataclass(frozen=True)
class CallPiece:
    """A part of a call: ``name`` comes with its first piece, and is empty in the others; ``arguments`` is what follows
    of their JSON text. ``index`` counts the calls of the answer."""

    index: int
    name: str = ""
    arguments: str = ""
