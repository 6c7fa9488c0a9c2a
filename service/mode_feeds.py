"""Natural frequencies found in waveforms as readings of the chain, where the register asks for them.

A row `natural_frequency_2` (hertz) on the sensor and axis of a waveform asks for the mode with that number. Its
frequency becomes a reading of the last hop of the period that showed it, as if a gateway had sent it, and from there on
it is compensated, weighed and explained like any other condition indicator. Where several sensors of a structure ask
for one mode, the first gets it: they are averaged together, and one measurement must not count twice. A channel of
which the gateway sends readings itself is left to the gateway.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from domain.arrays import ReadingColumns
from domain.errors import UnitError
from domain.identifiers import AssetId, ChannelKey, SensorId
from domain.register import WAVEFORM_CHANNELS, Register
from domain.units import conversion
from storage.modal_entries import ModePeriod

__all__ = ["ModeFeeds"]

_ASKS: Final = re.compile(r"natural_frequency(?:_(\d{1,3}))?")
_COMPUTED: Final = frozenset(name for name, _ in WAVEFORM_CHANNELS)


class ModeFeeds:
    """Which channel each mode of each structure goes to.

    Parameters
    ----------
    register : Register
    numbers : mapping of ChannelKey to int
        The journal's lasting number of every channel of the register.
    """

    def __init__(self, register: Register, numbers: Mapping[ChannelKey, int]) -> None:
        waveforms: set[tuple[AssetId, SensorId, str]] = {
            (channel.asset, channel.sensor, _axis(channel.channel))
            for channel in register.channels
            if channel.derived and channel.quantity in _COMPUTED
        }
        self._channel: dict[tuple[AssetId, int], tuple[int, float]] = {}
        for channel in sorted(register.channels, key=lambda row: row.key):
            asked = _ASKS.fullmatch(channel.quantity)
            if asked is None or (channel.asset, channel.sensor, _axis(channel.channel)) not in waveforms:
                continue
            try:
                factor = conversion("Hz", channel.unit).factor
            except UnitError:  # a quantity of that name that is no frequency
                continue
            self._channel.setdefault((channel.asset, int(asked[1] or 1)), (numbers[channel.key], factor))

    def __bool__(self) -> bool:
        return bool(self._channel)

    def readings(self, periods: Sequence[ModePeriod]) -> ReadingColumns:
        """Give what periods showed of the modes that are asked for, just before the periods' ends.

        Of a structure with several sampling rates the lowest tells: the answer of the whole, not of a machine on it.
        """
        lowest: dict[AssetId, float] = {}
        for period in periods:
            lowest[period.asset] = min(period.sampling_rate_hz, lowest.get(period.asset, np.inf))
        found = [
            (*self._channel[period.asset, mode.number], period.end_ns - 1, mode.frequency_hz)
            for period in periods
            if period.sampling_rate_hz == lowest[period.asset]
            for mode in period.modes
            if (period.asset, mode.number) in self._channel
        ]
        return ReadingColumns(
            np.array([number for number, *_ in found], np.int32),
            np.array([time_ns for _, _, time_ns, _ in found], np.int64),
            np.array([factor * frequency_hz for _, factor, _, frequency_hz in found], np.float64),
            np.zeros(len(found), np.uint8),
        )


def _axis(channel: str) -> str:
    return channel.partition(".")[2]
