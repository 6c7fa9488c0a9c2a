"""A sensor that reads more, or less, of all it measures has drifted: what that can make up is no evidence of damage."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.arrays import FloatArray
from domain.measurements import DataQuality
from domain.records import DecisionVerb, RiskState
from models.catalogue import HOUR_NS
from models.chain import apply_decision, assess, risk_records
from models.compiling import compile_catalogue
from models.grades import QUALITIES, channel_grades
from models.memory import with_columns
from models.opposed import find_opposed, is_drifting, is_opposed, may_be_made_up
from models.prognosis import history_of
from models.risk import STATES
from tests.unit.models.conftest import make_register, weather_of

# The first week teaches the hours of traffic, and four days what is normal.
DAYS, BEGINS, ENDS = 60, 22, 52
NAMES = ["natural_frequency_1", "vibration_rms", "temperature"]
ONE = {"natural_frequency_1": "acc1", "vibration_rms": "acc1"}
# How far failure is from normal, as logarithms; a frequency fails below.
FREQUENCY, VIBRATION = np.log(1 / 0.9), np.log(2.5)
DAY_NS = 24 * HOUR_NS


def bridge(frequency: float, vibration: float, *, days: int = DAYS, back: float = np.inf) -> dict[str, FloatArray]:
    """Weeks of a bridge whose frequency and vibration rise by some ways to failure within a month, and may be back."""
    rng = np.random.default_rng(43)
    day = np.arange(days * 24) / 24
    moved = np.where(day < back, np.interp(day, [BEGINS, ENDS], [0.0, 1.0]), 0.0)
    noise = rng.normal(size=(3, len(day)))
    return {
        "natural_frequency_1": 3.0 * np.exp(0.004 * noise[0] + frequency * FREQUENCY * moved),
        "vibration_rms": 0.3 * np.exp(0.05 * noise[1] + vibration * VIBRATION * moved),
        "temperature": weather_of(rng, days, start_day=120).air + 0.15 * noise[2],
    }


@pytest.fixture(scope="module")
def drifted(fleet_tools: Any) -> Any:
    return fleet_tools.run(compile_catalogue(*make_register(NAMES, sensors=ONE))).feed(bridge(0.7, 0.9))


def test_an_instrument_that_drifts_is_named_as_a_whole_and_raises_no_alarm_of_condition(drifted: Any) -> None:
    ((subject, raised, hour),) = drifted.told("sensor.drift")
    assert (subject, raised, drifted.kinds()) == ("acc1", True, ["sensor.drift"])
    assert BEGINS + 10 < hour / 24 < BEGINS + 28
    (reason,) = drifted.changes[-1].reasons
    assert (reason.code, reason.facts) == (
        "sensor_opposed",
        {"sensor": "acc1", "channel": "", "towards": "vibration_rms", "away": "natural_frequency_1"},
    )
    assert is_drifting(drifted.catalogue, drifted.state).tolist() == [True, True]
    grades = channel_grades(drifted.catalogue, drifted.state, np.arange(3))
    names = [key.channel for key in drifted.catalogue.channels]
    found = dict(zip(names, [QUALITIES[grade] for grade in grades], strict=True))
    low, high = DataQuality.LOW, DataQuality.HIGH
    assert found == {"natural_frequency_1": low, "vibration_rms": low, "temperature": high}
    columns = assess(drifted.catalogue, drifted.state, np.array([drifted.now_ns]))
    assert STATES[columns.state[0]] is RiskState.INSUFFICIENT_DATA
    (record,) = risk_records(drifted.catalogue, columns, np.array([0], np.int32), provisional=False)
    assert (record.advice, record.reasons[0]) == ("restore_data", reason)
    assert [item.code for item in record.reasons].count("sensor_opposed") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("frequency", "vibration", "sensors"),
    [
        pytest.param(-0.7, 0.9, ONE, id="damage moves both towards harm"),
        pytest.param(0.7, 0.9, {}, id="two sensors"),
        pytest.param(0.03, 0.9, ONE, id="a frequency where it was"),
        pytest.param(-0.9, 0.0, ONE, id="vibration where it was"),
    ],
)
def test_what_may_be_damage_is_evidence(
    fleet_tools: Any, frequency: float, vibration: float, sensors: dict[str, str]
) -> None:
    run = fleet_tools.run(compile_catalogue(*make_register(NAMES, sensors=sensors))).feed(bridge(frequency, vibration))
    assert run.kinds() == ["condition.stiffness_loss"]
    assert not is_opposed(run.catalogue, run.state).any()


@pytest.mark.slow
def test_downwards_is_a_drift_too_and_no_name_without_a_thermometer(fleet_tools: Any) -> None:
    down = bridge(-0.9, -0.9)
    run = fleet_tools.run(compile_catalogue(*make_register(NAMES, sensors=ONE))).feed(down)
    assert run.kinds() == ["sensor.drift"]
    blind = fleet_tools.run(compile_catalogue(*make_register(NAMES[:2], sensors=ONE)))
    blind.feed({name: down[name] for name in NAMES[:2]})
    assert "sensor.drift" not in blind.kinds()


@pytest.mark.slow
def test_it_ends_two_weeks_after_the_instrument_is_back_and_damage_counts_again(drifted: Any) -> None:
    run = drifted.branch()
    days = DAYS + 40
    readings = bridge(0.7, 0.9, days=days, back=DAYS)
    run.feed({name: column[DAYS * 24 : (DAYS + 20) * 24] for name, column in readings.items()})
    (_, (subject, raised, hour)) = run.told("sensor.drift")
    assert (subject, raised, run.kinds()) == ("acc1", False, ["sensor.drift"])
    assert DAYS + 14 < hour / 24 <= DAYS + 20
    assert run.changes[-1].reasons[0].code == "sensor_agrees_again"
    assert STATES[assess(run.catalogue, run.state, np.array([run.now_ns])).state[0]] is RiskState.OK
    grown = np.repeat(np.linspace(0.0, 0.9, 20), 24)
    rest = {name: column[(DAYS + 20) * 24 :] for name, column in readings.items()}
    rest["natural_frequency_1"] = rest["natural_frequency_1"] * np.exp(-FREQUENCY * grown)
    rest["vibration_rms"] = rest["vibration_rms"] * np.exp(VIBRATION * grown)
    run.feed(rest)
    assert run.kinds() == ["sensor.drift", "condition.stiffness_loss"]


def test_a_new_normal_ends_it(drifted: Any) -> None:
    run = drifted.branch()
    run.state, _ = apply_decision(run.catalogue, run.state, 0, DecisionVerb.ACCEPT_NORMAL, run.now_ns, "sensor.drift")
    assert not is_drifting(run.catalogue, run.state).any()
    columns = assess(run.catalogue, run.state, np.array([run.now_ns]))
    (record,) = risk_records(run.catalogue, columns, np.array([0], np.int32), provisional=False)
    assert record.reasons[0].code == "commissioning"


@pytest.mark.slow
def test_what_a_drift_can_only_hide_stays_evidence(fleet_tools: Any) -> None:
    """A crack takes one frequency down at a sensor that reads ever more; vibration, which rises with it, is doubted."""
    names, sensors = [*NAMES, "natural_frequency_2"], ONE | {"natural_frequency_2": "acc1"}
    run = fleet_tools.run(compile_catalogue(*make_register(names, sensors=sensors)))
    falls = bridge(-0.9, 0.9)
    run.feed(falls | {"natural_frequency_2": 4.0 / 3.0 * bridge(0.7, 0.9)["natural_frequency_1"]})
    assert set(run.kinds()) == {"sensor.drift", "condition.stiffness_loss"}
    judged = [run.catalogue.channels[row].channel for row in run.catalogue.judged]
    doubted = dict(zip(judged, may_be_made_up(run.catalogue, run.state).tolist(), strict=True))
    assert doubted == {"natural_frequency_1": False, "natural_frequency_2": False, "vibration_rms": True}
    columns = assess(run.catalogue, run.state, np.array([run.now_ns]))
    assert STATES[columns.state[0]] is RiskState.ACT


@pytest.mark.parametrize("direction", [[1, 1], [-1, -1], [-1, 0]])
def test_quantities_that_are_harmed_alike_or_either_way_do_not_oppose(drifted: Any, direction: list[int]) -> None:
    turned = drifted.catalogue.direction.copy()
    turned[drifted.catalogue.judged] = direction
    catalogue = replace(drifted.catalogue, direction=turned)
    state, _ = opposed_days(drifted, -0.5, 0.5, catalogue=catalogue)
    assert not is_opposed(catalogue, state).any()


@pytest.mark.parametrize(
    ("frequency", "vibration", "doubted"), [(-0.3, 0.3, [False, True]), (0.3, -0.5, [True, False])]
)
def test_what_is_doubted_is_what_a_drift_that_way_can_make_up(
    drifted: Any, frequency: float, vibration: float, doubted: list[bool]
) -> None:
    state, _ = opposed_days(drifted, frequency, vibration)
    assert may_be_made_up(drifted.catalogue, state).tolist() == doubted
    two_sided = replace(drifted.catalogue, direction=np.zeros_like(drifted.catalogue.direction))
    assert may_be_made_up(two_sided, state).all()


def opposed_days(drifted: Any, frequency: float, vibration: float, *, days: int = 1, **columns: Any) -> Any:
    """Step a sensor that nothing is known of through days of such residuals; give the last state and what was told."""
    catalogue = columns.pop("catalogue", drifted.catalogue)
    nothing = np.zeros_like(drifted.state.opposed_ns)
    columns = {"long_share": np.zeros(2), "residual_sd": np.full(2, 0.05)} | columns
    state = with_columns(
        drifted.state, opposed_ns=nothing, opposed_last_ns=nothing, opposed_alarm_ns=nothing, **columns
    )
    state = with_columns(state, residual=np.array([frequency, vibration]))
    told = []
    for day in range(days):
        state, changes = find_opposed(catalogue, state, np.ones(2, np.bool_), drifted.now_ns + day * DAY_NS)
        told += changes
    return state, told


@pytest.mark.parametrize(("weight", "faded"), [([0.0, 1.0], 0.1), ([1.0, 0.0], 0.0), ([0.5, 0.5], 0.0)])
def test_what_was_seen_of_what_is_made_up_fades_and_nothing_else(
    drifted: Any, weight: list[float], faded: float
) -> None:
    """Vibration is what a sensor that reads more makes up."""
    state, _ = opposed_days(drifted, -0.3, 0.3, severity_weight=np.array(weight))
    state = with_columns(
        state, severity=np.array([0.2]), severity_sd=np.array([0.06]), evidence_ns=state.evidence_ns + 1
    )
    later = state.evidence_ns + 100 * DAY_NS
    history = history_of(drifted.catalogue, state, later, np.ones(1))
    assert history.severity_sd[0] == pytest.approx(np.hypot(0.06, faded))
    assert history.silent_days[0] == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("frequency", "vibration", "spread", "opposes"),
    [
        (-0.11, 0.11, 0.05, [True, True]),
        (0.11, 0.11, 0.05, [False, False]),
        (-0.05, 0.11, 0.02, [False, False]),  # as far as what measures it may go
        (-0.11, 0.06, 0.02, [False, False]),
        (-0.11, 0.11, 0.06, [False, False]),
        (0.11, -0.30, 0.05, [False, False]),  # vibration can be quieter by so much
        (0.11, -0.40, 0.05, [True, True]),
    ],
)
def test_from_where_quantities_oppose(
    drifted: Any, frequency: float, vibration: float, spread: float, opposes: list[bool]
) -> None:
    state, told = opposed_days(drifted, frequency, vibration, residual_sd=np.full(2, spread))
    assert is_opposed(drifted.catalogue, state).tolist() == opposes
    assert told == []


@pytest.mark.parametrize(("days", "vibration", "named"), [(10, 0.3, 0), (11, 0.3, 1), (30, 0.12, 0)])
def test_it_is_named_after_ten_days_where_it_is_clear(drifted: Any, days: int, vibration: float, named: int) -> None:
    state, told = opposed_days(drifted, -0.3, vibration, days=days)
    assert len(told) == named
    assert is_drifting(drifted.catalogue, state).any() == bool(named)


def test_where_a_quantity_has_lain_for_months_it_is_not_going(drifted: Any) -> None:
    state, _ = opposed_days(drifted, -0.3, 0.3, long_share=np.array([-0.3, 0.0]))
    assert not is_opposed(drifted.catalogue, state).any()
    state, _ = opposed_days(drifted, -0.3, 0.3, days=240)
    assert not is_opposed(drifted.catalogue, state).any()


def test_what_follows_load_may_rest(drifted: Any) -> None:
    loaded = replace(drifted.catalogue, follows_load=np.ones_like(drifted.catalogue.follows_load))
    state, _ = opposed_days(drifted, -0.3, 0.3, catalogue=loaded)
    assert not is_opposed(loaded, state).any()


def test_a_sensor_that_is_not_heard_stays_as_it_is(drifted: Any) -> None:
    state, _ = opposed_days(drifted, -0.3, 0.3)
    later, told = find_opposed(drifted.catalogue, state, np.zeros(2, np.bool_), drifted.now_ns + 90 * DAY_NS)
    assert told == []
    assert is_opposed(drifted.catalogue, later).all()
