"""Write-ahead logging for a SQLite file: others read while one writes."""

from __future__ import annotations

import sqlite3
import time
from typing import Final

__all__ = ["use_wal"]

_PATIENCE_S: Final = 10.0
_PAUSE_S: Final = 0.02
# An extended result code has the plain one in its lowest byte (sqlite.org/rescode.html).
_PLAIN_CODE: Final = 0xFF


def use_wal(db: sqlite3.Connection) -> None:
    """Switch a file to write-ahead logging, if it is not yet.

    SQLite's own patience does not cover this one step: of two processes that open a new file at once, one is
    refused at once instead of waiting.

    Raises
    ------
    sqlite3.OperationalError
        If the file stays locked for ten seconds, or cannot be written.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PLAIN_CODE != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S)
        else:
            return
