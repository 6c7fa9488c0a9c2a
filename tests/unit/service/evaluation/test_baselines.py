from __future__ import annotations

import numpy as np
import pytest

from domain.identifiers import AssetId, ChannelKey, ChannelName, GatewayId, SensorId
from domain.register import Asset, AssetType, Channel, Direction, Register, Role
from service.evaluation.alarm_figures import grade_alarms, judge_lives
from service.evaluation.baselines import always, fixed_threshold, knows_all, never
from service.evaluation.chain_listener import ChannelDays
from service.evaluation.forecast_figures import grade_forecast, grade_life
from service.evaluation.money import grade_money
from service.evaluation.truth import DAY_NS, Case, RunRecord, Truth, lives_of
from tests.unit.service.evaluation.cases import DAYS, damage, truth

# a grows for a hundred days, b for forty; c stays sound.
OF = truth(damage("a", 50, 150), damage("b", 60, 100, "settlement"))


def beside(of: Truth, record: RunRecord) -> Case:
    return Case(of, lives_of(of), record)


def test_the_ceiling_finds_all_at_their_onset_and_knows_every_remaining_life() -> None:
    case = beside(OF, knows_all(OF))
    alarms = grade_alarms(judge_lives([case]))
    assert (alarms.found.value, alarms.false_per_year.value, alarms.named.value) == (1.0, 0.0, 1.0)
    assert alarms.delay_days.value == 0.0
    life = grade_life([case], from_alarm=False)
    assert (life.coverage.value, life.width_days.value, life.error_days.value) == (1.0, 0.0, 0.0)
    money = grade_money(judge_lives([case]))
    assert money.saved_of_most == pytest.approx(1.0, abs=0.03)  # but for looking at two alarms


def test_even_the_ceiling_does_not_know_what_has_not_begun() -> None:
    forecast = grade_forecast([beside(OF, knows_all(OF))])
    # b fails on day 100 and begins on day 60: days 10 to 59 are followed by a failure that nothing shows yet.
    unseen, failing = 50, 90 + 90
    assert forecast.base_rate == pytest.approx(failing / (149 + 99 + 199))
    assert forecast.auc.value == pytest.approx((failing - unseen) / failing + 0.5 * unseen / failing)


def test_the_floors_find_all_with_an_alarm_a_day_or_nothing_with_none() -> None:
    loud = grade_alarms(judge_lives([beside(OF, always(OF))]))
    assert loud.found.value == 1.0
    assert loud.false_per_year.value == pytest.approx(365.25, rel=0.01)
    quiet = grade_alarms(judge_lives([beside(OF, never(OF))]))
    assert (quiet.found.value, quiet.false_per_year.value) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("direction", "raised"), [(Direction.UP, [100]), (Direction.DOWN, []), (Direction.BOTH, [100])]
)
def test_the_fixed_threshold_alarms_towards_harm_after_its_first_thirty_days(
    direction: Direction, raised: list[int]
) -> None:
    key = ChannelKey(AssetId("a"), SensorId("s"), ChannelName("tilt"))
    channel = Channel(*key, "mrad", GatewayId("g"), 3600.0, Role.CONDITION, direction)
    register = Register((Asset(AssetId("a"), "a", AssetType.QUAY),), (channel,))
    value = np.tile([1.0, 1.2], DAYS // 2)
    value[10] = 9.0  # while it is still learning: its spread is wide from then on
    value[100:120] = 20.0
    record = fixed_threshold(OF, register, ChannelDays((key,), value[np.newaxis]))
    assert [alarm.raised_ns // DAY_NS - 1 for alarm in record.alarms] == raised
    assert record.chance_90[0].sum() == 20 * len(raised)
    assert [alarm.cleared_ns for alarm in record.alarms] == [121 * DAY_NS] * len(raised)
