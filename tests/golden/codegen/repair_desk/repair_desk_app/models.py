"""The records of Repair Desk: what is kept, and what kind of value each field holds."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import UniqueConstraint

from .kit import columns
from .kit.columns import Computed, Kind
from .kit.records import Record, entity


class Room(Record, table=True):
    """One Room, called by its name."""

    __tablename__ = "room"

    name: str = columns.text("Name", required=True)
    open_jobs: ClassVar[Computed[float]] = columns.computed("Open jobs", Kind.NUMBER)


class JobStatus(StrEnum):
    """Choices for the status of a Job."""

    OPEN = "open"
    WORKING = "working"
    DONE = "done"


class Job(Record, table=True):
    """One Job, called by its title."""

    __tablename__ = "job"

    number: str | None = columns.sequence("Number", "JOB-", 4)
    title: str = columns.text("Title", required=True, help="What is wrong, in a few words")
    room: int = columns.ref("Room", "room", required=True)
    reporter: int | None = columns.person("Reporter", default=columns.ME)
    technician: int | None = columns.person("Technician")
    due: dt.date | None = columns.date("Due")
    status: JobStatus | None = columns.choice("Status", JobStatus, default=JobStatus.OPEN)
    finished_on: dt.date | None = columns.date("Finished on")
    cost: Decimal | None = columns.money("Costs")
    note: str | None = columns.longtext("Note")
    secret: str | None = columns.text("Secret", hidden=True)
    days_late: ClassVar[Computed[float]] = columns.computed("Days late", Kind.NUMBER)
    double_cost: ClassVar[Computed[Decimal]] = columns.computed("Double cost", Kind.MONEY)


class ShiftSlot(StrEnum):
    """Choices for the slot of a Shift."""

    EARLY = "early"
    LATE = "late"


class Shift(Record, table=True):
    """One Shift, called by its place."""

    __tablename__ = "shift"
    __table_args__ = (UniqueConstraint("technician", "day", "slot", name="uq_shift_technician_day_slot"),)

    technician: int = columns.person("Technician", required=True)
    day: dt.date = columns.date("Day", required=True)
    slot: ShiftSlot = columns.choice("Slot", ShiftSlot, required=True)
    place: str | None = columns.text("Place")


ROOM = entity(Room, "Room", plural="Rooms", slug="room", label="name")
JOB = entity(Job, "Job", plural="Jobs", slug="job", label="title")
SHIFT = entity(Shift, "Shift", plural="Shifts", slug="shift", label="place")

ENTITIES = (
    ROOM,
    JOB,
    SHIFT,
)
