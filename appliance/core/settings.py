"""All settings, in one typed and frozen place. Unknown keys are refused; nothing else reads the environment.

Order: defaults, then ``config.toml`` in the home folder, then ``INTRAMURAL_<SECTION>_<KEY>`` variables.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from appliance.core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WebSettings(_Section):
    """The front door."""

    domain: str = "intramural.localhost"
    """Base domain: the studio is ``studio.<domain>``, an app ``<app>.<domain>``."""
    port: int = Field(default=8080, ge=1, le=65535)
    issuer_port: int = Field(default=8081, ge=1, le=65535)
    """Loopback port of the demo issuer."""


class ModelSettings(_Section):
    """The engine."""

    threads: int = Field(default=0, ge=0)
    """0: one per physical core that this process may use."""
    context_tokens: int = Field(default=4096, ge=512, le=32768)
    prefill_chunk: int = Field(default=512, ge=16, le=4096)
    request_seconds: int = Field(default=300, ge=10)
    device: Literal["cpu", "cuda"] = "cpu"
    """Never changed silently: a model that cannot run there does not start."""
    executor: Literal["onnxruntime", "genai"] = "onnxruntime"
    """The library that runs the model; ``genai`` needs the extra of that name (docs/inference.md)."""
    streams: int = Field(default=8, ge=1, le=64)
    """Conversations that are computed together; the next ones wait."""
    ceiling: Literal["public", "internal", "confidential", "restricted"] = "restricted"
    """The highest class of data that may be handed to the model."""


class BuildSettings(_Section):
    """Limits of one build."""

    prompt_characters: int = Field(default=4000, ge=100)
    seconds: int = Field(default=600, ge=30)
    queue: int = Field(default=16, ge=1)


class QuotaSettings(_Section):
    """What people and departments may use in 24 hours; 0: no limit."""

    person_builds_per_day: int = Field(default=200, ge=0)
    person_tokens_per_day: int = Field(default=0, ge=0)
    """Tokens of the model, read anew and written."""
    person_at_once: int = Field(default=3, ge=1, le=100)
    """How many builds of one person may wait, beside one that runs."""
    department_builds_per_day: int = Field(default=0, ge=0)
    department_tokens_per_day: int = Field(default=0, ge=0)
    departments: str = Field(default="departments", min_length=1)
    """Groups below this one are departments: ``/departments/purchasing``."""


class DlpSettings(_Section):
    """Data loss prevention."""

    folder: Path | None = None
    """Where its rules are, instead of those of the release: ``decisions.toml``, ``names.toml``, ``rules*.toml``."""


class HostingSettings(_Section):
    """Running apps."""

    idle_seconds: int = Field(default=900, ge=10)
    start_seconds: int = Field(default=20, ge=1)
    memory_mib: int = Field(default=512, ge=128)


class RetentionSettings(_Section):
    """How many days something is kept; 0: without end. A legal hold keeps everything longer."""

    prompt_days: int = Field(default=0, ge=0, le=36_500)
    blueprint_days: int = Field(default=0, ge=0, le=36_500)
    code_days: int = Field(default=0, ge=0, le=36_500)
    transcript_days: int = Field(default=0, ge=0, le=36_500)
    entries_days: int = Field(default=0, ge=0, le=36_500)
    """Entries of the audit log itself; their hashes, and so every proof, stay."""

    def body_days(self) -> dict[str, int]:
        """Days by kind of sealed body."""
        return {
            "prompt": self.prompt_days,
            "blueprint": self.blueprint_days,
            "code": self.code_days,
            "transcript": self.transcript_days,
        }


class WitnessSettings(_Section):
    """A witness on another machine."""

    url: str = Field(pattern=r"^https?://[^\s?#]+$")
    vkeys: tuple[str, ...] = Field(min_length=1, max_length=4)
    """The public keys that ``intramural witness init`` printed."""


class AuditSettings(_Section):
    """The log, and who vouches for it."""

    reserve_mib: int = Field(default=4, ge=1, le=64)
    """What is kept on the disk for the case that it is full; two pieces of this size, the second is in use."""
    witnesses: tuple[WitnessSettings, ...] = Field(default=(), max_length=16)
    quorum: int = Field(default=0, ge=0, le=16)
    """How many witnesses must cosign; 0: all."""
    witness_seconds: int = Field(default=10, ge=1, le=86_400)
    """How often the witnesses are visited."""
    witness_max_age_seconds: int = Field(default=600, ge=10)
    """How old the last cosigned checkpoint may be before the operator is told."""
    ca_file: Path | None = None
    """Certificates (PEM) that vouch for the TLS of witnesses and authority; default: those this machine trusts."""
    stamp_url: str = Field(default="", pattern=r"^(https?://[^\s#]+)?$")
    """A time-stamping authority (RFC 3161) inside the walls."""
    stamp_roots: tuple[Path, ...] = Field(default=(), max_length=8)
    """Its root certificates, PEM files."""
    stamp_seconds: int = Field(default=86_400, ge=60)
    """How often a checkpoint is stamped, if there are new entries."""

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if self.quorum > len(self.witnesses):
            message = f"a quorum of {self.quorum} needs as many witnesses; there are {len(self.witnesses)}"
            raise ValueError(message)
        if self.stamp_url and not self.stamp_roots:
            message = "stamp_url needs stamp_roots: without a root certificate no stamp can be checked"
            raise ValueError(message)
        return self


class SyslogSettings(_Section):
    """A receiver of the audit log, by syslog over TLS; without a host nothing is sent."""

    host: str = ""
    port: int = Field(default=6514, ge=1, le=65535)
    ca_file: Path | None = None
    """The authority of the receiver's certificate, PEM."""
    certificate: Path | None = None
    """What is shown to a receiver that asks, PEM; ``key`` beside it."""
    key: Path | None = None
    payload: Literal["json", "cef", "ecs", "ocsf"] = "json"
    enterprise: int = Field(default=32473, ge=1)
    """Private enterprise number of the structured data; the default is the one for examples (RFC 5612)."""


