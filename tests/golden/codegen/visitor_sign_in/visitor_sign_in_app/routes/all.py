"""Every controller of the app."""

from __future__ import annotations

from .visit import VisitController
from .visitor import VisitorController

CONTROLLERS = (
    VisitorController,
    VisitController,
)
