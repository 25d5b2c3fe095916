"""What is wrong with a function or template that a model wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.core.errors import IntramuralError

if TYPE_CHECKING:
    import ast


class CodeProblem(IntramuralError):  # noqa: N818
    """It cannot be used; the message says why, to the model and to the maker."""

    code = "custom_code"

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


def at(node: ast.AST, message: str) -> CodeProblem:
    """A problem at a place of the text."""
    return CodeProblem(message, getattr(node, "lineno", 0))
