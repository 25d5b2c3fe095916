"""The records of Visitor Sign-in: what is kept, and what kind of value each field holds."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from .kit import columns
from .kit.records import Record, entity


class Visitor(Record, table=True):
    """One Visitor, called by its name."""

    __tablename__ = "visitor"

    name: str = columns.text("Name", required=True)
    company: str | None = columns.text("Company")
    email: str | None = columns.email("Email")
    phone: str | None = columns.phone("Phone")


class VisitPurpose(StrEnum):
    """Choices for the purpose of a Visit."""

    MEETING = "meeting"
    INTERVIEW = "interview"
    DELIVERY = "delivery"
    MAINTENANCE = "maintenance"


class Visit(Record, table=True):
    """One Visit, called by its purpose."""

    __tablename__ = "visit"

    visitor: int = columns.ref("Visitor", "visitor", required=True)
    host: int = columns.person("Host", required=True, default=columns.ME)
    purpose: VisitPurpose = columns.choice("Purpose", VisitPurpose, required=True)
    time_in: dt.datetime = columns.datetime("Time in", required=True, default=columns.TODAY)
    time_out: dt.datetime | None = columns.datetime("Time out")
    left: bool = columns.boolean("Left")
    badge: float | None = columns.number("Badge")


VISITOR = entity(Visitor, "Visitor", plural="Visitors", slug="visitor", label="name")
VISIT = entity(Visit, "Visit", plural="Visits", slug="visit", label="purpose")

ENTITIES = (
    VISITOR,
    VISIT,
)
