"""Harm that went away by itself: what a channel did before and took back, it may do again without damage.

Damage does not heal. A level that rose towards harm for a season and came back tells that something the model does not
know moves it so: an effect of warmth that bends elsewhere, ice, a neighbour's pumping, an instrument that is set
right again. From then on so much is no evidence: the fall from the highest it was is remembered, and adds to what a
sound level deviates by. What goes well beyond it is evidence as before. It fades over years, and what a person calls
repaired starts anew.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from domain.arrays import BoolArray, FloatArray

__all__ = ["Healing", "remember_healing"]

# Harm is what lasts a week; it is remembered for two years, as a season comes again after one.
_WEEK_DAYS: Final = 7.0
_REMEMBERED_DAYS: Final = 700.0
# A fall that wandering alone makes is none.
_USUAL_SPREADS: Final = 1.5


class Healing(NamedTuple):
    """What is remembered of each channel: float64[J], in shares of the failure level.

    Attributes
    ----------
    recent : float64[J]
        Residual towards harm, averaged over about a week; 0 where it points away, NaN before the first.
    peak : float64[J]
        The highest that was.
    healed : float64[J]
        How far it fell from there by itself, beyond what is usual.
    """

    recent: FloatArray
    peak: FloatArray
    healed: FloatArray


def remember_healing(
    before: Healing, towards: FloatArray, spread: FloatArray, active: BoolArray
) -> tuple[Healing, FloatArray]:
    """Fold one day in.

    Parameters
    ----------
    towards, spread : float64[J]
        Residual towards harm of this day, and what is usual for like assets.
    active : bool[J]
        Channels with a residual of this day; the others stay as they are.

    Returns
    -------
    Healing
    spread : float64[J]
        With what the channel did before.

    Examples
    --------
    >>> memory = Healing(np.array([np.nan]), np.zeros(1), np.zeros(1))
    >>> for level in [0.0] * 10 + [0.6] * 60 + [0.0] * 60:
    ...     memory, spread = remember_healing(memory, np.array([level]), np.array([0.1]), np.array([True]))
    >>> np.round(memory.healed, 2).tolist(), np.round(spread, 2).tolist()
    ([0.4], [0.42])
    """
    harm = np.maximum(towards, 0.0)
    moved = before.recent - np.expm1(-1.0 / _WEEK_DAYS) * (harm - before.recent)
    recent = np.where(active, np.where(np.isnan(before.recent), harm, moved), before.recent)
    fading = float(np.exp(-1.0 / _REMEMBERED_DAYS))
    peak = np.where(active, np.fmax(fading * before.peak, recent), before.peak)
    fallen = np.maximum(peak - recent - _USUAL_SPREADS * spread, 0.0)
    healed = np.where(active, np.fmax(fading * before.healed, fallen), before.healed)
    return Healing(recent, peak, healed), np.hypot(spread, healed)
