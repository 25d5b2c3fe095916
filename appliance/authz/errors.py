"""What policies refuse, and what is wrong with policies."""

from __future__ import annotations

from appliance.core.errors import IntramuralError, Refused


class PolicyBroken(Refused):
    """A text is no policy, or does not fit the schema; the one in force stays."""

    code = "policy_broken"


class PolicyUnusable(IntramuralError):  # noqa: N818
    """The policy that should be in force cannot be read; nothing may be decided, so nothing starts."""

    code = "policy_unusable"
