"""A small register, and messages for it."""

from __future__ import annotations

from typing import Any

import msgspec

from domain.identifiers import AssetId, ChannelName, GatewayId, SensorId
from domain.register import WAVEFORM_CHANNELS, Asset, AssetType, Channel, Direction, Register, Role
from ingest.batch import DecodedBatch, Message, decode_batch
from ingest.clock import ClockLimits
from ingest.resolve import Resolver

T0 = 1_795_424_400_000_000_000
RECEIVED = T0 + 5_000_000_000
DAY = 86_400_000_000_000


def _channel(sensor: str, name: str, unit: str, *, derived: bool = False) -> Channel:
    return Channel(
        AssetId("brug-042"),
        SensorId(sensor),
        ChannelName(name),
        unit,
        GatewayId("gw-7"),
        3600.0,
        Role.CONDITION,
        Direction.UP,
        derived=derived,
    )


class Room:
    """The register of the tests, and short ways to put messages through it."""

    def __init__(self) -> None:
        channels = [
            _channel("acc1", "vibration_rms.z", "mm/s"),
            _channel("acc1", "temperature", "Cel"),
            _channel("acc1", "humidity", "%RH"),
            *(_channel("raw1", f"{name}.z", unit or "m/s2", derived=True) for name, unit in WAVEFORM_CHANNELS),
            _channel("raw2", "vibration_peak", "g", derived=True),
        ]
        asset = Asset(AssetId("brug-042"), "Brug", AssetType.BRIDGE)
        self.register = Register(assets=(asset,), channels=tuple(channels))
        self.numbers = {channel.key: 100 + place for place, channel in enumerate(channels)}
        self.resolver = Resolver(self.register, self.numbers)
        self.limits = ClockLimits(T0 - DAY, T0 + DAY)

    def number(self, sensor: str, name: str) -> int:
        return next(n for key, n in self.numbers.items() if (key.sensor, key.channel) == (sensor, name))

    def decode(self, *messages: Message) -> DecodedBatch:
        return decode_batch(messages, self.resolver, self.limits)

    def reading(self, payload: Any, *, topic: str = "infra/v1/gw-7/brug-042/acc1/reading") -> DecodedBatch:
        return self.decode(message(payload, topic))


def message(payload: Any, topic: str, *, retained: bool = False) -> Message:
    raw = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    return Message(topic, raw, RECEIVED, retained)


def reading(values: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"v": 1, "sensor": "acc1", "t": "2026-11-23T09:00:00Z", "values": values} | keys
