"""Times that run ahead are believed when their source says the same again, and not before."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.arrays import ReadingColumns, ReadingFlag
from models.catalogue import HOUR_NS
from models.hop_clock import NEVER_NS
from models.hops import HopTracker
from tests.unit.models.test_hops import CATALOGUE, DAY_NS, GATEWAYS, START_NS

STEP_NS = 8 * DAY_NS


class Stream:
    """A tracker fed with messages of (catalogue row, hours since the start) by the stream's clock."""

    def __init__(self) -> None:
        self.tracker = HopTracker(CATALOGUE, np.array(GATEWAYS, np.int32))

    def take(self, *messages: list[tuple[int, int]]) -> list[bool]:
        """Take messages in one batch, and tell which readings only claimed their time."""
        rows = [(row, hour, number) for number, message in enumerate(messages) for row, hour in message]
        readings = ReadingColumns(
            CATALOGUE.channel_number[[row for row, _, _ in rows]].astype(np.int32),
            np.array([START_NS + hour * HOUR_NS for _, hour, _ in rows], np.int64),
            np.array([float(hour) for _, hour, _ in rows], np.float64),
            np.zeros(len(rows), np.uint8),
        )
        message = np.array([number for _, _, number in rows], np.int32)
        admission = self.tracker.admit(readings, lambda *_: ReadingColumns.empty(), message=message, step_ns=STEP_NS)
        self.tracker.take_in(admission.accepted, admission.claims, step_ns=STEP_NS)
        return [bool(flags & ReadingFlag.CLAIMED) for flags in admission.accepted.flags.tolist()]

    def latest(self, row: int) -> float | None:
        time_ns = int(self.tracker.clock.latest_ns[row])
        return None if time_ns == NEVER_NS else (time_ns - START_NS) / HOUR_NS

    def waiting(self) -> list[float]:
        """Give the values that wait in open hops, those held left out."""
        return sorted(self.tracker.open_readings().value.tolist())


FAR = 24 * 365 * 230


def test_one_reading_from_another_century_moves_nothing() -> None:
    stream = Stream()
    stream.take([(0, 0)], [(1, 0)], [(0, 1)])
    assert stream.take([(0, FAR)]) == [True]
    assert (stream.latest(0), stream.tracker.clock.progress_ns) == (1, START_NS + HOUR_NS)
    assert stream.take([(0, 2)], [(0, 3)]) == [False, False]
    assert (stream.latest(0), stream.tracker.claims.held_count()) == (3, 1)


def test_the_first_message_of_a_stream_is_believed_with_the_second_that_agrees() -> None:
    stream = Stream()
    assert stream.take([(0, FAR)]) == [True]
    assert stream.take([(2, 5)]) == [True]  # who is right?
    assert stream.take([(4, 6)]) == [False]
    assert (stream.latest(0), stream.latest(2), stream.latest(4)) == (None, 5, 6)
    assert stream.waiting() == [5.0, 6.0]


def test_a_step_takes_three_messages_in_a_row_and_then_counts_from_the_first() -> None:
    stream = Stream()
    stream.take([(0, 0)], [(0, 1)])
    assert stream.take([(0, 9000)], [(0, 9001)]) == [True, True]
    assert stream.waiting() == [0.0, 1.0]
    assert stream.take([(0, 9002)]) == [False]
    assert stream.waiting() == [0.0, 1.0, 9000.0, 9001.0, 9002.0]
    assert stream.tracker.claims.held_count() == 0


def test_readings_of_one_message_share_its_clock_and_confirm_nothing() -> None:
    stream = Stream()
    stream.take([(0, 0)], [(0, 1)])
    assert all(stream.take([(0, 9000 + hour) for hour in range(168)]))
    assert stream.latest(0) == 1


def test_a_clock_that_goes_to_and_fro_is_never_believed() -> None:
    stream = Stream()
    stream.take([(0, 0)], [(0, 1)])
    for hour in range(2, 40):
        stream.take([(0, hour)], [(0, FAR + hour)])
    assert stream.latest(0) == 39
    assert stream.tracker.clock.progress_ns == START_NS + 39 * HOUR_NS


def test_random_times_are_held_one_at_a_time() -> None:
    stream = Stream()
    stream.take([(0, 0)], [(0, 1)])
    generator = np.random.default_rng(5)
    for hour in generator.integers(10_000, FAR, 200).tolist():
        stream.take([(0, int(hour))])
    assert stream.latest(0) == 1
    assert stream.tracker.claims.held_count() <= 3


def test_who_comes_back_after_months_is_where_the_others_are() -> None:
    stream = Stream()
    stream.take([(0, 0)], [(1, 0)], [(2, 0)])
    for day in range(1, 90):
        stream.take([(1, 24 * day)])
    assert stream.take([(0, 24 * 90)]) == [False]
    assert stream.take([(2, 24 * 90)]) == [False]  # of another asset, and another gateway


def test_a_claim_repeated_by_the_broker_confirms_nothing() -> None:
    stream = Stream()
    stream.take([(0, 0)], [(0, 1)])
    for _ in range(5):
        stream.take([(0, 9000)])
    assert stream.latest(0) == 1
    assert stream.tracker.claims.held_count() == 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0, 1, 2, 3, 5, 8, 200, 500, 501, 900])), max_size=4),
        max_size=14,
    ),
    st.integers(1, 14),
)
def test_what_a_snapshot_keeps_is_enough_to_go_on(messages: list[Any], cut: int) -> None:
    whole, halves = Stream(), Stream()
    for number, message in enumerate(messages):
        whole.take(message)
        halves.take(message)
        if number == cut:
            again = HopTracker(CATALOGUE, np.array(GATEWAYS, np.int32))
            halves.tracker = halves.tracker.rebase(CATALOGUE, again.clock.gateway)
    for name in ("latest_ns", "first_ns", "progress_ns"):
        assert np.array_equal(getattr(whole.tracker.clock, name), getattr(halves.tracker.clock, name))
    assert np.array_equal(whole.tracker.claims.messages, halves.tracker.claims.messages)
    assert np.array_equal(whole.tracker.claims.claimed_ns, halves.tracker.claims.claimed_ns)
    assert whole.waiting() == halves.waiting()
