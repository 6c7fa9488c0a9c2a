"""The live state as rows of the snapshot table, and back: two for each asset, the stream's clock and the fleet.

What an asset's readings change is small and changes all the time; its models are large, and change when hops close.

A restart reads them and applies the entries since; without them it would apply all entries there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec
import numpy as np

from domain.arrays import ReadingColumns
from domain.errors import ShapeError, StorageCorrupt
from domain.identifiers import AssetId
from models.fleet_memory import FleetMemory
from models.hop_clock import NEVER_NS
from models.state import decode_state, encode_state
from service.alarm_book import AssetBook
from service.clock_alarms import restore_skews, skew_bytes
from service.live_state import FOREVER_NS, LiveState
from service.outcomes import pack, unpack
from storage.journal import SnapshotRow

__all__ = ["models_rows", "readings_rows", "restore_readings", "restore_snapshots"]

# Of what belongs to no asset.
_NO_ASSET: Final = AssetId("")


class _Readings(msgspec.Struct, array_like=True, frozen=True):
    """What changes with the readings of one asset: clocks, readings of open hops, alarms."""

    first_ns: int
    frontier_ns: int
    progress_when_heard_ns: int
    numbers: bytes
    latest_ns: bytes
    open_readings: bytes
    reach_ns: int
    claimed_ns: bytes
    claims: bytes
    held_readings: bytes
    revise_ns: int
    book: AssetBook
    skews: list[bytes]
    jumped_ns: dict[str, int]
    modes: bytes
    anew_ns: int = NEVER_NS


class _Models(msgspec.Struct, array_like=True, frozen=True):
    """What changes when hops close: the models of one asset, and its days that wait for the second stage."""

    model: bytes
    day_rows: list[tuple[int, bytes]]


class _Whole(msgspec.Struct, array_like=True, frozen=True):
    """Both, as journals before version 6 have them."""

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
    anew_ns: int = NEVER_NS


class _ClockSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """The stream's own progress."""

    progress_ns: int
    gateways_heard: int


def readings_rows(live: LiveState, assets: Iterable[AssetId]) -> list[SnapshotRow]:
    """Write what belongs to no asset, and what changes with the readings of some assets."""
    catalogue, tracker = live.catalogue, live.tracker
    rows = live.rows_of(assets)
    waiting = tracker.open_readings()
    owner = catalogue.asset_of_channel[tracker.rows_of(waiting.channel)]
    order = np.argsort(owner, kind="stable")
    edges = np.searchsorted(owner[order], [rows, rows + 1]) if len(rows) else np.empty((2, 0), np.int64)
    clock = _ClockSnapshot(tracker.clock.progress_ns, tracker.clock.gateways_heard)
    found = [
        SnapshotRow(_NO_ASSET, "clock", msgspec.msgpack.encode(clock)),
        SnapshotRow(_NO_ASSET, "fleet", live.fleet.encode()),
    ]
    for row, first, last in zip(rows.tolist(), edges[0].tolist(), edges[1].tolist(), strict=True):
        asset = catalogue.assets[row]
        mine = np.s_[catalogue.first_channel[row] : catalogue.first_channel[row + 1]]
        numbers = catalogue.channel_number[mine]
        body = _Readings(
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
            revise_ns=int(live.revise_ns[row]),
            book=live.books.get(asset, AssetBook()),
            skews=skew_bytes(live.skews, mine),
            jumped_ns=_jumps_of(live, numbers.tolist()) if live.jumped_ns else {},
            modes=live.modes.encode(asset),
            anew_ns=int(live.anew_ns[row]),
        )
        found.append(SnapshotRow(asset, "readings", msgspec.msgpack.encode(body)))
    return found


def models_rows(live: LiveState, assets: Iterable[AssetId]) -> list[SnapshotRow]:
    """Write what changes when hops of some assets close."""
    rows = live.rows_of(assets)
    if not len(rows):
        return []
    names = [live.catalogue.assets[row] for row in rows.tolist()]
    days = live.days.encode(names)
    return [
        SnapshotRow(asset, "models", msgspec.msgpack.encode(_Models(blob, days.get(asset, []))))
        for asset, blob in zip(names, encode_state(live.catalogue, live.state, rows), strict=True)
    ]


def _jumps_of(live: LiveState, numbers: list[int]) -> dict[str, int]:
    names = (f"{number}.{what}" for number in numbers for what in ("jump", "impossible"))
    return {name: live.jumped_ns[name] for name in names if name in live.jumped_ns}


def restore_snapshots(live: LiveState, rows: list[SnapshotRow], seq: int) -> None:
    """Read a save into a fresh state of the register that held at entry `seq`.

    Raises
    ------
    StorageCorrupt
        If a snapshot cannot be read; `OtherModelVersion` if models of another version wrote it.
    """
    # Those of assets say of which version they are; what belongs to none has another layout then, perhaps.
    _restore(live, sorted(rows, key=lambda row: row.asset == _NO_ASSET), seq, _restore_one)


