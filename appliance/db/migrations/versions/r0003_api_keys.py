"""Keys of programs that use the model."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "api_key",
        _text("id"),
        _text("digest"),
        _text("prefix"),
        _text("name"),
        _text("principal"),
        _text("holder_subject"),
        _text("holder_name"),
        _text("holder_email"),
        sa.Column("groups", sa.JSON(), nullable=False),
        _instant("seen_at"),
        sa.Column("scopes", sa.JSON(), nullable=False),
        _text("created_by"),
        _instant("created_at"),
        _instant("expires_at"),
        _instant("revoked_at", nullable=True),
        _instant("used_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_index("ix_api_key_principal", "api_key", ["principal"])


def downgrade() -> None:
    op.drop_table("api_key")
