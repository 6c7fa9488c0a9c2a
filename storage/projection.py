"""Journal outcomes projected into the tables of the operational store.

Entries are written in the order of their sequence and the position moves in the same transaction, so
that a crash at any moment neither skips nor repeats one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine, and_, delete, select, update

from domain.errors import ConfigurationError
from domain.identifiers import AssetId
from domain.measurements import DataQuality
from domain.records import Alarm, AlarmState, Decision, RiskAssessment
from domain.register import Asset, Register
from storage.advisory import rank_key
from storage.database import migrations_pending, translated, upgrade_schema
from storage.entries import AlarmChange, DecisionBody, GatewayChange, QuarantineChange, RegisterBody
from storage.fleet_events import group_alarms
from storage.inspections import finding_of, inspected
from storage.instrument_echoes import let_echoes_speak, mark_instrument_echoes
from storage.journal import Entry
from storage.modal import forget_modes, project_modes
from storage.rows import plain_text, update_sensors, upsert
from storage.tables import (
    ALARMS,
    RISKS,
    alarm_table,
    assessment_table,
    asset_table,
    channel_table,
    dead_letter_table,
    gateway_table,
    projection_table,
    quarantine_table,
    risk_table,
)

__all__ = ["MIGRATING", "OperationalProjection"]

_POSITION: Final = "operational"
# Stands among the positions while a migration fills the tables.
MIGRATING: Final = "migrating"
_UNSUPPORTED: Final = "late_data_disagree"


class OperationalProjection:
    """The one writer of the operational store; it brings the schema up to date before it first looks.

    Parameters
    ----------
    engine : Engine
        Of a database that need not be there yet: it is asked for when `position` is.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_prepared = False

    def position(self) -> int:
        """Give the sequence of the last projected entry.

        Raises
        ------
        StorageUnavailable
            If the database is away, or its schema cannot be changed now.
        ConfigurationError
            If a migration has not filled its tables yet.
        """
        if not self._is_prepared:
            if migrations_pending(self._engine):
                upgrade_schema(self._engine)
            self._refuse_half()
            self._is_prepared = True
        with translated(self._engine), self._engine.connect() as db:
            return (
                db.execute(
                    select(projection_table.c.seq).where(projection_table.c.name == _POSITION)
                ).scalar_one_or_none()
                or 0
            )

    def _refuse_half(self) -> None:
        with translated(self._engine), self._engine.connect() as db:
            if db.execute(select(projection_table.c.seq).where(projection_table.c.name == MIGRATING)).first():
                raise ConfigurationError(
                    "operational store: a migration into this database was broken off; stop ingest and run the same "
                    "`schouw migrate` again"
                )

    def project(self, entries: Sequence[Entry]) -> None:
        """Write the outcomes of entries that follow the position, in order.

        Raises
        ------
        StorageUnavailable
            If the database is away; nothing of these entries was written.
        """
        if not entries:
            return
        with translated(self._engine), self._engine.begin() as db:
            # Only the newest of these rows stays, so each is written once for all entries of this call.
            current: dict[AssetId, tuple[int, RiskAssessment]] = {}
            for entry in entries:
                self._project_one(db, entry, current)
                current |= {item.asset: (entry.seq, item) for item in entry.outcome.current}
            upsert(db, risk_table, [_risk_row(item, seq) for seq, item in current.values()])
            update_sensors(db, [(entry.seq, entry.outcome.sensors) for entry in entries])
            upsert(db, projection_table, [{"name": name, "seq": seq} for name, seq in _reached(entries).items()])

    @staticmethod
    def _project_one(db: Connection, entry: Entry, current: dict[AssetId, tuple[int, RiskAssessment]]) -> None:
        seq, outcome = entry.seq, entry.outcome
        if outcome.register is not None:
            at_ns = entry.body.at_ns if isinstance(entry.body, RegisterBody) else None
            for asset in _replace_register(db, seq, outcome.register, outcome.register_numbers, at_ns):
                current.pop(asset, None)
        if isinstance(entry.body, DecisionBody):
            _keep_assessment(db, seq, entry.body.decision, current.get(entry.body.decision.asset))
            _keep_finding(db, seq, entry.body.decision)
        upsert(
            db,
            assessment_table,
            [
                {
                    "id": item.assessment_id,
                    "asset": item.asset,
                    "assessed_at_ns": item.assessed_at_ns,
                    "detail": _assessment_detail(item, seq) | {"replaces": _replaced(db, item, seq)},
                    "revision": seq,
                }
                for item in outcome.assessments
            ],
        )
        upsert(db, alarm_table, [_alarm_row(alarm, seq) for alarm in outcome.alarms])
        group_alarms(db, seq, outcome.alarms)
        mark_instrument_echoes(db, outcome.alarms)
        project_modes(db, seq, outcome.modes)
        for change in outcome.alarm_changes:
            _change_alarm(db, seq, change)
        let_echoes_speak(db, seq, [change.id for change in outcome.alarm_changes])
        if outcome.dead_letters:
            rows = [
                {
                    "id": letter.id,
                    "topic": plain_text(letter.topic, 1024),
                    "gateway": plain_text(letter.gateway, 64),
                    "code": letter.code,
                    "reason": plain_text(letter.reason, 2048),
                    "head": letter.head,
                    "received_at_ns": letter.received_at_ns,
                    "revision": seq,
                }
                for letter in outcome.dead_letters
            ]
            upsert(db, dead_letter_table, rows)
        for held in outcome.quarantine:
            _project_quarantine(db, seq, held)
        for clock in outcome.clocks:
            this = (channel_table.c.asset == clock.asset) & (channel_table.c.sensor == clock.sensor)
            db.execute(update(channel_table).where(this).values(skew_s=clock.skew_s, revision=seq))
        for gateway in outcome.gateways:
            _project_gateway(db, seq, gateway)


