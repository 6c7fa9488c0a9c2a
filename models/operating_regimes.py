"""Operating regimes found in the data: separate states that a machine jumps between, and what is normal in each.

A machine that flies at six altitudes, or a pump that runs at three speeds, moves every sensor with each change of
regime, and far more than wear does. Which columns are settings is not told, so the regimes are looked for in all
columns at once: centres are spread over the rows, each row belongs to the nearest. That always gives *some*
grouping; it is a regime only if it explains what it was not made from. So the columns are halved, regimes are found
in either half, and must take away the jumps from one row to the next in the *other* half. Wear is too slow to
jump, and independent noise in one half says nothing about the other, so a machine with one regime keeps one.

Within its regime each column is centred and scaled by the regime's own mean and spread; what does not vary there
is left out. Continuous dependence on a load is not modelled here: such a load stays in the columns as variation.

References
----------
T. Gonzalez, Clustering to minimize the maximum intercluster distance, Theoretical Computer Science 38 (1985).
S. Lloyd, Least squares quantization in PCM, IEEE Transactions on Information Theory 28 (1982).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import BoolArray, FloatArray, IndexArray

__all__ = ["OperatingRegimes", "find_regimes", "normalise_by_regime", "regime_of"]

_MOST_REGIMES: Final = 12
_REFINEMENTS: Final = 8
# A grouping must explain half of the jumps of columns it has not seen, on average over the columns. Judgement: groups
# of real turbofan rows with one regime leave 1.2 of them (worse than nothing), six made regimes leave 0.0001.
_UNEXPLAINED_AT_MOST: Final = 0.5
# The fewest regimes are taken that leave at most this many times the jumps that any number leaves.
_ABOUT_AS_FEW: Final = 1.5
# A regime with fewer rows has no mean and spread worth the name; its rows join the nearest other.
_ROWS_AT_LEAST: Final = 30
# Spread below this share of a column's size is rounding of the file, not variation.
_RESOLUTION: Final = 1e-9
# A column that varies in its regimes by less than this share of its whole variation is a setting, not a sensor.
_SETTING_SHARE: Final = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class OperatingRegimes:
    """Centres to tell regimes apart, and what is normal in each; `C` columns, `R` regimes.

    Attributes
    ----------
    column_mean, column_scale : float64[C]
        Over all rows seen, in the columns' own units; scale positive.
    centre : float64[R, C]
        Of each regime, in column scales from the column mean.
    regime_mean, regime_spread : float64[R, C]
        Mean and standard deviation within the regime, in the columns' own units; spread positive.
    varies : bool[C]
        False for columns that are constant, or constant within every regime.
    """

    column_mean: FloatArray
    column_scale: FloatArray
    centre: FloatArray
    regime_mean: FloatArray
    regime_spread: FloatArray
    varies: BoolArray


def find_regimes(values: FloatArray, unit: IndexArray) -> OperatingRegimes:
    """Find the regimes of some rows, one where no grouping proves itself.

    Parameters
    ----------
    values : float64[N, C]
        Rows in order of time within each unit; NaN where missing. N at least 1.
    unit : int32[N]
        Which unit each row belongs to; a unit's rows stand together.

    Returns
    -------
    OperatingRegimes
        With at least one regime. A pure function of its arguments.
    """
    valid = np.isfinite(values)
    mean, spread = _moments(values, valid)
    constant = spread <= _RESOLUTION * np.abs(mean)
    scale = np.where(constant, 1.0, spread)
    scaled = np.where(valid & ~constant, (values - mean) / scale, 0.0)
    centre = np.zeros((1, values.shape[1]))
    if (proven := _proven_centres(scaled[:, ~constant], unit)) is not None:
        centre = np.zeros((len(proven), values.shape[1]))
        centre[:, ~constant] = proven
    label = _nearest(scaled, valid, centre)
    moments = [_moments(values[label == regime], valid[label == regime]) for regime in range(len(centre))]
    regime_mean = np.stack([entry[0] for entry in moments])
    regime_spread = np.stack([entry[1] for entry in moments])
    within = regime_spread > np.maximum(_SETTING_SHARE * scale, _RESOLUTION * np.abs(regime_mean))
    return OperatingRegimes(
        column_mean=mean,
        column_scale=scale,
        centre=centre,
        regime_mean=regime_mean,
        regime_spread=np.where(within, regime_spread, scale),
        varies=~constant & np.any(within, axis=0),
    )


def regime_of(regimes: OperatingRegimes, values: FloatArray) -> IndexArray:
    """Tell which regime each of some rows, float64[N, C] with NaN where missing, belongs to: int32[N]."""
    valid = np.isfinite(values)
    return _nearest(np.where(valid, (values - regimes.column_mean) / regimes.column_scale, 0.0), valid, regimes.centre)


def normalise_by_regime(regimes: OperatingRegimes, values: FloatArray, label: IndexArray) -> FloatArray:
    """Express the rows of one unit in standard deviations from the mean of their regime.

    Parameters
    ----------
    values : float64[N, C]
        Rows of one unit in order of time; NaN where missing.
    label : int32[N]
        Their regimes (`regime_of`).

    Returns
    -------
    float64[N, V]
        Of the columns that vary. A missing value is as far from the mean of its regime as the last one before it;
        0 before the first. Row n is a function of rows up to n.
    """
    valid = np.isfinite(values)
    distance = (values - regimes.regime_mean[label]) / regimes.regime_spread[label]
    distance, valid = distance[:, regimes.varies], valid[:, regimes.varies]
    row = np.arange(len(values))[:, np.newaxis]
    latest = np.maximum.accumulate(np.where(valid, row, -1), axis=0)
    held = np.take_along_axis(np.where(valid, distance, 0.0), np.maximum(latest, 0), axis=0)
    return np.where(latest >= 0, held, 0.0)


def _moments(values: FloatArray, valid: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation by column over valid entries; 0 where there are none."""
    count = np.maximum(valid.sum(axis=0), 1)
    mean = np.where(valid, values, 0.0).sum(axis=0) / count
    deviation = np.where(valid, values - mean, 0.0)
    return mean, np.sqrt((deviation**2).sum(axis=0) / count)


