"""The register as arrays: what every vectorised step needs to know about assets and channels beforehand.

Rows are sorted, so that the order in which a register was written changes nothing: assets by identifier,
channels by asset, sensor and channel, hence side by side per asset. From these follow

- *judged* channels (`J`): the condition indicators, in the order of the channels;
- *pairs* (`P`): an asset and one failure mode that at least one of its judged channels tells of;
- *witnesses* (`W`): a pair and one group of quantities that count as one (`models.thresholds`).

`Catalogue.take` gives the same for a subset of the assets, so a batch steps only the rows it has readings of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FloatArray, IndexArray, TimeArray
from domain.errors import ConfigurationError, ShapeError, UnitError
from domain.identifiers import AssetId, ChannelKey, SensorId
from domain.register import Asset, AssetType, Channel, Direction, Register, Role, Works
from domain.units import conversion
from models.like_groups import first_words
from models.modal_channels import mode_channels
from models.thresholds import MACHINE_QUANTITIES, MODES, THRESHOLDS, ThresholdKind, failure_mode, threshold_of

__all__ = ["DRIVERS", "HOUR_NS", "Catalogue", "Summary", "compile_catalogue"]

HOUR_NS: Final = 3_600_000_000_000

# What explains: each driver takes the mean of the fresh channels that carry it.
DRIVERS: Final[tuple[str, ...]] = ("air", "deck", "humidity", "load", "pace", "wind", "rain")
_DRIVER_OF: Final[dict[str, str]] = {
    "temperature": "air",
    "deck_temperature": "deck",
    "surface_temperature": "deck",
    "base_temperature": "deck",
    "humidity": "humidity",
    "traffic_count": "load",
    "cycles": "load",
    "runtime": "pace",
    "speed": "pace",
    "wind_speed": "wind",
    "rain": "rain",
}
_DRIVER_UNIT: Final = {
    "air": "Cel",
    "deck": "Cel",
    "humidity": "%",
    "load": "1/h",
    "pace": "%",
    "wind": "m/s",
    "rain": "mm/h",
}
# What like structures share; structures of the type `other` have nothing in common.
_OF_WEATHER: Final = frozenset(DRIVERS.index(name) for name in ("air", "deck", "humidity"))
_PEAKS: Final = frozenset({"vibration_peak", "rain", "wind_speed"})
# What tells whether a machine works.
_DUTY: Final = frozenset({"cycles", "runtime", "speed"})
# A busier machine is warmer and shakes more: warmth counts beyond what load can do, also in agreement.
_FOLLOWS_LOAD: Final = frozenset({"motor_temperature"})
# The strongest frequency of a short block jumps from mode to mode with the traffic: shown, never judged.
_SHOWN_ONLY: Final = frozenset({"dominant_frequency"})
# Quantities that rest at one value in good health, so that repeating it is no fault.
_RESTING: Final = frozenset({"traffic_count", "cycles", "runtime", "speed", "rain", "humidity", "wind_speed"})

# Kinds of works after which the same asset or sensor gives another level. By stem, as the list of kinds is open.
_MOVING_STEMS: Final = ("resurf", "lubric", "swap", "repair", "replac", "renew", "calibr", "adjust", "paint", "overlay")

# Hourly values that commission a channel, and fewer of slower ones: four days at one an hour, a month at one a day.
_COMMISSION_HOURLY: Final = 96
_COMMISSION_DAILY: Final = 32
_COMMISSION_SLOWER: Final = 16


class Summary(IntEnum):
    """How the readings of one hop become one value."""

    LAST = 0
    MEAN = 1
    MAX = 2


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """Assets and channels as columns; see the module for the axes.

    Attributes
    ----------
    assets : tuple of AssetId, length A
    details : tuple of Asset, length A
        What records need in words: type, costs, age, inspection.
    channels : tuple of ChannelKey, length C
    units : tuple of str, length C
    works : tuple of Works
        Announced works on these assets.
    hop_ns : int64[A]
        Length of each asset's hop.
    false_alarms_per_year : float64[A]
        The alarm budget of each asset, positive.
    channel_number : int32[C]
        The journal's lasting number of the channel.
    asset_of_channel : int32[C]
    interval_ns : int64[C]
        Expected time between readings.
    summary : int8[C]
        `Summary` of the channel.
    is_judged : bool[C]
        True for condition indicators.
    is_resting : bool[C]
        True where a repeated value is no fault.
    is_duty : bool[C]
        True where the channel says whether a machine works: at 0 it rests, and need not be heard.
    has_like : bool[C]
        True for thermometers and hygrometers on structures of a type: like assets share their weather.
    has_own_group : bool[C]
        True for judged channels that are compared with sensors of the same first word alone, `models.like_groups`.
    is_found : bool[C]
        True where values are looked for in averaged waveforms: that nothing was found is no silence.
    follows_load : bool[C]
        True where more work alone raises the value along with others, so that agreement shows little.
    driver : int8[C]
        Position in `DRIVERS` of what the channel explains with; -1 for none.
    driver_factor, driver_offset : float64[C]
        Turn the channel's unit into the driver's: degrees Celsius, %, 1/h, m/s, mm/h.
    direction : float64[C]
        Direction of harm: 1 up, -1 down, 0 both.
    mode : int8[C]
        Position in `MODES`; -1 where not judged.
    group : int16[C]
        Which witness of its mode, see `models.thresholds`; -1 where not judged.
    is_log : bool[C]
        True where the model works with the logarithm of the value.
    scale : float64[C]
        Distance from commissioned to failure level, in the model's unit (logarithm or unit), positive;
        NaN where it follows from the commissioned level.
    limit : float64[C]
        The owner's absolute failure level in the model's unit; NaN where the default holds.
    ratio : float64[C]
        Share of the commissioned level that makes the distance to failure; NaN where `scale` says it.
    drift_share : float64[C]
        What an instrument's drift or load may move a lone quantity, as share of the failure distance.
    commission_count : int32[C]
        Values that make the reference; a multiple of 8.
    works_asset, works_sensor : int32[X]
        Position of the asset; first channel of the one sensor, or -1 for the whole asset.
    works_start_ns, works_end_ns : int64[X]
    works_moves : bool[X]
        True where the kind of works leaves another level behind.
    first_channel : int32[A + 1]
        Channels of asset `a` are `first_channel[a]:first_channel[a + 1]`.
    first_judged, first_pair : int32[A + 1]
        Likewise of `judged` and of the pairs.
    sensor_of_channel : int32[C]
        Position of the first channel of the same sensor.
    judged : int32[J]
        Positions of judged channels.
    pace_of_judged : int32[J]
        Channel of the same sensor that says how hard its machine works (the driver ``pace``), or -1.
    asset_of_judged, pair_of_judged, witness_of_judged : int32[J]
    pair_asset, pair_mode : int32[P]
    pairs_of_asset : int32[A]
        Number of pairs of each asset.
    pair_of_witness, rank_of_witness : int32[W]
        Its pair, and its place among the witnesses of that pair.
    """

    assets: tuple[AssetId, ...]
    details: tuple[Asset, ...]
    channels: tuple[ChannelKey, ...]
    units: tuple[str, ...]
    works: tuple[Works, ...]
    hop_ns: TimeArray
    false_alarms_per_year: FloatArray
    channel_number: IndexArray
    asset_of_channel: IndexArray
    interval_ns: TimeArray
    summary: npt.NDArray[np.int8]
    is_judged: BoolArray
    is_resting: BoolArray
    is_duty: BoolArray
    has_like: BoolArray
    has_own_group: BoolArray
    is_found: BoolArray
    follows_load: BoolArray
    driver: npt.NDArray[np.int8]
    driver_factor: FloatArray
    driver_offset: FloatArray
    direction: FloatArray
    mode: npt.NDArray[np.int8]
    group: npt.NDArray[np.int16]
    is_log: BoolArray
    scale: FloatArray
    limit: FloatArray
    ratio: FloatArray
    drift_share: FloatArray
    commission_count: IndexArray
    works_asset: IndexArray
    works_sensor: IndexArray
    works_start_ns: TimeArray
    works_end_ns: TimeArray
    works_moves: BoolArray
    first_channel: IndexArray
    first_judged: IndexArray
    first_pair: IndexArray
    sensor_of_channel: IndexArray
    judged: IndexArray
    pace_of_judged: IndexArray
    asset_of_judged: IndexArray
    pair_of_judged: IndexArray
    witness_of_judged: IndexArray
    pair_asset: IndexArray
    pair_mode: IndexArray
    pairs_of_asset: IndexArray
    pair_of_witness: IndexArray
    rank_of_witness: IndexArray

    def take(self, assets: IndexArray) -> Catalogue:
        """Give the catalogue of a subset of the assets.

        Parameters
        ----------
        assets : int32[B]
            Positions, strictly ascending.

        Raises
        ------
        ShapeError
            If the positions do not ascend or lie outside the catalogue.
        """
        assets = check_positions(assets, len(self.assets))
        # In the size of the subset, not of the whole: at a start every asset is taken once by itself.
        first = self.first_channel[assets]
        count = self.first_channel[assets + 1] - first
        rows = np.repeat(first - (np.cumsum(count) - count), count) + np.arange(count.sum())
        place = np.minimum(np.searchsorted(assets, self.works_asset), max(len(assets) - 1, 0))
        works = np.flatnonzero(assets[place] == self.works_asset) if len(assets) else place[:0]
        columns = {name: getattr(self, name)[rows] for name in _CHANNEL_COLUMNS}
        columns["asset_of_channel"] = np.repeat(np.arange(len(assets), dtype=np.int32), count)
        sensor_of_channel = np.searchsorted(rows, self.sensor_of_channel[rows]).astype(np.int32)
        sensor = self.works_sensor[works]
        works_sensor = np.where(sensor < 0, -1, np.searchsorted(rows, sensor)).astype(np.int32)
        return Catalogue(
            assets=tuple(self.assets[asset] for asset in assets),
            details=tuple(self.details[asset] for asset in assets),
            channels=tuple(self.channels[row] for row in rows),
            units=tuple(self.units[row] for row in rows),
            works=tuple(self.works[row] for row in works),
            hop_ns=self.hop_ns[assets],
            false_alarms_per_year=self.false_alarms_per_year[assets],
            works_asset=place[works].astype(np.int32),
            works_sensor=works_sensor,
            works_start_ns=self.works_start_ns[works],
            works_end_ns=self.works_end_ns[works],
            works_moves=self.works_moves[works],
            sensor_of_channel=sensor_of_channel,
            **columns,
            **_links(len(assets), columns["asset_of_channel"], columns["mode"], columns["group"]),
            **_paces(columns["mode"], columns["driver"], sensor_of_channel),
        )


_CHANNEL_COLUMNS: Final = (
    "channel_number",
    "asset_of_channel",
    "interval_ns",
    "summary",
    "is_judged",
    "is_resting",
    "is_duty",
    "has_like",
    "has_own_group",
    "is_found",
    "follows_load",
    "driver",
    "driver_factor",
    "driver_offset",
    "direction",
    "mode",
    "group",
    "is_log",
    "scale",
    "limit",
    "ratio",
    "drift_share",
    "commission_count",
)


def check_positions(positions: npt.NDArray[Any], length: int) -> IndexArray:
    """Refuse positions that do not ascend strictly within `0..length - 1`.

    Raises
    ------
    ShapeError
        With the offending positions.
    """
    positions = np.asarray(positions, dtype=np.int32)
    if positions.ndim != 1 or (
        len(positions) and (positions[0] < 0 or positions[-1] >= length or np.any(positions[1:] <= positions[:-1]))
    ):
        msg = f"got positions {positions.tolist()!r:.80}, expected strictly ascending ones below {length}; sort them"
        raise ShapeError(msg)
    return positions


def _links(
    assets: int, asset_of_channel: IndexArray, mode: npt.NDArray[np.int8], group: npt.NDArray[np.int16]
) -> dict[str, Any]:
    """Derive the positions that follow from the channels' assets, modes and groups."""
    judged = np.flatnonzero(mode >= 0)
    asset = asset_of_channel[judged].astype(np.int64)
    pair_key = asset * len(MODES) + mode[judged]
    pairs, pair_of_judged = np.unique(pair_key, return_inverse=True)
    witness_key = pair_of_judged.astype(np.int64) * _GROUP_SPAN + group[judged]
    witnesses, witness_of_judged = np.unique(witness_key, return_inverse=True)
    pair_of_witness = witnesses // _GROUP_SPAN
    first_witness = np.searchsorted(pair_of_witness, np.arange(len(pairs)))
    pair_asset = pairs // len(MODES)
    index = {
        "first_channel": np.searchsorted(asset_of_channel, np.arange(assets + 1)),
        "first_judged": np.searchsorted(asset, np.arange(assets + 1)),
        "first_pair": np.searchsorted(pair_asset, np.arange(assets + 1)),
        "judged": judged,
        "asset_of_judged": asset,
        "pair_of_judged": pair_of_judged,
        "witness_of_judged": witness_of_judged,
        "pair_asset": pair_asset,
        "pair_mode": pairs % len(MODES),
        "pairs_of_asset": np.bincount(pair_asset, minlength=assets),
        "pair_of_witness": pair_of_witness,
        "rank_of_witness": np.arange(len(witnesses)) - first_witness[pair_of_witness],
    }
    return {name: values.astype(np.int32) for name, values in index.items()}


