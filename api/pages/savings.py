"""What deciding in time has saved so far, from the decision log and the costs in the register.

Counted are structures where a person confirmed an alarm about the condition and a repair followed: the
emergency repair that was avoided minus the planned one. It is a sum of what people recorded, not a forecast.
"""

from __future__ import annotations

from api.plans import all_decisions
from api.rooms import ApiRooms
from domain.identifiers import AssetId
from domain.records import DecisionVerb

__all__ = ["savings_eur"]


def savings_eur(rooms: ApiRooms) -> float | None:
    """Add up what repairs after confirmed alarms saved; None when there is none yet."""
    confirmed: set[AssetId] = set()
    saved: list[float] = []
    for decision in all_decisions(rooms):
        if decision.verb is DecisionVerb.CONFIRM:
            confirmed.add(decision.asset)
        elif decision.verb is DecisionVerb.REPAIR and decision.asset in confirmed:
            confirmed.discard(decision.asset)
            asset = rooms.store.asset(decision.asset)
            if asset is not None and asset.planned_repair_cost_eur and asset.emergency_repair_cost_eur:
                saved.append(asset.emergency_repair_cost_eur - asset.planned_repair_cost_eur)
    return sum(saved) if saved else None
