"""What points most strongly towards harm in each pair of asset and failure mode: agreement, materiality, severity.

A *witness* is what counts as one of a mode's quantities (`models.thresholds`); of the channels that speak for it the
one with the largest score does. The best two or more witnesses are joined, within each sensor and over the whole pair,
as normal variables that correlate by a half. Beside them stands a *lone* quantity, with what is left of it after
subtracting what its instrument or a change of load could do. The stronger of both is what the sequential test counts
(`models.evidence`), and what the severity of the pair is made of.

Which quantities tell of one part is what a register does not say, and the table of `models.thresholds` may part what
belongs together: scour tilts a pier and changes how it shakes, a wet base settles. So the quantity of a structure that
is furthest on its way is joined with one of another failure mode as well, where both show more than is asked within a
mode; what a machine shows is joined with what machines show.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FloatArray, IndexArray
from models.axes import place_in_group
from models.catalogue import Catalogue
from models.lone_quantities import possible_drift
from models.memory import ModelState
from models.thresholds import NUMBERS_PER_GROUP

__all__ = ["CALM_STRENGTH", "Strongest", "instrument_sd", "part_of_pairs", "strongest_witnesses"]

# Up to this score a quantity is calm.
CALM_STRENGTH: Final = 1.0
_LARGEST_SCORE: Final = 14.0
# What scatter alone can make of a score: an alarm in two days, and in one where it rose. Without a limit a bridge that
# a storm moved more than its like was alarmed; at half of it too few days are gained for a crew.
_CALM_SCORE: Final = 8.0
_LEAST_SCORE: Final = -6.0
_CORRELATION: Final = 0.5
# Of either sign harm: the larger of two chances, in the same test.
_TWO_SIDED: Final = float(np.log(2.0)) / 3.0
# Scores and shares of the failure level that two agreeing quantities, or one beyond its instrument, must show; of two
# less where more false alarms are allowed than usual (docs/adr/0042).
_STRONG_SCORE: Final = 2.5
_FAIR_SCORE: Final = 1.0
_MATERIAL_STRONG: Final = 0.15
_MATERIAL_FAIR: Final = 0.08
_MATERIAL_LONE: Final = 0.10
# The same for what bears out a quantity of another failure mode, and what stands alone otherwise. Judgement: by what is
# asked within a mode false alarms of simulated fleets were half as many again.
_FAIR_BESIDE: Final = 1.5
_MATERIAL_BESIDE: Final = 0.12
# What stands alone though others of its mode could bear it out may have moved so far by itself: a sound level wanders.
_LEAST_BESIDE: Final = 0.1
_USUAL_PER_YEAR: Final = 0.03
_MATERIAL_POWER: Final = 0.9
_LEAST_MATERIAL: Final = 0.1
_IMMATERIAL_SCORE: Final = 1.0
# Witnesses that make the severity, and how much more one counts that is further on its way: a component fails by
# the first of its quantities that reaches its level.
_SEVERITY_WITNESSES: Final = 3
_FURTHER_COUNTS: Final = 6.0
_LEAST_SPREAD: Final = 0.02


def material_part(false_alarms_per_year: FloatArray) -> FloatArray:
    """float64[...]: how much of the usual share of the failure level must be shown by quantities that agree.

    Examples
    --------
    >>> material_part(np.array([0.006, 0.03, 0.1, 0.3, 3.0])).round(2).tolist()
    [1.0, 1.0, 0.34, 0.13, 0.1]
    """
    part = (_USUAL_PER_YEAR / false_alarms_per_year) ** _MATERIAL_POWER
    return np.asarray(np.clip(part, _LEAST_MATERIAL, 1.0))


def part_of_pairs(catalogue: Catalogue) -> FloatArray:
    """float64[P]: the same of each pair, by the budget of its asset."""
    return material_part(catalogue.false_alarms_per_year)[catalogue.pair_asset]


def instrument_sd(severity: FloatArray, drift_share: FloatArray) -> FloatArray:
    """Tell how much of a lone quantity's severity may be its instrument's, or a change of load's.

    The further on its way, the less: float64[...], all of `drift_share` up to there, nothing at the failure level.
    """
    doubt = np.sqrt(np.clip((1.0 - severity) / (1.0 - drift_share), 0.0, 1.0))
    return np.asarray(drift_share * doubt)


@dataclass(frozen=True, slots=True, eq=False)
class Strongest:
    """For each pair the strongest set of witnesses, or lone quantity.

    Attributes
    ----------
    strength : float64[P]
        Standard score towards harm; nothing, where no channel has a residual.
    is_material, is_agreed : bool[P]
        Whether it counts for more than noise, and whether two quantities at least agree on it.
    severity, severity_sd : float64[P]
        Share of the way to failure, and its standard deviation; NaN where no channel has a residual.
    agreeing : int32[P]
        Quantities beyond calm.
    other_mode : int8[P]
        Failure mode of the same structure a quantity of which agrees, by its place in `MODES` from 1 on; 0 for none.
    weight : float64[J]
        Of each judged channel in the severity; those of a pair add up to 1.
    """

    strength: FloatArray
    is_material: BoolArray
    is_agreed: BoolArray
    severity: FloatArray
    severity_sd: FloatArray
    agreeing: IndexArray
    other_mode: npt.NDArray[np.int8]
    weight: FloatArray

    @staticmethod
    def nothing(catalogue: Catalogue) -> Strongest:
        """Start with no quantity in any pair."""
        pairs, judged = len(catalogue.pair_asset), len(catalogue.judged)
        return Strongest(
            strength=np.full(pairs, -np.inf),
            is_material=np.zeros(pairs, np.bool_),
            is_agreed=np.zeros(pairs, np.bool_),
            severity=np.full(pairs, np.nan),
            severity_sd=np.full(pairs, np.nan),
            agreeing=np.zeros(pairs, np.int32),
            other_mode=np.zeros(pairs, np.int8),
            weight=np.zeros(judged),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """What the judged channels that were heard show, a row each: rows of the judged ones, intp[R], and float64[R].

    `score` is the share towards harm by its spread, of what is not forgiven; `sharp` by what sound severities scatter.
    """

    judged: npt.NDArray[np.intp]
    pair: IndexArray
    share: FloatArray
    excess: FloatArray
    joint_share: FloatArray
    drift: FloatArray
    sided: FloatArray
    spread: FloatArray
    scattered: FloatArray
    score: FloatArray
    sharp: FloatArray


def strongest_witnesses(
    catalogue: Catalogue, state: ModelState, active: BoolArray, towards: FloatArray, forgiven: FloatArray
) -> Strongest:
    """Find what points most strongly towards harm in each pair; what is forgiven is no evidence, but severity.

    Parameters
    ----------
    active : bool[J]
        Judged channels with a residual of this day.
    towards, forgiven : float64[J]
        Their residuals towards harm as shares of the failure level, and what of it people have explained.
    """
    shown = _shown(catalogue, state, np.flatnonzero(active), towards, forgiven)
    found = Strongest.nothing(catalogue)
    highest = np.full(len(found.strength), -np.inf)
    sensor = catalogue.sensor_of_channel[catalogue.judged[shown.judged]].astype(np.int64)
    for scope in (sensor, np.full(len(sensor), -1, np.int64)):
        _join_witnesses(found, highest, catalogue, shown, scope)
    _take_lone(found, highest, catalogue, state, shown)
    _agree_across(found, catalogue, shown)
    strength = np.where(np.isfinite(found.strength), found.strength, 0.0)
    return replace(
        found,
        strength=_bounded(strength),
        is_material=found.strength > _IMMATERIAL_SCORE,
    )


def _shown(
    catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp], towards: FloatArray, forgiven: FloatArray
) -> _Shown:
    channel, pair = catalogue.judged[rows], catalogue.pair_of_judged[rows]
    spread = np.maximum(state.residual_sd[rows], _LEAST_SPREAD)
    scattered = spread * state.scatter[pair]
    sided = np.where(catalogue.direction[channel] == 0.0, _TWO_SIDED, 0.0)
    drift = catalogue.drift_share[channel]
    share = towards[rows]
    excess = share - forgiven[rows]
    # What load moves together with the rest agrees with it in good health too.
    joint_share = excess - np.where(catalogue.follows_load[channel], drift, 0.0)
    plain = joint_share / spread
    return _Shown(
        judged=rows,
        pair=pair,
        share=share,
        excess=excess,
        joint_share=joint_share,
        drift=drift,
        sided=sided,
        spread=spread,
        scattered=scattered,
        score=plain - sided,
        sharp=np.maximum(plain, joint_share / scattered) - sided,
    )


def _join_witnesses(
    found: Strongest, highest: FloatArray, catalogue: Catalogue, shown: _Shown, scope: npt.NDArray[np.int64]
) -> None:
    """Join the witnesses of each pair within each scope, and write where they are the strongest so far.

    Parameters
    ----------
    highest : float64[P]
        Score that made the severity of each pair so far, by spreads alone; written to as `found` is.
    scope : int64[R]
        Number of the sensor, or -1 for all together.
    """
    pairs = len(highest)
    scopes = len(catalogue.channels) + 1
    sets, set_of_row = np.unique(shown.pair * scopes + scope + 1, return_inverse=True)
    pair = sets // scopes
    table = _witness_table(set_of_row, catalogue.witness_of_judged[shown.judged], shown.score, len(sets))
    known = table >= 0
    scores = np.where(known, _bounded(shown.sharp[table]), -np.inf)
    shares = np.where(known, shown.joint_share[table], -np.inf)
    # What the severity is made of is chosen by the spread alone.
    joint = _joined(np.where(known, _bounded(shown.score[table]), -np.inf))
    told = np.maximum(joint, np.minimum(_joined(scores), _CALM_SCORE))
    ordered = -np.sort(-shares, axis=-1)
    second = min(1, ordered.shape[1] - 1)
    part = part_of_pairs(catalogue)[pair]
    agree = (ordered[:, 0] >= _MATERIAL_STRONG * part) & (ordered[:, second] >= _MATERIAL_FAIR * part)
    agree &= (scores[:, 0] >= _STRONG_SCORE) & (scores[:, second] >= _FAIR_SCORE) & (joint > -np.inf)
    found.is_agreed[pair[agree]] = True
    np.maximum.at(found.strength, pair, np.where(agree, told, np.minimum(told, _IMMATERIAL_SCORE)))

    chosen = _best_of_pair(pair, joint, joint > highest[pair], pairs)
    picked = np.flatnonzero(chosen >= 0)
    best = chosen[picked]
    highest[picked] = joint[best]
    found.agreeing[picked] = np.sum(scores[best] > CALM_STRENGTH, axis=-1)
    level, level_sd, weight = _severity(table[best], shown.share, shown.spread)
    found.severity[picked], found.severity_sd[picked] = level, level_sd
    found.weight[shown.judged[np.isin(shown.pair, picked)]] = 0.0
    used = table[best][:, : weight.shape[1]]
    found.weight[shown.judged[used[used >= 0]]] = weight[used >= 0]


def _take_lone(found: Strongest, highest: FloatArray, catalogue: Catalogue, state: ModelState, shown: _Shown) -> None:
    """Write where one quantity by itself, beyond what its instrument can do, is the strongest of its pair."""
    # Where others could speak, a pair's history is not that of the quantity, and their silence speaks against damage.
    is_single = _is_single(catalogue)[shown.judged]
    single = np.flatnonzero(is_single)
    instrument = np.where(
        is_single | _is_borne_out(catalogue, shown), shown.drift, np.maximum(shown.drift, _LEAST_BESIDE)
    )
    instrument[single] = possible_drift(
        shown.share[single],
        state.severity_past,
        shown.pair[single],
        shown.spread[single],
        shown.drift[single],
    )
    share = shown.excess - instrument
    score = _lone_score(share, share / shown.spread) - shown.sided
    sharp = np.minimum(_lone_score(share, share / shown.scattered) - shown.sided, _CALM_SCORE)
    heard, leader = _highest_of_each(shown.pair, score)
    found.strength[heard] = np.maximum(found.strength[heard], np.maximum(score, sharp)[leader])

    alone = score[leader] > highest[heard]
    heard, leader = heard[alone], leader[alone]
    found.severity[heard] = shown.share[leader]
    found.severity_sd[heard] = np.hypot(shown.spread[leader], instrument_sd(shown.share[leader], shown.drift[leader]))
    found.agreeing[heard] = (score[leader] > CALM_STRENGTH).astype(np.int32)
    found.weight[shown.judged[np.isin(shown.pair, heard)]] = 0.0
    found.weight[shown.judged[leader]] = 1.0


def _agree_across(found: Strongest, catalogue: Catalogue, shown: _Shown) -> None:
    """Write where a quantity of another failure mode agrees with the one that is furthest on its way."""
    _, leader = _highest_of_each(shown.pair, shown.sharp)
    asset, share = catalogue.pair_asset[shown.pair[leader]], shown.joint_share[leader]
    assets, first = _highest_of_each(asset, share)
    furthest = leader[first][np.searchsorted(assets, asset)]
    channel = catalogue.judged[shown.judged]
    kind, on_machine = catalogue.group[channel] // NUMBERS_PER_GROUP, catalogue.on_machine[channel]
    may_agree = np.flatnonzero((kind[leader] != kind[furthest]) & (on_machine[leader] == on_machine[furthest]))
    _, nearest = _highest_of_each(asset[may_agree], share[may_agree])
    nearest = may_agree[nearest]
    strong, fair = furthest[nearest], leader[nearest]

    part = part_of_pairs(catalogue)[shown.pair[strong]]
    agree = (shown.joint_share[strong] >= _MATERIAL_STRONG * part) & (shown.sharp[strong] >= _STRONG_SCORE)
    agree &= (shown.joint_share[fair] >= _MATERIAL_BESIDE * part) & (shown.sharp[fair] >= _FAIR_BESIDE)
    both = np.stack([strong, fair], axis=-1)[agree]
    told = np.maximum(
        _joined(_bounded(shown.score[both])), np.minimum(_joined(_bounded(shown.sharp[both])), _CALM_SCORE)
    )
    pair, other = shown.pair[both].T
    stronger = told > found.strength[pair]
    pair, other = pair[stronger], other[stronger]
    found.strength[pair] = told[stronger]
    found.is_agreed[pair] = True
    found.other_mode[pair] = catalogue.pair_mode[other] + 1


def _highest_of_each(
    owner: npt.NDArray[np.integer], score: FloatArray
) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.intp]]:
    """Give each owner once, ascending, and the first of its rows with the highest score."""
    order = np.lexsort((-score, owner))
    owners, first = np.unique(owner[order], return_index=True)
    return owners, order[first]


def _bounded(scores: FloatArray) -> FloatArray:
    return np.clip(scores, _LEAST_SCORE, _LARGEST_SCORE)


def _joined(scores: FloatArray) -> FloatArray:
    """float64[S]: of each set of scores, highest first, the best sum of two or more, as a standard score."""
    count = np.arange(1, scores.shape[1] + 1)
    joined = np.cumsum(scores, axis=-1) / np.sqrt(count + _CORRELATION * count * (count - 1))
    joined[:, 0] = -np.inf
    return np.asarray(np.max(joined, axis=-1))


def _lone_score(share: FloatArray, score: FloatArray) -> FloatArray:
    """Give what a lone quantity counts: no more than noise while it is not material."""
    return np.where(share >= _MATERIAL_LONE, score, np.minimum(score, _IMMATERIAL_SCORE))


def _is_borne_out(catalogue: Catalogue, shown: _Shown) -> BoolArray:
    """bool[R]: tell which quantities another witness of their own failure mode bears out."""
    witness = catalogue.witness_of_judged[shown.judged]
    part = part_of_pairs(catalogue)[shown.pair]
    bears = np.zeros(len(catalogue.pair_of_witness), np.bool_)
    bears[witness[(shown.sharp >= _FAIR_BESIDE) & (shown.joint_share >= _MATERIAL_BESIDE * part)]] = True
    number = np.bincount(catalogue.pair_of_witness[bears], minlength=len(catalogue.pair_asset))
    return np.asarray(number[shown.pair] > bears[witness], np.bool_)


def _is_single(catalogue: Catalogue) -> BoolArray:
    """bool[J]: tell which judged channels speak for the only witness of their pair."""
    witnesses = np.bincount(catalogue.pair_of_witness, minlength=len(catalogue.pair_asset))
    return np.asarray(witnesses[catalogue.pair_of_judged] == 1)


def _witness_table(
    set_of_row: npt.NDArray[np.intp], witness: IndexArray, score: FloatArray, sets: int
) -> npt.NDArray[np.intp]:
    """intp[S, W]: for each set the rows that speak for its witnesses, highest score first; -1 where there is none."""
    order = np.lexsort((-score, witness, set_of_row))
    first = np.ones(len(order), np.bool_)
    first[1:] = (witness[order][1:] != witness[order][:-1]) | (set_of_row[order][1:] != set_of_row[order][:-1])
    speaker = order[first]
    speaker = speaker[np.lexsort((-score[speaker], set_of_row[speaker]))]
    owner = set_of_row[speaker]
    rank = place_in_group(owner)
    table = np.full((sets, max(int(rank.max(initial=0)) + 1, 1)), -1, np.intp)
    table[owner, rank] = speaker
    return table


def _best_of_pair(
    pair: npt.NDArray[np.int64], joint: FloatArray, better: BoolArray, pairs: int
) -> npt.NDArray[np.intp]:
    """intp[P]: the set with the highest score of each pair among the better ones; -1 for none."""
    rows = np.flatnonzero(better & np.isfinite(joint))
    owner, best = _highest_of_each(pair[rows], joint[rows])
    chosen = np.full(pairs, -1, np.intp)
    chosen[owner] = rows[best]
    return chosen


def _severity(
    table: npt.NDArray[np.intp], share: FloatArray, spread: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Join the first witnesses of each set: severity, its standard deviation, and their weights, which add up to 1."""
    table = table[:, :_SEVERITY_WITNESSES]
    known = table >= 0
    level, sd = share[table], spread[table]
    weight = np.where(known, np.exp(_FURTHER_COUNTS * np.clip(level, -1.0, 1.5)) / (sd * sd), 0.0)
    weight = weight / np.maximum(np.sum(weight, axis=-1), np.finfo(np.float64).tiny)[:, np.newaxis]
    own = np.sum((weight * sd) ** 2, axis=-1)
    common = np.sum(weight * sd, axis=-1) ** 2
    severity = np.sum(np.where(known, weight * level, 0.0), axis=-1)
    return severity, np.sqrt((1 - _CORRELATION) * own + _CORRELATION * common), weight
