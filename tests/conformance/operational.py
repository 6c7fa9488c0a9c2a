"""The operational store as its tests drive it, and the registers that they write into it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Engine

from domain.identifiers import AssetId, ChannelName, GatewayId, SensorId
from domain.register import Asset, AssetType, Channel, Direction, Register, Role
from storage.advisory import SqlAdvisoryStore
from storage.entries import BatchBody, EntryBody, Outcome, PackedReadings
from storage.journal import Entry
from storage.projection import OperationalProjection

__all__ = ["EMPTY", "HOUR_NS", "Store", "make_asset", "make_channel", "make_register"]

HOUR_NS: Final = 3600 * 10**9
EMPTY: Final = BatchBody(readings=PackedReadings(b"", b"", b"", b""))


class Store:
    """Both sides of one database."""

    def __init__(self, engine: Engine) -> None:
        self.writer = OperationalProjection(engine)
        self.reader = SqlAdvisoryStore(engine)

    def project(self, *outcomes: Outcome, body: EntryBody = EMPTY) -> None:
        first = self.writer.position() + 1
        self.writer.project([Entry(first + n, "batch", body, outcome) for n, outcome in enumerate(outcomes)])


def make_asset(name: str) -> Asset:
    return Asset(AssetId(name), name.title(), AssetType.BRIDGE, external_ids={"GUID": "{x}"})


def make_channel(owner: str, name: str = "temperature") -> Channel:
    where = (AssetId(owner), SensorId("s1"), ChannelName(name))
    return Channel(*where, "Cel", GatewayId("gw-1"), 3600.0, Role.ENVIRONMENT, Direction.BOTH)


def make_register(*names: str) -> Outcome:
    channels = tuple(make_channel(name) for name in names)
    numbers = [int(name.removeprefix("brug-")) for name in names]
    return Outcome(register=Register(tuple(map(make_asset, names)), channels), register_numbers=numbers)
