"""Hops against a slow, obvious version: one reading at a time, plain dictionaries, no clock but the one handed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.arrays import IndexArray, ReadingColumns, ReadingFlag, TimeArray
from domain.errors import ShapeError
from domain.identifiers import AssetId, ChannelName, GatewayId, SensorId
from domain.register import Asset, AssetType, Channel, Direction, Register, Role
from models.catalogue import HOUR_NS, Catalogue, Summary
from models.compiling import compile_catalogue
from models.hop_clock import NEVER_NS, HopClock, StreamClock
from models.hops import Closing, HopTracker

DAY_NS = 24 * HOUR_NS
START_NS = 472_224 * HOUR_NS  # 2023-11-15T00:00Z
CHANNELS = {"a": ["vibration_peak", "vibration_rms"], "b": ["cycles", "temperature", "tilt"], "c": ["strain"]}
HOPS_NS = [HOUR_NS, 4 * HOUR_NS, DAY_NS]
GATEWAYS = [0, 0, 1, 1, 2, 2]


def catalogue_of(channels: dict[str, list[str]] = CHANNELS) -> Catalogue:
    rows = tuple(
        Channel(
            AssetId(asset),
            SensorId(name),
            ChannelName(name),
            "1",
            GatewayId("g"),
            3600.0,
            Role.CONDITION,
            Direction.UP,
        )
        for asset, names in channels.items()
        for name in names
    )
    register = Register(tuple(Asset(AssetId(name), name, AssetType.OTHER) for name in channels), rows)
    compiled = compile_catalogue(register, {row.key: 10 + 3 * place for place, row in enumerate(rows)})
    summary = np.array([place % 3 for place in range(len(rows))], np.int8)
    return replace(compiled, hop_ns=np.array(HOPS_NS[: len(channels)], np.int64), summary=summary)


CATALOGUE = catalogue_of()
OWNER = CATALOGUE.asset_of_channel.tolist()


def columns(rows: list[tuple[int, int, float]], *, flags: int = 0) -> ReadingColumns:
    """Make readings of (catalogue row, hours since the start, value)."""
    return ReadingColumns(
        CATALOGUE.channel_number[[row for row, _, _ in rows]].astype(np.int32),
        np.array([START_NS + hour * HOUR_NS // 2 for _, hour, _ in rows], np.int64),
        np.array([value for _, _, value in rows], np.float64),
        np.full(len(rows), flags, np.uint8),
    )


@dataclass
class PlainHops:
    """The oracle; hops are (start, asset)."""

    known: dict[tuple[int, int], float] = field(default_factory=dict)
    waiting: list[tuple[int, int, float]] = field(default_factory=list)
    frontier: dict[int, int] = field(default_factory=dict)
    first: dict[int, int] = field(default_factory=dict)

    def take(self, rows: list[tuple[int, int, float]]) -> list[str]:
        """Give for each (row, time_ns, value) what it is: new, late, duplicate or conflict."""
        found = []
        for row, time_ns, value in rows:
            asset = OWNER[row]
            hop = HOPS_NS[asset]
            before = self.known.get((row, time_ns))
            if before is not None:
                found.append("duplicate" if before == value else "conflict")
                continue
            self.known[row, time_ns] = value
            end = time_ns // hop * hop + hop
            if end <= self.frontier.get(asset, NEVER_NS):
                found.append("late")
            else:
                self.waiting.append((row, time_ns, value))
                found.append("new")
        for row, time_ns, _ in rows:
            if OWNER[row] not in self.frontier:
                self.first[OWNER[row]] = min(time_ns, self.first.get(OWNER[row], time_ns))
        return found

    def close(self, bound_ns: list[int], lateness_ns: int) -> list[tuple[int, int, dict[int, tuple[float, int]]]]:
        """Give the hops that close as (start, asset, summary and count by catalogue row), in order."""
        hops: dict[tuple[int, int], dict[int, list[tuple[int, float]]]] = {}
        for asset, first in self.first.items():
            hop = HOPS_NS[asset]
            begin = first // hop * hop
            reach = bound_ns[asset] - lateness_ns
            if reach < begin + hop:
                continue
            old = self.frontier.get(asset, begin)
            self.frontier[asset] = max(reach // hop * hop, self.frontier.get(asset, NEVER_NS))
            for end in range(old + hop, self.frontier[asset] + 1, hop):
                if end % DAY_NS == 0:
                    hops[end - hop, asset] = {}
        for row, time_ns, value in list(self.waiting):
            asset = OWNER[row]
            start = time_ns // HOPS_NS[asset] * HOPS_NS[asset]
            if start + HOPS_NS[asset] <= self.frontier.get(asset, NEVER_NS):
                self.waiting.remove((row, time_ns, value))
                hops.setdefault((start, asset), {}).setdefault(row, []).append((time_ns, value))
        return [
            (start, asset, {row: summary_of(row, values) for row, values in rows.items()})
            for (start, asset), rows in sorted(hops.items())
        ]


def summary_of(row: int, values: list[tuple[int, float]]) -> tuple[float, int]:
    ordered = [value for _, value in sorted(values)]
    kind = CATALOGUE.summary[row]
    if kind == Summary.LAST:
        return ordered[-1], len(ordered)
    if kind == Summary.MAX:
        return max(ordered), len(ordered)
    return sum(ordered) / len(ordered), len(ordered)


class Chain:
    """The tracker with the memory of closed hops that the journal is in the service."""

    def __init__(self) -> None:
        self.tracker = HopTracker(CATALOGUE, np.array(GATEWAYS, np.int32))
        self.memory: dict[tuple[int, int], list[ReadingColumns]] = {}

    def recall(self, assets: IndexArray, starts: TimeArray) -> ReadingColumns:
        keys = zip(assets.tolist(), starts.tolist(), strict=True)
        return ReadingColumns.concatenate([part for key in keys for part in self.memory.get(key, [])])

    def take(self, readings: ReadingColumns) -> list[str]:
        admission = self.tracker.admit(readings, self.recall)
        words = np.where(admission.conflict, "conflict", np.where(admission.duplicate, "duplicate", "new"))
        accepted = admission.accepted
        is_late = (accepted.flags & np.uint8(ReadingFlag.LATE)) != 0
        words[~admission.duplicate] = np.where(is_late, "late", "new")
        self.remember(accepted.take(is_late))
        self.tracker.take_in(accepted)
        return [str(word) for word in words]

    def remember(self, readings: ReadingColumns) -> None:
        rows = self.tracker.rows_of(readings.channel)
        for place, start in enumerate(self.tracker.hop_start(rows, readings.time_ns).tolist()):
            key = (OWNER[rows[place]], start)
            self.memory.setdefault(key, []).append(readings.take(slice(place, place + 1)))

    def close(self, bound_ns: TimeArray, lateness_ns: int) -> list[tuple[int, int, dict[int, tuple[float, int]]]]:
        closing = self.tracker.close(bound_ns, lateness_ns=lateness_ns)
        for closed in closing.rounds:
            self.remember(closed.readings)
        self.tracker.carry_out(closing)
        return sorted(hops_of(closing), key=lambda item: item[:2])


def hops_of(closing: Closing) -> list[tuple[int, int, dict[int, tuple[float, int]]]]:
    found = []
    starts = [int(closed.features.start_ns[0]) for closed in closing.rounds]
    assert starts == sorted(set(starts))  # in event-time order, each time once
    for closed in closing.rounds:
        at = 0
        for asset, start in zip(closed.assets.tolist(), closed.features.start_ns.tolist(), strict=True):
            rows = range(int(CATALOGUE.first_channel[asset]), int(CATALOGUE.first_channel[asset + 1]))
            features = closed.features
            values = {
                row: (float(features.value[at + place]), int(features.count[at + place]))
                for place, row in enumerate(rows)
                if features.valid[at + place]
            }
            assert (features.value[at : at + len(rows)][~features.valid[at : at + len(rows)]] == 0).all()
            at += len(rows)
            found.append((start, asset, values))
        assert at == len(closed.features.value)
    return found


readings_of_a_batch = st.lists(
    st.tuples(st.integers(0, len(OWNER) - 1), st.integers(0, 150), st.sampled_from([1.0, 2.5, -3.0, 4.25])), max_size=25
)
clock_of_a_closing = st.tuples(
    st.lists(st.integers(-5, 200), min_size=3, max_size=3), st.sampled_from([0, HOUR_NS, DAY_NS])
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(readings_of_a_batch, clock_of_a_closing), max_size=14))
def test_every_step_is_as_the_plain_version_says(steps: list[Any]) -> None:
    chain, plain = Chain(), PlainHops()
    for step in steps:
        if isinstance(step, tuple):
            bound = [START_NS + half_hours * HOUR_NS // 2 for half_hours in step[0]]
            found, expected = chain.close(np.array(bound, np.int64), step[1]), plain.close(bound, step[1])
            assert [item[:2] for item in found] == [item[:2] for item in expected]
            for (_, _, mine), (_, _, theirs) in zip(found, expected, strict=True):
                assert {row: count for row, (_, count) in mine.items()} == {row: n for row, (_, n) in theirs.items()}
                for row, (value, _) in theirs.items():
                    assert mine[row][0] == pytest.approx(value, rel=1e-12)
        else:
            given_rows = [(row, START_NS + hour * HOUR_NS // 2, value) for row, hour, value in step]
            assert chain.take(columns(step)) == plain.take(given_rows)
        assert chain.tracker.open_count() == len(plain.waiting)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(readings_of_a_batch, st.randoms(use_true_random=False), st.integers(1, 7))
def test_order_and_cutting_within_the_allowance_change_no_bit(
    rows: list[tuple[int, int, float]], generator: Any, size: int
) -> None:
    unique = list({(row, hour): (row, hour, value) for row, hour, value in rows}.values())
    shuffled = list(unique)
    generator.shuffle(shuffled)
    bound = np.full(3, START_NS + 40 * DAY_NS, np.int64)
    one, many = Chain(), Chain()
    one.take(columns(unique))
    for first in range(0, len(shuffled), size):
        many.take(columns(shuffled[first : first + size]))
    assert one.close(bound, 0) == many.close(bound, 0)
    assert np.array_equal(one.tracker.clock.latest_ns, many.tracker.clock.latest_ns)


def plain_bound(latest: dict[int, int], first: dict[int, int], heard: dict[int, int], progress: int, idle: int) -> Any:
    """How far each asset has come by the stream's own progress, one asset at a time."""
    found = []
    for asset in range(len(CHANNELS)):
        if asset not in first:
            found.append(NEVER_NS)
            continue
        rows = [row for row, owner in enumerate(OWNER) if owner == asset]
        newest = max(latest[row] for row in rows if row in latest)
        # Readings came one a message, so a channel that was never heard is not waited for.
        since = [latest[row] for row in rows if row in latest]
        slowest = min(time_ns for time_ns in since if time_ns >= newest - idle)
        carried = min(newest + max(progress - heard[asset], 0), max(newest, progress)) - idle
        found.append(max(slowest, carried))
    return found


