"""Years of a small fleet that reports every third hour: what must stay quiet, and what must be found in time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.arrays import FeatureTable
from domain.records import RiskAssessment, RiskState
from models.catalogue import HOUR_NS
from models.chain import assess, risk_records
from tests.lengths import either

START_NS = 472_224 * HOUR_NS
LOSS_BEGINS_DAY, DAYS = either((130, 550), long=(300, 730))
EVERY_HOURS = 3
NAMES = ["natural_frequency_1", "natural_frequency_2", "temperature", "traffic_count", "vibration_rms"]
# Asset by asset: a sound one commissioned in autumn, one in midwinter, one in summer, a slow loss of 3 % of both
# frequencies, and a slow loss that reaches the failure level of 10 % after 400 days and is felt in the vibration.
SCENARIOS = ["sound", "sound from winter", "sound from summer", "three percent", "to failure"]


@pytest.fixture(scope="module")
def fleet(request: pytest.FixtureRequest) -> Any:
    maker = request.getfixturevalue("fleet_tools")
    run = maker.start(NAMES, assets=len(SCENARIOS))
    # Every third hour is fed, and that is how often the sensors of this fleet speak.
    run.catalogue = replace(run.catalogue, interval_ns=np.full_like(run.catalogue.interval_ns, EVERY_HOURS * HOUR_NS))
    run.ways = []
    days = np.arange(DAYS * 24) / 24
    severity = {
        "three percent": np.clip((days - LOSS_BEGINS_DAY) / 180, 0.0, 1.0) * np.log(0.97) / np.log(0.90),
        "to failure": np.clip((days - LOSS_BEGINS_DAY) / 400, 0.0, 1.2),
    }
    start_day = {"sound from winter": 5, "sound from summer": 190}
    columns = []
    for number, scenario in enumerate(SCENARIOS):
        rng = np.random.default_rng(100 + number)
        weather = maker.weather(rng, DAYS, start_day=start_day.get(scenario, 300))
        loss = severity.get(scenario, 0.0 * days)
        columns += [
            frequency(rng, weather, maker, loss, 3.1, 0.03),
            frequency(rng, weather, maker, loss, 4.7, 0.02),
            weather.air,
            weather.traffic,
            0.3
            * np.sqrt(weather.traffic / 300.0)
            * np.exp(
                0.03 * (weather.air - 10.0) / 10.0
                + loss * np.log(2.5) * (scenario == "to failure")
                + rng.normal(scale=0.15, size=len(days))
                + maker.wander(rng, len(days), 0.04, 8.0)
            ),
        ]
    table = np.column_stack(columns)
    valid = np.ones(table.shape[1], np.bool_)
    for hour in range(0, len(table), EVERY_HOURS):
        row = table[hour]
        starts = np.full(len(SCENARIOS), START_NS + hour * HOUR_NS, np.int64)
        features = FeatureTable.of_single(starts, run.catalogue.hop_ns, row, valid)
        run.state, _, changes = maker.step(run.catalogue, run.state, features)
        run.changes.extend(changes)
        if (hour + EVERY_HOURS) % 24 == 0:
            end_ns = START_NS + (hour + EVERY_HOURS) * HOUR_NS
            run.state, changes = maker.end_day(run.catalogue, run.state, run.memory, end_ns)
            run.changes.extend(changes)
            run.ways.append(run.state.deviation / run.state.distance)
    return run


def frequency(rng: Any, weather: Any, maker: Any, loss: Any, base_hz: float, frost: float) -> Any:
    logarithm = (
        -0.006 * (weather.inside - 10.0) / 10.0
        - frost * np.minimum(weather.inside, 0.0) / 5.0
        + loss * np.log(0.90)
        + rng.normal(scale=0.004, size=len(weather.air))
        + maker.wander(rng, len(weather.air), 0.0015, 8.0)
    )
    return base_hz * np.exp(logarithm)


def record_of(run: Any, asset: int) -> RiskAssessment:
    at_ns = run.state.stepped_ns
    columns = assess(run.catalogue, run.state, at_ns)
    return risk_records(run.catalogue, columns, np.array([asset], np.int32), provisional=False)[0]


@pytest.mark.slow
def test_sound_bridges_raise_nothing_through_frost_summer_and_traffic(fleet: Any) -> None:
    assert [change for change in fleet.changes if change.asset < 3] == []
    chances = []
    for asset in range(3):
        record = record_of(fleet, asset)
        assert record.state is RiskState.OK, record.reasons
        chances.append(record.probability_of_failure[1].value)
    # In a fleet as calm as this one, of which two of five do fail, the one that lies 6 % of the way is given a little.
    assert sorted(chances)[1] < 0.01
    assert max(chances) < 0.05


@pytest.mark.slow
def test_frost_summer_and_traffic_are_taken_out_of_what_sound_bridges_say(fleet: Any) -> None:
    """Warmth, frost or traffic that is not: 0.08 of the way for a frequency and more, 0.37 for the vibration."""
    catalogue, ways = fleet.catalogue, np.abs(fleet.ways)
    for row in np.flatnonzero(catalogue.asset_of_judged < 3).tolist():
        name = catalogue.channels[int(catalogue.judged[row])].channel
        is_known = np.isfinite(ways[:, row])
        assert is_known.mean() > 0.9
        nearly_always = np.quantile(ways[is_known, row], 0.95)
        assert nearly_always < (0.17 if name == "vibration_rms" else 0.075), (row, name)


@pytest.mark.slow
@pytest.mark.parametrize(("asset", "latest_day"), [(3, LOSS_BEGINS_DAY + 180), (4, LOSS_BEGINS_DAY + 200)])
def test_slow_loss_is_alarmed_once_and_long_before_its_failure_level(fleet: Any, asset: int, latest_day: int) -> None:
    changes = [change for change in fleet.changes if change.asset == asset]
    assert [(change.kind, change.raised) for change in changes] == [("condition.stiffness_loss", True)]
    assert LOSS_BEGINS_DAY < (changes[0].at_ns - START_NS) / (24 * HOUR_NS) < latest_day


@pytest.mark.slow
def test_the_worst_bridge_has_the_highest_risk_and_says_why(fleet: Any) -> None:
    records = [record_of(fleet, asset) for asset in range(len(SCENARIOS))]
    costs = [record.expected_cost_of_waiting_eur or 0.0 for record in records]
    assert int(np.argmax(costs)) == SCENARIOS.index("to failure")
    worst = records[-1]
    assert worst.state is RiskState.ACT
    assert worst.health_index == pytest.approx(0.0, abs=0.15)
    assert worst.probability_of_failure[1].value > 0.5
    assert worst.remaining_life is not None
    assert worst.remaining_life.q50_days < 60.0
    codes = [reason.code for reason in worst.reasons]
    assert codes[0] == "alarm_open"
    assert "expected_vs_measured" in codes