class MailSettings(_Section):
    """The company's mail relay; without a host nothing is sent, and people are told by the studio's pages alone."""

    host: str = ""
    port: int = Field(default=25, ge=1, le=65535)
    sender: str = "intramural@localhost"
    starttls: bool = False
    ca_file: Path | None = None
    """The authority of the relay's certificate, PEM; default: those this machine trusts."""
    reviewers: tuple[str, ...] = Field(default=(), max_length=50)
    """Addresses, such as a mailing list, that are told when something waits for reviewers."""
    auditors: tuple[str, ...] = Field(default=(), max_length=50)
    operators: tuple[str, ...] = Field(default=(), max_length=50)


class ApprovalSettings(_Section):
    """Requests for approval."""

    days: int = Field(default=14, ge=1, le=365)
    """After which a request that nobody decided expires."""
    delegation_days: int = Field(default=30, ge=1, le=365)
    """For how long at most somebody may let another person decide."""
    export_days: int = Field(default=7, ge=1, le=365)
    """For how long an approved export may be carried out."""
    review_months: int = Field(default=12, ge=1, le=60)
    """After which a published app should be looked at again, unless its maker says otherwise."""


RoleName = Literal["maker", "user", "reviewer", "operator", "auditor"]


class IdentitySettings(_Section):
    """Who signs people in. Without an issuer it is the demonstration sign-in, on this machine only."""

    issuer: str = Field(default="", pattern=r"^(https?://[^\s?#]+)?$")
    """As the provider writes it, for Keycloak ``https://HOST/realms/REALM``."""
    client_id: str = "intramural-studio"
    client_secret_file: Path | None = None
    """For a provider that cannot verify signed assertions; without it the appliance signs with a key of its own."""
    ca_file: Path | None = None
    """Certificates (PEM) that vouch for the provider's TLS; default: those this machine trusts."""
    groups_claim: str = "groups"
    groups: dict[str, RoleName] = Field(default_factory=dict, max_length=200)
    """Group of the provider to role; without any, groups with the names of the roles."""
    terminal_client_id: str = "intramural-terminal"
    automation_clients: tuple[str, ...] = Field(default=(), max_length=100)
    """Service accounts whose access tokens the API takes."""
    idle_minutes: int = Field(default=30, ge=1, le=60)
    absolute_minutes: int = Field(default=600, ge=5, le=720)
    recheck_seconds: int = Field(default=45, ge=5, le=300)
    """How often a session in use is held against the provider."""
    outage_minutes: int = Field(default=15, ge=0, le=60)
    """How long sessions go on while the provider does not answer."""
    step_up_acr: str = "2"
    """The ``acr`` that the provider gives for a second factor; empty: only how fresh the sign-in is counts."""
    step_up_minutes: int = Field(default=5, ge=1, le=60)
    directory: Literal["none", "keycloak"] = "none"
    """Where people and groups are read from; SCIM can push them besides."""
    directory_seconds: int = Field(default=30, ge=5, le=60)
    steward: str = Field(default="", max_length=320)
    """E-mail address of the person who gets the apps of people who left."""


