"""What the journal keeps beside its entries, written in the same transactions.

`channel` (lasting numbers), `hop` (readings of closed hops: the memory of keys that outlives entries, and
what a re-scoring needs), `late_hop` (what came for a hop after it had closed), `checkpoint` (state of an asset at
the end of a day: where a re-scoring begins), `arrival` (hashes of messages that were refused, whose readings have
no usable time or one that is not believed yet, and of parts that became a waveform), `held` (messages of unknown
senders), `part` (parts of waveforms that are not whole yet), `refusal_hour` (counts of refusals that are not written
down one by one), `tally` (exact counts), `person` (names and keys of those who decided, see `storage.persons`), `once`
(hashes of requests that must not be carried out twice). The table of snapshots is in `storage.snapshot_table`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from domain.identifiers import AssetId, ChannelKey, ChannelName, SensorId
from storage.row_checksum import check_row, is_as_written, row_checksum
from storage.snapshot_table import SnapshotTable

__all__ = ["CheckpointRow", "HeldMessage", "HopRow", "JournalTables", "RefusalHour", "SideRows"]

# SQLite compares at most 32,766 variables in one statement; half of that leaves room for others.
_LOOKUP_CHUNK: Final = 16_000
_HELD_BYTES: Final = 16 * 2**20


@dataclass(frozen=True, slots=True)
class HopRow:
    """Readings of one closed hop of one asset, packed by the caller."""

    asset: AssetId
    start_ns: int
    body: bytes


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """State of one asset as it was when its hops up to `at_ns`, event time, had been stepped."""

    asset: AssetId
    at_ns: int
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


class RefusalHour(NamedTuple):
    """How often one thing was refused on one topic in an hour.

    Attributes
    ----------
    hash : bytes
        Names topic and reason.
    start_ns : int
        When the hour began, by times of arrival.
    told, more : int
        Refusals written down each, and those that are only counted here.
    last_ns : int
        When the newest of them came.
    """

    hash: bytes
    topic: str
    code: str
    reason: str
    start_ns: int
    told: int
    more: int
    last_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SideRows:
    """Rows of the side tables that are written with an entry.

    Attributes
    ----------
    late : sequence of HopRow
        What came for hops that were closed before.
    released : sequence of int
        `HeldMessage.id` that leave the quarantine.
    arrivals : sequence of (hash, received_ns)
        Messages that are recognised by their bytes alone when they come again; the last stamp of its readings stands
        for the time of arrival where they have none of their own (`service.untimed`).
    parts : sequence of (topic, block, part, payload, received_ns)
        Parts of waveforms to keep; `block` names the waveform on its topic.
    used_parts : sequence of (topic, block)
        Waveforms whose kept parts go, because they are whole or given up.
    refusal_hours : sequence of RefusalHour
        Counts as they are from here on, in place of those of the same name.
    ended_hours : sequence of bytes
        `RefusalHour.hash` of counts that are written down and go.
    """

    hops: Sequence[HopRow] = ()
    late: Sequence[HopRow] = ()
    checkpoints: Sequence[CheckpointRow] = ()
    held: Sequence[HeldMessage] = ()
    released: Sequence[int] = ()
    arrivals: Sequence[tuple[bytes, int]] = ()
    parts: Sequence[tuple[str, str, int, bytes, int]] = ()
    used_parts: Sequence[tuple[str, str]] = ()
    refusal_hours: Sequence[RefusalHour] = ()
    ended_hours: Sequence[bytes] = ()


class JournalTables(SnapshotTable):
    """The side tables of one connection."""

    # Channels --------------------------------------------------------------------------------

    def number_channels(self, keys: Iterable[ChannelKey]) -> dict[ChannelKey, int]:
        """Give every channel its lasting number, a new one where it has none yet."""
        wanted = dict.fromkeys(keys)
        numbers = self._numbers()
        if not wanted.keys() <= numbers.keys():
            with self.transaction() as db:
                number = int(db.execute("SELECT coalesce(max(number), 0) FROM channel").fetchone()[0])
                known = {tuple(row) for row in db.execute("SELECT asset, sensor, channel FROM channel")}
                rows = [(number + place, *key) for place, key in enumerate(sorted(wanted.keys() - known), 1)]
                checked = [(*row, row_checksum(*row)) for row in rows]
                db.executemany("INSERT INTO channel VALUES (?, ?, ?, ?, ?)", checked)
            numbers = self._numbers()
        # The caller's own keys, which it has anyhow: what was read goes.
        return {key: numbers[key] for key in wanted}

    def channels(self) -> dict[ChannelKey, int]:
        """Give the number of every channel that ever had one."""
        return {
            ChannelKey(AssetId(asset), SensorId(sensor), ChannelName(channel)): number
            for (asset, sensor, channel), number in self._numbers().items()
        }

    def _numbers(self) -> dict[tuple[str, str, str], int]:
        """Give the number of every channel by plain keys, which equal those of `ChannelKey`."""
        with self.reading() as db:
            rows = db.execute("SELECT number, asset, sensor, channel, crc FROM channel").fetchall()
        for row in rows:
            if not is_as_written(row[-1], *row[:-1]):
                check_row(row[-1], f"number {row[0]} of a channel", *row[:-1])
        return {(asset, sensor, channel): int(number) for number, asset, sensor, channel, _ in rows}

    # Hops, arrivals, quarantine, parts --------------------------------------------------------

    def hops(self, keys: Sequence[tuple[AssetId, int]]) -> list[HopRow]:
        """Read the closed hops among `(asset, start_ns)`, what came late for them behind; some have no row."""
        found: list[HopRow] = []
        with self.reading() as db:
            for key in keys:
                rows = db.execute(
                    "SELECT start_ns, body, crc FROM hop WHERE asset = ? AND start_ns = ?", key
                ).fetchall()
                rows += db.execute(
                    "SELECT start_ns, seq, body, crc FROM late_hop WHERE asset = ? AND start_ns = ? ORDER BY seq", key
                )
                found += [_hop_row(key[0], row) for row in rows]
        return found

    def hop_range(self, asset: AssetId, *, from_ns: int, to_ns: int, before_seq: int) -> list[HopRow]:
        """Read the closed hops of one asset that start in [from_ns, to_ns).

        Parameters
        ----------
        before_seq : int
            What came late is read as far as it had come before this entry.
        """
        span = (asset, from_ns, to_ns)
        where = "WHERE asset = ? AND start_ns >= ? AND start_ns < ?"
        with self.reading() as db:
            rows = db.execute(f"SELECT start_ns, body, crc FROM hop {where}", span).fetchall()  # noqa: S608 -- a constant
            rows += db.execute(
                f"SELECT start_ns, seq, body, crc FROM late_hop {where} AND seq < ? ORDER BY start_ns, seq",  # noqa: S608
                (*span, before_seq),
            )
        return [_hop_row(asset, row) for row in rows]

    def checkpoint(self, asset: AssetId, *, at_most_ns: int, before_seq: int) -> CheckpointRow | None:
        """Read the newest checkpoint of an asset not after an event time, as it was before an entry."""
        with self.reading() as db:
            row = db.execute(
                "SELECT at_ns, seq, body, crc FROM checkpoint WHERE asset = ? AND at_ns <= ? AND seq < ? "
                "ORDER BY at_ns DESC, seq DESC LIMIT 1",
                (asset, at_most_ns, before_seq),
            ).fetchone()
        if row is None:
            return None
        at_ns, seq, body, crc = row
        check_row(crc, f"checkpoint of asset {asset!r} at {at_ns}", asset, at_ns, seq, body)
        return CheckpointRow(asset, int(at_ns), body)

    def known_arrivals(self, hashes: Sequence[bytes]) -> set[bytes]:
        """Tell which of these hashes were stored before as arrivals."""
        return self._known("SELECT hash FROM arrival WHERE hash IN ({})", hashes)

    def newest_arrival(self, *, after_ns: int, to_ns: int) -> int | None:
        """Give the newest time of an arrival in (after_ns, to_ns]; None when there is none."""
        with self.reading() as db:
            query = "SELECT max(received_ns) FROM arrival WHERE received_ns > ? AND received_ns <= ?"
            found: int | None = db.execute(query, (after_ns, to_ns)).fetchone()[0]
        return found

    def held_hashes(self, hashes: Sequence[bytes]) -> set[bytes]:
        """Tell which of these hashes are of messages that are held."""
        return self._known("SELECT hash FROM held WHERE hash IN ({})", hashes)

    def _known(self, query: str, hashes: Sequence[bytes]) -> set[bytes]:
        known: set[bytes] = set()
        with self.reading() as db:
            for first in range(0, len(hashes), _LOOKUP_CHUNK):
                some = hashes[first : first + _LOOKUP_CHUNK]
                known.update(row[0] for row in db.execute(query.format(",".join("?" * len(some))), some))
        return known

    def held(self, senders: Iterable[tuple[str, str]], *, limit: int = 10_000) -> list[HeldMessage]:
        """Read held messages of some (asset, sensor), oldest first, as many as one batch may have.

        Parameters
        ----------
        limit : int
            Messages at most; long payloads make it fewer, and at least one.
        """
        found: list[HeldMessage] = []
        size = 0
        with self.reading() as db:
            for asset, sensor in senders:
                rows = db.execute(
                    "SELECT gateway, asset, sensor, hash, topic, payload, received_ns, id FROM held "
                    "WHERE asset = ? AND sensor = ? ORDER BY id LIMIT ?",
                    (asset, sensor, limit - len(found)),
                )
                for row in rows:
                    message = HeldMessage(*row)
                    size += len(message.payload)
                    if found and size > _HELD_BYTES:
                        return found
                    found.append(message)
                if len(found) >= limit:
                    break
        return found

    def held_before(self, received_before_ns: int, *, limit: int = 500) -> list[HeldMessage]:
        """Read messages that were held before a moment, among the oldest `limit`."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT gateway, asset, sensor, hash, topic, payload, received_ns, id FROM held ORDER BY id LIMIT ?",
                (limit,),
            ).fetchall()
        return [message for message in (HeldMessage(*row) for row in rows) if message.received_ns < received_before_ns]

    def count_held_before(self, received_before_ns: int) -> int:
        """Count the messages that were held before a moment."""
        with self.reading() as db:
            query = "SELECT count(*) FROM held WHERE received_ns < ?"
            return int(db.execute(query, (received_before_ns,)).fetchone()[0])

    def held_senders(self) -> list[tuple[str, str]]:
        """List the (asset, sensor) for which messages are held."""
        with self.reading() as db:
            return [(a, s) for a, s in db.execute("SELECT DISTINCT asset, sensor FROM held ORDER BY 1, 2")]

    def parts(self, topic: str, block: str) -> list[tuple[int, bytes, int]]:
        """Read the stored parts of a split waveform as (part, payload, received_ns)."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT part, payload, received_ns FROM part WHERE topic = ? AND block = ? ORDER BY part",
                (topic, block),
            )
            return [(int(part), payload, int(received)) for part, payload, received in rows]

    def stale_bursts(self, *, received_before_ns: int, keep_bytes: int) -> list[tuple[str, str]]:
        """List as (topic, block) what should be given up, oldest first.

        Parameters
        ----------
        received_before_ns : int
            Bursts whose first part came before this are listed.
        keep_bytes : int
            Beyond so many bytes of payload in all, the oldest bursts are listed too.
        """
        with self.reading() as db:
            rows = db.execute(
                "SELECT topic, block, min(received_ns), sum(length(payload)) FROM part "
                "GROUP BY topic, block ORDER BY 3 DESC, 1 DESC, 2 DESC"
            ).fetchall()
        found: list[tuple[str, str]] = []
        kept = 0
        for topic, block, first_ns, size in rows:
            kept += size
            if first_ns < received_before_ns or kept > keep_bytes:
                found.append((topic, block))
        return found[::-1]

    def refusal_hours(self, names: Sequence[bytes]) -> list[RefusalHour]:
        """Read the counts of refusals that have these names."""
        found: list[RefusalHour] = []
        with self.reading() as db:
            for first in range(0, len(names), _LOOKUP_CHUNK):
                some = names[first : first + _LOOKUP_CHUNK]
                query = f"SELECT * FROM refusal_hour WHERE hash IN ({','.join('?' * len(some))})"  # noqa: S608 -- marks
                found += [_refusal_hour(row) for row in db.execute(query, some)]
        return found

    def refusal_hours_before(self, start_before_ns: int, *, limit: int = 500) -> list[RefusalHour]:
        """Read counts of refusals of hours that began before a moment, the oldest first."""
        with self.reading() as db:
            query = "SELECT * FROM refusal_hour WHERE start_ns < ? ORDER BY start_ns, hash LIMIT ?"
            return [_refusal_hour(row) for row in db.execute(query, (start_before_ns, limit))]

    def tally(self) -> dict[str, int]:
        """Give the exact counts of all that was ever committed."""
        with self.reading() as db:
            return {name: int(value) for name, value in db.execute("SELECT name, value FROM tally ORDER BY name")}

    def tally_with_standing(self) -> tuple[dict[str, int], int, int]:
        """Give the exact counts with the messages held and the parts kept, all at one moment."""
        with self.reading() as db:
            db.execute("BEGIN")
            try:
                tally = {name: int(value) for name, value in db.execute("SELECT name, value FROM tally ORDER BY name")}
                held, parts = (
                    int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 -- names of ours
                    for table in ("held", "part")
                )
            finally:
                db.execute("COMMIT")
        return tally, held, parts

    # Made anew -------------------------------------------------------------------------------

    def keep_again(self, rows: SideRows, *, seq: int) -> None:
        """Write hops and checkpoints as entry `seq` leaves them with the models of now.

        Raises
        ------
        StorageUnavailable
            If the journal cannot be written; nothing was.
        """
        with self.transaction() as db:
            self.write_side_rows(db, rows, seq)

    # Within a commit -------------------------------------------------------------------------

    @staticmethod
    def write_side_rows(db: sqlite3.Connection, rows: SideRows, seq: int) -> None:
        """Write what belongs to entry `seq`; what is taken out goes first, since a name may be used again."""
        db.executemany(
            "INSERT OR REPLACE INTO hop VALUES (?, ?, ?, ?)",
            [_checked(row.asset, row.start_ns, row.body) for row in rows.hops],
        )
        db.executemany(
            "INSERT INTO late_hop VALUES (?, ?, ?, ?, ?)",
            [_checked(row.asset, row.start_ns, seq, row.body) for row in rows.late],
        )
        db.executemany(
            "INSERT INTO checkpoint VALUES (?, ?, ?, ?, ?)",
            [_checked(row.asset, row.at_ns, seq, row.body) for row in rows.checkpoints],
        )
        db.executemany("DELETE FROM held WHERE id = ?", [(row_id,) for row_id in rows.released])
        db.executemany(
            "INSERT OR IGNORE INTO held (gateway, asset, sensor, hash, topic, payload, received_ns, crc) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [_checked(m.gateway, m.asset, m.sensor, m.hash, m.topic, m.payload, m.received_ns) for m in rows.held],
        )
        db.executemany("INSERT OR IGNORE INTO arrival VALUES (?, ?, ?)", [_checked(*row) for row in rows.arrivals])
        db.executemany("DELETE FROM part WHERE topic = ? AND block = ?", rows.used_parts)
        db.executemany("INSERT INTO part VALUES (?, ?, ?, ?, ?, ?)", [_checked(*row) for row in rows.parts])
        db.executemany("DELETE FROM refusal_hour WHERE hash = ?", [(name,) for name in rows.ended_hours])
        db.executemany(
            "INSERT OR REPLACE INTO refusal_hour VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [_checked(*row) for row in rows.refusal_hours],
        )

    @staticmethod
    def add_tally(db: sqlite3.Connection, tally: Mapping[str, int]) -> None:
        """Add to the exact counts within a transaction."""
        db.executemany(
            "INSERT INTO tally VALUES (:name, :count, row_checksum(:name, :count)) ON CONFLICT (name) DO UPDATE SET "
            "value = value + excluded.value, crc = row_checksum(name, value + excluded.value)",
            [{"name": name, "count": count} for name, count in sorted(tally.items()) if count],
        )


def _hop_row(asset: AssetId, row: tuple[Any, ...]) -> HopRow:
    """Check a row of (start_ns, body, crc), or of (start_ns, seq, body, crc) of what came late."""
    start_ns, *seq, body, crc = row
    check_row(crc, f"kept readings of asset {asset!r} from {start_ns}", asset, start_ns, *seq, body)
    return HopRow(asset, int(start_ns), body)


def _refusal_hour(row: tuple[Any, ...]) -> RefusalHour:
    """Check a whole row of counted refusals: a letter will say what stands there."""
    *values, crc = row
    check_row(crc, f"count of refusals on topic {values[1]!r}", *values)
    return RefusalHour(*values)


def _checked(*values: Any) -> tuple[Any, ...]:
    return (*values, row_checksum(*values))
