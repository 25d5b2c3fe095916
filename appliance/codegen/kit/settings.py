"""What the environment says. Nothing else in the app reads it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping


class SettingsError(Exception):
    """A variable that is needed is missing or cannot be used; the app does not start."""


class Login(StrEnum):
    """How people sign in to an app that runs alone."""

    LINK = "link"
    ACCOUNTS = "accounts"
    OIDC = "oidc"


_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """One client at one OpenID Connect provider. ``role_map`` leads from groups to roles of the app."""

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    scopes: str = "openid profile email"
    roles_claim: str = "groups"
    role_map: Mapping[str, tuple[str, ...]] | None = None
    trust_email: bool = False

    def roles_for(self, groups: list[str]) -> frozenset[str]:
        """The roles of somebody in these groups; without a map a group is the role of the same name.

        Only a map can make somebody the owner, who may do everything.
        """
        if self.role_map is None:
            return frozenset(group for group in groups if not group.startswith("@"))
        return frozenset(role for group in groups for role in self.role_map.get(group, ()))


@dataclass(frozen=True, slots=True)
class Settings:
    """Frozen settings of one process.

    ``identity_jwks`` present: people are identified by the front door's signed header and by nothing else.
    Absent: the app runs alone, with a local sign-in.
    """

    data_dir: Path
    database_url: str
    identity_jwks: str = ""
    identity_issuer: str = ""
    identity_audience: str = ""
    load_examples: bool = False
    frame_ancestors: str = ""
    login: Login = Login.LINK
    public_url: str = ""
    oidc: OidcSettings | None = None

    @property
    def alone(self) -> bool:
        """Whether the app runs without a front door."""
        return not self.identity_jwks

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read ``APP_*`` variables.

        Raises:
            SettingsError: keys are given without issuer or audience, or a frame ancestor is not an origin.
        """
        data_dir = Path(environment.get("APP_DATA_DIR") or "data").resolve()
        jwks = environment.get("APP_IDENTITY_JWKS", "")
        issuer = environment.get("APP_IDENTITY_ISSUER", "")
        audience = environment.get("APP_IDENTITY_AUDIENCE", "")
        if jwks and not (issuer and audience):
            raise SettingsError("APP_IDENTITY_JWKS needs APP_IDENTITY_ISSUER and APP_IDENTITY_AUDIENCE beside it.")
        frame_ancestors = environment.get("APP_FRAME_ANCESTORS", "")
        if any(character in frame_ancestors for character in ";,\r\n"):
            raise SettingsError("APP_FRAME_ANCESTORS must be origins such as https://studio.example, without ; or ,")
        login = _login(environment)
        if jwks and login is not Login.LINK:
            raise SettingsError("APP_LOGIN is for an app that runs alone; with APP_IDENTITY_JWKS leave it out.")
        return cls(
            data_dir=data_dir,
            database_url=environment.get("APP_DATABASE_URL") or f"sqlite:///{data_dir / 'app.db'}",
            identity_jwks=jwks,
            identity_issuer=issuer,
            identity_audience=audience,
            load_examples=environment.get("APP_LOAD_EXAMPLES") == "1",
            frame_ancestors=frame_ancestors,
            login=login,
            public_url=_public_url(environment, login),
            oidc=_oidc(environment) if login is Login.OIDC else None,
        )


def _login(environment: Mapping[str, str]) -> Login:
    text = environment.get("APP_LOGIN") or Login.LINK
    if text not in set(Login):
        raise SettingsError(f"APP_LOGIN is {text!r}. It can be: {', '.join(Login)}.")
    return Login(text)


def _public_url(environment: Mapping[str, str], login: Login) -> str:
    """Where people's browsers find the app: the provider sends them back there, and https makes cookies secure."""
    text = environment.get("APP_PUBLIC_URL", "").rstrip("/")
    if not text:
        if login is Login.OIDC:
            raise SettingsError("APP_LOGIN=oidc needs APP_PUBLIC_URL, such as https://loans.example.com")
        return ""
    parts = urlsplit(text)
    local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not (parts.scheme == "https" or local) or not parts.hostname or parts.path or parts.query:
        raise SettingsError("APP_PUBLIC_URL must be an https address without a path; http only on this machine.")
    return text


def _oidc(environment: Mapping[str, str]) -> OidcSettings:
    issuer, client_id = environment.get("APP_OIDC_ISSUER", ""), environment.get("APP_OIDC_CLIENT_ID", "")
    if not issuer or not client_id:
        raise SettingsError("APP_LOGIN=oidc needs APP_OIDC_ISSUER and APP_OIDC_CLIENT_ID.")
    parts = urlsplit(issuer)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise SettingsError("APP_OIDC_ISSUER must be an https address; http only on this machine.")
    scopes = environment.get("APP_OIDC_SCOPES") or "openid profile email"
    if "openid" not in scopes.split():
        raise SettingsError("APP_OIDC_SCOPES must contain openid.")
    return OidcSettings(
        issuer=issuer,
        client_id=client_id,
        client_secret=environment.get("APP_OIDC_CLIENT_SECRET", ""),
        scopes=scopes,
        roles_claim=environment.get("APP_OIDC_ROLES_CLAIM") or "groups",
        role_map=_role_map(environment.get("APP_OIDC_ROLE_MAP", "")),
        trust_email=environment.get("APP_OIDC_TRUST_EMAIL") == "1",
    )


def _role_map(text: str) -> Mapping[str, tuple[str, ...]] | None:
    """``{"group": "Role", "admins": ["@owner"]}`` as JSON."""
    if not text:
        return None
    try:
        told = json.loads(text)
        pairs = {group: (roles,) if isinstance(roles, str) else tuple(roles) for group, roles in told.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise SettingsError('APP_OIDC_ROLE_MAP must be JSON such as {"lab": "Lab Manager"}') from error
    if not all(isinstance(role, str) for roles in pairs.values() for role in roles):
        raise SettingsError('APP_OIDC_ROLE_MAP must be JSON such as {"lab": "Lab Manager"}')
    return pairs
