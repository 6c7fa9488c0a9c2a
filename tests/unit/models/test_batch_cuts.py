"""However a stream is cut into batches, the same times are believed, as if each message came alone."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.arrays import ReadingColumns
from models.batch_cuts import Belief, cut_batch
from models.catalogue import HOUR_NS
from models.hops import HopTracker
from tests.unit.models.test_hops import CATALOGUE, DAY_NS, GATEWAYS, START_NS

BELIEF = Belief(step_ns=8 * DAY_NS, future_ns=366 * DAY_NS, sources=3)
# Hours between wrong times: none confirms another, and a stream of 500 days reaches none.
STRAY = 24 * 900


class Said(NamedTuple):
    """One message: the catalogue row of a channel, and hours since the start."""

    row: int
    hour: int


class Stream:
    """A tracker whose batches are cut first; what is told of each reading is whether it was believed at once."""

    def __init__(self) -> None:
        self.tracker = HopTracker(CATALOGUE, np.array(GATEWAYS, np.int32))
        self.flags: list[int] = []
        self.cuts = 0

    def take(self, messages: list[Said]) -> None:
        rows = np.array([item.row for item in messages], np.int32)
        time_ns = np.array([START_NS + item.hour * HOUR_NS for item in messages], np.int64)
        number = np.arange(len(messages), dtype=np.int32)
        claimed = self.tracker.claims.held()
        held = (self.tracker.rows_of(claimed.channel), claimed.time_ns)
        cuts = cut_batch(CATALOGUE, self.tracker.clock, rows, time_ns, number, BELIEF, held=held)
        self.cuts += len(cuts)
        for first, last in zip([0, *cuts], [*cuts, len(messages)], strict=True):
            self._take_part(rows[first:last], time_ns[first:last])

    def _take_part(self, rows: Any, time_ns: Any) -> None:
        clock = self.tracker.clock
        possible = time_ns <= BELIEF.latest_ns(clock.progress_ns, clock.gateways_heard)
        readings = ReadingColumns(
            CATALOGUE.channel_number[rows].astype(np.int32),
            time_ns,
            np.zeros(len(rows)),
            np.where(possible, 0, 1).astype(np.uint8),
        )
        number = np.arange(len(rows), dtype=np.int32)
        admission = self.tracker.admit(
            readings, lambda *_: ReadingColumns.empty(), message=number, step_ns=BELIEF.step_ns
        )
        self.tracker.take_in(admission.accepted, admission.claims, step_ns=BELIEF.step_ns)
        self.flags += admission.accepted.flags.tolist()

    def state(self) -> tuple[Any, ...]:
        clock = self.tracker.clock
        moved = (clock.latest_ns, clock.progress_when_heard_ns, clock.first_ns)
        return (*(column.tolist() for column in moved), clock.progress_ns, clock.gateways_heard, self.flags)


def run(messages: list[Said], sizes: list[int]) -> Stream:
    """Take the first messages one by one, since the stream begins with a claim, and the rest in batches."""
    stream = Stream()
    for item in messages[:6]:
        stream.take([item])
    rest, begin = messages[6:], 0
    while begin < len(rest):
        for size in sizes:
            if rest[begin : begin + size]:
                stream.take(rest[begin : begin + size])
            begin += size
    return stream


def a_stream(intervals: list[int], ends: list[int], strays: list[tuple[int, int]]) -> list[Said]:
    """Six channels that speak every so many days until they end, and times of other years in between."""
    said = [
        Said(row, 24 * day)
        for day in range(500)
        for row, (interval, end) in enumerate(zip(intervals, ends, strict=True))
        if day % interval == 0 and day <= end
    ]
    for number, (place, row) in enumerate(strays, 1):
        said.insert(6 + place % (len(said) - 6), Said(row, number * STRAY))
    return said


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from([4, 7, 9, 14, 30]), min_size=6, max_size=6),
    st.lists(st.integers(40, 499), min_size=6, max_size=6),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5)), max_size=4),
    st.lists(st.integers(1, 400), min_size=1, max_size=3),
)
@example([4, 4, 7, 14, 7, 7], [40, 40, 40, 406, 40, 40], [], [32])  # held, where a day earlier it were no time
def test_batches_believe_what_single_messages_do(
    intervals: list[int], ends: list[int], strays: list[tuple[int, int]], sizes: list[int]
) -> None:
    messages = a_stream(intervals, ends, strays)
    assert run(messages, sizes).state() == run(messages, [1]).state()


def test_a_sensor_that_speaks_every_month_is_cut_for_and_believed_at_once() -> None:
    stream = run(a_stream([1, 1, 1, 1, 1, 30], [60] * 6, []), [1000])
    assert stream.cuts == 2
    assert set(stream.flags[6:]) == {0}


def test_a_year_of_days_in_one_batch_is_cut_where_it_would_be_taken_for_a_fault() -> None:
    stream = run(a_stream([1] * 6, [499] * 6, []), [5000])
    assert stream.cuts == 1
    assert set(stream.flags[6:]) == {0}


def test_what_goes_on_hour_by_hour_is_not_cut_nor_for_a_clock_of_other_years() -> None:
    hours = [Said(row, hour) for hour in range(24 * 30) for row in range(5)]
    strays = [Said(5, number * STRAY) for number in range(1, 90)]
    whole = [*hours[:6], *(item for pair in zip(hours[6:95], strays, strict=True) for item in pair), *hours[95:]]
    stream = run(whole, [5000])
    assert stream.cuts == 0
    assert sum(flag != 0 for flag in stream.flags[6:]) == len(strays)
