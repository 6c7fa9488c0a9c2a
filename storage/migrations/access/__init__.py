"""Alembic's migrations of the tables of access."""
