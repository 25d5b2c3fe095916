"""The pages of Visitor Sign-in, in the order of the navigation."""

from __future__ import annotations

from . import logic, models
from .kit.definition import Bars, Count, DashboardPage, FormPage, Newest, Page, TablePage

PAGES: tuple[Page, ...] = (
    TablePage("In the building", "in-the-building", models.VISIT, where=logic.IN_THE_BUILDING_VISITS),
    FormPage("Sign in a visit", "sign-in-a-visit", models.VISIT),
    TablePage("Today", "today", models.VISIT, where=logic.TODAY_VISITS),
    TablePage("Visitors", "visitors", models.VISITOR),
    DashboardPage(
        "Overview",
        "overview",
        (
            Count("In the building", models.VISIT, where=logic.IN_THE_BUILDING_VISITS),
            Count("Visits: time in is today", models.VISIT, where=logic.OVERVIEW_VISITS),
            Bars("Visits by purpose", models.VISIT, "purpose"),
            Bars("Visits by host", models.VISIT, "host"),
            Newest("In the building", models.VISIT, where=logic.IN_THE_BUILDING_VISITS),
        ),
    ),
)
