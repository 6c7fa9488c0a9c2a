"""How a condition indicator begins anew: what is normal for it, and what follows from that, is learnt once more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray
from models.layout import REGRESSORS
from models.memory import ModelState, with_columns
from models.triangles import first_line

__all__ = ["begin_reference", "recommission"]

# What starts at nothing, and what is absent, in either stage.
_NUMBERS: Final = ("block_value", "block_regressors", "offset")
_ABSENT: Final = ("before_works", "deviation", "deviation_sd", "distance", "expected", "spread", "scale")
_FLEET_NUMBERS: Final = (
    "forgiven",
    "shock",
    "severity_weight",
    "harm_peak",
    "harm_healed",
    "settled",
    "settled_days",
    "settled_square",
    "bent",
    "placed",
)
_FLEET_EFFECTS: Final = ("bend_effect", "bend_learnt")
_FLEET_ABSENT: Final = (
    "shock_start",
    "weather_start",
    "residual",
    "residual_sd",
    "long_share",
    "harm_recent",
    "bend_start",
    "bend_slow",
    "bend_level",
)


def begin_reference(state: ModelState, judged: BoolArray, *, keep_effects: bool) -> ModelState:
    """Start the reference of some judged channels, bool[J], anew, and leave the second stage as it is.

    A level without variance starts at the next value.
    """
    rows = np.flatnonzero(judged)
    coefficients, covariance = state.coefficients.copy(), state.covariance.copy()
    coefficients[rows, 0] = 0.0
    covariance[np.ix_(rows, first_line(len(REGRESSORS)))] = 0.0
    if not keep_effects:
        coefficients[rows] = 0.0
        covariance[rows] = 0.0
    numbers = _NUMBERS if keep_effects else (*_NUMBERS, "noise")
    return with_columns(
        state,
        coefficients=coefficients,
        covariance=covariance,
        count=np.where(judged, 0, state.count).astype(np.int32),
        settle=np.where(judged, 0, state.settle).astype(np.int32),
        **_filled(state, rows, numbers, 0.0),
        **_filled(state, rows, _ABSENT, np.nan),
    )


def recommission(state: ModelState, judged: BoolArray, *, keep_effects: bool) -> ModelState:
    """Start some judged channels, bool[J], anew in both stages."""
    rows = np.flatnonzero(judged)
    numbers = _FLEET_NUMBERS if keep_effects else (*_FLEET_NUMBERS, *_FLEET_EFFECTS)
    state = begin_reference(state, judged, keep_effects=keep_effects)
    return with_columns(
        state,
        stands_out=state.stands_out & ~judged,
        **_filled(state, rows, numbers, 0.0),
        **_filled(state, rows, _FLEET_ABSENT, np.nan),
    )


def _filled(state: ModelState, rows: npt.NDArray[np.intp], names: Iterable[str], value: float) -> dict[str, Any]:
    columns = {name: getattr(state, name).copy() for name in names}
    for column in columns.values():
        column[rows] = value
    return columns
