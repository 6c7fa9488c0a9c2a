"""Topics of the project's own wire format, and what they say about a message.

The gateway is the first level behind the version and equals the broker's user name, so one line of
access control fences every gateway in. A topic names the kind of payload; bytes are never guessed at.

::

    infra/v1/{gateway}/{asset}/{sensor}/reading
    infra/v1/{gateway}/{asset}/{sensor}/waveform
    infra/v1/{gateway}/{asset}/{sensor}/waveform/bin
    infra/v1/{gateway}/status
    infra/v1/{gateway}/rejected                       ours, to the gateway

A broker that shards (design.md D6) puts `shard/<n>/` in front. That is the one prefix accepted.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from domain.errors import PayloadError
from domain.identifiers import ID_PATTERN, AssetId, GatewayId, SensorId, is_identifier

__all__ = [
    "ALL_TOPICS",
    "FORMER_FILTERS",
    "TOPIC_FILTERS",
    "Topic",
    "TopicKind",
    "is_reply",
    "parse_topic",
    "reading_topic",
    "rejected_topic",
    "status_topic",
    "waveform_topic",
]

# Of a broker that others may use. Not `infra/v1/#`: that would bring back our own `rejected` replies. Readings and
# waveforms come through one filter, for a broker may keep the order of publishing for each filter alone: nats-server
# has so many messages of each under way, and while ingest is behind, the few waveforms came months before the readings
# of their day, and readings that were lost on the way came seconds behind all others (docs/adr/0025, 0027). What else
# comes on these topics is refused in words.
TOPIC_FILTERS: Final[tuple[str, ...]] = (
    "infra/v1/+/+/+/+",
    "infra/v1/+/+/+/waveform/bin",
    "infra/v1/+/status",
)

# Where the broker serves nobody else (docs/adr/0041): nats-server then need not look for the next message that matches,
# a quarter of what a message costs it, and everything comes in the order of publishing.
ALL_TOPICS: Final[tuple[str, ...]] = ("#",)

# What earlier versions subscribed to, and a session that they made still has.
FORMER_FILTERS: Final[tuple[str, ...]] = ("infra/v1/+/+/+/reading", "infra/v1/+/+/+/waveform")

_REPLY_HEAD: Final = b"infra/v1/"
_REPLY_END: Final = b"/rejected"
_REPLY_LEVELS: Final = 4

# Topics repeat: one for each sensor and kind. A hit costs a tenth of the parse; the bound is some 50 MB.
_REMEMBERED: Final = 131_072
_SHARD: Final = r"(?:shard/[0-9]{1,6}/)?"
_TOPIC: Final = re.compile(
    rf"{_SHARD}infra/v1/({ID_PATTERN})/(?:(status)|({ID_PATTERN})/({ID_PATTERN})/(reading|waveform/bin|waveform))"
)


class TopicKind(StrEnum):
    """What a topic carries."""

    READING = "reading"
    WAVEFORM = "waveform"
    WAVEFORM_BINARY = "waveform/bin"
    STATUS = "status"


class Topic(NamedTuple):
    """A topic in its parts; `asset` and `sensor` are None for a gateway's status."""

    kind: TopicKind
    gateway: GatewayId
    asset: AssetId | None
    sensor: SensorId | None


@lru_cache(maxsize=_REMEMBERED)
def parse_topic(topic: str) -> Topic:
    """Take a topic apart.

    Raises
    ------
    PayloadError
        With code `bad_topic` when it has another form than those above, or a level that is no identifier.

    Examples
    --------
    >>> parse_topic("infra/v1/gw-7/brug-042/acc1/reading").sensor
    'acc1'
    >>> parse_topic("shard/3/infra/v1/gw-7/brug-042/acc1/waveform").kind
    <TopicKind.WAVEFORM: 'waveform'>
    """
    match = _TOPIC.fullmatch(topic)
    if match is None:
        raise PayloadError(
            "bad_topic",
            f"topic {_shortened(topic)!r}: expected infra/v1/GATEWAY/ASSET/SENSOR/reading, .../waveform, "
            f".../waveform/bin or infra/v1/GATEWAY/status with levels of the form {ID_PATTERN}; "
            "correct the gateway's topic",
        )
    gateway, status, asset, sensor, kind = match.groups()
    if status is not None:
        return Topic(TopicKind.STATUS, GatewayId(gateway), None, None)
    return Topic(TopicKind(kind), GatewayId(gateway), AssetId(asset), SensorId(sensor))


def reading_topic(gateway: str, asset: str, sensor: str) -> str:
    """Give the topic for readings of one sensor.

    Raises
    ------
    PayloadError
        With code `bad_topic` when a level is no identifier; the same holds for the functions below.
    """
    return _built(gateway, asset, sensor, "reading")


def waveform_topic(gateway: str, asset: str, sensor: str) -> str:
    """Give the topic for waveform blocks of one sensor, as JSON."""
    return _built(gateway, asset, sensor, "waveform")


def status_topic(gateway: str) -> str:
    """Give the topic for a gateway's birth and will."""
    return _built(gateway, "status")


def is_reply(topic: bytes) -> bool:
    """Tell whether a topic is that of our replies, which come back to us where we subscribe to everything.

    Examples
    --------
    >>> is_reply(b"infra/v1/gw-7/rejected"), is_reply(b"infra/v1/gw-7/brug-042/acc1/rejected")
    (True, False)
    """
    return topic.endswith(_REPLY_END) and topic.startswith(_REPLY_HEAD) and topic.count(b"/") == _REPLY_LEVELS - 1


def rejected_topic(gateway: str) -> str:
    """Give the topic on which a gateway is told what was refused; of our filters only `#` matches it."""
    return _built(gateway, "rejected")


def _built(gateway: str, *rest: str) -> str:
    """Join levels after checking those that come from outside."""
    for level in (gateway, *rest[:-1]):
        if not is_identifier(level):
            raise PayloadError(
                "bad_topic",
                f"got {_shortened(level)!r} as a level of a topic, expected {ID_PATTERN}; choose such an identifier",
            )
    return "/".join(("infra/v1", gateway, *rest))


def _shortened(text: str, limit: int = 200) -> str:
    """Keep a hostile topic from filling the log."""
    return text if len(text) <= limit else text[:limit] + "..."
