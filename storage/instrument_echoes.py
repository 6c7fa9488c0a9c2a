"""One instrument, one fault, one notification: which of its channels' alarms speaks for the others.

A sensor that sticks is stuck in each of its channels, and each has an alarm: what is stuck counts nowhere, the others
do. Whoever is told by webhook needs to hear of the instrument once. So an alarm that is raised while another of the
same kind stands about the same sensor is an *echo*, as in `storage.fleet_events`. When none of those that spoke stands
any more, the oldest echo that still does speaks: nobody may believe that all is well while it is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, select, update

from domain.records import STANDING_STATES, Alarm, is_about_condition
from storage.tables import alarm_table

__all__ = ["let_echoes_speak", "mark_instrument_echoes"]

_PAGE: Final = 500
_COLUMNS: Final = tuple(alarm_table.c[name] for name in ("id", "asset", "kind", "subject", "event_id", "is_echo"))


class _Instrument(NamedTuple):
    """A sensor of an asset, and what is the matter with it."""

    asset: str
    kind: str
    sensor: str


def mark_instrument_echoes(db: Connection, alarms: Sequence[Alarm]) -> None:
    """Mark which of the alarms that an entry brought are echoes, once they are in their table."""
    fresh = {alarm.id for alarm in alarms if _is_of_instrument(alarm)}
    struck = {_instrument(alarm) for alarm in alarms if _is_of_instrument(alarm)}
    echoes = [row.id for standing in _standing(db, struck) for row in standing[1:] if row.id in fresh]
    for page in _pages(echoes):
        db.execute(update(alarm_table).where(alarm_table.c.id.in_(page)).values(is_echo=True))


def let_echoes_speak(db: Connection, seq: int, changed: Sequence[str]) -> None:
    """Let the oldest standing echo of an instrument speak, where changed alarms leave nobody else who does.

    Parameters
    ----------
    changed : sequence of str
        Identifiers of the alarms that entry `seq` changed.
    """
    struck: set[_Instrument] = set()
    for page in _pages(changed):
        this = select(*_COLUMNS).where(alarm_table.c.id.in_(page))
        struck |= {_instrument(row) for row in db.execute(this) if _is_of_instrument(row)}
    for standing in _standing(db, struck):
        if all(row.is_echo and not row.event_id for row in standing):
            this = alarm_table.c.id == standing[0].id
            db.execute(update(alarm_table).where(this).values(is_echo=False, revision=seq))


def _is_of_instrument(alarm: Alarm | Row[Any]) -> bool:
    return bool(alarm.subject) and not is_about_condition(alarm.kind)


def _instrument(alarm: Alarm | Row[Any]) -> _Instrument:
    return _Instrument(alarm.asset, alarm.kind, alarm.subject.partition("/")[0])


def _standing(db: Connection, struck: set[_Instrument]) -> Iterable[list[Row[Any]]]:
    """Give the standing alarms of each instrument that has some, oldest first."""
    found: dict[_Instrument, list[Row[Any]]] = {}
    kinds = sorted({instrument.kind for instrument in struck})
    for page in _pages(sorted({instrument.asset for instrument in struck})):
        query = select(*_COLUMNS).where(
            alarm_table.c.asset.in_(page),
            alarm_table.c.kind.in_(kinds),
            alarm_table.c.cleared_at_ns.is_(None),
            alarm_table.c.state.in_(STANDING_STATES),
        )
        for row in db.execute(query.order_by(alarm_table.c.raised_at_ns, alarm_table.c.id)):
            instrument = _instrument(row)
            if instrument in struck:
                found.setdefault(instrument, []).append(row)
    return found.values()


def _pages(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[first : first + _PAGE] for first in range(0, len(names), _PAGE))
