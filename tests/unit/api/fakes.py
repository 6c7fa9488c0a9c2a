"""Stores in memory, a client without a socket, and a small municipality for the tests of the API."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
from fastapi import FastAPI

from api.app import ApiRooms, ApiSettings, PartState, Readiness, create_app
from api.onboarding import Onboarding
from api.rooms import Access
from domain.errors import DecisionRepeated
from domain.explanations import Explanation
from domain.identifiers import AssetId, ChannelName, GatewayId, SensorId
from domain.modes import AveragedSpectrum, ModePoint
from domain.records import (
    Alarm,
    AlarmState,
    DataQuality,
    DeadLetter,
    Decision,
    DecisionVerb,
    FailureProbability,
    Quarantined,
    Reason,
    RemainingLife,
    RiskAssessment,
    RiskState,
    SensorStatus,
    SeriesPoint,
)
from domain.register import Asset, AssetType, Works
from service.calibrating import calibrate
from storage.overview_rows import FleetTally, GatewayRow, ListFilter, PlaceRow, StatedChance, grade_now
from storage.protocols import DecisionDraft, OnceKey, RankKey, Revisions, SensorKey, TimedKey

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
NOW_NS = 1_790_000_000_000_000_000  # 2026-09-21T14:13:20Z
SETTINGS = ApiSettings(
    allowed_hosts=("testserver", "localhost"),
    demo=False,
    organisation="Gemeente Voorbeeld",
    contact_name="Team Beheer",
    contact_url="https://voorbeeld.test/schouw",
    contact_email="beheer@voorbeeld.test",
)


_REVISIONS = itertools.count(1)


@dataclass
class MemoryStore:
    """Keeps rows in lists and answers as the protocol says; `calls` counts questions."""

    asset_rows: list[Asset] = field(default_factory=list)
    newest: dict[AssetId, RiskAssessment] = field(default_factory=dict)
    history: list[RiskAssessment] = field(default_factory=list)
    alarm_rows: list[Alarm] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    unknown: list[Quarantined] = field(default_factory=list)
    statuses: list[SensorStatus] = field(default_factory=list)

    def of(self, organisations: Sequence[str]) -> MemoryStore:
        own = {asset.id for asset in self.asset_rows if asset.organisation in organisations}
        return MemoryStore(
            asset_rows=[asset for asset in self.asset_rows if asset.id in own],
            newest={asset: risk for asset, risk in self.newest.items() if asset in own},
            history=[risk for risk in self.history if risk.asset in own],
            alarm_rows=[alarm for alarm in self.alarm_rows if alarm.asset in own],
            statuses=[status for status in self.statuses if status.asset in own],
        )

    def revisions(self) -> Revisions:
        """Never the same twice, so that a test may change what it likes; keeping answers is tested with SQL."""
        return Revisions(*[next(_REVISIONS)] * 3)

    def changed_risks(
        self, *, after: TimedKey | None = None, limit: int = 100
    ) -> Sequence[tuple[Asset, RiskAssessment]]:
        rows = [(asset, self.newest[asset.id]) for asset in self.asset_rows if asset.id in self.newest]
        rows.sort(key=lambda row: (row[1].revision, row[0].id))
        return [row for row in rows if after is None or TimedKey(row[1].revision, row[0].id) > after][:limit]

    def changed_alarms(self, *, after: TimedKey | None = None, limit: int = 100) -> Sequence[Alarm]:
        rows = sorted(self.alarm_rows, key=lambda alarm: (alarm.revision, alarm.id))
        return [row for row in rows if after is None or TimedKey(row.revision, row.id) > after][:limit]

    def assets(self, *, after: str | None = None, limit: int = 100) -> Sequence[Asset]:
        rows = sorted(self.asset_rows, key=lambda asset: asset.id)
        return [asset for asset in rows if after is None or asset.id > after][:limit]

    def asset(self, asset: AssetId) -> Asset | None:
        return next((row for row in self.asset_rows if row.id == asset), None)

    def risks(
        self, *, after: RankKey | None = None, limit: int = 100, states: Sequence[RiskState] = ()
    ) -> Sequence[tuple[RankKey, Asset, RiskAssessment]]:
        ranked = []
        for asset in self.asset_rows:
            risk = self.newest.get(asset.id)
            if risk is not None and (not states or risk.state in states):
                key = RankKey(list(RiskState).index(risk.state), -(risk.expected_cost_of_waiting_eur or 0.0), asset.id)
                ranked.append((key, asset, risk))
        ranked.sort(key=lambda row: row[0])
        return [row for row in ranked if after is None or row[0] > after][:limit]

    def risk(self, asset: AssetId) -> RiskAssessment | None:
        return self.newest.get(asset)

    def assessment(self, assessment_id: str) -> RiskAssessment | None:
        return next((risk for risk in self.history if risk.assessment_id == assessment_id), None)

    def risk_history(
        self, asset: AssetId, *, after: TimedKey | None = None, limit: int = 100
    ) -> Sequence[RiskAssessment]:
        rows = sorted(
            (risk for risk in self.history if risk.asset == asset), key=lambda risk: risk.assessed_at_ns, reverse=True
        )
        return [risk for risk in rows if after is None or TimedKey(risk.assessed_at_ns, risk.assessment_id) < after][
            :limit
        ]

    def alarms(
        self,
        *,
        asset: AssetId | None = None,
        states: Sequence[AlarmState] = (),
        event: str | None = None,
        after: TimedKey | None = None,
        limit: int = 100,
    ) -> Sequence[Alarm]:
        rows = sorted(self.alarm_rows, key=lambda alarm: (alarm.raised_at_ns, alarm.id), reverse=True)
        return [
            alarm
            for alarm in rows
            if asset in {None, alarm.asset}
            and (not states or alarm.state in states)
            and event in {None, alarm.event_id}
            and (after is None or TimedKey(alarm.raised_at_ns, alarm.id) < after)
        ][:limit]

    def alarm(self, alarm_id: str) -> Alarm | None:
        return next((alarm for alarm in self.alarm_rows if alarm.id == alarm_id), None)

    def dead_letters(self, *, after: TimedKey | None = None, limit: int = 100) -> Sequence[DeadLetter]:
        rows = sorted(self.letters, key=lambda letter: (letter.received_at_ns, letter.id), reverse=True)
        return [row for row in rows if after is None or TimedKey(row.received_at_ns, row.id) < after][:limit]

    def quarantine(self, *, after: SensorKey | None = None, limit: int = 100) -> Sequence[Quarantined]:
        rows = sorted(self.unknown, key=lambda row: (row.gateway, row.asset, row.sensor))
        return [row for row in rows if after is None or SensorKey(row.gateway, row.asset, row.sensor) > after][:limit]

    def sensors(
        self, *, asset: AssetId | None = None, after: SensorKey | None = None, limit: int = 100
    ) -> Sequence[SensorStatus]:
        rows = sorted(self.statuses, key=lambda row: (row.asset, row.sensor, row.channel))
        return [
            row
            for row in rows
            if asset in {None, row.asset} and (after is None or SensorKey(row.asset, row.sensor, row.channel) > after)
        ][:limit]


@dataclass
class MemoryOverview:
    """Answers over a whole `MemoryStore`, as the protocol says."""

    store: MemoryStore
    states: dict[str, tuple[str, int]] = field(default_factory=dict)

    def of(self, organisations: Sequence[str]) -> MemoryOverview:
        return MemoryOverview(self.store.of(organisations))

    def ranked(
        self, wanted: ListFilter, *, after: RankKey | None = None, limit: int = 100
    ) -> Sequence[tuple[RankKey, Asset, RiskAssessment]]:
        rows = self.store.risks(after=after, limit=1_000_000, states=wanted.states)
        return [
            row
            for row in rows
            if _fits(row[1], wanted) and (not wanted.qualities or row[2].data_quality in wanted.qualities)
        ][:limit]

    def unassessed(self, wanted: ListFilter, *, limit: int = 100) -> Sequence[Asset]:
        rows = sorted(self.store.asset_rows, key=lambda asset: asset.id)
        return [asset for asset in rows if asset.id not in self.store.newest and _fits(asset, wanted)][:limit]

    def earlier(self, assets: Sequence[AssetId], before_ns: int) -> Mapping[AssetId, RiskAssessment]:
        found: dict[AssetId, RiskAssessment] = {}
        for risk in sorted(self.store.history, key=lambda risk: risk.assessed_at_ns):
            if risk.asset in assets and risk.assessed_at_ns <= before_ns:
                found[risk.asset] = risk
        return found

    def daily(self, asset: AssetId, start_ns: int) -> Sequence[RiskAssessment]:
        found: dict[int, RiskAssessment] = {}
        for risk in sorted(self.store.history, key=lambda risk: risk.assessed_at_ns):
            if risk.asset == asset and risk.assessed_at_ns >= start_ns:
                found[risk.assessed_at_ns // DAY_NS] = risk
        return list(found.values())

    def stated(self, every_ns: int) -> Sequence[StatedChance]:
        rows = [risk for risk in self.store.history if risk.assessed_at_ns % every_ns == 0 and not risk.revised]
        rows.sort(key=lambda risk: (risk.asset, risk.assessed_at_ns))
        return [
            StatedChance(risk.asset, risk.assessed_at_ns, chance.value, risk.model_version)
            for risk in rows
            for chance in risk.probability_of_failure
            if chance.horizon_days == 90
        ]

    def elsewhere(self, asset: AssetId, within_ns: int) -> Mapping[str, int]:
        found = {}
        for own in self.store.alarms(asset=asset, limit=1_000_000):
            others = {
                other.asset
                for other in self.store.alarm_rows
                if other.asset != asset
                and other.kind == own.kind
                and abs(other.raised_at_ns - own.raised_at_ns) <= within_ns
            }
            if others:
                found[own.id] = len(others)
        return found

    def _condition_alarms(self, state: AlarmState) -> int:
        rows = self.store.alarm_rows
        return sum(alarm.state is state and alarm.kind.startswith("condition.") for alarm in rows)

    def tally(self) -> FleetTally:
        known = self.store.newest.values()
        alarms = [alarm for alarm in self.store.alarm_rows if alarm.cleared_at_ns is None]
        condition = [alarm for alarm in alarms if alarm.kind.startswith("condition.")]
        return FleetTally(
            assets=len(self.store.asset_rows),
            states={state: sum(risk.state is state for risk in known) for state in RiskState},
            unassessed=len(self.store.asset_rows) - len(known),
            without_data=sum(risk.data_quality is DataQuality.NONE for risk in known),
            open_condition_alarms=len(condition),
            open_other_alarms=len(alarms) - len(condition),
            dismissed_alarms=self._condition_alarms(AlarmState.DISMISSED),
            expired_alarms=self._condition_alarms(AlarmState.CLEARED),
            quarantined=len(self.store.unknown),
        )

    def revision(self) -> int:
        assessed = max((risk.revision for risk in self.store.newest.values()), default=0)
        return max(assessed, *(alarm.revision for alarm in self.store.alarm_rows), 0)

    def places(self) -> Sequence[PlaceRow]:
        rows = []
        for asset in sorted(self.store.asset_rows, key=lambda asset: asset.id):
            risk = self.store.newest.get(asset.id)
            rows.append(
                PlaceRow(
                    asset.id,
                    asset.name,
                    asset.type,
                    asset.lat,
                    asset.lon,
                    asset.emergency_repair_cost_eur,
                    asset.condition_inspected,
                    None if risk is None else risk.state,
                    DataQuality.NONE if risk is None else risk.data_quality,
                    None if risk is None else risk.indicative_condition,
                    () if risk is None else risk.probability_of_failure,
                )
            )
        return rows

    def grades(self, now_ns: int) -> Mapping[DataQuality, int]:
        found = [grade_now(status, now_ns) for status in self.store.statuses]
        return {quality: found.count(quality) for quality in DataQuality if quality in found}

    def troubled(self, now_ns: int, *, limit: int = 100) -> Sequence[SensorStatus]:
        graded = [(grade_now(row, now_ns), row) for row in self.store.statuses]
        bad = [(grade, row) for grade, row in graded if grade in {DataQuality.NONE, DataQuality.LOW}]
        bad.sort(key=lambda item: (item[0] is not DataQuality.NONE, item[1].asset, item[1].sensor, item[1].channel))
        return [row for _, row in bad][:limit]

    def gateways(self, now_ns: int) -> Sequence[GatewayRow]:
        names = sorted({status.gateway for status in self.store.statuses} | self.states.keys())
        rows = []
        for name in names:
            own = [status for status in self.store.statuses if status.gateway == name]
            silent = sum(grade_now(status, now_ns) is DataQuality.NONE for status in own)
            state, since_ns = self.states.get(name, (None, None))
            rows.append(GatewayRow(name, state, since_ns, len(own), silent))
        return rows


def _fits(asset: Asset, wanted: ListFilter) -> bool:
    part = wanted.text.lower()
    return (not wanted.types or asset.type in wanted.types) and (part in asset.name.lower() or part in asset.id.lower())


@dataclass
class MemorySeries:
    """Hops of channels in a dict."""

    points: dict[tuple[AssetId, SensorId, ChannelName], list[SeriesPoint]] = field(default_factory=dict)

    def channel_names(self, asset: AssetId) -> Sequence[tuple[SensorId, ChannelName, str]]:
        return [(sensor, channel, "mrad") for owner, sensor, channel in sorted(self.points) if owner == asset]

    def hops(
        self,
        asset: AssetId,
        sensor: SensorId,
        channel: ChannelName,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        after_ns: int | None = None,
        limit: int = 1000,
    ) -> Sequence[SeriesPoint]:
        return [
            point
            for point in self.points.get((asset, sensor, channel), [])
            if (start_ns is None or point.start_ns >= start_ns)
            and (end_ns is None or point.start_ns < end_ns)
            and (after_ns is None or point.start_ns > after_ns)
        ][:limit]


@dataclass
class MemoryModes:
    """Points of modes and spectra in lists."""

    rows: list[ModePoint] = field(default_factory=list)
    averages: list[AveragedSpectrum] = field(default_factory=list)

    def newest(self, asset: AssetId) -> Sequence[ModePoint]:
        found = {row.mode: row for row in sorted(self.rows, key=lambda row: row.end_ns) if row.asset == asset}
        return [found[mode] for mode in sorted(found)]

    def points(
        self,
        asset: AssetId,
        mode: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        after_ns: int | None = None,
        limit: int = 100,
    ) -> Sequence[ModePoint]:
        return [
            row
            for row in sorted(self.rows, key=lambda row: row.end_ns)
            if (row.asset, row.mode) == (asset, mode)
            and (start_ns is None or row.end_ns >= start_ns)
            and (end_ns is None or row.end_ns < end_ns)
            and (after_ns is None or row.end_ns > after_ns)
        ][:limit]

    def spectra(self, asset: AssetId) -> Sequence[AveragedSpectrum]:
        return [row for row in self.averages if row.asset == asset]


@dataclass
class MemoryDecisions:
    """A log without a chain."""

    links: list[Decision] = field(default_factory=list)
    once: dict[bytes, tuple[bytes, list[Decision]]] = field(default_factory=dict)

    def append(self, draft: DecisionDraft, *, decided_at_ns: int, once: OnceKey | None = None) -> Decision:
        return self.append_all([draft], decided_at_ns=decided_at_ns, once=once)[0]

    def append_all(
        self, drafts: Sequence[DecisionDraft], *, decided_at_ns: int, once: OnceKey | None = None
    ) -> Sequence[Decision]:
        if once is not None and (earlier := self.repeated(once)):
            return earlier
        links = [
            Decision(
                id=f"d{seq}",
                seq=seq,
                asset=draft.asset,
                verb=draft.verb,
                decided_by=draft.decided_by,
                reason=draft.reason,
                decided_at_ns=decided_at_ns,
                alarm_id=draft.alarm_id,
                assessment_id=draft.assessment_id,
                due_on=draft.due_on,
                condition=draft.condition,
                failed_on=draft.failed_on,
                hash="ab" * 32,
                organisation=draft.organisation,
                event_id=draft.event_id,
            )
            for seq, draft in enumerate(drafts, len(self.links) + 1)
        ]
        self.links += links
        if once is not None:
            self.once[once.key] = (once.asked, links)
        return links

    def repeated(self, once: OnceKey) -> Sequence[Decision]:
        asked, earlier = self.once.get(once.key, (once.asked, []))
        if asked != once.asked:
            raise DecisionRepeated("got a key that came before with another decision")
        return earlier

    def decisions(
        self, *, asset: AssetId | None = None, before_seq: int | None = None, limit: int = 100
    ) -> Sequence[Decision]:
        return [
            link
            for link in reversed(self.links)
            if asset in {None, link.asset} and (before_seq is None or link.seq < before_seq)
        ][:limit]

    def decisions_after(self, seq: int, *, asset: AssetId | None = None, limit: int = 100) -> Sequence[Decision]:
        return [link for link in self.links if asset in {None, link.asset} and link.seq > seq][:limit]


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: httpx2.Headers
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    def json(self) -> Any:
        return httpx2.Response(200, content=self.content).json()


@dataclass(frozen=True)
class Client:
    """Speaks HTTP to the application in this process; errors the server raises become its 500 answers."""

    app: FastAPI

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        content: bytes | None = None,
        json: Any = None,
        host: str = "testserver",
    ) -> Answer:
        async def ask() -> Answer:
            transport = httpx2.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx2.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
                answer = await client.request(method, path, headers=headers, content=content, json=json)
                return Answer(answer.status_code, answer.headers, answer.content)

        return asyncio.run(ask())

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, body: Any) -> Answer:
        return self.send("POST", path, json=body)


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


def make_asset(identifier: str, name: str, **values: Any) -> Asset:
    """Make an asset with an inspected condition."""
    base = Asset(
        id=AssetId(identifier),
        name=name,
        type=AssetType.BRIDGE,
        built_year=1972,
        planned_repair_cost_eur=180_000.0,
        condition_inspected=2,
        inspected_on="2024-05-04",
        external_ids={"beheerobject": "NL.IMBOR.42/a"},
    )
    return replace(base, **values)


def make_risk(asset: str, state: RiskState, cost_eur: float | None, **values: Any) -> RiskAssessment:
    """Make an assessment with everything known."""
    base = RiskAssessment(
        assessment_id=f"{asset}@2026-09-21T13",
        asset=AssetId(asset),
        assessed_at_ns=NOW_NS - HOUR_NS,
        provisional=False,
        state=state,
        data_quality=DataQuality.HIGH,
        probability_of_failure=(
            FailureProbability(30, 0.11, 0.05, 0.19),
            FailureProbability(90, 0.31, 0.18, 0.47),
            FailureProbability(365, 0.83, 0.6, 0.95),
        ),
        remaining_life=RemainingLife(60.0, 170.0, 420.0),
        failure_mode="settlement",
        health_index=0.41,
        indicative_condition=4,
        expected_cost_of_waiting_eur=cost_eur,
        advice="inspect_soon",
        reasons=(
            Reason("alarm_open", {"kind": "condition.settlement", "days": 12.0}),
            Reason("quantities_agree", {"mode": "settlement", "quantities": 2}),
        ),
        model_version="1.0.0",
        journal_seq=7,
        revision=7,
    )
    return replace(base, **values)


def make_alarm(asset: str, number: int, **values: Any) -> Alarm:
    """Make an open alarm about the condition."""
    base = Alarm(
        id=f"{asset}.condition.settlement.{number}",
        asset=AssetId(asset),
        kind="condition.settlement",
        raised_at_ns=NOW_NS - number * DAY_NS,
        cleared_at_ns=None,
        state=AlarmState.OPEN,
        subject="tilt_1",
        reasons=(Reason("quantities_agree", {"mode": "settlement", "quantities": 2}),),
        revision=5,
    )
    return replace(base, **values)


def make_status(asset: str, sensor: str, channel: str, **values: Any) -> SensorStatus:
    """Make a channel that was heard an hour ago."""
    base = SensorStatus(
        asset=AssetId(asset),
        sensor=SensorId(sensor),
        channel=ChannelName(channel),
        unit="mrad",
        gateway=GatewayId("gw-1"),
        role="condition",
        interval_s=600.0,
        quality=DataQuality.HIGH,
        last_time_ns=NOW_NS - HOUR_NS,
        last_value=0.4321,
    )
    return replace(base, **values)


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
