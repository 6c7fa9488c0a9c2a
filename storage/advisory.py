"""What the API asks of the operational store, answered from its tables; implements `AdvisoryStore`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Engine, Row, Select, and_, func, or_, select, tuple_

from domain.identifiers import AssetId, ChannelName, GatewayId, SensorId
from domain.measurements import DataQuality, DeadLetter, Quarantined, SensorStatus
from domain.records import Alarm, AlarmState, Reason, RiskAssessment, RiskState
from domain.register import Asset
from storage.database import translated
from storage.details import asset_from, asset_text, risk_from, risk_text
from storage.ownership import Organisations, own_asset, own_gateway, own_row
from storage.protocols import RankKey, Revisions, SensorKey, TimedKey
from storage.ranking import ranked_row, ranking
from storage.tables import (
    ALARMS,
    RISKS,
    alarm_table,
    assessment_table,
    asset_table,
    channel_table,
    dead_letter_table,
    projection_table,
    quarantine_table,
    risk_table,
)

__all__ = ["SqlAdvisoryStore", "rank_key", "sensor_status"]

_STATE_RANK: Final = {state: rank for rank, state in enumerate(RiskState)}


def rank_key(assessment: RiskAssessment) -> RankKey:
    """Give the place of an assessment in the ranking of design.md section 6."""
    cost = assessment.expected_cost_of_waiting_eur
    return RankKey(_STATE_RANK[assessment.state], -cost if cost is not None else 0.0, assessment.asset)


def sensor_status(row: Row[Any]) -> SensorStatus:
    """Make a record of a row of channels."""
    return SensorStatus(
        AssetId(row.asset),
        SensorId(row.sensor),
        ChannelName(row.channel),
        row.unit,
        GatewayId(row.gateway),
        row.role,
        row.interval_s,
        DataQuality(row.quality),
        row.last_time_ns,
        row.last_value,
        row.revision,
        row.skew_s,
    )


class SqlAdvisoryStore:
    """Register, risks, alarms and refusals, read from SQL.

    Parameters
    ----------
    engine : Engine
        Of the database that `OperationalProjection` writes.
    organisations : sequence of str or None
        Only what belongs to assets that carry one of these names in the register; None: everything.
    """

    def __init__(self, engine: Engine, organisations: Organisations = None) -> None:
        self._engine = engine
        self._organisations = organisations

    def of(self, organisations: Sequence[str]) -> SqlAdvisoryStore:
        """Give the same store as one organisation sees it."""
        return SqlAdvisoryStore(self._engine, tuple(organisations))

    def revisions(self) -> Revisions:
        """Give the newest revision that a row of each kind may carry; it grows with every change of what is read."""
        told = {row.name: int(row.seq) for row in self._all(select(projection_table.c.name, projection_table.c.seq))}
        newest = max(told.values(), default=0)
        # Kinds are told apart since the first change that was written behind this version's start.
        return Revisions(newest, told.get(RISKS, newest), told.get(ALARMS, newest))

    def assets(self, *, after: str | None = None, limit: int = 100) -> Sequence[Asset]:
        """List assets by identifier."""
        query = select(asset_table.c.detail).order_by(asset_table.c.id).limit(limit)
        if after is not None:
            query = query.where(asset_table.c.id > after)
        query = query.where(own_row(self._organisations))
        return [_asset(row.detail) for row in self._all(query)]

    def asset(self, asset: AssetId) -> Asset | None:
        """Find one asset."""
        query = select(asset_table.c.detail).where(asset_table.c.id == asset)
        query = query.where(own_row(self._organisations))
        rows = self._all(query)
        return _asset(rows[0].detail) if rows else None

    def risks(
        self, *, after: RankKey | None = None, limit: int = 100, states: Sequence[RiskState] = ()
    ) -> Sequence[tuple[RankKey, Asset, RiskAssessment]]:
        """List each asset's newest assessment in the order of the ranking."""
        table = risk_table.c
        query = ranking(self._organisations, after=after, limit=limit)
        if states:
            query = query.where(table.state_rank.in_([_STATE_RANK[state] for state in states]))
        return [ranked_row(row) for row in self._all(query)]

    def changed_risks(
        self, *, after: TimedKey | None = None, limit: int = 100
    ) -> Sequence[tuple[Asset, RiskAssessment]]:
        """List newest assessments by revision and asset, oldest change first."""
        table = risk_table.c
        query = (
            select(risk_text(), table.revision, asset_text())
            .join(asset_table, asset_table.c.id == table.asset)
            .where(own_row(self._organisations, walked=True))
            .order_by(table.revision, table.asset)
            .limit(limit)
        )
        if after is not None:
            query = query.where(_later(table.revision, table.asset, after))
        return [(asset_from(row), risk_from(row)) for row in self._all(query)]

    def changed_alarms(self, *, after: TimedKey | None = None, limit: int = 100) -> Sequence[Alarm]:
        """List alarms by revision and identifier, oldest change first."""
        table = alarm_table.c
        query = select(alarm_table).order_by(table.revision, table.id).limit(limit)
        if after is not None:
            query = query.where(_later(table.revision, table.id, after))
        query = query.where(own_asset(table.asset, self._organisations, walked=True))
        return [_alarm(row) for row in self._all(query)]

    def risk(self, asset: AssetId) -> RiskAssessment | None:
        """Give the newest assessment of one asset."""
        query = select(risk_table.c.detail, risk_table.c.revision).where(risk_table.c.asset == asset)
        rows = self._all(self._own(query, risk_table.c.asset))
        return _assessment(rows[0].detail, rows[0].revision) if rows else None

    def assessment(self, assessment_id: str) -> RiskAssessment | None:
        """Find one stored assessment."""
        table = assessment_table.c
        rows = self._all(
            select(table.detail, table.revision)
            .where(table.id == assessment_id)
            .where(own_asset(table.asset, self._organisations))
        )
        return _assessment(rows[0].detail, rows[0].revision) if rows else None

    def risk_history(
        self, asset: AssetId, *, after: TimedKey | None = None, limit: int = 100
    ) -> Sequence[RiskAssessment]:
        """List the final assessments of one asset, newest first; of one time, what replaces before what it replaces."""
        table = assessment_table.c
        query = (
            select(table.detail, table.revision)
            .where(table.asset == asset)
            .order_by(table.assessed_at_ns.desc(), table.revision.desc(), table.id.desc())
            .limit(limit)
        )
        if after is not None:
            # Nothing where the key is a moment alone, and then nothing of that moment follows it.
            written = select(table.revision).where(table.id == after.id).scalar_subquery()
            earlier = or_(table.revision < written, and_(table.revision == written, table.id < after.id))
            query = query.where(
                table.assessed_at_ns <= after.time_ns, or_(table.assessed_at_ns < after.time_ns, earlier)
            )
        return [_assessment(row.detail, row.revision) for row in self._all(self._own(query, table.asset))]

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
        """List alarms by time of raising, newest first."""
        table = alarm_table.c
        query = select(alarm_table).order_by(table.raised_at_ns.desc(), table.id.desc()).limit(limit)
        if asset is not None:
            query = query.where(table.asset == asset)
        if states:
            query = query.where(table.state.in_([state.value for state in states]))
        if kind is not None:
            query = query.where(table.kind == kind)
        if event is not None:
            query = query.where(table.event_id == event)
        if after is not None:
            query = query.where(_before(table.raised_at_ns, table.id, after))
        query = query.where(own_asset(table.asset, self._organisations, walked=asset is None))
        return [_alarm(row) for row in self._all(query)]

    def alarm(self, alarm_id: str) -> Alarm | None:
        """Find one alarm."""
        rows = self._all(
            select(alarm_table)
            .where(alarm_table.c.id == alarm_id)
            .where(own_asset(alarm_table.c.asset, self._organisations))
        )
        return _alarm(rows[0]) if rows else None

    def dead_letters(self, *, after: TimedKey | None = None, limit: int = 100) -> Sequence[DeadLetter]:
        """List refused messages by time of arrival, newest first."""
        table = dead_letter_table.c
        query = select(dead_letter_table).order_by(table.received_at_ns.desc(), table.id.desc()).limit(limit)
        if after is not None:
            query = query.where(_before(table.received_at_ns, table.id, after))
        return [
            DeadLetter(
                row.id,
                row.topic,
                GatewayId(row.gateway),
                row.code,
                row.reason,
                row.head,
                row.received_at_ns,
                row.revision,
            )
            for row in self._all(query.where(own_gateway(table.gateway, self._organisations)))
        ]

    def quarantine(self, *, after: SensorKey | None = None, limit: int = 100) -> Sequence[Quarantined]:
        """List unknown senders by gateway, asset and sensor."""
        table = quarantine_table.c
        keys = (table.gateway, table.asset, table.sensor)
        query = select(quarantine_table).order_by(*keys).limit(limit)
        if after is not None:
            query = query.where(_behind(keys, (after.asset, after.sensor, after.channel)))
        return [
            Quarantined(
                GatewayId(row.gateway),
                AssetId(row.asset),
                SensorId(row.sensor),
                row.messages,
                row.first_received_ns,
                row.last_received_ns,
                row.reason,
                row.example,
                row.revision,
            )
            for row in self._all(query.where(own_gateway(table.gateway, self._organisations)))
        ]

    def sensors(
        self, *, asset: AssetId | None = None, after: SensorKey | None = None, limit: int = 100
    ) -> Sequence[SensorStatus]:
        """List the channels of the register with the newest that came from them."""
        table = channel_table.c
        keys = (table.asset, table.sensor, table.channel)
        query = select(channel_table).order_by(*keys).limit(limit)
        if asset is not None:
            query = query.where(table.asset == asset)
        if after is not None:
            query = query.where(_behind(keys, (after.asset, after.sensor, after.channel)))
        return [sensor_status(row) for row in self._all(self._own(query, table.asset))]

    def all_assessments(self, *, page: int) -> Iterator[Sequence[RiskAssessment]]:
        """Walk over all stored assessments, so many at a time."""
        table = assessment_table.c
        query = select(table.id, table.detail, table.revision).order_by(table.id).limit(page)
        rows = self._all(query)
        while rows:
            yield [_assessment(row.detail, row.revision) for row in rows]
            rows = self._all(query.where(table.id > rows[-1].id))

    def all_alarms(self, *, page: int) -> Iterator[Sequence[Alarm]]:
        """Walk over all alarms, so many at a time."""
        query = select(alarm_table).order_by(alarm_table.c.id).limit(page)
        rows = self._all(query)
        while rows:
            yield [_alarm(row) for row in rows]
            rows = self._all(query.where(alarm_table.c.id > rows[-1].id))

    def counts(self) -> dict[str, int]:
        """Count the rows of each table, for `schouw doctor`."""
        tables = (asset_table, channel_table, assessment_table, alarm_table, dead_letter_table, quarantine_table)
        return {
            table.name: int(self._all(select(func.count().label("rows")).select_from(table))[0].rows)
            for table in tables
        }

    def _own(self, query: Select[Any], asset_column: Any) -> Select[Any]:
        return query.where(own_asset(asset_column, self._organisations))

    def _all(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with translated(self._engine), self._engine.connect() as db:
            return db.execute(query).all()


def _before(time_column: Any, id_column: Any, key: TimedKey) -> Any:
    return tuple_(time_column, id_column) < (key.time_ns, key.id)


def _later(revision_column: Any, id_column: Any, key: TimedKey) -> Any:
    return tuple_(revision_column, id_column) > (key.time_ns, key.id)


def _behind(columns: tuple[Any, Any, Any], values: tuple[str, str, str]) -> Any:
    return tuple_(*columns) > values


def _assessment(detail: dict[str, Any], revision: int) -> RiskAssessment:
    return msgspec.convert({**detail, "revision": revision}, RiskAssessment)


def _asset(detail: dict[str, Any]) -> Asset:
    return msgspec.convert(detail, Asset)


def _alarm(row: Row[Any]) -> Alarm:
    return Alarm(
        row.id,
        AssetId(row.asset),
        row.kind,
        row.raised_at_ns,
        row.cleared_at_ns,
        AlarmState(row.state),
        row.subject,
        tuple(msgspec.convert(reason, Reason) for reason in row.reasons),
        row.revision,
        row.event_id,
        bool(row.is_echo),
    )
