"""What the environment says. Nothing else in the app reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class SettingsError(Exception):
    """A variable that is needed is missing or cannot be used; the app does not start."""


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
        return cls(
            data_dir=data_dir,
            database_url=environment.get("APP_DATABASE_URL") or f"sqlite:///{data_dir / 'app.db'}",
            identity_jwks=jwks,
            identity_issuer=issuer,
            identity_audience=audience,
            load_examples=environment.get("APP_LOAD_EXAMPLES") == "1",
            frame_ancestors=frame_ancestors,
        )
