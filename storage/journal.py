"""The journal: one SQLite file, and the only commit there is (design.md D2, D3).

An entry and all that belongs to it (closed hops, held messages, counts) are written in one
transaction with `synchronous=FULL`; only then may a message be acknowledged. Other processes append
decisions and register changes; the one ingest process applies every entry in the order of its
sequence and keeps in `applied_seq` how far it came. Everything else in the data folder can be made
anew from this file.

Here are the entries (cause and outcome); `storage.journal_tables` has what is kept beside them, and
`storage.journal_file` the file itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.errors import StorageCorrupt, StorageError
from storage.entries import EntryBody, EntryKind, Outcome, decode_body, decode_outcome, encode_body, encode_outcome
from storage.journal_tables import CheckpointRow, HeldMessage, HopRow, JournalTables, RefusalHour, SideRows
from storage.locks import remove_entries
from storage.row_checksum import is_as_written, row_checksum
from storage.snapshot_table import SnapshotPart, SnapshotRow

__all__ = [
    "CheckpointRow",
    "Entry",
    "HeldMessage",
    "HopRow",
    "Journal",
    "JournalCommit",
    "JournalMovedError",
    "RefusalHour",
    "SnapshotPart",
    "SnapshotRow",
    "insert_entry",
]

_SIMULATED: Final = "simulated"


class JournalMovedError(StorageError):
    """Another process appended entries that must be applied first; apply them and try again."""

    retryable = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it stands in the journal."""

    seq: int
    kind: EntryKind
    body: EntryBody
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalCommit(SideRows):
    """All that is written together, or not at all.

    Attributes
    ----------
    applied_seq : int
        The last entry that the writer has applied; a newer one in the file stops the commit.
    tally : mapping of str to int
        What is added to the exact counts.
    """

    body: EntryBody
    kind: EntryKind
    outcome: Outcome
    applied_seq: int
    tally: Mapping[str, int] = field(default_factory=dict)


