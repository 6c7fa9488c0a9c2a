"""Work that people planned and that stands: what ends it is one rule for the API, the map and the work list.

A later `plan` (or `inspect`) of an asset takes the place of the one before. `repair`, `accept-normal` and the `dismiss`
of an alarm about its condition end all that was planned there: the work was done, or is not needed. What an
inspection found, `correct-condition`, ends the inspection; works that are planned stand. What is not in the register
has no work: an asset that left it takes its plans along, and a pilot, which stands in the log with a `plan` too, due at
its end, has a name that no asset can have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from api.rooms import ApiRooms
from domain.identifiers import AssetId
from domain.records import Decision, DecisionVerb, is_about_condition

__all__ = ["all_decisions", "last_attended", "standing_plans", "standing_works"]

_PAGE: Final = 500
_PLANNING: Final = (DecisionVerb.PLAN, DecisionVerb.INSPECT)
_ENDING: Final = {
    DecisionVerb.REPAIR: _PLANNING,
    DecisionVerb.ACCEPT_NORMAL: _PLANNING,
    DecisionVerb.DISMISS: _PLANNING,
    DecisionVerb.CORRECT_CONDITION: (DecisionVerb.INSPECT,),
}
# Somebody was there; what is advised after that, is advised anew.
_ATTENDING: Final = (DecisionVerb.REPAIR, DecisionVerb.ACCEPT_NORMAL, DecisionVerb.CORRECT_CONDITION)


def all_decisions(rooms: ApiRooms) -> list[Decision]:
    """Read the whole decision log, oldest first: people make few decisions."""
    found: list[Decision] = []
    before: int | None = None
    while links := rooms.decisions.decisions(before_seq=before, limit=_PAGE):
        found.extend(links)
        before = links[-1].seq
    return found[::-1]


def standing_works(rooms: ApiRooms, log: Sequence[Decision] | None = None) -> list[Decision]:
    """Keep each asset's newest `plan` and newest `inspect`, unless a later decision ended the matter; oldest first.

    Parameters
    ----------
    log : sequence of Decision, optional
        What `all_decisions` gave, for who reads it anyhow.
    """
    standing: dict[tuple[AssetId, DecisionVerb], Decision] = {}
    for decision in all_decisions(rooms) if log is None else log:
        if decision.verb in _PLANNING:
            standing[decision.asset, decision.verb] = decision
        elif decision.verb in _ENDING:
            ended = [key for verb in _ENDING[decision.verb] if (key := (decision.asset, verb)) in standing]
            if ended and not _is_of_a_sensor(rooms, decision):
                for key in ended:
                    del standing[key]
    return [decision for decision in standing.values() if rooms.store.asset(decision.asset) is not None]


def last_attended(log: Sequence[Decision]) -> dict[AssetId, int]:
    """Give when each asset was last attended to: repaired, inspected, or renewed; Unix nanoseconds, by the wall."""
    return {decision.asset: decision.decided_at_ns for decision in log if decision.verb in _ATTENDING}


def _is_of_a_sensor(rooms: ApiRooms, decision: Decision) -> bool:
    """Tell whether it dismisses an alarm that is not about the structure: what is planned there is still needed."""
    if decision.verb is not DecisionVerb.DISMISS or decision.alarm_id is None:
        return False
    alarm = rooms.store.alarm(decision.alarm_id)
    return alarm is not None and not is_about_condition(alarm.kind)


def standing_plans(rooms: ApiRooms) -> list[Decision]:
    """List the decisions to `plan` that stand, by due date and asset."""
    plans = [decision for decision in standing_works(rooms) if decision.verb is DecisionVerb.PLAN]
    return sorted(plans, key=lambda plan: (plan.due_on or "", plan.asset))
