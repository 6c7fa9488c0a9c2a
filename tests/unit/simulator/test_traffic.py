from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from simulator.traffic import civil_clock, is_holiday, passage_shape, traffic_shape


def midnight_ns(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) * 10**9


def test_the_clock_is_that_of_amsterdam_with_summer_time() -> None:
    hour, _ = civil_clock(midnight_ns(2025, 3, 30), 3)
    assert hour.tolist() == [1, 3, 4]
    hour, day = civil_clock(midnight_ns(2025, 7, 1), 24)
    assert hour[0] == 2
    assert day[-1] == date(2025, 7, 2).toordinal()


@pytest.mark.parametrize(
    ("year", "month", "day"),
    [(2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2027, 3, 28), (2030, 4, 21)],
)
def test_easter_and_the_days_that_hang_on_it_are_holidays(year: int, month: int, day: int) -> None:
    easter = date(year, month, day)
    assert all(is_holiday(easter + timedelta(days=shift)) for shift in (0, 1, 39, 49, 50))
    assert not is_holiday(easter + timedelta(days=2))


def test_a_working_day_sums_to_one_and_has_two_peaks() -> None:
    shape = traffic_shape(midnight_ns(2025, 3, 10) - 3600 * 10**9, 24)  # a Monday by the civil clock
    assert shape.sum() == pytest.approx(1.0)
    assert shape[8] > 2 * shape[4]
    assert shape[17] > shape[12] > shape[3]


def test_sundays_and_holidays_are_quieter() -> None:
    days = traffic_shape(midnight_ns(2025, 4, 14) - 2 * 3600 * 10**9, 14 * 24).reshape(14, 24).sum(axis=1)
    assert days[6] == pytest.approx(0.70)  # Easter Sunday
    assert days[7] == pytest.approx(0.70)  # Easter Monday
    assert days[8] == pytest.approx(1.0)


def test_openings_average_one_share_a_day_and_rest_at_night() -> None:
    shape = passage_shape(midnight_ns(2025, 1, 1), 365 * 24)
    assert shape.sum() / 365 == pytest.approx(1.0, abs=0.02)
    assert shape.reshape(-1, 24)[:, 0].max() < 0.02
    months = shape.reshape(-1, 24).sum(axis=1)
    assert np.mean(months[181:212]) > 2.5 * np.mean(months[:31])
