"""Opening the operational store: SQLite by default, PostgreSQL by its address; same tables.

SQLite runs in WAL mode, so that the API reads while ingest writes. The schema is made and changed by
Alembic alone, by one process at a time; readers wait until it is there.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    OperationalError,
    SQLAlchemyError,
)

from domain.errors import ConfigurationError, StorageCorrupt, StorageUnavailable
from storage import postgresql
from storage.json_codec import JSON_CODEC
from storage.wal import use_wal

__all__ = [
    "check_schema",
    "migrations_pending",
    "newest_schema",
    "open_database",
    "sqlite_address",
    "translated",
    "upgrade_access_schema",
    "upgrade_schema",
]

_MIGRATIONS = Path(__file__).parent / "migrations"
_PATIENCE_S: Final = 30.0


def sqlite_address(path: Path) -> str:
    """Give the SQLAlchemy address of a SQLite file."""
    return f"sqlite:///{path}"


def open_database(address: str, *, patience_s: float = _PATIENCE_S) -> Engine:
    """Make an engine for the operational store; nothing is connected yet.

    Parameters
    ----------
    address : str
        Of SQLite or PostgreSQL.
    patience_s : float
        How long a server may take to answer, in seconds, before it counts as away.

    Raises
    ------
    ConfigurationError
        If the address is none, or its driver is not installed.
    """
    try:
        if postgresql.is_postgresql(address):
            return postgresql.make_engine(address, patience_s=patience_s)
        engine = create_engine(address, connect_args={"timeout": 10.0}, **JSON_CODEC)
    except (ArgumentError, ImportError, OSError, TypeError) as error:
        # Neither the address nor SQLAlchemy's message: a password may stand in them.
        scheme = address.partition(":")[0] if ":" in address else ""
        raise ConfigurationError(
            f"storage.database_url: got an address of kind {scheme!r} that cannot be used ({type(error).__name__}), "
            "expected postgresql://user:password@host:5432/name, with ?sslmode=verify-full&sslrootcert=FILE across a "
            "network; see docs/how-to-postgresql.md"
        ) from error

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: object) -> None:
        use_wal(connection)
        cursor = connection.cursor()
        # Entries leave the journal once they are here, so a power cut may not take them back.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    return engine


def upgrade_schema(engine: Engine) -> None:
    """Bring the schema to the version of this program; of two processes that do so at once, one waits.

    Raises
    ------
    StorageUnavailable
        If the database is away.
    ConfigurationError
        If the schema is newer than this program.
    """
    _upgrade(engine, _MIGRATIONS)


def upgrade_access_schema(engine: Engine) -> None:
    """Bring the tables of access to the version of this program; they may share a database with the others.

    Raises
    ------
    StorageUnavailable
        If the database is away.
    """
    _upgrade(engine, _MIGRATIONS / "access")


def _upgrade(engine: Engine, migrations: Path) -> None:
    with translated(engine), engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            postgresql.await_turn(connection)
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            command.upgrade(_config(connection, migrations), "head")
        except CommandError as error:
            raise ConfigurationError(
                f"operational store: its schema is of a newer Schouw ({error}); install that version"
            ) from error


def migrations_pending(engine: Engine) -> bool:
    """Tell whether the schema is older than this program expects, or not there yet."""
    return _schema_of(engine) != newest_schema()


def check_schema(engine: Engine) -> None:
    """See that the schema is the one that this program works with, for who only looks and makes nothing.

    Raises
    ------
    ConfigurationError
        If it is older, newer, or not there yet; each with what to do.
    """
    found = _schema_of(engine)
    if found == newest_schema():
        return
    if found is None or found in _schemas():
        raise ConfigurationError(
            "the operational store is not there yet or older than this program; start `schouw ingest`"
        )
    raise ConfigurationError(f"the operational store is of a newer Schouw (schema {found!r}); install that version")


def _schema_of(engine: Engine) -> str | None:
    with translated(engine), engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


@functools.cache
def newest_schema() -> str:
    """Give the name of the schema that this program works with."""
    return str(ScriptDirectory.from_config(_config(None)).get_current_head())


@functools.cache
def _schemas() -> frozenset[str]:
    return frozenset(item.revision for item in ScriptDirectory.from_config(_config(None)).walk_revisions())


@contextlib.contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Turn the errors of SQLAlchemy and its drivers into ours, split by what helps."""
    name = engine.url.render_as_string(hide_password=True).rpartition("/")[2]
    try:
        yield
    except DBAPIError as error:
        told = postgresql.words(error.orig)
        if _passes(engine, error):
            raise StorageUnavailable(
                f"operational store {name!r}: got {told}; it is tried again, check that the database is up"
            ) from error
        raise StorageCorrupt(f"operational store {name!r}: got {told}; run `schouw doctor`") from error
    except (SQLAlchemyError, OSError) as error:
        raise StorageUnavailable(f"operational store {name!r}: got {error}; it is tried again") from error


def _passes(engine: Engine, error: DBAPIError) -> bool:
    if engine.url.get_backend_name() == "postgresql":
        return postgresql.is_unavailable(error.orig)
    return isinstance(error, OperationalError) or not isinstance(error, DatabaseError)


def _config(connection: Connection | None, scripts: Path = _MIGRATIONS) -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
