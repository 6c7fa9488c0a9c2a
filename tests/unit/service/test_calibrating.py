"""What people recorded beside what had been stated: lives, labels, and figures only from enough outcomes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.calibration import Calibration
from domain.identifiers import AssetId
from domain.records import AlarmState, DecisionVerb, FailureProbability, RemainingLife, RiskState
from domain.register import AssetType
from service.calibrating import FAILURES_NEEDED, calibrate
from storage.protocols import DecisionDraft
from tests.unit.api.samples import DAY_NS, NOW_NS, make_alarm, make_asset, make_risk
from tests.unit.api.town import Town

END_NS = NOW_NS // (30 * DAY_NS) * 30 * DAY_NS
BEGIN_NS = END_NS - 720 * DAY_NS


def date_of(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // 10**9, UTC).date().isoformat()


def state_chance(
    town: Town, asset: str, chance: float, begin_ns: int, end_ns: int, *, fails_ns: int | None = None
) -> None:
    """Say how likely it fails every thirtieth day; where it will, every day, with ten days around the true life."""
    step = DAY_NS if fails_ns is not None else 30 * DAY_NS
    for at_ns in range(-(-begin_ns // step) * step, end_ns, step):
        left = None if fails_ns is None else (fails_ns - at_ns) / DAY_NS
        town.store.history.append(
            make_risk(
                asset,
                RiskState.OK,
                0.0,
                assessment_id=f"{asset}@{at_ns}",
                assessed_at_ns=at_ns,
                probability_of_failure=(FailureProbability(90, chance, 0.0, 1.0),),
                remaining_life=None if left is None else RemainingLife(max(left - 5, 0), left + 1, left + 5),
            )
        )


def decide(town: Town, asset: str, verb: DecisionVerb, at_ns: int, **values: str | None) -> None:
    town.decisions.append(DecisionDraft(AssetId(asset), verb, "A", "b", **values), decided_at_ns=at_ns)  # type: ignore[arg-type]  # text only


def small_town(failing: int, sound: int) -> Town:
    """Half of those that fail are told from the sound ones 60 days before; all get an alarm then, and fail alike."""
    town = Town()
    fails_ns = END_NS - 200 * DAY_NS
    for number in range(failing + sound):
        name = f"sluis-{number:02d}"
        town.store.asset_rows.append(make_asset(name, name, type=AssetType.LOCK))
        if number >= failing:
            state_chance(town, name, 0.02, BEGIN_NS, END_NS)
            continue
        state_chance(town, name, 0.02, BEGIN_NS, fails_ns - 60 * DAY_NS)
        state_chance(town, name, 0.9, fails_ns - 60 * DAY_NS, fails_ns, fails_ns=fails_ns)
        alarm = make_alarm(name, 1, raised_at_ns=fails_ns - 60 * DAY_NS)
        town.store.alarm_rows.append(alarm)
        decide(town, name, DecisionVerb.REPAIR, fails_ns + DAY_NS, failed_on=date_of(fails_ns))
    return town


def figures(town: Town) -> Calibration:
    rooms = town.rooms()
    return calibrate(rooms.store, rooms.overview, rooms.decisions, END_NS)


def test_too_few_outcomes_give_no_figure() -> None:
    made = figures(small_town(FAILURES_NEEDED - 1, 20))
    assert (made.failures, made.failures_needed) == (FAILURES_NEEDED - 1, FAILURES_NEEDED)
    assert made.forecast is None
    assert made.life is None


def test_no_statement_and_no_decision_is_nothing_at_all() -> None:
    made = figures(Town())
    assert (made.from_ns, made.lives, made.failures, made.alarms) == (END_NS, 0, 0, ())


def test_enough_outcomes_give_reliability_skill_and_life() -> None:
    made = figures(small_town(12, 40))
    assert (made.lives, made.failures, made.repairs) == (64, 12, 12)
    assert made.forecast is not None
    assert made.life is not None
    low, high = made.forecast.reliability
    # Every thirtieth day: two of the last sixty, and one of the thirty before that, when 2 % was still stated.
    assert (high.statements, high.lives, high.happened) == (24, 12, 1.0)
    assert high.stated == pytest.approx(0.9)
    assert high.happened_low == pytest.approx(0.05 ** (1 / 12))
    assert 0.0 < low.happened < 0.02
    assert low.happened_low < low.happened < low.happened_high
    hits = 12 * 3
    assert made.forecast.base_rate == pytest.approx(hits / (high.statements + low.statements))
    assert made.forecast.skill.value is not None
    assert 0.5 < made.forecast.skill.value < 0.8
    assert made.life.coverage.value == 1.0
    assert made.life.width_days.value == pytest.approx(10.0, abs=0.2)
    assert made.life.error_days.value == pytest.approx(1.0)
    assert made.life.error_days.count == 12


def test_what_a_repair_prevented_and_the_last_90_days_have_no_label() -> None:
    town = small_town(12, 0)
    before = figures(town)
    town.store.asset_rows.append(make_asset("brug-1", "Brug"))
    # A high chance, a repair within 90 days of each statement, and then a life too short to know anything about.
    state_chance(town, "brug-1", 0.5, END_NS - 120 * DAY_NS, END_NS)
    decide(town, "brug-1", DecisionVerb.REPAIR, END_NS - 60 * DAY_NS)
    after = figures(town)
    assert after.lives == before.lives + 2
    assert before.forecast is not None
    assert after.forecast is not None
    assert after.forecast.reliability == before.forecast.reliability


def test_another_day_of_the_same_failure_corrects_the_first() -> None:
    """Recorded weeks behind the repair that named the first."""
    fails_ns = END_NS - 200 * DAY_NS
    for moved in (-40, -3, 0):
        town = small_town(12, 0)
        failed_on = date_of(fails_ns + moved * DAY_NS)
        for name in [item.asset for item in town.decisions.links]:
            decide(town, name, DecisionVerb.INSPECT, fails_ns + 30 * DAY_NS, failed_on=failed_on)
        made = figures(town)
        assert made.failures == 12
        assert made.life is not None
        assert made.life.error_days.value == pytest.approx(abs(1 - moved))


def test_a_day_on_the_other_side_of_a_repair_is_another_failure() -> None:
    town = small_town(12, 0)
    fails_ns = END_NS - 200 * DAY_NS
    for days in (-300, 40):
        decide(town, "sluis-00", DecisionVerb.REPAIR, fails_ns + (days + 1) * DAY_NS)
        decide(town, "sluis-00", DecisionVerb.INSPECT, END_NS, failed_on=date_of(fails_ns + days * DAY_NS))
    assert figures(town).failures == 14


def test_a_decision_lies_where_its_assessment_does() -> None:
    """In a replay the wall's clock is years behind the events."""
    town = small_town(12, 0)
    rested = f"sluis-00@{BEGIN_NS + 90 * DAY_NS}"
    decide(town, "sluis-00", DecisionVerb.REPAIR, NOW_NS + 900 * DAY_NS, assessment_id=rested)
    assert figures(town).repairs == 13


