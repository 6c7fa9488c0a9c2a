"""What an assessment rests on, as numbers that are stored with it, and the way back from them.

A basis holds each mode's history as the degradation model saw it, each channel's way from what was measured to its
part in the severity, and the owner's and the prior's figures. `recompute` goes through the same functions as the
assessment did, without state and catalogue: the same numbers a year later, bit for bit on the same machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Final

import numpy as np

from domain.arrays import BoolArray, FloatArray, IndexArray, TimeArray
from domain.basis import AssessmentBasis, ChannelBasis, ModeBasis
from domain.records import RemainingLife
from models.axes import count_flags
from models.catalogue import HOUR_NS, Catalogue
from models.consequence import Consequence
from models.degradation import LAGS
from models.deviation import in_unit
from models.environment import has_climate
from models.evidence import days_to_evidence, fast_days
from models.explanation import temperature_of
from models.frequency_changes import change_bases
from models.joining import DAYS, begins_per_year, indicative_conditions, join_modes
from models.memory import ModelState
from models.plan import WEEK_DAYS
from models.prognosis import LIFE_DAYS, History, history_of, look_ahead
from models.thresholds import MODES

__all__ = ["Recomputed", "bases_of", "days_to_alarm", "recompute", "shares_of_risk"]

_DAY_NS: Final = 24 * HOUR_NS
_NINETY: Final = 1


@dataclass(frozen=True, slots=True, eq=False)
class Recomputed:
    """Numbers of an assessment, computed again from its basis.

    Attributes
    ----------
    probability : float64[H, 3]
        Value, low and high at each horizon.
    life : RemainingLife or None
    severity : float
    damaged : tuple of float
        Chance of damage of each mode of the basis.
    mode_chance : tuple of float
        Chance of failure within 90 days of each mode alone.
    failed, sound : float64[W]
        Chance of failure within `models.plan.WEEK_DAYS` by what a repair now would avert and by causes that no sensor
        sees, and by the latter alone.
    later_chance : float
        Chance of failure within 90 days by damage that has not begun.
    condition : int
        Indicative condition 1 to 6; 0 for none.
    waiting_eur : float
        Expected extra cost of waiting 90 days.
    """

    probability: FloatArray
    life: RemainingLife | None
    severity: float
    damaged: tuple[float, ...]
    mode_chance: tuple[float, ...]
    failed: FloatArray
    sound: FloatArray
    later_chance: float
    condition: int
    waiting_eur: float


def bases_of(
    catalogue: Catalogue,
    state: ModelState,
    rows: Sequence[int],
    at_ns: TimeArray,
    *,
    consequence: Consequence,
    threshold: FloatArray,
    alarm_severity: FloatArray,
) -> list[AssessmentBasis]:
    """Collect what the assessments of some assets rest on.

    Parameters
    ----------
    rows : sequence of int
        Positions of assets, in the order wanted.
    at_ns : int64[A]
        Event time of each asset's assessment.
    threshold, alarm_severity : float64[P]
        Evidence that an alarm takes, and from what share of the way to failure on it is raised.
    """
    modes, of_modes = _mode_bases(
        catalogue, state, at_ns, consequence, threshold=threshold, alarm_severity=alarm_severity
    )
    is_known = _says_something(state)
    channels, of_channels = _channel_bases(catalogue, state, is_known)
    missing, of_missing = _channel_names(catalogue, ~is_known)
    begins = begins_per_year(consequence.rate_per_year, consequence.relative_rate, state.fleet_shown)
    columns = zip(
        consequence.rate_per_year.tolist(),
        consequence.planned_eur.tolist(),
        consequence.failure_eur.tolist(),
        [details.crew_lead_days or 0.0 for details in catalogue.details],
        [value if isfinite(value) else None for value in temperature_of(state, slice(None), at_ns).tolist()],
        has_climate(state).tolist(),
        begins.tolist(),
        state.life_stretch.tolist(),
        of_modes,
        of_channels,
        of_missing,
        strict=True,
    )
    of_asset = list(columns)
    changed = count_flags(catalogue, catalogue.asset_of_frequency, state.change_ns > 0) > 0
    found = []
    for row in rows:
        rate, planned, failure, lead, temperature, climate, begun, stretch, its_modes, spoke, gone = of_asset[row]
        known = tuple(channels[spoke])
        basis = AssessmentBasis(
            rate_per_year=rate,
            planned_eur=planned,
            failure_eur=failure,
            crew_lead_days=lead,
            temperature_degc=temperature,
            borrows_climate=not climate and bool(known),
            modes=tuple(modes[its_modes]),
            channels=known,
            missing=tuple(missing[gone]),
            begins_per_year=begun,
            life_stretch=stretch,
            changes=change_bases(catalogue, state, row) if changed[row] else (),
        )
        found.append(basis)
    return found


def _places(first: IndexArray, chosen: BoolArray) -> Iterator[slice]:
    """Say for each asset where its rows stand among those that are chosen."""
    before = np.concatenate([[0], np.cumsum(chosen)])[first].tolist()
    return (slice(start, end) for start, end in pairwise(before))


def _mode_bases(
    catalogue: Catalogue,
    state: ModelState,
    at_ns: TimeArray,
    consequence: Consequence,
    *,
    threshold: FloatArray,
    alarm_severity: FloatArray,
) -> tuple[list[ModeBasis], Iterator[slice]]:
    """Give what is known of the pairs' modes, of those that have a history, and where each asset's stand."""
    history = history_of(catalogue, state, at_ns, consequence.relative_rate)
    fast = fast_days(state)
    rows = np.flatnonzero(history.known)
    # In the order of the record.
    columns = zip(
        [MODES[mode] for mode in catalogue.pair_mode[rows].tolist()],
        history.severity[rows].tolist(),
        history.severity_sd[rows].tolist(),
        map(tuple, history.seen[rows].tolist()),
        history.silent_days[rows].tolist(),
        history.onsets_per_day[rows].tolist(),
        state.evidence[rows].tolist(),
        threshold[rows].tolist(),
        state.strength[rows].tolist(),
        [raised_ns or None for raised_ns in state.raised_ns[rows].tolist()],
        state.doubt[rows].tolist(),
        map(tuple, state.verdicts[rows].tolist()),
        fast[rows].tolist(),
        history.instrument[rows].tolist(),
        history.scatter[rows].tolist(),
        alarm_severity[rows].tolist(),
        strict=True,
    )
    return [ModeBasis(*values) for values in columns], _places(catalogue.first_pair, history.known)


def _says_something(state: ModelState) -> BoolArray:
    """bool[J]: condition indicators that have a value, and of which it is known what is normal."""
    numbers = (state.measured, state.expected, state.spread, state.residual)
    known: BoolArray = np.logical_and.reduce([np.isfinite(column) for column in numbers])
    return known


def _channel_names(catalogue: Catalogue, chosen: BoolArray) -> tuple[list[str], Iterator[slice]]:
    """Name condition indicators, and say where each asset's stand."""
    keys = (catalogue.channels[channel] for channel in catalogue.judged[chosen].tolist())
    return [f"{key.sensor}/{key.channel}" for key in keys], _places(catalogue.first_judged, chosen)


