"""The people of the demonstration sign-in; each stands for one of the people the appliance is made for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class DemoPerson:
    """A made-up person. ``handle`` is what the form sends; ``sentence`` says what can be tried as this person."""

    handle: str
    name: str
    part: str
    sentence: str
    groups: tuple[str, ...]

    @property
    def subject(self) -> str:
        """The ``sub`` claim: stable, never shown."""
        return f"demo-{self.handle}"

    @property
    def email(self) -> str:
        """An address under a reserved name (RFC 2606); mail to it goes nowhere."""
        return f"{self.handle}@intramural.example"


PEOPLE: Final = (
    DemoPerson("maya", "Maya", "Maker", "Describes an app in plain words and gets it running.", ("maker", "user")),
    DemoPerson(
        "rita", "Rita", "Reviewer", "Looks at apps before colleagues get them, and approves.", ("reviewer", "user")
    ),
    DemoPerson("uwe", "Uwe", "App user", "Uses the apps that colleagues made, and makes none.", ("user",)),
    DemoPerson("otto", "Otto", "Operator", "Runs this appliance: installation, health, upgrades.", ("operator",)),
    DemoPerson("ada", "Ada", "Auditor", "Reads who did what and checks that the record is intact.", ("auditor",)),
)
