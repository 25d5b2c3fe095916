"""The class of an app's data belongs to the app, and not to its release only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("project", sa.Column("level", sa.Integer(), nullable=False, server_default="1"))
    op.execute(
        "UPDATE project SET level = (SELECT publication.level FROM publication "
        "WHERE publication.project_id = project.id) "
        "WHERE id IN (SELECT project_id FROM publication)"
    )


def downgrade() -> None:
    op.drop_column("project", "level")
