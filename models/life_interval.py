"""Quantiles and a point forecast of remaining life from how wrong like statements were.

For each unit of a set of complete histories there is what the committee says about it without having learned it, row
by row, and what came true. A new statement gets the errors of old statements about as long a remaining life at about
the same age, weighted by nearness, each unit counted once however many rows it has there: what is said of a young unit
is less certain than the same said of an old one. Quantiles of these errors are
conformal: the new unit itself counts as one more, whose error may be anything, so few histories give a wide answer
and almost none gives the whole range. An error is added to the statement and the sum kept within the horizon.

The point forecast is the expectile of the same distribution that prices a late forecast above an early one by
the ratio of the time constants of the PHM08 challenge, 13 to 10. The exact minimiser of that challenge's exponential
loss was tried: it leans on the few largest errors and did not lower the loss on units not learned.

References
----------
V. Vovk, A. Gammerman, G. Shafer, Algorithmic learning in a random world (2005), chapter 2.
W. Newey, J. Powell, Asymmetric least squares estimation and testing, Econometrica 55 (1987).
A. Saxena et al., Damage propagation modeling for aircraft engine run-to-failure simulation, PHM 2008.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import FloatArray, IndexArray

__all__ = ["LIFE_LEVELS", "LifeStatements", "collect_statements", "spread_statement"]

# Levels of the quantiles given, in order.
LIFE_LEVELS: Final[tuple[float, float, float]] = (0.1, 0.5, 0.9)
# Statements this share of the horizon apart have about the same error: errors grow from failure on and shrink towards
# the horizon over a tenth of it; from 0.05 on, cross-validated coverage falls to 0.75 short of the horizon.
_NEARNESS: Final = 0.03
# In standard deviations of logarithmic age; without it units of less than 100 rows were covered 0.74 instead of 0.80.
_AGE_NEARNESS: Final = 0.25
# A unit counts as one once it has a statement near; with so much nearness in all it counts as half.
_HALF_COUNTED: Final = 0.125
_LATE_TO_EARLY: Final = 13.0 / 10.0
# Each step shrinks the distance from the fixed point to an eighth at most, as the prices differ by less than a third.
_EXPECTILE_STEPS: Final = 12


@dataclass(frozen=True, slots=True, eq=False)
class LifeStatements:
    """Statements about units that were not learned, with their errors, sorted by error; `N` statements.

    Attributes
    ----------
    predicted : float64[N]
        Remaining life said, in shares of the horizon.
    error : float64[N]
        What came true minus what was said, ascending, in shares of the horizon.
    age : float64[N]
        Logarithm of the unit's age at the statement, in standard deviations.
    unit : int32[N]
        Which unit the statement was about, 0 to `units` - 1.
    units : int
        Units there are.
    """

    predicted: FloatArray
    error: FloatArray
    age: FloatArray
    unit: IndexArray
    units: int


def collect_statements(said: Sequence[tuple[FloatArray, FloatArray, FloatArray]]) -> LifeStatements:
    """Put the statements of some units behind each other.

    Parameters
    ----------
    said : sequence of (float64[N], float64[N], float64[N])
        For each unit, row by row: remaining life predicted and true, in shares of the horizon, and logarithmic age in
        standard deviations.
    """
    unit = np.repeat(np.arange(len(said), dtype=np.int32), [len(true) for _, true, _ in said])
    predicted, true, age = (np.concatenate([np.empty(0), *(entry[part] for entry in said)]) for part in range(3))
    order = np.argsort(true - predicted, kind="stable")
    return LifeStatements(predicted[order], (true - predicted)[order], age[order], unit[order], len(said))


def spread_statement(
    statements: LifeStatements, predicted: float, age: float
) -> tuple[float, tuple[float, float, float]]:
    """Give point forecast and quantiles for one new statement.

    Parameters
    ----------
    predicted : float
        Remaining life said by the committee, in shares of the horizon, within [0, 1].
    age : float
        Logarithmic age of the unit, in the standard deviations of the statements.

    Returns
    -------
    point : float
        Leans early; in shares of the horizon, within [0, 1].
    quantiles : (float, float, float)
        At `LIFE_LEVELS`, ascending, within [0, 1]; the whole range where there is nothing to compare with.
    """
    distance = np.hypot((statements.predicted - predicted) / _NEARNESS, (statements.age - age) / _AGE_NEARNESS)
    nearness = np.exp(-0.5 * distance**2)
    by_unit = np.bincount(statements.unit, weights=nearness, minlength=statements.units)
    weight = nearness / (by_unit[statements.unit] + _HALF_COUNTED)
    cumulative = np.cumsum(weight)
    like_units = float(cumulative[-1]) if len(cumulative) else 0.0
    if like_units <= np.finfo(np.float64).tiny:
        return predicted, (0.0, predicted, 1.0)
    life = np.clip(predicted + statements.error, 0.0, 1.0)
    low, middle, high = (_conformal_quantile(life, cumulative, level) for level in LIFE_LEVELS)
    return _expectile(life, weight), (low, middle, high)


def _conformal_quantile(life: FloatArray, cumulative: FloatArray, level: float) -> float:
    """Quantile with one more unit in play, half of it below everything and half above."""
    like_units = float(cumulative[-1])
    mass = (like_units + 1.0) * level - 0.5
    # At the median the extra unit changes nothing, whatever rounding says.
    if mass < 0.0:
        return 0.0
    if mass > like_units:
        return 1.0
    return float(life[min(int(np.searchsorted(cumulative, mass)), len(life) - 1)])


def _expectile(life: FloatArray, weight: FloatArray) -> float:
    """Least squares with errors on the late side priced higher, by its fixed point."""
    point = float(np.sum(weight * life) / np.sum(weight))
    for _ in range(_EXPECTILE_STEPS):
        priced = np.where(life < point, _LATE_TO_EARLY, 1.0) * weight
        point = float(np.sum(priced * life) / np.sum(priced))
    return min(max(point, 0.0), 1.0)
