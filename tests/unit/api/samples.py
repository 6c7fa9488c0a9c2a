"""One of each record that the API shows, with everything known; a test changes what it is about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from domain.identifiers import AssetId, ChannelName, GatewayId, SensorId
from domain.measurements import DataQuality, SensorStatus
from domain.records import Alarm, AlarmState, FailureProbability, Reason, RemainingLife, RiskAssessment, RiskState
from domain.register import Asset, AssetType

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
NOW_NS = 1_790_000_000_000_000_000  # 2026-09-21T14:13:20Z


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
