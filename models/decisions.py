"""What a person's decision does to the models.

A repair makes another structure: reference, effects and evidence of its asset start anew. An accepted normal
makes another reference and keeps the effects of the environment. A dismissed alarm is cleared and what
was seen so far is forgiven: only more of it is evidence again, while severity and risk go on telling what they
see. The other verbs change no state; they are labels for calibration, or tell what the register then says of the asset.
"""

from __future__ import annotations

import numpy as np

from domain.arrays import BoolArray
from domain.records import DecisionVerb, Reason
from models.alarms import AlarmChange, about_condition
from models.catalogue import Catalogue
from models.frequency_changes import begin_anew
from models.memory import ModelState, with_columns
from models.recommissioning import forget_evidence, recommission
from models.thresholds import MODES

__all__ = ["apply_decision"]


def apply_decision(
    catalogue: Catalogue, state: ModelState, asset: int, verb: DecisionVerb, at_ns: int, alarm_kind: str | None
) -> tuple[ModelState, list[AlarmChange]]:
    """Apply one decision to one asset.

    Parameters
    ----------
    asset : int
        Position in the catalogue.
    at_ns : int
        Event time at which it takes effect.
    alarm_kind : str or None
        Kind of the alarm decided on; None: the asset as a whole. Dismissing needs a `condition.<mode>`; without
        one every open condition alarm of the asset is dismissed.

    Returns
    -------
    ModelState
        The one passed in is not changed.
    list of AlarmChange
        Condition alarms that the decision cleared.
    """
    pairs = catalogue.pair_asset == asset
    judged = catalogue.asset_of_judged == asset
    if verb in {DecisionVerb.REPAIR, DecisionVerb.ACCEPT_NORMAL}:
        changes = _cleared(catalogue, state, pairs, verb, at_ns)
        state = recommission(state, judged, keep_effects=verb is DecisionVerb.ACCEPT_NORMAL)
        state = begin_anew(catalogue, state, asset)
        instruments = (catalogue.asset_of_channel == asset) & (verb is DecisionVerb.ACCEPT_NORMAL)
        state = with_columns(state, reference_days=np.where(instruments, 0, state.reference_days).astype(np.int32))
        return forget_evidence(state, pairs, keep_course=False), changes
    if verb is DecisionVerb.DISMISS:
        kinds = np.array([f"condition.{MODES[mode]}" == alarm_kind for mode in catalogue.pair_mode], np.bool_)
        pairs = pairs & ((state.raised_ns > 0) if alarm_kind is None else kinds)
        changes = _cleared(catalogue, state, pairs, verb, at_ns)
        residual = np.nan_to_num(state.residual)
        towards = np.where(catalogue.direction[catalogue.judged] == 0.0, np.abs(residual), np.maximum(residual, 0.0))
        dismissed = pairs[catalogue.pair_of_judged]
        state = with_columns(state, forgiven=np.where(dismissed, towards, state.forgiven))
        return forget_evidence(state, pairs, keep_course=True), changes
    return state, []


def _cleared(
    catalogue: Catalogue, state: ModelState, pairs: BoolArray, verb: DecisionVerb, at_ns: int
) -> list[AlarmChange]:
    reason = Reason("cleared_by_decision", {"verb": verb.value})
    return [
        about_condition(catalogue, pair, reason, at_ns=at_ns, raised_ns=int(state.raised_ns[pair]))
        for pair in np.flatnonzero(pairs & (state.raised_ns > 0)).tolist()
    ]
