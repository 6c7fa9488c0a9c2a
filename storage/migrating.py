"""Changing the schema by Alembic: a module of its own, since to load Alembic is a twelfth of a start without need."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

__all__ = ["migrate"]


def migrate(connection: Connection, migrations: Path) -> None:
    """Bring the schema to the newest version in a folder of migrations.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction, which nobody else may be in; it is not committed here.
    migrations : Path
        The folder with Alembic's `env.py`.

    Raises
    ------
    alembic.util.CommandError
        If the schema is of a version that is not in the folder.
    """
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
