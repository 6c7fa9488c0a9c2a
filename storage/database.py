"""Opening the operational store: SQLite by default, PostgreSQL by its address; same tables.

SQLite runs in WAL mode, so that the API reads while ingest writes. The schema is made and changed by
Alembic alone, by one process at a time; readers wait until it is there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, column, create_engine, event, inspect, select, table
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
    "refuse_newer_schema",
    "sqlite_address",
    "translated",
    "upgrade_access_schema",
    "upgrade_schema",
]

_PATIENCE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class _Schema:
    """One set of tables that has versions: its migrations, the table that holds its version, all versions in order."""

    migrations: Path
    version_table: str
    versions: tuple[str, ...]

    @property
    def newest(self) -> str:
        return self.versions[-1]

    def found_on(self, connection: Connection) -> str | None:
        """Give the version of a database; None where it was never made."""
        if not inspect(connection).has_table(self.version_table):
            return None
        found = connection.scalar(select(column("version_num")).select_from(table(self.version_table)))
        return None if found is None else str(found)

    def refuse_newer(self, found: str | None) -> None:
        """Refuse a version that this program does not know; they are known from the first one on."""
        if found is not None and found not in self.versions:
            raise ConfigurationError(
                f"the operational store is of a newer Schouw (schema {found!r}); install that version"
            )


# The versions are named here too, so that a start that changes nothing need not load Alembic and look for them.
_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_OPERATIONAL: Final = _Schema(_MIGRATIONS, "alembic_version", ("0001", "0002", "0003", "0004", "0005", "0006"))
_ACCESS: Final = _Schema(_MIGRATIONS / "access", "alembic_version_access", ("a0001", "a0002"))


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
        If the address is none, its driver is not installed, or the certificates that it names are not there.
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
        # SQLite's own knows the letters of ASCII only: a name that begins with É was not found as it is spelt.
        connection.create_function("lower", 1, _lower, deterministic=True)
        cursor = connection.cursor()
        # Entries leave the journal once they are here, so a power cut may not take them back.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    return engine


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def upgrade_schema(engine: Engine) -> None:
    """Bring the schema to the version of this program; of two processes that do so at once, one waits.

    Raises
    ------
    StorageUnavailable
        If the database is away.
    ConfigurationError
        If the schema is newer than this program.
    """
    _upgrade(engine, _OPERATIONAL)


def upgrade_access_schema(engine: Engine) -> None:
    """Bring the tables of access to the version of this program; they may share a database with the others.

    Raises
    ------
    StorageUnavailable
        If the database is away.
    ConfigurationError
        If the schema is newer than this program.
    """
    _upgrade(engine, _ACCESS)


def _upgrade(engine: Engine, schema: _Schema) -> None:
    with translated(engine), engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            postgresql.await_turn(connection)
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        found = schema.found_on(connection)
        if found == schema.newest:
            return
        schema.refuse_newer(found)
        from storage.migrating import migrate  # noqa: PLC0415 -- see there

        migrate(connection, schema.migrations)


def migrations_pending(engine: Engine) -> bool:
    """Tell whether the schema is older than this program expects, or not there yet."""
    return _version_of(engine) != newest_schema()


def check_schema(engine: Engine) -> None:
    """See that the schema is the one that this program works with, for who only looks and makes nothing.

    Raises
    ------
    ConfigurationError
        If it is older, newer, or not there yet; each with what to do.
    """
    found = _version_of(engine)
    if found == newest_schema():
        return
    _OPERATIONAL.refuse_newer(found)
    raise ConfigurationError("the operational store is not there yet or older than this program; start `schouw ingest`")


def refuse_newer_schema(engine: Engine) -> None:
    """Refuse to start on a schema of a newer program; one that is older, or not there yet, is brought up to date.

    Raises
    ------
    ConfigurationError
        If it is newer.
    StorageUnavailable
        If the database is away.
    """
    _OPERATIONAL.refuse_newer(_version_of(engine))


def _version_of(engine: Engine) -> str | None:
    with translated(engine), engine.connect() as connection:
        return _OPERATIONAL.found_on(connection)


def newest_schema() -> str:
    """Give the name of the schema that this program works with."""
    return _OPERATIONAL.newest


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