def _reached(entries: Sequence[Entry]) -> dict[str, int]:
    """Give the position behind some entries, and the last of them that changed a kind of rows, where one did."""
    reached = {_POSITION: entries[-1].seq}
    for entry in entries:
        outcome = entry.outcome
        if outcome.register is not None or outcome.current:
            reached[RISKS] = entry.seq
        if outcome.register is not None or outcome.alarms or outcome.alarm_changes:
            reached[ALARMS] = entry.seq
    return reached


def _keep_assessment(
    db: Connection, seq: int, decision: Decision, unwritten: tuple[int, RiskAssessment] | None
) -> None:
    """Keep a provisional assessment that a person decided on: the log points to it."""
    if decision.assessment_id is None:
        return
    if unwritten is not None:
        detail = _assessment_detail(unwritten[1], unwritten[0])
    else:
        row = db.execute(select(risk_table.c.detail).where(risk_table.c.asset == decision.asset)).one_or_none()
        detail = row.detail if row is not None else {"assessment_id": None}
    if detail["assessment_id"] == decision.assessment_id:
        values = {"id": detail["assessment_id"], "asset": decision.asset, "assessed_at_ns": detail["assessed_at_ns"]}
        upsert(db, assessment_table, [{**values, "detail": detail, "revision": seq}])


def _keep_finding(db: Connection, seq: int, decision: Decision) -> None:
    """Let the asset say what an inspection found, if that was decided; it may have left the register."""
    finding = finding_of(decision)
    if finding is None:
        return
    this = asset_table.c.id == decision.asset
    row = db.execute(select(asset_table.c.detail).where(this)).one_or_none()
    if row is not None:
        asset = inspected(msgspec.convert(row.detail, Asset), finding)
        db.execute(update(asset_table).where(this).values(detail=msgspec.to_builtins(asset), revision=seq))


def _replaced(db: Connection, item: RiskAssessment, seq: int) -> str | None:
    """Find the assessment that a revised one takes the place of: the newest before it of the same time."""
    if not item.revised:
        return None
    table = assessment_table.c
    before = (
        select(table.id)
        .where(table.asset == item.asset, table.assessed_at_ns == item.assessed_at_ns, table.revision < seq)
        .order_by(table.revision.desc(), table.id.desc())
    )
    found = db.execute(before.limit(1)).scalar_one_or_none()
    return None if found is None else str(found)


def _change_alarm(db: Connection, seq: int, change: AlarmChange) -> None:
    table = alarm_table.c
    this = update(alarm_table).where(table.id == change.id)
    if change.reopened:
        db.execute(this.values(cleared_at_ns=None, revision=seq))
        db.execute(this.where(table.state == AlarmState.CLEARED.value).values(state=AlarmState.OPEN.value))
    if change.supported is not None:
        _say_supported(db, seq, change)
    if change.cleared_at_ns is not None:
        db.execute(this.values(cleared_at_ns=change.cleared_at_ns, revision=seq))
        standing = table.state.in_([AlarmState.OPEN.value, AlarmState.ACKNOWLEDGED.value])
        db.execute(this.where(standing).values(state=AlarmState.CLEARED.value))
    if change.state is not None:
        db.execute(this.values(state=change.state.value, revision=seq))


def _say_supported(db: Connection, seq: int, change: AlarmChange) -> None:
    """Say at the head of an alarm's reasons that late data do not support it, or no longer say so."""
    this = alarm_table.c.id == change.id
    row = db.execute(select(alarm_table.c.reasons).where(this)).one_or_none()
    if row is None:
        return
    reasons = [reason for reason in row.reasons if reason["code"] != _UNSUPPORTED]
    if not change.supported:
        reasons.insert(0, {"code": _UNSUPPORTED, "facts": {}})
    db.execute(update(alarm_table).where(this).values(reasons=reasons, revision=seq))


