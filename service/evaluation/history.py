"""An owner's own history: one table of readings and one of events, judged like a simulated fleet.

The readings go through the same door: they are written as messages of the project's format, a day of one sensor
in each, and decoded again by the chain. Without a register the table itself says what there is; with one, roles,
units, costs and thresholds are the owner's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from domain.arrays import TimeArray
from domain.errors import ConfigurationError
from domain.identifiers import AssetId, ChannelName, GatewayId, SensorId
from domain.register import Asset, AssetType, Channel, Register
from domain.units import canonical_unit
from ingest.channels import channel_defaults
from ingest.formats.project import OutgoingReading, encode_readings
from ingest.register import read_register
from service.evaluation.history_table import HistoryTable, read_history
from service.evaluation.owner_events import OwnerEvents, read_owner_events
from service.evaluation.truth import DAY_NS, Truth, true_assets

__all__ = ["History", "history_days", "load_history", "register_of_table"]

_GATEWAY: Final = GatewayId("history")
_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """A run to judge.

    Attributes
    ----------
    table : HistoryTable
        Sorted by time.
    """

    register: Register
    truth: Truth
    table: HistoryTable


def load_history(path: Path, events: Path, *, register: Sequence[Path], asset_type: str) -> History:
    """Read an owner's history and events.

    Parameters
    ----------
    path : Path
        CSV (plain or gzip) or Parquet with the columns `time, asset, channel, value, unit` and optionally `sensor`.
    events : Path
        CSV, see `service.evaluation.owner_events`.
    register : sequence of Path
        Register files; empty: made from the table.
    asset_type : str
        What assets are when there is no register.

    Raises
    ------
    ConfigurationError
        With file, line and what was expected.
    """
    table = read_history(path)
    known = read_register(register) if register else register_of_table(table, asset_type, path.name)
    told = read_owner_events(events, {asset.id for asset in known.assets})
    known = replace(known, works=told.works)
    start_ns = int(table.time_ns[0]) // DAY_NS * DAY_NS
    end_ns = (int(table.time_ns[-1]) // DAY_NS + 1) * DAY_NS
    return History(known, _truth(path.stem, start_ns, end_ns, known, told), table)


def history_days(history: History, told: Callable[[int], None] = lambda _: None) -> Iterator[list[tuple[str, bytes]]]:
    """Make the messages of each day of a history, sensor by sensor; `told` gets the days done."""
    table = history.table
    gateways = {(channel.asset, channel.sensor): channel.gateway for channel in history.register.channels}
    start_ns, end_ns = history.truth.start_ns, history.truth.end_ns
    edges = np.searchsorted(table.time_ns, np.arange(start_ns, end_ns + DAY_NS, DAY_NS))
    for day, (first, last) in enumerate(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True), start=1):
        yield _messages(table, first, last, gateways)
        told(day)


def _messages(
    table: HistoryTable, first: int, last: int, gateways: dict[tuple[AssetId, SensorId], GatewayId]
) -> list[tuple[str, bytes]]:
    readings: dict[int, dict[int, dict[str, tuple[float, str]]]] = defaultdict(dict)
    rows = zip(
        table.series[first:last].tolist(), table.time_ns[first:last].tolist(), table.value[first:last].tolist(),
        strict=True,
    )  # fmt: skip
    for series, time_ns, value in rows:
        readings[table.sensor_of[series]].setdefault(time_ns, {})[table.keys[series][2]] = (value, table.units[series])
    messages = []
    for sensor, moments in sorted(readings.items()):
        asset, name = table.sensors[sensor]
        gateway = gateways.get((AssetId(asset), SensorId(name)), _GATEWAY)
        outgoing = [OutgoingReading(time_ns, values) for time_ns, values in moments.items()]
        messages.append(encode_readings(gateway, asset, name, outgoing))
    return messages


def register_of_table(table: HistoryTable, asset_type: str, name: str, *, gateway: GatewayId = _GATEWAY) -> Register:
    """Make a register of what the table holds, with the defaults of its channels' names.

    Raises
    ------
    ConfigurationError
        For a type that there is not, or a channel whose name has no default role.
    """
    if asset_type not in set(AssetType):
        raise ConfigurationError(f"got asset type {asset_type!r}, expected one of {', '.join(AssetType)}")
    channels = []
    for series, (asset, sensor, channel) in enumerate(table.keys):
        defaults = channel_defaults(channel.partition(".")[0])
        if defaults is None:
            raise ConfigurationError(
                f"{name}: channel {channel!r} of {asset!r} has no default role; give --register with sensors.csv"
            )
        channels.append(
            Channel(
                asset=AssetId(asset),
                sensor=SensorId(sensor),
                channel=ChannelName(channel),
                unit=canonical_unit(table.units[series]),
                gateway=gateway,
                interval_s=_interval_s(table.time_ns[table.series == series]),
                role=defaults.role,
                direction=defaults.direction,
            )
        )
    names = sorted({asset for asset, _, _ in table.keys})
    assets = tuple(Asset(AssetId(each), each, AssetType(asset_type)) for each in names)
    return Register(assets, tuple(sorted(channels, key=lambda channel: channel.key)))


def _interval_s(time_ns: TimeArray) -> float:
    """Give the usual distance between values, in seconds; an hour where one value tells nothing."""
    steps = np.diff(time_ns)
    steps = steps[steps > 0]
    return float(np.median(steps)) / _NS if len(steps) else 3600.0


def _truth(name: str, start_ns: int, end_ns: int, register: Register, told: OwnerEvents) -> Truth:
    return Truth(
        name=name,
        start_ns=start_ns,
        end_ns=end_ns,
        assets=true_assets(register),
        damages=told.damages,
        events=told.events,
        knows_future=False,
        repairs=told.repairs,
    )
