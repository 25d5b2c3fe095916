"""What Repair Desk does by itself: computed fields, rules, actions, marks, reminders."""

from __future__ import annotations

from . import logic, models
from .kit.behaviour import Action, Behaviour, Mark, Occasion, Reminder, Rule

BEHAVIOUR = Behaviour(
    computed={
        "room": {"open_jobs": logic.ROOM_OPEN_JOBS},
        "job": {"days_late": logic.JOB_DAYS_LATE, "double_cost": logic.JOB_DOUBLE_COST},
    },
    rules=(
        Rule(
            models.JOB,
            (
                Occasion.CREATE,
                Occasion.EDIT,
            ),
            logic.THE_DUE_DATE_LIES_TOO_JOBS,
            "The due date lies too far back.",
        ),
        Rule(
            models.JOB,
            (
                Occasion.CREATE,
                Occasion.EDIT,
            ),
            logic.SAY_WHO_DID_IT_BEFORE_JOBS,
            "Say who did it before it is done.",
        ),
        Rule(
            models.JOB, (Occasion.DELETE,), logic.ONLY_FINISHED_JOBS_CAN_BE_JOBS, "Only finished jobs can be deleted."
        ),
    ),
    actions=(
        Action(
            models.JOB,
            "Finish",
            "finish",
            roles=("Technician",),
            people=("reporter",),
            when=logic.FINISH_POSSIBLE_JOBS,
            assign=(
                ("status", logic.JOB_FINISH_STATUS),
                ("finished_on", logic.JOB_FINISH_FINISHED_ON),
            ),
        ),
        Action(
            models.JOB,
            "Take",
            "take",
            roles=("Technician",),
            when=logic.TAKE_POSSIBLE_JOBS,
            assign=(
                ("technician", logic.JOB_TAKE_TECHNICIAN),
                ("status", logic.JOB_TAKE_STATUS),
            ),
        ),
        Action(
            models.JOB,
            "Reopen",
            "reopen",
            roles=("Technician",),
            when=logic.ONLY_FINISHED_JOBS_CAN_BE_JOBS,
            assign=(
                ("status", logic.JOB_REOPEN_STATUS),
                ("finished_on", None),
            ),
        ),
    ),
    marks=(
        Mark(models.JOB, "red", logic.LATE_JOBS, word="Late", needs=("due", "status")),
        Mark(models.JOB, "blue", logic.MARKED_BLUE_JOBS, needs=("cost",)),
    ),
    reminders=(
        Reminder(
            "job.due.-2",
            models.JOB,
            "due",
            -2,
            "{title} <b>{room}</b> is due, cost {cost}",
            people=("reporter",),
            where=logic.FINISH_POSSIBLE_JOBS,
        ),
        Reminder(
            "job.due.0",
            models.JOB,
            "due",
            0,
            "{number} is due",
            roles=("Technician",),
            where=logic.FINISH_POSSIBLE_JOBS,
        ),
    ),
)
