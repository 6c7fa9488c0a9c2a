"""From the rows of one unit to the features its remaining life is learned from, by a map fixed at commissioning.

The first histories are held until there are enough to see regimes, slow components and the scale of features;
from then on the map stays as it is, so that what was learned before and after speak of the same features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import FloatArray, IndexArray
from domain.errors import ShapeError
from models.life_features import CourseMeans, describe_course, plain_means
from models.operating_regimes import OperatingRegimes, find_regimes, normalise_by_regime, regime_of
from models.regime_signal import RegimeSignal, find_regime_signal, weighted_means
from models.slow_components import SlowComponents, find_slow_components

__all__ = ["LifeCourse", "LifeMap", "commission_map", "map_course", "standardised"]

_MOST_COMPONENTS: Final = 8
# Features this many standard deviations out are beyond anything learned; random features say nothing there.
_FARTHEST: Final = 8.0


@dataclass(frozen=True, slots=True, eq=False)
class LifeCourse:
    """The rows of one unit since it was new, in order of time; `N` rows, `C` columns.

    Attributes
    ----------
    elapsed : float64[N]
        Time since the first row, ascending, in the unit of time that lives are told in.
    values : float64[N, C]
        What was measured and set; NaN where missing.
    """

    elapsed: FloatArray
    values: FloatArray

    def __post_init__(self) -> None:
        if len(self.values.shape) != 2 or self.elapsed.shape != self.values.shape[:1] or not len(self.elapsed):  # noqa: PLR2004 -- rows and columns
            msg = (
                f"LifeCourse got times {self.elapsed.shape} and values {self.values.shape}, "
                "expected (N,) and (N, C) with at least one row"
            )
            raise ShapeError(msg)


@dataclass(frozen=True, slots=True, eq=False)
class LifeMap:
    """How rows become features; `S` features.

    Attributes
    ----------
    regimes : OperatingRegimes
        What is normal in each regime.
    components : SlowComponents
        At most eight.
    signal : RegimeSignal or None
        How clearly each regime shows them; None where there is one.
    usual_step : float
        Median time between rows, positive, in the unit of time of the courses.
    centre, scale : float64[S]
        Of the features over the commissioning rows; scale positive.
    """

    regimes: OperatingRegimes
    components: SlowComponents
    signal: RegimeSignal | None
    usual_step: float
    centre: FloatArray
    scale: FloatArray

    @property
    def component_count(self) -> int:
        """Components that there are, 0 where no column varies."""
        return len(self.components.signal_to_noise)


def commission_map(courses: Sequence[LifeCourse]) -> LifeMap:
    """Fix the map by the first histories.

    Parameters
    ----------
    courses : sequence of LifeCourse
        At least one, all with the same columns.
    """
    unit = np.repeat(np.arange(len(courses), dtype=np.int32), [len(course.elapsed) for course in courses])
    regimes = find_regimes(np.concatenate([course.values for course in courses]), unit)
    label = [regime_of(regimes, course.values) for course in courses]
    rows = [normalise_by_regime(regimes, course.values, mine) for course, mine in zip(courses, label, strict=True)]
    components = find_slow_components(np.concatenate(rows), unit, most=_MOST_COMPONENTS)
    several = len(regimes.centre)
    signal = find_regime_signal(rows, label, components, regimes=several) if several > 1 else None
    steps = np.concatenate([np.diff(course.elapsed) for course in courses])
    usual_step = float(np.median(steps)) if len(steps) else 1.0
    features = np.concatenate(
        [
            describe_course(_means(components, signal, normal, mine), course.elapsed, usual_step=usual_step)
            for normal, mine, course in zip(rows, label, courses, strict=True)
        ]
    )
    spread = features.std(axis=0)
    return LifeMap(
        regimes=regimes,
        components=components,
        signal=signal,
        usual_step=usual_step,
        centre=features.mean(axis=0),
        scale=np.where(spread > 0, spread, 1.0),
    )


def map_course(life_map: LifeMap, course: LifeCourse) -> FloatArray:
    """Give the features of one unit at each of its rows.

    Returns
    -------
    float64[N, S]
        Standardised, S = 1 + 4 K; row n is a function of rows up to n.
    """
    label = regime_of(life_map.regimes, course.values)
    rows = normalise_by_regime(life_map.regimes, course.values, label)
    means = _means(life_map.components, life_map.signal, rows, label)
    features = describe_course(means, course.elapsed, usual_step=life_map.usual_step)
    return standardised(life_map, features)


def standardised(life_map: LifeMap, features: FloatArray) -> FloatArray:
    """Give described courses, float64[N, S], in spreads of the commissioning rows, none beyond what was learned."""
    return np.clip((features - life_map.centre) / life_map.scale, -_FARTHEST, _FARTHEST)


def _means(components: SlowComponents, signal: RegimeSignal | None, rows: FloatArray, label: IndexArray) -> CourseMeans:
    if signal is None:
        return plain_means(rows @ components.direction)
    return weighted_means(signal, rows, label)
