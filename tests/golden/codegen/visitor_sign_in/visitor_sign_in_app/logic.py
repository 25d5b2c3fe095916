"""What is special about Visitor Sign-in: conditions of pages and dashboards."""

from __future__ import annotations

from sqlalchemy import ColumnElement
from sqlmodel import col

from . import models
from .kit.conditions import Moment, Where, on_day, start_of


def in_the_building_visits(_here: Moment) -> ColumnElement[bool]:
    """Visits where not left."""
    return col(models.Visit.left).is_(False)


IN_THE_BUILDING_VISITS = Where("not left", in_the_building_visits)


def today_visits(here: Moment) -> ColumnElement[bool]:
    """Visits where time in on or after today."""
    return col(models.Visit.time_in) >= start_of(here.today)


TODAY_VISITS = Where("time in on or after today", today_visits)


def overview_visits(here: Moment) -> ColumnElement[bool]:
    """Visits where time in is today."""
    return on_day(col(models.Visit.time_in), here.today)


OVERVIEW_VISITS = Where("time in is today", overview_visits)