def _channel_bases(
    catalogue: Catalogue, state: ModelState, chosen: BoolArray
) -> tuple[list[ChannelBasis], Iterator[slice]]:
    """Give condition indicators' ways from reading to part in the severity, and say where each asset's stand."""
    rows = np.flatnonzero(chosen)
    judged = catalogue.judged[rows]
    is_log, direction = catalogue.is_log[judged], catalogue.direction[judged]
    expected, band = in_unit(is_log, state.expected[rows], state.spread[rows])
    measured, _ = in_unit(is_log, state.measured[rows], state.spread[rows])
    residual, weight = state.residual[rows], state.severity_weight[rows]
    shock, bent, placed = state.shock[rows], state.bent[rows], state.placed[rows]
    contribution = weight * np.where(direction == 0.0, np.abs(residual), residual)
    keys = [catalogue.channels[channel] for channel in judged.tolist()]
    # In the order of the record.
    columns = zip(
        [MODES[mode] for mode in catalogue.pair_mode[catalogue.pair_of_judged[rows]].tolist()],
        [key.sensor for key in keys],
        [key.channel for key in keys],
        [catalogue.units[channel] for channel in judged.tolist()],
        measured.tolist(),
        expected.tolist(),
        band.tolist(),
        (residual + shock + bent + placed).tolist(),
        shock.tolist(),
        residual.tolist(),
        state.residual_sd[rows].tolist(),
        weight.tolist(),
        contribution.tolist(),
        bent.tolist(),
        placed.tolist(),
        strict=True,
    )
    return [ChannelBasis(*values) for values in columns], _places(catalogue.first_judged, chosen)


