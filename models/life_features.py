"""What the life so far of one unit tells: level, drift from its own start, recent change, and age.

A machine is best compared with itself when it was new, so each slow component enters as its smoothed level, as
its distance from the mean of the unit's first rows, and as what short memories say beyond long ones (slope and
bend, in effect). Age enters as a logarithm. Every row uses itself and earlier rows of its unit, never later ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from domain.arrays import BoolArray, FloatArray

__all__ = [
    "AGE_FEATURE",
    "CourseMeans",
    "count_features",
    "describe_course",
    "means_of_course",
    "plain_means",
    "smooth_exponentially",
    "weights_of_memories",
]

# Memories in rows, each about three times the last: geometric, so that no single one has to be right. Other triples and
# pairs between 5 and 100 rows, and starts of 10 to 60 rows, gave cross-validated errors within 3 per cent.
_SPANS: Final = (10.0, 30.0, 100.0)
_START_ROWS: Final = 20
_FEATURES_PER_COMPONENT: Final = len(_SPANS) + 1
# Where age stands among the features.
AGE_FEATURE: Final = 0


def count_features(component_count: int) -> int:
    """Give how many features age and so many first components make."""
    return 1 + component_count * _FEATURES_PER_COMPONENT


class CourseMeans(NamedTuple):
    """Slow components of one unit as means over time; `N` rows, `K` components.

    Attributes
    ----------
    memories : tuple of float64[N, K]
        Means that fade with age, the shortest first.
    start : float64[N, K]
        Mean of the unit's first rows, as far as there are any by then.
    """

    memories: tuple[FloatArray, ...]
    start: FloatArray


def plain_means(component: FloatArray) -> CourseMeans:
    """Take means of slow components, float64[N, K] in order of time, in which every row counts as much."""
    return means_of_course(component, lambda mean, _: mean)


def means_of_course(values: FloatArray, finished: Callable[[FloatArray, FloatArray], FloatArray]) -> CourseMeans:
    """Take means of what each row says, float64[N, X] in order of time.

    Parameters
    ----------
    finished : callable
        From means, float64[N, X], and how many rows are behind each, float64[N], to components, float64[N, K].
    """
    count = np.arange(1.0, len(values) + 1.0)
    memories = tuple(finished(smooth_exponentially(values, span), np.minimum(count, span)) for span in _SPANS)
    first = min(_START_ROWS, len(values))
    start = finished(np.cumsum(values[:first], axis=0) / count[:first, np.newaxis], count[:first])
    return CourseMeans(memories, start[np.minimum(np.arange(len(values)), first - 1)])


def weights_of_memories(spoken: BoolArray) -> FloatArray:
    """Give the weights of the rows of one unit in its means at the last row, where only some rows say anything.

    Parameters
    ----------
    spoken : bool[N]
        True for rows that say something; the others have weight 0.

    Returns
    -------
    float64[M + 1, N]
        One for each memory, the shortest first, 1 for the last row that says something; then one for the start, 1 for
        each of the first rows that do. Not normalised.
    """
    back = np.cumsum(np.ones(len(spoken)))[::-1]
    # From the last row that says something on: a long silence would fade what came before to nothing.
    back = np.maximum(back - back[spoken].min(initial=back[0]), 0.0)
    memories = [(1.0 - 2.0 / (span + 1.0)) ** back for span in _SPANS]
    start = np.cumsum(spoken) <= _START_ROWS
    return np.where(spoken, np.stack([*memories, start]), 0.0)


def describe_course(means: CourseMeans, elapsed: FloatArray, *, usual_step: float) -> FloatArray:
    """Describe the course of one unit at each of its rows.

    Parameters
    ----------
    means : CourseMeans
        Of its slow components.
    elapsed : float64[N]
        Time since the unit's first row, ascending, in any unit of time.
    usual_step : float
        Usual time between rows, positive, same unit of time.

    Returns
    -------
    float64[N, 1 + 4 K]
        Logarithm of age in steps; then level, two differences of memories and drift of the first component, then
        those of the second, and so on, so that the features of the first components are a prefix.
    """
    memories = means.memories
    parts = [memories[0], *(short - long for short, long in itertools.pairwise(memories)), memories[0] - means.start]
    age = np.log1p(elapsed / usual_step)[:, np.newaxis]
    return np.concatenate([age, np.stack(parts, axis=2).reshape(len(elapsed), -1)], axis=1)


def smooth_exponentially(values: FloatArray, span: float) -> FloatArray:
    """Average each column with weights that fade with age, normalised so that the first row is itself.

    Parameters
    ----------
    values : float64[N, K]
        Rows in order of time.
    span : float
        Rows of a plain mean with the same variance, at least 1.

    Returns
    -------
    float64[N, K]
        Row n is a function of rows up to n.
    """
    keep = 1.0 - 2.0 / (span + 1.0)
    total = values * (1.0 - keep)
    weight = np.full((len(values), 1), 1.0 - keep)
    # Doubling: after each pass a row holds the weighted sum of twice as many rows up to it.
    reach = 1
    while reach < len(values):
        faded = keep**reach
        total[reach:] += faded * total[:-reach]
        weight[reach:] += faded * weight[:-reach]
        reach *= 2
    average: FloatArray = total / weight
    return average
