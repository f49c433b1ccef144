"""The tables of the first version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INTEGER = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
TEXT = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "blobs",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("media_type", TEXT, nullable=False),
        sa.Column("size", INTEGER, nullable=False),
        sa.Column("added_at", INTEGER, nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "device_requests",
        sa.Column("code", sa.LargeBinary(length=32), nullable=False),
        sa.Column("secret", sa.LargeBinary(length=32), nullable=False),
        sa.Column("pub", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account", TEXT, nullable=True),
        sa.Column("number", INTEGER, nullable=True),
        sa.Column("prev", sa.LargeBinary(length=32), nullable=True),
        sa.Column("proof", sa.LargeBinary(length=64), nullable=True),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("expires_at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_index("device_requests_expires", "device_requests", ["expires_at"], unique=False)
    op.create_index("device_requests_secret", "device_requests", ["secret"], unique=False)
    op.create_table(
        "drafts",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("form", TEXT, nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("drafts_owner", "drafts", ["owner", "form"], unique=False)
    op.create_table(
        "email_codes",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("address", sa.LargeBinary(length=32), nullable=False),
        sa.Column("code", sa.LargeBinary(length=32), nullable=False),
        sa.Column("purpose", TEXT, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("expires_at", INTEGER, nullable=False),
        sa.Column("attempts", INTEGER, server_default="0", nullable=False),
        sa.Column("accepted_at", INTEGER, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("email_codes_address", "email_codes", ["address", "created_at"], unique=False)
    op.create_table(
        "entries",
        sa.Column("idx", INTEGER, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("entry_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("iss", TEXT, nullable=False),
        sa.Column("sub", TEXT, nullable=False),
        sa.Column("tick", INTEGER, nullable=False),
        sa.Column("iat", INTEGER, nullable=False),
        sa.Column("exp", INTEGER, nullable=False),
        sa.Column("cti", sa.LargeBinary(length=16), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("idx"),
    )
    op.create_index("entries_digest", "entries", ["digest"], unique=False)
    op.create_index("entries_iss", "entries", ["iss", "type", "idx"], unique=False)
    op.create_table(
        "login_keys",
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("kid", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("ended_at", INTEGER, nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("login_keys_account", "login_keys", ["account"], unique=False)
    op.create_table(
        "meta",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outbox",
        sa.Column("id", INTEGER, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("idx", INTEGER, nullable=False),
        sa.Column("receiver", TEXT, nullable=True),
        sa.Column("audience", TEXT, nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("due_at", INTEGER, nullable=False),
        sa.Column("attempts", INTEGER, server_default="0", nullable=False),
        sa.Column("done_at", INTEGER, nullable=True),
        sa.Column("failed_at", INTEGER, nullable=True),
        sa.Column("problem", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("outbox_due", "outbox", ["done_at", "failed_at", "due_at"], unique=False)
    op.create_index("outbox_idx", "outbox", ["idx"], unique=False)
    op.create_table(
        "private_records",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("idx", INTEGER, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "projection_versions",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("version", INTEGER, nullable=False),
        sa.Column("size", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sessions",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account", TEXT, nullable=True),
        sa.Column("kid", sa.LargeBinary(length=32), nullable=True),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("seen_at", INTEGER, nullable=False),
        sa.Column("expires_at", INTEGER, nullable=False),
        sa.Column("locale", TEXT, nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("sessions_account", "sessions", ["account"], unique=False)
    op.create_index("sessions_expires", "sessions", ["expires_at"], unique=False)
    op.create_table(
        "signing_requests",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("session", sa.LargeBinary(length=32), nullable=True),
        sa.Column("account", TEXT, nullable=True),
        sa.Column("ticket", sa.LargeBinary(length=32), nullable=True),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("return_to", TEXT, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("expires_at", INTEGER, nullable=False),
        sa.Column("entry_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("idx", INTEGER, nullable=True),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("signing_requests_expires", "signing_requests", ["expires_at"], unique=False)
    op.create_table(
        "state",
        sa.Column("domain", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("domain", "key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tickets",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("expires_at", INTEGER, nullable=False),
        sa.Column("used_at", INTEGER, nullable=True),
        sa.Column("used_by", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("tickets_used", "tickets", ["kind", "used_at"], unique=False)
    op.create_table(
        "tree",
        sa.Column("level", INTEGER, nullable=False),
        sa.Column("number", INTEGER, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "number"),
        sqlite_with_rowid=False,
    )
