"""The one root error: what broke, why, and what the person in front of it can do.

Exceptions of parsers and libraries never cross a package boundary; they are wrapped here.
"""

from __future__ import annotations

from typing import ClassVar


class IntramuralError(Exception):
    """Root of every error that the appliance raises on purpose.

    Args:
        message: one sentence that says what happened, for the person who asked.
        cause: the technical cause in one line, for the operator; may be empty.
        action: what to do next, as an instruction.

    ``code`` is stable and documented; a subclass sets its own.
    """

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, cause: str = "", action: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cause = cause
        self.action = action

    def __str__(self) -> str:
        parts = [self.message]
        if self.cause:
            parts.append(f"Cause: {self.cause}")
        if self.action:
            parts.append(f"What to do: {self.action}")
        return " ".join(parts)

    def as_dict(self) -> dict[str, str]:
        """A JSON-ready form for the API, the event stream and the audit log."""
        return {"code": self.code, "message": self.message, "cause": self.cause, "action": self.action}


class SettingsError(IntramuralError):
    """The configuration cannot be used; nothing was started."""

    code = "settings"


class Refused(IntramuralError):  # noqa: N818 - a refusal is an outcome, not a fault
    """The request is understood and declined: bad input, no permission, a limit reached."""

    code = "refused"


class Unavailable(IntramuralError):  # noqa: N818
    """A part that is needed is not running or not installed right now."""

    code = "unavailable"
