"""What is special about Visitor Sign-in: its conditions and the values that it works out."""

from __future__ import annotations

from . import models
from .kit.conditions import Where
from .kit.expressions import TODAY
from .kit.operations import equal, field, negated

# Visits where not left
IN_THE_BUILDING_VISITS = Where("not left", negated(field(models.Visit.left)))

# Visits where time_in >= today
TODAY_VISITS = Where("time in is today or later", field(models.Visit.time_in) >= TODAY)

# Visits where time_in = today
OVERVIEW_VISITS = Where("time in is today", equal(field(models.Visit.time_in), TODAY))
