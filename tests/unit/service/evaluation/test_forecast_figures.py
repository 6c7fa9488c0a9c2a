from __future__ import annotations

import numpy as np
import pytest

from service.evaluation.forecast_figures import grade_forecast, grade_life
from tests.unit.service.evaluation.cases import DAYS, alarm, asset, case, damage, truth

# Asset a fails on day 150: days 60 to 149 (by their ends) are followed by it within 90 days, days 1 to 59 are not.
FAILS = truth(damage("a", 50, 150), assets=[asset("a"), asset("b")])


def chances(before: float, near: float, sound: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    table = np.full((2, DAYS), sound)
    table[0] = np.where(np.arange(1, DAYS + 1) >= 60, near, before)
    return table


@pytest.mark.slow
def test_brier_skill_and_base_rate_are_those_of_the_definition() -> None:
    # 90 days with label 1, 59 of the same life with label 0, 199 of the sound one with label 0.
    figures = grade_forecast([case(FAILS, chance=chances(0.2, 0.7, 0.1))])
    base = 90 / (90 + 59 + 199)
    brier = (90 * 0.3**2 + 59 * 0.2**2 + 199 * 0.1**2) / (90 + 59 + 199)
    assert figures.base_rate == pytest.approx(base)
    assert figures.brier.value == pytest.approx(brier)
    assert figures.skill.value == pytest.approx(1 - brier / (base * (1 - base)))
    assert figures.answered == 1.0


def test_reliability_compares_stated_with_happened_bin_by_bin() -> None:
    figures = grade_forecast([case(FAILS, chance=chances(0.65, 0.7, 0.1))])
    assert [(b.low, b.days) for b in figures.reliability] == [(0.1, 199), (0.6, 149)]
    assert figures.reliability[1].stated == pytest.approx((59 * 0.65 + 90 * 0.7) / 149)
    assert figures.reliability[1].happened == pytest.approx(90 / 149)
    gap = abs(59 * 0.65 + 90 * 0.7 - 90) + 199 * 0.1
    assert figures.calibration_error.value == pytest.approx(gap / 348)


@pytest.mark.parametrize(
    ("stated", "auc"),
    [
        ((0.1, 0.9, 0.1), 1.0),
        ((0.9, 0.1, 0.9), 0.0),
        ((0.3, 0.3, 0.3), 0.5),
        ((0.5, 0.5, 0.1), (199 + 0.5 * 59) / 258),
    ],
)
def test_auc_is_the_chance_that_a_bad_day_ranks_above_a_good_one(
    stated: tuple[float, float, float], auc: float
) -> None:
    assert grade_forecast([case(FAILS, chance=chances(*stated))]).auc.value == pytest.approx(auc)


def test_the_base_rate_itself_has_no_skill() -> None:
    table = np.full((2, DAYS), 90 / 348)
    assert grade_forecast([case(FAILS, chance=table)]).skill.value == pytest.approx(0.0)


def test_days_without_a_statement_are_counted_as_unanswered() -> None:
    table = chances(0.2, 0.7, 0.1)
    table[1, :99] = np.nan
    assert grade_forecast([case(FAILS, chance=table)]).answered == pytest.approx(1 - 99 / 348)


def test_an_owners_last_ninety_days_have_no_label_unless_a_failure_came() -> None:
    of = truth(damage("a", 50, 150), assets=[asset("a"), asset("b")], knows_future=False)
    figures = grade_forecast([case(of, chance=chances(0.2, 0.7, 0.1))])
    # b: days 1 to 110 are followed by 90 days of history; a failed, so all its 149 days are known.
    assert figures.base_rate == pytest.approx(90 / (149 + 110))


def test_remaining_life_is_graded_a_life_at_a_time_from_alarm_or_onset() -> None:
    of = truth(damage("a", 50, 150), damage("b", 100, 300))
    said = np.full((3, DAYS, 3), np.nan)
    left_a, left_b = 150 - np.arange(1, DAYS + 1), 300 - np.arange(1, DAYS + 1)
    # a: right from its alarm on, 10 days short before it. b: always 40 days long, in an interval 20 wide.
    middle = left_a - np.where(np.arange(1, DAYS + 1) < 100, 10, 0)
    said[0] = np.stack([middle - 5, middle, middle + 5], axis=1)
    said[1] = np.stack([left_b + 30, left_b + 40, left_b + 50], axis=1)
    mine = case(of, alarm("a", 100), alarm("b", 120), life_days=said)
    from_alarm, from_onset = grade_life([mine], from_alarm=True), grade_life([mine], from_alarm=False)
    assert from_alarm.coverage.value == pytest.approx((1.0 + 0.0) / 2)
    assert from_alarm.width_days.value == pytest.approx((10 + 20) / 2)
    assert from_alarm.error_days.value == pytest.approx((0 + 40) / 2)
    assert from_onset.coverage.value == pytest.approx((0.5 + 0.0) / 2)  # 50 days short, then 50 right
    assert (from_alarm.answered, from_alarm.coverage.count) == (1.0, 2)


def test_silence_about_a_damaged_asset_shows_as_unanswered() -> None:
    figures = grade_life([case(truth(damage("a", 50, 150)), alarm("a", 100))], from_alarm=True)
    assert (figures.answered, figures.coverage.value) == (0.0, None)
