"""From the rows of one unit to the features its remaining life is learned from, by a map fixed at commissioning.

The first histories are held until there are enough to see regimes, slow components and the scale of features;
from then on the map stays as it is, so that what was learned before and after speak of the same features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import FloatArray
from domain.errors import ShapeError
from models.life_features import describe_course
from models.operating_regimes import OperatingRegimes, find_regimes, normalise_by_regime
from models.slow_components import SlowComponents, find_slow_components

__all__ = ["LifeCourse", "LifeMap", "commission_map", "map_course"]

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
    usual_step : float
        Median time between rows, positive, in the unit of time of the courses.
    centre, scale : float64[S]
        Of the features over the commissioning rows; scale positive.
    """

    regimes: OperatingRegimes
    components: SlowComponents
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
    normal = [normalise_by_regime(regimes, course.values) for course in courses]
    components = find_slow_components(np.concatenate(normal), unit, most=_MOST_COMPONENTS)
    steps = np.concatenate([np.diff(course.elapsed) for course in courses])
    usual_step = float(np.median(steps)) if len(steps) else 1.0
    features = np.concatenate(
        [
            describe_course(rows @ components.direction, course.elapsed, usual_step=usual_step)
            for rows, course in zip(normal, courses, strict=True)
        ]
    )
    spread = features.std(axis=0)
    return LifeMap(
        regimes=regimes,
        components=components,
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
    rows = normalise_by_regime(life_map.regimes, course.values)
    component = rows @ life_map.components.direction
    features = describe_course(component, course.elapsed, usual_step=life_map.usual_step)
    return np.clip((features - life_map.centre) / life_map.scale, -_FARTHEST, _FARTHEST)
