"""PostgreSQL as the operational store: its address, its encryption, its errors, its lock.

The driver is pg8000: pure Python, permissive licence, nothing to compile. It does not know `sslmode`, so that is made
here. Every socket operation has a limit of time, or a server that stands still would hold whoever asks it.
"""

from __future__ import annotations

import ssl
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError

from domain.errors import ConfigurationError
from storage.json_codec import JSON_CODEC

__all__ = ["await_turn", "is_postgresql", "is_unavailable", "make_engine", "words"]

# Any number does, as long as every process of Schouw takes the same: "Schouw" in ASCII.
_MIGRATION_LOCK: Final = 0x5363686F7577
_SCHEMES: Final = ("postgresql", "postgres", "postgresql+pg8000")
_SERVER_ERROR: Final = "C"
_SERVER_WORDS: Final = "M"
# Classes of SQLSTATE (appendix A of PostgreSQL's manual) that pass, or that an operator mends at the server:
# connection, authorisation, transaction state and roll-back, unknown database or role, missing table or right,
# resources, objects in use, an operator's stop, the system beneath.
_PASSING: Final = ("08", "0A000", "25", "28", "3D", "40", "42501", "42P01", "53", "55", "57", "58")
_ENCRYPTED: Final = ("require", "verify-ca", "verify-full")


def is_postgresql(address: str) -> bool:
    """Tell whether an address is one of PostgreSQL, spelt for any driver of ours."""
    return address.partition("://")[0] in _SCHEMES


def make_engine(address: str, *, patience_s: float) -> Engine:
    """Make an engine; nothing is connected yet.

    Parameters
    ----------
    address : str
        `postgresql://user:password@host:port/name`, as `psql` takes it. Of its parameters `sslmode` (`disable`,
        `prefer`, `require`, `verify-ca`, `verify-full`), `sslrootcert` and `application_name` are understood.
    patience_s : float
        How long one operation on the socket may take, in seconds.

    Raises
    ------
    ArgumentError
        If the address cannot be read, or has another parameter.
    ConfigurationError
        If the file of `sslrootcert` holds no certificates.
    """
    url, arguments = _split(address, patience_s)
    engine = create_engine(url, pool_pre_ping=True, connect_args=arguments, **JSON_CODEC)

    @event.listens_for(engine, "handle_error")
    def drop_connection(context: ExceptionContext) -> None:
        # pg8000 lets some socket errors through as they are; what is left of such a connection is of no use.
        if isinstance(context.original_exception, OSError):
            context.is_disconnect = True

    return engine


def is_unavailable(error: BaseException | None) -> bool:
    """Tell whether trying again later may help; what a server says in words goes by its SQLSTATE."""
    code = _fact(error, _SERVER_ERROR)
    return code is None or code.startswith(_PASSING)


def words(error: BaseException | None) -> str:
    """Give what a driver reports as a sentence, the server's own where it has one."""
    message = _fact(error, _SERVER_WORDS)
    if message is not None:
        return f"{message!r} (SQLSTATE {_fact(error, _SERVER_ERROR)})"
    cause = error.__cause__ if error is not None else None
    return f"{error} {cause}" if cause is not None else str(error)


def await_turn(connection: Connection) -> None:
    """Hold the lock of migrations until the transaction ends, so that of two processes one waits."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})


def _split(address: str, patience_s: float) -> tuple[URL, dict[str, Any]]:
    url = make_url(address)
    query = dict(url.query)
    mode, root = query.pop("sslmode", "prefer"), query.pop("sslrootcert", None)
    arguments: dict[str, Any] = {
        "timeout": patience_s,
        "application_name": query.pop("application_name", "schouw"),
    }
    if query:
        raise ArgumentError("parameters besides sslmode, sslrootcert and application_name")
    arguments["ssl_context"] = _encryption(mode, root if isinstance(root, str) else None)
    return url.set(drivername="postgresql+pg8000", query={}), arguments


def _encryption(mode: object, root: str | None) -> ssl.SSLContext | bool | None:
    """Give what pg8000 takes: False is none, None is where the server can, a context is always."""
    if mode == "disable":
        return False
    if mode == "prefer":
        return None
    if mode not in _ENCRYPTED:
        raise ArgumentError("sslmode is none of disable, prefer, require, verify-ca, verify-full")
    try:
        context = ssl.create_default_context(cafile=root)
    except OSError as error:
        raise ConfigurationError(
            f"storage.database_url: got sslrootcert {root!r}, expected certificates in PEM "
            f"({error.strerror or error}); correct the setting, or put the file there"
        ) from error
    context.check_hostname = mode == "verify-full"
    if mode == "require":
        # As psql means it: nobody can listen in, and who answers is not asked.
        context.verify_mode = ssl.CERT_NONE
    return context


def _fact(error: BaseException | None, key: str) -> str | None:
    facts = error.args[0] if error is not None and error.args else None
    return str(facts[key]) if isinstance(facts, dict) and key in facts else None
