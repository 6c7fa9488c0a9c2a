"""Examples in the OpenAPI document: one imagined bridge, answered by the functions that answer callers.

So an example cannot differ from what the routes give: it is made of stored records by `api.answers`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from api.answers import (
    alarm_item,
    asset_item,
    dead_letter_item,
    decision_item,
    quarantined_item,
    risk_item,
    sensor_item,
    series_point_item,
)
from api.calibrating import calibration_answer
from api.examples_papers import ALGORITHM_EXAMPLE, CALIBRATION, READINGS_EXAMPLE
from api.explaining import explanation_item
from api.languages import Language
from api.mode_answers import mode_item, spectrum_item
from api.schemas import Answer, SeriesListing
from api.schemas_service import CallerItem
from domain.access import Right, Role
from domain.basis import ChannelBasis
from domain.explanations import CauseShare, Explanation, LookAlike, ModeChange, RepairPlan
from domain.identifiers import AssetId, ChannelName, GatewayId, SensorId
from domain.measurements import DataQuality, DeadLetter, Quarantined, SensorStatus, SeriesPoint
from domain.modes import AveragedSpectrum, ModePoint
from domain.records import (
    Alarm,
    AlarmState,
    Decision,
    DecisionVerb,
    FailureProbability,
    Reason,
    RemainingLife,
    RiskAssessment,
    RiskState,
)
from domain.register import Asset, AssetType

__all__ = ["EXAMPLES", "as_json", "listing"]

_NS: Final = 1_000_000_000
_NOW_NS: Final = 1_772_346_000 * _NS  # 2026-03-01T06:20:00Z
_BRIDGE: Final = AssetId("brug-042")

ASSET: Final = Asset(
    id=_BRIDGE,
    name="Brug over de Dommel",
    type=AssetType.BRIDGE,
    lat=51.44,
    lon=5.47,
    built_year=1972,
    planned_repair_cost_eur=180_000.0,
    emergency_repair_cost_eur=540_000.0,
    closure_hours=72.0,
    closure_cost_eur_per_hour=1_500.0,
    crew_lead_days=21.0,
    condition_inspected=2,
    inspected_on="2024-05-04",
    external_ids={"beheerobject": "NL.IMBOR.42"},
)
RISK: Final = RiskAssessment(
    assessment_id="brug-042@2026-03-01T06",
    asset=_BRIDGE,
    assessed_at_ns=_NOW_NS - 1_200 * _NS,
    provisional=False,
    state=RiskState.ACT,
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
    expected_cost_of_waiting_eur=41_540.0,
    advice="inspect_soon",
    reasons=(Reason("quantities_agree", {"mode": "settlement", "quantities": 2}),),
    model_version="1.0.0",
    journal_seq=48_211,
    revision=48_211,
)
ALARM: Final = Alarm(
    id="brug-042.condition.settlement.1771135200",
    asset=_BRIDGE,
    kind="condition.settlement",
    raised_at_ns=_NOW_NS - 14 * 86_400 * _NS,
    cleared_at_ns=None,
    state=AlarmState.OPEN,
    reasons=(Reason("quantities_agree", {"mode": "settlement", "quantities": 2}),),
    revision=47_002,
)
DECISION: Final = Decision(
    id="d48212",
    seq=48_212,
    asset=_BRIDGE,
    verb=DecisionVerb.PLAN,
    decided_by="J. de Vries",
    reason="Crew and crane are free that week.",
    decided_at_ns=_NOW_NS,
    alarm_id=ALARM.id,
    assessment_id=RISK.assessment_id,
    due_on="2026-09-15",
    previous_hash="9f2c" * 16,
    hash="41ab" * 16,
)
EVENT_DECISION: Final = replace(
    DECISION,
    verb=DecisionVerb.DISMISS,
    reason="The storm of 3 January; levels are back.",
    due_on=None,
    event_id="brug-017.condition.settlement.1771135200",
)
_DAY_NS: Final = 86_400 * _NS
MODE: Final = ModePoint(
    asset=_BRIDGE,
    mode="100-1",
    start_ns=_NOW_NS // _DAY_NS * _DAY_NS - _DAY_NS,
    end_ns=_NOW_NS // _DAY_NS * _DAY_NS,
    blocks=24,
    temperature_degc=4.2,
    frequency_hz=3.187,
    frequency_sd_hz=0.005,
    compensated_hz=3.166,
    compensated_sd_hz=0.005,
    reference_hz=3.202,
    reference_sd_hz=0.002,
    damping_ratio=0.014,
    damping_sd=0.002,
    share=0.58,
    first_ns=_NOW_NS // _DAY_NS * _DAY_NS - 210 * _DAY_NS,
    periods=207,
)
SPECTRUM: Final = AveragedSpectrum(
    asset=_BRIDGE,
    sampling_rate_hz=100.0,
    start_ns=MODE.start_ns,
    end_ns=MODE.end_ns,
    blocks=24,
    temperature_degc=4.2,
    bin_hz=0.05,
    density=(0.0, 0.0, 0.0011, 0.0016, 0.0094),
    reference=(0.0, 0.0, 0.0012, 0.0015, 0.0021),
    reference_periods=30,
    tones_hz=(16.66,),
)
SENSOR: Final = SensorStatus(
    _BRIDGE,
    SensorId("tilt-1"),
    ChannelName("tilt.x"),
    "mrad",
    GatewayId("gw-7"),
    "condition",
    600.0,
    DataQuality.HIGH,
    _NOW_NS - 300 * _NS,
    0.43,
)
DEAD_LETTER: Final = DeadLetter(
    "dl-9001",
    "infra/v1/gw-7/brug-042/tilt-1/reading",
    GatewayId("gw-7"),
    "not_json",
    "got text that is no JSON at byte 1, expected an object; check the gateway's template",
    b'{"v":1,',
    _NOW_NS - 60 * _NS,
)
QUARANTINED: Final = Quarantined(
    GatewayId("gw-7"),
    AssetId("brug-099"),
    SensorId("acc-3"),
    12,
    _NOW_NS - 7_200 * _NS,
    _NOW_NS - 60 * _NS,
    "asset 'brug-099' is not in the register",
    '{"v":1,"sensor":"acc-3"}',
)
POINT: Final = SeriesPoint(_NOW_NS - 4_800 * _NS, 0.43, 6, 0.38, 0.02)


def as_json(answer: Answer) -> dict[str, Any]:
    """Give an answer as it leaves."""
    body: dict[str, Any] = answer.model_dump(mode="json", by_alias=True)
    return body


def listing(item: Answer) -> dict[str, Any]:
    """Give a page with one item and a page behind it."""
    return {"items": [as_json(item)], "next": "WyJyaXNrcyJd", "nextSince": None}


_RISK = risk_item(ASSET, RISK, Language.ENGLISH, _NOW_NS)
_SERIES = SeriesListing(sensor="tilt-1", channel="tilt.x", unit="mrad", items=[series_point_item(POINT)], next=None)

_ME = CallerItem(
    kind="key",
    id="k3f9a0c2b11d7",
    name="asset system",
    organisation="Gemeente Voorbeeld",
    role=Role.VIEWER,
    rights=[Right.READ_ALARMS, Right.READ_RISKS],
    csrf_token=None,
)

_FEATURE: Final = {
    "type": "Feature",
    "id": "brug-042",
    "geometry": {"type": "Point", "coordinates": [5.47, 51.44]},
    "properties": {"asset": "brug-042", "assetName": "Brug over de Dommel", "state": "act"},
}
_COLLECTION: Final = {
    "id": "risks",
    "title": "Risks",
    "description": "The newest assessment of each asset, most urgent first.",
    "itemType": "feature",
    "crs": ["http://www.opengis.net/def/crs/OGC/1.3/CRS84"],
    "storageCrs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
    "links": [
        {
            "href": "https://schouw.example.org/v1/ogc/collections/risks/items",
            "rel": "items",
            "type": "application/geo+json",
        }
    ],
}
_LINKS: Final = [{"href": "https://schouw.example.org/v1/ogc", "rel": "self", "type": "application/json"}]
_CHANNEL: Final = ChannelBasis(
    "settlement", "tilt-1", "tilt.x", "mrad", 1.93, 0.44, 0.03, 0.47, 0.02, 0.45, 0.06, 0.7, 0.315
)
EXPLANATION: Final = Explanation(
    assessment=RISK,
    causes=(CauseShare("settlement", 0.308, 0.994), CauseShare("unseen", 0.002, 0.006)),
    channels=(_CHANNEL,),
    changes=(ModeChange("settlement", 0.41, 0.99, 2.0, is_open=True, days_to_alarm=None, clears_below=1.0),),
    look_alike=LookAlike(
        AssetId("brug-017"),
        "brug-017.condition.settlement.20250311T000000Z",
        _NOW_NS - 300 * 86_400 * _NS,
        0.38,
        AlarmState.CONFIRMED,
        None,
    ),
    plan=RepairPlan(tuple(180_000.0 + 4_000.0 * week for week in range(53)), 3, 3, 4_000.0, 1_200.0),
    missing=(),
    difference=0.0,
    waiting_limit_eur=36_000.0,
)

_WEBHOOK: Final = {
    "id": "w3f9a0c2b11d7",
    "url": "https://assets.example.org/schouw",
    "events": ["alarm", "decision"],
    "createdAt": "2026-03-01T06:20:00Z",
}
_DELIVERY: Final = {
    "id": "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c",
    "type": "nl.schouw.alarm.changed.v1",
    "subject": "brug-042",
    "state": "delivered",
    "attempts": 1,
    "createdAt": "2026-03-01T06:20:00Z",
    "nextAttemptAt": None,
    "told": "204 ",
}
_TRAIL: Final = {
    "id": "17",
    "occurredAt": "2026-03-01T06:20:00Z",
    "callerKind": "key",
    "callerId": "k3f9a0c2b11d7",
    "address": "192.0.2.7",
    "method": "POST",
    "path": "/v1/assets/brug-042/decisions",
    "status": 201,
}

# By operation identifier.
EXAMPLES: Final[dict[str, Any]] = {
    "listWebhooks": {"items": [_WEBHOOK], "next": None, "nextSince": None},
    "makeWebhook": _WEBHOOK | {"secret": "whsec_of_an_example"},
    "showWebhook": _WEBHOOK,
    "testWebhook": _DELIVERY | {"state": "waiting", "attempts": 0, "nextAttemptAt": "2026-03-01T06:20:00Z"},
    "listDeliveries": {"items": [_DELIVERY], "next": None, "nextSince": None},
    "listTrail": {"items": [_TRAIL], "next": None, "nextSince": None},
    "showAlgorithm": ALGORITHM_EXAMPLE,
    "showCalibration": as_json(calibration_answer(CALIBRATION, "Gemeente Voorbeeld", Language.ENGLISH)),
    "showDecisionLog": {
        "title": "Log of one decision",
        "organisation": "Gemeente Voorbeeld",
        "readings": READINGS_EXAMPLE,
        "assessment": as_json(_RISK),
        "journalEntry": 48_101,
        "alarm": as_json(alarm_item(ALARM, Language.ENGLISH)),
        "decision": as_json(decision_item(DECISION)),
        "outcome": {"alarmState": "confirmed", "laterDecisions": []},
    },
    "showLanding": {"title": "Schouw", "description": "Risks, alarms and plans on the map.", "links": _LINKS},
    "showConformance": {"conformsTo": ["http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core"]},
    "listCollections": {"links": _LINKS, "collections": [_COLLECTION]},
    "showCollection": _COLLECTION,
    "listFeatures": {
        "type": "FeatureCollection",
        "features": [_FEATURE],
        "numberMatched": 1,
        "numberReturned": 1,
        "timeStamp": "2026-03-01T06:15:00Z",
        "links": _LINKS,
    },
    "showFeature": _FEATURE,
    "followEvents": 'event: alarm\nid: WzEsIn4iXQ\ndata: {"id": "brug-042.condition.settlement.1771135200"}\n\n',
    "listRisks": listing(_RISK),
    "showRisk": as_json(_RISK),
    "listRiskHistory": listing(_RISK),
    "showExplanation": as_json(explanation_item(ASSET, EXPLANATION, Language.ENGLISH, _NOW_NS)),
    "listAlarms": listing(alarm_item(ALARM, Language.ENGLISH)),
    "showAlarm": as_json(alarm_item(ALARM, Language.ENGLISH)),
    "recordAssetDecision": as_json(decision_item(DECISION)),
    "recordDecision": as_json(decision_item(DECISION)),
    "recordEventDecision": listing(decision_item(EVENT_DECISION)),
    "listDecisions": listing(decision_item(DECISION)),
    "listPlans": listing(decision_item(DECISION)),
    "showDecision": as_json(decision_item(DECISION)),
    "listAssets": listing(asset_item(ASSET)),
    "showAsset": as_json(asset_item(ASSET)),
    "listSeries": as_json(_SERIES),
    "listModes": listing(mode_item(MODE, _NOW_NS)),
    "listSpectra": listing(spectrum_item(SPECTRUM, _NOW_NS)),
    "listSensors": listing(sensor_item(SENSOR, _NOW_NS)),
    "listDeadLetters": listing(dead_letter_item(DEAD_LETTER)),
    "showMe": as_json(_ME),
    "listQuarantine": listing(quarantined_item(QUARANTINED)),
}
