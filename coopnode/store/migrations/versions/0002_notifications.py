"""Channels of the outbox: inbox, e-mail, push; how people want to hear; their devices and calendars."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INTEGER = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
TEXT = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "calendar_feeds",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("nonce", sa.LargeBinary(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("account"),
    )
    op.create_index("calendar_feeds_digest", "calendar_feeds", ["digest"], unique=True)
    op.create_table(
        "notification_settings",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("account"),
    )
    op.create_table(
        "push_devices",
        sa.Column("id", INTEGER, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("endpoint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.Column("session", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kid", sa.LargeBinary(length=32), nullable=True),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("reached_at", INTEGER, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("push_devices_account", "push_devices", ["account"], unique=False)
    op.create_index("push_devices_endpoint", "push_devices", ["endpoint"], unique=True)
    op.create_index("push_devices_session", "push_devices", ["session"], unique=False)
    op.add_column("outbox", sa.Column("news", INTEGER, nullable=True))
    op.add_column("outbox", sa.Column("channel", TEXT, nullable=True))
    op.add_column("outbox", sa.Column("device", INTEGER, nullable=True))
    op.add_column("outbox", sa.Column("bundled", INTEGER, server_default="0", nullable=False))
    op.add_column("outbox", sa.Column("outcome", TEXT, nullable=True))
    op.add_column("outbox", sa.Column("read_at", INTEGER, nullable=True))
    op.create_index("outbox_inbox", "outbox", ["receiver", "channel", "id"], unique=False)
    op.create_index("outbox_news", "outbox", ["news", "id"], unique=False)
    # What the program before this one was about to send were letters.
    op.execute("UPDATE outbox SET channel = 'email' WHERE receiver IS NOT NULL")
