"""Alarms gathered into cases: one cause, one case, whatever the number of sensors that felt it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.identifiers import AssetId
from domain.records import Alarm, AlarmState

__all__ = ["Case", "gather"]


@dataclass(frozen=True, slots=True)
class Case:
    """Alarms of one kind on one asset; `first` is the oldest and gives the case its address.

    Attributes
    ----------
    subjects : tuple of str
        The sensors and channels concerned, each once.
    """

    asset: AssetId
    kind: str
    alarms: tuple[Alarm, ...]

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
        return self.kind.startswith("condition.")

    @property
    def state(self) -> AlarmState:
        """Open while any of its alarms is; else the state of the oldest."""
        return AlarmState.OPEN if any(alarm.state is AlarmState.OPEN for alarm in self.alarms) else self.first.state


def gather(alarms: Sequence[Alarm]) -> list[Case]:
    """Gather alarms by asset and kind: those about the condition first, within each the newest case first."""
    found: dict[tuple[AssetId, str], list[Alarm]] = {}
    for alarm in sorted(alarms, key=lambda alarm: (alarm.raised_at_ns, alarm.id)):
        found.setdefault((alarm.asset, alarm.kind), []).append(alarm)
    cases = [Case(asset, kind, tuple(rows)) for (asset, kind), rows in found.items()]
    cases.sort(key=lambda case: case.alarms[-1].raised_at_ns, reverse=True)
    cases.sort(key=lambda case: not case.is_about_condition)
    return cases
