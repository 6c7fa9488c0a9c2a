"""Answers over a whole fleet in memory, worked out the plain way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from domain.identifiers import AssetId
from domain.measurements import DataQuality, SensorStatus
from domain.records import STANDING_STATES, AlarmState, RiskAssessment, RiskState
from domain.register import Asset
from storage.overview_rows import FleetTally, GatewayRow, ListFilter, PlaceRow, StatedChance, grade_now
from storage.protocols import RankKey
from tests.unit.api.memory_stores import MemoryStore
from tests.unit.api.samples import DAY_NS


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
            if _fits(row[1], wanted)
            and (not wanted.qualities or row[2].data_quality in wanted.qualities)
            and (not wanted.advices or row[2].advice in wanted.advices)
        ][:limit]

    def unassessed(self, wanted: ListFilter, *, limit: int = 100) -> Sequence[Asset]:
        rows = sorted(self.store.asset_rows, key=lambda asset: asset.id)
        return [asset for asset in rows if asset.id not in self.store.newest and _fits(asset, wanted)][:limit]

    def unassessed_count(self, wanted: ListFilter) -> int:
        return len(self.unassessed(wanted, limit=1_000_000))

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

    def alarmed_since(self) -> Mapping[AssetId, int]:
        found: dict[AssetId, int] = {}
        for alarm in self.store.alarms(states=STANDING_STATES, limit=1_000_000):
            if alarm.kind.startswith("condition."):
                found[alarm.asset] = alarm.raised_at_ns
        return found

    def advised_since(self, advice: str, assets: Sequence[AssetId]) -> Mapping[AssetId, int]:
        found: dict[AssetId, int] = {}
        for risk in sorted(self.store.history, key=lambda risk: (risk.assessed_at_ns, risk.advice != advice)):
            if risk.advice == advice and risk.asset in assets:
                found.setdefault(risk.asset, risk.assessed_at_ns)
            elif risk.advice != advice and risk.assessed_at_ns % DAY_NS == 0:
                found.pop(risk.asset, None)
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
