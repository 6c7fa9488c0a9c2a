"""A small truth by hand: days from 0, one asset a row, and what a detector said about it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from domain.arrays import FloatArray
from service.evaluation.truth import (
    DAY_NS,
    Case,
    RaisedAlarm,
    RunRecord,
    TrueAsset,
    TrueDamage,
    TrueEvent,
    Truth,
    day_ends,
    lives_of,
)

DAYS = 200
ASSETS = ("a", "b", "c")


def asset(name: str, *, planned: float = 100.0, failure: float = 400.0, lead: float = 20.0) -> TrueAsset:
    return TrueAsset(name, is_monitored=True, planned_eur=planned, failure_eur=failure, crew_lead_days=lead, sensors=2)


def damage(name: str, onset: float, failure: float | None, mode: str = "stiffness_loss") -> TrueDamage:
    return TrueDamage(name, mode, "span", round(onset * DAY_NS), None if failure is None else round(failure * DAY_NS))


def event(
    kind: str, start: float, days: float, name: str = "", *, sensor: str = "", announced: bool = False
) -> TrueEvent:
    fault = kind in {"stuck_sensor", "drift", "dropout"}
    return TrueEvent(name, kind, sensor, round(start * DAY_NS), round((start + days) * DAY_NS), announced, fault)


def alarm(name: str, day: float, kind: str = "condition.stiffness_loss", subject: str = "") -> RaisedAlarm:
    return RaisedAlarm(name, kind, subject, round(day * DAY_NS), None)


def truth(
    *damages: TrueDamage,
    events: Sequence[TrueEvent] = (),
    knows_future: bool = True,
    repairs: Sequence[tuple[str, float, float]] = (),
    assets: Sequence[TrueAsset] | None = None,
) -> Truth:
    return Truth(
        name="by hand",
        start_ns=0,
        end_ns=DAYS * DAY_NS,
        assets=tuple(asset(name) for name in ASSETS) if assets is None else tuple(assets),
        damages=damages,
        events=tuple(events),
        knows_future=knows_future,
        repairs=tuple((name, round(start * DAY_NS), round(end * DAY_NS)) for name, start, end in repairs),
    )


def case(
    of: Truth,
    *alarms: RaisedAlarm,
    chance: FloatArray | None = None,
    life_days: FloatArray | None = None,
) -> Case:
    shape = (len(of.assets), DAYS)
    chance = np.full(shape, np.nan) if chance is None else chance
    life_days = np.full((*shape, 3), np.nan) if life_days is None else life_days
    record = RunRecord("by hand", alarms, day_ends(of.start_ns, of.end_ns), chance, life_days)
    return Case(of, lives_of(of), record)
