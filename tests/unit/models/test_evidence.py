"""How soon a level becomes an alarm: one that rose within two weeks, and one that was there before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.register import AssetType
from models.catalogue import HOUR_NS
from models.compiling import compile_catalogue
from models.evidence import alarm_threshold, days_to_evidence, fast_days, weigh_evidence
from models.state import initial_state
from models.thresholds import MODES
from models.witnesses import strongest_witnesses

DAY_NS = 24 * HOUR_NS
SPREAD = 0.1
BOTH = ["natural_frequency_1", "strain"]


def days_to_alarm(
    registers: Callable[..., Any],
    names: list[str],
    *,
    level: float,
    before: float,
    strength: float = 0.0,
    doubt: float = 0.0,
    scatter: float = 1.0,
    budget: float = 0.03,
    foretold: dict[int, float | None] | None = None,
) -> int:
    """Days that a level takes to an alarm; `before` is what the severity was in the months before.

    What was foretold at the end of each day is collected in `foretold`.
    """
    catalogue = compile_catalogue(*registers(names, kind=AssetType.BRIDGE))
    catalogue = replace(catalogue, false_alarms_per_year=np.full_like(catalogue.false_alarms_per_year, budget))
    judged = len(catalogue.judged)
    state = initial_state(catalogue)
    state = replace(
        state,
        residual=np.full(judged, level),
        residual_sd=np.full(judged, SPREAD),
        severity_past=np.full_like(state.severity_past, before),
        strength=np.full_like(state.strength, strength),
        doubt=np.full_like(state.doubt, doubt),
        scatter=np.full_like(state.scatter, scatter),
    )
    (threshold,) = alarm_threshold(catalogue, state.doubt)
    for day in range(1, 100):
        state, raised, _ = weigh_evidence(catalogue, state, np.ones(judged, np.bool_), (1000 + day) * DAY_NS)
        if len(raised):
            return day
        if foretold is not None:
            fast = fast_days(state)
            missing = float(threshold - state.evidence[0])
            foretold[day] = days_to_evidence(missing, float(state.strength[0]), int(fast[0]))
    raise AssertionError("no alarm in a hundred days")


@pytest.mark.parametrize("level", [0.32, 0.4])
def test_from_its_second_day_on_a_rise_of_quantities_that_agree_counts_three_times_as_fast(
    registers: Callable[..., Any], level: float
) -> None:
    risen = days_to_alarm(registers, BOTH, level=level, before=0.0)
    standing = days_to_alarm(registers, BOTH, level=level, before=level)
    assert 2 <= risen < standing
    assert 3 * (risen - 1) - 1 <= standing <= 3 * (risen - 1) + 1


def test_a_rise_within_what_wandering_does_gains_no_time(registers: Callable[..., Any]) -> None:
    small = days_to_alarm(registers, BOTH, level=0.4, before=0.2)
    assert small == days_to_alarm(registers, BOTH, level=0.4, before=0.4)


@pytest.mark.parametrize("names", [BOTH, BOTH[1:]])
def test_where_sound_levels_hardly_scatter_the_same_level_is_sooner_an_alarm(
    registers: Callable[..., Any], names: list[str]
) -> None:
    level = 0.28 if names == BOTH else 0.6
    days = [
        days_to_alarm(registers, names, level=level, before=level, scatter=scatter) for scatter in (1.0, 0.6, 0.3, 0.01)
    ]
    assert days[0] > days[1] > days[2] >= days[3] >= 2


def test_what_is_not_material_is_no_alarm_however_little_sound_levels_scatter(registers: Callable[..., Any]) -> None:
    with pytest.raises(AssertionError, match="no alarm"):
        days_to_alarm(registers, BOTH, level=0.09, before=0.0, scatter=0.3)


def test_what_is_material_goes_by_the_budget(registers: Callable[..., Any]) -> None:
    """The dial hardly mattered while the same shares were asked for whatever it stood at."""
    small: dict[str, Any] = {"level": 0.09, "before": 0.09, "scatter": 0.3}
    for budget in (0.006, 0.03):
        with pytest.raises(AssertionError, match="no alarm"):
            days_to_alarm(registers, BOTH, budget=budget, **small)
    assert days_to_alarm(registers, BOTH, budget=0.3, **small) < days_to_alarm(registers, BOTH, budget=0.1, **small)
    lone: dict[str, Any] = {"level": 0.09, "before": 0.09, "scatter": 0.01}
    with pytest.raises(AssertionError, match="no alarm"):
        days_to_alarm(registers, BOTH[1:], budget=0.3, **lone)


def test_what_speaks_against_harm_is_not_sharpened(registers: Callable[..., Any]) -> None:
    catalogue = compile_catalogue(*registers(["natural_frequency_1", "vibration_rms.z"], kind=AssetType.BRIDGE))
    found = []
    for scatter in (1.0, 0.3):
        state = initial_state(catalogue)
        state = replace(
            state,
            residual=np.full(len(catalogue.judged), -0.3),
            residual_sd=np.full(len(catalogue.judged), SPREAD),
            scatter=np.full_like(state.scatter, scatter),
        )
        state, _, _ = weigh_evidence(catalogue, state, np.ones(len(catalogue.judged), np.bool_), 1000 * DAY_NS)
        found.append(state.strength.tolist())
    assert found[0] == found[1]


def test_severity_is_made_of_the_same_quantities_whatever_the_scatter(registers: Callable[..., Any]) -> None:
    catalogue = compile_catalogue(*registers(BOTH, kind=AssetType.BRIDGE))
    judged = len(catalogue.judged)
    made = []
    for scatter in (1.0, 0.3):
        state = initial_state(catalogue)
        state = replace(
            state,
            residual=np.linspace(0.9, 1.1, judged),
            residual_sd=np.full(judged, SPREAD / 4),
            scatter=np.full_like(state.scatter, scatter),
        )
        state, _, _ = weigh_evidence(catalogue, state, np.ones(judged, np.bool_), 1000 * DAY_NS)
        made.append((state.severity.tolist(), state.severity_sd.tolist(), state.severity_weight.tolist()))
    assert made[0] == made[1]


def days_heard(
    registers: Callable[..., Any], names: list[str], heard_on: list[int], level_of: Callable[[int], float]
) -> int:
    """The day of the alarm of a structure that is heard on some days only; how far it is off goes by the day."""
    catalogue = compile_catalogue(*registers(names, kind=AssetType.BRIDGE))
    judged = len(catalogue.judged)
    state = replace(initial_state(catalogue), residual_sd=np.full(judged, SPREAD))
    for day in heard_on:
        state = replace(state, residual=np.full(judged, level_of(day)))
        state, raised, _ = weigh_evidence(catalogue, state, np.ones(judged, np.bool_), (1000 + day) * DAY_NS)
        if len(raised):
            return day
    raise AssertionError("no alarm")


@pytest.mark.parametrize("level", [0.3, 0.4])
def test_what_is_found_behind_weeks_that_nobody_saw_takes_as_long_as_what_stood_there(
    registers: Callable[..., Any], level: float
) -> None:
    """The first warm day behind announced works counted for eight days, three times over."""
    standing = days_to_alarm(registers, BOTH, level=level, before=level)
    behind = days_heard(registers, BOTH, [*range(1, 11), *range(40, 80)], lambda day: level if day >= 40 else 0.0)
    assert behind - 39 == standing + 1 > 2


def test_a_rise_is_told_as_soon_as_it_is_seen_to_rise(registers: Callable[..., Any]) -> None:
    """Damage that grows behind an outage is no slower told than it is elsewhere."""
    grown = [
        days_heard(registers, BOTH, heard, lambda day: 0.0 if day < 44 else 0.4)
        for heard in (list(range(1, 80)), [*range(1, 11), *range(40, 80)])
    ]
    assert grown[0] == grown[1]


def test_one_odd_day_behind_an_outage_is_no_alarm(registers: Callable[..., Any]) -> None:
    with pytest.raises(AssertionError, match="no alarm"):
        days_heard(registers, BOTH, [*range(1, 11), *range(40, 80)], lambda day: 0.45 if day == 40 else 0.0)


def test_a_storm_of_one_day_is_no_alarm(registers: Callable[..., Any]) -> None:
    """Wind on a bridge that opens shakes its drive and takes current, and nobody measures it."""
    with pytest.raises(AssertionError, match="no alarm"):
        days_heard(registers, BOTH, list(range(1, 80)), lambda day: 0.5 if day == 40 else 0.0)
    of_two_days = days_heard(registers, BOTH, list(range(1, 80)), lambda day: 0.5 if day in (40, 41) else 0.0)
    assert of_two_days == 41


@pytest.mark.parametrize("every", [2, 4, 7])
def test_who_speaks_seldom_loses_no_more_than_one_time(registers: Callable[..., Any], every: int) -> None:
    """What both of its ends show is taken for the days between them; days apart show no rise."""
    daily = days_heard(registers, BOTH, list(range(1, 90)), lambda day: 0.3 if day > 28 else 0.0)
    seldom = days_heard(registers, BOTH, list(range(1, 90, every)), lambda day: 0.3 if day > 28 else 0.0)
    standing = 28 + days_to_alarm(registers, BOTH, level=0.3, before=0.3)
    assert daily <= seldom <= (daily if every < 4 else standing) + 2 * every


def test_a_calm_day_speaks_for_the_days_before_it_that_nobody_saw(registers: Callable[..., Any]) -> None:
    """Evidence from before an outage goes as far as calm days at both of its ends would have taken it."""
    catalogue = compile_catalogue(*registers(BOTH, kind=AssetType.BRIDGE))
    left = []
    for strength in (0.0, 4.0):
        state = initial_state(catalogue)
        state = replace(
            state,
            residual=np.zeros(len(catalogue.judged)),
            residual_sd=np.full(len(catalogue.judged), SPREAD),
            evidence=np.full_like(state.evidence, 5.0),
            strength=np.full_like(state.strength, strength),
            evidence_ns=np.full_like(state.evidence_ns, 1000 * DAY_NS),
        )
        stepped, _, _ = weigh_evidence(catalogue, state, np.ones(len(catalogue.judged), np.bool_), 1006 * DAY_NS)
        left.append(float(stepped.evidence[0]))
    assert 0.0 < left[0] == left[1] < 5.0


@pytest.mark.parametrize(("names", "level"), [(BOTH, 0.2), (["natural_frequency_1"], 0.25)])
def test_no_alarm_is_raised_of_what_is_not_worth_a_plan(
    registers: Callable[..., Any], names: list[str], level: float
) -> None:
    """Evidence waits for a fifth of the way where quantities agree, and for a quarter of it by one alone."""
    below: dict[str, Any] = {"level": level - 0.01, "before": level - 0.01, "scatter": 0.2}
    with pytest.raises(AssertionError, match="no alarm"):
        days_to_alarm(registers, names, **below)
    assert days_to_alarm(registers, names, budget=0.1, **below) < 60
    assert days_to_alarm(registers, names, level=level, before=level, scatter=0.2) < 60


@pytest.mark.parametrize(("second", "days"), [(1.2, 1), (0.6, 3)])
def test_past_failure_an_alarm_comes_at_once_where_no_single_quantity_makes_the_level(
    registers: Callable[..., Any], second: float, days: int
) -> None:
    """A gale shook a viaduct beyond all bounds for a day and a half, and its damping rose a little."""
    catalogue = compile_catalogue(*registers(BOTH, kind=AssetType.BRIDGE))
    levels, spreads = np.array([1.2, second]), np.full(2, 0.25)
    state = replace(initial_state(catalogue), residual=levels, residual_sd=spreads)
    for day in range(1, days + 1):
        state, raised, _ = weigh_evidence(catalogue, state, np.ones(2, np.bool_), (1000 + day) * DAY_NS)
        assert state.is_agreed.tolist() == [True]
        assert len(raised) == (day == days)


def test_a_lone_quantity_gains_no_time(registers: Callable[..., Any]) -> None:
    alone = days_to_alarm(registers, BOTH[1:], level=0.6, before=0.0)
    assert alone == days_to_alarm(registers, BOTH[1:], level=0.6, before=0.6)


@pytest.mark.parametrize(
    ("names", "level", "doubt"),
    [(BOTH, 0.32, 0.0), (BOTH, 0.4, 0.0), (BOTH[1:], 0.6, 0.0), (BOTH, 0.32, 60.0), (BOTH, 0.4, 60.0)],
)
@pytest.mark.parametrize("before", [0.0, 1.0])
def test_the_alarm_comes_on_the_day_that_was_foretold(
    registers: Callable[..., Any], names: list[str], level: float, before: float, doubt: float
) -> None:
    """A level that stays; where an alarm takes much more, it outlasts the two weeks in which a rise is one."""
    strength = usual_strength(registers, names, level)
    foretold: dict[int, float | None] = {}
    alarm = days_to_alarm(
        registers, names, level=level, before=before * level, strength=strength, doubt=doubt, foretold=foretold
    )
    assert foretold
    assert alarm > 14 or not doubt
    for day, days in foretold.items():
        assert days is not None
        assert np.ceil(days - 1e-9) == alarm - day


def level_of_alarm(registers: Callable[..., Any], names: list[str], *, pace: float) -> float:
    """Level at which strain that grows by so much a day is an alarm, while other quantities stay."""
    catalogue = compile_catalogue(*registers(names, kind=AssetType.BRIDGE))
    is_strain = np.array([catalogue.channels[channel].channel == "strain" for channel in catalogue.judged])
    active = np.ones(len(is_strain), np.bool_)
    state = replace(initial_state(catalogue), residual_sd=np.full(len(is_strain), SPREAD / 2))
    for day in range(1, 300):
        state = replace(state, residual=np.where(is_strain, pace * day, 0.0))
        state, raised, _ = weigh_evidence(catalogue, state, active, (1000 + day) * DAY_NS)
        if len(raised):
            return pace * day
    raise AssertionError("no alarm in three hundred days")


def test_a_lone_quantity_that_grows_faster_than_instruments_drift_is_told_at_a_lower_level(
    registers: Callable[..., Any],
) -> None:
    beyond_drift = 0.3 + 0.1
    assert level_of_alarm(registers, ["strain"], pace=0.012) < beyond_drift
    assert level_of_alarm(registers, ["strain"], pace=0.0025) >= beyond_drift


def test_a_companion_that_stays_leaves_the_instrument_all_that_it_can_do(registers: Callable[..., Any]) -> None:
    beyond_drift = 0.3 + 0.1
    assert level_of_alarm(registers, ["strain", "vibration_rms"], pace=0.012) >= beyond_drift


def usual_strength(registers: Callable[..., Any], names: list[str], level: float) -> float:
    """What the smoothed score of a level comes to in the end."""
    catalogue = compile_catalogue(*registers(names, kind=AssetType.BRIDGE))
    judged = len(catalogue.judged)
    state = replace(initial_state(catalogue), residual=np.full(judged, level), residual_sd=np.full(judged, SPREAD))
    for day in range(1, 100):
        state, _, _ = weigh_evidence(catalogue, state, np.ones(judged, np.bool_), (1000 + day) * DAY_NS)
    return float(state.strength[0])


def test_an_alarm_stands_two_weeks_however_calm_it_was_before(registers: Callable[..., Any]) -> None:
    """A failed drive that was asleep on most days it was asked was alarmed, and cleared a day later, a dozen times."""
    catalogue = compile_catalogue(*registers(["natural_frequency_1", "vibration_rms"], kind=AssetType.BRIDGE))
    everything = np.ones(len(catalogue.judged), np.bool_)
    state = replace(initial_state(catalogue), residual_sd=np.full(len(everything), SPREAD))
    told = []
    for day in range(1, 80):
        state = replace(state, residual=np.full(len(everything), 1.5 if day == 40 else -0.8))
        state, raised, cleared = weigh_evidence(catalogue, state, everything, (1000 + day) * DAY_NS)
        told += [("raised", day)] * len(raised) + [("cleared", day)] * len(cleared)
    assert [what for what, _ in told] == ["raised", "cleared"]
    assert told[0][1] == 40
    assert told[1][1] >= 54


def test_a_score_that_brings_nothing_never_alarms() -> None:
    assert days_to_evidence(3.0, 1.2, 5) is None
    assert days_to_evidence(-1.0, 1.2, 5) == 0.0


def test_a_frequency_that_stands_alone_beside_others_must_exceed_a_tenth(registers: Callable[..., Any]) -> None:
    """Most false alarms of a fleet were frequencies that wandered by a quarter while all beside them stayed."""
    lone, beside = (found_alone(registers, names) for names in (["natural_frequency_1"], BOTH))
    assert lone == pytest.approx((0.3 - 0.02) / SPREAD)
    assert beside == pytest.approx((0.3 - 0.1) / SPREAD)


def found_alone(registers: Callable[..., Any], names: list[str]) -> float:
    """Give the score of a frequency at 0.3 of its way while what is beside it stays where it was."""
    catalogue = compile_catalogue(*registers(names, kind=AssetType.BRIDGE))
    is_frequency = np.array(["frequency" in catalogue.channels[channel].channel for channel in catalogue.judged])
    judged = len(is_frequency)
    state = replace(initial_state(catalogue), residual_sd=np.full(judged, SPREAD))
    towards = np.where(is_frequency, 0.3, -0.6)
    found = strongest_witnesses(catalogue, state, np.ones(judged, np.bool_), towards, np.zeros(judged))
    return float(found.strength[0])


def told_of(registers: Callable[..., Any], shares: dict[str, float], kind: AssetType) -> dict[str, tuple[bool, str]]:
    """Give for each failure mode of a structure whether quantities agree, and with which other mode."""
    catalogue = compile_catalogue(*registers(sorted(shares), kind=kind))
    towards = np.array([shares[catalogue.channels[channel].channel] for channel in catalogue.judged])
    state = replace(initial_state(catalogue), residual_sd=np.full(len(towards), SPREAD / 2))
    found = strongest_witnesses(catalogue, state, np.ones(len(towards), np.bool_), towards, np.zeros(len(towards)))
    return {
        MODES[mode]: (bool(agreed), MODES[other - 1] if other else "")
        for mode, agreed, other in zip(catalogue.pair_mode, found.is_agreed, found.other_mode, strict=True)
    }


@pytest.mark.parametrize(
    ("tilt", "vibration", "agreed"), [(0.3, 0.2, True), (0.3, 0.11, False), (0.14, 0.13, False), (0.3, 0.0, False)]
)
def test_a_quantity_of_another_failure_mode_may_agree(
    registers: Callable[..., Any], tilt: float, vibration: float, *, agreed: bool
) -> None:
    """Scour tilts a pier and lets it shake, which the table gives to two modes: each had to go further than drift."""
    told = told_of(registers, {"tilt": tilt, "vibration_rms": vibration}, AssetType.BRIDGE)
    assert told == {
        "settlement": (agreed, "stiffness_loss" if agreed else ""),
        "stiffness_loss": (False, ""),
    }


def test_what_tells_of_one_mode_agrees_with_itself(registers: Callable[..., Any]) -> None:
    shares = {"natural_frequency_1": 0.3, "strain": 0.3, "tilt": 0.3}
    assert told_of(registers, shares, AssetType.BRIDGE)["stiffness_loss"] == (True, "")


def test_a_machine_and_its_structure_are_two_parts(registers: Callable[..., Any]) -> None:
    shares = {"motor_temperature": 0.9, "strain": 0.9}
    told = told_of(registers, shares, AssetType.LOCK)
    assert told == {"drive_wear": (False, ""), "gate_deformation": (False, "")}
