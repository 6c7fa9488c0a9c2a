from __future__ import annotations

import pytest

from service.evaluation.intervals import rate, share
from service.evaluation.sensor_figures import grade_sensors
from tests.unit.service.evaluation.cases import alarm, case, event, truth

FAULTS = [
    event("stuck_sensor", 20, 10, "a", sensor="acc1"),
    event("drift", 50, 30, "a", sensor="env1"),
    event("dropout", 60, 10, "b", sensor="acc1"),
]


def test_a_fault_is_seen_by_any_alarm_on_its_sensor_and_named_by_one_of_its_kind() -> None:
    said = [
        alarm("a", 22, "sensor.stuck", "acc1/kurtosis.x"),
        alarm("a", 55, "sensor.stuck", "env1"),
        alarm("b", 90, "data.silent", "acc1"),  # twenty days after the dropout: about something else
        alarm("b", 65, "data.silent", "env1"),  # another sensor
    ]
    figures = grade_sensors([case(truth(events=FAULTS), *said)])
    assert (figures.seen, figures.named) == (share(2, 3), share(1, 3))
    assert figures.by_kind == {"drift": (0, 1, 1), "dropout": (0, 0, 1), "stuck_sensor": (1, 1, 1)}
    assert figures.delay_days.value == pytest.approx((2 + 5) / 2)
    assert figures.false_per_sensor_year == rate(2, 6 * 200 / 365.25)


def test_an_alarm_on_the_whole_asset_is_about_any_of_its_sensors() -> None:
    figures = grade_sensors([case(truth(events=FAULTS), alarm("a", 22, "sensor.stuck"))])
    assert figures.named == share(1, 3)


def test_a_fault_behind_the_end_of_the_run_counts_neither_as_seen_nor_as_missed() -> None:
    """Of the first so many days of a scenario, the faults of the days left out stood among those that were missed."""
    later = [event("dropout", 200, 10, "a", sensor="acc1"), event("drift", 199, 30, "c", sensor="env1")]
    figures = grade_sensors([case(truth(events=[*FAULTS, *later]), alarm("a", 22, "sensor.stuck"))])
    assert figures.named == share(1, 4)
    assert figures.by_kind["drift"] == (0, 0, 2)


def test_condition_alarms_say_nothing_about_sensors() -> None:
    figures = grade_sensors([case(truth(events=FAULTS), alarm("a", 22))])
    assert (figures.seen.value, figures.false_per_sensor_year.count) == (0.0, 0)