def test_the_last_verdict_on_an_alarm_counts_by_type_and_kind() -> None:
    town = small_town(3, 0)
    for number, verb in enumerate((DecisionVerb.DISMISS, DecisionVerb.CONFIRM, DecisionVerb.DISMISS)):
        decide(town, f"sluis-{number:02d}", verb, END_NS, alarm_id=town.store.alarm_rows[number].id)
    decide(town, "sluis-00", DecisionVerb.CONFIRM, END_NS, alarm_id=town.store.alarm_rows[0].id)
    (row,) = figures(town).alarms
    assert (row.asset_type, row.kind, row.confirmed, row.dismissed) == ("lock", "condition.settlement", 2, 1)
    assert row.precision.value == pytest.approx(2 / 3)


def test_a_dismissed_alarm_is_not_where_a_life_is_asked_from() -> None:
    town = small_town(12, 5)
    first = town.store.alarm_rows[0]
    early = make_alarm(first.asset, 2, raised_at_ns=first.raised_at_ns - 300 * DAY_NS, state=AlarmState.DISMISSED)
    town.store.alarm_rows.append(early)
    made = figures(town)
    assert made.life is not None
    assert made.life.coverage.value == 1.0, "from the dismissed one on no life was stated"
    assert made.life.coverage.count == 12
