from __future__ import annotations

import pytest

from service.evaluation.alarm_figures import cause_of, grade_alarms, judge_lives
from service.evaluation.intervals import rate, share
from tests.unit.service.evaluation.cases import alarm, case, damage, event, truth


def test_alarms_before_the_onset_are_false_and_count_per_healthy_year() -> None:
    # Healthy days: 100 of a, 200 of b and 200 of c; alarms on days 10 and 99 are false, that on 110 is true.
    judged = judge_lives([case(truth(damage("a", 100, 150)), alarm("a", 10), alarm("b", 99), alarm("a", 110))])
    figures = grade_alarms(judged)
    assert figures.healthy_years == pytest.approx(500 / 365.25)
    assert figures.false_per_year == rate(2, 500 / 365.25)
    assert figures.worst_assets == {"by hand/a": 1, "by hand/b": 1}


def test_alarms_about_sensors_spend_nothing_and_find_nothing() -> None:
    figures = grade_alarms(judge_lives([case(truth(damage("a", 100, 150)), alarm("a", 110, "sensor.stuck", "acc1"))]))
    assert figures.false_per_year.count == 0
    assert figures.found == share(0, 1)


def test_found_delay_and_lead_follow_the_first_true_alarm() -> None:
    # a: slow (100 days), alarm 30 days after onset, 70 before failure. b: fast (40 days), alarm 5 days before.
    # c fails without a word: one alarm stood since before its onset, one came on the day of the failure.
    of = truth(damage("a", 50, 150), damage("b", 60, 100, "settlement"), damage("c", 80, 190))
    said = [alarm("a", 80), alarm("a", 90, "condition.settlement"), alarm("b", 95), alarm("c", 79.9), alarm("c", 190)]
    figures = grade_alarms(judge_lives([case(of, *said)]))
    assert (figures.found, figures.found_slow, figures.found_fast) == (share(2, 3), share(1, 2), share(1, 1))
    assert figures.named == share(1, 2)
    assert figures.in_time == share(1, 3)  # the crew needs 20 days
    assert figures.delay_days.value == pytest.approx((30 + 35) / 2)
    assert figures.lead_days.value == pytest.approx((70 + 5) / 2)
    assert (figures.lead_days_slow.value, figures.lead_days_fast.value) == pytest.approx((70, 5))
    assert figures.by_mode == {"settlement": (1, 1), "stiffness_loss": (1, 2)}


def test_a_failure_behind_the_end_is_neither_found_nor_missed_but_its_alarm_is_true() -> None:
    figures = grade_alarms(judge_lives([case(truth(damage("a", 50, 300)), alarm("a", 80))]))
    assert figures.found.count == 0
    assert figures.false_per_year.count == 0
    assert figures.delay_days.value == pytest.approx(30)


@pytest.mark.parametrize(
    ("day", "cause"),
    [
        (15.0, "unexplained"),
        (21.0, "storm"),
        (41.0, "diversion, announced"),  # the storm is still near, but works on the asset say more
        (61.0, "sensor fault: drift"),
        (100.0, "unexplained"),  # thirty days after the drift ended at 69
    ],
)
def test_the_cause_is_the_most_particular_of_what_went_on(day: float, cause: str) -> None:
    events = [
        event("storm", 20, 2),
        event("diversion", 40, 5, "a", announced=True),
        event("diversion", 40, 5, "b"),
        event("drift", 60, 9, "a", sensor="acc1"),
    ]
    assert cause_of(truth(events=events), alarm("a", day)) == cause


def test_runs_are_pooled_by_counting_not_by_averaging() -> None:
    one = case(truth(damage("a", 100, 150)), alarm("a", 110))
    two = case(truth(damage("a", 100, 150), damage("b", 100, 150)))
    assert grade_alarms(judge_lives([one, two])).found == share(1, 3)
