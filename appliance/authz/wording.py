"""What people are told when nothing permits an action: why not, and what they can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from appliance.authz.actions import Action


@dataclass(frozen=True, slots=True)
class Refusal:
    """``says`` why not; ``next`` what can be done."""

    says: str
    next: str


_ASK: Final = "Ask your operator to add you to the group of"
_MAKERS = Refusal("Making apps is reserved for makers.", f"{_ASK} makers.")
_OWNER = Refusal("There is no such app among yours.", "Go back to your list of apps.")
_AUDIT = Refusal("Reading the audit log is reserved for auditors.", f"{_ASK} auditors.")
_ERASE = Refusal("Erasures and legal holds are reserved for auditors.", f"{_ASK} auditors.")
_OPERATE = Refusal("This is reserved for operators.", f"{_ASK} operators.")
_POLICY = Refusal("The policy is seen by reviewers, auditors and operators.", f"{_ASK} reviewers.")
_DECIDE = Refusal("This is decided by somebody else.", "Its page says who can decide.")
_KEYS = Refusal("This key is not yours.", "Ask your operator for a key of your own.")

REFUSALS: Final[Mapping[Action, Refusal]] = MappingProxyType(
    {
        Action.VISIT: Refusal("There is no such page.", "Go back to your list of apps."),
        Action.USE_STUDIO: Refusal("You are not signed in.", "Sign in first."),
        Action.CREATE_APP: _MAKERS,
        Action.IMPORT_TABLE: _MAKERS,
        Action.VIEW_CATALOGUE: Refusal("The catalogue is for people who are signed in.", "Sign in first."),
        Action.DELEGATE_APPROVAL: Refusal(
            "Only somebody who decides on requests can let another person decide.", f"{_ASK} reviewers."
        ),
        Action.ADMINISTER: _OPERATE,
        Action.USE_DRAFT: _MAKERS,
        Action.VIEW_APP: _OWNER,
        Action.EDIT_APP: _OWNER,
        Action.PROMPT_APP: _OWNER,
        Action.SHARE_APP: _OWNER,
        Action.RESTORE_VERSION: _OWNER,
        Action.PREVIEW_APP: Refusal(
            "Only its maker sees an app before it is published.", "Ask its maker to publish it and to let you in."
        ),
        Action.PUBLISH_APP: _OWNER,
        Action.UNPUBLISH_APP: Refusal(
            "An app is taken back by its maker, a reviewer or an operator.", "Tell one of them what is wrong."
        ),
        Action.CLASSIFY_APP: _OWNER,
        Action.EXPORT_APP: _OWNER,
        Action.USE_RELEASE: Refusal(
            "This app is not published, or has not been shared with you.", "Ask its maker to let you in."
        ),
        Action.USE_KIOSK: Refusal("This screen is not open to everybody.", "Ask the app's maker."),
        Action.VIEW_VERSION: _OWNER,
        Action.HOLD_DATA: _MAKERS,
        Action.USE_MODEL: Refusal("Asking the model is reserved for makers.", f"{_ASK} makers."),
        Action.SWITCH_MODEL: _OPERATE,
        Action.REQUEST_APPROVAL: Refusal("You cannot ask for this.", "Ask the app's maker, or your operator."),
        Action.VIEW_APPROVAL: Refusal("There is no such request for you.", "Go back to the list of requests."),
        Action.APPROVE: _DECIDE,
        Action.REFUSE: _DECIDE,
        Action.WITHDRAW: Refusal("Only whoever asked can withdraw.", "Refuse it instead, if you may decide."),
        Action.TRY_OUT: Refusal(
            "Only whoever decides on publishing it can try it out.", "Ask its maker to let you in when it is published."
        ),
        Action.CARRY_OUT: Refusal("It is not approved yet.", "Wait for the approvals that its page names."),
        Action.READ_AUDIT: _AUDIT,
        Action.OPEN_WORDS: _AUDIT,
        Action.EXPORT_AUDIT: _AUDIT,
        Action.VIEW_ERASURES: _ERASE,
        Action.REQUEST_ERASURE: _ERASE,
        Action.DECIDE_ERASURE: _ERASE,
        Action.SET_HOLD: _ERASE,
        Action.ROTATE_KEYS: _OPERATE,
        Action.VIEW_POLICY: _POLICY,
        Action.PROPOSE_POLICY: _POLICY,
        Action.CREATE_API_KEY: Refusal(
            "Keys are made by makers for themselves, and by operators for service accounts.", f"{_ASK} makers."
        ),
        Action.USE_API_KEY: _KEYS,
        Action.REVOKE_API_KEY: _KEYS,
    }
)
