"""Remaining useful life of running units from complete run-to-failure histories, learned in one pass.

Each history comes once. The first few are held until the map from rows to features is fixed (`models/life_map.py`);
then every history is learned in the order it came (`models/life_learning.py`), and the features of the latest ones
are kept, a bounded number, to see how wrong the committee is on units it does not know (`models/life_interval.py`).
A running unit is described by the same map, and gets quantiles and a point forecast at its last row.

It is assumed that a unit's first row is its start of service and a history's last row its failure, and that
running units wear like those in the histories. Nothing tells of a failure mode that no history has.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

import numpy as np

from domain.errors import ShapeError
from models.life_expert import LifeUnit
from models.life_features import AGE_FEATURE
from models.life_interval import LifeStatements, collect_statements, spread_statement
from models.life_learning import LifeCommittee, form_committee, learn_life, predict_held_out, predict_life
from models.life_map import LifeCourse, LifeMap, commission_map, map_course

__all__ = ["LifeForecast", "LifeForecaster", "forecast_life", "learn_lives"]

# Histories the map is fixed by. Cross-validated errors with 5, 20 and all of 100 real histories differ by 3 % and less.
_COMMISSIONING_UNITS: Final = 20
# Features remember ten rows and more, so that neighbouring rows tell the same: learning each fourth row, or each sixth,
# gives the same cross-validated errors as learning all.
_ROW_STRIDE: Final = 4
# Latest histories kept for intervals; the level of a quantile of 0.1 is then known to about 0.03.
_KEPT_UNITS: Final = 100


@dataclass(frozen=True, slots=True, eq=False)
class LifeForecaster:
    """What the histories taught, all that a forecast needs.

    Attributes
    ----------
    horizon : float
        Longer lives count as this one; positive, in the unit of time of the courses.
    life_map : LifeMap
        From rows to features.
    committee : LifeCommittee
        From features to remaining life.
    statements : LifeStatements
        How wrong the committee is on units it did not learn.
    """

    horizon: float
    life_map: LifeMap
    committee: LifeCommittee
    statements: LifeStatements


@dataclass(frozen=True, slots=True)
class LifeForecast:
    """Remaining useful life of one unit at its last row, in the unit of time of its course.

    Attributes
    ----------
    remaining_life : float
        Point forecast, within [0, horizon]; leans early, because a late one costs more.
    quantile_10, quantile_50, quantile_90 : float
        Ascending, within [0, horizon].
    """

    remaining_life: float
    quantile_10: float
    quantile_50: float
    quantile_90: float


def learn_lives(histories: Iterable[LifeCourse], *, horizon: float, generator: np.random.Generator) -> LifeForecaster:
    """Learn from complete histories, each looked at once.

    Parameters
    ----------
    histories : iterable of LifeCourse
        At least one, all with the same columns; the last row of each is its failure. Their order matters a little:
        the first fix the map.
    horizon : float
        Positive, in the unit of time of the courses.
    generator : numpy.random.Generator
        Source of the random features; the same generator and histories give the same forecaster.

    Raises
    ------
    ShapeError
        If there is no history, their columns differ, or the horizon is not positive and finite.
    """
    if not 0.0 < horizon < np.inf:
        raise ShapeError(f"got horizon {horizon}, expected a positive, finite one")
    coming = iter(histories)
    first = list(islice(coming, _COMMISSIONING_UNITS))
    if not first:
        raise ShapeError("got no history, expected at least one complete life")
    columns = first[0].values.shape[1]
    for course in first:
        _check_columns(course, columns)
    life_map = commission_map(first)
    known = [_rows_to_learn(life_map, course, horizon) for course in first]
    committee = form_committee(life_map.component_count, generator, known)
    kept: deque[LifeUnit] = deque(maxlen=_KEPT_UNITS)
    for unit in chain(known, (_rows_to_learn(life_map, course, horizon) for course in coming)):
        committee, _ = learn_life(committee, unit)
        kept.append(unit)
    said = [
        (held_out, unit.remaining, unit.features[:, AGE_FEATURE])
        for held_out, unit in zip(predict_held_out(committee, kept), kept, strict=True)
    ]
    return LifeForecaster(horizon, life_map, committee, collect_statements(said))


def forecast_life(forecaster: LifeForecaster, course: LifeCourse) -> LifeForecast:
    """Forecast the remaining useful life of one running unit at its last row.

    Parameters
    ----------
    course : LifeCourse
        All rows of the unit since it was new; columns as in the histories.

    Raises
    ------
    ShapeError
        If the columns are not those of the histories.
    """
    _check_columns(course, len(forecaster.life_map.regimes.column_mean))
    features = map_course(forecaster.life_map, course)[-1:]
    predicted = float(predict_life(forecaster.committee, features)[0])
    point, (low, middle, high) = spread_statement(forecaster.statements, predicted, float(features[0, AGE_FEATURE]))
    horizon = forecaster.horizon
    return LifeForecast(point * horizon, low * horizon, middle * horizon, high * horizon)


def _rows_to_learn(life_map: LifeMap, course: LifeCourse, horizon: float) -> LifeUnit:
    """Every few rows of a history, the last always among them."""
    _check_columns(course, len(life_map.regimes.column_mean))
    chosen = slice((len(course.elapsed) - 1) % _ROW_STRIDE, None, _ROW_STRIDE)
    remaining = np.minimum((course.elapsed[-1] - course.elapsed) / horizon, 1.0)
    return LifeUnit(map_course(life_map, course)[chosen], remaining[chosen])


def _check_columns(course: LifeCourse, columns: int) -> None:
    if course.values.shape[1] != columns:
        raise ShapeError(f"got {course.values.shape[1]} columns, expected {columns} as in the first history")
