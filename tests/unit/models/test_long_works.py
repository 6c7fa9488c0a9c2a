"""Under works that last for weeks a structure is judged beside how they begin; shorter ones hide what they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from domain.arrays import FloatArray
from domain.identifiers import AssetId
from domain.records import DecisionVerb
from domain.register import LAST_END_NS, Works
from models.chain import apply_decision
from tests.unit.models.conftest import START_NS

DAY_NS = 24 * 3_600_000_000_000
NAMES = ["natural_frequency_1", "natural_frequency_2", "temperature"]
BEGIN, END, DAYS = 30, 80, 100


def works(kind: str = "diversion", begin: float = BEGIN, end: float = END) -> Works:
    return Works(AssetId("b000"), kind, START_NS + round(begin * DAY_NS), START_NS + round(end * DAY_NS))


def bridge(lost: Callable[[FloatArray], FloatArray], *, days: int = DAYS) -> dict[str, FloatArray]:
    """Frequencies of a bridge that are a share lower, by the day, under weather that does nothing to them."""
    rng, day = np.random.default_rng(7), np.arange(days * 24) / 24
    left = 1.0 - lost(day)
    return {
        name: hertz * left * np.exp(rng.normal(scale=0.002, size=len(day)))
        for name, hertz in (("natural_frequency_1", 3.0), ("natural_frequency_2", 5.0))
    } | {"temperature": 12.0 + rng.normal(scale=2.0, size=len(day))}


def between(day: FloatArray, begin: float, end: float) -> FloatArray:
    return np.asarray((day >= begin) & (day < end), np.float64)


def grows(day: FloatArray, begin: float) -> FloatArray:
    """A damage of 8 % of the frequency within twenty days."""
    return np.asarray(0.08 * np.clip((day - begin) / 20.0, 0.0, 1.0))


def way(run: Any) -> FloatArray:
    """How far from normal, in ways to failure; positive towards harm."""
    return np.asarray(-run.state.deviation / run.state.distance)


def alarms(run: Any) -> list[tuple[bool, int]]:
    return [
        (change.raised, int((change.at_ns - START_NS) // DAY_NS))
        for change in run.changes
        if change.kind == "condition.stiffness_loss"
    ]


@pytest.mark.slow
def test_damage_that_begins_under_long_works_is_told_before_they_end(start_run: Callable[..., Any]) -> None:
    """It was told when they ended, be it after months."""
    run = start_run(NAMES, works=(works(),)).feed(bridge(lambda day: grows(day, 45), days=END))
    [(is_raised, day)] = alarms(run)
    assert is_raised
    assert 45 < day < 70
    assert way(run) == pytest.approx([0.79, 0.79], abs=0.1)


@pytest.mark.slow
def test_damage_from_before_them_goes_on(start_run: Callable[..., Any]) -> None:
    """What stood before they began is no part of what they do."""
    run = start_run(NAMES, works=(works(begin=22),)).feed(
        bridge(lambda day: grows(day, 10) * 0.5 + 0.5 * grows(day, 40), days=70)
    )
    assert way(run) == pytest.approx([0.79, 0.79], abs=0.1)


@pytest.mark.slow
def test_works_without_an_end_hide_no_damage(start_run: Callable[..., Any]) -> None:
    run = start_run(NAMES, works=(Works(AssetId("b000"), "load limit", START_NS + BEGIN * DAY_NS, LAST_END_NS),))
    assert alarms(run.feed(bridge(lambda day: grows(day, 45), days=END)))


@pytest.mark.slow
def test_what_they_do_by_themselves_is_no_damage(start_run: Callable[..., Any]) -> None:
    """A bridge that carries more for fifty days is heavier, and is as it was behind them."""
    data = bridge(lambda day: 0.05 * between(day, BEGIN, END))
    run = start_run(NAMES, works=(works(),))
    run.feed({name: values[: 75 * 24] for name, values in data.items()})
    assert way(run) == pytest.approx([0.0, 0.0], abs=0.05)
    assert run.state.works_step == pytest.approx([np.log(0.95)] * 2, abs=0.005)
    run.feed({name: values[75 * 24 :] for name, values in data.items()})
    assert way(run) == pytest.approx([0.0, 0.0], abs=0.05)
    assert not alarms(run)
    assert not run.state.works_since_ns.any()
    assert not run.state.works_step.any()


@pytest.mark.slow
def test_a_change_that_outlasts_them_is_a_sign(start_run: Callable[..., Any]) -> None:
    run = start_run(NAMES, works=(works(),)).feed(bridge(lambda day: 0.08 * between(day, BEGIN, DAYS)))
    [(is_raised, day)] = alarms(run)
    assert is_raised
    assert END < day < END + 10


@pytest.mark.slow
def test_short_works_hide_what_they_do(start_run: Callable[..., Any]) -> None:
    """Machines beside a bridge for a week: nothing is learnt, and nothing counts."""
    run = start_run(NAMES, works=(works(end=BEGIN + 13),))
    run.feed(bridge(lambda day: 0.2 * between(day, BEGIN, BEGIN + 13), days=BEGIN + 12))
    assert way(run) == pytest.approx([0.0, 0.0], abs=0.05)
    assert not run.state.works_since_ns.any()


@pytest.mark.slow
def test_their_first_week_is_not_judged(start_run: Callable[..., Any]) -> None:
    run = start_run(NAMES, works=(works(),)).feed(bridge(lambda day: 0.2 * between(day, BEGIN, END), days=BEGIN + 7))
    assert way(run) == pytest.approx([0.0, 0.0], abs=0.05)
    # The first hours are held back, as so large a step may be the instrument's.
    assert np.all((run.state.works_values > 6 * 24) & (run.state.works_values <= 7 * 24))


@pytest.mark.slow
def test_works_that_begin_under_others_have_a_step_of_their_own(start_run: Callable[..., Any]) -> None:
    run = start_run(NAMES, works=(works(), works("works nearby", 50, END)))
    data = bridge(lambda day: 0.03 * between(day, BEGIN, END) + 0.04 * between(day, 50, END))
    run.feed({name: values[: 75 * 24] for name, values in data.items()})
    assert run.state.works_step == pytest.approx([np.log(0.93)] * 2, abs=0.005)
    run.feed({name: values[75 * 24 :] for name, values in data.items()})
    assert not alarms(run)
    assert way(run) == pytest.approx([0.0, 0.0], abs=0.05)


@pytest.mark.slow
def test_a_reference_that_moves_under_them_moves_once_more_at_their_end(start_run: Callable[..., Any]) -> None:
    """New bearings under a diversion: what they read by then has the diversion in it."""
    run = start_run(NAMES, works=(works(), works("bearings replaced", 50, 51)))
    data = bridge(lambda day: 0.04 * between(day, BEGIN, END) - 0.03 * between(day, 50, DAYS))
    run.feed({name: values[: 75 * 24] for name, values in data.items()})
    assert run.state.works_values.tolist() == [-1, -1]
    assert way(run) == pytest.approx([0.0, 0.0], abs=0.05)
    run.feed({name: values[75 * 24 :] for name, values in data.items()})
    assert not alarms(run)
    assert way(run) == pytest.approx([0.0, 0.0], abs=0.05)


@pytest.mark.slow
def test_a_structure_repaired_under_them_is_commissioned_without_their_step(start_run: Callable[..., Any]) -> None:
    run = start_run(NAMES, works=(works(),))
    data = bridge(lambda day: 0.05 * between(day, BEGIN, END))
    run.feed({name: values[: 60 * 24] for name, values in data.items()})
    run.state, _ = apply_decision(run.catalogue, run.state, 0, DecisionVerb.REPAIR, START_NS + 60 * DAY_NS, None)
    run.feed({name: values[60 * 24 :] for name, values in data.items()})
    assert way(run) == pytest.approx([0.0, 0.0], abs=0.05)
    assert not alarms(run)


@pytest.mark.slow
def test_what_was_placed_for_works_is_judged_under_them(start_run: Callable[..., Any]) -> None:
    """Owners measure because of a building pit next door: it was commissioned when the pit was closed."""
    run = start_run(NAMES, works=(works("works nearby", -3, END),)).feed(bridge(lambda day: grows(day, 20), days=60))
    [(is_raised, day)] = alarms(run)
    assert is_raised
    assert 20 < day < 45


@pytest.mark.slow
def test_what_was_placed_for_works_is_no_damage_behind_them(start_run: Callable[..., Any]) -> None:
    run = start_run(NAMES, works=(works("works nearby", -3, 50),))
    run.feed(bridge(lambda day: 0.05 * between(day, 50, DAYS)))
    assert not alarms(run)
    assert way(run) == pytest.approx([0.0, 0.0], abs=0.05)
