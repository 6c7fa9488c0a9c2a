"""Explanations: parts that add up, numbers that come back, and the earlier case that was most like it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domain.basis import AssessmentBasis, ChangeBasis, ModeBasis
from domain.identifiers import AssetId
from domain.measurements import DataQuality
from domain.records import Alarm, AlarmState, FailureProbability, RemainingLife, RiskAssessment, RiskState
from models.basis import recompute
from models.degradation import LAGS
from models.frequency_changes import change_reason
from models.plan import WEEK_DAYS, plan_repair
from service.explaining import explain
from tests.unit.api.memory_stores import MemoryStore

DAY_NS = 86_400_000_000_000
NOW_NS = 20_000 * DAY_NS


def basis_of(severity: float, *, per_day: float = 0.002, cost: float = 100_000.0) -> AssessmentBasis:
    seen = tuple(max(severity - per_day * lag, 0.0) for lag in LAGS)
    mode = ModeBasis("settlement", severity, 0.06, seen, 0.0, 2e-4, 9.0, 6.0, 4.0, NOW_NS)
    return AssessmentBasis(0.005, cost, 3 * cost, 14.0, 11.0, False, (mode,), (), ("tlt2/tilt",))


def assessment_of(asset: str, at_ns: int, basis: AssessmentBasis | None) -> RiskAssessment:
    numbers = recompute(basis) if basis is not None else None
    chances = numbers.probability.tolist() if numbers is not None else [[0.1, 0.0, 0.2]] * 3
    life = numbers.life if numbers is not None else RemainingLife(1.0, 2.0, 3.0)
    return RiskAssessment(
        assessment_id=f"{asset}.{at_ns}",
        asset=AssetId(asset),
        assessed_at_ns=at_ns,
        provisional=False,
        state=RiskState.ACT,
        data_quality=DataQuality.HIGH,
        probability_of_failure=tuple(
            FailureProbability(horizon, *row) for horizon, row in zip((30, 90, 365), chances, strict=True)
        ),
        remaining_life=life,
        failure_mode="settlement",
        health_index=1.0 - numbers.severity if numbers is not None else None,
        indicative_condition=(numbers.condition or None) if numbers is not None else 3,
        expected_cost_of_waiting_eur=numbers.waiting_eur if numbers is not None else 1.0,
        advice="inspect_soon",
        reasons=(),
        model_version="2.0",
        basis=basis,
    )


def test_an_alarm_that_waits_for_its_level_has_no_day_on_which_it_comes() -> None:
    basis = basis_of(0.5)
    mode = replace(basis.modes[0], severity=0.15, evidence=3.0, raised_at_ns=None, alarm_severity=0.2)
    for level, days in ((0.15, None), (0.2, pytest.approx(3.2))):
        changed = replace(basis, modes=(replace(mode, severity=level),))
        found = explain(assessment_of("b1", NOW_NS, changed), MemoryStore())
        assert found is not None
        assert (found.changes[0].alarm_severity, found.changes[0].days_to_alarm) == (0.2, days)


def test_an_untouched_assessment_is_the_same_to_the_bit_and_a_changed_one_is_not() -> None:
    told = assessment_of("b1", NOW_NS, basis_of(0.5))
    same = explain(told, MemoryStore())
    assert same is not None
    assert same.difference == 0.0
    first = told.probability_of_failure[0]
    altered = replace(
        told, probability_of_failure=(replace(first, value=first.value + 0.01), *told.probability_of_failure[1:])
    )
    changed = explain(altered, MemoryStore())
    assert changed is not None
    assert changed.difference > 1e-3


@pytest.mark.parametrize("field", ["health_index", "indicative_condition", "expected_cost_of_waiting_eur"])
def test_no_number_of_an_assessment_can_be_altered_unnoticed(field: str) -> None:
    """The euros that rank the list, and the condition beside the inspected one, were not computed again."""
    told = assessment_of("b1", NOW_NS, basis_of(0.5))
    altered = replace(told, **{field: getattr(told, field) + 1})
    changed = explain(altered, MemoryStore())
    assert changed is not None
    assert changed.difference > 1e-6


def test_an_assessment_of_the_first_version_has_no_explanation() -> None:
    assert explain(assessment_of("b1", NOW_NS, None), MemoryStore()) is None


def test_shares_add_up_and_missing_channels_are_named() -> None:
    explanation = explain(assessment_of("b1", NOW_NS, basis_of(0.4)), MemoryStore())
    assert explanation is not None
    assert sum(cause.share for cause in explanation.causes) == pytest.approx(1.0)
    assert explanation.missing == ("tlt2/tilt",)
    assert explanation.changes[0].is_open
    assert explanation.changes[0].days_to_alarm is None


def test_the_look_alike_is_the_nearest_earlier_alarm_of_the_kind_on_another_asset() -> None:
    store = MemoryStore()
    for asset, severity, state in (("b2", 0.2, AlarmState.DISMISSED), ("b3", 0.52, AlarmState.CONFIRMED)):
        at_ns = NOW_NS - 100 * DAY_NS
        store.history.append(assessment_of(asset, at_ns, basis_of(severity)))
        alarm = Alarm(f"{asset}-alarm", AssetId(asset), "condition.settlement", at_ns, None, state)
        store.alarm_rows.append(alarm)
    explanation = explain(assessment_of("b1", NOW_NS, basis_of(0.5)), store)
    assert explanation is not None
    assert explanation.look_alike is not None
    assert explanation.look_alike.asset == "b3"
    assert explanation.look_alike.ended is AlarmState.CONFIRMED


def test_a_hundred_alarms_about_sensors_do_not_hide_the_look_alike_and_a_sound_structure_has_none() -> None:
    """The newest two hundred alarms of any kind were looked through; what calls for nothing was likened to a damage."""
    store = MemoryStore()
    at_ns = NOW_NS - 100 * DAY_NS
    store.history.append(assessment_of("b2", at_ns, basis_of(0.5)))
    store.alarm_rows.append(Alarm("b2-alarm", AssetId("b2"), "condition.settlement", at_ns, None, AlarmState.OPEN))
    for number in range(300):
        raised_ns = at_ns + (number + 1) * DAY_NS // 10
        store.alarm_rows.append(Alarm(f"s{number}", AssetId("b3"), "sensor.silent", raised_ns, None, AlarmState.OPEN))
    told = assessment_of("b1", NOW_NS, basis_of(0.5))
    explanation, sound = explain(told, store), explain(replace(told, state=RiskState.OK), store)
    assert explanation is not None
    assert explanation.look_alike is not None
    assert explanation.look_alike.asset == "b2"
    assert sound is not None
    assert sound.look_alike is None


def test_a_sound_asset_is_not_repaired_within_the_year_and_a_failing_one_as_soon_as_the_crew_can() -> None:
    sound = 0.002 * WEEK_DAYS / 365.0
    none = plan_repair(sound, sound=sound, damaged=0.0, planned_eur=1e5, failure_eur=3e5, crew_lead_days=14.0)
    assert none.best_week == 52
    assert none.waiting_a_week_eur < 0.0
    assert none.inspection_eur == 0.0
    failing = np.clip(WEEK_DAYS / 80.0, 0.0, 1.0)
    soon = plan_repair(failing, sound=sound, damaged=1.0, planned_eur=1e5, failure_eur=3e5, crew_lead_days=15.0)
    assert (soon.first_week, soon.best_week) == (3, 3)
    assert soon.waiting_a_week_eur > 0.0


@pytest.mark.parametrize("severity", [0.3, 0.5, 0.7, 0.9])
def test_the_plan_and_the_stated_chances_are_of_one_piece(severity: float) -> None:
    """Between the points of a grid the chance at 91 days came out below the one that was stated for 90."""
    explanation = explain(assessment_of("b1", NOW_NS, basis_of(severity)), MemoryStore())
    assert explanation is not None
    basis, costs = explanation.assessment.basis, np.array(explanation.plan.cost_eur[2:])
    assert basis is not None
    repair = basis.planned_eur * (1.0 - 0.08 * WEEK_DAYS[2:] / 365.25)
    chance = np.concatenate([[np.nan] * 2, (costs - repair) / (basis.failure_eur - repair)])
    assert np.all(np.diff(chance[2:]) >= -1e-12)
    for item in explanation.assessment.probability_of_failure:
        before, after = int(item.horizon_days // 7), min(int(-(-item.horizon_days // 7)), 52)
        # Nothing of it is damage that has not begun: the basis has none.
        assert chance[before] <= item.value + 1e-12
        assert chance[after] >= item.value - 1e-12 or after == 52


def test_what_a_repair_cannot_avert_is_in_no_plan() -> None:
    plans = [
        explanation.plan
        for begins in (0.0, 0.5)
        if (
            explanation := explain(
                assessment_of("b1", NOW_NS, replace(basis_of(0.5), begins_per_year=begins)), MemoryStore()
            )
        )
    ]
    assert plans[0] == plans[1]


def test_an_inspection_is_worth_most_when_it_could_change_the_plan() -> None:
    sound = np.zeros(len(WEEK_DAYS))
    bad = np.clip(WEEK_DAYS / 120.0, 0.0, 1.0)
    worth = [
        plan_repair(
            chance * bad, sound=sound, damaged=chance, planned_eur=1e5, failure_eur=3e5, crew_lead_days=0.0
        ).inspection_eur
        for chance in (0.001, 0.05, 0.999)
    ]
    assert worth[1] > worth[0]
    assert worth[1] > worth[2]


def test_costs_of_nothing_give_a_plan_of_nothing() -> None:
    explanation = explain(assessment_of("b1", NOW_NS, basis_of(0.4, cost=0.0)), MemoryStore())
    assert explanation is not None
    assert set(explanation.plan.cost_eur) == {0.0}
    assert explanation.plan.inspection_eur == 0.0


def test_a_changed_frequency_follows_from_its_basis_or_is_not_the_same() -> None:
    change = ChangeBasis("acc1", "natural_frequency_1", NOW_NS, -0.003, 0.0005, -1.0, 0.105)
    told = assessment_of("b1", NOW_NS, replace(basis_of(0.5), changes=(change,)))
    told = replace(told, reasons=(change_reason(change),))
    same = explain(told, MemoryStore())
    assert same is not None
    assert same.difference == 0.0
    (shown,) = same.frequencies
    assert (shown.change_share, shown.share_of_failure) == pytest.approx((-0.003, 0.0286), rel=0.01)
    assert not shown.is_material
    altered = replace(told, reasons=(change_reason(replace(change, change=-0.03)),))
    other = explain(altered, MemoryStore())
    assert other is not None
    assert other.difference == float("inf")