def restore_readings(live: LiveState, rows: list[SnapshotRow], seq: int) -> list[int]:
    """Read of a save what no model wrote: clocks, open hops, alarms; the models stay as they are.

    Returns
    -------
    list of int
        Ends of the days that waited for the second stage, ascending.

    Raises
    ------
    StorageCorrupt
        If a snapshot cannot be read.
    """
    days: set[int] = set()

    def restore_one(live: LiveState, saved: SnapshotRow) -> ReadingColumns:
        row = live.row_of(saved.asset)
        if saved.part == "fleet" or (saved.asset != _NO_ASSET and row is None):
            return ReadingColumns.empty()
        if saved.part == "models":
            days.update(day for day, _ in msgspec.msgpack.decode(saved.body, type=_Models).day_rows)
            return ReadingColumns.empty()
        if saved.part == "whole" and row is not None:
            whole = msgspec.msgpack.decode(saved.body, type=_Whole)
            days.update(day for day, _ in whole.day_rows)
            return _restore_readings(live, row, _readings_of(whole))
        return _restore_one(live, saved)

    _restore(live, rows, seq, restore_one)
    return sorted(days)


def _restore(
    live: LiveState, rows: list[SnapshotRow], seq: int, one: Callable[[LiveState, SnapshotRow], ReadingColumns]
) -> None:
    waiting: list[ReadingColumns] = []
    for saved in rows:
        try:
            waiting.append(one(live, saved))
        except (msgspec.MsgspecError, ShapeError) as error:
            raise StorageCorrupt(
                f"snapshot of asset {saved.asset!r} cannot be read ({error}); restore a backup of the data folder"
            ) from error
    live.tracker.restore(ReadingColumns.concatenate(waiting))
    live.applied_seq = seq


def _restore_one(live: LiveState, saved: SnapshotRow) -> ReadingColumns:
    """Read one row; gives the readings of open hops, which go back all at once."""
    decode = msgspec.msgpack.decode
    if saved.part == "clock":
        clock = decode(saved.body, type=_ClockSnapshot)
        live.tracker.clock.progress_ns, live.tracker.clock.gateways_heard = clock.progress_ns, clock.gateways_heard
        return ReadingColumns.empty()
    if saved.part == "fleet":
        live.fleet = FleetMemory.decode(saved.body)
        return ReadingColumns.empty()
    row = live.row_of(saved.asset)
    if row is None:
        return ReadingColumns.empty()
    if saved.part == "models":
        _restore_models(live, row, decode(saved.body, type=_Models))
        return ReadingColumns.empty()
    if saved.part == "readings":
        return _restore_readings(live, row, decode(saved.body, type=_Readings))
    whole = decode(saved.body, type=_Whole)
    _restore_models(live, row, _Models(whole.model, whole.day_rows))
    # The next save writes it in parts.
    live.note_change([saved.asset], of_models=True)
    return _restore_readings(live, row, _readings_of(whole))


def _readings_of(whole: _Whole) -> _Readings:
    return _Readings(**{name: getattr(whole, name) for name in _Readings.__struct_fields__})


def _restore_models(live: LiveState, row: int, saved: _Models) -> None:
    decode_state(live.catalogue, live.state, row, saved.model)
    live.days = live.days.with_encoded(live.catalogue, row, saved.day_rows)


def _restore_readings(live: LiveState, row: int, saved: _Readings) -> ReadingColumns:
    tracker, asset = live.tracker, live.catalogue.assets[row]
    tracker.clock.first_ns[row] = saved.first_ns
    tracker.frontier_ns[row] = saved.frontier_ns
    tracker.clock.progress_when_heard_ns[row] = saved.progress_when_heard_ns
    rows = tracker.rows_of(np.frombuffer(saved.numbers, "<i4").astype(np.int32))
    there = rows >= 0
    tracker.clock.latest_ns[rows[there]] = np.frombuffer(saved.latest_ns, "<i8").astype(np.int64)[there]
    tracker.clock.reach_ns[row] = saved.reach_ns
    live.revise_ns[row] = saved.revise_ns
    live.anew_ns[row] = saved.anew_ns
    live.jumped_ns |= saved.jumped_ns
    if saved.skews:
        restore_skews(live.skews, rows, saved.skews)
    if saved.book != AssetBook():
        live.books[asset] = saved.book
    live.modes.restore(asset, saved.modes)
    if saved.claimed_ns:
        claimed = np.frombuffer(saved.claimed_ns, "<i8").astype(np.int64)
        messages = np.frombuffer(saved.claims, "<i4").astype(np.int32)
        held = unpack(saved.held_readings)
        held = held.take(tracker.rows_of(held.channel) >= 0)
        tracker.claims.restore(rows[there], claimed[there], messages[there], held)
    return unpack(saved.open_readings)
