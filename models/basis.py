"""What an assessment rests on, as numbers that are stored with it, and the way back from them.

A basis holds each mode's history as the degradation model saw it, each channel's way from what was measured to its
part in the severity, and the owner's and the prior's figures. `recompute` goes through the same functions as the
assessment did, without state and catalogue: the same numbers a year later, bit for bit on the same machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import BoolArray, FloatArray
from domain.records import AssessmentBasis, ChannelBasis, ModeBasis, RemainingLife
from models.axes import asset_rows
from models.catalogue import HOUR_NS, Catalogue
from models.consequence import Consequence
from models.degradation import LAGS
from models.deviation import in_unit
from models.environment import has_climate
from models.evidence import days_to_evidence, fast_days
from models.explanation import temperature_of
from models.joining import DAYS, begins_per_year, join_modes
from models.memory import ModelState
from models.prognosis import LIFE_DAYS, History, lone_instruments, look_ahead
from models.thresholds import MODES

__all__ = ["Recomputed", "basis_of", "days_to_alarm", "recompute", "shares_of_risk"]

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
    failed, sound : float64[T]
        Chance of failure within `models.prognosis.LIFE_DAYS` by what a repair now would avert, and by causes that no
        sensor sees alone.
    later_chance : float
        Chance of failure within 90 days by damage that has not begun.
    """

    probability: FloatArray
    life: RemainingLife | None
    severity: float
    damaged: tuple[float, ...]
    mode_chance: tuple[float, ...]
    failed: FloatArray
    sound: FloatArray
    later_chance: float


def basis_of(
    catalogue: Catalogue, state: ModelState, consequence: Consequence, threshold: FloatArray, asset: int, at_ns: int
) -> AssessmentBasis:
    """Collect what one asset's assessment rests on.

    Parameters
    ----------
    threshold : float64[P]
        Evidence that an alarm takes.
    """
    rows = asset_rows(catalogue, asset)
    temperature = temperature_of(state, asset, at_ns)
    modes, channels = [], []
    pairs = rows["pair"]
    fast = fast_days(
        state.severity[pairs], state.severity_sd[pairs], state.severity_past[pairs], state.is_agreed[pairs]
    )
    alone, instrument = lone_instruments(catalogue, state, rows["judged"])
    lone = dict(zip(alone.tolist(), instrument.tolist(), strict=True))
    for pair in range(pairs.start, pairs.stop):
        if state.evidence_ns[pair] == 0 or not np.isfinite(state.severity[pair]):
            continue
        modes.append(
            ModeBasis(
                mode=MODES[catalogue.pair_mode[pair]],
                severity=float(state.severity[pair]),
                severity_sd=float(state.severity_sd[pair]),
                seen=tuple(state.severity_past[pair, list(LAGS)].tolist()),
                silent_days=float(max(at_ns - int(state.evidence_ns[pair]), 0) / _DAY_NS),
                onsets_per_day=float(
                    state.onsets_per_year[asset]
                    * consequence.relative_rate[asset]
                    / catalogue.pairs_of_asset[asset]
                    / 365.25
                ),
                evidence=float(state.evidence[pair]),
                threshold=float(threshold[pair]),
                strength=float(state.strength[pair]),
                raised_at_ns=int(state.raised_ns[pair]) or None,
                doubt=float(state.doubt[pair]),
                verdicts=_four(state.verdicts[pair].tolist()),
                fast_days=int(fast[pair - pairs.start]),
                instrument=lone.get(pair, 0.0),
            )
        )
    missing = []
    judged = rows["judged"]
    numbers = (state.measured[judged], state.expected[judged], state.spread[judged], state.residual[judged])
    is_known: BoolArray = np.logical_and.reduce([np.isfinite(column) for column in numbers])
    is_log, spread = catalogue.is_log[catalogue.judged[judged]], state.spread[judged]
    expected, band = in_unit(is_log, state.expected[judged], spread)
    measured, _ = in_unit(is_log, state.measured[judged], spread)
    for place, known in enumerate(is_known.tolist()):
        row = judged.start + place
        channel = int(catalogue.judged[row])
        key = catalogue.channels[channel]
        if not known:
            missing.append(f"{key.sensor}/{key.channel}")
            continue
        direction = float(catalogue.direction[channel])
        residual = float(state.residual[row])
        towards = abs(residual) if direction == 0.0 else residual
        weight = float(state.severity_weight[row])
        channels.append(
            ChannelBasis(
                mode=MODES[catalogue.pair_mode[catalogue.pair_of_judged[row]]],
                sensor=key.sensor,
                channel=key.channel,
                unit=catalogue.units[channel],
                measured=float(measured[place]),
                expected=float(expected[place]),
                band=float(band[place]),
                deviation=residual + float(state.shock[row]) + float(state.bent[row]) + float(state.placed[row]),
                common_shock=float(state.shock[row]),
                residual=residual,
                usual=float(state.residual_sd[row]),
                weight=weight,
                contribution=weight * towards,
                bent=float(state.bent[row]),
                placed=float(state.placed[row]),
            )
        )
    return AssessmentBasis(
        rate_per_year=float(consequence.rate_per_year[asset]),
        planned_eur=float(consequence.planned_eur[asset]),
        failure_eur=float(consequence.failure_eur[asset]),
        crew_lead_days=catalogue.details[asset].crew_lead_days or 0.0,
        temperature_degc=temperature if np.isfinite(temperature) else None,
        borrows_climate=not bool(has_climate(state, rows["asset"])[0]) and bool(channels),
        modes=tuple(modes),
        channels=tuple(channels),
        missing=tuple(missing),
        begins_per_year=float(
            begins_per_year(
                consequence.rate_per_year[[asset]], consequence.relative_rate[[asset]], state.fleet_shown[[asset]]
            )[0]
        ),
        life_stretch=float(state.life_stretch[asset]),
    )


def _four(numbers: list[int]) -> tuple[int, int, int, int]:
    here_dismissed, here_judged, dismissed, judged = numbers
    return here_dismissed, here_judged, dismissed, judged


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
    )
    view = look_ahead(history, DAYS)
    rate = np.array([basis.rate_per_year])
    stretch = np.array([basis.life_stretch])
    joined = join_modes(view, np.zeros(len(modes), np.int32), rate, basis.begins_per_year, stretch)
    life = joined.life_days[0]
    return Recomputed(
        probability=joined.probability[0],
        life=RemainingLife(*life.tolist()) if np.all(np.isfinite(life)) else None,
        severity=float(joined.severity[0]),
        damaged=tuple(view.damaged.tolist()),
        mode_chance=tuple(view.failed[0][:, len(LIFE_DAYS) + _NINETY].tolist()),
        failed=joined.failed[0],
        sound=joined.sound[0],
        later_chance=float(joined.later[0, len(LIFE_DAYS) + _NINETY]),
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
    return days_to_evidence(mode.threshold - mode.evidence, mode.strength, mode.fast_days)
