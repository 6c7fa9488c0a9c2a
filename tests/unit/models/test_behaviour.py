"""What the chain does on weeks of synthetic life, and on a real bridge where its record is at hand.

The synthetic structures follow their own temperature with a lag of 18 hours, stiffen in frost, move with
traffic, and wander by themselves: none of it exactly as the model assumes.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.identifiers import AssetId, SensorId
from domain.measurements import DataQuality
from domain.records import RiskAssessment, RiskState
from domain.register import Works
from models.catalogue import HOUR_NS
from models.chain import assess, risk_records
from tests.lengths import either

START_NS = 472_224 * HOUR_NS
DAY_NS = 24 * HOUR_NS
BRIDGE_RECORD = Path(__file__).parents[3].parent / "shared" / "data" / "shm" / "yonghe_fdd_hourly.csv.gz"


def record_of(run: Any) -> RiskAssessment:
    at_ns = np.array([run.now_ns], np.int64)
    columns = assess(run.catalogue, run.state, at_ns)
    return risk_records(run.catalogue, columns, np.array([0], np.int32), provisional=False)[0]


def frequency(rng: np.random.Generator, weather: Any, *, loss: Any = 0.0, base_hz: float = 3.1) -> Any:
    hours = len(weather.air)
    frost = -0.03 * np.minimum(weather.inside, 0.0) / 5.0
    slow = np.cumsum(rng.normal(scale=0.00008, size=hours)) * 0.5
    logarithm = -0.004 * (weather.inside - 10.0) / 10.0 + frost + slow + rng.normal(scale=0.004, size=hours)
    return base_hz * np.exp(logarithm) * (1.0 - loss)


@pytest.mark.slow
def test_the_wrong_direction_is_no_damage(start_run: Callable[..., Any], make_weather: Callable[..., Any]) -> None:
    rng = np.random.default_rng(14)
    stiffens, days = either((15, 36), long=(30, 60))
    weather = make_weather(rng, days, start_day=120)
    run = start_run(["natural_frequency_1", "natural_frequency_2", "temperature"])
    stiffer = np.where(np.arange(days * 24) > stiffens * 24, -0.05, 0.0)
    run.feed(
        {
            "natural_frequency_1": frequency(rng, weather, loss=stiffer),
            "natural_frequency_2": frequency(rng, weather, loss=stiffer, base_hz=5.0),
            "temperature": weather.air,
        }
    )
    assert run.kinds() == []


@pytest.mark.slow
def test_silence_is_insufficient_data_and_never_health(
    start_run: Callable[..., Any], make_weather: Callable[..., Any]
) -> None:
    rng = np.random.default_rng(15)
    weather = make_weather(rng, 20)
    run = start_run(["natural_frequency_1", "temperature"])
    run.feed({"natural_frequency_1": frequency(rng, weather), "temperature": weather.air})
    assert record_of(run).state is RiskState.OK
    run.feed({"temperature": np.full(72, np.nan)})
    record = record_of(run)
    assert record.state is RiskState.INSUFFICIENT_DATA
    assert record.data_quality is DataQuality.NONE
    assert record.reasons[0].code == "no_recent_data"
    assert run.kinds() == ["data.silent", "data.silent"]
    assert {change.subject for change in run.changes} == {"s-natural_frequency_1", "s-temperature"}


@pytest.mark.slow
def test_a_sensor_that_comes_and_goes_is_one_silence_until_that_is_known(start_run: Callable[..., Any]) -> None:
    """A dying sensor raised and cleared one every few hours, dozens in a week."""
    hours = np.arange(300)
    jitter = np.modf(hours * 0.754877666)[0]
    heard = (hours < 100) | (hours % 9 < 2) | (hours >= 200)
    run = start_run(["natural_frequency_1", "temperature"])
    run.feed({"natural_frequency_1": np.where(heard, 2.0 + jitter, np.nan), "temperature": jitter})
    rows = run.told("data.silent")
    assert [row[:2] for row in rows] == [("s-natural_frequency_1", True), ("s-natural_frequency_1", False)]
    assert 100 < rows[0][2] < 110
    # After three gaps or four it is known to come and go, and a day later the alarm of silence ends.
    known = run.told("data.gaps")[0][2]
    assert 126 <= known <= 136
    assert known < rows[1][2] <= known + 24


def test_one_channel_that_stays_away_is_told_when_its_sensor_is_back(start_run: Callable[..., Any]) -> None:
    names = ["natural_frequency_1", "strain", "temperature"]
    run = start_run(names, sensors=dict.fromkeys(names, "s"))
    hours = np.arange(200)
    jitter = np.modf(hours * 0.754877666)[0]
    away = (hours >= 100) & (hours < 120)
    run.feed(
        {
            "natural_frequency_1": np.where(away, np.nan, 2.0 + jitter),
            "temperature": np.where(away, np.nan, jitter),
            "strain": np.where(hours >= 100, np.nan, jitter),
        }
    )
    rows = run.told("data.silent")
    assert [row[:2] for row in rows] == [("s", True), ("s", False), ("s/strain", True)]
    assert rows[1][2] == rows[2][2]


@pytest.mark.slow
def test_a_stuck_sensor_is_named_and_is_no_evidence(
    start_run: Callable[..., Any], make_weather: Callable[..., Any]
) -> None:
    rng = np.random.default_rng(16)
    weather = make_weather(rng, 30)
    run = start_run(["natural_frequency_1", "temperature"])
    values = frequency(rng, weather)
    values[20 * 24 :] = values[20 * 24]
    run.feed({"natural_frequency_1": values, "temperature": weather.air})
    assert run.kinds() == ["sensor.stuck"]
    record = record_of(run)
    assert record.data_quality is not DataQuality.HIGH
    assert record.state is RiskState.INSUFFICIENT_DATA


@pytest.mark.slow
def test_what_else_counts_is_not_the_load_while_the_counter_of_vehicles_is_silent(
    start_run: Callable[..., Any], make_weather: Callable[..., Any]
) -> None:
    """The mean of vehicles and openings fell to the openings in such hours, and a warm motor passed for a worn one."""
    rng = np.random.default_rng(18)
    weather = make_weather(rng, 40)
    hours = np.arange(len(weather.air))
    smooth = np.convolve(weather.traffic, np.exp(-np.arange(48) / 8.0) / 8.5)[: len(hours)]
    motor = 20.0 + weather.air + 6.0 * np.log(smooth + 50.0) + rng.normal(scale=0.5, size=len(hours))
    lost = (hours >= 30 * 24) & (rng.random(len(hours)) < 0.7)
    run = start_run(["motor_temperature", "temperature", "traffic_count", "cycles"])
    run.feed(
        {
            "motor_temperature": motor,
            "temperature": weather.air,
            "traffic_count": np.where(lost, np.nan, np.round(weather.traffic)),
            "cycles": rng.poisson(0.4, len(hours)).astype(np.float64),
        }
    )
    assert [kind for kind in run.kinds() if kind.startswith("condition")] == []
    assert float(np.max(np.abs(run.state.deviation / run.state.distance))) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["resurfacing", "groot onderhoud", "diversion"])
def test_announced_works_explain_the_step_across_them_and_no_more(
    start_run: Callable[..., Any], make_weather: Callable[..., Any], kind: str
) -> None:
    rng = np.random.default_rng(17)
    begin, days = either((15, 40), long=(30, 70))
    weather = make_weather(rng, days, start_day=120)
    hours = np.arange(days * 24)
    works = (Works(AssetId("b000"), kind, START_NS + begin * DAY_NS, START_NS + (begin + 2) * DAY_NS),)
    run = start_run(["natural_frequency_1", "natural_frequency_2", "temperature"], works=works)
    loss = np.where(hours >= begin * 24, 0.05, 0.0)
    run.feed(
        {
            "natural_frequency_1": frequency(rng, weather, loss=loss),
            "natural_frequency_2": frequency(rng, weather, loss=loss, base_hz=5.0),
            "temperature": weather.air,
        }
    )
    if kind != "diversion":
        assert run.kinds() == []
        assert abs(float(run.state.deviation[0] / run.state.distance[0])) < 0.1
    else:
        assert run.kinds() == ["condition.stiffness_loss"]
        assert run.changes[0].at_ns > START_NS + (begin + 2) * DAY_NS


@pytest.mark.slow
@pytest.mark.parametrize("first", [0.01, 1e-5])
def test_what_lies_about_nought_fails_beyond_its_own_scatter(
    start_run: Callable[..., Any], make_weather: Callable[..., Any], first: float
) -> None:
    """A gauge of no known quantity failed at half as much again as about 0: of 14 sound ones three raised alarms.

    Where its very first value was next to 0, all that it could do was nought as well, and it followed no damage.
    """
    rng = np.random.default_rng(23)
    weather, days = make_weather(rng, 50, start_day=120), np.arange(50 * 24) / 24
    loss = 0.003 * np.maximum(days - 30.0, 0.0)
    gauge = rng.normal(scale=0.005, size=len(days)) - loss
    gauge[0] = first
    sound = start_run(["gauge", "temperature"])
    sound.feed({"gauge": gauge[: 30 * 24], "temperature": weather.air[: 30 * 24]})
    assert sound.kinds() == []
    assert abs(float(sound.state.deviation[0] / sound.state.distance[0])) < 0.3
    sound.feed({"gauge": gauge[30 * 24 :], "temperature": weather.air[30 * 24 :]})
    assert sound.kinds()[0] == "condition.stiffness_loss"


def test_what_lies_far_from_nought_fails_at_a_share_of_it(
    start_run: Callable[..., Any], make_weather: Callable[..., Any]
) -> None:
    rng = np.random.default_rng(23)
    weather = make_weather(rng, 6, start_day=120)
    far = start_run(["gauge", "temperature"])
    far.feed({"gauge": 0.3 + rng.normal(scale=0.005, size=6 * 24), "temperature": weather.air})
    assert float(far.state.distance[0]) == pytest.approx(0.15, rel=0.02)


@pytest.mark.slow
def test_works_on_one_sensor_suspend_that_sensor_alone(
    start_run: Callable[..., Any], make_weather: Callable[..., Any]
) -> None:
    rng = np.random.default_rng(18)
    begin, days = either((15, 25), long=(30, 40))
    weather = make_weather(rng, days, start_day=120)
    begin_ns = START_NS + begin * DAY_NS
    works = (Works(AssetId("b000"), "sensor swap", begin_ns, begin_ns + DAY_NS, SensorId("s-strain")),)
    run = start_run(["natural_frequency_1", "strain", "temperature"], works=works)
    jump = np.where(np.arange(days * 24) >= begin * 24, 400.0, 0.0)
    run.feed(
        {
            "natural_frequency_1": frequency(rng, weather),
            "strain": 40.0 + rng.normal(scale=3.0, size=days * 24) + jump,
            "temperature": weather.air,
        }
    )
    assert run.kinds() == []
    assert abs(float(run.state.deviation[1] / run.state.distance[1])) < 0.1


@pytest.mark.slow
def test_an_alarm_clears_after_two_calm_weeks(start_run: Callable[..., Any], make_weather: Callable[..., Any]) -> None:
    rng = np.random.default_rng(19)
    days = either(58, long=90)
    weather = make_weather(rng, days, start_day=120)
    hours = np.arange(days * 24)
    loss = np.where((hours >= 20 * 24) & (hours < 30 * 24), 0.06, 0.0)
    run = start_run(["natural_frequency_1", "natural_frequency_2", "temperature"])
    run.feed(
        {
            "natural_frequency_1": frequency(rng, weather, loss=loss),
            "natural_frequency_2": frequency(rng, weather, loss=loss, base_hz=5.0),
            "temperature": weather.air,
        }
    )
    assert [(change.kind, change.raised) for change in run.changes] == [
        ("condition.stiffness_loss", True),
        ("condition.stiffness_loss", False),
    ]
    raised, cleared = run.changes
    assert cleared.raised_at_ns == raised.at_ns
    assert START_NS + 44 * DAY_NS <= cleared.at_ns <= START_NS + 55 * DAY_NS


@pytest.mark.skipif(not BRIDGE_RECORD.exists(), reason="no ../shared/data/shm: the bridge record is not shipped")
def test_a_real_bridge_without_temperature_is_alarmed_within_its_damaged_day(start_run: Callable[..., Any]) -> None:
    names = [f"natural_frequency_{number}" for number in range(1, 5)]
    with gzip.open(BRIDGE_RECORD, "rt", encoding="ascii") as lines:
        rows = list(csv.DictReader(lines))
    values = {name: np.array([float(row[f"f{name[-1]}"]) for row in rows]) for name in names}
    damaged = [row["damaged"] == "1" for row in rows].index(True)
    run = start_run(names)
    run.feed(values)
    hours = [(change.raised_at_ns - START_NS) / HOUR_NS for change in run.changes if change.raised]
    assert sum(hour <= damaged for hour in hours) <= 1
    assert any(hour > damaged for hour in hours)
    assert record_of(run).reasons[0].code == "alarm_open"
