"""Addresses of Jobs, below ``/job``."""

from __future__ import annotations

from ..kit.controller import RecordController
from ..models import JOB


class JobController(RecordController):
    """Jobs: list, export, add, look at, change, delete. Addresses of its own may be added here."""

    entity = JOB
