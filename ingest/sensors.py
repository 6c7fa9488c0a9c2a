"""Rows of sensors into channels: defaults by name, and waveforms into what is computed from them.

A row `waveform` (or `acceleration`, `velocity`) stands for the raw signal. It becomes one derived channel for
each of `domain.register.WAVEFORM_CHANNELS`. A further row for one of those names on the same axis refines it
(its own threshold, role or unit) as long as its unit can come from the waveform's; with a unit of another
quantity it is a reading of its own that the gateway sends beside the waveform.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final, NamedTuple

from domain.errors import UnitError
from domain.identifiers import AssetId, ChannelKey, ChannelName, GatewayId, SensorId
from domain.register import WAVEFORM_CHANNELS, Channel, Direction, Role
from domain.units import canonical_unit, conversion, is_known_unit
from ingest.channels import WAVEFORM_NAMES, ChannelDefaults, channel_defaults
from ingest.fields import Fields
from ingest.formats.project import channel_name

__all__ = ["read_channels"]

_CHANNEL: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}(?:\.[A-Za-z0-9_-]{1,16})?")
_AXIS: Final = re.compile(r"[A-Za-z0-9_-]{0,16}")
_LONGEST_UNIT: Final = 32
_LONGEST_INTERVAL_S: Final = 366 * 86_400.0
_SHORTEST_INTERVAL_S: Final = 1e-3


class _Row(NamedTuple):
    """A channel and the row that it stands in."""

    fields: Fields
    channel: Channel


def read_channels(rows: Iterable[Fields], assets: Collection[str]) -> list[Channel]:
    """Read rows of sensors.

    Parameters
    ----------
    rows : iterable of Fields
        With the columns of `sensors.csv`; what is wrong with one is noted in its own list of faults.
    assets : collection of str
        Assets that the register knows.

    Returns
    -------
    list of Channel
        In the order of the rows; complete when nothing was noted.
    """
    plain: dict[ChannelKey, _Row] = {}
    waveforms: dict[ChannelKey, _Row] = {}
    for row in rows:
        channel = _read_row(row, assets)
        if channel is None:
            continue
        is_waveform = channel.quantity in WAVEFORM_NAMES
        key = channel.key
        if is_waveform:
            # Two names for one signal would be computed twice.
            key = ChannelKey(key.asset, key.sensor, ChannelName(channel_name("waveform", _axis(channel))))
        known = waveforms if is_waveform else plain
        if key in known:
            row.fault("channel", "each channel once; it stands in {where} already", where=known[key].fields.where)
            continue
        known[key] = _Row(row, channel)
    channels = {key: row.channel for key, row in plain.items()}
    for waveform in waveforms.values():
        for derived in _derived(waveform.channel):
            explicit = plain.get(derived.key)
            if explicit is None:
                channels[derived.key] = derived
            elif _converts(derived.unit, explicit.channel.unit):
                channels[derived.key] = replace(explicit.channel, derived=True)
    return list(channels.values())


def _read_row(row: Fields, assets: Collection[str]) -> Channel | None:
    """Read one row; None when something essential is wrong with it."""
    before = len(row.faults.found)
    asset, sensor, gateway = row.identifier("asset"), row.identifier("sensor"), row.identifier("gateway")
    if len(row.faults.found) == before and asset not in assets:
        row.fault("asset", "the id of an asset in the register")
    name, axis = row.text("channel"), row.text("axis")
    channel = channel_name(name, axis)
    if _CHANNEL.fullmatch(name) is None:
        row.fault("channel", "a name of letters, digits and underscores, such as vibration_rms")
        return None  # its other columns can only be judged by its name
    if _AXIS.fullmatch(axis) is None:
        row.fault("axis", "nothing, or a short name such as z")
    elif channel.count(".") > 1:
        row.fault("axis", "one axis; the channel's name already has another")
    defaults = channel_defaults(channel.partition(".")[0])
    unit = _read_unit(row, defaults)
    if not row.has("interval_s"):
        row.fault("interval_s", "the seconds between readings")
    interval_s = row.number("interval_s", low=_SHORTEST_INTERVAL_S, high=_LONGEST_INTERVAL_S)
    role = row.choice("role", Role)
    if role is None and not row.has("role"):
        if defaults is None:
            row.fault(
                "role",
                "one of {choices}, since {channel} is not a name with a default role",
                choices=tuple(Role),
                channel=repr(name),
            )
        else:
            role = defaults.role
    direction = row.choice("direction", Direction)
    if direction is None:
        direction = defaults.direction if defaults is not None else Direction.BOTH
    threshold = row.number("failure_threshold")
    if threshold is not None and channel.partition(".")[0] in WAVEFORM_NAMES:
        row.fault("failure_threshold", "nothing here; add a row for the channel that it limits, such as vibration_rms")
    if role is None or interval_s is None or len(row.faults.found) > before:
        return None
    return Channel(
        asset=AssetId(asset),
        sensor=SensorId(sensor),
        channel=ChannelName(channel),
        unit=unit,
        gateway=GatewayId(gateway),
        interval_s=interval_s,
        role=role,
        direction=direction,
        position=row.text("position"),
        failure_threshold=threshold,
    )


def _read_unit(row: Fields, defaults: ChannelDefaults | None) -> str:
    """Take a unit that makes sense for the channel; any is fine for a name that is not known."""
    if not row.has("unit"):
        if defaults is not None and defaults.has_default_unit:
            return defaults.units[0]
        row.fault("unit", "the unit that values are to be kept in, such as {units}", units=_examples(defaults))
        return ""
    unit = canonical_unit(row.text("unit"))
    if len(unit) > _LONGEST_UNIT:
        row.fault("unit", "a unit of at most {longest} characters", longest=_LONGEST_UNIT)
    if defaults is not None and not any(_converts(unit, other) for other in defaults.units):
        row.fault("unit", "a unit that converts to {units}", units=_examples(defaults))
    return unit


def _examples(defaults: ChannelDefaults | None) -> tuple[str, ...]:
    return tuple(defaults.units) if defaults is not None else ("Hz", "mm")


def _converts(source: str, target: str) -> bool:
    """Tell whether two known units measure one quantity."""
    if not is_known_unit(source):
        return False
    try:
        conversion(source, target)
    except UnitError:
        return False
    return True


def _axis(channel: Channel) -> str:
    return channel.channel.partition(".")[2]


def _derived(waveform: Channel) -> list[Channel]:
    """Give the channels that are computed from one waveform."""
    axis = _axis(waveform)
    channels = []
    for quantity, unit in WAVEFORM_CHANNELS:
        defaults = channel_defaults(quantity)
        direction = defaults.direction if defaults is not None else Direction.BOTH
        channels.append(
            replace(
                waveform,
                channel=ChannelName(channel_name(quantity, axis)),
                unit=waveform.unit if unit is None else unit,
                direction=direction,
                derived=True,
            )
        )
    return channels
