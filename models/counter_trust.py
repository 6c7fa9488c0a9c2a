"""Whether the structure bears out what a counter counts.

A counter of which half the lanes are dead counts steadily and too little, as a road with a diversion does; what tells
them apart is the structure. Where a count is further from what is usual at that hour (`models.usual_load`) than a
factor of 1.6, each value that follows the load is compared with what was expected by the one and by the other. The
logarithm of the ratio of the two likelihoods is added up. Once it is clear that the structure feels the usual traffic
and not what is counted, the counter explains nothing, what is usual stands in for it with the spread of a driver that
is silent; after a day of that it is named `sensor.miscounting`. A road that is really diverted is told by the first of
its values that follows. What a counter says that works renew is learnt anew.

Only values speak that the difference moves by more than their scatter, and one that fits neither says nothing: a storm
and machines at works shake a bridge under any traffic. An hour counts for at most two units of the logarithm, so none
decides alone. Damage does not look like a
counter that lies: the level as it runs, with all damage in it, is what values are compared with, and no damage comes in
the hour in which a count changes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import FloatArray, TimeArray
from domain.records import Reason
from models.alarms import AlarmChange, turn_alarms
from models.catalogue import HOUR_NS, Catalogue
from models.deviation import Expectation
from models.layout import REGRESSORS
from models.memory import ModelState, with_columns
from models.usual_load import AGREES, DISBELIEVED, UsualLoad

__all__ = ["weigh_counts"]

# Evidence against a counter: the logarithm of a likelihood from which on a value does not fit (three standard
# deviations), what one hour may add, and its bounds; for how long a counter must be disbelieved to be named, since
# machines at works rest at night, and to where it stays named.
_NO_FIT: Final = -4.5
_MOST_AN_HOUR: Final = 2.0
_LEAST: Final = -2.0
_MOST: Final = 8.0
_NAMED_NS: Final = 24 * HOUR_NS
_OVER: Final = 1.0
# What is left of it after an hour in which the counter says nearly what is usual.
_LEFT: Final = 0.95
# A level may be off by this share of the way to failure beside its noise.
_LEVEL_SHARE: Final = 0.05
_BY_LOAD: Final = REGRESSORS.index("load")


def weigh_counts(
    catalogue: Catalogue,
    state: ModelState,
    load: UsualLoad,
    rows: npt.NDArray[np.intp],
    value: FloatArray,
    expectation: Expectation,
    *,
    counter: npt.NDArray[np.int64],
    end_ns: TimeArray,
) -> tuple[ModelState, list[AlarmChange]]:
    """Ask the values of a hop which counts they bear out.

    Parameters
    ----------
    rows : intp[R]
        Rows of judged channels that count in this hop.
    value : float64[R]
        In the model's unit.
    counter : int64[A]
        Row of the channel that counts each asset's traffic in this hop, -1 for none.
    end_ns : int64[A]

    Returns
    -------
    ModelState
        With new `load_doubt`, `doubted_ns` and `miscount_ns`.
    list of AlarmChange
        `sensor.miscounting`, raised and cleared, by channel.
    """
    counted = counter >= 0
    said = _against(catalogue, state, load, rows, value, expectation)
    agrees = counted & (np.abs(load.apart) < AGREES)
    left = np.where(agrees, _LEFT * state.load_doubt, state.load_doubt)
    doubt = np.clip(left + said, _LEAST, _MOST).astype(np.float32)
    since_ns = np.where(state.doubted_ns > 0, state.doubted_ns, end_ns)
    doubted_ns = np.where(doubt >= DISBELIEVED, since_ns, 0)
    state = with_columns(state, load_doubt=doubt, doubted_ns=doubted_ns)
    assets = np.flatnonzero(counted)
    raised = state.miscount_ns[counter[assets]]
    # What agrees by now is over: a storm on a holiday leaves a doubt behind.
    lasting = (doubted_ns[assets] > 0) & (end_ns[assets] - doubted_ns[assets] >= _NAMED_NS) & ~agrees[assets]
    if not (raised.any() or lasting.any()):
        return state, []
    standing = np.where(raised > 0, doubt[assets] >= _OVER, lasting)

    def why(place: int) -> Reason:
        return Reason("sensor_miscounting", {"times": float(f"{np.exp(load.apart[assets[place]]):.2g}")})

    miscount_ns, changes = turn_alarms(
        catalogue, counter[assets], end_ns[assets], "sensor.miscounting", raised, standing, why
    )
    column = state.miscount_ns.copy()
    column[counter[assets]] = miscount_ns
    return with_columns(state, miscount_ns=column), changes


def _against(
    catalogue: Catalogue,
    state: ModelState,
    load: UsualLoad,
    rows: npt.NDArray[np.intp],
    value: FloatArray,
    expectation: Expectation,
) -> FloatArray:
    """float64[A]: what the values of this hop say against each asset's counter; 0 where they say nothing."""
    # In most hops no count is so far from what is usual.
    asked = np.flatnonzero((np.abs(load.apart) > AGREES)[catalogue.asset_of_judged[rows]])
    if not len(asked):
        return np.zeros(len(catalogue.assets))
    rows = rows[asked]
    asset = catalogue.asset_of_judged[rows]
    effect = state.coefficients[rows, _BY_LOAD] * load.apart[asset]
    spread = np.sqrt(state.noise[rows] + (_LEVEL_SHARE * state.distance[rows]) ** 2)
    off = value[asked] - expectation.expected[asked] - state.deviation[rows]
    by_count = off - np.where(load.is_believed[asset], 0.0, effect)
    by_usual = off + np.where(load.is_believed[asset], effect, 0.0)
    tells = np.isfinite(off) & np.isfinite(spread) & (np.abs(effect) > spread)
    score = np.where(tells, np.stack([by_count, by_usual]), 0.0) / np.where(tells, spread, 1.0)
    fit = np.logaddexp(-0.5 * score**2, _NO_FIT)
    said = np.where(tells, fit[1] - fit[0], 0.0)
    total = np.bincount(asset, weights=said, minlength=len(catalogue.assets))
    return np.clip(total, -_MOST_AN_HOUR, _MOST_AN_HOUR)
