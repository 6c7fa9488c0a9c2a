"""How far each channel can be believed, from the troubles that have been named and are not over.

===========  =============================================================================================
high         nothing is known against it
medium       usable with care: a wrong unit that is taken back, spikes, a drift against like instruments,
              a sensor that comes and goes, values at the end of their range, a
              counter that the structure does not bear out
low          its values say nothing for now: stuck, at the end of their range for as long, noisy, impossible for the
              structure, or of a sensor that is loose or whose quantities go opposite ways
===========  =============================================================================================

Silence is no matter of this grade but of the time of the last reading.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from domain.measurements import DataQuality
from models.catalogue import Catalogue
from models.clipping import is_clipping
from models.faults import is_stuck
from models.lost_sensitivity import is_lost
from models.memory import ModelState
from models.opposed import is_drifting
from models.plausibility import is_repaired

__all__ = ["QUALITIES", "channel_grades"]

QUALITIES: Final = tuple(DataQuality)
_HIGH, _MEDIUM, _LOW = (QUALITIES.index(grade) for grade in (DataQuality.HIGH, DataQuality.MEDIUM, DataQuality.LOW))


def channel_grades(catalogue: Catalogue, state: ModelState, rows: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
    """int8[R]: give the grades of some channels, each a place in `QUALITIES`.

    Parameters
    ----------
    rows : int[R]
        Positions of channels; a batch is of few, and all of them may be many.
    """
    judged = catalogue.is_judged[rows]
    place = np.minimum(np.searchsorted(catalogue.judged, rows), max(len(catalogue.judged) - 1, 0))
    faulty = np.zeros(len(rows), np.bool_)
    repaired = np.zeros(len(rows), np.bool_)
    faulty[judged] = (state.fault_ns > 0)[place[judged]]
    repaired[judged] = is_repaired(state)[place[judged]]
    low = (state.stuck_ns[rows] > 0) | (state.noisy_ns[rows] > 0) | (faulty & ~repaired)
    low |= state.impossible_ns[rows] > 0
    clips = is_clipping(catalogue, state, rows)
    if clips.any():
        # No alarm says that it is stuck as well, but its values do not count.
        low |= clips & is_stuck(catalogue, state)[rows]
    low[judged] |= (is_lost(catalogue, state) | is_drifting(catalogue, state))[place[judged]]
    medium = state.gaps_ns[catalogue.sensor_of_channel[rows]] > 0
    medium |= (state.mistake_ns[rows] > 0) | (state.spiky_ns[rows] > 0) | (state.drift_ns[rows] > 0) | faulty
    medium |= clips | (state.miscount_ns[rows] > 0)
    return np.where(low, np.int8(_LOW), np.where(medium, np.int8(_MEDIUM), np.int8(_HIGH)))
