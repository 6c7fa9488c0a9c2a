"""The journal: one SQLite file, and the only commit there is (design.md D2, D3).

An entry and all that belongs to it (closed hops, held messages, counts) are written in one
transaction with `synchronous=FULL`; only then may a message be acknowledged. Other processes append
decisions and register changes; the one ingest process applies every entry in the order of its
sequence and keeps in `applied_seq` how far it came. Everything else in the data folder can be made
anew from this file.

Tables: `entry` (cause and outcome), `hop` (readings of closed hops: the memory of keys that outlives
entries, and what a later re-scoring needs), `held` (messages of unknown senders), `arrival` (hashes
of messages without a usable time), `part` (parts of a split waveform), `snapshot` (state per asset),
`channel` (lasting numbers), `tally` (exact counts), `meta`.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from domain.errors import StorageCorrupt, StorageError, StorageUnavailable
from domain.identifiers import AssetId, ChannelKey, ChannelName, SensorId
from storage.entries import EntryBody, EntryKind, Outcome, decode_body, decode_outcome, encode_body, encode_outcome

__all__ = ["Entry", "HeldMessage", "HopRow", "Journal", "JournalCommit", "JournalMovedError", "SnapshotRow"]

_SCHEMA_VERSION: Final = 1
_BUSY_TIMEOUT_S: Final = 10.0
# SQLite compares at most 32,766 variables in one statement; half of that leaves room for others.
_LOOKUP_CHUNK: Final = 16_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entry (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    body BLOB NOT NULL,
    outcome BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS entry_kind ON entry (kind, seq) WHERE kind IN ('register', 'decision');
CREATE TABLE IF NOT EXISTS channel (
    number INTEGER PRIMARY KEY,
    asset TEXT NOT NULL, sensor TEXT NOT NULL, channel TEXT NOT NULL,
    UNIQUE (asset, sensor, channel)
);
CREATE TABLE IF NOT EXISTS hop (
    asset TEXT NOT NULL, start_ns INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (asset, start_ns)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS arrival (hash BLOB PRIMARY KEY, received_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS held (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    gateway TEXT NOT NULL, asset TEXT NOT NULL, sensor TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE, topic TEXT NOT NULL, payload BLOB NOT NULL, received_ns INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS held_sender ON held (asset, sensor, id);
CREATE TABLE IF NOT EXISTS part (
    topic TEXT NOT NULL, block TEXT NOT NULL, part INTEGER NOT NULL,
    payload BLOB NOT NULL, received_ns INTEGER NOT NULL,
    PRIMARY KEY (topic, block, part)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshot (asset TEXT PRIMARY KEY, seq INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tally (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""


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


@dataclass(frozen=True, slots=True)
class HopRow:
    """Readings of one closed hop of one asset, packed by the caller."""

    asset: AssetId
    start_ns: int
    body: bytes


@dataclass(frozen=True, slots=True)
class HeldMessage:
    """A sound message of a sender that the register does not know."""

    gateway: str
    asset: str
    sensor: str
    hash: bytes
    topic: str
    payload: bytes
    received_ns: int
    id: int = 0


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """State of one asset as it was after entry `seq`."""

    asset: AssetId
    seq: int
    body: bytes


@dataclass(frozen=True, slots=True)
class JournalCommit:
    """All that is written together, or not at all.

    Attributes
    ----------
    applied_seq : int
        The last entry that the writer has applied; a newer one in the file stops the commit.
    arrivals : sequence of (hash, received_ns)
        Hashes of messages whose readings have no usable time of their own.
    released : sequence of int
        `HeldMessage.id` that this entry takes out of quarantine.
    tally : mapping of str to int
        What is added to the exact counts.
    """

    body: EntryBody
    kind: EntryKind
    outcome: Outcome
    applied_seq: int
    hops: Sequence[HopRow] = ()
    held: Sequence[HeldMessage] = ()
    released: Sequence[int] = ()
    arrivals: Sequence[tuple[bytes, int]] = ()
    parts: Sequence[tuple[str, str, int, bytes, int]] = ()
    used_parts: Sequence[tuple[str, str]] = ()
    tally: Mapping[str, int] = field(default_factory=dict)


class Journal:
    """One connection to the journal file; every process and thread opens its own.

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

    def __init__(self, path: Path) -> None:
        self.path = path
        # One connection serves one thread at a time; the lock makes a mistake slow instead of wrong.
        self._lock = threading.RLock()
        with _translated(path):
            self._db = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
            if version > _SCHEMA_VERSION:
                raise StorageCorrupt(
                    f"journal {path.name} has version {version}, expected at most {_SCHEMA_VERSION}; "
                    "it was written by a newer Schouw: install that version"
                )
            if version < _SCHEMA_VERSION:
                self._db.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}PRAGMA user_version={_SCHEMA_VERSION};COMMIT;")

    def close(self) -> None:
        """Close the connection; what was committed stays."""
        with self._lock:
            self._db.close()

    # Entries ---------------------------------------------------------------------------------

    def last_seq(self) -> int:
        """Give the sequence of the newest entry; 0 when there is none."""
        with self._reading():
            row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'entry'").fetchone()
            return int(row[0]) if row else 0

    def applied_seq(self) -> int:
        """Give the sequence up to which the ingest process has applied entries and written outcomes."""
        return self._meta("applied_seq")

    def entries(self, *, after: int, upto: int | None = None, limit: int = 1000) -> list[Entry]:
        """Read entries in order, those with `after < seq <= upto`."""
        with self._reading():
            rows = self._db.execute(
                "SELECT seq, kind, body, outcome FROM entry WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
                (after, upto if upto is not None else 2**62, limit),
            ).fetchall()
        return [Entry(seq, kind, decode_body(body), decode_outcome(outcome)) for seq, kind, body, outcome in rows]

    def newest(self, kind: EntryKind, *, before: int | None = None, limit: int = 1) -> list[Entry]:
        """Read the newest entries of a rare kind, newest first."""
        with self._reading():
            rows = self._db.execute(
                "SELECT seq, kind, body, outcome FROM entry WHERE kind = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
                (kind, before if before is not None else 2**62, limit),
            ).fetchall()
        return [Entry(seq, kind, decode_body(body), decode_outcome(outcome)) for seq, kind, body, outcome in rows]

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
            row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'entry'").fetchone()
            if row is not None and row[0] != commit.applied_seq:
                raise JournalMovedError(
                    f"journal is at entry {row[0]}, expected {commit.applied_seq}; apply what came in between first"
                )
            seq = self._insert(db, commit.kind, body, outcome)
            db.executemany("INSERT OR REPLACE INTO hop VALUES (?, ?, ?)", _hop_rows(commit.hops))
            db.executemany(
                "INSERT OR IGNORE INTO held (gateway, asset, sensor, hash, topic, payload, received_ns) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(m.gateway, m.asset, m.sensor, m.hash, m.topic, m.payload, m.received_ns) for m in commit.held],
            )
            db.executemany("DELETE FROM held WHERE id = ?", [(row_id,) for row_id in commit.released])
            db.executemany("INSERT OR IGNORE INTO arrival VALUES (?, ?)", commit.arrivals)
            db.executemany("DELETE FROM part WHERE topic = ? AND block = ?", commit.used_parts)
            db.executemany("INSERT OR IGNORE INTO part VALUES (?, ?, ?, ?, ?)", commit.parts)
            self._add_tally(db, commit.tally)
            self._set_meta(db, "applied_seq", seq)
        return seq

    def append(self, kind: EntryKind, body: EntryBody) -> int:
        """Write an entry from outside the ingest process; its outcome follows when it is applied."""
        data = encode_body(body)
        with self.transaction() as db:
            return self._insert(db, kind, data, b"")

    def record_outcome(self, seq: int, outcome: Outcome, *, tally: Mapping[str, int] | None = None) -> None:
        """Store what an entry from outside led to, and that it has been applied."""
        with self.transaction() as db:
            db.execute("UPDATE entry SET outcome = ? WHERE seq = ?", (encode_outcome(outcome), seq))
            self._add_tally(db, tally or {})
            self._set_meta(db, "applied_seq", seq)

    def prune(self, *, upto: int) -> int:
        """Remove batches and closings that are projected and covered by a snapshot; return how many.

        Decisions and registers stay: they are the log that people rely on.
        """
        with self.transaction() as db:
            return db.execute("DELETE FROM entry WHERE seq <= ? AND kind IN ('batch', 'closing')", (upto,)).rowcount

    # Channels --------------------------------------------------------------------------------

    def number_channels(self, keys: Iterable[ChannelKey]) -> dict[ChannelKey, int]:
        """Give every channel its lasting number, a new one where it has none yet."""
        wanted = sorted(set(keys))
        with self.transaction() as db:
            db.executemany("INSERT OR IGNORE INTO channel (asset, sensor, channel) VALUES (?, ?, ?)", wanted)
        return {key: number for key, number in self.channels().items() if key in set(wanted)}

    def channels(self) -> dict[ChannelKey, int]:
        """Give the number of every channel that ever had one."""
        with self._reading():
            rows = self._db.execute("SELECT asset, sensor, channel, number FROM channel").fetchall()
        return {
            ChannelKey(AssetId(asset), SensorId(sensor), ChannelName(channel)): int(number)
            for asset, sensor, channel, number in rows
        }

    # Hops, arrivals, quarantine, parts --------------------------------------------------------

    def hops(self, keys: Sequence[tuple[AssetId, int]]) -> list[HopRow]:
        """Read the closed hops among `(asset, start_ns)`; those that are not there are left out."""
        found: list[HopRow] = []
        with self._reading():
            for asset, start_ns in keys:
                row = self._db.execute(
                    "SELECT body FROM hop WHERE asset = ? AND start_ns = ?", (asset, start_ns)
                ).fetchone()
                if row is not None:
                    found.append(HopRow(asset, start_ns, row[0]))
        return found

    def known_arrivals(self, hashes: Sequence[bytes]) -> set[bytes]:
        """Tell which of these hashes were stored before, as arrivals or as held messages."""
        known: set[bytes] = set()
        with self._reading():
            for first in range(0, len(hashes), _LOOKUP_CHUNK):
                chunk = hashes[first : first + _LOOKUP_CHUNK]
                marks = ",".join("?" * len(chunk))
                for table in ("arrival", "held"):
                    query = f"SELECT hash FROM {table} WHERE hash IN ({marks})"  # noqa: S608 -- no outside text in it
                    known.update(row[0] for row in self._db.execute(query, chunk))
        return known

    def held(self, senders: Iterable[tuple[str, str]], *, limit: int = 10_000) -> list[HeldMessage]:
        """Read held messages of some (asset, sensor), oldest first."""
        found: list[HeldMessage] = []
        with self._reading():
            for asset, sensor in senders:
                rows = self._db.execute(
                    "SELECT gateway, asset, sensor, hash, topic, payload, received_ns, id FROM held "
                    "WHERE asset = ? AND sensor = ? ORDER BY id LIMIT ?",
                    (asset, sensor, limit - len(found)),
                ).fetchall()
                found.extend(HeldMessage(*row) for row in rows)
                if len(found) >= limit:
                    break
        return found

    def held_senders(self) -> list[tuple[str, str]]:
        """List the (asset, sensor) for which messages are held."""
        with self._reading():
            return [(a, s) for a, s in self._db.execute("SELECT DISTINCT asset, sensor FROM held ORDER BY 1, 2")]

    def parts(self, topic: str, block: str) -> list[tuple[int, bytes, int]]:
        """Read the stored parts of a split waveform as (part, payload, received_ns)."""
        with self._reading():
            rows = self._db.execute(
                "SELECT part, payload, received_ns FROM part WHERE topic = ? AND block = ? ORDER BY part",
                (topic, block),
            )
            return [(int(part), payload, int(received)) for part, payload, received in rows]

    def old_parts(self, *, received_before_ns: int) -> list[tuple[str, str, list[int], int]]:
        """List blocks whose first part came before a time, as (topic, block, parts that are there, first arrival)."""
        with self._reading():
            rows = self._db.execute(
                "SELECT topic, block, group_concat(part), min(received_ns) FROM part "
                "GROUP BY topic, block HAVING min(received_ns) < ? ORDER BY topic, block",
                (received_before_ns,),
            ).fetchall()
        return [
            (topic, block, sorted(int(part) for part in parts.split(",")), int(first))
            for topic, block, parts, first in rows
        ]

    def tally(self) -> dict[str, int]:
        """Give the exact counts of all that was ever committed."""
        with self._reading():
            return {name: int(value) for name, value in self._db.execute("SELECT name, value FROM tally ORDER BY name")}

    # Snapshots -------------------------------------------------------------------------------

    def snapshot_seq(self) -> int:
        """Give the sequence that all snapshots cover: an asset without a newer one had not changed."""
        return self._meta("snapshot_seq")

    def snapshots(self) -> list[SnapshotRow]:
        """Read the newest snapshot of every asset."""
        with self._reading():
            rows = self._db.execute("SELECT asset, seq, body FROM snapshot ORDER BY asset").fetchall()
        return [SnapshotRow(AssetId(asset), int(seq), body) for asset, seq, body in rows]

    def save_snapshots(self, rows: Iterable[tuple[AssetId, bytes]], *, seq: int) -> None:
        """Store the state of the assets that changed since the last snapshot, all as of entry `seq`."""
        with self.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?)", ((asset, seq, body) for asset, body in rows)
            )
            self._set_meta(db, "snapshot_seq", seq)

    # Health ----------------------------------------------------------------------------------

    def check(self) -> list[str]:
        """Let SQLite look for damage; an empty list means that it found none."""
        try:
            with self._reading():
                rows = [str(row[0]) for row in self._db.execute("PRAGMA quick_check(20)")]
        except StorageCorrupt as error:
            return [str(error)]
        return [] if rows == ["ok"] else rows

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the one write lock of the file; commits at the end, or undoes everything on an error."""
        with self._lock, _translated(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        with self._lock, _translated(self.path):
            yield

    def _meta(self, key: str) -> int:
        with self._reading():
            row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
            return int(row[0]) if row else 0

    @staticmethod
    def _insert(db: sqlite3.Connection, kind: EntryKind, body: bytes, outcome: bytes) -> int:
        cursor = db.execute("INSERT INTO entry (kind, body, outcome) VALUES (?, ?, ?)", (kind, body, outcome))
        return int(cursor.lastrowid or 0)

    @staticmethod
    def _set_meta(db: sqlite3.Connection, key: str, value: int) -> None:
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    @staticmethod
    def _add_tally(db: sqlite3.Connection, tally: Mapping[str, int]) -> None:
        db.executemany(
            "INSERT INTO tally VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
            [(name, count) for name, count in sorted(tally.items()) if count],
        )


def _hop_rows(hops: Sequence[HopRow]) -> Iterator[tuple[str, int, bytes]]:
    return ((hop.asset, hop.start_ns, hop.body) for hop in hops)


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, split by what helps."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StorageUnavailable(
            f"journal {path.name}: got {error}; free the disk or the lock, then it goes on by itself"
        ) from error
    except sqlite3.DatabaseError as error:
        raise StorageCorrupt(
            f"journal {path.name}: got {error}; stop, run `schouw doctor`, and restore a backup"
        ) from error
