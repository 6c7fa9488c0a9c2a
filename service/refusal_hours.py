"""Values that no channel is registered for: of each topic and reason the first few of an hour are written down in full.

A gateway that adds one quantity too many to each good reading would else leave as many dead letters as it sends
messages, and what is really wrong could not be found among them. Only a value whose message was taken is left to
counting; a message of which nothing could be used has nobody else to keep it, and gets its letter each time.

The count of an hour stands in the journal, and changes in the commit that counts its values as refused, so no crash
loses or doubles any of it. When the hour is over, one letter says how many more there were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ingest.messages import Message, Refusal
from service.bursts import message_hash
from storage.journal import Journal, RefusalHour

__all__ = ["HOUR_NS", "IN_FULL", "HourWork", "count_refusals", "is_counted"]

HOUR_NS: Final = 3600 * 1_000_000_000
# Enough to see whether a value changes, and few enough that 1,000 sensors fill 3 GB in a quarter, not 270.
IN_FULL: Final = 3
_USE: Final = b"refusal hour"


class HourWork(NamedTuple):
    """What becomes of the refusals of one batch.

    Attributes
    ----------
    in_full : list of Refusal
        To be written down each.
    hours : list of RefusalHour
        Counts as this batch leaves them.
    ended : list of RefusalHour
        Counts of earlier hours, whose place was taken.
    """

    in_full: list[Refusal]
    hours: list[RefusalHour]
    ended: list[RefusalHour]


def is_counted(refusal: Refusal) -> bool:
    """Tell whether further refusals like this are counted instead of written down."""
    return refusal.code == "unknown_channel" and not refusal.whole


def count_refusals(journal: Journal, messages: Sequence[Message], refusals: Sequence[Refusal]) -> HourWork:
    """Part refusals that are written down from those that are only counted; nothing is written yet.

    Hours are those of the messages' times of arrival. One that came in an earlier hour than the last, out of
    quarantine or by a clock that was set back, counts with the last.
    """
    names = {
        (topic, reason): message_hash(topic, reason.encode(errors="surrogatepass"), use=_USE)
        for topic, reason in {(messages[item.message].topic, item.reason) for item in refusals if is_counted(item)}
    }
    if not names:
        return HourWork(list(refusals), [], [])
    known = {hour.hash: hour for hour in journal.refusal_hours(list(names.values()))}
    in_full: list[Refusal] = []
    changed: dict[bytes, RefusalHour] = {}
    ended: list[RefusalHour] = []
    for item in refusals:
        if not is_counted(item):
            in_full.append(item)
            continue
        message = messages[item.message]
        name, at_ns = names[message.topic, item.reason], message.received_ns
        hour, start_ns = known.get(name), at_ns - at_ns % HOUR_NS
        if hour is None or start_ns > hour.start_ns:
            if hour is not None and hour.more:
                ended.append(hour)
            hour = RefusalHour(name, message.topic, item.code, item.reason, start_ns, told=0, more=0, last_ns=at_ns)
        if hour.told < IN_FULL:
            in_full.append(item)
            hour = hour._replace(told=hour.told + 1)
        else:
            hour = hour._replace(more=hour.more + 1, last_ns=max(hour.last_ns, at_ns))
        known[name] = changed[name] = hour
    return HourWork(in_full, list(changed.values()), ended)
