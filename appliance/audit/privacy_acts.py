"""Acts on what is under seal, by name: what the command line and the local API have in common."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from appliance.audit.errors import BodyRefused

if TYPE_CHECKING:
    from appliance.audit.privacy import Privacy


def carry_out(privacy: Privacy, act: str, *, target: str, reason: str, principal: str) -> dict[str, Any]:
    """One act by its name; what came of it, as JSON values.

    Raises:
        BodyRefused: there is no such act.
        IntramuralError: the act itself was refused or failed.
    """
    if act == "request":
        return asdict(privacy.request_erasure(target, principal=principal, reason=reason))
    if act == "approve":
        return asdict(privacy.approve_erasure(target, principal=principal))
    if act == "reject":
        return asdict(privacy.reject_erasure(target, principal=principal, reason=reason))
    if act == "hold":
        return asdict(privacy.set_hold(target, principal=principal, reason=reason))
    if act == "lift":
        privacy.lift_hold(target, principal=principal, reason=reason)
        return {"lifted": target}
    if act == "rotate":
        return {"subjects": privacy.rotate_master_key(principal=principal)}
    message = f"There is no act {act!r}."
    raise BodyRefused(message, action="Choose request, approve, reject, hold, lift or rotate.")