def _replace_register(
    db: Connection, seq: int, register: Register, numbers: Sequence[int], at_ns: int | None
) -> list[AssetId]:
    """Write the register as it holds from here on, and give what left it; what channels last sent stays."""
    assets = [
        {
            "id": asset.id,
            "organisation": asset.organisation,
            "detail": msgspec.to_builtins(asset),
            "revision": seq,
        }
        for asset in register.assets
    ]
    kept = {asset.id for asset in register.assets}
    gone = [AssetId(row.id) for row in db.execute(select(asset_table.c.id)) if row.id not in kept]
    for asset in gone:
        db.execute(delete(asset_table).where(asset_table.c.id == asset))
        db.execute(delete(risk_table).where(risk_table.c.asset == asset))
        forget_modes(db, asset)
        # What is not watched any more calls nobody to look.
        standing = alarm_table.c.state.in_([AlarmState.OPEN.value, AlarmState.ACKNOWLEDGED.value])
        db.execute(
            update(alarm_table)
            .where(alarm_table.c.asset == asset, standing)
            .values(state=AlarmState.CLEARED.value, cleared_at_ns=at_ns, revision=seq)
        )
    upsert(db, asset_table, assets)
    heard = {
        (row.asset, row.sensor, row.channel): row
        for row in db.execute(select(channel_table).where(channel_table.c.last_time_ns.is_not(None)))
    }
    db.execute(delete(channel_table))
    rows = []
    for channel, number in zip(register.channels, numbers, strict=True):
        before = heard.get((channel.asset, channel.sensor, channel.channel))
        rows.append(
            {
                "asset": channel.asset,
                "sensor": channel.sensor,
                "channel": channel.channel,
                "number": number,
                "unit": plain_text(channel.unit, 32),
                "gateway": channel.gateway,
                "role": channel.role.value,
                "interval_s": channel.interval_s,
                "quality": before.quality if before else DataQuality.NONE.value,
                "last_time_ns": before.last_time_ns if before else None,
                "last_value": before.last_value if before else None,
                "skew_s": before.skew_s if before else None,
                "revision": seq,
            }
        )
    upsert(db, channel_table, rows)
    return gone


def _project_quarantine(db: Connection, seq: int, change: QuarantineChange) -> None:
    """Add held messages to their sender, or take released ones off; a sender with none left is gone."""
    table = quarantine_table.c
    this = and_(table.gateway == change.gateway, table.asset == change.asset, table.sensor == change.sensor)
    row = db.execute(select(quarantine_table).where(this)).one_or_none()
    messages = change.messages + (row.messages if row else 0)
    if messages <= 0:
        db.execute(delete(quarantine_table).where(this))
        return
    released = change.messages < 0
    upsert(
        db,
        quarantine_table,
        [
            {
                "gateway": change.gateway,
                "asset": change.asset,
                "sensor": change.sensor,
                "messages": messages,
                "first_received_ns": row.first_received_ns if row else change.first_received_ns,
                "last_received_ns": row.last_received_ns if row and released else change.last_received_ns,
                "reason": row.reason if row and released else plain_text(change.reason, 1024),
                "example": row.example if row and released else plain_text(change.example, 1024),
                "revision": seq,
            }
        ],
    )


def _project_gateway(db: Connection, seq: int, change: GatewayChange) -> None:
    row = db.execute(select(gateway_table).where(gateway_table.c.id == change.gateway)).one_or_none()
    if row is not None and change.state == "offline" and row.session != change.session:
        return  # a will of an older connection that came after the new birth
    upsert(
        db,
        gateway_table,
        [
            {
                "id": change.gateway,
                "state": change.state,
                "session": change.session,
                "since_ns": change.since_ns,
                "received_at_ns": change.received_ns,
                "revision": seq,
            }
        ],
    )


def _risk_row(item: RiskAssessment, seq: int) -> dict[str, Any]:
    key = rank_key(item)
    return {
        "asset": item.asset,
        "state_rank": key.state_rank,
        "negative_cost_eur": key.negative_cost_eur,
        "assessed_at_ns": item.assessed_at_ns,
        "provisional": item.provisional,
        "detail": _assessment_detail(item, seq),
        "revision": seq,
    }


def _assessment_detail(item: RiskAssessment, seq: int) -> dict[str, Any]:
    detail: dict[str, Any] = msgspec.to_builtins(item)
    detail["journal_seq"] = detail["revision"] = seq
    return detail


def _alarm_row(alarm: Alarm, seq: int) -> dict[str, Any]:
    return {
        "id": alarm.id,
        "asset": alarm.asset,
        "kind": alarm.kind,
        "subject": alarm.subject,
        "raised_at_ns": alarm.raised_at_ns,
        "cleared_at_ns": alarm.cleared_at_ns,
        "state": alarm.state.value,
        "reasons": msgspec.to_builtins(alarm.reasons),
        "event_id": "",
        "is_echo": False,
        "revision": seq,
    }
