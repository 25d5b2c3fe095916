"""What can be wrong with the data that data loss prevention works by."""

from __future__ import annotations

from appliance.core.errors import IntramuralError, Unavailable


class RulesBroken(IntramuralError):  # noqa: N818
    """A file of rules or decisions cannot be used; whatever was in force stays in force."""

    code = "dlp_rules_broken"


class NotReady(Unavailable):
    """The secret rules are still being compiled, or could not be; nothing passes unseen."""

    code = "dlp_not_ready"
