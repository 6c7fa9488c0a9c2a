"""Which channels of a register ask for a natural frequency found in waveforms.

A channel `natural_frequency_<number>` on the sensor and axis of a waveform asks for the mode with that number. Where
several sensors of a structure ask for one mode, the first gets it: they are averaged together, and one measurement must
not count twice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from domain.identifiers import AssetId, ChannelKey
from domain.register import WAVEFORM_CHANNELS, Channel

__all__ = ["mode_channels"]

_ASKS: Final = re.compile(r"natural_frequency(?:_(\d{1,3}))?")
_COMPUTED: Final = frozenset(name for name, _ in WAVEFORM_CHANNELS)


def mode_channels(channels: Sequence[Channel]) -> dict[ChannelKey, int]:
    """Give the number of the mode that each channel asks for, by key; the others are left out."""
    asking = [(channel, asked) for channel in channels if (asked := _ASKS.fullmatch(channel.quantity))]
    if not asking:
        return {}
    waveforms = {
        (channel.key[:2], _axis(channel)) for channel in channels if channel.derived and channel.quantity in _COMPUTED
    }
    found: dict[ChannelKey, int] = {}
    taken: set[tuple[AssetId, int]] = set()
    for channel, asked in sorted(asking, key=lambda row: row[0].key):
        if (channel.key[:2], _axis(channel)) not in waveforms:
            continue
        number = int(asked[1] or 1)
        if (channel.asset, number) not in taken:
            taken.add((channel.asset, number))
            found[channel.key] = number
    return found


def _axis(channel: Channel) -> str:
    return channel.channel.partition(".")[2]
