"""An instrument that has come loose reads sounder than any structure: it is named, and is no evidence of health."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.arrays import FloatArray
from domain.identifiers import AssetId, SensorId
from domain.measurements import DataQuality
from domain.records import DecisionVerb, RiskState
from domain.register import Works
from models.catalogue import HOUR_NS
from models.chain import apply_decision, assess, risk_records
from models.compiling import compile_catalogue
from models.grades import QUALITIES, channel_grades
from models.lost_sensitivity import find_lost_sensitivity, goes_too_far, is_lost
from models.memory import with_columns
from models.risk import STATES
from tests.unit.models.conftest import START_NS, make_register, weather_of

LEARNING_DAYS, DAYS = 18, 62
NAMES = ["vibration_rms", "temperature"]
FALLEN = 32  # day on which it has come down
# The failure level of vibration lies at this logarithm above normal.
DISTANCE = np.log(2.5)


def vibration(
    fall: float, *, days: int = DAYS, back_after: float | None = None, back_in: float = 0.0, seed: int = 41
) -> dict[str, FloatArray]:
    """Weeks of a bridge whose gauge comes down by some ways to failure in two weeks, and may come back."""
    rng = np.random.default_rng(seed)
    weather = weather_of(rng, days, start_day=120)
    day = np.arange(days * 24) / 24
    down = np.interp(day, [LEARNING_DAYS, FALLEN], [0.0, fall * DISTANCE])
    if back_after is not None:
        down = down * np.interp(day, [back_after, back_after + back_in + 0.01], [1.0, 0.0])
    level = 0.3 * np.exp(rng.normal(scale=0.08, size=len(day)) - down)
    return {"vibration_rms": level, "temperature": weather.air + rng.normal(scale=0.15, size=len(day))}


@pytest.fixture(scope="module")
def lost(fleet_tools: Any) -> Any:
    return fleet_tools.run(compile_catalogue(*make_register(NAMES))).feed(vibration(1.9))


def test_it_is_named_ten_days_after_it_went_too_far_and_counts_for_nothing(lost: Any) -> None:
    assert lost.state.distance[0] == pytest.approx(DISTANCE)
    ((subject, raised, hour),) = lost.told("sensor.drift")
    assert (subject, raised) == ("s-vibration_rms/vibration_rms", True)
    # The level follows a fall within a week or two.
    assert FALLEN + 10 < hour / 24 < FALLEN + 22
    (reason,) = next(change.reasons for change in lost.changes if change.kind == "sensor.drift")
    assert reason.code == "sensor_far_from_harm"
    assert reason.facts["times"] == pytest.approx(1.9, abs=0.2)
    assert lost.kinds() == ["sensor.drift"]
    assert is_lost(lost.catalogue, lost.state).tolist() == [True]
    grades = channel_grades(lost.catalogue, lost.state, np.arange(2))
    names = [key.channel for key in lost.catalogue.channels]
    assert dict(zip(names, [QUALITIES[grade] for grade in grades], strict=True)) == {
        "vibration_rms": DataQuality.LOW,
        "temperature": DataQuality.HIGH,
    }
    columns = assess(lost.catalogue, lost.state, np.array([lost.now_ns]))
    assert STATES[columns.state[0]] is RiskState.INSUFFICIENT_DATA
    assert QUALITIES[columns.quality[0]] is DataQuality.LOW
    (record,) = risk_records(lost.catalogue, columns, np.array([0], np.int32), provisional=False)
    assert record.advice == "restore_data"
    assert record.reasons[0].code == "sensor_far_from_harm"
    assert "all_as_expected" not in {reason.code for reason in record.reasons}
    # That it fell is nothing that a sound channel of its kind does.
    assert (lost.state.settled_days[0], lost.state.settled_square[0], lost.state.bend_effect[0].any()) == (0, 0, False)
    # Its last word as a witness is as old as the alarm.
    assert lost.state.evidence_ns.max() == START_NS + (hour - 24) * HOUR_NS


@pytest.mark.slow
@pytest.mark.parametrize("fall", [0.0, 1.2])
def test_what_a_structure_may_do_is_not_named(fleet_tools: Any, fall: float) -> None:
    run = fleet_tools.run(compile_catalogue(*make_register(NAMES))).feed(vibration(fall))
    assert run.kinds() == []


@pytest.mark.slow
def test_no_name_without_a_thermometer_nor_before_ten_days(fleet_tools: Any) -> None:
    readings = vibration(1.9)
    blind = fleet_tools.run(compile_catalogue(*make_register(NAMES[:1])))
    blind.feed({"vibration_rms": readings["vibration_rms"]})
    assert blind.kinds() == []
    early = fleet_tools.run(compile_catalogue(*make_register(NAMES)))
    early.feed({name: column[: (FALLEN + 8) * 24] for name, column in readings.items()})
    assert early.kinds() == []


@pytest.mark.slow
def test_another_that_speaks_keeps_its_asset_known(fleet_tools: Any) -> None:
    run = fleet_tools.run(compile_catalogue(*make_register([*NAMES, "natural_frequency_1"])))
    readings = vibration(1.9)
    frequency = 3.0 * np.exp(np.random.default_rng(42).normal(scale=0.004, size=DAYS * 24))
    run.feed({**readings, "natural_frequency_1": frequency})
    assert run.kinds() == ["sensor.drift"]
    columns = assess(run.catalogue, run.state, np.array([run.now_ns]))
    assert STATES[columns.state[0]] is RiskState.OK
    assert QUALITIES[columns.quality[0]] is not DataQuality.HIGH
    assert run.state.evidence_ns.max() == run.now_ns


@pytest.mark.slow
@pytest.mark.parametrize("back_in", [0.0, 4.0])
def test_it_ends_when_it_is_back_and_the_way_back_is_no_fault(lost: Any, back_in: float) -> None:
    run = lost.branch()
    readings = vibration(1.9, days=DAYS + 30, back_after=DAYS, back_in=back_in)
    run.feed({name: column[DAYS * 24 :] for name, column in readings.items()})
    assert [raised for _, raised, _ in run.told("sensor.drift")] == [True, False]
    assert run.changes[-1].reasons[0].code == "sensor_near_again"
    assert run.kinds() == ["sensor.drift"]
    columns = assess(run.catalogue, run.state, np.array([run.now_ns]))
    assert STATES[columns.state[0]] is RiskState.OK
    assert run.state.residual_sd[0] < 0.15


@pytest.mark.slow
@pytest.mark.parametrize(("fall", "kept"), [(1.9, 0.0), (0.5, -0.5)])
def test_an_instrument_that_takes_its_place_is_read_as_the_first_was(
    fleet_tools: Any, fall: float, kept: float
) -> None:
    """A swap leaves the deviation where it was, as no two instruments are alike; not where no structure can be."""
    begin_ns = START_NS + DAYS * 24 * HOUR_NS
    sensor = SensorId("s-vibration_rms")
    swap = Works(AssetId("b000"), "sensor_swap", begin_ns, begin_ns + 6 * HOUR_NS, sensor)
    started = fleet_tools.run(compile_catalogue(*make_register(NAMES, works=(swap,))))
    off, unsure = [], []
    for seed in range(41, 45):
        run = started.branch().feed(vibration(fall, days=DAYS + 8, back_after=DAYS, seed=seed))
        off.append(run.state.deviation[0] / DISTANCE - kept)
        unsure.append(run.state.deviation_sd[0] / DISTANCE)
        assert not is_lost(run.catalogue, run.state).any()
    assert np.max(unsure) < 0.12
    assert np.median(np.abs(off)) < 0.1
    assert np.max(np.abs(np.divide(off, unsure))) < 3.0


def test_a_new_normal_ends_it(lost: Any) -> None:
    run = lost.branch()
    run.state, _ = apply_decision(run.catalogue, run.state, 0, DecisionVerb.ACCEPT_NORMAL, run.now_ns, "sensor.drift")
    columns = assess(run.catalogue, run.state, np.array([run.now_ns]))
    (record,) = risk_records(run.catalogue, columns, np.array([0], np.int32), provisional=False)
    assert record.reasons[0].code == "commissioning"
    readings = vibration(1.9, days=DAYS + 8)
    run.feed({name: column[DAYS * 24 :] for name, column in readings.items()})
    assert not is_lost(run.catalogue, run.state).any()


def test_nothing_known_goes_nowhere(lost: Any) -> None:
    far = np.array([-3.0 * DISTANCE])
    assert goes_too_far(lost.catalogue, lost.state, far).tolist() == [True]
    assert goes_too_far(lost.catalogue, lost.state, -far).tolist() == [False]
    assert goes_too_far(lost.catalogue, lost.state, np.array([np.nan])).tolist() == [False]


@pytest.mark.parametrize(("error", "named"), [(0.2, [True]), (0.4, [])])
def test_what_weather_can_explain_is_not_named(lost: Any, error: float, named: list[bool]) -> None:
    long_ago = np.where(lost.state.drift_ns > 0, lost.now_ns - 30 * 24 * HOUR_NS, 0)
    unsure = with_columns(
        lost.state,
        drift_ns=np.zeros_like(lost.state.drift_ns),
        apart_ns=long_ago,
        deviation_sd=np.array([error * DISTANCE]),
    )
    state, changes = find_lost_sensitivity(lost.catalogue, unsure, np.array([True]), lost.now_ns)
    assert [change.raised for change in changes] == named
    assert bool(is_lost(lost.catalogue, state)[0]) is bool(named)
    assert bool(state.apart_ns.any()) is bool(named)


def test_what_follows_load_may_rest(lost: Any) -> None:
    loaded = replace(lost.catalogue, follows_load=np.ones_like(lost.catalogue.follows_load))
    assert goes_too_far(loaded, lost.state, np.array([-3.0 * DISTANCE])).tolist() == [False]
