"""From the register to a catalogue: what each channel explains, is judged by, and fails at.

What a name of a channel means to the models is said in the tables here and in `models.thresholds`; a catalogue
(`models.catalogue`) holds it as arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray
from domain.errors import ConfigurationError, UnitError
from domain.identifiers import AssetId, ChannelKey, SensorId
from domain.register import LAST_END_NS, AssetType, Channel, Direction, Register, Role, Works
from domain.units import canonical_unit, conversion
from models.catalogue import HOUR_NS, Catalogue, Summary
from models.drivers import DRIVERS, LOAD, WEATHER
from models.like_groups import first_words
from models.linking import links, machines
from models.modal_channels import mode_channels
from models.thresholds import (
    FELT_ON_MACHINES,
    MACHINE_QUANTITIES,
    MODES,
    ThresholdKind,
    failure_mode,
    group_of,
    threshold_of,
)
from models.unit_mistakes import MISTAKEN_OF

__all__ = ["MOVING_STEMS", "OTHER_WORDS", "compile_catalogue", "moves_reference", "only_eases"]

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
# Who carries a driver that quantities of several kinds could carry; those that are not named come first. What bears
# the traffic follows the temperature of the deck, or else of the asphalt, whose stiffness goes with its own warmth; the
# base lies deeper, smoother and later by days. A machine's cycles are the load only where no vehicles are counted.
_DRIVER_ORDER: Final = {"surface_temperature": 1, "base_temperature": 2, "cycles": 1}
# Position, factor and offset of what explains nothing.
_NO_DRIVER: Final = (-1, 1.0, 0.0)
_PEAKS: Final = frozenset({"vibration_peak", "rain", "wind_speed"})
# What tells whether a machine works.
_DUTY: Final = frozenset({"cycles", "runtime", "speed"})
# From how many per cent on: gauges of a machine at rest say up to one. Nothing that turns does so at a twentieth of its
# speed, and a fiftieth of an hour is less than one opening.
_RUNS_FROM_PCT: Final = {"speed": 5.0, "runtime": 2.0}
# Modes that are a drive's or a fan's own: what tells of them is felt on a machine, whatever else its sensor measures.
_MACHINE_MODES: Final = frozenset({"drive_wear", "equipment_wear"})
# A busier machine is warmer and shakes more: warmth counts beyond what load can do, also in agreement.
_FOLLOWS_LOAD: Final = frozenset({"motor_temperature"})
# What stands for traffic that nobody counts.
_SHAKEN_BY_TRAFFIC: Final = "vibration_rms"
_HOUR_S: Final = 3600.0
# The strongest frequency of a short block jumps from mode to mode with the traffic: shown, never judged.
_SHOWN_ONLY: Final = frozenset({"dominant_frequency"})
# Followed from day to day by the detector of `schouw score`, whatever its number (`models.frequency_changes`).
_FREQUENCY: Final = "natural_frequency"
_CELSIUS: Final = "Cel"
# Quantities that rest at one value in good health, so that repeating it is no fault.
_RESTING: Final = frozenset({"traffic_count", "cycles", "runtime", "speed", "rain", "humidity", "wind_speed"})

# Kinds of works after which the same asset or sensor gives another level. By stem, as the list of kinds is open, and in
# the two languages that owners write it in: English, then Dutch, where they differ (docs/how-to-fill-the-register.md).
MOVING_STEMS: Final = (
    *("resurf", "lubric", "greas", "swap", "repair", "replac", "renew", "renov", "calibr", "adjust", "paint"),
    *("coating", "overlay", "maintenance", "overhaul", "refurb", "restor", "strengthen", "install"),
    *("asfalt", "deklaag", "smeer", "smer", "wissel", "repar", "herstel", "vervang", "vernieuw", "kalibr", "geijkt"),
    *("ijken", "ijking", "afstel", "afgesteld", "justeer", "juster", "schilder", "conserver", "conserveer", "overlag"),
    *("onderhoud", "revisie", "reviseer", "reviser", "versterk"),
)
# Those of them that are grease.
_EASING_STEMS: Final = frozenset({"lubric", "greas", "smeer", "smer"})
# Words that hold a stem by chance, or name what changes nothing: without them a look at a deviation ("afwijking") would
# be an "ijking", and take off the very step that it is about.
OTHER_WORDS: Final = (
    *("blijk", "dijk", "gelijk", "kijken", "strijk", "verrijk", "wijk", "prepar", "installaties"),
    *("wisselbaan", "wisselend", "wisselspanning", "wisselstro", "wisselwerk", "onderhoudsinspectie"),
    "maintenance inspection",
)

# Hourly values that commission a channel, and fewer of slower ones: four days at one an hour, a month at one a day.
_COMMISSION_HOURLY: Final = 96
_COMMISSION_DAILY: Final = 32
_COMMISSION_SLOWER: Final = 16


def compile_catalogue(register: Register, numbers: Mapping[ChannelKey, int]) -> Catalogue:
    """Compile a register into arrays; the hop of every asset is an hour.

    Parameters
    ----------
    register : Register
        Assets, channels and works in any order. Channels and works of an asset that is not in it are left out.
    numbers : mapping of ChannelKey to int
        The journal's lasting number of every channel of the register.

    Raises
    ------
    ConfigurationError
        If a channel has no number, or a budget is not positive.
    """
    details = tuple(sorted(register.assets, key=lambda asset: asset.id))
    budget = np.array([register.false_alarms_per_year(asset.organisation) for asset in details], np.float64)
    if not np.all(budget > 0):
        msg = f"false alarms a year are {budget.min()}, expected a positive number such as 0.1"
        raise ConfigurationError(msg)
    place = {asset.id: row for row, asset in enumerate(details)}
    channels = sorted((channel for channel in register.channels if channel.asset in place), key=lambda row: row.key)
    missing = [channel.key for channel in channels if channel.key not in numbers]
    if missing:
        msg = f"channel {missing[0]!r} has no number ({len(missing)} such); number the register before compiling it"
        raise ConfigurationError(msg)
    first_of_sensor: dict[tuple[AssetId, SensorId], int] = {}
    for row, channel in enumerate(channels):
        first_of_sensor.setdefault((channel.asset, channel.sensor), row)
    sensor_of_channel = np.array([first_of_sensor[channel.asset, channel.sensor] for channel in channels], np.int32)
    asset_of_channel = np.array([place[channel.asset] for channel in channels], np.int32)
    columns = _columns(channels, [details[asset].type for asset in asset_of_channel.tolist()])
    counts_openings = columns["is_duty"] & (columns["driver"] == LOAD) & ~columns["is_judged"]
    columns["counts_openings"] = counts_openings
    own_hours = _has_own_hours(channels, columns)
    return Catalogue(
        assets=tuple(asset.id for asset in details),
        details=details,
        channels=tuple(channel.key for channel in channels),
        units=tuple(channel.unit for channel in channels),
        hop_ns=np.full(len(details), HOUR_NS, np.int64),
        false_alarms_per_year=budget,
        channel_number=np.array([numbers[channel.key] for channel in channels], np.int32),
        asset_of_channel=asset_of_channel,
        sensor_of_channel=sensor_of_channel,
        **_works(register.works, place, first_of_sensor),
        **columns,
        feels_openings=_feels_openings(channels, columns, counts_openings),
        feels_traffic=_feels_traffic(channels, columns["is_judged"] & columns["is_log"], columns["driver"]),
        has_own_hours=own_hours,
        **links(
            len(details),
            asset_of_channel,
            columns["mode"],
            columns["group"],
            columns["is_frequency"],
            own_hours,
            columns["driver"],
        ),
        **machines(columns, sensor_of_channel, asset_of_channel),
    )


def _feels_traffic(channels: Sequence[Channel], is_indicator: BoolArray, driver: npt.NDArray[np.int8]) -> BoolArray:
    """bool[C]: choose of each asset that has no counter and no machine the first vibration among its indicators."""
    found = np.zeros(len(channels), np.bool_)
    chosen = {
        channel.asset
        for channel, place in zip(channels, driver.tolist(), strict=True)
        if place == LOAD or channel.quantity in MACHINE_QUANTITIES
    }
    for row, channel in enumerate(channels):
        if is_indicator[row] and channel.quantity == _SHAKEN_BY_TRAFFIC and channel.asset not in chosen:
            found[row] = True
            chosen.add(channel.asset)
    return found


def _feels_openings(channels: Sequence[Channel], columns: Mapping[str, Any], counts_openings: BoolArray) -> BoolArray:
    """bool[C]: find what shakes beside a machine whose openings are counted, and is not known to be on it."""
    opened = {channels[row].asset for row in np.flatnonzero(counts_openings).tolist()}
    shakes = [channel.quantity in FELT_ON_MACHINES and channel.asset in opened for channel in channels]
    return np.asarray(columns["is_judged"] & ~columns["on_machine"] & np.array(shakes, np.bool_))


def _has_own_hours(channels: Sequence[Channel], columns: Mapping[str, Any]) -> BoolArray:
    """bool[C]: find the vibrations that traffic shakes where it is counted; a machine shakes by its work.

    Those that come hour by hour: others hear too few hours of a week.
    """
    is_counter = (columns["driver"] == LOAD) & ~columns["is_duty"]
    counted = {channels[row].asset for row in np.flatnonzero(is_counter).tolist()}
    shaken = [
        channel.quantity == _SHAKEN_BY_TRAFFIC and channel.asset in counted and channel.interval_s <= _HOUR_S
        for channel in channels
    ]
    may_have = columns["is_judged"] & columns["is_log"] & ~columns["on_machine"]
    return np.asarray(may_have & np.array(shaken, np.bool_))


def _columns(channels: Sequence[Channel], types: Sequence[AssetType]) -> dict[str, Any]:
    """Give what the models need to know of each channel; `types` are those of their assets."""
    quantities = [channel.quantity for channel in channels]
    is_judged = [
        channel.role is Role.CONDITION and quantity not in _SHOWN_ONLY
        for channel, quantity in zip(channels, quantities, strict=True)
    ]
    machines = {
        channel.key[:2]
        for channel, quantity in zip(channels, quantities, strict=True)
        if quantity in MACHINE_QUANTITIES
    }
    modes = [
        MODES.index(failure_mode(kind, quantity, on_machine=channel.key[:2] in machines)) if judged else -1
        for channel, quantity, kind, judged in zip(channels, quantities, types, is_judged, strict=True)
    ]
    found = mode_channels(channels)
    distances = [_failure_distance(channel) for channel in channels]
    on_machine = np.array(
        [
            judged and (MODES[mode] in _MACHINE_MODES or channel.key[:2] in machines)
            for channel, mode, judged in zip(channels, modes, is_judged, strict=True)
        ],
        np.bool_,
    )
    drivers = [_driver(channel) for channel in channels]
    # Like structures share the weather; those of the type `other` have nothing in common.
    has_like = [row[0] in WEATHER and kind is not AssetType.OTHER for row, kind in zip(drivers, types, strict=True)]
    sign = {Direction.UP: 1.0, Direction.DOWN: -1.0, Direction.BOTH: 0.0}
    return {
        "interval_ns": np.array([max(round(channel.interval_s * 1e9), 1) for channel in channels], np.int64),
        "summary": np.array([_summary(quantity) for quantity in quantities], np.int8),
        "is_judged": np.array(is_judged, np.bool_),
        "is_resting": np.array([quantity in _RESTING for quantity in quantities], np.bool_),
        "follows_load": np.array([quantity in _FOLLOWS_LOAD for quantity in quantities], np.bool_),
        "is_duty": np.array([quantity in _DUTY for quantity in quantities], np.bool_),
        "runs_from": np.array([_runs_from(channel) for channel in channels], np.float64),
        "on_machine": on_machine,
        "felt_at_work": on_machine & np.array([quantity in FELT_ON_MACHINES for quantity in quantities], np.bool_),
        "has_like": np.array(has_like, np.bool_),
        "has_own_group": _own_groups(channels, types, modes),
        "is_found": np.array([channel.key in found for channel in channels], np.bool_),
        "is_frequency": np.array(
            [
                mode >= 0 and threshold_of(quantity).quantity == _FREQUENCY
                for mode, quantity in zip(modes, quantities, strict=True)
            ],
            np.bool_,
        ),
        "driver": np.array([row[0] for row in drivers], np.int8),
        "driver_factor": np.array([row[1] for row in drivers], np.float64),
        "driver_offset": np.array([row[2] for row in drivers], np.float64),
        "driver_order": np.array([_DRIVER_ORDER.get(quantity, 0) for quantity in quantities], np.int8),
        "direction": np.array([sign[channel.direction] for channel in channels], np.float64),
        "mode": np.array(modes, np.int8),
        "group": np.array([group_of(quantity) for quantity in quantities], np.int16),
        "is_log": np.array([row[0] for row in distances], np.bool_),
        "is_celsius": np.array(
            [
                judged and channel.unit == _CELSIUS and not row[0]
                for channel, judged, row in zip(channels, is_judged, distances, strict=True)
            ],
            np.bool_,
        ),
        "mistaken": np.array([MISTAKEN_OF.get(canonical_unit(channel.unit), 0) for channel in channels], np.int8),
        "scale": np.array([row[1] for row in distances], np.float64),
        "limit": np.array([row[2] for row in distances], np.float64),
        "ratio": np.array([row[3] for row in distances], np.float64),
        "drift_share": np.array([threshold_of(quantity).drift_share for quantity in quantities], np.float64),
        "commission_count": np.array([_commission_count(channel.interval_s) for channel in channels], np.int32),
    }


def _own_groups(channels: Sequence[Channel], types: Sequence[AssetType], modes: Sequence[int]) -> BoolArray:
    own = np.zeros(len(channels), np.bool_)
    judged = [row for row, mode in enumerate(modes) if mode >= 0]
    own[judged] = first_words(
        [types[row] for row in judged], [MODES[modes[row]] for row in judged], [channels[row].key for row in judged]
    )
    return own


def _works(
    announced: Iterable[Works], place: Mapping[AssetId, int], first_of_sensor: Mapping[tuple[AssetId, SensorId], int]
) -> dict[str, Any]:
    """Give the works of what is in the register, in one order whatever theirs was."""
    works = sorted(
        (
            row
            for row in announced
            if row.asset in place and (row.sensor is None or (row.asset, row.sensor) in first_of_sensor)
        ),
        key=lambda row: (row.asset, row.start_ns, row.end_ns, row.kind, row.sensor or ""),
    )
    sensors = [-1 if row.sensor is None else first_of_sensor[row.asset, row.sensor] for row in works]
    return {
        "works": tuple(works),
        "works_asset": np.array([place[row.asset] for row in works], np.int32),
        "works_sensor": np.array(sensors, np.int32),
        # Until 3.51 a register could hold ends that no time of ours reaches.
        "works_start_ns": np.array([min(row.start_ns, LAST_END_NS) for row in works], np.int64),
        "works_end_ns": np.array([min(row.end_ns, LAST_END_NS) for row in works], np.int64),
        "works_moves": np.array([moves_reference(row.kind) for row in works], np.bool_),
        "works_ease": np.array([only_eases(row.kind) for row in works], np.bool_),
    }


def _summary(quantity: str) -> Summary:
    return Summary.MAX if quantity in _PEAKS else Summary.MEAN


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


def _runs_from(channel: Channel) -> float:
    """Give the value above which a channel that tells whether a machine works says so, in its own unit."""
    least = _RUNS_FROM_PCT.get(channel.quantity, 0.0)
    try:
        return least * conversion("%", channel.unit).factor
    except UnitError:  # rpm, of which the rated number is not known
        return 0.0


def _driver(channel: Channel) -> tuple[int, float, float]:
    """Give position, factor and offset of the driver a channel carries; position -1 for none."""
    name = _DRIVER_OF.get(channel.quantity) if channel.role is not Role.CONDITION else None
    if name is None:
        return _NO_DRIVER
    unit = _DRIVER_UNIT[name]
    try:
        factor, offset = conversion(channel.unit, unit)
    except UnitError:  # a quantity of that name in a unit of another one explains nothing
        return _NO_DRIVER
    return DRIVERS.index(name), factor, offset


def moves_reference(kind: str) -> bool:
    """Tell whether works of a kind leave another level behind: the step across them is then no sign of damage.

    Examples
    --------
    >>> moves_reference("Sensor vervangen"), moves_reference("diversion"), moves_reference("Afwijking nagekeken")
    (True, False, False)
    """
    return bool(_stems_in(kind))


def only_eases(kind: str) -> bool:
    """Tell whether works of a kind are grease and nothing else that leaves another level behind: it wears off.

    Examples
    --------
    >>> only_eases("Smeren aandrijving"), only_eases("lubrication and bearing replacement"), only_eases("inspection")
    (True, False, False)
    """
    found = _stems_in(kind)
    return bool(found) and found <= _EASING_STEMS


def _stems_in(kind: str) -> set[str]:
    said = kind.lower()
    for word in OTHER_WORDS:
        said = said.replace(word, " ")
    return {stem for stem in MOVING_STEMS if stem in said}