def recompute(basis: AssessmentBasis) -> Recomputed:
    """Compute an assessment's numbers again."""
    modes = basis.modes

    def column(name: str) -> FloatArray:
        return np.array([getattr(mode, name) for mode in modes], np.float64)

    history = History(
        known=np.ones(len(modes), np.bool_),
        severity=column("severity"),
        severity_sd=column("severity_sd"),
        instrument=column("instrument"),
        seen=np.array([mode.seen for mode in modes], np.float64).reshape(len(modes), len(LAGS)),
        silent_days=column("silent_days"),
        onsets_per_day=column("onsets_per_day"),
        is_open=np.array([mode.raised_at_ns is not None for mode in modes], np.bool_),
        scatter=column("scatter"),
    )
    view = look_ahead(history, DAYS)
    rate = np.array([basis.rate_per_year])
    stretch = np.array([basis.life_stretch])
    joined = join_modes(view, np.zeros(len(modes), np.int32), rate, basis.begins_per_year, stretch)
    life = joined.life_days[0]
    # Week by week, not between the points of the grid: lives stand close together there, and chances rise in steps.
    by_week = look_ahead(history, WEEK_DAYS).failed[0]
    holds = np.exp(-joined.unseen_per_day[0] * WEEK_DAYS)
    return Recomputed(
        probability=joined.probability[0],
        life=RemainingLife(*life.tolist()) if np.all(np.isfinite(life)) else None,
        severity=float(joined.severity[0]),
        damaged=tuple(view.damaged.tolist()),
        mode_chance=tuple(view.failed[0][:, len(LIFE_DAYS) + _NINETY].tolist()),
        failed=np.clip(1.0 - holds * np.prod(1.0 - by_week, axis=0), 0.0, 1.0),
        sound=1.0 - holds,
        later_chance=float(joined.later[0, len(LIFE_DAYS) + _NINETY]),
        condition=int(indicative_conditions(joined.known, joined.severity)[0]),
        waiting_eur=float(joined.avertable_90[0] * (basis.failure_eur - basis.planned_eur)),
    )


def shares_of_risk(basis: AssessmentBasis, numbers: Recomputed) -> list[tuple[str, float, float]]:
    """Split the chance of failure within 90 days into its causes.

    Returns
    -------
    list of (str, float, float)
        Cause (a failure mode, ``later`` for damage that has not begun, or ``unseen`` for what no sensor sees), its
        chance alone, and its part of the whole; the parts add up to 1. Chances of independent causes add up as
        logarithms of survival.
    """
    whole = -np.log1p(-min(float(numbers.probability[_NINETY, 0]), 1.0 - 1e-12))
    found = []
    left = whole
    causes = [(mode.mode, chance) for mode, chance in zip(basis.modes, numbers.mode_chance, strict=True)]
    if numbers.later_chance > 0.0:
        causes.append(("later", numbers.later_chance))
    for cause, chance in causes:
        hazard = min(-np.log1p(-min(chance, 1.0 - 1e-12)), left)
        left -= hazard
        found.append((cause, chance, float(hazard / whole) if whole > 0.0 else 0.0))
    unseen = 1.0 - sum(part for _, _, part in found)
    return [*found, ("unseen", float(-np.expm1(-left)), unseen)]


def days_to_alarm(mode: ModeBasis) -> float | None:
    """Say how long it takes until the alarm, were every coming day like the last ones; None where it never comes."""
    if mode.severity < mode.alarm_severity:
        return None
    return days_to_evidence(mode.threshold - mode.evidence, mode.strength, mode.fast_days)
