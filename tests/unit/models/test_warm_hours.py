"""What warmth does over a usual day, and what is guessed by it."""

from __future__ import annotations

import numpy as np
import pytest

from domain.arrays import FloatArray
from models.catalogue import HOUR_NS
from models.layout import DAY_HOURS
from models.warm_hours import follow_warm_hours, usual_warmth


def follow(beyond: list[float], *, hours: int, spoke: bool = True) -> FloatArray:
    """Follow one asset from midnight on, whose temperature is beyond the remembered one by these, over and over."""
    warm_hours = np.full((1, DAY_HOURS), np.nan)
    for hour in range(hours):
        warm_hours = follow_warm_hours(
            warm_hours,
            np.array([hour * HOUR_NS]),
            np.array([HOUR_NS]),
            beyond=np.array([beyond[hour % len(beyond)]]),
            spoke=np.array([spoke]),
        )
    return warm_hours


def guess(warm_hours: FloatArray, hour: int) -> float:
    return float(usual_warmth(warm_hours, np.array([hour * HOUR_NS]))[0])


def test_nothing_is_guessed_before_every_hour_was_heard() -> None:
    assert np.isnan(guess(follow([1.0], hours=DAY_HOURS - 1), 0))
    assert guess(follow([1.0], hours=DAY_HOURS), 0) == 0.0
    assert np.isnan(follow([1.0], hours=DAY_HOURS, spoke=False)).all()


def test_a_usual_day_comes_to_nought() -> None:
    """Else a memory that goes by it would climb for as long as a thermometer is silent."""
    course = [3.0 + 5.0 * float(np.sin(hour * 2 * np.pi / DAY_HOURS)) for hour in range(DAY_HOURS)]
    warm_hours = follow(course, hours=10 * DAY_HOURS)
    guessed = [guess(warm_hours, hour) for hour in range(DAY_HOURS)]
    assert sum(guessed) == pytest.approx(0.0, abs=1e-4)
    assert guessed == pytest.approx([value - 3.0 for value in course], abs=1e-4)


def test_days_that_differ_are_learnt_within_weeks_and_one_teaches_little() -> None:
    calm = follow([0.0], hours=DAY_HOURS)
    hot = calm
    shares = []
    for day in range(21):
        noon_ns = np.array([(24 * day + 12) * HOUR_NS])
        hot = follow_warm_hours(hot, noon_ns, np.array([HOUR_NS]), beyond=np.array([8.0]), spoke=np.array([True]))
        shares.append(float(hot[0, 12]) / 8.0)
    assert shares[0] == pytest.approx(1 / 7)
    assert shares[20] > 0.95
    assert calm[0, 12] == 0.0
