"""Works behind which a structure reads as it first did have repaired it; any other step of theirs is none of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from domain.arrays import FloatArray
from domain.identifiers import AssetId
from domain.register import Works
from tests.unit.models.conftest import START_NS

DAY_NS = 24 * 3_600_000_000_000
NAMES = ["natural_frequency_1", "natural_frequency_2", "temperature"]
# From the tenth day on damage grows until the twentieth; works last two days from the thirtieth on.
BEGIN, END, DAYS = 30, 32, 50


def frequencies(before: float, after: float, second: float) -> dict[str, FloatArray]:
    """A bridge that loses so much of its frequencies, and has lost so much of each behind works."""
    rng, days = np.random.default_rng(7), np.arange(DAYS * 24) / 24
    grown = before * np.clip((days - 10.0) / 10.0, 0.0, 1.0)
    return {
        name: hertz * (1.0 - np.where(days < BEGIN + 1, grown, left)) * np.exp(rng.normal(scale=0.002, size=len(days)))
        for name, hertz, left in (("natural_frequency_1", 3.0, after), ("natural_frequency_2", 5.0, second))
    } | {"temperature": 12.0 + rng.normal(scale=2.0, size=len(days))}


def mended(
    start_run: Callable[..., Any], before: float, after: float, *, second: float | None = None, kind: str = "repair"
) -> Any:
    works = (Works(AssetId("b000"), kind, START_NS + BEGIN * DAY_NS, START_NS + END * DAY_NS),)
    return start_run(NAMES, works=works).feed(frequencies(before, after, after if second is None else second))


@pytest.mark.slow
def test_what_was_put_back_is_sound_and_its_alarm_ends(start_run: Callable[..., Any]) -> None:
    """It was 60 % of the way to failure for ten months more, and a frequency no bridge ever had was normal."""
    run = mended(start_run, 0.08, 0.0)
    told = [change for change in run.changes if change.kind == "condition.stiffness_loss"]
    assert [change.raised for change in told] == [True, False]
    assert (told[1].at_ns - START_NS) // DAY_NS == END + 1
    assert [reason.code for reason in told[1].reasons] == ["put_back_by_works"]
    way = run.state.deviation / run.state.distance
    assert np.max(np.abs(way)) < 0.1
    assert np.nanmax(run.state.severity) < 0.1
    assert not run.state.harm_healed.any()
    assert not run.state.offset.any()


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), [(0.08, 0.06), (0.08, 0.12), (0.08, 0.045)])
def test_a_step_of_another_size_is_no_repair(start_run: Callable[..., Any], before: float, after: float) -> None:
    """What was seen before them stays, however the instrument reads now."""
    run = mended(start_run, before, after)
    assert run.kinds() == ["condition.stiffness_loss"]
    assert not run.state.put_back_ns.any()
    way = -run.state.deviation / run.state.distance
    assert way == pytest.approx(-np.log(1.0 - before) / run.state.distance, abs=0.1)


@pytest.mark.slow
def test_what_was_past_failure_need_not_come_back_to_the_very_place(start_run: Callable[..., Any]) -> None:
    """A wet base 1.4 of the way to failure, and 0.27 behind its repair, was said to fail for nine months more."""
    run = mended(start_run, 0.14, 0.03)
    assert [change.raised for change in run.changes if change.kind == "condition.stiffness_loss"] == [True, False]
    assert run.state.put_back_ns.all()
    assert -run.state.deviation / run.state.distance == pytest.approx([0.29, 0.29], abs=0.08)


@pytest.mark.slow
def test_others_of_its_structure_are_read_by_their_first_normal(start_run: Callable[..., Any]) -> None:
    """Weather may keep one of them off; moved by its step it told of damage for as long as that weather lasted."""
    run = mended(start_run, 0.08, 0.0, second=0.04)
    assert run.state.put_back_ns.all()
    way = -run.state.deviation / run.state.distance
    assert way == pytest.approx([0.0, -np.log(0.96) / run.state.distance[1]], abs=0.08)
    further = mended(start_run, 0.08, 0.0, second=0.11)
    assert further.state.put_back_ns.astype(bool).tolist() == [True, False]


@pytest.mark.slow
def test_a_small_harm_that_is_gone_stays_what_it_was(start_run: Callable[..., Any]) -> None:
    """Below 0.4 of the way any instrument may step back by as much."""
    run = mended(start_run, 0.03, 0.0)
    assert not run.state.put_back_ns.any()
    assert np.all(-run.state.deviation / run.state.distance > 0.2)


@pytest.mark.slow
def test_what_is_stronger_than_at_first_has_its_normal_there(start_run: Callable[..., Any]) -> None:
    run = mended(start_run, 0.08, -0.06)
    assert run.state.put_back_ns.all()
    assert np.max(np.abs(run.state.deviation / run.state.distance)) < 0.1
    assert np.all(run.state.offset > 0.04)


@pytest.mark.slow
def test_new_damage_behind_a_repair_is_told_as_the_first_was(start_run: Callable[..., Any]) -> None:
    """What went away by itself may come again without damage; what was repaired did not."""
    run = mended(start_run, 0.08, 0.0)
    rng, days = np.random.default_rng(8), np.arange(25 * 24) / 24
    loss = 0.08 * np.clip(days / 10.0, 0.0, 1.0)
    run.feed(
        {
            name: hertz * (1.0 - loss) * np.exp(rng.normal(scale=0.002, size=len(days)))
            for name, hertz in (("natural_frequency_1", 3.0), ("natural_frequency_2", 5.0))
        }
        | {"temperature": 12.0 + rng.normal(scale=2.0, size=len(days))}
    )
    assert run.kinds() == ["condition.stiffness_loss", "condition.stiffness_loss"]


@pytest.mark.slow
def test_an_inspection_puts_nothing_back(start_run: Callable[..., Any]) -> None:
    """It moves no reference, so the alarm ends as any does: by two calm weeks."""
    run = mended(start_run, 0.08, 0.0, kind="inspection")
    assert not run.state.put_back_ns.any()


def greased(start_run: Callable[..., Any], kind: str, *, worn: float = 0.0) -> Any:
    """A motor that is worn by so much of its way, runs 9 K cooler behind works, and as before in a month."""
    rng, days = np.random.default_rng(9), np.arange(75 * 24) / 24
    wear = 30.0 * worn * np.clip((days - 10.0) / 10.0, 0.0, 1.0)
    eased = np.where(days < BEGIN + 1, 0.0, 9.0 * np.clip(1.0 - (days - END) / 30.0, 0.0, 1.0))
    air = 12.0 + 2.0 * np.sin(2 * np.pi * days)
    works = (Works(AssetId("b000"), kind, START_NS + BEGIN * DAY_NS, START_NS + END * DAY_NS),)
    motor = air + 20.0 + wear - eased + rng.normal(scale=0.5, size=len(days))
    return start_run(["motor_temperature", "temperature"], works=works).feed(
        {"motor_temperature": motor, "temperature": air}
    )


@pytest.mark.slow
def test_grease_that_wears_off_is_no_damage(start_run: Callable[..., Any]) -> None:
    """Greased twice in winter, a sound drive stood past failure for a year when it ran as it ever had."""
    run = greased(start_run, "smeren aandrijving")
    assert not run.state.offset.any()
    assert abs(run.state.deviation[0] / run.state.distance[0]) < 0.08
    other = greased(start_run, "motor replaced")
    assert other.state.deviation[0] / other.state.distance[0] > 0.2


@pytest.mark.slow
def test_grease_hides_no_wear_that_was_seen(start_run: Callable[..., Any]) -> None:
    run = greased(start_run, "lubrication", worn=0.38)
    assert run.state.deviation[0] / run.state.distance[0] > 0.3
