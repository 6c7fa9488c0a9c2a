"""Alarms gathered into cases: one cause, one case, whatever the number of sensors or structures that felt it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.identifiers import AssetId
from domain.records import Alarm, AlarmState, is_about_condition

__all__ = ["Case", "gather"]


@dataclass(frozen=True, slots=True)
class Case:
    """Alarms of one kind on one asset, or of one event on many; `first` is the oldest and gives the case its address.

    Attributes
    ----------
    subjects : tuple of str
        The sensors and channels concerned, each once.
    """

    asset: AssetId
    kind: str
    alarms: tuple[Alarm, ...]

    @property
    def is_event(self) -> bool:
        """Whether something struck many structures at once (`storage.fleet_events`)."""
        return bool(self.first.event_id)

    @property
    def first(self) -> Alarm:
        """The oldest alarm of the case."""
        return self.alarms[0]

    @property
    def subjects(self) -> tuple[str, ...]:
        """Which sensors and channels it is about."""
        return tuple(dict.fromkeys(alarm.subject for alarm in self.alarms if alarm.subject))

    @property
    def is_about_condition(self) -> bool:
        """Whether it is about the structure; else about a sensor, data, a gateway or a clock."""
        return is_about_condition(self.kind)

    @property
    def state(self) -> AlarmState:
        """Open while any of its alarms is; else the state of the oldest."""
        return AlarmState.OPEN if any(alarm.state is AlarmState.OPEN for alarm in self.alarms) else self.first.state


def gather(alarms: Sequence[Alarm]) -> list[Case]:
    """Gather alarms by event, or asset and kind: those about the condition first, then the newest case first."""
    found: dict[tuple[str, str], list[Alarm]] = {}
    for alarm in sorted(alarms, key=lambda alarm: (alarm.raised_at_ns, alarm.id)):
        key = ("", alarm.event_id) if alarm.event_id else (alarm.asset, alarm.kind)
        found.setdefault(key, []).append(alarm)
    cases = [Case(rows[0].asset, rows[0].kind, tuple(rows)) for rows in found.values()]
    cases.sort(key=lambda case: case.alarms[-1].raised_at_ns, reverse=True)
    cases.sort(key=lambda case: not case.is_about_condition)
    return cases
