"""Refused messages and values: written down once, also where the broker sends their message again.

A message is acknowledged behind its commit, so whoever dies between the two gets it once more. Readings know by their
keys that they are there; what was refused has none, and is known by the bytes of its message. Bytes alone would not do:
a gateway that says the same nonsense every minute is told so every minute. So only what the broker marks as sent again
is looked up. Values that are only counted (`service.refusal_hours`) leave no bytes to know them by: their message was
taken, and came before when all its readings did.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from domain.arrays import BoolArray
from domain.identifiers import ID_PATTERN, GatewayId
from domain.measurements import DeadLetter
from ingest.messages import Message, Refusal
from service.bursts import message_hash
from service.refusal_hours import HourWork, count_refusals, is_counted
from storage.journal import Journal, RefusalHour

__all__ = ["RefusalsOfBatch", "dead_letters", "letters_of_hours", "new_refusals"]

# Also behind the prefix of a shard, and where the rest of the topic is wrong.
_GATEWAY: Final = re.compile(rf"(?:shard/\d+/)?infra/v1/({ID_PATTERN})/")
# Sent anew once the register knows its channel, a message may be taken: that it was refused must not speak against it.
_USE: Final = b"refused"


class RefusalsOfBatch(NamedTuple):
    """What is refused for the first time, and what was before.

    Attributes
    ----------
    fresh : HourWork
        To be written down, or to be counted.
    arrivals : list of (bytes, int)
        Hash and time of arrival of each message with a refusal that is written down.
    repeated : list of int
        Positions of messages whose refusals were written down when they came before.
    """

    fresh: HourWork
    arrivals: list[tuple[bytes, int]]
    repeated: list[int]


def new_refusals(
    journal: Journal, messages: Sequence[Message], refusals: Sequence[Refusal], came_before: BoolArray
) -> RefusalsOfBatch:
    """Tell refusals of one batch that are new from those of messages that the broker sent again.

    Parameters
    ----------
    came_before : bool[M]
        Messages of which readings were taken, and every one of them is there already.
    """
    if not refusals:
        return RefusalsOfBatch(HourWork([], [], []), [], [])
    hashes = {
        position: message_hash(messages[position].topic, messages[position].payload, use=_USE)
        for position in dict.fromkeys(refusal.message for refusal in refusals)
    }
    told = {item.message for item in refusals if not is_counted(item)}
    known = journal.known_arrivals([digest for position, digest in hashes.items() if messages[position].resent])
    again: set[int] = set()
    for position, digest in hashes.items():
        if messages[position].resent and (digest in known or (came_before[position] and position not in told)):
            again.add(position)
        else:
            known.add(digest)
    fresh = count_refusals(journal, messages, [item for item in refusals if item.message not in again])
    written = dict.fromkeys(item.message for item in fresh.in_full)
    arrivals = {hashes[position]: messages[position].received_ns for position in written}
    return RefusalsOfBatch(fresh, list(arrivals.items()), sorted(again))


def dead_letters(
    messages: Sequence[Message], refusals: Sequence[Refusal], *, seq: int, head_bytes: int
) -> list[DeadLetter]:
    """Write down what was refused, for the entry `seq`."""
    letters = []
    for index, refusal in enumerate(refusals):
        message = messages[refusal.message]
        letters.append(
            DeadLetter(
                id=f"{seq}-{index}",
                topic=message.topic,
                gateway=_gateway(message.topic),
                code=refusal.code,
                reason=refusal.reason,
                head=message.payload[:head_bytes],
                received_at_ns=message.received_ns,
            )
        )
    return letters


def letters_of_hours(hours: Sequence[RefusalHour], *, seq: int, first: int = 0) -> list[DeadLetter]:
    """Write down how many more refusals there were in hours that are over, for the entry `seq`.

    Parameters
    ----------
    first : int
        How many letters stand in the entry before these.
    """
    letters = []
    for index, hour in enumerate((hour for hour in hours if hour.more), start=first):
        began = datetime.fromtimestamp(hour.start_ns // 1_000_000_000, UTC)
        letters.append(
            DeadLetter(
                id=f"{seq}-{index}",
                topic=hour.topic,
                gateway=_gateway(hour.topic),
                code=hour.code,
                reason=f"{hour.more} more in the hour from {began:%Y-%m-%dT%H:%MZ}, counted, not listed: {hour.reason}",
                head=b"",
                received_at_ns=hour.last_ns,
            )
        )
    return letters


def _gateway(topic: str) -> GatewayId:
    found = _GATEWAY.match(topic)
    return GatewayId(found[1] if found else "")
