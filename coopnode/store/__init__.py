"""Everything kept on disk. The only importer of SQLAlchemy, Alembic and sqlite3; slices take the words of
SQL from `coopnode.store.sql`."""
