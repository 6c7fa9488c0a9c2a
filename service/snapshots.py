"""The live state as rows of the snapshot table, and back: a blob for each asset, the stream's clock and the fleet.

A restart reads them and applies the entries since; without them it would apply all entries there are.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from domain.arrays import ReadingColumns
from domain.errors import ShapeError, StorageCorrupt
from domain.identifiers import AssetId
from models.fleet import FleetMemory
from models.state import decode_state, encode_state
from service.alarm_book import AssetBook
from service.clock_alarms import restore_skews, skew_bytes
from service.live_state import FOREVER_NS, LiveState
from service.outcomes import pack, unpack
from storage.journal import SnapshotRow

__all__ = ["restore_snapshots", "take_snapshots"]

# Row of the snapshot table that holds the stream's own clock; no asset has an empty identifier.
_CLOCK_ROW: Final = AssetId("")
# And the one that holds what the second stage remembers of the fleet.
_FLEET_ROW: Final = AssetId(" ")


class _AssetSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """One asset as it stands: model, clocks and readings of open hops."""

    model: bytes
    first_ns: int
    frontier_ns: int
    progress_when_heard_ns: int
    numbers: bytes
    latest_ns: bytes
    open_readings: bytes
    reach_ns: int = 0
    claimed_ns: bytes = b""
    claims: bytes = b""
    held_readings: bytes = b""
    day_rows: list[tuple[int, bytes]] = []
    revise_ns: int = FOREVER_NS
    book: AssetBook = AssetBook()
    skews: list[bytes] = []
    jumped_ns: dict[str, int] = {}
    modes: bytes = b""


class _ClockSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """The stream's own progress."""

    progress_ns: int
    gateways_heard: int


def take_snapshots(live: LiveState) -> list[tuple[AssetId, bytes]]:
    """Write the state of the assets that changed since the last call, and what belongs to none of them.

    What changed is noted anew from here on.
    """
    catalogue, tracker = live.catalogue, live.tracker
    rows = live.rows_of(live.changed)
    blobs = encode_state(catalogue, live.state, rows) if len(rows) else []
    waiting = tracker.open_readings()
    owner = catalogue.asset_of_channel[tracker.rows_of(waiting.channel)]
    order = np.argsort(owner, kind="stable")
    edges = np.searchsorted(owner[order], [rows, rows + 1]) if len(rows) else np.empty((2, 0), np.int64)
    clock = _ClockSnapshot(tracker.clock.progress_ns, tracker.clock.gateways_heard)
    saved = [(_CLOCK_ROW, msgspec.msgpack.encode(clock)), (_FLEET_ROW, live.fleet.encode())]
    day_rows = live.days.encode()
    for row, blob, first, last in zip(rows.tolist(), blobs, edges[0].tolist(), edges[1].tolist(), strict=True):
        asset = catalogue.assets[row]
        mine = np.s_[catalogue.first_channel[row] : catalogue.first_channel[row + 1]]
        numbers = catalogue.channel_number[mine]
        snapshot = _AssetSnapshot(
            model=blob,
            first_ns=int(tracker.clock.first_ns[row]),
            frontier_ns=int(tracker.frontier_ns[row]),
            progress_when_heard_ns=int(tracker.clock.progress_when_heard_ns[row]),
            numbers=numbers.astype("<i4").tobytes(),
            latest_ns=tracker.clock.latest_ns[mine].astype("<i8").tobytes(),
            open_readings=pack(waiting.take(order[first:last])),
            reach_ns=int(tracker.clock.reach_ns[row]),
            claimed_ns=tracker.claims.claimed_ns[mine].astype("<i8").tobytes(),
            claims=tracker.claims.messages[mine].astype("<i4").tobytes(),
            held_readings=pack(tracker.claims.held(numbers)),
            day_rows=day_rows.get(asset, []),
            revise_ns=int(live.revise_ns[row]),
            book=live.books.get(asset, AssetBook()),
            skews=skew_bytes(live.skews, mine),
            jumped_ns=_jumps_of(live, numbers.tolist()) if live.jumped_ns else {},
            modes=live.modes.encode(asset),
        )
        saved.append((asset, msgspec.msgpack.encode(snapshot)))
    live.changed.clear()
    return saved


def _jumps_of(live: LiveState, numbers: list[int]) -> dict[str, int]:
    names = (f"{number}.{what}" for number in numbers for what in ("jump", "impossible"))
    return {name: live.jumped_ns[name] for name in names if name in live.jumped_ns}


def restore_snapshots(live: LiveState, rows: list[SnapshotRow], seq: int) -> None:
    """Read snapshots into a fresh state of the register that held at entry `seq`.

    Raises
    ------
    StorageCorrupt
        If a snapshot cannot be read.
    """
    waiting: list[ReadingColumns] = []
    for saved in rows:
        try:
            waiting.append(_restore_one(live, saved))
        except (msgspec.MsgspecError, ShapeError) as error:
            raise StorageCorrupt(
                f"snapshot of asset {saved.asset!r} cannot be read ({error}); restore a backup of the data folder"
            ) from error
    live.tracker.restore(ReadingColumns.concatenate(waiting))
    live.applied_seq = seq


def _restore_one(live: LiveState, saved: SnapshotRow) -> ReadingColumns:
    """Read one asset, the clock or the fleet; gives the readings of open hops, which go back all at once."""
    tracker = live.tracker
    if saved.asset == _CLOCK_ROW:
        clock = msgspec.msgpack.decode(saved.body, type=_ClockSnapshot)
        tracker.clock.progress_ns, tracker.clock.gateways_heard = clock.progress_ns, clock.gateways_heard
        return ReadingColumns.empty()
    if saved.asset == _FLEET_ROW:
        live.fleet = FleetMemory.decode(saved.body)
        return ReadingColumns.empty()
    row = live.row_of(saved.asset)
    if row is None:
        return ReadingColumns.empty()
    snapshot = msgspec.msgpack.decode(saved.body, type=_AssetSnapshot)
    decode_state(live.catalogue, live.state, row, snapshot.model)
    live.days = live.days.with_encoded(live.catalogue, row, snapshot.day_rows)
    tracker.clock.first_ns[row] = snapshot.first_ns
    tracker.frontier_ns[row] = snapshot.frontier_ns
    tracker.clock.progress_when_heard_ns[row] = snapshot.progress_when_heard_ns
    rows = tracker.rows_of(np.frombuffer(snapshot.numbers, "<i4").astype(np.int32))
    there = rows >= 0
    tracker.clock.latest_ns[rows[there]] = np.frombuffer(snapshot.latest_ns, "<i8").astype(np.int64)[there]
    tracker.clock.reach_ns[row] = snapshot.reach_ns
    live.revise_ns[row] = snapshot.revise_ns
    live.jumped_ns |= snapshot.jumped_ns
    if snapshot.skews:
        restore_skews(live.skews, rows, snapshot.skews)
    if snapshot.book != AssetBook():
        live.books[saved.asset] = snapshot.book
    live.modes.restore(saved.asset, snapshot.modes)
    if snapshot.claimed_ns:
        claimed = np.frombuffer(snapshot.claimed_ns, "<i8").astype(np.int64)
        messages = np.frombuffer(snapshot.claims, "<i4").astype(np.int32)
        held = unpack(snapshot.held_readings)
        held = held.take(tracker.rows_of(held.channel) >= 0)
        tracker.claims.restore(rows[there], claimed[there], messages[there], held)
    return unpack(snapshot.open_readings)
