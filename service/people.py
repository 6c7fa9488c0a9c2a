"""What the models learn from people's decisions, beside what these do to the structure and to its alarms."""

from __future__ import annotations

from typing import Final

from domain.records import Decision, DecisionVerb
from domain.register import Asset
from models.fleet_memory import FleetMemory
from models.life_book import LifeBook
from models.precision import PrecisionBook, Verdict

__all__ = ["NEW_REFERENCE", "learn_from"]

# After these decisions it is another structure, to which the days that still wait tell nothing.
NEW_REFERENCE: Final = frozenset({DecisionVerb.REPAIR, DecisionVerb.ACCEPT_NORMAL})

# What says whether an alarm was right.
_VERDICTS: Final = frozenset({DecisionVerb.CONFIRM, DecisionVerb.DISMISS})


def learn_from(fleet: FleetMemory, decision: Decision, alarm_kind: str | None, details: Asset, at_ns: int) -> None:
    """Let what is remembered of the fleet learn from a decision.

    Parameters
    ----------
    fleet : FleetMemory
        Changed in place.
    alarm_kind : str or None
        Of the alarm that was decided about.
    details : Asset
        The asset as the register has it.
    at_ns : int
        Event time of the asset when it was decided.
    """
    fleet.precision = _verdicts(fleet.precision, decision, alarm_kind, details, at_ns)
    fleet.lives = _lives(fleet.lives, decision, details, at_ns)


def _verdicts(
    book: PrecisionBook, decision: Decision, alarm_kind: str | None, details: Asset, at_ns: int
) -> PrecisionBook:
    """Learn from what a person said of an alarm of condition; of another structure nothing was said yet."""
    group, _, mode = (alarm_kind or "").partition(".")
    if group == "condition" and decision.alarm_id is not None and decision.verb in _VERDICTS:
        verdict = Verdict(
            alarm=decision.alarm_id,
            organisation=details.organisation,
            asset_type=details.type.value,
            asset=decision.asset,
            mode=mode,
            at_ns=at_ns,
            is_right=decision.verb is DecisionVerb.CONFIRM,
        )
        return book.with_verdict(verdict)
    return book.renewed(decision.asset) if decision.verb in NEW_REFERENCE else book


def _lives(lives: LifeBook, decision: Decision, details: Asset, at_ns: int) -> LifeBook:
    """Learn from a failure or a repair that a person recorded; no alarm at all takes back what had been stated."""
    if decision.failed_ns is not None:
        lives = lives.with_failure(decision.asset, details.organisation, decision.failed_ns, at_ns)
    elif decision.verb is DecisionVerb.REPAIR:
        lives = lives.with_repair(decision.asset, details.organisation, at_ns)
    if decision.verb in NEW_REFERENCE or decision.verb is DecisionVerb.DISMISS:
        lives = lives.without(decision.asset)
    return lives
