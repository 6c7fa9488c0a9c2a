"""Stores in memory: rows in lists and dicts that a test fills, answered as the protocols say."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from domain.errors import DecisionRepeated, StorageCorrupt
from domain.identifiers import AssetId, ChannelName, SensorId
from domain.measurements import DeadLetter, Quarantined, SensorStatus, SeriesPoint
from domain.modes import AveragedSpectrum, ModePoint
from domain.records import Alarm, AlarmState, Decision, RiskAssessment, RiskState
from domain.register import Asset
from storage.protocols import DecisionDraft, OnceKey, RankKey, Revisions, SensorKey, TimedKey

# All of six digits: a page names the newest, and two answers about the same rows are to be of one length.
_REVISIONS = itertools.count(100_000)


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
        if "\0" in assessment_id:
            raise StorageCorrupt("as of PostgreSQL, which has no text with a NUL")
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
        kind: str | None = None,
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
            and kind in {None, alarm.kind}
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
