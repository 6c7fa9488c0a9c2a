"""When deviations become an alarm: agreement, materiality, persistence, and one dial.

Each pair of asset and failure mode runs a sequential test on the standardised deviations of its witnesses
(groups of quantities that count as one, `models.thresholds`). Once an hour or whatever the hop is,

1. each witness gives its largest score towards harm, ``z = harm / standard deviation``;
2. *agreement*: the scores of the majority of the witnesses are added, as of normal variables that correlate by
   a half (weather and load move all quantities of a structure); or a *lone* quantity counts with what is left
   after subtracting what its instrument or a change of load could do; a quantity that follows load counts
   with what is left in agreement too;
3. *materiality*: below a share of the failure level no score counts for more than noise;
4. the logarithm of the likelihood ratio of a shift by three standard deviations is added, half a day's worth
   per independent draw, and never falls below zero;
5. *persistence*: an alarm needs the evidence to last from six hours when overwhelming to a week when weak.

Were the scores at most standard normal under health and independent over half days, the mean time between
false alarms would be at least exp(threshold) half days (Lorden, Ann. Math. Stat. 42 (1971) 1897-1908), whatever the
scores' other properties: the threshold is the logarithm of the run length that the budget asks for. Real deviations
stay correlated for longer; materiality, persistence and the wide standard deviation are what covers that, and the
achieved rate must be measured (issue 5). An alarm clears after two calm weeks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FloatArray, IndexArray, TimeArray
from models.catalogue import HOUR_NS, Catalogue
from models.deviation import harm
from models.memory import ModelState

__all__ = ["alarm_threshold", "weigh_evidence"]

_DAY_NS: Final = 24 * HOUR_NS
_SHIFT: Final = 3.0
_DRAW_NS: Final = 12 * HOUR_NS
_LARGEST_SCORE: Final = 6.0
_CORRELATION: Final = 0.5
# Of either sign harm: the larger of two chances, in the same test.
_TWO_SIDED: Final = float(np.log(2.0)) / _SHIFT
# Shares of the failure level that two agreeing quantities, or one beyond its instrument, must have lost.
_MATERIAL_STRONG: Final = 0.15
_MATERIAL_FAIR: Final = 0.08
_MATERIAL_LONE: Final = 0.10
_IMMATERIAL_SCORE: Final = 1.0
_STRENGTH_NS: Final = 6 * HOUR_NS
_PERSISTENCE_WEAK_DAYS: Final = 7.0
_PERSISTENCE_STRONG_DAYS: Final = 0.25
_WEAK_STRENGTH: Final = 2.5
_CALM_STRENGTH: Final = 1.0
_CALM_NS: Final = 14 * _DAY_NS
# A value stands for at most this long when the next one is late.
_LONGEST_DRAW_NS: Final = _DAY_NS
_MOST_EVIDENCE: Final = 3.0


def alarm_threshold(catalogue: Catalogue) -> FloatArray:
    """Give the evidence that an alarm takes.

    Returns
    -------
    float64[P]
        Natural logarithm of the mean run length, in half days, that the asset's budget leaves each of its modes.
    """
    pairs = catalogue.pairs_of_asset[catalogue.pair_asset]
    draws_per_year = 365.25 * _DAY_NS / _DRAW_NS
    return np.asarray(np.log(np.maximum(draws_per_year * pairs / catalogue.false_alarms_per_year, 2.0)))


def _witness_matrix(catalogue: Catalogue, rows: npt.NDArray[np.intp], values: FloatArray) -> FloatArray:
    """float64[P, G]: each pair's witnesses' largest values, highest first, -inf where there is none."""
    largest = np.full(len(catalogue.pair_of_witness), -np.inf)
    np.maximum.at(largest, catalogue.witness_of_judged[rows], values)
    width = int(catalogue.rank_of_witness.max(initial=0)) + 1
    matrix = np.full((len(catalogue.pair_asset), width), -np.inf)
    matrix[catalogue.pair_of_witness, catalogue.rank_of_witness] = largest
    return np.asarray(-np.sort(-matrix, axis=-1))


def weigh_evidence(
    catalogue: Catalogue, state: ModelState, *, active: BoolArray, spoke: BoolArray, end_ns: TimeArray
) -> tuple[ModelState, IndexArray, IndexArray]:
    """Fold one hop's deviations into evidence, and decide about alarms.

    Parameters
    ----------
    active : bool[J]
        Commissioned channels whose deviation may be believed now.
    spoke : bool[J]
        Active ones that were heard in this hop; a pair none of whose channels spoke stays as it is.
    end_ns : int64[A]
        End of the hop.

    Returns
    -------
    ModelState
        With new pair columns and `forgiven`; the one passed in is not changed.
    raised, cleared : int32[...]
        Pairs whose alarm was raised or cleared.
    """
    pairs = len(catalogue.pair_asset)
    everyone = np.arange(len(catalogue.judged))
    towards = harm(catalogue, state.deviation, everyone)
    forgiven = np.where(active, np.minimum(state.forgiven, np.maximum(towards, 0.0)), state.forgiven)
    rows = everyone[active]
    heard = np.zeros(pairs, np.bool_)
    heard[catalogue.pair_of_judged[active & spoke]] = True
    if not len(rows) or not np.any(heard):
        none = np.empty(0, np.int32)
        return replace(state, forgiven=forgiven), none, none

    excess = towards[rows] - forgiven[rows]
    spread = state.deviation_sd[rows]
    distance = state.distance[rows]
    drift = catalogue.drift_share[catalogue.judged[rows]] * distance
    # What load moves together with the rest agrees with it in good health too.
    joint_excess = excess - np.where(catalogue.follows_load[catalogue.judged[rows]], drift, 0.0)
    sided = np.where(catalogue.direction[catalogue.judged[rows]] == 0.0, _TWO_SIDED, 0.0)
    score = _witness_matrix(catalogue, rows, joint_excess / spread - sided)
    share = _witness_matrix(catalogue, rows, joint_excess / distance)
    lone_score = np.full(pairs, -np.inf)
    np.maximum.at(lone_score, catalogue.pair_of_judged[rows], (excess - drift) / spread - sided)
    lone_share = np.full(pairs, -np.inf)
    np.maximum.at(lone_share, catalogue.pair_of_judged[rows], (excess - drift) / distance)

    witnesses = np.sum(score > -np.inf, axis=-1)
    majority = np.maximum(np.where(witnesses > 1, witnesses // 2 + 1, witnesses), 1)
    joint = _majority_sum(score, majority) / np.sqrt(majority + _CORRELATION * majority * (majority - 1))
    second = share[:, min(1, share.shape[1] - 1)]
    agree = (witnesses > 1) & (share[:, 0] >= _MATERIAL_STRONG) & (second >= _MATERIAL_FAIR)
    alone = lone_share >= _MATERIAL_LONE
    material = agree | alone
    with_agreement = np.where(witnesses > 1, joint, -np.inf)
    best = np.maximum(np.where(agree, with_agreement, -np.inf), np.where(alone, lone_score, -np.inf))
    quiet = np.minimum(np.maximum(with_agreement, lone_score), _IMMATERIAL_SCORE)
    strength = np.clip(np.where(material, best, quiet), -_LARGEST_SCORE, _LARGEST_SCORE)

    now = end_ns[catalogue.pair_asset]
    gap = np.where(state.evidence_ns > 0, now - state.evidence_ns, catalogue.hop_ns[catalogue.pair_asset])
    gap = np.clip(gap, 0, _LONGEST_DRAW_NS)
    step = gap / _DRAW_NS * (_SHIFT * strength - _SHIFT**2 / 2)
    threshold = alarm_threshold(catalogue)
    evidence = np.clip(state.evidence + step, 0.0, _MOST_EVIDENCE * threshold)
    since = np.where(evidence > 0.0, np.where(state.evidence > 0.0, state.since_ns, now - gap), 0)
    smooth = state.strength + -np.expm1(-gap / _STRENGTH_NS) * (strength - state.strength)
    ratio = _WEAK_STRENGTH / np.maximum(smooth, 0.1)
    needed_days = np.clip(
        _PERSISTENCE_WEAK_DAYS * (ratio * ratio) ** 2, _PERSISTENCE_STRONG_DAYS, _PERSISTENCE_WEAK_DAYS
    )
    is_open = state.raised_ns > 0
    lasting = (since > 0) & (now - since >= needed_days * _DAY_NS)
    raised = heard & ~is_open & material & lasting & (evidence >= threshold)
    is_calm = smooth < _CALM_STRENGTH
    calm = np.where(is_calm, np.where(state.calm_ns > 0, state.calm_ns, now), 0)
    cleared = heard & is_open & (calm > 0) & (now - calm >= _CALM_NS)

    total, deviations = _severity(catalogue, state, rows, towards[rows])
    pointing = np.sum(score > _CALM_STRENGTH, axis=-1)
    fresh = {
        "evidence": np.where(cleared, 0.0, evidence),
        "strength": smooth,
        "since_ns": np.where(cleared, 0, since),
        "raised_ns": np.where(raised, now, np.where(cleared, 0, state.raised_ns)),
        "calm_ns": calm,
        "evidence_ns": now,
        "severity": total,
        "severity_sd": deviations,
        "agreeing": pointing.astype(np.int32),
    }
    columns = {name: np.where(heard, values, getattr(state, name)) for name, values in fresh.items()}
    return (
        replace(state, forgiven=forgiven, **columns),
        np.flatnonzero(raised).astype(np.int32),
        np.flatnonzero(cleared).astype(np.int32),
    )


def _majority_sum(ordered: FloatArray, majority: IndexArray) -> FloatArray:
    """float64[P]: sum of the first `majority` columns of each row; a missing one counts as 0."""
    counted = np.arange(ordered.shape[1]) < majority[:, np.newaxis]
    running = np.cumsum(np.where(counted & (ordered > -np.inf), ordered, 0.0), axis=-1)
    return np.asarray(running[:, -1])


def _severity(
    catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp], towards: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """float64[P] twice: mean severity of the majority of the witnesses, and its standard deviation.

    A level past the owner's own limit is a severity of 1, even when it was there at commissioning already.
    """
    channel = catalogue.judged[rows]
    level = np.sum(state.block_value[rows], axis=-1) / state.count[rows] + state.offset[rows] + state.deviation[rows]
    direction = catalogue.direction[channel]
    beyond = ~np.isnan(catalogue.limit[channel]) & (direction * (level - catalogue.limit[channel]) >= 0.0)
    share = towards / state.distance[rows]
    share = np.where(beyond & (direction != 0.0), np.maximum(share, 1.0), share)
    shares = _witness_matrix(catalogue, rows, share)
    spreads = _witness_matrix(catalogue, rows, state.deviation_sd[rows] / state.distance[rows])
    witnesses = np.maximum(np.sum(shares > -np.inf, axis=-1), 1)
    majority = np.where(witnesses > 1, witnesses // 2 + 1, 1)
    mean = _majority_sum(shares, majority) / majority
    spread = _majority_sum(spreads, majority) / majority * np.sqrt((1 + _CORRELATION * (majority - 1)) / majority)
    return mean, spread
