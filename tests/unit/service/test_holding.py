"""How long hops stay open behind a connection; what the worker makes of it stands in `test_worker`."""

from __future__ import annotations

from service.holding import HopHold


def test_alarms_do_not_wait_for_an_ingest_that_is_too_slow_for_what_comes() -> None:
    hold = HopHold(8.0, 2000, by_stream=False, now=0.0)
    hold.begin(0.0)
    over = [second for second in range(2000) if hold.is_over(2000, float(second))]
    assert over == list(range(900, 2000))


def test_a_full_batch_later_on_holds_nothing() -> None:
    hold = HopHold(8.0, 2000, by_stream=False, now=0.0)
    hold.begin(0.0)
    assert hold.is_over(0, 8.0)
    assert hold.is_over(2000, 9.0)


def test_by_the_streams_clock_full_batches_hold_nothing() -> None:
    hold = HopHold(8.0, 2000, by_stream=True, now=0.0)
    hold.begin(0.0)
    assert not hold.is_over(0, 7.9)
    assert hold.is_over(2000, 8.0)


def test_what_waits_for_more_counts_from_the_end_of_the_backlog() -> None:
    hold = HopHold(8.0, 2000, by_stream=False, now=0.0)
    hold.begin(0.0)
    assert not hold.is_over(2000, 99.0, for_s=60.0)
    assert hold.is_over(0, 100.0)
    assert not hold.is_over(0, 159.0, for_s=60.0)
    assert hold.is_over(0, 160.0, for_s=60.0)


def test_hops_stay_open_while_the_broker_sends_again() -> None:
    hold = HopHold(8.0, 2000, by_stream=True, now=0.0)
    assert hold.is_over(10, 100.0)
    hold.hear_again(101.0)
    hold.hear_again(106.0)
    assert not hold.is_over(10, 113.9)
    assert hold.is_over(10, 114.0)


def test_what_is_sent_again_behind_a_new_connection_is_waited_for_too() -> None:
    """A connection that was made more than a minute before counted as a minute of sending again, and hops closed."""
    hold = HopHold(8.0, 2000, by_stream=True, now=0.0)
    hold.begin(1000.0)
    over = []
    for second in range(1001, 1100):
        hold.hear_again(float(second))
        if hold.is_over(2000, float(second)):
            over.append(second)
    assert over == [1068]


def test_a_broker_that_sends_again_without_an_end_lets_hops_close_each_minute() -> None:
    hold = HopHold(8.0, 2000, by_stream=True, now=0.0)
    over = []
    for second in range(100, 400):
        hold.hear_again(float(second))
        if hold.is_over(2000, float(second)):
            over.append(second)
    assert over == [168, 237, 306, 375]


def test_by_the_walls_clock_what_comes_again_is_no_reason_to_wait() -> None:
    hold = HopHold(8.0, 2000, by_stream=False, now=0.0)
    hold.hear_again(101.0)
    assert hold.is_over(10, 101.0)
