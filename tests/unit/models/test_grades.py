"""Each trouble of a sensor that has a name lowers the grade of its channel, and of the asset's data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.measurements import DataQuality
from models.catalogue import HOUR_NS
from models.chain import assess
from models.grades import QUALITIES, channel_grades
from models.plausibility import FAULTS

NAMES = ["natural_frequency_1", "temperature", "vibration_rms"]
ALL = np.arange(len(NAMES))


@pytest.fixture(scope="module")
def hours() -> dict[str, Any]:
    rng = np.random.default_rng(8)
    # Beyond the week that teaches the hours of traffic, and four days of what is normal.
    wave = np.sin(np.arange(12 * 24) * 2 * np.pi / 24)
    return {
        "natural_frequency_1": 3.0 + 0.005 * rng.normal(size=len(wave)),
        "temperature": 12.0 + 4.0 * wave + 0.1 * rng.normal(size=len(wave)),
        "vibration_rms": 0.4 + 0.02 * rng.normal(size=len(wave)),
    }


def with_trouble(run: Any, column: str, name: str, value: int) -> Any:
    """The state with one trouble that stands on the channel `name`."""
    is_judged = column in {"fault_ns", "fault"}
    keys = (
        [run.catalogue.channels[row].channel for row in run.catalogue.judged]
        if is_judged
        else [key.channel for key in run.catalogue.channels]
    )
    before = getattr(run.state, column)
    return replace(run.state, **{column: np.where(np.array(keys) == name, value, before).astype(before.dtype)})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("column", "name", "grade"),
    [
        ("noisy_ns", "vibration_rms", DataQuality.LOW),
        ("stuck_ns", "temperature", DataQuality.LOW),
        ("spiky_ns", "temperature", DataQuality.MEDIUM),
        ("mistake_ns", "temperature", DataQuality.MEDIUM),
        ("drift_ns", "temperature", DataQuality.MEDIUM),
    ],
)
def test_a_trouble_lowers_its_channel_and_the_asset(
    start_run: Any, hours: dict[str, Any], column: str, name: str, grade: DataQuality
) -> None:
    run = start_run(NAMES).feed(hours)
    sound = assess(run.catalogue, run.state, run.state.stepped_ns)
    assert QUALITIES[int(sound.quality[0])] is DataQuality.HIGH
    state = with_trouble(run, column, name, HOUR_NS)
    grades = dict(zip(NAMES, channel_grades(run.catalogue, state, ALL).tolist(), strict=True))
    assert grades == {other: QUALITIES.index(grade if other == name else DataQuality.HIGH) for other in NAMES}
    troubled = assess(run.catalogue, state, state.stepped_ns)
    assert QUALITIES[int(troubled.quality[0])] is DataQuality.MEDIUM
    # A grade says how far to trust a risk; it does not change it.
    assert np.array_equal(troubled.probability, sound.probability)


@pytest.mark.parametrize(
    ("fault", "grade"), [("sensor.units", DataQuality.MEDIUM), ("sensor.implausible", DataQuality.LOW)]
)
def test_a_unit_that_is_taken_back_is_medium_and_what_is_held_back_low(
    start_run: Any, hours: dict[str, Any], fault: str, grade: DataQuality
) -> None:
    run = start_run(NAMES).feed(hours)
    run.state = with_trouble(run, "fault", "vibration_rms", FAULTS.index(fault))
    run.state = with_trouble(run, "fault_ns", "vibration_rms", HOUR_NS)
    grades = dict(zip(NAMES, channel_grades(run.catalogue, run.state, ALL).tolist(), strict=True))
    assert QUALITIES[grades["vibration_rms"]] is grade


def test_most_channels_without_worth_make_the_data_low(start_run: Any, hours: dict[str, Any]) -> None:
    run = start_run(NAMES).feed(hours)
    run.state = with_trouble(run, "noisy_ns", "vibration_rms", HOUR_NS)
    run.state = with_trouble(run, "noisy_ns", "natural_frequency_1", HOUR_NS)
    columns = assess(run.catalogue, run.state, run.state.stepped_ns)
    assert QUALITIES[int(columns.quality[0])] is DataQuality.LOW