def _paces(mode: npt.NDArray[np.int8], driver: npt.NDArray[np.int8], sensor_of_channel: IndexArray) -> dict[str, Any]:
    """Find for each judged channel what says how hard the machine on its own sensor works."""
    found = np.full(len(mode), -1, np.int32)
    paces = np.flatnonzero(driver == DRIVERS.index("pace"))[::-1]
    found[sensor_of_channel[paces]] = paces
    return {"pace_of_judged": found[sensor_of_channel[np.flatnonzero(mode >= 0)]]}


def _own_groups(
    details: Sequence[Asset], asset_of_channel: IndexArray, mode: npt.NDArray[np.int8], keys: Sequence[ChannelKey]
) -> BoolArray:
    own = np.zeros(len(keys), np.bool_)
    judged = np.flatnonzero(mode >= 0)
    kinds = [details[asset].type for asset in asset_of_channel[judged].tolist()]
    own[judged] = first_words(
        kinds, [MODES[place] for place in mode[judged].tolist()], [keys[row] for row in judged.tolist()]
    )
    return own


# A group is the position of its name times 100 plus the number of the mode of vibration.
_NUMBERS_PER_GROUP: Final = 100
_GROUPS: Final = tuple(dict.fromkeys(threshold.group for threshold in THRESHOLDS))
_GROUP_SPAN: Final = len(_GROUPS) * _NUMBERS_PER_GROUP


