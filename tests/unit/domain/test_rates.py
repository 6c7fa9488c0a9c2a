"""The interval of a counted rate, against sums of the Poisson distribution written out."""

from __future__ import annotations

import math

import pytest

from domain.rates import CONFIDENCE, counted_rate

TAIL = (1.0 - CONFIDENCE) / 2.0


def at_most(count: int, mean: float) -> float:
    """Chance of so many events or fewer."""
    return sum(math.exp(-mean) * mean**number / math.factorial(number) for number in range(count + 1))


@pytest.mark.parametrize("events", [0, 1, 2, 7, 30])
@pytest.mark.parametrize("years", [0.5, 231.5])
def test_at_each_end_what_was_counted_has_just_the_chance_of_a_tail(events: int, years: float) -> None:
    rate = counted_rate(events, years)
    assert rate is not None
    assert rate.low <= rate.value == events / years <= rate.high
    assert at_most(events, rate.high * years) == pytest.approx(TAIL)
    if events:
        assert 1.0 - at_most(events - 1, rate.low * years) == pytest.approx(TAIL)
    else:
        assert rate.low == 0.0


def test_without_time_there_is_no_rate() -> None:
    assert counted_rate(0, 0.0) is None
