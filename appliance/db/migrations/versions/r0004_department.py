"""The department of whoever asked for a build: what usage is counted by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("build", sa.Column("department", sa.String(), nullable=False, server_default=""))
    op.create_index("ix_build_created_at", "build", ["created_at"])


def downgrade() -> None:
    op.drop_index("ix_build_created_at", "build")
    op.drop_column("build", "department")
