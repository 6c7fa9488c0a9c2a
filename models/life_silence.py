"""Remaining life of a unit that is not heard as the histories were: the histories are silenced as it is, and asked.

What the committee says of a life of which every cell is there does not tell how wrong it is when sensors are missing,
stopped long ago or came late. So the cells that are missing of a running unit are taken from every history that was
kept, at about the same age; the committee, as if it had not learned that history, says how much of it is left; and how
wrong that was is what the running unit's statement has to expect. Whatever is missing is one case: columns, the last
rows, the first ones, a hole, every second cell. The more is missing, the less the statements tell lives apart and the
wider their errors spread, up to what age alone tells: how much longer the histories lasted that came to this age.

What is missing is not bridged here. Means over time are those of the cells that were heard, and slow components what
these make likely (`models.regime_signal.heard_components`), so that a column without a word has no weight. A history is
asked at several ages, not only at the unit's. Which cells it is left with there is aligned from both ends: in the first
half of its rows as in the unit's first rows, in the second half as in its last.

References
----------
V. Vovk, A. Gammerman, G. Shafer, Algorithmic learning in a random world (2005), chapter 2: errors of examples that are
exchangeable with the new one; here they are so because they went through the same loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import BoolArray, FloatArray, IndexArray
from models.life_expert import LifeUnit
from models.life_features import AGE_FEATURE, CourseMeans, describe_course, weights_of_memories
from models.life_interval import LifeStatements, collect_statements
from models.life_learning import LifeCommittee, coefficients_without, predict_life, predict_without
from models.life_map import LifeCourse, LifeMap, standardised
from models.operating_regimes import normalise_by_regime, regime_of
from models.regime_signal import RegimeSignal, find_regime_signal, heard_components

__all__ = ["HeardHistories", "hear_histories", "is_silenced", "state_as_heard", "tells"]

# A column of which each memory holds this share of what it usually holds is bridged: one cell in the last ten rows, or
# a twentieth of all at random, changes neither errors nor coverage of real lives.
_BRIDGED_SHARE: Final = 0.8
# Statements of another age count less: at this ratio a sixth, for lives that spread as real ones do. Twenty ages for a
# dozen change neither errors nor coverage of real lives.
_FARTHEST_AGE: Final = 1.6
_MOST_AGES: Final = 12
# Weights of the shares that a mean consists of, below which a row is not looked at.
_NEGLIGIBLE: Final = 1e-9
# In spreads; far beyond what a feature can tell apart.
_FARTHEST_VALUE: Final = 1e6
# Of a unit that outlived every history at most this share of the horizon is said: the committee knows nothing of it.
_OUTLIVED: Final = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class HeardHistories:
    """Histories made ready to be silenced; `U` units of at most `N` rows, `V` columns that vary.

    Attributes
    ----------
    signal : RegimeSignal
        What a cell tells of the slow components, also where there is one regime.
    values : float64[U, N, V]
        In spreads of the regime; 0 after the last row.
    regime : int32[U, N]
    elapsed, remaining : float64[U, N]
        Age in the unit of time of the courses, and remaining life in shares of the horizon, within [0, 1].
    rows : int32[U]
        Rows there are of each.
    coefficients : tuple of float64[U, P]
        Of each expert, had it not learned the unit.
    """

    signal: RegimeSignal
    values: FloatArray
    regime: IndexArray
    elapsed: FloatArray
    remaining: FloatArray
    rows: IndexArray
    coefficients: tuple[FloatArray, ...]


def tells(life_map: LifeMap) -> BoolArray:
    """bool[C]: which columns an answer depends on, be it by themselves or by telling the regime."""
    centre = life_map.regimes.centre
    telling: BoolArray = life_map.regimes.varies | np.any(centre != centre[0], axis=0)
    return telling


def is_silenced(heard: BoolArray, usual: FloatArray) -> bool:
    """Tell whether so much is missing of one unit that bridging it would pretend to know.

    Parameters
    ----------
    heard : bool[N, C]
        False where a cell is missing; of columns that tell something.
    usual : float64[C]
        Share of the cells of each column that histories have.
    """
    if heard.all():
        return False
    weights = weights_of_memories(np.ones(len(heard), np.bool_))
    share = weights @ heard / weights.sum(axis=1, keepdims=True)
    return bool(np.any(share < _BRIDGED_SHARE * usual))


def hear_histories(
    life_map: LifeMap,
    committee: LifeCommittee,
    kept: Sequence[tuple[LifeCourse, LifeUnit]],
    *,
    horizon: float,
) -> HeardHistories:
    """Make histories ready to be silenced.

    Parameters
    ----------
    kept : sequence of (LifeCourse, LifeUnit)
        Histories, at least one, and what the committee learned of each.
    horizon : float
        In the unit of time of the courses.
    """
    courses = [course for course, _ in kept]
    label = [regime_of(life_map.regimes, course.values) for course in courses]
    normal = [_normalised(life_map, course, mine) for course, mine in zip(courses, label, strict=True)]
    regimes = len(life_map.regimes.centre)
    signal = life_map.signal or find_regime_signal(normal, label, life_map.components, regimes=regimes)
    rows = np.array([len(course.elapsed) for course in courses], np.int32)
    shape = (len(courses), int(rows.max()))
    values, regime = np.zeros((*shape, normal[0].shape[1])), np.zeros(shape, np.int32)
    elapsed, remaining = np.zeros(shape), np.zeros(shape)
    for unit, course in enumerate(courses):
        here = unit, slice(len(course.elapsed))
        values[here], regime[here], elapsed[here] = normal[unit], label[unit], course.elapsed
        remaining[here] = np.minimum((course.elapsed[-1] - course.elapsed) / horizon, 1.0)
    without = coefficients_without(committee, [unit for _, unit in kept])
    return HeardHistories(signal, values, regime, elapsed, remaining, rows, without)


def state_as_heard(
    life_map: LifeMap, committee: LifeCommittee, histories: HeardHistories, course: LifeCourse
) -> tuple[LifeStatements, float, float]:
    """State the remaining life of one running unit at its last row, and of the histories as if heard like it.

    Returns
    -------
    statements : LifeStatements
        About the histories that came to about this age; none where none did.
    predicted, age : float
        What the committee says of the unit, in shares of the horizon, within [0, 1], and the logarithm of its age, in
        standard deviations.
    """
    label = regime_of(life_map.regimes, course.values)
    normal = _normalised(life_map, course, label)
    heard = np.isfinite(course.values[:, life_map.regimes.varies])
    described = _describe(life_map, histories.signal, heard, normal[np.newaxis], label[np.newaxis], course.elapsed[-1:])
    predicted, age = float(predict_life(committee, described)[0]), float(described[0, AGE_FEATURE])
    features, unit, remaining = [np.empty((0, described.shape[1]))], [np.empty(0, np.int32)], [np.empty(0)]
    for rows in _ages(len(heard)):
        alive = np.flatnonzero(histories.rows >= rows).astype(np.int32)
        if not len(alive):
            break
        values, regime = histories.values[alive, :rows], histories.regime[alive, :rows]
        elapsed = histories.elapsed[alive, rows - 1]
        features.append(_describe(life_map, histories.signal, _aligned(heard, rows), values, regime, elapsed))
        unit.append(alive)
        remaining.append(histories.remaining[alive, rows - 1])
    asked, whose, true = np.concatenate(features), np.concatenate(unit), np.concatenate(remaining)
    said = predict_without(committee, histories.coefficients, asked, whose)
    mine = [np.flatnonzero(whose == one) for one in range(len(histories.rows))]
    statements = collect_statements([(said[one], true[one], asked[one, AGE_FEATURE]) for one in mine])
    return statements, predicted if len(said) else min(predicted, _OUTLIVED), age


def _normalised(life_map: LifeMap, course: LifeCourse, label: IndexArray) -> FloatArray:
    """Express a course in spreads of its regimes; what no instrument reads is far out, and multiplied by 0 still 0."""
    normal = normalise_by_regime(life_map.regimes, course.values, label)
    return np.nan_to_num(np.clip(normal, -_FARTHEST_VALUE, _FARTHEST_VALUE))


def _ages(rows: int) -> list[int]:
    """Ages to ask about, in rows, for a unit of so many."""
    span = np.linspace(max(rows / _FARTHEST_AGE, 1.0), rows * _FARTHEST_AGE, _MOST_AGES)
    return sorted(set(np.rint(span).astype(int).tolist()))


def _aligned(heard: BoolArray, rows: int) -> BoolArray:
    """Which cells are heard of a life of so many rows, bool[rows, V], aligned from both ends."""
    row, middle = np.arange(rows), (len(heard) - 1) // 2
    first, last = np.minimum(row, middle), np.maximum(row + len(heard) - rows, middle)
    aligned: BoolArray = heard[np.where(2 * row < rows, first, last)]
    return aligned


def _describe(
    life_map: LifeMap,
    signal: RegimeSignal,
    heard: BoolArray,
    values: FloatArray,
    regime: IndexArray,
    elapsed: FloatArray,
) -> FloatArray:
    """Give the features, float64[U, S], of units at their last row by the cells that are heard, bool[N, V]."""
    spoken: BoolArray = np.any(heard, axis=1)
    weights = weights_of_memories(spoken)
    used = np.flatnonzero(np.any(weights > _NEGLIGIBLE, axis=0))
    components = heard_components(signal, weights[:, used], heard[used], values[:, used], regime[:, used])
    *memories, start = np.moveaxis(components, 1, 0)
    means = CourseMeans(tuple(memories), start)
    return standardised(life_map, describe_course(means, elapsed, usual_step=life_map.usual_step))
