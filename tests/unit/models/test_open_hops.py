"""A look at open hops against summarising all that waits anew."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.arrays import ReadingColumns
from models.hop_clock import NEVER_NS
from models.hop_summary import summarise
from models.hops import HopTracker
from models.open_hops import KEPT_STARTS, OpenHops, OpenSums
from tests.unit.models.test_hops import CATALOGUE, OWNER, columns

NOTHING = ReadingColumns.empty()
EVERYTHING = np.arange(len(CATALOGUE.assets), dtype=np.int32)


def _tracker() -> HopTracker:
    return HopTracker(CATALOGUE, np.zeros(len(CATALOGUE.channel_number), np.int32))


def _anew(readings: ReadingColumns, asset: int) -> tuple[int, list[float], list[int], int] | None:
    """Give start, values, counts and newest time of one asset's newest hop, as a hop that closes is summarised."""
    rows = _tracker().rows_of(readings.channel)
    hop = int(CATALOGUE.hop_ns[asset])
    mine = np.flatnonzero(CATALOGUE.asset_of_channel[rows] == asset)
    if not len(mine):
        return None
    start = int((readings.time_ns[mine] - readings.time_ns[mine] % hop).max())
    mine = mine[readings.time_ns[mine] >= start]
    mine = mine[np.lexsort((readings.time_ns[mine], rows[mine]))]
    found = summarise(
        CATALOGUE, np.array([asset], np.int32), start, rows[mine], readings.value[mine], readings.flags[mine]
    )
    return start, found.value.tolist(), found.count.tolist(), int(readings.time_ns[mine].max())


def _of(hops: OpenHops | None, asset: int) -> tuple[int, list[float], list[int], int] | None:
    if hops is None or asset not in hops.assets.tolist():
        return None
    place = hops.assets.tolist().index(asset)
    channels = [row for row in range(len(OWNER)) if OWNER[row] in hops.assets.tolist()]
    mine = [slot for slot, row in enumerate(channels) if OWNER[row] == asset]
    value, count = hops.features.value[mine].tolist(), hops.features.count[mine].tolist()
    return int(hops.features.start_ns[place]), value, count, int(hops.newest_ns[place])


_KEYS = st.lists(st.tuples(st.integers(0, len(OWNER) - 1), st.integers(0, 40)), unique=True, max_size=40)


@given(_KEYS, st.lists(st.integers(1, 8), min_size=1, max_size=6), st.integers(0, 2**32 - 1))
@settings(max_examples=150, deadline=None)
def test_looks_at_any_moment_see_what_a_closing_hop_would(
    keys: list[tuple[int, int]], cuts: list[int], seed: int
) -> None:
    generator = np.random.default_rng(seed)
    rows = [
        (row, hour, float(value)) for (row, hour), value in zip(keys, generator.normal(size=len(keys)), strict=True)
    ]
    tracker, at, turn = _tracker(), 0, 0
    while at < len(rows):
        more = columns(rows[at : at + cuts[turn % len(cuts)]])
        tracker.take_in(more)
        look = tracker.newest_open(EVERYTHING)
        at, turn = at + len(more), turn + 1
        for asset in EVERYTHING.tolist():
            expected = _anew(columns(rows[:at]), asset)
            found = _of(look, asset)
            if expected is None or found is None:
                assert found is expected
                continue
            assert (found[0], found[2], found[3]) == (expected[0], expected[2], expected[3])
            np.testing.assert_allclose(found[1], expected[1], rtol=1e-12, atol=1e-12)


def test_the_same_readings_give_the_same_bits_however_they_are_cut_and_looked_at() -> None:
    generator = np.random.default_rng(3)
    rows = [(row, hour, float(generator.normal())) for hour in range(30) for row in range(len(OWNER))]
    seen = []
    for size in (1, 7, len(rows)):
        tracker = _tracker()
        for at in range(0, len(rows), size):
            tracker.take_in(columns(rows[at : at + size]))
            if size == 7:
                tracker.newest_open(EVERYTHING)
        found = tracker.newest_open(EVERYTHING)
        assert found is not None
        seen.append((found.features.value.tobytes(), found.newest_ns.tobytes()))
    assert seen[0] == seen[1] == seen[2]


def test_what_closed_is_not_looked_at_again() -> None:
    tracker = _tracker()
    tracker.take_in(columns([(0, 0, 1.0), (0, 2, 5.0)]))
    assert tracker.newest_open(EVERYTHING) is not None
    hour = int(CATALOGUE.hop_ns[0])
    tracker.carry_out(tracker.close(np.full(3, int(columns([(0, 4, 0.0)]).time_ns[0]), np.int64), lateness_ns=0))
    assert tracker.open_count() == 0
    assert tracker.newest_open(EVERYTHING) is None
    tracker.take_in(columns([(0, 4, 2.0)]))
    found = tracker.newest_open(EVERYTHING)
    assert found is not None
    assert (found.features.count.tolist(), found.features.value.tolist()) == ([1, 0], [2.0, 0.0])
    assert int(found.features.start_ns[0]) % hour == 0


def test_an_asset_far_behind_the_others_is_found_and_little_is_remembered() -> None:
    tracker = _tracker()
    tracker.take_in(columns([(5, 0, 3.0)]))
    for hour in range(1, 4 * KEPT_STARTS):
        tracker.take_in(columns([(0, 2 * hour, 1.0)]))
    found = tracker.newest_open(EVERYTHING)
    assert found is not None
    assert found.assets.tolist() == [0, 2]
    assert len(tracker._sums._known) <= KEPT_STARTS
    assert (found.newest_ns > NEVER_NS).all()


def test_a_sum_that_overflows_is_no_value_and_no_warning() -> None:
    sums = OpenSums(2)
    sums.add(np.array([0, 0, 1], np.int32), np.array([1, 2, 1]), np.array([1e308, 1e308, 3.0]))
    assert not np.isfinite(sums.total[0])
    assert sums.total[1] == 3.0
