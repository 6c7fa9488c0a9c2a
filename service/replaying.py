"""`schouw replay`: onboard what a table holds if asked, then publish it and wait for the broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast, get_args

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console
from rich.progress import track

from domain.errors import ConfigurationError
from domain.identifiers import AssetId, ChannelName, GatewayId, SensorId
from domain.register import Asset, AssetType, Channel
from domain.units import canonical_unit
from ingest.channels import channel_defaults
from service.folder import prepare_folder
from service.register_commands import add_assets
from service.replay import ReplayPlan, ReplayTable, TimeUnit, messages_of, pace, parse_column, read_table
from service.sessions import refusal_in_words, secure
from service.settings import Settings
from storage.journal import Journal

__all__ = ["replay_file"]

_CONNECT_S = 10.0
_WINDOW = 500
_ACKNOWLEDGE_S = 60.0


def replay_file(
    settings: Settings,
    path: Path,
    *,
    asset: str,
    sensor: str,
    gateway: str,
    values: Sequence[str],
    time_column: str,
    time_unit: str,
    start_ns: int,
    onboard: str | None,
    speed: float,
    rows_per_message: int,
    host: str,
    port: int,
) -> int:
    """Publish a table and return the number of messages.

    Raises
    ------
    ConfigurationError
        If the table cannot be read as mapped, or the broker is not there or refuses us.
    """
    if time_unit not in get_args(TimeUnit):
        raise ConfigurationError(f"got --time-unit {time_unit!r}, expected one of {', '.join(get_args(TimeUnit))}")
    columns = tuple(parse_column(text) for text in values)
    plan = ReplayPlan(
        asset, sensor, gateway, time_column, cast("TimeUnit", time_unit), start_ns, columns, rows_per_message
    )
    table = read_table(path, plan)
    if onboard is not None:
        _onboard(settings, plan, table, onboard)
    return _publish(settings, plan, table, speed=speed, host=host, port=port)


def _onboard(settings: Settings, plan: ReplayPlan, table: ReplayTable, kind: str) -> None:
    """Add the asset and its channels to the register, with the defaults of their names."""
    if kind not in set(AssetType):
        raise ConfigurationError(f"got --onboard {kind!r}, expected one of {', '.join(AssetType)}")
    prepare_folder(settings)
    channels = []
    for column in plan.columns:
        defaults = channel_defaults(column.channel.partition(".")[0])
        if defaults is None:
            raise ConfigurationError(
                f"got channel {column.channel!r}, which has no default role; import a register that names role and unit"
            )
        channels.append(
            Channel(
                asset=AssetId(plan.asset),
                sensor=SensorId(plan.sensor),
                channel=ChannelName(column.channel),
                unit=canonical_unit(column.unit),
                gateway=GatewayId(plan.gateway),
                interval_s=table.interval_s(),
                role=defaults.role,
                direction=defaults.direction,
            )
        )
    journal = Journal(settings.journal_path)
    try:
        add_assets(journal, [Asset(AssetId(plan.asset), plan.asset, AssetType(kind))], channels, at_ns=time.time_ns())
    finally:
        journal.close()


def _publish(settings: Settings, plan: ReplayPlan, table: ReplayTable, *, speed: float, host: str, port: int) -> int:
    connected, refusals = threading.Event(), list[str]()

    def on_connect(_client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            refusals.append(str(reason))
        connected.set()

    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"schouw-replay-{plan.asset}"[:23])
    client.max_inflight_messages_set(_WINDOW)
    client.on_connect = on_connect
    secure(settings.mqtt)(client)
    try:
        client.connect(host, port)
    except OSError as error:
        raise ConfigurationError(
            f"no broker at {host}:{port} ({error}); start `schouw run --replay` first, or give --host and --port"
        ) from error
    client.loop_start()
    try:
        if not connected.wait(_CONNECT_S):
            raise ConfigurationError(
                f"the broker at {host}:{port} did not accept us in {_CONNECT_S:.0f} s; is it an MQTT broker?"
            )
        if refusals:
            raise ConfigurationError(refusal_in_words(host, port, refusals[0]))
        messages = list(messages_of(table, plan))
        started, pending = time.monotonic(), []
        try:
            for time_ns, topic, payload in track(messages, "publishing", console=Console(stderr=True)):
                pace(started, messages[0][0], time_ns, speed)
                pending.append(client.publish(topic, payload, qos=1))
                if len(pending) >= _WINDOW:
                    _await_acknowledgement(pending.pop(0))
            for item in pending:
                _await_acknowledgement(item)
        except (RuntimeError, ValueError) as error:  # what paho raises when the connection is gone
            raise ConfigurationError(
                f"the broker at {host}:{port} did not acknowledge everything ({error}); replay it again: what it has "
                "counts once"
            ) from error
        return len(messages)
    finally:
        client.disconnect()
        client.loop_stop()


def _await_acknowledgement(item: paho.MQTTMessageInfo) -> None:
    item.wait_for_publish(_ACKNOWLEDGE_S)
    if not item.is_published():
        raise RuntimeError(f"nothing for {_ACKNOWLEDGE_S:.0f} s")
