"""The pages of Site Works, in the order of the navigation."""

from __future__ import annotations

from . import models
from .kit.definition import (
    Bars,
    BoardPage,
    CalendarPage,
    ChartPage,
    Count,
    DashboardPage,
    Figure,
    KioskPage,
    Measure,
    Newest,
    Page,
    ReportPage,
    TablePage,
    TimelinePage,
)

PAGES: tuple[Page, ...] = (
    DashboardPage(
        "Overview",
        "overview",
        (
            Count("Jobs", models.JOB),
            Figure("Sum of cost of jobs", models.JOB, Measure("sum", "cost")),
            Figure("Average cost of jobs", models.JOB, Measure("average", "cost")),
            Figure("Highest cost of jobs", models.JOB, Measure("highest", "cost")),
            Bars("Jobs by status", models.JOB, "status"),
            Bars("Jobs: sum of cost by site region", models.JOB, "site.region", measure=Measure("sum", "cost")),
            Bars("Jobs by assignee", models.JOB, "assignee"),
            Newest("Newest visitors", models.VISITOR),
        ),
    ),
    BoardPage("Job board", "job-board", models.JOB, "status"),
    BoardPage("Urgency", "urgency", models.JOB, "urgent"),
    CalendarPage("Schedule", "schedule", models.JOB, "start", "due"),
    CalendarPage("Visits", "visits", models.VISITOR, "arrival"),
    TimelinePage("Plan", "plan", models.JOB, "start", "due", by="site"),
    ChartPage("Cost per month", "cost-per-month", "bar", models.JOB, "start", Measure("sum", "cost"), per="month"),
    ChartPage("Jobs per week", "jobs-per-week", "line", models.JOB, "start", Measure("count"), per="week"),
    ChartPage("Cost by region", "cost-by-region", "pie", models.JOB, "site.region", Measure("sum", "cost")),
    ChartPage("Jobs by trade", "jobs-by-trade", "bar", models.JOB, "trade", Measure("count")),
    ReportPage(
        "Cost report",
        "cost-report",
        models.JOB,
        columns=("title", "status", "assignee", "due", "cost"),
        by="site",
        totals=(Measure("sum", "cost"), Measure("count")),
    ),
    TablePage("Jobs by date", "jobs-by-date", models.JOB, columns=("title", "due", "cost"), sort="-due"),
    KioskPage(
        "Welcome",
        "welcome",
        models.VISITOR,
        ("name", "company", "host", "site", "purpose"),
        thanks="Please take a seat",
    ),
)
