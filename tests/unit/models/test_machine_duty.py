"""A drive is explained by its openings, also on a bridge whose traffic is counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.arrays import FloatArray
from models.catalogue import HOUR_NS
from models.compiling import compile_catalogue
from models.layout import REGRESSORS

NAMES = ["motor_temperature", "cycles", "traffic_count", "temperature"]
LOAD, LOAD_LAGGED = REGRESSORS.index("load"), REGRESSORS.index("load_lagged")
DAYS = 60


def bridge(rng: np.random.Generator, openings: FloatArray) -> dict[str, FloatArray]:
    """A motor 3 K warmer for each opening of late; traffic has its own hours and nothing to do with it."""
    hours = np.arange(len(openings))
    late = np.zeros(len(openings))
    for hour in range(1, len(openings)):
        late[hour] = late[hour - 1] + (openings[hour] - late[hour - 1]) / 4.0
    air = 12.0 + 3.0 * np.sin(2 * np.pi * hours / 24)
    return {
        "motor_temperature": air + 5.0 + 3.0 * late + rng.normal(scale=0.3, size=len(hours)),
        "cycles": openings,
        "traffic_count": 300.0 + 250.0 * np.sin(2 * np.pi * (hours - 6) / 24),
        "temperature": air,
    }


def openings(rng: np.random.Generator, summer_from: int) -> FloatArray:
    """Some openings on most hours of the day, and three times as many in summer."""
    hours = np.arange(DAYS * 24)
    by_day = (hours % 24 >= 6) & (hours % 24 < 20)
    return np.where(by_day, rng.poisson(np.where(hours < summer_from * 24, 1.5, 4.5)), 0).astype(np.float64)


@pytest.mark.slow
def test_a_busy_summer_warms_no_sound_drive(start_run: Callable[..., Any]) -> None:
    """By the traffic of the hour it looked 0.4 of the way to failure, as what opened was not what drove over it."""
    rng = np.random.default_rng(5)
    run = start_run(NAMES, sensors={"cycles": "s-motor_temperature"})
    run.feed(bridge(rng, openings(rng, 40)))
    assert run.kinds() == []
    assert abs(run.state.deviation[0] / run.state.distance[0]) < 0.15


def test_its_own_counter_tells_and_else_the_first_of_the_structure(registers: Callable[..., Any]) -> None:
    found = []
    for names, sensors in (
        (NAMES, {"cycles": "s-motor_temperature"}),
        (NAMES, {}),
        (["motor_temperature", "cycles", "temperature"], {}),
        (["motor_temperature", "traffic_count", "temperature"], {}),
        (["natural_frequency_1", "cycles", "traffic_count"], {}),
    ):
        catalogue = compile_catalogue(*registers(names, sensors=sensors))
        found.append([catalogue.channels[row].channel if row >= 0 else "" for row in catalogue.duty_of_judged.tolist()])
    # Without traffic openings are the structure's load, and a leaf feels what drives over it.
    assert found == [["cycles"], ["cycles"], [""], [""], [""]]


def test_a_part_of_the_catalogue_has_the_same(registers: Callable[..., Any]) -> None:
    whole = compile_catalogue(*registers(NAMES, assets=3))
    part = whole.take(np.array([0, 2], np.int32))
    assert [part.channels[row] for row in part.duty_of_judged] == [
        whole.channels[row] for row in whole.duty_of_judged[[0, 2]]
    ]


def test_openings_are_remembered_over_hours_and_kept_while_they_are_not_heard(start_run: Callable[..., Any]) -> None:
    run = start_run(NAMES)
    values = bridge(np.random.default_rng(6), np.array([0.0] * 24 + [4.0] * 8 + [np.nan] * 10))
    values["motor_temperature"] = np.where(np.isnan(values["motor_temperature"]), 20.0, values["motor_temperature"])
    run.feed({name: row[:24] for name, row in values.items()})
    assert run.state.duty[0].tolist() == [0.0, 0.0]
    run.feed({name: row[24:32] for name, row in values.items()})
    assert run.state.duty[0] == pytest.approx([4.0, 4.0 * (1.0 - np.exp(-1.0))])
    assert run.state.duty_ns[0] == run.now_ns
    run.feed({name: row[32:] for name, row in values.items()})
    assert run.state.duty[0] == pytest.approx([4.0, 4.0 * (1.0 - np.exp(-1.0))])
    assert run.state.duty_ns[0] == run.now_ns - 10 * HOUR_NS


def test_openings_that_were_the_load_until_traffic_was_counted_are_met_already(start_run: Callable[..., Any]) -> None:
    """What they do is known: the reference is not given their regressors a second time."""
    rng = np.random.default_rng(7)
    values = bridge(rng, openings(rng, DAYS)[: 20 * 24])
    run = start_run(NAMES).feed(values)
    by_openings = [LOAD - 1, LOAD_LAGGED - 1]
    before = run.state.block_regressors[0, :, by_openings].copy()
    assert before.all()
    run.state = replace(run.state, duty=np.full_like(run.state.duty, np.nan), duty_ns=np.zeros(1, np.int64))
    run.feed({name: row[-24:] for name, row in values.items()})
    assert run.state.duty_ns.all()
    assert np.array_equal(run.state.block_regressors[0, :, by_openings], before)
