"""The tables of ruleset 0. Until 1.0 this first migration may change; data made before is refused, not
converted."""

from __future__ import annotations

from alembic import op

from coopnode.store.schema import metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())
