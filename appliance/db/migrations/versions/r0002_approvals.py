"""Requests for approval with their votes, delegations, and what is published."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "approval",
        _text("id"),
        _text("kind"),
        _text("state"),
        _text("title"),
        _text("requester"),
        _text("requester_name"),
        _text("requester_email"),
        sa.Column("comment", sa.Text(), nullable=False),
        _text("project_id", nullable=True),
        _text("author"),
        _text("owner"),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("subject", sa.JSON(), nullable=False),
        _instant("created_at"),
        _instant("expires_at"),
        _instant("settled_at", nullable=True),
        _text("outcome"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_approval_state", "approval", ["state"])
    op.create_index("ix_approval_requester", "approval", ["requester"])
    op.create_table(
        "vote",
        _text("approval_id"),
        _text("voter"),
        _text("voter_name"),
        _text("in_place_of"),
        sa.Column("approves", sa.Boolean(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        _instant("at"),
        sa.ForeignKeyConstraint(["approval_id"], ["approval.id"]),
        sa.PrimaryKeyConstraint("approval_id", "voter"),
    )
    op.create_table(
        "delegation",
        _text("id"),
        _text("principal"),
        _text("name"),
        _text("to_email"),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        _instant("begins_at"),
        _instant("ends_at"),
        _instant("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_delegation_to_email", "delegation", ["to_email"])
    op.create_table(
        "publication",
        _text("project_id"),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        _text("data"),
        sa.Column("data_version", sa.Integer(), nullable=True),
        _text("approval_id"),
        _instant("published_at", nullable=True),
        _instant("review_at", nullable=True),
        _instant("withdrawn_at", nullable=True),
        _text("withdrawn_by"),
        sa.Column("withdrawn_reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"]),
        sa.PrimaryKeyConstraint("project_id"),
    )


def downgrade() -> None:
    for table in ("publication", "delegation", "vote", "approval"):
        op.drop_table(table)
