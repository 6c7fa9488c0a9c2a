"""Silence takes nothing back: a damage that was seen has gone on since."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.arrays import FloatArray
from domain.records import HORIZONS_DAYS
from models.degradation import LAGS
from models.joining import DAYS, join_modes
from models.prognosis import History, Outlook, look_ahead

LAG = np.array(LAGS, np.float64)
SILENT = np.array([0.0, 1.0, 20.0, 90.0, 400.0])


def ahead(seen: FloatArray, silent_days: FloatArray, *, instrument: float = 0.0, spread: float = 0.06) -> Outlook:
    """Look ahead from one history, at as many silences."""
    count = len(silent_days)
    history = History(
        known=np.ones(count, np.bool_),
        severity=np.full(count, seen[0]),
        severity_sd=np.full(count, spread),
        instrument=np.full(count, instrument),
        seen=np.tile(seen, (count, 1)),
        silent_days=silent_days,
        onsets_per_day=np.full(count, 1e-4),
        is_open=np.full(count, seen[0] > 0.3),
        scatter=np.ones(count),
    )
    return look_ahead(history, DAYS)


@given(
    st.floats(0.0, 1.5),
    st.floats(0.0005, 0.05),
    st.floats(0.03, 0.4),
    st.sampled_from([0.0, 0.3]),
)
def test_the_longer_it_is_silent_the_likelier_it_has_failed(
    level: float, pace: float, spread: float, instrument: float
) -> None:
    seen = np.clip(level - pace * LAG, 0.0, None)
    outlook = ahead(seen, SILENT, instrument=instrument, spread=spread)
    assert (np.diff(outlook.failed, axis=1) >= 0.0).all()
    assert (outlook.damaged == outlook.damaged[0]).all()
    assert (outlook.failed[0] <= outlook.damaged[:, np.newaxis] + 1e-12).all()
    assert (np.diff(outlook.level_sd) >= 0.0).all()


def test_a_failure_within_ninety_days_is_one_within_as_many_and_those_that_were_silent() -> None:
    seen = np.clip(0.5 - 0.004 * LAG, 0.0, None)
    (heard,), (silent,) = (ahead(seen, np.array([days])).failed[0, :, -3:] for days in (0.0, 60.0))
    horizon = HORIZONS_DAYS.index(30), HORIZONS_DAYS.index(90)
    assert heard[horizon[0]] < silent[horizon[0]]
    assert silent[horizon[0]] == pytest.approx(heard[horizon[1]])


def test_of_lives_that_may_have_ended_unseen_the_lower_end_is_now() -> None:
    seen = np.clip(0.6 - 0.004 * LAG, 0.0, None)
    outlook = ahead(seen, np.array([0.0, 120.0]))
    lives = join_modes(outlook, np.arange(2, dtype=np.int32), np.array([0.01, 0.01]), 0.0).life_days
    assert lives[0, 0] > 0.0
    assert lives[1, 0] == 0.0
    assert (lives[1] <= lives[0]).all()
