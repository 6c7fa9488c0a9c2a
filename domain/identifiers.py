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
    "names_provisional",
]

AssetId = NewType("AssetId", str)
GatewayId = NewType("GatewayId", str)
SensorId = NewType("SensorId", str)
# One quantity of one sensor on one axis: `vibration_rms.x`, or `temperature` where there is no axis.
ChannelName = NewType("ChannelName", str)

# Level of an MQTT topic that needs no quoting in any broker (design.md section 6).
ID_PATTERN = r"[A-Za-z0-9_-]{1,64}"
_ID = re.compile(ID_PATTERN)
# What follows the asset in the name of a provisional assessment (`models.risk`).
_PROVISIONAL = re.compile(r"\.\d{8}T\d{6}Z\.p\.[0-9a-f]+", re.ASCII)


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


def names_provisional(text: str, asset: AssetId) -> bool:
    """Tell whether `text` has the form of the name of a provisional assessment of an asset, kept or not.

    Examples
    --------
    >>> names_provisional("brug-042.20260921T131000Z.p.0123456789abcdef", AssetId("brug-042"))
    True
    """
    return text.startswith(asset) and _PROVISIONAL.fullmatch(text, len(asset)) is not None