def _group(quantity: str) -> int:
    group = threshold_of(quantity).group
    number = quantity.rpartition("_")[2]
    order = min(int(number), _NUMBERS_PER_GROUP - 1) if number.isdecimal() else 0
    return _GROUPS.index(group) * _NUMBERS_PER_GROUP + order


def _summary(channel: Channel) -> Summary:
    return Summary.MAX if channel.quantity in _PEAKS else Summary.MEAN


def _commission_count(interval_s: float) -> int:
    if interval_s <= 6 * 3600:
        return _COMMISSION_HOURLY
    return _COMMISSION_DAILY if interval_s <= 2 * 86400 else _COMMISSION_SLOWER


def _failure_distance(channel: Channel) -> tuple[bool, float, float, float]:
    """Give is_log, scale, limit and ratio of one judged channel."""
    default = threshold_of(channel.quantity)
    is_log = default.multiplicative
    scale, ratio = np.nan, np.nan
    if default.kind is ThresholdKind.RATIO:
        change = default.level if default.level > 1 else 1 / default.level
        if is_log:
            scale = float(np.log(change))
        else:
            ratio = change - 1
    else:
        try:
            scale = default.level * abs(conversion(default.unit, channel.unit).factor)
        except UnitError:  # the owner measures it in a unit of another quantity: fall back on a share of the level
            ratio = threshold_of("other").level - 1
    limit = np.nan
    if channel.failure_threshold is not None and np.isfinite(channel.failure_threshold):
        if not is_log:
            limit = channel.failure_threshold
        elif channel.failure_threshold > 0:
            limit = float(np.log(channel.failure_threshold))
    return is_log, scale, limit, ratio


