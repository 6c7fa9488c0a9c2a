"""Decisions of people, and what an assessment says in corner cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.identifiers import AssetId, SensorId, names_provisional
from domain.measurements import DataQuality
from domain.records import DecisionVerb, RiskAssessment, RiskState
from domain.register import Asset, AssetType, Direction, Register, Works
from models.catalogue import HOUR_NS
from models.chain import MODEL_VERSION, apply_decision, assess, risk_records, step_fleet
from models.compiling import compile_catalogue
from models.degradation import LAGS
from models.explanation import channel_reason
from models.prognosis import history_of
from models.reasons import ADVICE, OPTIONAL_FACTS, REASONS
from models.state import initial_state, state_digest

START_NS = 472_224 * HOUR_NS
DAY_NS = 24 * HOUR_NS


def record_of(run: Any, *, provisional: bool = False) -> RiskAssessment:
    at_ns = np.array([run.now_ns], np.int64)
    columns = assess(run.catalogue, run.state, at_ns)
    records = risk_records(run.catalogue, columns, np.array([0], np.int32), provisional=provisional)
    check_reasons(records[0])
    return records[0]


def check_reasons(record: RiskAssessment) -> None:
    assert record.advice in ADVICE
    assert 1 <= len(record.reasons) <= 5
    for reason in record.reasons:
        assert set(REASONS[reason.code]) - OPTIONAL_FACTS <= set(reason.facts) <= set(REASONS[reason.code])


def feed_frequencies(run: Any, rng: np.random.Generator, first: Any, second: Any) -> None:
    """Feed hourly frequencies of a bridge, times what each keeps, and the temperature of the air."""
    hours = len(first)
    run.feed(
        {
            "natural_frequency_1": 3.0 * first * np.exp(rng.normal(scale=0.004, size=hours)),
            "natural_frequency_2": 5.0 * second * np.exp(rng.normal(scale=0.004, size=hours)),
            "temperature": 15.0 + 4.0 * np.sin(np.arange(hours) * 2 * np.pi / 24) + rng.normal(size=hours),
        }
    )


@pytest.fixture(scope="module")
def weakened(fleet_tools: Any) -> Any:
    """Ten sound days, then ten with 6 % less of both frequencies."""
    rng = np.random.default_rng(31)
    hours = 20 * 24
    loss = np.where(np.arange(hours) >= 10 * 24, 0.94, 1.0)
    run = fleet_tools.start(["natural_frequency_1", "natural_frequency_2", "temperature"], assets=1)
    feed_frequencies(run, rng, loss, loss)
    assert run.kinds() == ["condition.stiffness_loss"]
    return run


@pytest.fixture
def alarmed(weakened: Any) -> Any:
    return weakened.branch()


def under_works(start_run: Callable[..., Any], *, begin: int, days: int) -> Any:
    """Feed days to a sound bridge beside which something is built for weeks from one of them on."""
    works = (Works(AssetId("b000"), "construction", START_NS + begin * DAY_NS, START_NS + (begin + 22) * DAY_NS),)
    run = start_run(["natural_frequency_1", "natural_frequency_2", "temperature"], works=works)
    feed_frequencies(run, np.random.default_rng(32), *np.ones((2, days * 24)))
    return run


def test_no_thermometer_is_silent_for_works(start_run: Callable[..., Any]) -> None:
    """It went on speaking, and was said to have been silent for as long as works lasted."""
    run = under_works(start_run, begin=8, days=12)
    codes = {reason.code for reason in record_of(run).reasons}
    assert "works_active" in codes
    assert "climate_sensor_lost" not in codes


def test_works_on_one_sensor_are_told_of_that_sensor(start_run: Callable[..., Any]) -> None:
    """A swap of one of three sensors was said to make nothing count on the whole structure."""
    swap = Works(
        AssetId("b000"), "sensor swap", START_NS + 6 * DAY_NS, START_NS + 9 * DAY_NS, SensorId("s-natural_frequency_2")
    )
    run = start_run(["natural_frequency_1", "natural_frequency_2", "temperature"], works=(swap,))
    feed_frequencies(run, np.random.default_rng(33), *np.ones((2, 8 * 24)))
    reasons = {reason.code: reason.facts for reason in record_of(run).reasons}
    assert reasons["works_on_sensor"] == {"kind": "sensor swap", "sensor": "s-natural_frequency_2"}
    assert not reasons.keys() & {"works_active", "works_settling"}


def test_works_that_last_are_told_as_judged_and_a_thermometer_as_silent(start_run: Callable[..., Any]) -> None:
    """Their second week counts: it says so, and misses what explains it."""
    run = under_works(start_run, begin=5, days=13)
    codes = {reason.code for reason in record_of(run).reasons}
    assert "works_lasting" in codes
    assert not codes & {"works_active", "climate_sensor_lost"}
    run.feed({name: np.ones(4 * 24) * hertz for name, hertz in (("natural_frequency_1", 3.0),)})
    assert "climate_sensor_lost" in {reason.code for reason in record_of(run).reasons}


def test_an_open_alarm_is_act_with_its_reasons(alarmed: Any) -> None:
    record = record_of(alarmed)
    assert record.state is RiskState.ACT
    assert record.failure_mode == "stiffness_loss"
    assert record.advice in {"inspect_soon", "inspect_now"}
    assert record.reasons[0].code == "alarm_open"
    facts = next(reason.facts for reason in record.reasons if reason.code == "expected_vs_measured")
    assert facts["measured"] == pytest.approx(facts["expected"] * 0.94, rel=0.03)  # type: ignore[operator]
    assert facts["severity"] == pytest.approx(np.log(0.94) / np.log(0.9), rel=0.1)
    assert "temperature_degc" in facts
    assert 3 <= (record.indicative_condition or 0) <= 5
    assert alarmed.changes[0].reasons[0].code == "expected_vs_measured"


@pytest.mark.parametrize(("shock", "changed"), [(-0.3, 0.9**-0.3), (0.3, 0.9**0.3)])
def test_what_is_normal_beside_like_structures_is_told_where_they_moved(
    alarmed: Any, shock: float, changed: float
) -> None:
    """A reading below what is normal by itself is towards harm from below where all of its like fell further."""
    zeros, row = np.zeros_like(alarmed.state.shock), 0
    state = replace(alarmed.state, bent=zeros, placed=zeros, shock=zeros + shock)
    reason = channel_reason(alarmed.catalogue, state, row, 11.0)
    assert reason is not None
    assert reason.facts["expected_corrected"] == pytest.approx(reason.facts["expected"] * changed, rel=1e-4)  # type: ignore[operator]
    still = channel_reason(alarmed.catalogue, replace(state, shock=zeros + 0.05), row, 11.0)
    assert still is not None
    assert "expected_corrected" not in still.facts


@pytest.mark.slow
@pytest.mark.parametrize("verb", [DecisionVerb.REPAIR, DecisionVerb.ACCEPT_NORMAL])
def test_a_new_reference_clears_the_alarm_and_commissions_again(alarmed: Any, verb: DecisionVerb) -> None:
    before = state_digest(alarmed.catalogue, alarmed.state)
    state, changes = apply_decision(alarmed.catalogue, alarmed.state, 0, verb, alarmed.now_ns, None)
    assert state_digest(alarmed.catalogue, alarmed.state) == before
    assert [(change.kind, change.raised, change.reasons[0].code) for change in changes] == [
        ("condition.stiffness_loss", False, "cleared_by_decision")
    ]
    assert changes[0].raised_at_ns == alarmed.changes[0].at_ns
    assert state.count.tolist() == [0, 0]
    kept = verb is DecisionVerb.ACCEPT_NORMAL
    assert bool(np.any(state.coefficients[:, 1:] != 0.0)) is kept
    alarmed.state = state
    assert record_of(alarmed).state is RiskState.INSUFFICIENT_DATA
    rng = np.random.default_rng(32)
    hours = 15 * 24
    alarmed.feed(
        {
            "natural_frequency_1": 2.82 * np.exp(rng.normal(scale=0.004, size=hours)),
            "natural_frequency_2": 4.70 * np.exp(rng.normal(scale=0.004, size=hours)),
            "temperature": 15.0 + 4.0 * np.sin(np.arange(hours) * 2 * np.pi / 24) + rng.normal(size=hours),
        }
    )
    assert alarmed.kinds() == ["condition.stiffness_loss"]
    assert record_of(alarmed).state is RiskState.OK


@pytest.mark.parametrize("both", [True, False])
def test_indicators_whose_values_do_not_count_are_no_health(fleet_tools: Any, *, both: bool) -> None:
    """Frequencies at 0.6 of what they were are further off than any structure goes, and are held back for good.

    The structure was `ok` for weeks, with all measurements "as expected": those of the day before.
    """
    rng = np.random.default_rng(36)
    hours = 24 * 24
    lost = np.where(np.arange(hours) >= 20 * 24, 0.6, 1.0)
    run = fleet_tools.start(["natural_frequency_1", "natural_frequency_2", "temperature"], assets=1)
    feed_frequencies(run, rng, lost, lost if both else 1.0)
    record = record_of(run)
    told = [reason for reason in record.reasons if reason.code == "sensor_not_counted"]
    assert len(told) == 1 + both
    assert told[0].facts["channel"] == "natural_frequency_1"
    assert told[0].facts["days"] == pytest.approx(3.75, abs=0.1)
    assert "all_as_expected" not in {reason.code for reason in record.reasons}
    assert record.state is (RiskState.INSUFFICIENT_DATA if both else RiskState.OK)
    assert record.advice == ("restore_data" if both else "none")


def test_the_prognosis_looks_at_means_of_two_days(alarmed: Any) -> None:
    past = np.random.default_rng(3).normal(size=alarmed.state.severity_past.shape)
    state = replace(alarmed.state, severity_past=past)
    seen = history_of(alarmed.catalogue, state, np.array([alarmed.now_ns]), np.ones(1)).seen[0]
    two_days = [(past[0, lag] + past[0, lag + 1]) / 2.0 for lag in LAGS[:-1]]
    # Of the last there is nothing before it.
    assert seen.tolist() == pytest.approx([*two_days, past[0, LAGS[-1]]])


@pytest.mark.slow
def test_a_structure_that_goes_on_past_its_failure_level_stays_near_failure(alarmed: Any) -> None:
    """It rests at 6 % for ten days, then loses 1 % of its frequencies every two days, to twice what failure takes."""
    rng = np.random.default_rng(35)
    chances = []
    for loss in np.linspace(0.93, 0.81, 13):
        hours = 48
        alarmed.feed(
            {
                "natural_frequency_1": 3.0 * loss * np.exp(rng.normal(scale=0.004, size=hours)),
                "natural_frequency_2": 5.0 * loss * np.exp(rng.normal(scale=0.004, size=hours)),
                "temperature": 15.0 + 4.0 * np.sin(np.arange(hours) * 2 * np.pi / 24) + rng.normal(size=hours),
            }
        )
        chances.append(record_of(alarmed).probability_of_failure[1].value)
    assert float(alarmed.state.severity[0]) > 1.8
    past_failure = np.array(chances)[np.linspace(0.93, 0.81, 13) < 0.9]
    assert past_failure.min() > 0.8


@pytest.mark.slow
def test_a_dismissed_alarm_stays_away_until_there_is_more(alarmed: Any) -> None:
    state, changes = apply_decision(
        alarmed.catalogue, alarmed.state, 0, DecisionVerb.DISMISS, alarmed.now_ns, "condition.stiffness_loss"
    )
    assert [change.raised for change in changes] == [False]
    alarmed.state = state
    rng = np.random.default_rng(33)

    def days(number: int, loss: float) -> dict[str, Any]:
        hours = number * 24
        return {
            "natural_frequency_1": 3.0 * loss * np.exp(rng.normal(scale=0.004, size=hours)),
            "natural_frequency_2": 5.0 * loss * np.exp(rng.normal(scale=0.004, size=hours)),
            "temperature": 15.0 + 4.0 * np.sin(np.arange(hours) * 2 * np.pi / 24) + rng.normal(size=hours),
        }

    alarmed.feed(days(20, 0.94))
    assert len(alarmed.kinds()) == 1
    assert (record_of(alarmed).health_index or 1.0) < 0.7
    alarmed.feed(days(20, 0.88))
    assert len(alarmed.kinds()) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "verb",
    [verb for verb in DecisionVerb if verb.value not in {"repair", "accept-normal", "dismiss"}],
)
def test_other_verbs_change_no_number(alarmed: Any, verb: DecisionVerb) -> None:
    state, changes = apply_decision(alarmed.catalogue, alarmed.state, 0, verb, alarmed.now_ns, None)
    assert changes == []
    assert state_digest(alarmed.catalogue, state) == state_digest(alarmed.catalogue, alarmed.state)


def test_the_identifier_tells_asset_time_and_whether_it_is_final(alarmed: Any) -> None:
    final, provisional = record_of(alarmed), record_of(alarmed, provisional=True)
    assert final.assessment_id.startswith("b000.20231205T000000Z.")
    assert provisional.assessment_id.startswith("b000.20231205T000000Z.p.")
    assert names_provisional(provisional.assessment_id, provisional.asset)
    assert not names_provisional(final.assessment_id, final.asset)
    assert record_of(alarmed) == final
    assert record_of(alarmed).model_version == MODEL_VERSION


def test_another_statement_about_the_same_moment_has_another_name(alarmed: Any) -> None:
    """A provisional name once stood for whatever the open hop said at the moment."""
    before = record_of(alarmed, provisional=True)
    alarmed.state = replace(alarmed.state, severity_sd=alarmed.state.severity_sd * 1.5)
    after = record_of(alarmed, provisional=True)
    assert after.assessed_at_ns == before.assessed_at_ns
    assert after.assessment_id != before.assessment_id


def assets_without_sensors(*assets: Asset) -> list[RiskAssessment]:
    catalogue = compile_catalogue(Register(tuple(assets)), {})
    at_ns = np.full(len(assets), START_NS, np.int64)
    columns = assess(catalogue, initial_state(catalogue), at_ns)
    rows = np.arange(len(assets), dtype=np.int32)
    records = risk_records(catalogue, columns, rows, provisional=False)
    for record in records:
        check_reasons(record)
    return records


def test_assets_without_sensors_are_ranked_by_class_age_and_inspection() -> None:
    plain = Asset(AssetId("a"), "A", AssetType.BRIDGE, built_year=2015)
    records = assets_without_sensors(
        plain,
        replace(plain, id=AssetId("b"), built_year=1930),
        replace(plain, id=AssetId("c"), built_year=1930, condition_inspected=5, inspected_on="2022-05-01"),
    )
    chances = [record.probability_of_failure[2] for record in records]
    assert chances[0].value < chances[1].value < chances[2].value
    assert all(chance.high > 4 * chance.value for chance in chances[:2])
    for record in records:
        assert record.state is RiskState.INSUFFICIENT_DATA
        assert record.data_quality is DataQuality.NONE
        assert record.remaining_life is None
        assert record.health_index is None
        assert record.advice == "rely_on_inspection"
        assert [reason.code for reason in record.reasons][:2] == ["no_condition_indicator", "prior_by_age"]
    assert records[2].reasons[2].facts == {"condition": 5, "inspected_on": "2022-05-01"}


@pytest.mark.parametrize("cost", [None, 0.0, float("nan"), -5.0, 1e12])
def test_costs_that_are_missing_or_odd_still_give_a_finite_answer(cost: float | None) -> None:
    record = assets_without_sensors(
        Asset(
            AssetId("a"),
            "A",
            AssetType.LOCK,
            planned_repair_cost_eur=cost,
            emergency_repair_cost_eur=cost,
            closure_hours=cost,
            closure_cost_eur_per_hour=cost,
            condition_inspected=9,
        )
    )[0]
    assert record.expected_cost_of_waiting_eur is not None
    assert np.isfinite(record.expected_cost_of_waiting_eur)
    assert record.expected_cost_of_waiting_eur >= 0.0


def sound_bridge(planned: float | None, emergency: float | None) -> Asset:
    return Asset(
        AssetId("a"),
        "A",
        AssetType.BRIDGE,
        built_year=2015,
        planned_repair_cost_eur=planned,
        emergency_repair_cost_eur=emergency,
        closure_hours=8.0,
        closure_cost_eur_per_hour=500.0,
    )


@pytest.mark.parametrize(("planned", "emergency"), [(0.0, 0.0), (0.0, None), (None, 0.0)])
def test_a_repair_for_nothing_is_one_of_unknown_cost(planned: float | None, emergency: float | None) -> None:
    """Where an export said 0, a sound bridge was to be repaired now, for a waiting cost of EUR 11."""
    record, silent = (assets_without_sensors(sound_bridge(*costs))[0] for costs in ((planned, emergency), (None, None)))
    assert record == silent
    assert record.state is not RiskState.ACT
    assert record.advice != "plan_repair"
    (costs,) = [reason for reason in record.reasons if reason.code == "default_costs"]
    assert costs.facts == {"planned_eur": 150_000.0, "emergency_eur": 450_000.0}


def test_an_emergency_repair_for_nothing_is_three_times_the_planned_one() -> None:
    record, silent = (assets_without_sensors(sound_bridge(20_000.0, cost))[0] for cost in (0.0, None))
    assert record == silent
    assert record.expected_cost_of_waiting_eur is not None
    cheaper = assets_without_sensors(sound_bridge(20_000.0, 30_000.0))[0].expected_cost_of_waiting_eur
    assert cheaper is not None
    assert record.expected_cost_of_waiting_eur > cheaper > 0.0
    assert "default_costs" not in {reason.code for reason in record.reasons}


def test_an_emergency_cost_stands_where_the_planned_one_is_nothing() -> None:
    (record,) = assets_without_sensors(sound_bridge(0.0, 600_000.0))
    (costs,) = [reason for reason in record.reasons if reason.code == "default_costs"]
    assert costs.facts == {"planned_eur": 150_000.0, "emergency_eur": 600_000.0}


def test_a_closure_for_nothing_costs_nothing() -> None:
    dear, free = (
        assets_without_sensors(replace(sound_bridge(20_000.0, 60_000.0), closure_cost_eur_per_hour=hourly))[0]
        for hourly in (5_000.0, 0.0)
    )
    assert dear.expected_cost_of_waiting_eur is not None
    assert free.expected_cost_of_waiting_eur is not None
    assert 0.0 < free.expected_cost_of_waiting_eur < dear.expected_cost_of_waiting_eur
    assert free.state is dear.state


def test_commissioning_says_how_far_it_is(start_run: Callable[..., Any]) -> None:
    run = start_run(["natural_frequency_1"])
    run.feed({"natural_frequency_1": 3.0 + 0.01 * np.random.default_rng(1).normal(size=50)})
    record = record_of(run)
    assert record.state is RiskState.INSUFFICIENT_DATA
    assert record.advice == "wait_for_commissioning"
    assert record.reasons[0].code == "commissioning"
    assert record.reasons[0].facts == {"channels": 1, "values": 50, "needed": 96}


def motor_with_a_limit(start_run: Callable[..., Any], registers: Callable[..., Any]) -> Any:
    """Start a lock whose owner says that its motor fails at 60 degrees."""
    register, numbers = registers(["motor_temperature"], kind=AssetType.LOCK)
    hot = replace(register, channels=(replace(register.channels[0], failure_threshold=60.0),))
    run = start_run(["motor_temperature"], kind=AssetType.LOCK)
    run.catalogue = compile_catalogue(hot, numbers)
    return run


def test_a_level_past_the_owners_limit_is_at_its_failure_level_from_the_start(
    start_run: Callable[..., Any], registers: Callable[..., Any]
) -> None:
    run = motor_with_a_limit(start_run, registers)
    run.feed({"motor_temperature": 70.0 + np.random.default_rng(2).normal(size=120)})
    record = record_of(run)
    assert record.health_index == pytest.approx(0.0, abs=0.2)
    assert record.state in {RiskState.ACT, RiskState.WATCH}


@pytest.mark.parametrize(("expected_degc", "is_past"), [(40.0, True), (15.0, False)])
def test_a_limit_is_passed_where_it_is_measured(
    start_run: Callable[..., Any], registers: Callable[..., Any], expected_degc: float, *, is_past: bool
) -> None:
    """A level of 40 in another climate passed for one of 65, by an effect of warmth that was learnt wrongly."""
    run = motor_with_a_limit(start_run, registers)
    run.feed({"motor_temperature": 40.0 + np.random.default_rng(2).normal(size=119)})
    deviation, unsure = np.array([25.0]), np.array([25.0])
    run.state = replace(run.state, deviation=deviation, deviation_sd=unsure, expected=np.array([expected_degc]))
    state, _ = step_fleet(run.catalogue, run.state, run.memory, run.now_ns + HOUR_NS)
    assert state.residual[0] == pytest.approx(1.25, abs=0.05)
    assert (state.residual_sd[0] < 0.1) == is_past


@pytest.mark.parametrize(("level", "way_mm"), [(0.0, 10.0), (-7.5, 25.0), (-17.5, 25.0)])
def test_an_owners_level_lies_on_one_side(
    start_run: Callable[..., Any], registers: Callable[..., Any], level: float, way_mm: float
) -> None:
    """A road that moved away from its level by twice the distance to it had failed twice over for two years.

    Commissioned at -5, it is 10 mm from what its owner tells; the other way it fails as any does.
    """
    register, numbers = registers(["displacement"], kind=AssetType.ROAD)
    told = replace(register.channels[0], unit="mm", direction=Direction.BOTH, failure_threshold=5.0)
    run = start_run(["displacement"], kind=AssetType.ROAD)
    run.catalogue = compile_catalogue(replace(register, channels=(told,)), numbers)
    hours = np.concatenate([np.full(10 * 24, -5.0), np.full(6 * 24, level)])
    run.feed({"displacement": hours + np.random.default_rng(4).normal(scale=0.05, size=len(hours))})
    assert np.sign(run.state.deviation[0]) == np.sign(level + 5.0)
    assert run.state.distance[0] == pytest.approx(way_mm, abs=0.1)


def test_an_owners_level_is_one_in_mild_weather(start_run: Callable[..., Any], registers: Callable[..., Any]) -> None:
    """A joint that was commissioned in a hot week was a third nearer to its owner's level, for good."""
    names = ["displacement", "temperature"]
    register, numbers = registers(names, kind=AssetType.QUAY)
    told = tuple(
        replace(channel, unit="mm", direction=Direction.UP, failure_threshold=20.0)
        if channel.channel == "displacement"
        else channel
        for channel in register.channels
    )
    run = start_run(names, kind=AssetType.QUAY)
    run.catalogue = compile_catalogue(replace(register, channels=told), numbers)
    hours = np.arange(8 * 24)
    air = 28.0 + 4.0 * np.sin(hours * 2 * np.pi / 24)
    noise = np.random.default_rng(5).normal(scale=0.05, size=len(hours))
    run.feed({"displacement": 10.0 + 0.2 * (air - 10.0) + noise, "temperature": air})
    assert run.state.distance[0] == pytest.approx(20.0 - 10.0, abs=0.5)
