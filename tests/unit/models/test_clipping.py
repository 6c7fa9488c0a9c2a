"""The end of an instrument's range is named, and told from what is coarse, stuck once, or full by nature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.arrays import FeatureTable, FloatArray
from domain.identifiers import AssetId, SensorId
from domain.measurements import DataQuality
from domain.register import AssetType, Works
from models.catalogue import HOUR_NS
from models.chain import step_hop
from models.compiling import compile_catalogue
from models.grades import QUALITIES, channel_grades
from tests.unit.models.conftest import START_NS, Run, make_register

NAMES = ["tilt", "vibration_rms", "temperature", "humidity"]
DAYS = 40
HOURS = np.arange(DAYS * 24)
WAVE = np.sin(HOURS * 2 * np.pi / 24)


def month() -> dict[str, FloatArray]:
    """Forty days of a bridge whose tilt follows the sun."""
    rng = np.random.default_rng(4)
    return {
        "tilt": 0.5 + 0.3 * WAVE + 0.02 * rng.normal(size=len(HOURS)),
        "vibration_rms": 0.3 * np.exp(rng.normal(scale=0.08, size=len(HOURS))),
        "temperature": 12.0 + 5.0 * WAVE + 0.2 * rng.normal(size=len(HOURS)),
        "humidity": np.clip(85.0 - 20.0 * WAVE + rng.normal(size=len(HOURS)), 0.0, 100.0),
    }


def lived(start_run: Callable[..., Any], **changed: Callable[[FloatArray], FloatArray]) -> Any:
    values = month()
    for name, change in changed.items():
        values[name] = change(values[name])
    return start_run(NAMES).feed(values)


def raised(run: Any) -> list[tuple[str, str]]:
    return [(change.kind, change.subject) for change in run.changes if change.raised]


def test_the_floor_of_a_machine_that_nobody_counts_is_no_end_of_a_range(start_run: Callable[..., Any]) -> None:
    hours = HOURS[: 20 * 24]
    run = start_run(["vibration_rms", "temperature"], kind=AssetType.LOCK)
    shakes = np.where(hours % 24 >= 8, month()["vibration_rms"][: len(hours)], 0.06)
    run.feed({"vibration_rms": shakes, "temperature": month()["temperature"][: len(hours)]})
    assert "sensor.clipping" not in run.kinds()


@pytest.mark.parametrize("way", [1.0, -1.0], ids=["the upper end", "the lower end"])
@pytest.mark.slow
def test_a_range_that_ends_too_soon_is_named_once_and_its_values_count(
    start_run: Callable[..., Any], way: float
) -> None:
    def ends(values: FloatArray) -> FloatArray:
        return way * np.where(HOURS < 20 * 24, values, np.minimum(values, 0.7))

    run = lived(start_run, tilt=ends)
    assert raised(run) == [("sensor.clipping", "s-tilt")]
    (change,) = run.changes
    assert change.reasons[0].code == "sensor_range_ends"
    assert change.reasons[0].facts == {
        "sensor": "s-tilt",
        "channel": "tilt",
        "value": way * 0.7,
        "unit": "mrad",
        "share": pytest.approx(0.25, abs=0.06),
    }
    # The third noon is the first that can tell.
    assert 22 * 24 <= (change.at_ns - START_NS) / HOUR_NS <= 24 * 24
    grades = channel_grades(run.catalogue, run.state, np.arange(len(NAMES)))
    channels = [key.channel for key in run.catalogue.channels]
    assert {name for name, grade in zip(channels, grades, strict=True) if QUALITIES[grade] is not DataQuality.HIGH} == {
        "tilt"
    }
    assert QUALITIES[grades[channels.index("tilt")]] is DataQuality.MEDIUM
    assert run.state.updated_ns.tolist() == [run.now_ns] * 2


@pytest.mark.slow
def test_it_is_over_once_the_range_is_wide_again(start_run: Callable[..., Any]) -> None:
    between = (HOURS >= 10 * 24) & (HOURS < 20 * 24)
    run = lived(start_run, tilt=lambda values: np.where(between, np.minimum(values, 0.7), values))
    assert [change.raised for change in run.changes] == [True, False]
    assert 20 * 24 < (run.changes[1].at_ns - START_NS) / HOUR_NS <= 24 * 24


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("filling", [-999.0, 65535.0])
def test_what_a_gateway_says_for_nothing_is_no_end_of_a_range(
    start_run: Callable[..., Any], name: str, filling: float
) -> None:
    """One value in five was taken for a range that ends there, for which a wider one should be set."""
    lost = np.random.default_rng(6).random(len(HOURS)) < 0.2
    run = lived(start_run, **{name: lambda values: np.where(lost & (HOURS > 20 * 24), filling, values)})
    assert {kind for kind, _ in raised(run)} <= {"sensor.spikes", "sensor.noisy"}
    assert raised(run)


@pytest.mark.slow
def test_what_is_named_so_is_not_stuck_as_well(start_run: Callable[..., Any]) -> None:
    """Three days at the end of the range were an alarm of their own each time."""

    def ends(values: FloatArray) -> FloatArray:
        hot = (HOURS >= 26 * 24) & (HOURS % (7 * 24) < 4 * 24)
        return np.where(HOURS < 20 * 24, values, np.where(hot, 0.7, np.minimum(values, 0.7)))

    run = lived(start_run, tilt=ends)
    assert raised(run) == [("sensor.clipping", "s-tilt")]


@pytest.mark.parametrize(("days", "grade"), [(1, DataQuality.MEDIUM), (5, DataQuality.LOW)])
@pytest.mark.slow
def test_what_stays_at_its_end_for_days_does_not_count_and_its_grade_says_so(
    start_run: Callable[..., Any], days: int, grade: DataQuality
) -> None:
    """It was of medium grade, usable with care, while none of its values counted for weeks."""
    stays = (DAYS - days) * 24

    def ends(values: FloatArray) -> FloatArray:
        return np.where(HOURS < 20 * 24, values, np.where(stays > HOURS, np.minimum(values, 0.7), 0.7))

    run = lived(start_run, tilt=ends)
    assert raised(run) == [("sensor.clipping", "s-tilt")]
    row = [key.channel for key in run.catalogue.channels].index("tilt")
    assert QUALITIES[channel_grades(run.catalogue, run.state, np.array([row]))[0]] is grade
    counts = run.state.updated_ns[np.searchsorted(run.catalogue.judged, row)] == run.now_ns
    assert counts == (grade is DataQuality.MEDIUM)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("temperature", np.round),
        ("tilt", lambda values: np.round(values, 1)),
        ("tilt", lambda values: np.round(values / 0.25) * 0.25),
        ("humidity", lambda values: np.minimum(values + 15.0, 100.0)),
        ("temperature", lambda values: np.round(values, 1)),
        ("vibration_rms", lambda values: np.maximum(values - 0.3, 0.0) + 1e-9 * HOURS * (values > 0.3)),
    ],
    ids=["whole degrees", "coarse", "coarser than its course", "full air", "tenths", "nought"],
)
def test_what_is_coarse_or_at_an_end_of_its_own_is_not(
    start_run: Callable[..., Any], name: str, change: Callable[[FloatArray], FloatArray]
) -> None:
    assert "sensor.clipping" not in lived(start_run, **{name: change}).kinds()


@pytest.mark.slow
def test_what_no_instrument_says_is_no_end_of_its_range(start_run: Callable[..., Any]) -> None:
    """1e300 was too large for a column of single precision: a warning with each value, and an end that stayed."""

    def absurd(values: FloatArray) -> FloatArray:
        ends = np.where(HOURS < 20 * 24, values, np.minimum(values, 0.7))
        return np.where((HOURS > 100) & (HOURS < 104), 1e300, np.where(HOURS == 800, -1e300, ends))

    assert ("sensor.clipping", "s-tilt") in raised(lived(start_run, tilt=absurd))


@pytest.mark.slow
def test_a_sensor_that_was_stuck_once_has_no_end_there(start_run: Callable[..., Any]) -> None:
    between = (HOURS >= 20 * 24) & (HOURS < 24 * 24)
    run = lived(start_run, tilt=lambda values: np.where(between, 0.9, values))
    assert raised(run) == [("sensor.stuck", "s-tilt/tilt")]


def touched(run: Run, hours: int, *, names: tuple[str, ...] = ("vibration_rms",)) -> Run:
    """Step on through hours in which waveforms behind some channels touched their limit."""
    values = month()
    channels = [key.channel for key in run.catalogue.channels]
    clipped = np.isin(channels, names)
    for hour in range(hours):
        row = np.array([values[name][hour] for name in channels])
        start_ns = np.full(len(run.catalogue.assets), run.now_ns, np.int64)
        features = FeatureTable.of_single(start_ns, run.catalogue.hop_ns, row, np.ones(len(row), np.bool_))
        run.state, _, changes = step_hop(run.catalogue, run.state, replace(features, clipped=clipped))
        run.changes.extend(changes)
        run.now_ns += HOUR_NS
    return run


@pytest.mark.slow
def test_waveforms_at_their_limit_for_six_hours_are_named(start_run: Callable[..., Any]) -> None:
    quiet = lived(start_run)
    assert touched(quiet.branch(), 5).changes == []
    (change,) = touched(quiet.branch(), 6).changes
    assert (change.kind, change.subject) == ("sensor.clipping", "s-vibration_rms")
    assert change.reasons[0].code == "sensor_clipping"
    assert touched(touched(quiet.branch(), 6), 100, names=()).told("sensor.clipping")[-1][1] is False


def test_one_sensor_has_one_alarm_for_all_its_channels(fleet_tools: Any) -> None:
    shared = dict.fromkeys(("tilt", "vibration_rms"), "s-deck")
    run = fleet_tools.run(compile_catalogue(*make_register(NAMES, sensors=shared)))
    touched(run, 8, names=("tilt", "vibration_rms"))
    assert raised(run) == [("sensor.clipping", "s-deck")]


def test_machines_at_announced_works_may_shake_beyond_any_range(fleet_tools: Any) -> None:
    works = Works(AssetId("b000"), "resurfacing", START_NS, START_NS + 30 * 24 * HOUR_NS)
    run = fleet_tools.run(compile_catalogue(*make_register(NAMES, works=(works,))))
    assert touched(run, 48).changes == []


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("sensor", [None, "s-vibration_rms", "s-tilt"])
def test_works_hold_back_what_they_concern_and_no_other_structure(
    fleet_tools: Any, place: int, sensor: str | None
) -> None:
    """Works on the first structure held back its neighbours, and works on any other held back nothing."""
    end_ns = START_NS + 30 * 24 * HOUR_NS
    works = Works(
        AssetId(f"b{place:03d}"), "resurfacing", START_NS, end_ns, None if sensor is None else SensorId(sensor)
    )
    run = fleet_tools.run(compile_catalogue(*make_register(NAMES, assets=3, works=(works,))))
    told = {change.asset for change in touched(run, 12).changes if change.kind == "sensor.clipping"}
    assert told == ({0, 1, 2} if sensor == "s-tilt" else {0, 1, 2} - {place})
