"""What of a lone quantity's level its own instrument may have done: less where the level grows faster than drift does.

With nothing beside it to agree, a quantity counts with what its instrument cannot do. How far an instrument drifts in
all is its row in `models.thresholds`, `drift_share`. It takes its time for that, and damage that runs does not wait. So
where a level grew within some weeks, no more can be the instrument's than

    what stood there before + what drift does in that time + the spread of a sound level

and of several spans of weeks the one that leaves it least decides. What grows no faster than instruments drift has to
exceed all that they can do, as ever.

A step is no course: a diversion, works, another unit or a sensor that was knocked does it too. What counts as growth is
therefore no more than four times what the first half of the weeks brought, and the second.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import FloatArray, IndexArray

__all__ = ["possible_drift"]

# In how many days an instrument drifts as far as it ever does, at the fastest. Judgement; data sheets state drift by
# the year. On simulated fleets 60 to 200 days gave the same false alarms, and roads are found sooner the longer it is.
_DRIFT_DAYS: Final = 100.0
# Spans in which growth is looked for; in a longer one than these an instrument drifts nearly as far as it ever does.
_WINDOW_DAYS: Final = np.array([14, 28, 56])
# Of what counts as growth each half of a span brought at least this share; growth by the power 2 of time since the
# onset does.
_LEAST_OF_HALF: Final = 0.25


def possible_drift(
    share: FloatArray,
    severity_past: FloatArray,
    pair: npt.NDArray[np.intp] | IndexArray,
    spread: FloatArray,
    drift_share: FloatArray,
) -> FloatArray:
    """Tell how much of today's level of lone quantities their instruments may have done.

    Parameters
    ----------
    share : float64[N]
        Today's levels towards harm, in shares of the failure level.
    severity_past : float64[P, D]
        Severities of the days before, yesterday's first, for each pair; with one witness, those of the quantity itself.
    pair : int[N]
        The pair of each quantity.
    spread : float64[N]
        What a sound level deviates by.
    drift_share : float64[N]
        How far the instrument drifts in all.

    Returns
    -------
    float64[N]
        `drift_share` at most, never below 0.

    Examples
    --------
    Two levels of 0.3: one grew in six weeks, the other stepped up three weeks ago.

    >>> grown, stepped = np.zeros(112), np.zeros(112)
    >>> grown[:42], stepped[:21] = np.linspace(0.29, 0.0, 42), 0.3
    >>> rows = np.arange(2)
    >>> level, sd, drift = (np.full(2, value) for value in (0.3, 0.04, 0.3))
    >>> np.round(possible_drift(level, np.stack([grown, stepped]), rows, sd, drift), 2).tolist()
    [0.21, 0.3]
    """
    places = np.asarray(pair)[:, np.newaxis]
    before = np.maximum(severity_past[places, _WINDOW_DAYS - 1], 0.0)
    halfway = severity_past[places, _WINDOW_DAYS // 2 - 1]
    level = share[:, np.newaxis]
    halves = np.minimum(halfway - before, level - halfway) / _LEAST_OF_HALF
    grown = np.minimum(level - before, halves)
    drifted = drift_share[:, np.newaxis] * (_WINDOW_DAYS / _DRIFT_DAYS)
    possible = np.min(level - grown + drifted, axis=-1) + spread
    return np.asarray(np.minimum(drift_share, possible))
