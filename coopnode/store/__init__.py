"""Everything kept on disk. The only importer of SQLAlchemy, Alembic, sqlite3 and psycopg; slices take the
words of SQL from `coopnode.store.sql`."""
