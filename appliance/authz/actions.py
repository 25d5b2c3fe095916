"""The closed list of actions, and on what kind of resource each is asked about: the names of the Cedar schema."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Kind(StrEnum):
    """Of what kind a resource is."""

    APPLIANCE = "Appliance"
    DRAFT = "Draft"
    APP = "App"
    VERSION = "Version"
    DATA_CLASS = "DataClass"
    MODEL = "Model"
    APPROVAL = "Approval"
    LOG = "Log"
    VAULT = "Vault"
    POLICY = "Policy"
    API_KEY = "ApiKey"


class Action(StrEnum):
    """What somebody wants to do."""

    VISIT = "visit"
    USE_STUDIO = "useStudio"
    CREATE_APP = "createApp"
    IMPORT_TABLE = "importTable"
    VIEW_CATALOGUE = "viewCatalogue"
    DELEGATE_APPROVAL = "delegateApproval"
    ADMINISTER = "administer"
    USE_DRAFT = "useDraft"
    VIEW_APP = "viewApp"
    EDIT_APP = "editApp"
    PROMPT_APP = "promptApp"
    SHARE_APP = "shareApp"
    RESTORE_VERSION = "restoreVersion"
    PREVIEW_APP = "previewApp"
    PUBLISH_APP = "publishApp"
    UNPUBLISH_APP = "unpublishApp"
    CLASSIFY_APP = "classifyApp"
    EXPORT_APP = "exportApp"
    USE_RELEASE = "useRelease"
    USE_KIOSK = "useKiosk"
    VIEW_VERSION = "viewVersion"
    HOLD_DATA = "holdData"
    USE_MODEL = "useModel"
    SWITCH_MODEL = "switchModel"
    REQUEST_APPROVAL = "requestApproval"
    VIEW_APPROVAL = "viewApproval"
    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    TRY_OUT = "tryOut"
    CARRY_OUT = "carryOut"
    READ_AUDIT = "readAudit"
    OPEN_WORDS = "openWords"
    EXPORT_AUDIT = "exportAudit"
    VIEW_ERASURES = "viewErasures"
    REQUEST_ERASURE = "requestErasure"
    DECIDE_ERASURE = "decideErasure"
    SET_HOLD = "setHold"
    ROTATE_KEYS = "rotateKeys"
    VIEW_POLICY = "viewPolicy"
    PROPOSE_POLICY = "proposePolicy"
    CREATE_API_KEY = "createApiKey"
    USE_API_KEY = "useApiKey"
    REVOKE_API_KEY = "revokeApiKey"


_BY_KIND: Final[Mapping[Kind, tuple[Action, ...]]] = {
    Kind.APPLIANCE: (
        Action.VISIT,
        Action.USE_STUDIO,
        Action.CREATE_APP,
        Action.IMPORT_TABLE,
        Action.VIEW_CATALOGUE,
        Action.DELEGATE_APPROVAL,
        Action.ADMINISTER,
    ),
    Kind.DRAFT: (Action.USE_DRAFT,),
    Kind.APP: (
        Action.VIEW_APP,
        Action.EDIT_APP,
        Action.PROMPT_APP,
        Action.SHARE_APP,
        Action.RESTORE_VERSION,
        Action.PREVIEW_APP,
        Action.PUBLISH_APP,
        Action.UNPUBLISH_APP,
        Action.CLASSIFY_APP,
        Action.EXPORT_APP,
        Action.USE_RELEASE,
        Action.USE_KIOSK,
    ),
    Kind.VERSION: (Action.VIEW_VERSION,),
    Kind.DATA_CLASS: (Action.HOLD_DATA,),
    Kind.MODEL: (Action.USE_MODEL, Action.SWITCH_MODEL),
    Kind.APPROVAL: (
        Action.REQUEST_APPROVAL,
        Action.VIEW_APPROVAL,
        Action.APPROVE,
        Action.REFUSE,
        Action.WITHDRAW,
        Action.TRY_OUT,
        Action.CARRY_OUT,
    ),
    Kind.LOG: (Action.READ_AUDIT, Action.OPEN_WORDS, Action.EXPORT_AUDIT),
    Kind.VAULT: (
        Action.VIEW_ERASURES,
        Action.REQUEST_ERASURE,
        Action.DECIDE_ERASURE,
        Action.SET_HOLD,
        Action.ROTATE_KEYS,
    ),
    Kind.POLICY: (Action.VIEW_POLICY, Action.PROPOSE_POLICY),
    Kind.API_KEY: (Action.CREATE_API_KEY, Action.USE_API_KEY, Action.REVOKE_API_KEY),
}
KIND_OF: Final[Mapping[Action, Kind]] = MappingProxyType(
    {action: kind for kind, actions in _BY_KIND.items() for action in actions}
)
"""The kind of resource that each action is about."""
