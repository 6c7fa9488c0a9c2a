"""The alarms of one event at many structures, for a decision about all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.records import Alarm, AlarmState
from storage.protocols import AdvisoryStore, TimedKey

__all__ = ["alarms_of", "unjudged"]

_PAGE: Final = 500
_JUDGED: Final = frozenset({AlarmState.CONFIRMED, AlarmState.DISMISSED})


def alarms_of(store: AdvisoryStore, event: str) -> list[Alarm]:
    """Give all alarms of an event, oldest first; none where there is no such event."""
    found: list[Alarm] = []
    after: TimedKey | None = None
    while page := store.alarms(event=event, after=after, limit=_PAGE):
        found += page
        after = TimedKey(page[-1].raised_at_ns, page[-1].id)
    return found[::-1]


def unjudged(alarms: Sequence[Alarm]) -> list[Alarm]:
    """Give those that nobody confirmed or dismissed yet: what was judged by itself stays as it was judged."""
    return [alarm for alarm in alarms if alarm.state not in _JUDGED]