class ApiSettings(_Section):
    """The OpenAI-compatible API for programs inside the network."""

    requests: int = Field(default=16, ge=1, le=256)
    """How many may be answered or wait at a time; the next one is told to come back."""
    requests_per_key: int = Field(default=4, ge=1, le=256)
    per_minute: int = Field(default=60, ge=1, le=6000)
    """Requests of one key."""
    key_days: int = Field(default=90, ge=1, le=3650)
    """How long a key is valid when nobody says otherwise."""
    max_key_days: int = Field(default=365, ge=1, le=3650)
    sign_in_days: int = Field(default=30, ge=1, le=3650)
    """A person's keys count for so long after their last sign-in."""


class Settings(_Section):
    """Everything, frozen. ``home`` is where all state lives."""

    home: Path
    web: WebSettings = WebSettings()
    model: ModelSettings = ModelSettings()
    build: BuildSettings = BuildSettings()
    hosting: HostingSettings = HostingSettings()
    dlp: DlpSettings = DlpSettings()
    quotas: QuotaSettings = QuotaSettings()
    audit: AuditSettings = AuditSettings()
    retention: RetentionSettings = RetentionSettings()
    syslog: SyslogSettings = SyslogSettings()
    mail: MailSettings = MailSettings()
    approvals: ApprovalSettings = ApprovalSettings()
    identity: IdentitySettings = IdentitySettings()
    api: ApiSettings = ApiSettings()


def default_home(environment: Mapping[str, str]) -> Path:
    """``INTRAMURAL_HOME``, else ``$XDG_DATA_HOME/intramural``, else ``~/.local/share/intramural``."""
    if explicit := environment.get("INTRAMURAL_HOME"):
        return Path(explicit).resolve()
    base = environment.get("XDG_DATA_HOME") or str(Path(environment.get("HOME", "/root")) / ".local" / "share")
    return Path(base) / "intramural"


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: unknown key, wrong type or value out of range; the message names it.
    """
    environment = os.environ if environment is None else environment
    home = default_home(environment)
    values: dict[str, object] = {}
    config = home / "config.toml"
    if config.exists():
        try:
            values = dict(tomllib.loads(config.read_text(encoding="utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            message = f"{config} cannot be read."
            raise SettingsError(message, cause=str(error), action="Correct the file or remove it.") from error
    for name, section in Settings.model_fields.items():
        if not (isinstance(section.annotation, type) and issubclass(section.annotation, _Section)):
            continue
        for key in section.annotation.model_fields:
            variable = f"INTRAMURAL_{name}_{key}".upper()
            if variable in environment:
                bucket = values.setdefault(name, {})
                if isinstance(bucket, dict):
                    bucket[key] = environment[variable]
    try:
        return Settings.model_validate({**values, "home": home})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"The setting {where!r} cannot be used: {first['msg']}."
        raise SettingsError(
            message, cause=f"got {first['input']!r}", action=f"Correct {where} in {config} or its variable."
        ) from error
