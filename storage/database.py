"""Opening the operational store: SQLite by default, PostgreSQL by its address; same tables.

SQLite runs in WAL mode, so that the API reads while ingest writes. The schema is made and changed by
Alembic alone; the process that writes upgrades it at start, readers wait until it is there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError, OperationalError, SQLAlchemyError

from domain.errors import ConfigurationError, StorageCorrupt, StorageUnavailable
from storage.wal import use_wal

__all__ = ["migrations_pending", "open_database", "sqlite_address", "translated", "upgrade_schema"]

_MIGRATIONS = Path(__file__).parent / "migrations"


def sqlite_address(path: Path) -> str:
    """Give the SQLAlchemy address of a SQLite file."""
    return f"sqlite:///{path}"


def open_database(address: str) -> Engine:
    """Make an engine for the operational store; nothing is connected yet.

    Raises
    ------
    ConfigurationError
        If the address is none, or its driver is not installed.
    """
    try:
        if not address.startswith("sqlite"):
            return create_engine(address, pool_pre_ping=True)
        engine = create_engine(address, connect_args={"timeout": 10.0})
    except (ArgumentError, ImportError) as error:
        # Neither the address nor SQLAlchemy's message: a password may stand in them.
        scheme = address.partition(":")[0] if ":" in address else ""
        raise ConfigurationError(
            f"storage.database_url: got an address of kind {scheme!r} that cannot be used ({type(error).__name__}), "
            "expected one of SQLAlchemy with an installed driver, such as postgresql+psycopg://user:password@host/name"
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
    """Bring the schema to the version of this program.

    Raises
    ------
    StorageUnavailable
        If the database is away.
    """
    with translated(engine), engine.begin() as connection:
        command.upgrade(_config(connection), "head")


def migrations_pending(engine: Engine) -> bool:
    """Tell whether the schema is older than this program expects, or not there yet."""
    head = ScriptDirectory.from_config(_config(None)).get_current_head()
    with translated(engine), engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() != head


@contextlib.contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Turn SQLAlchemy's errors into ours, split by what helps."""
    name = engine.url.render_as_string(hide_password=True).rpartition("/")[2]
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise StorageUnavailable(
            f"operational store {name!r}: got {error.orig}; it is tried again, check that the database is up"
        ) from error
    except DatabaseError as error:
        raise StorageCorrupt(f"operational store {name!r}: got {error.orig}; run `schouw doctor`") from error
    except SQLAlchemyError as error:
        raise StorageUnavailable(f"operational store {name!r}: got {error}; it is tried again") from error


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
