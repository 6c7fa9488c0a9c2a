"""Identifiers that travel in topics, and the key of one channel."""

from __future__ import annotations

import re
from typing import NamedTuple, NewType

__all__ = [
    "ID_PATTERN",
    "AssetId",
    "ChannelKey",
    "ChannelName",
    "GatewayId",
    "SensorId",
    "is_identifier",
]

AssetId = NewType("AssetId", str)
GatewayId = NewType("GatewayId", str)
SensorId = NewType("SensorId", str)
# One quantity of one sensor on one axis: `vibration_rms.x`, or `temperature` where there is no axis.
ChannelName = NewType("ChannelName", str)

# Level of an MQTT topic that needs no quoting in any broker (design.md section 6).
ID_PATTERN = r"[A-Za-z0-9_-]{1,64}"
_ID = re.compile(ID_PATTERN)


class ChannelKey(NamedTuple):
    """What names a channel everywhere: asset, sensor and channel with its axis."""

    asset: AssetId
    sensor: SensorId
    channel: ChannelName


def is_identifier(text: str) -> bool:
    """Tell whether `text` may stand as one level of a topic.

    Examples
    --------
    >>> is_identifier("brug-042"), is_identifier("brug 042")
    (True, False)
    """
    return _ID.fullmatch(text) is not None
