"""From what a message says about itself to the journal's channel numbers and the register's units.

One resolver stands for one version of the register; when that changes, build another. Lookups are
remembered by the spelling on the wire, so that the common case costs one dictionary access a value, and the
conversion itself is done later over the whole batch with the factors gathered by index. What is remembered
never changes an answer and is bounded, however many spellings a sender invents.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

import numpy as np

from domain.arrays import FloatArray, IndexArray
from domain.errors import PayloadError, ShapeError, UnitError
from domain.identifiers import AssetId, ChannelKey, SensorId
from domain.register import WAVEFORM_CHANNELS, Channel, Register
from domain.units import UnitConversion, canonical_unit, conversion
from ingest.block_kind import WaveformSlot
from ingest.formats.project import QuantityKey, channel_name
from ingest.repeats import KnownBlocks
from ingest.sharing import shared

__all__ = ["Conversions", "Resolution", "Resolver", "SensorChannels", "WaveformSlot"]

_MAX_SPELLINGS: Final = 512  # per sensor; a sound sensor has as many as it has channels
_NO_CHANNEL: Final = -1
_SHOWN_CHANNELS: Final = 12
_name_of: Final = attrgetter("channel")
_key_of: Final = attrgetter("key")
_place_of: Final = attrgetter("asset", "sensor")


class Resolution(NamedTuple):
    """Where a value goes: `register value = factor * value + offset`, under the journal's `number`."""

    number: int
    factor: float
    offset: float


class Conversions(NamedTuple):
    """All resolutions found so far as columns, to be gathered by the indices that `SensorChannels` gives."""

    number: IndexArray
    factor: FloatArray
    offset: FloatArray


class SensorChannels:
    """The channels of one sensor, and what was looked up in them before.

    Attributes
    ----------
    known : dict of QuantityKey to int
        Index into `Resolver.conversions` for each spelling met; ask `index` for one that is not in it.
    """

    __slots__ = ("_end", "_first", "_resolver", "_slots", "asset", "known", "sensor")

    def __init__(self, resolver: Resolver, asset: AssetId, sensor: SensorId, first: int, end: int) -> None:
        self._resolver = resolver
        self._first = first
        self._end = end
        self._slots: dict[str, WaveformSlot] = {}
        self.asset = asset
        self.sensor = sensor
        self.known: dict[QuantityKey, int] = {}

    @property
    def _channels(self) -> tuple[Channel, ...]:
        """By name."""
        return self._resolver.channels[self._first : self._end]

    def _find(self, name: str) -> Channel | None:
        channels = self._resolver.channels
        place = bisect_left(channels, name, self._first, self._end, key=_name_of)
        return channels[place] if place < self._end and channels[place].channel == name else None

    def index(self, key: QuantityKey) -> int:
        """Find the index of a value's resolution in `Resolver.conversions`.

        Raises
        ------
        PayloadError
            `unknown_channel` when the register has no such channel, `bad_unit` when the unit does not convert.
        """
        index = self.known.get(key)
        if index is not None:
            return index
        quantity, axis, unit = key
        name = channel_name(quantity, axis)
        channel = self._find(name)
        if channel is None or channel.derived:
            raise PayloadError("unknown_channel", self._unknown(name, channel))
        try:
            converted = conversion(unit, channel.unit)
        except UnitError as error:
            raise PayloadError("bad_unit", f"channel {name!r}: {error}") from error
        index = self._resolver.index_of(channel.key, canonical_unit(unit), converted)
        if len(self.known) < _MAX_SPELLINGS:
            self.known[key] = index
        return index

    def slot(self, axis: str) -> WaveformSlot:
        """Find where the features of a waveform on `axis` go.

        Raises
        ------
        PayloadError
            `unknown_channel` when the register expects no waveform there, `bad_unit` when its channels there
            cannot come from one waveform.
        """
        slot = self._slots.get(axis)
        if slot is None:
            try:
                slot = self._find_slot(axis)
            except UnitError as error:
                name = channel_name("waveform", axis)
                raise PayloadError("bad_unit", f"channels computed from {name!r} disagree: {error}") from error
            self._slots[axis] = slot
        return slot

    def _find_slot(self, axis: str) -> WaveformSlot:
        """Gather the derived channels of one axis; the unit of the first that follows the waveform is that of all."""
        found = [self._derived(channel_name(quantity, axis)) for quantity, _ in WAVEFORM_CHANNELS]
        if not any(found):
            name = channel_name("waveform", axis)
            raise PayloadError("unknown_channel", self._unknown(name, None))
        followers = [c for c, (_, unit) in zip(found, WAVEFORM_CHANNELS, strict=True) if c is not None and unit is None]
        base = followers[0].unit if followers else ""
        factors = tuple(
            1.0 if channel is None else conversion(base if unit is None else unit, channel.unit).factor
            for channel, (_, unit) in zip(found, WAVEFORM_CHANNELS, strict=True)
        )
        numbers = [_NO_CHANNEL if channel is None else self._resolver.number(channel.key) for channel in found]
        return WaveformSlot(
            self.asset, self.sensor, axis, base, np.asarray(numbers, np.int32).tobytes(), shared(factors)
        )

    def _derived(self, name: str) -> Channel | None:
        channel = self._find(name)
        return channel if channel is not None and channel.derived else None

    def _unknown(self, name: str, channel: Channel | None) -> str:
        """Say what is registered instead of `name`."""
        shown = name if len(name) <= 80 else f"{name[:80]}..."  # noqa: PLR2004 -- as much as a log line can take
        who = f"channel {shown!r} of sensor {self.sensor!r} on asset {self.asset!r}"
        if channel is not None:
            return f"{who} is computed here from the sensor's waveform; send the waveform alone"
        registered = [str(c.channel) for c in self._channels if not c.derived]
        waveforms = {c.channel.partition(".")[2] for c in self._channels if c.derived}
        registered += [channel_name("waveform", axis) for axis in waveforms]
        listed = sorted(registered)
        more = f" and {len(listed) - _SHOWN_CHANNELS} more" if len(listed) > _SHOWN_CHANNELS else ""
        return (
            f"{who} is not registered; registered are {', '.join(listed[:_SHOWN_CHANNELS])}{more}; "
            "register it or leave it out"
        )