def _proven_centres(scaled: FloatArray, unit: IndexArray) -> FloatArray | None:
    """Give the centres of the smallest grouping that explains jumps, None where none does."""
    columns = scaled.shape[1]
    follows = unit[1:] == unit[:-1]
    jump = (np.diff(scaled, axis=0)[follows] ** 2).sum(axis=0)
    jumping = jump > 0
    half = np.arange(columns) % 2 == 0
    if not np.any(jumping & half) or not np.any(jumping & ~half):
        return None
    left = np.ones(_MOST_REGIMES + 1)
    for count in range(2, _MOST_REGIMES + 1):
        share = np.ones(columns)
        for seen in (half, ~half):
            other = ~seen & jumping
            label = _group(scaled[:, seen], count)[1]
            rest = scaled[:, other] - _means(scaled[:, other], label, count)[label]
            share[other] = (np.diff(rest, axis=0)[follows] ** 2).sum(axis=0) / jump[other]
        left[count] = share[jumping].mean()
    if left.min() > _UNEXPLAINED_AT_MOST:
        return None
    count = int(np.argmax(left <= _ABOUT_AS_FEW * left.min()))
    centre, label = _group(scaled, count)
    rows = np.bincount(label, minlength=count)
    return centre[rows >= min(_ROWS_AT_LEAST, int(rows.max()))]


def _group(scaled: FloatArray, count: int) -> tuple[FloatArray, IndexArray]:
    """Spread centres as far apart as they come, then move each to the mean of its rows."""
    everywhere = np.ones(scaled.shape, np.bool_)
    chosen = [int(np.argmax(((scaled - scaled[0]) ** 2).sum(axis=1)))]
    nearest = ((scaled - scaled[chosen[0]]) ** 2).sum(axis=1)
    for _ in range(count - 1):
        chosen.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, ((scaled - scaled[chosen[-1]]) ** 2).sum(axis=1))
    centre = scaled[chosen]
    for _ in range(_REFINEMENTS):
        label = _nearest(scaled, everywhere, centre)
        filled = np.bincount(label, minlength=count) > 0
        centre = np.where(filled[:, np.newaxis], _means(scaled, label, count), centre)
    return centre, _nearest(scaled, everywhere, centre)


def _means(scaled: FloatArray, label: IndexArray, count: int) -> FloatArray:
    """Mean row of each group; 0 for an empty one."""
    rows = np.maximum(np.bincount(label, minlength=count), 1)
    sums = [np.bincount(label, weights=column, minlength=count) for column in scaled.T]
    means: FloatArray = np.stack(sums, axis=1) / rows[:, np.newaxis]
    return means


def _nearest(scaled: FloatArray, valid: BoolArray, centre: FloatArray) -> IndexArray:
    """Index of the nearest centre for each row, by the columns that are there."""
    squared = np.stack([(np.where(valid, scaled - one, 0.0) ** 2).sum(axis=1) for one in centre], axis=1)
    label: IndexArray = np.argmin(squared, axis=1).astype(np.int32)
    return label
