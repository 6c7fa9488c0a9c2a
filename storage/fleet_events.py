"""What strikes many structures at once is one event: their alarms carry the same `event_id`.

A storm, a power dip or a broken gateway raises the same kind of alarm on many structures within hours. That is one
thing to look at. Grouping needs other assets, so it is done here, over stored rows, and not in the models of a shard:
workers of several shards that write into one database group across them all.

Alarms of one family on the assets of one organisation are an *event* when they come from at least four assets within
the family's time, and are clearly more than usual: four standard deviations above the number of the last ninety days,
as counts of independent alarms scatter (Poisson). It is named after its oldest alarm. What comes later, within that
time of any alarm of the event, joins it, until three such times after the oldest: then it is news again.

An alarm that stands in an event from the moment it was raised is an *echo*: another has spoken for it already.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Connection, func, select, update

from domain.records import Alarm
from storage.tables import alarm_table, asset_table

__all__ = ["group_alarms"]

_HOUR_NS: Final = 3600 * 10**9
_DAY_NS: Final = 24 * _HOUR_NS
_LEAST_ASSETS: Final = 4
_USUAL_DAYS: Final = 90
_USUAL_LEAST_NS: Final = 7 * _DAY_NS
_DEVIATIONS: Final = 4.0
_CONDITION: Final = "condition"
_LONGEST: Final = 3
_PAGE: Final = 500


@dataclass(slots=True)
class _Row:
    id: str
    asset: str
    raised_at_ns: int
    event: str


def group_alarms(db: Connection, seq: int, alarms: Sequence[Alarm]) -> None:
    """Group the alarms that entry `seq` brought, once they are in their table."""
    families: dict[str, list[Alarm]] = {}
    for alarm in alarms:
        families.setdefault(_family(alarm.kind), []).append(alarm)
    for family, news in sorted(families.items()):
        _group_family(db, seq, family, news)


def _family(kind: str) -> str:
    """Give what alarms have in common: structures suffer a storm in their own ways, instruments in one."""
    return _CONDITION if kind.startswith(f"{_CONDITION}.") else kind


def _together_ns(family: str) -> int:
    """Give how far apart alarms of an event may be: those of condition come at the end of a day."""
    return _DAY_NS if family == _CONDITION else 6 * _HOUR_NS


def _group_family(db: Connection, seq: int, family: str, news: Sequence[Alarm]) -> None:
    within_ns = _together_ns(family)
    first_ns = min(alarm.raised_at_ns for alarm in news) - _LONGEST * within_ns
    last_ns = max(alarm.raised_at_ns for alarm in news) + within_ns
    fresh = {alarm.id for alarm in news}
    for organisation, rows in _rows(db, family, first_ns, last_ns).items():
        if fresh.isdisjoint(row.id for row in rows):
            continue
        usual = _usual(db, family, organisation, first_ns)
        struck = _struck(rows, fresh, within_ns, least=usual + _DEVIATIONS * usual**0.5)
        for event, names in struck.items():
            for page in (names[first : first + _PAGE] for first in range(0, len(names), _PAGE)):
                this = update(alarm_table).where(alarm_table.c.id.in_(page))
                db.execute(this.values(event_id=event, revision=seq))
                echo = alarm_table.c.id.in_([name for name in page if name in fresh and name != event])
                db.execute(this.where(echo).values(is_echo=True))


def _struck(rows: Sequence[_Row], fresh: set[str], within_ns: int, *, least: float) -> dict[str, list[str]]:
    """Give for each event the alarms that become part of it, in one walk along the rows, oldest first."""
    begun_ns = {row.id: row.raised_at_ns for row in rows if row.event == row.id}
    ahead: list[_Row | None] = [None] * len(rows)  # the next row behind each that is in an event
    for place in range(len(rows) - 2, -1, -1):
        ahead[place] = rows[place + 1] if rows[place + 1].event else ahead[place + 1]
    found: dict[str, list[str]] = {}
    window: deque[_Row] = deque()
    last: _Row | None = None
    for row, following in zip(rows, ahead, strict=True):
        window.append(row)
        while window[0].raised_at_ns < row.raised_at_ns - within_ns:
            window.popleft()
        if row.id in fresh and not row.event:
            near = next((each for each in (last, following) if each and _is_near(row, each, begun_ns, within_ns)), None)
            joins = [row] if near is not None else [each for each in window if not each.event]
            if near is None:
                if len(joins) <= least or len({each.asset for each in joins}) < _LEAST_ASSETS:
                    continue
                begun_ns[joins[0].id] = joins[0].raised_at_ns
            event = joins[0].id if near is None else near.event
            for each in joins:
                each.event = event
                found.setdefault(event, []).append(each.id)
        if row.event:
            last = row
    return found


def _is_near(row: _Row, member: _Row, begun_ns: Mapping[str, int], within_ns: int) -> bool:
    """Tell whether an alarm joins the event of another."""
    begun = begun_ns.get(member.event)
    if begun is None or abs(row.raised_at_ns - begun) > _LONGEST * within_ns:
        return False
    return abs(row.raised_at_ns - member.raised_at_ns) <= within_ns


def _rows(db: Connection, family: str, first_ns: int, last_ns: int) -> dict[str, list[_Row]]:
    """List the family's alarms in some time by organisation, oldest first, of assets that are in the register."""
    table = alarm_table.c
    query = (
        select(asset_table.c.organisation, table.id, table.asset, table.raised_at_ns, table.event_id)
        .join(asset_table, asset_table.c.id == table.asset)
        .where(table.raised_at_ns >= first_ns, table.raised_at_ns <= last_ns, _is_of(family))
        .order_by(table.raised_at_ns, table.id)
    )
    found: dict[str, list[_Row]] = {}
    for organisation, *row in db.execute(query):
        found.setdefault(organisation, []).append(_Row(*row))
    return found


def _usual(db: Connection, family: str, organisation: str, end_ns: int) -> float:
    """Give how many alarms of the family an organisation had within the family's time, by the days before."""
    table = alarm_table.c
    query = (
        select(func.count(), func.min(table.raised_at_ns))
        .select_from(alarm_table.join(asset_table, asset_table.c.id == table.asset))
        .where(asset_table.c.organisation == organisation, _is_of(family))
        .where(table.raised_at_ns >= end_ns - _USUAL_DAYS * _DAY_NS, table.raised_at_ns < end_ns)
    )
    count, oldest_ns = db.execute(query).one()
    # A fleet that began last month had a month to have them in.
    span_ns = max(end_ns - oldest_ns, _USUAL_LEAST_NS) if count else _USUAL_LEAST_NS
    return float(count) * _together_ns(family) / span_ns


def _is_of(family: str) -> ColumnElement[bool]:
    kind = alarm_table.c.kind
    return kind.startswith(f"{_CONDITION}.", autoescape=True) if family == _CONDITION else kind == family
