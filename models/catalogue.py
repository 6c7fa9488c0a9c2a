"""The register as arrays: what every vectorised step needs to know about assets and channels beforehand.

Rows are sorted, so that the order in which a register was written changes nothing: assets by identifier,
channels by asset, sensor and channel, hence side by side per asset. From these follow

- *judged* channels (`J`): the condition indicators, in the order of the channels;
- *pairs* (`P`): an asset and one failure mode that at least one of its judged channels tells of;
- *witnesses* (`W`): a pair and one group of quantities that count as one (`models.thresholds`);
- *frequencies* (`F`): the judged channels that are natural frequencies (`models.frequency_changes`).
- *shaken* (`S`): the judged vibrations where traffic is counted (`models.own_hours`).

`Catalogue.take` gives the same for a subset of the assets, so a batch steps only the rows it has readings of. How a
register becomes a catalogue is `models.compiling`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FloatArray, IndexArray, TimeArray
from domain.errors import ShapeError
from domain.identifiers import AssetId, ChannelKey
from domain.records import DecisionVerb
from domain.register import Asset, Works
from models.linking import links, machines

__all__ = ["FRESH_INTERVALS", "FRESH_NS", "HOUR_NS", "Catalogue", "Renewal", "Summary", "check_positions"]

HOUR_NS: Final = 3_600_000_000_000

# A driver explains for so many of its intervals, and never for less than this: weather changes over hours.
FRESH_INTERVALS: Final = 3
FRESH_NS: Final = 6 * HOUR_NS


class Summary(IntEnum):
    """How the readings of one hop become one value."""

    LAST = 0
    MEAN = 1
    MAX = 2


@dataclass(frozen=True, slots=True)
class Renewal:
    """A `repair` or an `accept-normal`, and the event time of its asset when it took effect."""

    verb: DecisionVerb
    at_ns: int


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
    runs_from : float64[C]
        Value above which a channel that tells whether a machine works says that it does, in its own unit; 0 for others.
    is_duty : bool[C]
        True where the channel says whether a machine works: at 0 it rests, and need not be heard.
    on_machine : bool[C]
        True for judged channels that tell of a drive, a pump or a fan.
    felt_at_work : bool[C]
        True for those of them that say nothing of it while it rests: what shakes.
    counts_openings : bool[C]
        True for the duty channels that count openings: they say when a machine works.
    feels_openings : bool[C]
        True for what shakes beside a machine whose openings are counted, and is not known to be on it.
    has_like : bool[C]
        True for thermometers and hygrometers on structures of a type: like assets share their weather.
    has_own_group : bool[C]
        True for judged channels that are compared with sensors of the same first word alone, `models.like_groups`.
    is_found : bool[C]
        True where values are looked for in averaged waveforms: that nothing was found is no silence.
    is_frequency : bool[C]
        True for judged natural frequencies.
    follows_load : bool[C]
        True where more work alone raises the value along with others, so that agreement shows little.
    feels_traffic : bool[C]
        True for the one vibration of a structure, first of its asset, that has to stand for traffic nobody counts.
    has_own_hours : bool[C]
        True for judged vibrations, hourly or oftener, of structures whose traffic is counted, see `models.own_hours`.
    driver : int8[C]
        Position in `DRIVERS` of what the channel explains with; -1 for none.
    driver_factor, driver_offset : float64[C]
        Turn the channel's unit into the driver's: degrees Celsius, %, 1/h, m/s, mm/h.
    driver_order : int8[C]
        Place of its kind of quantity among those that may carry the driver, 0 for the first.
    direction : float64[C]
        Direction of harm: 1 up, -1 down, 0 both.
    mode : int8[C]
        Position in `MODES`; -1 where not judged.
    group : int16[C]
        Which witness of its mode, see `models.thresholds`; -1 where not judged.
    is_log : bool[C]
        True where the model works with the logarithm of the value.
    is_celsius : bool[C]
        True for judged channels in degrees Celsius, of which the model works with the value itself.
    mistaken : int8[C]
        Row of its unit in `models.unit_mistakes`.
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
    works_ease : bool[X]
        True where that is grease alone, which wears off.
    first_channel : int32[A + 1]
        Channels of asset `a` are `first_channel[a]:first_channel[a + 1]`.
    first_judged, first_pair, first_frequency, first_shaken : int32[A + 1]
        Likewise of `judged`, of the pairs, of the frequencies and of what is shaken.
    sensor_of_channel : int32[C]
        Position of the first channel of the same sensor.
    judged : int32[J]
        Positions of judged channels.
    pace_of_judged : int32[J]
        Channel of the same sensor that says how hard its machine works (the driver ``pace``), or -1.
    duty_of_judged : int32[J]
        Of what is on a machine of a structure whose traffic is counted, the channel that counts its openings; or -1.
    asset_of_judged, pair_of_judged, witness_of_judged : int32[J]
    frequency, asset_of_frequency : int32[F]
        Rows of `judged` that are natural frequencies, and their assets.
    shaken, asset_of_shaken : int32[S]
        Rows of `judged` that may have hours of their own, and their assets.
    warmth_of_frequency, damp_of_frequency : int32[F]
        What explains it: the temperature of the deck where its asset has that, else of the air, and humidity, as
        positions in `DRIVERS`; -1 for none.
    pair_asset, pair_mode : int32[P]
    pairs_of_asset : int32[A]
        Number of pairs of each asset.
    pair_of_witness, rank_of_witness : int32[W]
        Its pair, and its place among the witnesses of that pair.
    renewed : mapping of AssetId to Renewal
        The newest decision of each asset after which it is another structure; of others too.
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
    runs_from: FloatArray
    is_duty: BoolArray
    on_machine: BoolArray
    felt_at_work: BoolArray
    counts_openings: BoolArray
    feels_openings: BoolArray
    has_like: BoolArray
    has_own_group: BoolArray
    is_found: BoolArray
    is_frequency: BoolArray
    follows_load: BoolArray
    feels_traffic: BoolArray
    has_own_hours: BoolArray
    driver: npt.NDArray[np.int8]
    driver_factor: FloatArray
    driver_offset: FloatArray
    driver_order: npt.NDArray[np.int8]
    direction: FloatArray
    mode: npt.NDArray[np.int8]
    group: npt.NDArray[np.int16]
    is_log: BoolArray
    is_celsius: BoolArray
    mistaken: npt.NDArray[np.int8]
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
    works_ease: BoolArray
    first_channel: IndexArray
    first_judged: IndexArray
    first_pair: IndexArray
    first_frequency: IndexArray
    first_shaken: IndexArray
    sensor_of_channel: IndexArray
    judged: IndexArray
    pace_of_judged: IndexArray
    duty_of_judged: IndexArray
    asset_of_judged: IndexArray
    pair_of_judged: IndexArray
    witness_of_judged: IndexArray
    frequency: IndexArray
    asset_of_frequency: IndexArray
    shaken: IndexArray
    asset_of_shaken: IndexArray
    warmth_of_frequency: IndexArray
    damp_of_frequency: IndexArray
    pair_asset: IndexArray
    pair_mode: IndexArray
    pairs_of_asset: IndexArray
    pair_of_witness: IndexArray
    rank_of_witness: IndexArray
    renewed: Mapping[AssetId, Renewal] = field(default_factory=dict)

    def in_driver_unit(self, rows: npt.NDArray[Any], value: FloatArray) -> FloatArray:
        """float64[R]: turn values of some channels, by their rows, into the unit of what they explain with."""
        return np.asarray(value * self.driver_factor[rows] + self.driver_offset[rows])

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
            works_ease=self.works_ease[works],
            renewed=self.renewed,
            sensor_of_channel=sensor_of_channel,
            **columns,
            **links(
                len(assets),
                columns["asset_of_channel"],
                columns["mode"],
                columns["group"],
                columns["is_frequency"],
                columns["has_own_hours"],
                columns["driver"],
            ),
            **machines(columns, sensor_of_channel, columns["asset_of_channel"]),
        )


_CHANNEL_COLUMNS: Final = (
    "channel_number",
    "asset_of_channel",
    "interval_ns",
    "summary",
    "is_judged",
    "is_resting",
    "runs_from",
    "is_duty",
    "on_machine",
    "felt_at_work",
    "counts_openings",
    "feels_openings",
    "has_like",
    "has_own_group",
    "is_found",
    "is_frequency",
    "follows_load",
    "feels_traffic",
    "has_own_hours",
    "driver",
    "driver_factor",
    "driver_offset",
    "driver_order",
    "direction",
    "mode",
    "group",
    "is_log",
    "is_celsius",
    "mistaken",
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
