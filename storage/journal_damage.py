"""What a damaged journal still has and what is missing, in words, for whoever must decide what to do.

Reads the file as it is, through a connection of its own that changes nothing, so it also works where the journal
itself refuses to open. A row counts as missing when SQLite cannot reach it, or its bytes are not what was written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from domain.errors import StorageUnavailable
from storage.row_checksum import is_as_written

__all__ = ["find_damage"]

_PAGE: Final = 500
_FINDINGS: Final = 20
_UNREADABLE: Final = "the file is no SQLite database any more: nothing of it can be read"
# Tables beside the entries, with what they mean to a reader, and the columns that their checksum covers.
_TABLES: Final = (
    ("hop", "kept readings of closed hops", ("asset", "start_ns", "body")),
    ("late_hop", "readings that came late for closed hops", ("asset", "start_ns", "seq", "body")),
    ("checkpoint", "states that a re-scoring begins with", ("asset", "at_ns", "seq", "body")),
    ("snapshot", "saved states of assets", ("asset", "part", "seq", "body")),
    (
        "held",
        "messages held for unknown senders",
        ("gateway", "asset", "sensor", "hash", "topic", "payload", "received_ns"),
    ),
    ("part", "parts of waveforms", ("topic", "block", "part", "payload", "received_ns")),
    (
        "refusal_hour",
        "counts of refusals",
        ("hash", "topic", "code", "reason", "start_ns", "told", "more", "last_ns"),
    ),
    ("arrival", "keys of messages without a usable time", ("hash", "received_ns")),
    ("channel", "numbers of channels", ("number", "asset", "sensor", "channel")),
    ("person", "names of people who decided", ("id", "name", "key")),
    ("once", "hashes of requests", ("key", "asked", "seq")),
    ("tally", "exact counts", ("name", "value")),
    ("meta", "positions of the journal itself", ("key", "value")),
)
# Tables that carry checksums from version 5 on; a journal of an older program is looked at as it is.
_SINCE_5: Final = frozenset({"held", "part", "arrival", "channel", "person", "once", "tally", "meta"})
_WHOLE_ROWS: Final = 5
_SNAPSHOTS_IN_PARTS: Final = 6
_REFUSALS_COUNTED: Final = 7


def find_damage(path: Path) -> list[str]:
    """Look at everything in the file; an empty list means that all of it is as it was written.

    Returns
    -------
    list of str
        What SQLite finds wrong with the file's structure, then what is missing for it, a sentence each.

    Raises
    ------
    StorageUnavailable
        If the file cannot be looked into, which says nothing about what it holds.
    """
    try:
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        # A damaged name in what SQLite says must not keep it from being said.
        db.text_factory = _readable
    except sqlite3.Error as error:
        raise _closed(path, error) from error
    try:
        _open(db, path)
        found = _structure(db)
        if found[:1] == [_UNREADABLE]:
            return found
        found.extend(_missing_entries(db))
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        for table, words, columns in _TABLES:
            if table == "refusal_hour" and version < _REFUSALS_COUNTED:
                continue
            is_checked = version >= _WHOLE_ROWS or table not in _SINCE_5
            if table == "snapshot" and version < _SNAPSHOTS_IN_PARTS:
                columns = ("asset", "seq", "body")  # noqa: PLW2901 -- those that the table had then
            found.extend(_missing_rows(db, table, words, columns, is_checked=is_checked))
        found.extend(_wrong_sequence(db))
    except UnicodeDecodeError as error:
        # SQLite's message names what it found in the schema, and that is no text any more.
        return [f"names in the schema cannot be read ({error}): no table can be looked into"]
    finally:
        db.close()
    return found


def _open(db: sqlite3.Connection, path: Path) -> None:
    """Let SQLite open the file for certain, with the index of newest pages that it keeps beside it."""
    try:
        db.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError as error:
        raise _closed(path, error) from error
    except sqlite3.DatabaseError:
        return  # damage, which is told below


def _closed(path: Path, error: sqlite3.Error) -> StorageUnavailable:
    return StorageUnavailable(
        f"journal {path.name}: cannot be looked into (SQLite: {error}); run this as the user that owns "
        f"{str(path.parent)!r}, who may write there, and see that its disk is not full"
    )


def _readable(text: bytes) -> str:
    return text.decode(errors="replace")


def _structure(db: sqlite3.Connection) -> list[str]:
    try:
        rows = [str(row[0]) for row in db.execute(f"PRAGMA integrity_check({_FINDINGS})")]
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
            return [_UNREADABLE]
        rows = [str(error)]
    return [] if rows == ["ok"] else [f"SQLite: {row}" for row in rows]


def _missing_entries(db: sqlite3.Connection) -> Iterator[str]:
    """Walk over the entries, one by one where a page of them cannot be read."""
    try:
        last = int(db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'entry'").fetchone()[0])
    except (sqlite3.DatabaseError, TypeError):
        try:
            last = int(db.execute("SELECT max(seq) FROM entry").fetchone()[0] or 0)
        except sqlite3.DatabaseError as error:
            yield f"entries: none can be read ({error})"
            return
    missing: list[int] = []
    after = 0
    while after < last:
        try:
            rows = db.execute(
                "SELECT seq, kind, body, outcome, crc FROM entry WHERE seq > ? AND seq <= ? ORDER BY seq",
                (after, after + _PAGE),
            ).fetchall()
        except sqlite3.DatabaseError:
            missing.extend(seq for seq in range(after + 1, min(after + _PAGE, last) + 1) if not _is_whole(db, seq))
        else:
            missing.extend(row[0] for row in rows if not is_as_written(row[-1], *row[:-1]))
        after += _PAGE
    for first, final in _ranges(missing):
        what = f"entry {first}" if first == final else f"entries {first} to {final}"
        yield f"{what}: what was received or decided there cannot be read"


def _is_whole(db: sqlite3.Connection, seq: int) -> bool:
    """Tell whether an entry can be read, or was removed in order: then the tree says that it is not there."""
    try:
        row = db.execute("SELECT seq, kind, body, outcome, crc FROM entry WHERE seq = ?", (seq,)).fetchone()
    except sqlite3.DatabaseError:
        return False
    return row is None or is_as_written(row[-1], *row[:-1])


def _missing_rows(
    db: sqlite3.Connection, table: str, words: str, columns: tuple[str, ...], *, is_checked: bool
) -> Iterator[str]:
    names = ", ".join((*columns, "crc") if is_checked else columns)
    read, wrong = 0, 0
    try:
        for row in db.execute(f"SELECT {names} FROM {table}"):  # noqa: S608 -- names from the table above
            read += 1
            wrong += is_checked and not is_as_written(row[-1], *row[:-1])
    except sqlite3.DatabaseError as error:
        yield f"{words}: readable up to row {read}, the rest is missing ({error})"
    if wrong:
        yield f"{words}: {wrong} of {read} rows are not what was written"


def _wrong_sequence(db: sqlite3.Connection) -> Iterator[str]:
    """Compare the number that SQLite gives to the next entry with the newest one, and with how far ingest came."""
    try:
        (last,) = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'entry'").fetchone() or (0,)
        (newest,) = db.execute("SELECT coalesce(max(seq), 0) FROM entry").fetchone()
        (applied,) = db.execute("SELECT value FROM meta WHERE key = 'applied_seq'").fetchone() or (0,)
    except sqlite3.DatabaseError:
        return  # told already
    if last not in {newest, applied} or not isinstance(last, int) or last < newest:
        yield f"entries: got {last!r} as the number of the newest, expected {max(newest, applied)}"


def _ranges(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Join numbers that follow each other.

    Examples
    --------
    >>> list(_ranges([1, 2, 3, 7, 9, 10]))
    [(1, 3), (7, 7), (9, 10)]
    """
    first = previous = None
    for number in numbers:
        if previous is not None and first is not None and number != previous + 1:
            yield first, previous
            first = number
        first = number if first is None else first
        previous = number
    if first is not None and previous is not None:
        yield first, previous