@settings(max_examples=100, deadline=None)
@given(st.lists(readings_of_a_batch.filter(bool), max_size=8), st.sampled_from([HOUR_NS, DAY_NS, 3 * DAY_NS]))
def test_the_streams_own_clock_is_as_the_plain_version_says(batches: list[Any], idle: int) -> None:
    """The plain version takes one reading after the other, so where the stream is cut into batches changes nothing."""
    tracker = HopTracker(CATALOGUE, np.array(GATEWAYS, np.int32))
    latest: dict[int, int] = {}
    first: dict[int, int] = {}
    heard: dict[int, int] = {}
    of_gateway: dict[int, int] = {}
    progress = NEVER_NS
    for batch in batches:
        tracker.take_in(columns(batch), step_ns=idle)
        for row, half_hours, _ in batch:
            time_ns = START_NS + half_hours * HOUR_NS // 2
            latest[row] = max(latest.get(row, time_ns), time_ns)
            first[OWNER[row]] = min(first.get(OWNER[row], time_ns), time_ns)
            of_gateway[GATEWAYS[row]] = max(of_gateway.get(GATEWAYS[row], time_ns), time_ns)
            progress = max(progress, sorted(of_gateway.values())[len(of_gateway) // 2])
            heard[OWNER[row]] = progress
        assert tracker.clock.progress_ns == progress
        assert tracker.clock.gateways_heard == len(of_gateway)
        bound = tracker.clock.bound_by_stream(StreamClock(idle))
        assert bound.tolist() == plain_bound(latest, first, heard, progress, idle)


def test_by_the_walls_clock_the_streams_progress_is_told_behind_each_batch() -> None:
    tracker = HopTracker(CATALOGUE, np.array(GATEWAYS, np.int32))
    tracker.take_in(columns([(0, 0, 1.0), (2, 4, 1.0), (4, 2, 1.0)]))
    assert tracker.clock.progress_ns == START_NS + HOUR_NS
    tracker.take_in(columns([(0, 1, 1.0)]))
    assert tracker.clock.progress_ns == START_NS + HOUR_NS


def test_a_channel_that_was_never_heard_holds_its_asset_as_long_as_one_message_reaches() -> None:
    """A sensor that was registered and never spoke held all hops of its asset open for eight days."""
    tracker = HopTracker(CATALOGUE, np.array(GATEWAYS, np.int32))
    tracker.take_in(columns([(0, hour, 1.0) for hour in range(48)]))
    assert tracker.clock.bound_by_stream(StreamClock(8 * DAY_NS))[0] == START_NS + 47 * HOUR_NS // 2
    tracker.clock.reach_ns[0] = DAY_NS  # its messages bring a day: that of the other may be on its way
    assert tracker.clock.bound_by_stream(StreamClock(8 * DAY_NS))[0] == START_NS
    tracker.take_in(columns([(0, 49, 1.0)]))
    assert tracker.clock.bound_by_stream(StreamClock(8 * DAY_NS))[0] == START_NS + 49 * HOUR_NS // 2


def test_a_silent_channel_holds_its_asset_until_it_is_idle() -> None:
    tracker = HopTracker(CATALOGUE, np.array(GATEWAYS, np.int32))
    tracker.take_in(columns([(0, 0, 1.0), (1, 0, 1.0)]))
    tracker.take_in(columns([(0, 2 * hour, 1.0) for hour in range(1, 24)]))
    assert tracker.clock.bound_by_stream(StreamClock(DAY_NS))[0] == START_NS  # channel 1 may still send its day
    tracker.take_in(columns([(0, 2 * 25, 1.0)]))
    assert tracker.clock.bound_by_stream(StreamClock(DAY_NS))[0] == START_NS + 25 * HOUR_NS


def test_silence_is_noticed_at_the_end_of_each_day() -> None:
    chain = Chain()
    chain.take(columns([(0, 3, 1.0)]))
    found = chain.close(np.full(3, START_NS + 3 * DAY_NS, np.int64), 0)
    assert [(start - START_NS) // HOUR_NS for start, _, _ in found] == [1, 23, 47, 71]
    assert [len(values) for _, _, values in found] == [1, 0, 0, 0]


def test_readings_without_a_device_time_wait_in_no_hop_and_move_no_clock() -> None:
    chain = Chain()
    assert chain.take(columns([(0, 3, 1.0)], flags=ReadingFlag.BAD_CLOCK)) == ["new"]
    assert chain.tracker.open_count() == 0
    assert (chain.tracker.clock.latest_ns == NEVER_NS).all()


def test_looking_changes_nothing() -> None:
    chain = Chain()
    chain.take(columns([(0, 3, 1.0), (2, 9, 2.0)]))
    before = chain.tracker.open_readings()
    chain.tracker.admit(columns([(0, 3, 9.0), (1, 99, 1.0)]), chain.recall)
    chain.tracker.close(np.full(3, START_NS + 9 * DAY_NS, np.int64), lateness_ns=0)
    after = chain.tracker.open_readings()
    assert (before.value.tolist(), before.time_ns.tolist()) == (after.value.tolist(), after.time_ns.tolist())
    assert (chain.tracker.frontier_ns == NEVER_NS).all()


def test_the_newest_open_hop_is_each_assets_own() -> None:
    chain = Chain()
    chain.take(columns([(0, 2, 1.0), (0, 4, 2.0), (2, 2, 7.0)]))
    chain.take(columns([(0, 5, 4.0), (0, 1, 9.0)]))
    found = chain.tracker.newest_open(np.array([0, 1, 2], np.int32))
    assert found is not None
    assert found.assets.tolist() == [0, 1]  # nothing is known of the third
    assert ((found.features.start_ns - START_NS) // HOUR_NS).tolist() == [2, 0]
    assert found.features.value[0] == 4.0  # the last of its hop
    assert chain.tracker.newest_open(np.array([2], np.int32)) is None


def rebased(tracker: HopTracker, channels: dict[str, list[str]], numbers: Callable[[int], int]) -> HopTracker:
    catalogue = catalogue_of(channels)
    number = np.array([numbers(row) for row in range(len(catalogue.channels))], np.int32)
    return tracker.rebase(replace(catalogue, channel_number=number), np.zeros(len(number), np.int32))


def test_a_changed_register_keeps_what_is_still_there() -> None:
    chain = Chain()
    chain.take(columns([(0, 3, 1.0), (1, 3, 2.0), (2, 20, 3.0), (5, 4, 5.0)]))
    chain.close(np.array([START_NS + 2 * HOUR_NS, NEVER_NS, NEVER_NS], np.int64), 0)
    fewer = {"a": ["vibration_peak", "vibration_rms"], "b": ["cycles"]}
    after = rebased(chain.tracker, fewer, lambda row: 10 + 3 * row)
    assert after.frontier_ns.tolist() == [START_NS + 2 * HOUR_NS, NEVER_NS]
    assert after.clock.first_ns.tolist() == chain.tracker.clock.first_ns.tolist()[:2]
    assert after.clock.latest_ns.tolist() == chain.tracker.clock.latest_ns.tolist()[:3]
    assert after.open_readings().value.tolist() == [3.0]  # that of the asset which left is gone with it


def test_an_asset_whose_sensors_were_all_replaced_is_not_closed_to_the_end_of_time() -> None:
    """A new accelerometer under a new name left no channel to wait for: every hop closed, for ever."""
    chain = Chain()
    chain.take(columns([(5, hour, 1.0) for hour in range(8)]))
    fresh = rebased(chain.tracker, CHANNELS, lambda row: 10 + 3 * row if row < 5 else 99)
    bound = fresh.clock.bound_by_stream(StreamClock(DAY_NS))
    assert bound[2] == START_NS
    assert (bound <= START_NS + 8 * HOUR_NS).all()


def test_gateways_must_be_given_for_every_channel() -> None:
    with pytest.raises(ShapeError, match=r"gateway_of_channel has 2 rows, expected 6"):
        HopTracker(CATALOGUE, np.zeros(2, np.int32))
    assert HopClock(CATALOGUE, np.zeros(6, np.int32)).gateways_heard == 0
