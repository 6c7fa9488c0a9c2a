"""The databases that hold rows beside the journal: the operational store, and keys with their audit trail.

Each is a SQLite file in the data folder, or part of one database on a server. Backup, restore and migration treat
them alike.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, Table

from service.settings import Settings
from storage.copying import access_tables, operational_tables
from storage.database import open_database, sqlite_address, translated, upgrade_access_schema, upgrade_schema
from storage.fingerprint import Fingerprint, table_fingerprint

__all__ = ["ACCESS", "OPERATIONAL", "Database", "databases", "fingerprints", "looking", "opened"]

OPERATIONAL: Final = "operational.sqlite"
ACCESS: Final = "access.sqlite"


@dataclass(frozen=True, slots=True)
class Database:
    """One of them.

    Attributes
    ----------
    name : str
        Of its file, where it is one.
    address : str
        Where the settings have it.
    upgrade : callable
        Brings the schema up to date.
    """

    name: str
    address: str
    tables: list[Table]
    upgrade: Callable[[Engine], None]

    def file(self, folder: Path) -> Path:
        """Give its file in a folder, which may be another than the settings'."""
        return folder / self.name


def databases(settings: Settings) -> list[Database]:
    """List them as the settings have them."""
    return [
        Database(OPERATIONAL, settings.database_address, operational_tables(), upgrade_schema),
        Database(ACCESS, settings.access_address, access_tables(), upgrade_access_schema),
    ]


@contextlib.contextmanager
def opened(address: str | Path) -> Iterator[Engine]:
    """Open a database by its address, or its file."""
    engine = open_database(sqlite_address(address) if isinstance(address, Path) else address)
    try:
        yield engine
    finally:
        engine.dispose()


@contextlib.contextmanager
def looking(engine: Engine) -> Iterator[Connection]:
    """Look at all tables as they are at one moment, however long it takes."""
    options = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with translated(engine), engine.connect().execution_options(**options) as db:
        yield db


def fingerprints(engine: Engine, database: Database) -> dict[str, Fingerprint]:
    """Give rows and SHA-256 of each table."""
    with looking(engine) as db:
        return {table.name: table_fingerprint(db, table) for table in database.tables}