class Resolver:
    """Everything a batch asks the register.

    Parameters
    ----------
    register : Register
        The register in force.
    numbers : mapping of ChannelKey to int
        The journal's lasting number of every channel in it.

    Attributes
    ----------
    channels : tuple of Channel
        Of the register, by asset, sensor and name.
    known_blocks : KnownBlocks
        How blocks were written before.

    Raises
    ------
    ShapeError
        If a channel of the register has no number.

    Examples
    --------
    >>> from domain.register import Direction, Role
    >>> from domain.identifiers import GatewayId
    >>> rms = Channel(AssetId("b1"), SensorId("acc1"), "vibration_rms.z", "mm/s", GatewayId("gw"), 60.0,
    ...     Role.CONDITION, Direction.UP)
    >>> resolver = Resolver(Register(channels=(rms,)), {rms.key: 7})
    >>> resolver.resolve("b1", "acc1", ("vibration_rms", "z", "m/s"))
    Resolution(number=7, factor=1000.0, offset=0.0)
    """

    def __init__(self, register: Register, numbers: Mapping[ChannelKey, int]) -> None:
        self.channels = tuple(sorted(register.channels, key=_key_of))
        missing = next((channel.key for channel in self.channels if channel.key not in numbers), None)
        if missing is not None:
            raise ShapeError(f"channel {missing} has no number; number the register's channels before resolving")
        self._numbers = np.asarray([numbers[channel.key] for channel in self.channels], np.int32)
        self._assets = frozenset(asset.id for asset in register.assets) | {c.asset for c in self.channels}
        self._sensors: dict[tuple[str, str], SensorChannels] = {}
        self._resolutions: list[Resolution] = []
        self._keys: list[ChannelKey] = []
        self._index: dict[tuple[ChannelKey, str], int] = {}
        self.known_blocks = KnownBlocks()
        self._columns = Conversions(np.empty(0, np.int32), np.empty(0), np.empty(0))
        first = 0
        for (asset, sensor), of_sensor in groupby(self.channels, key=_place_of):
            end = first + sum(1 for _ in of_sensor)
            self._sensors[asset, sensor] = SensorChannels(self, asset, sensor, first, end)
            first = end

    def sensor(self, asset: str, sensor: str) -> SensorChannels | None:
        """Find the channels of a sensor; None when the register does not have it."""
        return self._sensors.get((asset, sensor))

    def why_unknown(self, asset: str, sensor: str) -> str:
        """Say why a sender is put into quarantine."""
        if asset not in self._assets:
            return f"asset {asset!r} is not in the register; import it with `schouw assets import`"
        return f"sensor {sensor!r} of asset {asset!r} is not in the register; import its channels"

    def resolve(self, asset: str, sensor: str, key: QuantityKey) -> Resolution:
        """Look up one value; a batch uses `sensor` and `conversions` instead.

        Raises
        ------
        PayloadError
            As `SensorChannels.index`; also with code `unknown_channel` for an unknown sensor.
        """
        channels = self.sensor(asset, sensor)
        if channels is None:
            raise PayloadError("unknown_channel", self.why_unknown(asset, sensor))
        return self._resolutions[channels.index(key)]

    def number(self, key: ChannelKey) -> int:
        """Give the journal's number of a registered channel."""
        return int(self._numbers[bisect_left(self.channels, key, key=_key_of)])

    def index_of(self, key: ChannelKey, unit: str, converted: UnitConversion) -> int:
        """Give one resolution its place in `conversions`, once for each channel and unit."""
        index = self._index.get((key, unit))
        if index is None:
            index = len(self._resolutions)
            self._index[key, unit] = index
            self._keys.append(key)
            self._resolutions.append(Resolution(self.number(key), converted.factor, converted.offset))
        return index

    def key(self, index: int) -> ChannelKey:
        """Tell which channel a place in `conversions` stands for."""
        return self._keys[index]

    def conversions(self) -> Conversions:
        """Give all resolutions so far as columns, in the order of their indices."""
        if len(self._columns.number) != len(self._resolutions):
            self._columns = Conversions(
                np.array([resolution.number for resolution in self._resolutions], dtype=np.int32),
                np.array([resolution.factor for resolution in self._resolutions], dtype=np.float64),
                np.array([resolution.offset for resolution in self._resolutions], dtype=np.float64),
            )
        return self._columns
