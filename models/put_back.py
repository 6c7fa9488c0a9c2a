"""Works that put a structure back: what stood off towards harm before them lies where it first did afterwards.

Works move a reference by the step across them, so that what was seen before them stays evidence (`models.chain`): new
asphalt or another instrument reads otherwise, and is neither a damage nor a cure. But where a channel that stood far
on its way to failure returns to its first normal, the step has just the size of the damage, which chance seldom gives
an instrument: it was repaired. Moved by that step, normal would be where no structure was ever measured (a moisture of
0.7 %, a negative running time), and the alarm of a structure that is as new would stand for a year. So the reference
stays, and so does that of every channel of the structure that moved away from harm, also of one that weather keeps
further off. What the second stage knew of the damage is forgotten, and its alarm is cleared.

What reads sounder than at first, as what was strengthened may, has its new normal there. A person's word that a
structure was repaired says more, and starts everything anew (`models.decisions`).

Grease makes no new machine: what runs smoother by it is as it was before when it has worn off, months later. Taken for
a new normal, that return was a damage. So where nothing was seen before, grease moves no reference towards what is
sounder, and the structure reads so until it has worn off; where something was, that stays, as behind any works.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FloatArray
from domain.records import Reason
from models.alarms import AlarmChange, about_condition
from models.catalogue import HOUR_NS, Catalogue
from models.deviation import harm, is_suspect
from models.memory import ModelState, with_columns
from models.recommissioning import forget_evidence, forget_learnt
from models.thresholds import MODES

__all__ = ["forget_put_back", "is_eased_by_works", "put_back_by_works"]

_DAY_NS: Final = 24 * HOUR_NS
# From this share of the way to failure on a return is no chance.
_FAR: Final = 0.4
# Within so much of the way a channel is back, on either side, or of where it stood. Judgement, as the wandering of a
# year is half of it, and what was far past failure seldom comes back to the very place.
_BACK: Final = 0.25
# Channels of one structure settle one after the other, as often as they speak.
_TOGETHER_NS: Final = 7 * _DAY_NS
# A pair is put back when what made so much of its severity is.
_OF_SEVERITY: Final = 0.5


def put_back_by_works(
    catalogue: Catalogue,
    state: ModelState,
    rows: npt.NDArray[np.intp],
    end_ns: npt.NDArray[np.int64],
) -> tuple[BoolArray, FloatArray]:
    """Tell which channels stand at their first normal again behind works before which they stood off towards harm.

    Parameters
    ----------
    rows : intp[R]
        Rows of judged channels of which there are enough values behind works.
    end_ns : int64[R]
        End of the hop.

    Returns
    -------
    bool[R]
    float64[R]
        Where the deviation of those is to be: as it is, or 0 where they read sounder than they ever did.
    """
    asset = catalogue.asset_of_judged[rows]
    distance = state.distance[rows]
    was = harm(catalogue, state.before_works[rows], rows) / distance
    left = harm(catalogue, state.deviation[rows], rows) / distance
    far = (left <= _BACK * np.maximum(was, 1.0)) & (was >= _FAR)
    last_ns = np.zeros(len(catalogue.assets), np.int64)
    np.maximum.at(last_ns, catalogue.asset_of_judged, state.put_back_ns)
    np.maximum.at(last_ns, asset[far], end_ns[far])
    back = (left < was) & (was > 0.0) & (last_ns[asset] > np.maximum(end_ns - _TOGETHER_NS, 0))
    return back, np.where(left < -_BACK, 0.0, state.deviation[rows])


def is_eased_by_works(catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp]) -> BoolArray:
    """Tell which channels read sounder behind works that do no more than grease, and were not seen to be off before.

    Parameters
    ----------
    rows : intp[R]
        Rows of judged channels of which there are enough values behind works.

    Returns
    -------
    bool[R]
    """
    was = harm(catalogue, state.before_works[rows], rows)
    reads_sounder = harm(catalogue, state.deviation[rows], rows) < was
    return np.asarray(state.eased[rows] & ~is_suspect(state, rows, was) & reads_sounder)


def forget_put_back(catalogue: Catalogue, state: ModelState, day_end_ns: int) -> tuple[ModelState, list[AlarmChange]]:
    """Forget, of what was put back on a day, what the second stage knew of its damage.

    Returns
    -------
    ModelState
        The one passed in is not changed.
    list of AlarmChange
        Condition alarms that the works cleared.
    """
    back = (state.put_back_ns > day_end_ns - _DAY_NS) & (state.put_back_ns <= day_end_ns)
    if not back.any():
        return state, []
    state = with_columns(
        state,
        harm_recent=np.where(back, np.nan, state.harm_recent),
        harm_peak=np.where(back, 0.0, state.harm_peak),
        harm_healed=np.where(back, 0.0, state.harm_healed),
        forgiven=np.where(back, 0.0, state.forgiven),
    )
    # Months of damage, and its repair, are no course of warmth and no place of a sound channel.
    state = forget_learnt(state, np.flatnonzero(back))
    weight = np.bincount(
        catalogue.pair_of_judged, weights=state.severity_weight * back, minlength=len(catalogue.pair_asset)
    )
    pairs = weight >= _OF_SEVERITY
    changes = [
        about_condition(
            catalogue,
            pair,
            Reason("put_back_by_works", {"mode": MODES[catalogue.pair_mode[pair]]}),
            at_ns=day_end_ns,
            raised_ns=int(state.raised_ns[pair]),
        )
        for pair in np.flatnonzero(pairs & (state.raised_ns > 0)).tolist()
    ]
    return forget_evidence(state, pairs, keep_course=False), changes
