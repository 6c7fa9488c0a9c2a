"""Damage that has not begun counts in the chance of failure, as often as the fleet has shown, and in nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from models.degradation import LAGS
from models.joining import DAYS, Joined, begins_per_year, join_modes
from models.prognosis import LIFE_DAYS, History, look_ahead

RATE = np.array([0.01])
SOUND, DAMAGED = np.zeros(len(LAGS)), np.clip(0.6 - 0.004 * np.array(LAGS), 0.0, None)


def joined(seen: np.ndarray[tuple[int], np.dtype[np.float64]], begins: float) -> Joined:
    history = History(
        known=np.array([True]),
        severity=seen[:1],
        severity_sd=np.array([0.06]),
        instrument=np.zeros(1),
        seen=seen[np.newaxis],
        silent_days=np.zeros(1),
        onsets_per_day=np.array([1e-4]),
        is_open=np.array([bool(seen.any())]),
        scatter=np.ones(1),
    )
    return join_modes(look_ahead(history, DAYS), np.zeros(1, np.int32), RATE, begins)


def test_what_begins_later_fails_rarely_within_a_month_and_often_within_a_year() -> None:
    quiet, busy = joined(SOUND, 0.0), joined(SOUND, 0.3)
    later = busy.later[0, len(LIFE_DAYS) :]
    # Days on which it could begin, less the 250 that a life takes on average, within 30, 90 and 365 of them.
    days = np.array([30.0, 90.0, 365.0])
    could = days - 250.0 * (1.0 - np.exp(-days / 250.0))
    assert later.tolist() == pytest.approx((1.0 - np.exp(-0.3 / 365.25 * could)).tolist())
    assert later[0] < 0.002
    assert later[2] > 0.1
    survives = (1.0 - quiet.probability[0, :, 0]) * (1.0 - later)
    assert busy.probability[0, :, 0].tolist() == pytest.approx((1.0 - survives).tolist())
    assert (busy.probability[0, :, 1] <= busy.probability[0, :, 0]).all()
    assert (busy.probability[0, :, 0] <= busy.probability[0, :, 2]).all()


@pytest.mark.parametrize("seen", [SOUND, DAMAGED])
def test_what_a_repair_cannot_avert_is_in_no_plan_and_no_remaining_life(
    seen: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    quiet, busy = joined(seen, 0.0), joined(seen, 0.5)
    assert np.array_equal(quiet.unseen_per_day, busy.unseen_per_day)
    assert np.array_equal(quiet.avertable_90, busy.avertable_90)
    assert np.array_equal(quiet.life_days, busy.life_days, equal_nan=True)
    assert quiet.avertable_90[0] == quiet.probability[0, 1, 0]


def test_how_often_damage_begins_is_learnt_from_alarms_and_shrunk_to_the_class() -> None:
    def begins(alarms: float, years: float, relative: float = 1.0) -> float:
        return float(begins_per_year(RATE, np.array([relative]), np.array([[alarms, years]]))[0])

    assert begins(0.0, 0.0) == pytest.approx(0.01 * 2.0 / 3.0)
    assert begins(0.0, 300.0) < begins(0.0, 0.0)
    assert begins(60.0, 200.0) == pytest.approx((0.2 + 60.0) / 230.0)
    assert begins(60.0, 200.0, relative=2.0) == pytest.approx((0.2 + 120.0) / 230.0)


def test_an_asset_without_sensors_keeps_the_rate_of_its_class() -> None:
    none = History(
        known=np.empty(0, np.bool_),
        severity=np.empty(0),
        severity_sd=np.empty(0),
        instrument=np.empty(0),
        seen=np.empty((0, len(LAGS))),
        silent_days=np.empty(0),
        onsets_per_day=np.empty(0),
        is_open=np.empty(0, np.bool_),
        scatter=np.empty(0),
    )
    answer = join_modes(look_ahead(none, DAYS), np.empty(0, np.int32), RATE, 0.5)
    assert answer.probability[0, 2, 0] == pytest.approx(1.0 - np.exp(-0.01 / 365.25 * 365.0))
