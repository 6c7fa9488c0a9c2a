"""Planned works: of each asset the newest `plan`, until a `repair` says that it was done."""

from __future__ import annotations

from collections.abc import Iterator

from api.rooms import ApiRooms
from domain.identifiers import AssetId
from domain.records import Decision, DecisionVerb

__all__ = ["standing_plans"]

_SCAN = 500


def standing_plans(rooms: ApiRooms) -> list[Decision]:
    """List the plans that stand, by due date and asset."""
    settled: set[AssetId] = set()
    plans: list[Decision] = []
    for decision in _newest_first(rooms):
        if decision.asset in settled or decision.verb not in {DecisionVerb.PLAN, DecisionVerb.REPAIR}:
            continue
        settled.add(decision.asset)
        if decision.verb is DecisionVerb.PLAN:
            plans.append(decision)
    return sorted(plans, key=lambda plan: (plan.due_on or "", plan.asset))


def _newest_first(rooms: ApiRooms) -> Iterator[Decision]:
    before: int | None = None
    while links := rooms.decisions.decisions(before_seq=before, limit=_SCAN):
        yield from links
        before = links[-1].seq
