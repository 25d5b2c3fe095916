"""What is special about Repair Desk: its conditions and the values that it works out."""

from __future__ import annotations

import datetime as dt

from . import models
from .kit.conditions import Where
from .kit.expressions import ME, TODAY, value
from .kit.figures import count, days
from .kit.operations import all_of, any_of, different, equal, field, is_empty, negated, when

# Jobs where due < today and status != done
LATE_JOBS = Where(
    "due is before today and status is not done",
    all_of(field(models.Job.due) < TODAY, different(field(models.Job.status), "done")),
)

# Room: count(Job by room where status != done)
ROOM_OPEN_JOBS = count(models.Job.room, models.Room, different(field(models.Job.status), "done"))

# Job: days(today - due) when status != done and due < today
JOB_DAYS_LATE = when(
    all_of(different(field(models.Job.status), "done"), field(models.Job.due) < TODAY),
    days(TODAY - field(models.Job.due)),
)

# Job: cost * 2
JOB_DOUBLE_COST = field(models.Job.cost) * 2

# Jobs where due is empty or due >= 2020-01-01
THE_DUE_DATE_LIES_TOO_JOBS = Where(
    "due is empty or due is 2020-01-01 or later",
    any_of(is_empty(field(models.Job.due)), field(models.Job.due) >= dt.date(2020, 1, 1)),
)

# Jobs where status != done or technician is not empty
SAY_WHO_DID_IT_BEFORE_JOBS = Where(
    "status is not done or technician is filled in",
    any_of(different(field(models.Job.status), "done"), negated(is_empty(field(models.Job.technician)))),
)

# Jobs where status = done
ONLY_FINISHED_JOBS_CAN_BE_JOBS = Where("status is done", equal(field(models.Job.status), "done"))

# Jobs where status != done
FINISH_POSSIBLE_JOBS = Where("status is not done", different(field(models.Job.status), "done"))

# Job: done
JOB_FINISH_STATUS = value("done")

# Job: today
JOB_FINISH_FINISHED_ON = TODAY

# Jobs where technician is empty
TAKE_POSSIBLE_JOBS = Where("technician is empty", is_empty(field(models.Job.technician)))

# Job: me
JOB_TAKE_TECHNICIAN = ME

# Job: working
JOB_TAKE_STATUS = value("working")

# Job: open
JOB_REOPEN_STATUS = value("open")

# Jobs where cost > 100
MARKED_BLUE_JOBS = Where("costs is above 100", field(models.Job.cost) > 100)
