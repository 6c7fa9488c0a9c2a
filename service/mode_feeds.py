"""Natural frequencies found in waveforms as readings of the chain, where the register asks for them.

The frequency becomes a reading of the last hop of the period that showed it, as if a gateway had sent it, and from
there on it is compensated, weighed and explained like any other condition indicator. A channel of which the gateway
sends readings itself is left to the gateway.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

import numpy as np

from domain.arrays import ReadingColumns
from domain.errors import UnitError
from domain.identifiers import AssetId, ChannelKey
from domain.register import Register
from domain.units import conversion
from models.modal_channels import mode_channels
from storage.modal_entries import ModePeriod

__all__ = ["ModeFeeds"]


class ModeFeeds:
    """Which channel each mode of each structure goes to.

    Parameters
    ----------
    register : Register
    numbers : mapping of ChannelKey to int
        The journal's lasting number of every channel of the register.
    """

    def __init__(self, register: Register, numbers: Mapping[ChannelKey, int]) -> None:
        asked = mode_channels(register.channels)
        self._channel: dict[tuple[AssetId, int], tuple[int, float]] = {}
        for channel in register.channels if asked else ():
            # A quantity of that name that is no frequency is none of ours.
            with contextlib.suppress(UnitError):
                if channel.key in asked:
                    place = channel.asset, asked[channel.key]
                    self._channel[place] = numbers[channel.key], conversion("Hz", channel.unit).factor

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
