"""Alarms that people know, beside those that models of another version have: one alarm, one name, told once.

What was told stays told. An alarm that is open for people and that the new models have too goes on under its name;
one that they do not have stays open until a person decides, or the models raise it after all
(`service.alarm_book.follow`); one that only they have is announced, as of where they found it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from domain.identifiers import AssetId
from domain.records import Alarm, Reason
from service.alarm_book import KnownAlarm
from service.outcomes import alarm_id
from storage.entries import AlarmChange, Outcome

__all__ = ["agree", "follow_told"]


def follow_told(books: dict[AssetId, tuple[KnownAlarm, ...]], outcome: Outcome) -> None:
    """Take into the books, in place, what an entry's outcome told people of alarms."""
    for alarm in outcome.alarms:
        fresh = KnownAlarm(alarm.kind, alarm.subject, alarm.id, alarm.raised_at_ns, alarm.cleared_at_ns)
        known = books.get(alarm.asset, ())
        books[alarm.asset] = (*(item for item in known if item.id != alarm.id), fresh)
    for change in outcome.alarm_changes:
        for asset, known in books.items():
            if any(item.id == change.id for item in known):
                books[asset] = tuple(_changed(item, change) if item.id == change.id else item for item in known)


def _changed(item: KnownAlarm, change: AlarmChange) -> KnownAlarm:
    cleared_ns = None if change.reopened else item.cleared_ns
    return msgspec.structs.replace(
        item,
        cleared_ns=cleared_ns if change.cleared_at_ns is None else change.cleared_at_ns,
        is_supported=item.is_supported if change.supported is None else change.supported,
    )


def agree(
    asset: AssetId,
    told: Sequence[KnownAlarm],
    found: Sequence[KnownAlarm],
    raised: Mapping[str, Alarm],
    *,
    at_ns: int,
    version: str,
) -> tuple[tuple[KnownAlarm, ...], list[Alarm]]:
    """Put what people know and what the models have into one book.

    Parameters
    ----------
    told : sequence of KnownAlarm
        As people know them.
    found : sequence of KnownAlarm
        As the models have them, named by their own times.
    raised : mapping of str to Alarm
        Those of `found` with their reasons, by those names.
    at_ns : int
        Event time at which the models found them: where the asset's hops end.
    version : str
        Of the models.

    Returns
    -------
    tuple of KnownAlarm
    list of Alarm
        To announce.
    """
    left = [item for item in told if item.cleared_ns is None]
    book: list[KnownAlarm] = []
    news: list[Alarm] = []
    for item in found:
        if item.cleared_ns is not None:
            book.append(item)  # over for the models; scored again, it is no news
            continue
        known = next((other for other in left if (other.kind, other.subject) == (item.kind, item.subject)), None)
        if known is not None:
            left.remove(known)
            book.append(msgspec.structs.replace(known, raised_ns=item.raised_ns, is_supported=True))
        else:
            alarm = _announced(asset, raised[item.id], at_ns, version)
            news.append(alarm)
            book.append(msgspec.structs.replace(item, id=alarm.id))
    book += [msgspec.structs.replace(item, is_supported=False) for item in left]
    return tuple(book), news


def _announced(asset: AssetId, alarm: Alarm, at_ns: int, version: str) -> Alarm:
    """Give an alarm a name of its own: the one of its beginning may have been another's."""
    return replace(
        alarm,
        id=alarm_id(asset, alarm.kind, alarm.subject, at_ns),
        raised_at_ns=at_ns,
        reasons=(*alarm.reasons, Reason("seen_by_new_models", {"version": version})),
    )
