"""Remaining useful life of running units from complete run-to-failure histories, learned in one pass.

Each history comes once. The first few are held until the map from rows to features is fixed (`models/life_map.py`);
then every history is learned in the order it came (`models/life_learning.py`), and the features of the latest ones
are kept, a bounded number, to see how wrong the committee is on units it does not know (`models/life_interval.py`).
A running unit is described by the same map, and gets quantiles and a point forecast at its last row. A unit of which
much is missing is compared with these histories as if they had been heard like it (`models/life_silence.py`).

It is assumed that a unit's first row is its start of service and a history's last row its failure, and that
running units wear like those in the histories. Nothing tells of a failure mode that no history has.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

import numpy as np

from domain.arrays import FloatArray
from domain.errors import ShapeError
from models.life_expert import LifeUnit
from models.life_features import AGE_FEATURE
from models.life_interval import LifeStatements, collect_statements, spread_statement
from models.life_learning import LifeCommittee, form_committee, learn_life, predict_held_out, predict_life
from models.life_map import LifeCourse, LifeMap, commission_map, map_course
from models.life_silence import HeardHistories, hear_histories, is_silenced, state_as_heard, tells

__all__ = ["LifeForecast", "LifeForecaster", "forecast_life", "forecast_lives", "learn_lives"]

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
    kept : tuple of (LifeCourse, LifeUnit)
        Latest histories, and what was learned of each.
    usual : float64[C]
        Share of the cells of each column that they have.
    """

    horizon: float
    life_map: LifeMap
    committee: LifeCommittee
    statements: LifeStatements
    kept: tuple[tuple[LifeCourse, LifeUnit], ...]
    usual: FloatArray


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
    kept: deque[tuple[LifeCourse, LifeUnit]] = deque(maxlen=_KEPT_UNITS)
    for course, unit in chain(
        zip(first, known, strict=True), ((course, _rows_to_learn(life_map, course, horizon)) for course in coming)
    ):
        committee, _ = learn_life(committee, unit)
        kept.append((course, unit))
    units = [unit for _, unit in kept]
    said = [
        (held_out, unit.remaining, unit.features[:, AGE_FEATURE])
        for held_out, unit in zip(predict_held_out(committee, units), units, strict=True)
    ]
    usual = np.mean([np.isfinite(course.values).mean(axis=0) for course, _ in kept], axis=0)
    return LifeForecaster(horizon, life_map, committee, collect_statements(said), tuple(kept), usual)


def forecast_life(forecaster: LifeForecaster, course: LifeCourse) -> LifeForecast:
    """Forecast the remaining useful life of one running unit, as `forecast_lives` does for several."""
    return forecast_lives(forecaster, [course])[0]


def forecast_lives(forecaster: LifeForecaster, courses: Sequence[LifeCourse]) -> list[LifeForecast]:
    """Forecast the remaining useful life of running units, each at its last row.

    Parameters
    ----------
    courses : sequence of LifeCourse
        All rows of each unit since it was new; columns as in the histories. No unit's forecast depends on another.

    Raises
    ------
    ShapeError
        If the columns are not those of the histories.
    """
    life_map, committee = forecaster.life_map, forecaster.committee
    telling = tells(life_map)
    histories: HeardHistories | None = None
    forecasts = []
    for course in courses:
        _check_columns(course, len(telling))
        if is_silenced(np.isfinite(course.values[:, telling]), forecaster.usual[telling]):
            # Made ready once, and only where it is needed.
            histories = histories or hear_histories(life_map, committee, forecaster.kept, horizon=forecaster.horizon)
            statements, predicted, age = state_as_heard(life_map, committee, histories, course)
        else:
            features = map_course(life_map, course)[-1:]
            statements, age = forecaster.statements, float(features[0, AGE_FEATURE])
            predicted = float(predict_life(committee, features)[0])
        point, quantiles = spread_statement(statements, predicted, age)
        forecasts.append(LifeForecast(*(life * forecaster.horizon for life in (point, *quantiles))))
    return forecasts


def _rows_to_learn(life_map: LifeMap, course: LifeCourse, horizon: float) -> LifeUnit:
    """Every few rows of a history, the last always among them."""
    _check_columns(course, len(life_map.regimes.column_mean))
    chosen = slice((len(course.elapsed) - 1) % _ROW_STRIDE, None, _ROW_STRIDE)
    remaining = np.minimum((course.elapsed[-1] - course.elapsed) / horizon, 1.0)
    return LifeUnit(map_course(life_map, course)[chosen], remaining[chosen])


def _check_columns(course: LifeCourse, columns: int) -> None:
    if course.values.shape[1] != columns:
        raise ShapeError(f"got {course.values.shape[1]} columns, expected {columns} as in the first history")
