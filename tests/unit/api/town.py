"""A small municipality for the tests of the API: one structure in each state, and all that its rooms are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from api.app import ApiRooms, ApiSettings, PartState, Readiness, create_app
from api.onboarding import Onboarding
from api.rooms import Access
from domain.explanations import Explanation
from domain.identifiers import AssetId, ChannelName, GatewayId, SensorId
from domain.measurements import DataQuality, DeadLetter, Quarantined, SeriesPoint
from domain.records import AlarmState, DecisionVerb, FailureProbability, Reason, RiskState
from domain.register import AssetType, Works
from service.calibrating import calibrate
from storage.protocols import DecisionDraft
from tests.unit.api.client import Client
from tests.unit.api.memory_overview import MemoryOverview
from tests.unit.api.memory_stores import MemoryDecisions, MemoryModes, MemorySeries, MemoryStore
from tests.unit.api.samples import DAY_NS, HOUR_NS, NOW_NS, make_alarm, make_asset, make_risk, make_status

SETTINGS = ApiSettings(
    allowed_hosts=("testserver", "localhost"),
    demo=False,
    organisation="Gemeente Voorbeeld",
    contact_name="Team Beheer",
    contact_url="https://voorbeeld.test/schouw",
    contact_email="beheer@voorbeeld.test",
)


@dataclass
class Town:
    """All that the API is given, open to a test's hands."""

    store: MemoryStore = field(default_factory=MemoryStore)
    series: MemorySeries = field(default_factory=MemorySeries)
    modes: MemoryModes = field(default_factory=MemoryModes)
    decisions: MemoryDecisions = field(default_factory=MemoryDecisions)
    readiness: Readiness = field(default_factory=lambda: Readiness(True, (PartState("journal", True, "well", NOW_NS),)))
    now_ns: int = NOW_NS
    wall_clock_ns: int = NOW_NS + 1_000_000_000
    settings: ApiSettings = SETTINGS
    access: Access = field(default_factory=Access)
    onboarding: Onboarding | None = None
    works: dict[str, tuple[tuple[int, int, str, str], ...]] = field(default_factory=dict)

    explanations: dict[str, Explanation] = field(default_factory=dict)

    def works_of(self, asset: AssetId) -> Sequence[Works]:
        rows = self.works.get(asset, ())
        return [Works(asset, kind, start, end, SensorId(sensor)) for start, end, kind, sensor in rows]

    def rooms(self) -> ApiRooms:
        return ApiRooms(
            store=self.store,
            overview=MemoryOverview(self.store),
            series=self.series,
            modes=self.modes,
            decisions=self.decisions,
            readiness=lambda: self.readiness,
            metrics=lambda: b"ingest_messages_total 3\n",
            now_ns=lambda: self.now_ns,
            wall_clock_ns=lambda: self.wall_clock_ns,
            settings=self.settings,
            works=self.works_of,
            onboarding=self.onboarding,
            explain=lambda assessment, _: self.explanations.get(assessment.assessment_id),
            calibrate=calibrate,
            access=self.access,
        )

    def client(self) -> Client:
        return Client(create_app(self.rooms()))


def make_town() -> Town:
    """Make a municipality with one structure in each state, and one that was never assessed."""
    town = Town()
    store = town.store
    store.asset_rows = [
        make_asset("brug-042", "Brug over de Dommel"),
        make_asset("sluis-7", "Sluis Zeven", type=AssetType.LOCK),
        make_asset("weg-12", "Ringweg Oost", type=AssetType.ROAD, condition_inspected=None, inspected_on=None),
        make_asset("tunnel-1", "Stationstunnel", type=AssetType.TUNNEL),
        make_asset("kade-3", "Havenkade <noord>", type=AssetType.QUAY),
    ]
    blind = make_risk(
        "weg-12",
        RiskState.INSUFFICIENT_DATA,
        None,
        data_quality=DataQuality.NONE,
        probability_of_failure=(FailureProbability(90, 0.02, 0.001, 0.2),),
        remaining_life=None,
        failure_mode=None,
        health_index=None,
        indicative_condition=None,
        advice="restore_data",
        reasons=(Reason("never_heard"),),
    )
    watched = make_risk("sluis-7", RiskState.WATCH, 9_000.0, provisional=True, advice="keep_watching")
    sound = make_risk(
        "tunnel-1",
        RiskState.OK,
        120.0,
        advice="none",
        indicative_condition=1,
        reasons=(Reason("all_as_expected", {"channels": 6}),),
    )
    store.newest = {
        risk.asset: risk for risk in (sound, blind, make_risk("brug-042", RiskState.ACT, 41_540.0), watched)
    }
    store.history = [
        make_risk(
            "brug-042",
            RiskState.WATCH,
            5_000.0 + hours,
            assessment_id=f"brug-042@{hours}",
            assessed_at_ns=NOW_NS - (hours + 1) * HOUR_NS,
        )
        for hours in range(5)
    ]
    store.alarm_rows = [
        make_alarm("brug-042", 12),
        make_alarm("brug-042", 200, state=AlarmState.CLEARED, cleared_at_ns=NOW_NS - 150 * DAY_NS),
        make_alarm("weg-12", 3, kind="sensor.stuck", id="weg-12/sensor stuck/3"),
    ]
    store.letters = [
        DeadLetter(
            f"l{n}", "infra/v1/gw/a/b/reading", GatewayId("gw"), "not_json", "got b'\\xff'", b"\xff{", NOW_NS - n
        )
        for n in range(3)
    ]
    store.unknown = [
        Quarantined(GatewayId("gw"), AssetId("brug-99"), SensorId(f"s{n}"), 4, NOW_NS - DAY_NS, NOW_NS, "unknown", "{}")
        for n in range(3)
    ]
    store.statuses = [
        make_status("brug-042", "tilt_1", "tilt.x"),
        make_status("brug-042", "t1", "temperature", unit="Cel", role="environment", last_value=11.5),
        make_status(
            "weg-12", "m1", "base_moisture", quality=DataQuality.NONE, unit="%", last_time_ns=None, last_value=None
        ),
    ]
    tilt = (AssetId("brug-042"), SensorId("tilt_1"), ChannelName("tilt.x"))
    town.series.points[tilt] = [
        SeriesPoint(NOW_NS - (6 - hour) * HOUR_NS, 0.4 + hour / 100, 6, 0.4, 0.02 if hour else None)
        for hour in range(6)
    ]
    town.decisions.append(
        DecisionDraft(AssetId("brug-042"), DecisionVerb.PLAN, "J. de Vries", "Kraan is vrij", due_on="2026-10-05"),
        decided_at_ns=NOW_NS - DAY_NS,
    )
    return town
