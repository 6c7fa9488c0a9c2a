"""The town of the other tests in a real operational store, written by the projection as ingest writes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from domain.identifiers import ChannelName, GatewayId, SensorId
from domain.records import Alarm, RiskAssessment
from domain.register import Asset, Channel, Direction, Register, Role
from storage.advisory import SqlAdvisoryStore
from storage.database import open_database, sqlite_address, upgrade_schema
from storage.entries import AlarmChange, BatchBody, Outcome, PackedReadings
from storage.journal import Entry
from storage.overview import SqlOverview
from storage.projection import OperationalProjection
from tests.unit.api.town import Town

EMPTY = BatchBody(readings=PackedReadings(b"", b"", b"", b""))


class SqlTown:
    """A town whose rows are in SQL; `project` adds to them as the next journal entry."""

    def __init__(self, folder: Path, town: Town) -> None:
        self.engine = open_database(sqlite_address(folder / "operational.sqlite"))
        upgrade_schema(self.engine)
        self.writer = OperationalProjection(self.engine)
        self.town = town
        self._register(town.store.asset_rows)
        self.project(*town.store.newest.values(), alarms=town.store.alarm_rows, history=town.store.history)
        self.rooms = replace(town.rooms(), store=SqlAdvisoryStore(self.engine), overview=SqlOverview(self.engine))

    def _register(self, assets: list[Asset]) -> None:
        channels = tuple(
            Channel(
                asset.id, SensorId("s1"), ChannelName("tilt"), "mrad", GatewayId("gw-1"), 600.0,
                Role.CONDITION, Direction.UP,
            )
            for asset in assets
        )  # fmt: skip
        outcome = Outcome(register=Register(tuple(assets), channels), register_numbers=list(range(len(assets))))
        self._write(outcome)

    def register_again(self) -> None:
        """Write the register as it is, as the next entry."""
        self._register(self.town.store.asset_rows)

    def project(
        self,
        *risks: RiskAssessment,
        alarms: Sequence[Alarm] = (),
        changes: Sequence[AlarmChange] = (),
        history: Sequence[RiskAssessment] = (),
    ) -> None:
        """Write newest assessments, alarms, what became of alarms, and history as one entry."""
        self._write(
            Outcome(current=list(risks), alarms=list(alarms), alarm_changes=list(changes), assessments=list(history))
        )

    def _write(self, outcome: Outcome) -> None:
        self.writer.project([Entry(self.writer.position() + 1, "batch", EMPTY, outcome)])
