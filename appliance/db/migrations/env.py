"""Alembic's entry: it gets a connection from ``appliance.db.migrate`` and runs on nothing else."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

import appliance.db.tables  # noqa: F401 - the import registers the tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
