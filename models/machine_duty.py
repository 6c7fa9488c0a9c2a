"""How hard the machine works that a condition indicator is on, where its structure carries traffic too.

What explains a structure's load is the traffic that is counted on it. A drive does not feel what passes over its
bridge: it shakes and warms by its openings, and the traffic of an hour says nothing of them. So what is on a machine of
such a structure is explained by what counts its openings, that of its own sensor where there is one, else the first of
the structure: now, remembered over the hours that a motor stays warm, and whether it rests at all. Where no traffic is
counted the openings are the structure's load, and all of it is as for any other (`models.environment`).

A counter that falls silent leaves the remembered duty as the best guess, and its effects are unknown, as with any
driver.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FeatureTable, FloatArray
from models.catalogue import FRESH_INTERVALS, FRESH_NS, Catalogue
from models.layout import REGRESSORS
from models.memory import ModelState, scatter, with_columns
from models.triangles import diagonal
from models.usual_load import LOAD_OFFSET

__all__ = ["DUTY_MEMORY_S", "DUTY_REGRESSORS", "MachineDuty", "follow_duty"]

# A motor or a gearbox is warm for hours after its work.
DUTY_MEMORY_S: Final = 8 * 3600.0
# What it stands for among the regressors.
DUTY_REGRESSORS: Final = np.array([REGRESSORS.index(name) for name in ("load", "load_lagged", "idle")])


class MachineDuty(NamedTuple):
    """What explains the indicators on a machine whose own work is counted beside traffic.

    Attributes
    ----------
    rows : intp[R]
        Rows of judged channels.
    regressors : float64[R, 3]
        In the order of `DUTY_REGRESSORS`.
    stale, met, newly_met : bool[R]
        Silent for too long; ever heard; heard for the first time in this hop.
    """

    rows: npt.NDArray[np.intp]
    regressors: FloatArray
    stale: BoolArray
    met: BoolArray
    newly_met: BoolArray


_NEVER: Final = np.zeros(0, np.bool_)
_NONE: Final = MachineDuty(np.zeros(0, np.intp), np.zeros((0, len(DUTY_REGRESSORS))), _NEVER, _NEVER, _NEVER)


def follow_duty(
    catalogue: Catalogue, state: ModelState, features: FeatureTable, usable: BoolArray
) -> tuple[ModelState, MachineDuty]:
    """Take in what a hop's counts say of the machines' work.

    Parameters
    ----------
    usable : bool[C]
        Channels whose value of this hop may be believed.

    Returns
    -------
    ModelState
        With new `duty` and `duty_ns`; the one passed in is not changed.
    MachineDuty
    """
    rows = np.flatnonzero(catalogue.duty_of_judged >= 0)
    if not len(rows):
        return state, _NONE
    channel, asset = catalogue.duty_of_judged[rows], catalogue.asset_of_judged[rows]
    end_ns = features.end_ns[asset]
    count = catalogue.in_driver_unit(channel, features.value[channel])
    spoke, heard_ns = usable[channel], state.duty_ns[rows]
    elapsed_s = np.maximum(end_ns - state.stepped_ns[asset], 0) / 1e9
    before = np.where(np.isnan(state.duty[rows, 1]), count, state.duty[rows, 1])
    moved = before - np.expm1(-elapsed_s / DUTY_MEMORY_S) * (count - before)
    duty = np.where(spoke[:, np.newaxis], np.stack([count, moved], axis=1), state.duty[rows])
    duty_ns = np.where(spoke, end_ns, heard_ns)
    met = duty_ns > 0
    lasts_ns = np.maximum(FRESH_NS, FRESH_INTERVALS * catalogue.interval_ns[channel])
    stale = met & (end_ns - duty_ns > lasts_ns)
    now, remembered = np.where(met[:, np.newaxis], np.maximum(duty, 0.0), 0.0).T
    load = np.log1p(np.where(stale, remembered, now)) - LOAD_OFFSET
    regressors = np.stack([load, np.log1p(remembered) - LOAD_OFFSET, (now <= 0.0).astype(np.float64)], axis=1)
    # What was there when no traffic was counted yet is known by the same openings.
    is_known = state.covariance[rows, diagonal(len(REGRESSORS))[DUTY_REGRESSORS[0]]] > 0.0
    newly_met = met & (heard_ns == 0) & ~is_known
    state = with_columns(state, duty=scatter(state.duty, rows, duty), duty_ns=scatter(state.duty_ns, rows, duty_ns))
    return state, MachineDuty(rows, regressors * met[:, np.newaxis], stale, met, newly_met)
