"""What the studio tells a person when something cannot be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from appliance.core.errors import IntramuralError, Refused, Unavailable

if TYPE_CHECKING:
    from appliance.authz.engine import Decision
    from appliance.authz.questions import Question


class ByPolicy(Refused):
    """May carry the question that was asked and the decision, for the audit log."""

    decided: ClassVar[tuple[Question, Decision] | None] = None

    def because(self, question: Question, decision: Decision) -> None:
        """Note what was decided."""
        self.decided = (question, decision)  # type: ignore[misc]


class NotFound(ByPolicy):
    """There is no such app, version or build, or not one that this person may see."""

    code = "not_found"


class NotAllowed(ByPolicy):
    """The person may see it, but may not do this."""

    code = "not_allowed"


class Busy(Unavailable):
    """A bounded queue is full, or this app is being built already."""

    code = "busy"


class BuildCancelled(IntramuralError):  # noqa: N818 - an outcome, not a fault
    """Somebody pressed Stop."""

    code = "cancelled"


class BuildTimedOut(IntramuralError):  # noqa: N818
    """The build ran longer than the settings allow."""

    code = "timed_out"


class NotVerified(IntramuralError):  # noqa: N818
    """The app was written but did not pass its checks, so it did not become the current version."""

    code = "not_verified"


class Interrupted(IntramuralError):  # noqa: N818
    """The appliance stopped in the middle of the build."""

    code = "interrupted"


class RepositoryDamaged(IntramuralError):  # noqa: N818
    """The git repository of an app cannot be read."""

    code = "repository_damaged"


def stopped_while_waiting() -> BuildCancelled:
    """A build that was stopped in the queue."""
    message = "You stopped this build before it began."
    return BuildCancelled(message, action="Start it again whenever you like.")


def defect(error: Exception) -> IntramuralError:
    """What nobody foresaw, as the maker is told of it."""
    message = "Something in the appliance went wrong while building."
    return IntramuralError(
        message, cause=repr(error)[:300], action="Try again. If it happens again, show this to your operator."
    )
