"""Refused messages and values: written down once, also where the broker sends their message again.

A message is acknowledged behind its commit, so whoever dies between the two gets it once more. Readings know by their
keys that they are there; what was refused has none, and is known by the bytes of its message. Bytes alone would not do:
a gateway that says the same nonsense every minute is told so every minute. So only what the broker marks as sent again
is looked up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from domain.identifiers import ID_PATTERN, GatewayId
from domain.measurements import DeadLetter
from ingest.messages import Message, Refusal
from service.bursts import message_hash
from storage.journal import Journal

__all__ = ["RefusalsOfBatch", "dead_letters", "new_refusals"]

# Also behind the prefix of a shard, and where the rest of the topic is wrong.
_GATEWAY: Final = re.compile(rf"(?:shard/\d+/)?infra/v1/({ID_PATTERN})/")
# Sent anew once the register knows its channel, a message may be taken: that it was refused must not speak against it.
_USE: Final = b"refused"


class RefusalsOfBatch(NamedTuple):
    """What is refused for the first time, and what was before.

    Attributes
    ----------
    fresh : list of Refusal
        To be written down.
    arrivals : list of (bytes, int)
        Hash and time of arrival of each message with a fresh refusal.
    repeated : list of int
        Positions of messages whose refusals were written down when they came before.
    """

    fresh: list[Refusal]
    arrivals: list[tuple[bytes, int]]
    repeated: list[int]


def new_refusals(journal: Journal, messages: Sequence[Message], refusals: Sequence[Refusal]) -> RefusalsOfBatch:
    """Tell refusals of one batch that are new from those of messages that the broker sent again."""
    if not refusals:
        return RefusalsOfBatch([], [], [])
    hashes = {
        position: message_hash(messages[position].topic, messages[position].payload, use=_USE)
        for position in dict.fromkeys(refusal.message for refusal in refusals)
    }
    known = journal.known_arrivals([digest for position, digest in hashes.items() if messages[position].resent])
    arrivals: dict[bytes, int] = {}
    repeated: list[int] = []
    for position, digest in hashes.items():
        message = messages[position]
        if message.resent and (digest in known or digest in arrivals):
            repeated.append(position)
        else:
            arrivals.setdefault(digest, message.received_ns)
    again = set(repeated)
    return RefusalsOfBatch([item for item in refusals if item.message not in again], list(arrivals.items()), repeated)


def dead_letters(
    messages: Sequence[Message], refusals: Sequence[Refusal], *, seq: int, head_bytes: int
) -> list[DeadLetter]:
    """Write down what was refused, for the entry `seq`."""
    letters = []
    for index, refusal in enumerate(refusals):
        message = messages[refusal.message]
        gateway = _GATEWAY.match(message.topic)
        letters.append(
            DeadLetter(
                id=f"{seq}-{index}",
                topic=message.topic,
                gateway=GatewayId(gateway[1] if gateway else ""),
                code=refusal.code,
                reason=refusal.reason,
                head=message.payload[:head_bytes],
                received_at_ns=message.received_ns,
            )
        )
    return letters
