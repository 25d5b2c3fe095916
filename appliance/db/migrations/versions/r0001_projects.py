"""Projects, their versions, builds with their events, and members."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "project",
        _text("id"),
        _text("slug", nullable=True),
        _text("name"),
        _text("about"),
        _text("owner_subject"),
        _text("owner_name"),
        _text("owner_email"),
        sa.Column("current", sa.Integer(), nullable=True),
        _instant("created_at"),
        _instant("changed_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("slug"),
    )
    op.create_index("ix_project_owner_subject", "project", ["owner_subject"])
    op.create_table(
        "version",
        _text("project_id"),
        sa.Column("number", sa.Integer(), nullable=False),
        _text("commit"),
        _text("schema_digest"),
        _text("author_subject"),
        _text("author_name"),
        _text("author_email"),
        _text("summary"),
        _text("origin"),
        _text("build_id", nullable=True),
        sa.Column("restored_from", sa.Integer(), nullable=True),
        _instant("created_at"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"]),
        sa.PrimaryKeyConstraint("project_id", "number"),
        sa.UniqueConstraint("build_id"),
    )
    op.create_table(
        "build",
        _text("id"),
        _text("project_id"),
        _text("requester_subject"),
        _text("requester_name"),
        _text("requester_email"),
        _text("origin"),
        sa.Column("request", sa.Text(), nullable=False),
        _text("state"),
        sa.Column("stages", sa.JSON(), nullable=False),
        sa.Column("tokens", sa.JSON(), nullable=False),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        _instant("created_at"),
        _instant("started_at", nullable=True),
        _instant("finished_at", nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_build_project_id", "build", ["project_id"])
    op.create_index("ix_build_state", "build", ["state"])
    op.create_table(
        "build_event",
        _text("build_id"),
        sa.Column("seq", sa.Integer(), nullable=False),
        _text("type"),
        _instant("at"),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["build_id"], ["build.id"]),
        sa.PrimaryKeyConstraint("build_id", "seq"),
    )
    op.create_table(
        "member",
        _text("project_id"),
        _text("email"),
        _text("role"),
        _instant("added_at"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"]),
        sa.PrimaryKeyConstraint("project_id", "email"),
    )


def downgrade() -> None:
    for table in ("member", "build_event", "build", "version", "project"):
        op.drop_table(table)