def compile_catalogue(
    register: Register,
    numbers: Mapping[ChannelKey, int],
    *,
    hop_ns: int = HOUR_NS,
) -> Catalogue:
    """Compile a register into arrays.

    Parameters
    ----------
    register : Register
        Assets, channels and works in any order. Channels and works of an asset that is not in it are left out.
    numbers : mapping of ChannelKey to int
        The journal's lasting number of every channel of the register.
    hop_ns : int
        Length of every asset's hop, a divisor of an hour.

    Raises
    ------
    ConfigurationError
        If a channel has no number, the hop does not divide an hour, or the budget is not positive.
    """
    if hop_ns <= 0 or HOUR_NS % hop_ns:
        msg = f"hop is {hop_ns} ns, expected a divisor of an hour ({HOUR_NS} ns); change the setting"
        raise ConfigurationError(msg)
    details = tuple(sorted(register.assets, key=lambda asset: asset.id))
    budget = np.array([register.false_alarms_per_year(asset.organisation) for asset in details], np.float64)
    if not np.all(budget > 0):
        msg = f"false alarms a year are {budget.min()}, expected a positive number such as 0.1"
        raise ConfigurationError(msg)
    place = {asset.id: row for row, asset in enumerate(details)}
    channels = sorted((channel for channel in register.channels if channel.asset in place), key=lambda row: row.key)
    keys = tuple(channel.key for channel in channels)
    missing = [key for key in keys if key not in numbers]
    if missing:
        msg = f"channel {missing[0]!r} has no number ({len(missing)} such); number the register before compiling it"
        raise ConfigurationError(msg)
    first_of_sensor: dict[tuple[AssetId, SensorId], int] = {}
    for row, key in enumerate(keys):
        first_of_sensor.setdefault((key.asset, key.sensor), row)
    is_judged = [channel.role is Role.CONDITION and channel.quantity not in _SHOWN_ONLY for channel in channels]
    found = mode_channels(channels)
    machines = {channel.key[:2] for channel in channels if channel.quantity in MACHINE_QUANTITIES}
    distances = [_failure_distance(channel) for channel in channels]
    drivers = [_driver(channel) for channel in channels]
    sign = {Direction.UP: 1.0, Direction.DOWN: -1.0, Direction.BOTH: 0.0}
    columns: dict[str, Any] = {
        "channel_number": np.array([numbers[key] for key in keys], np.int32),
        "asset_of_channel": np.array([place[key.asset] for key in keys], np.int32),
        "interval_ns": np.array([max(round(channel.interval_s * 1e9), 1) for channel in channels], np.int64),
        "summary": np.array([_summary(channel) for channel in channels], np.int8),
        "is_judged": np.array(is_judged, np.bool_),
        "is_resting": np.array([channel.quantity in _RESTING for channel in channels], np.bool_),
        "follows_load": np.array([channel.quantity in _FOLLOWS_LOAD for channel in channels], np.bool_),
        "is_duty": np.array([channel.quantity in _DUTY for channel in channels], np.bool_),
        "has_like": np.array(
            [
                row[0] in _OF_WEATHER and details[place[channel.asset]].type is not AssetType.OTHER
                for row, channel in zip(drivers, channels, strict=True)
            ],
            np.bool_,
        ),
        "is_found": np.array([channel.key in found for channel in channels], np.bool_),
        "driver": np.array([row[0] for row in drivers], np.int8),
        "driver_factor": np.array([row[1] for row in drivers], np.float64),
        "driver_offset": np.array([row[2] for row in drivers], np.float64),
        "direction": np.array([sign[channel.direction] for channel in channels], np.float64),
        "mode": np.array(
            [
                MODES.index(
                    failure_mode(
                        details[place[channel.asset]].type, channel.quantity, on_machine=channel.key[:2] in machines
                    )
                )
                if judged
                else -1
                for channel, judged in zip(channels, is_judged, strict=True)
            ],
            np.int8,
        ),
        "group": np.array([_group(channel.quantity) for channel in channels], np.int16),
        "is_log": np.array([row[0] for row in distances], np.bool_),
        "scale": np.array([row[1] for row in distances], np.float64),
        "limit": np.array([row[2] for row in distances], np.float64),
        "ratio": np.array([row[3] for row in distances], np.float64),
        "drift_share": np.array([threshold_of(channel.quantity).drift_share for channel in channels], np.float64),
        "commission_count": np.array([_commission_count(channel.interval_s) for channel in channels], np.int32),
    }
    columns["has_own_group"] = _own_groups(details, columns["asset_of_channel"], columns["mode"], keys)
    sensor_of_channel = np.array([first_of_sensor[key.asset, key.sensor] for key in keys], np.int32)
    works = tuple(
        sorted(
            (
                row
                for row in register.works
                if row.asset in place and (row.sensor is None or (row.asset, row.sensor) in first_of_sensor)
            ),
            key=lambda row: (row.asset, row.start_ns, row.end_ns, row.kind, row.sensor or ""),
        )
    )
    return Catalogue(
        assets=tuple(asset.id for asset in details),
        details=details,
        channels=keys,
        units=tuple(channel.unit for channel in channels),
        works=works,
        hop_ns=np.full(len(details), hop_ns, np.int64),
        false_alarms_per_year=budget,
        works_asset=np.array([place[row.asset] for row in works], np.int32),
        works_sensor=np.array(
            [-1 if row.sensor is None else first_of_sensor[row.asset, row.sensor] for row in works], np.int32
        ),
        works_start_ns=np.array([row.start_ns for row in works], np.int64),
        works_end_ns=np.array([row.end_ns for row in works], np.int64),
        works_moves=np.array([_moves_reference(row.kind) for row in works], np.bool_),
        sensor_of_channel=sensor_of_channel,
        **_paces(columns["mode"], columns["driver"], sensor_of_channel),
        **columns,
        **_links(len(details), columns["asset_of_channel"], columns["mode"], columns["group"]),
    )


def _driver(channel: Channel) -> tuple[int, float, float]:
    """Give position, factor and offset of the driver a channel carries; position -1 for none."""
    name = _DRIVER_OF.get(channel.quantity) if channel.role is not Role.CONDITION else None
    if name is None:
        return -1, 1.0, 0.0
    unit = _DRIVER_UNIT[name]
    try:
        factor, offset = conversion(channel.unit, unit)
    except UnitError:  # a quantity of that name in a unit of another one explains nothing
        return -1, 1.0, 0.0
    return DRIVERS.index(name), factor, offset


def _moves_reference(kind: str) -> bool:
    return any(stem in kind.lower() for stem in _MOVING_STEMS)
