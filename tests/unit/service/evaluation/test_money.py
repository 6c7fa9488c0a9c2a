from __future__ import annotations

import pytest

from service.evaluation.alarm_figures import judge_lives
from service.evaluation.money import INSPECTION_SHARE, grade_money
from tests.unit.service.evaluation.cases import alarm, case, damage, truth

# Planned 100, failure 400, the crew needs 20 days; three failures.
OF = truth(damage("a", 50, 150), damage("b", 60, 100), damage("c", 80, 190))
LOOK = INSPECTION_SHARE * 100.0


def test_a_warning_in_time_replaces_the_failure_by_a_planned_repair() -> None:
    # a in time, b warned 5 days ahead: too late; c missed, and one alarm in vain.
    money = grade_money(judge_lives([case(OF, alarm("a", 80), alarm("b", 95), alarm("c", 10))]))
    assert money.run_to_failure_eur == 1200.0
    assert money.perfect_eur == 300.0
    assert money.inspections_eur == pytest.approx(3 * LOOK)
    assert money.with_alarms_eur == pytest.approx(100 + 400 + 400 + 3 * LOOK)
    assert money.saved.value == pytest.approx(1 - (900 + 3 * LOOK) / 1200)
    assert money.saved_at_most == pytest.approx(0.75)
    assert money.saved_of_most == pytest.approx((1 - (900 + 3 * LOOK) / 1200) / 0.75)
    assert money.saved.count == 3


def test_the_best_fixed_interval_is_the_cheapest_of_the_table() -> None:
    # Watched 150 + 100 + 190 days. Every quarter of a year: 440 / 365.25 / 0.25 visits; growth of 100 and 110
    # days is always caught, that of 40 days by 40 / 91.3 of the visits.
    years = 440 / 365.25
    quarter = 100 * years / 0.25 + 400 * (1 - 40 / 365.25 / 0.25)
    half = 100 * years / 0.5 + 400 * sum(1 - days / 365.25 / 0.5 for days in (100, 40, 110))
    assert quarter < half
    money = grade_money(judge_lives([case(OF)]))
    assert money.fixed_interval_eur == pytest.approx(quarter)
    assert money.interval_years == 0.25
    assert money.saved_against_interval == pytest.approx(1 - 1200 / quarter)


def test_without_failures_nothing_can_be_saved_and_no_interval_pays() -> None:
    money = grade_money(judge_lives([case(truth(), alarm("a", 10))]))
    assert (money.saved.value, money.saved_at_most, money.interval_years) == (None, None, None)
    assert money.with_alarms_eur == pytest.approx(LOOK)
