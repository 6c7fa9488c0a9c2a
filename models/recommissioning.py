"""What begins anew: the reference of a condition indicator, what the second stage learnt of it, and its evidence."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray
from models.bends import Bends
from models.layout import REGRESSORS
from models.memory import ModelState, begun_anew, with_columns
from models.triangles import first_line

__all__ = ["begin_reference", "forget_evidence", "forget_learnt", "recommission"]

_REFERENCE: Final = (
    *("block_value", "block_regressors", "count", "offset", "before_works", "settle", "scale", "behind", "far_off_ns"),
    *("deviation", "deviation_sd", "distance", "expected", "spread"),
)
_EFFECTS: Final = ("coefficients", "covariance", "noise")
_SETTLED: Final = ("settled", "settled_days", "settled_square")
_COMPARED: Final = (
    *("forgiven", "shock", "shock_start", "weather_start", "stands_out", "residual", "residual_sd", "long_share"),
    *("severity_weight", "harm_recent", "harm_peak", "harm_healed", "bent", "placed"),
    *("bend_start", "bend_slow", "bend_level"),
)
_BEND_EFFECTS: Final = ("bend_effect", "bend_learnt")
# What the second stage learns of a channel by itself (`models.settling`, `models.bends`).
_LEARNT: Final = (*_SETTLED, *(f"bend_{name}" for name in Bends._fields))
_EVIDENCE: Final = ("evidence", "strength", "since_ns", "raised_ns", "calm_ns", "agreeing", "is_agreed", "other_mode")
_COURSE: Final = ("severity", "severity_sd", "severity_past", "evidence_ns")


def begin_reference(state: ModelState, judged: BoolArray, *, keep_effects: bool) -> ModelState:
    """Start the reference of some judged channels, bool[J], anew, and leave the second stage as it is.

    A level without variance starts at the next value.
    """
    rows = np.flatnonzero(judged)
    if not keep_effects:
        return begun_anew(state, (*_REFERENCE, *_EFFECTS), rows)
    coefficients, covariance = state.coefficients.copy(), state.covariance.copy()
    coefficients[rows, 0] = 0.0
    covariance[np.ix_(rows, first_line(len(REGRESSORS)))] = 0.0
    return begun_anew(with_columns(state, coefficients=coefficients, covariance=covariance), _REFERENCE, rows)


def recommission(state: ModelState, judged: BoolArray, *, keep_effects: bool) -> ModelState:
    """Start some judged channels, bool[J], anew in both stages."""
    compared = (*_COMPARED, *_SETTLED) if keep_effects else (*_COMPARED, *_SETTLED, *_BEND_EFFECTS)
    return begun_anew(begin_reference(state, judged, keep_effects=keep_effects), compared, np.flatnonzero(judged))


def forget_learnt(state: ModelState, rows: npt.NDArray[np.intp]) -> ModelState:
    """Forget what the second stage learnt of some judged channels, intp[R], and nothing else."""
    return begun_anew(state, _LEARNT, rows)


def forget_evidence(state: ModelState, pairs: BoolArray, *, keep_course: bool) -> ModelState:
    """Forget the evidence of pairs, bool[P], and their alarms; without their course also how far they were."""
    return begun_anew(state, _EVIDENCE if keep_course else (*_EVIDENCE, *_COURSE), np.flatnonzero(pairs))
