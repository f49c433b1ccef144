"""Alembic's entry: `coopnode.store.database.migrate` hands over an open connection."""

from __future__ import annotations

from alembic import context

from coopnode.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=False)
context.run_migrations()