class Journal(JournalTables):
    """One connection to the journal; every process and thread opens its own.

    Parameters
    ----------
    path : Path
        The file; it is made when it is not there.

    Raises
    ------
    StorageUnavailable
        If the file cannot be opened or written.
    StorageCorrupt
        If it is not a journal, or one of a newer version.
    """

    def last_seq(self) -> int:
        """Give the sequence of the newest entry; 0 when there is none."""
        with self.reading() as db:
            return _last_seq(db) or 0

    def applied_seq(self) -> int:
        """Give the sequence up to which the ingest process has applied entries and written outcomes."""
        return self.read_number("applied_seq")

    def holds_simulated(self) -> bool:
        """Tell whether what is kept here is the demo's; the mark goes along with every copy of the file."""
        return self.read_number(_SIMULATED) == 1

    def mark_simulated(self) -> None:
        """Note for good that what is kept here is the demo's, whoever serves it later."""
        if not self.holds_simulated():
            with self.transaction() as db:
                self.write_number(db, _SIMULATED, 1)

    def entries(self, *, after: int, upto: int | None = None, limit: int = 1000) -> list[Entry]:
        """Read entries in order, those with `after < seq <= upto`."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT seq, kind, body, outcome, crc FROM entry WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
                (after, upto if upto is not None else 2**62, limit),
            ).fetchall()
        return [_entry(*row) for row in rows]

    def count_entries(self, *, after: int) -> int:
        """Count the entries behind a sequence."""
        with self.reading() as db:
            return int(db.execute("SELECT count(*) FROM entry WHERE seq > ?", (after,)).fetchone()[0])

    def lost_entries(self, *, after: int) -> str:
        """Say in words that a store at this entry misses some that are not here any more; empty when it does not.

        Such a store is another one than those that were written when the entries left the journal.
        """
        with self.reading() as db:
            last = _last_seq(db) or 0
            there = int(db.execute("SELECT count(*) FROM entry WHERE seq > ?", (after,)).fetchone()[0])
        if there >= last - after:
            return ""
        return (
            f"got a store that has entries up to {after}, expected one that has all which left the journal since "
            f"({last - after - there} of them); the settings name another store than before: give the former one, move "
            "it with `schouw migrate` into an empty one, or restore a whole backup (docs/how-to-migrate.md)"
        )

    def newest(self, kind: EntryKind, *, before: int | None = None, limit: int = 1) -> list[Entry]:
        """Read the newest entries of a rare kind, newest first."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT seq, kind, body, outcome, crc FROM entry WHERE kind = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
                (kind, before if before is not None else 2**62, limit),
            ).fetchall()
        return [_entry(*row) for row in rows]

    def newest_seq(self, kind: EntryKind) -> int:
        """Give the sequence of the newest entry of a rare kind; 0 when there is none."""
        with self.reading() as db:
            row = db.execute("SELECT max(seq) FROM entry WHERE kind = ?", (kind,)).fetchone()
            return int(row[0] or 0)

    def oldest(self, kind: EntryKind, *, after: int, limit: int = 1) -> list[Entry]:
        """Read entries of a rare kind behind a sequence, oldest first."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT seq, kind, body, outcome, crc FROM entry WHERE kind = ? AND seq > ? ORDER BY seq LIMIT ?",
                (kind, after, limit),
            ).fetchall()
        return [_entry(*row) for row in rows]

    def commit(self, commit: JournalCommit) -> int:
        """Write an entry with all that belongs to it, and return its sequence.

        Raises
        ------
        JournalMovedError
            If entries newer than `commit.applied_seq` are in the file.
        StorageUnavailable
            If the disk is full or the file stays locked; nothing was written.
        """
        body, outcome = encode_body(commit.body), encode_outcome(commit.outcome)
        with self.transaction() as db:
            last = _last_seq(db)
            if last not in {None, commit.applied_seq}:
                raise JournalMovedError(
                    f"journal is at entry {last}, expected {commit.applied_seq}; apply what came in between first"
                )
            seq = insert_entry(db, commit.kind, body, outcome)
            self.write_side_rows(db, commit, seq)
            self.add_tally(db, commit.tally)
            self.write_number(db, "applied_seq", seq)
        return seq

    def append(self, kind: EntryKind, body: EntryBody) -> int:
        """Write an entry from outside the ingest process; its outcome follows when it is applied."""
        data = encode_body(body)
        with self.transaction() as db:
            return insert_entry(db, kind, data)

    def record_outcome(self, seq: int, outcome: Outcome, *, tally: Mapping[str, int] | None = None) -> None:
        """Store what an entry from outside led to, and that it has been applied."""
        with self.transaction() as db:
            kind, body = db.execute("SELECT kind, body FROM entry WHERE seq = ?", (seq,)).fetchone()
            data = encode_outcome(outcome)
            crc = row_checksum(seq, kind, body, data)
            db.execute("UPDATE entry SET outcome = ?, crc = ? WHERE seq = ?", (data, crc, seq))
            self.add_tally(db, tally or {})
            self.write_number(db, "applied_seq", seq)

    def prune(self, *, upto: int) -> int:
        """Remove all but the log of people that is projected and covered by a snapshot; return how many entries.

        Decisions, registers and changes of the models stay: they are the log that people rely on. While somebody
        copies the folder nothing is removed.
        """
        removing = remove_entries(self.path)
        if removing is None:
            return 0
        with removing, self.transaction() as db:
            return db.execute(
                "DELETE FROM entry WHERE seq <= ? AND kind NOT IN ('register', 'decision', 'relearning')", (upto,)
            ).rowcount


def insert_entry(db: sqlite3.Connection, kind: EntryKind, body: bytes, outcome: bytes = b"") -> int:
    """Write one entry within a transaction, and give its sequence."""
    seq = (_last_seq(db) or 0) + 1
    row = (seq, kind, body, outcome, row_checksum(seq, kind, body, outcome))
    db.execute("INSERT INTO entry (seq, kind, body, outcome, crc) VALUES (?, ?, ?, ?, ?)", row)
    return seq


def _last_seq(db: sqlite3.Connection) -> int | None:
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'entry'").fetchone()
    return None if row is None else int(row[0])


def _entry(seq: int, kind: EntryKind, body: bytes, outcome: bytes, crc: int | None) -> Entry:
    if not is_as_written(crc, seq, kind, body, outcome):
        raise StorageCorrupt(
            f"journal entry {seq} of kind {kind}: not what was written; stop, run `schouw doctor`, and restore a backup"
        )
    return Entry(seq, kind, decode_body(body), decode_outcome(outcome))
