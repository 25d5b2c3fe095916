"""The pages of Repair Desk, in the order of the navigation."""

from __future__ import annotations

from . import logic, models
from .kit.definition import BoardPage, FormPage, Page, TablePage

PAGES: tuple[Page, ...] = (
    TablePage("Jobs", "jobs", models.JOB),
    TablePage("Late", "late", models.JOB, where=logic.LATE_JOBS),
    BoardPage("Board", "board", models.JOB, "status"),
    FormPage("Report a fault", "report-a-fault", models.JOB),
)
