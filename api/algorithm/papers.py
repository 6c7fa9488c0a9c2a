"""Model card, data sheet and list of sensors, and the log of one decision, as nested titles and texts.

Each paper is JSON for machines and, laid out by one template, a page that prints. Dutch and English stand side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from api.answers import alarm_item, decision_item, risk_item, series_point_item
from api.languages import Language
from api.rooms import ApiRooms
from domain.identifiers import AssetId
from domain.measurements import SensorStatus
from domain.records import Decision
from domain.register import Asset
from storage.protocols import SensorKey

__all__ = ["data_sheet", "decision_paper", "model_card", "public_figures", "sensor_list"]

_WALK: Final = 500
_HOPS_SHOWN: Final = 3
# A replay closes its hops a day and more behind the newest reading.
_READ_BACK_NS: Final = 7 * 86_400_000_000_000


def model_card(rooms: ApiRooms, language: Language) -> dict[str, Any]:
    """Say what the model is for, how it works, how good it was here, and what it cannot do."""
    nl = language is Language.DUTCH
    figures = public_figures(rooms)
    return {
        "title": "Modelkaart" if nl else "Model card",
        "organisation": rooms.settings.organisation,
        "modelVersion": model_version(rooms),
        "intendedUse": (
            "Volgorde en planning van onderhoud aan infrastructuur. Niet bedoeld om zelf een object af te sluiten."
            if nl
            else "Ranking and planning of maintenance of infrastructure. Not meant to close a structure by itself."
        ),
        "method": (
            "Per object: regressie op temperatuur, vocht en verkeer; sequentiële toets met e-waarden; kans op falen en "
            "resterende levensduur uit het verloop; verwachte kosten van wachten. Zelflerend, en na te maken uit het "
            "journaal."
            if nl
            else "For each structure: regression on temperature, humidity and traffic; a sequential test with "
            "e-values; probability of failure and remaining life from the trend; expected cost of waiting. "
            "Self-learning, and reproducible from the journal."
        ),
        "figures": figures,
        "limits": (
            [
                "Ziet alleen wat de sensoren meten.",
                "De indicatieve conditie is geen geïnspecteerde NEN 2767-score.",
                "Geen gegevens betekent niet: veilig.",
            ]
            if nl
            else [
                "Sees only what the sensors measure.",
                "The indicative condition is not an inspected NEN 2767 score.",
                "No data does not mean: safe.",
            ]
        ),
        "humanOversight": (
            "Een medewerker beslist, met naam en reden, in een geketend logboek."
            if nl
            else "A person decides, with a name and a reason, in a chained log."
        ),
    }


def data_sheet(rooms: ApiRooms, language: Language) -> dict[str, Any]:
    """Say which data go in, where they come from, and how good they are."""
    nl = language is Language.DUTCH
    sensors = list(_sensors(rooms))
    units: dict[str, int] = {}
    grades: dict[str, int] = {}
    for sensor in sensors:
        quantity = sensor.channel.partition(".")[0]
        units[f"{quantity} ({sensor.unit})"] = units.get(f"{quantity} ({sensor.unit})", 0) + 1
        grades[sensor.quality.value] = grades.get(sensor.quality.value, 0) + 1
    return {
        "title": "Gegevensblad" if nl else "Data sheet",
        "organisation": rooms.settings.organisation,
        "channels": len(sensors),
        "quantities": dict(sorted(units.items())),
        "quality": dict(sorted(grades.items())),
        "personalData": (
            "Geen in de metingen; namen alleen in het logboek van besluiten, verzegeld en te wissen."
            if nl
            else "None in the readings; names only in the log of decisions, sealed and erasable."
        ),
    }


def sensor_list(rooms: ApiRooms, language: Language) -> dict[str, Any]:
    """List the sensors in public space: where they are and what they measure."""
    nl = language is Language.DUTCH
    places: dict[AssetId, Asset] = {}
    after: str | None = None
    while assets := rooms.store.assets(after=after, limit=_WALK):
        places |= {asset.id: asset for asset in assets}
        after = assets[-1].id
    rows = []
    for sensor in _sensors(rooms):
        asset = places.get(sensor.asset)
        rows.append(
            {
                "asset": sensor.asset,
                "name": None if asset is None else asset.name,
                "lat": None if asset is None else asset.lat,
                "lon": None if asset is None else asset.lon,
                "sensor": sensor.sensor,
                "measures": sensor.channel,
                "unit": sensor.unit,
                "everySeconds": sensor.interval_s,
            }
        )
    return {
        "title": "Sensoren in de openbare ruimte" if nl else "Sensors in public space",
        "organisation": rooms.settings.organisation,
        "sensors": rows,
    }


def decision_paper(rooms: ApiRooms, decision: Decision, language: Language) -> dict[str, Any]:
    """Follow one decision from the readings to what came of it."""
    nl = language is Language.DUTCH
    assessment = rooms.store.assessment(decision.assessment_id) if decision.assessment_id else None
    if assessment is None and decision.assessment_id:
        newest = rooms.store.risk(decision.asset)
        assessment = newest if newest is not None and newest.assessment_id == decision.assessment_id else None
    asset = rooms.store.asset(decision.asset)
    alarm = rooms.store.alarm(decision.alarm_id) if decision.alarm_id else None
    readings = []
    if assessment is not None:
        until_ns = assessment.assessed_at_ns
        for sensor, channel, unit in rooms.series.channel_names(decision.asset):
            points = rooms.series.hops(
                decision.asset, sensor, channel, start_ns=until_ns - _READ_BACK_NS, end_ns=until_ns, limit=_WALK
            )
            rows = [series_point_item(point).model_dump(mode="json", by_alias=True) for point in points[-_HOPS_SHOWN:]]
            readings.append({"sensor": sensor, "channel": channel, "unit": unit, "lastHops": rows})
    risk = None
    if assessment is not None and asset is not None:
        item = risk_item(asset, assessment, language, assessment.assessed_at_ns)
        risk = item.model_dump(mode="json", by_alias=True)
    later = rooms.decisions.decisions_after(decision.seq, asset=decision.asset, limit=_WALK)
    return {
        "title": "Logboek van een besluit" if nl else "Log of one decision",
        "organisation": rooms.settings.organisation,
        "readings": readings,
        "assessment": risk,
        "journalEntry": None if assessment is None else assessment.journal_seq,
        "alarm": None if alarm is None else alarm_item(alarm, language).model_dump(mode="json", by_alias=True),
        "decision": decision_item(decision).model_dump(mode="json", by_alias=True),
        "outcome": {
            "alarmState": None if alarm is None else alarm.state.value,
            "laterDecisions": [decision_item(item).model_dump(mode="json", by_alias=True) for item in later],
        },
    }


def public_figures(rooms: ApiRooms) -> dict[str, Any]:
    """Give counts over all assets, and what was promised against what was achieved; nothing of a single asset."""
    tally = rooms.overview.tally()
    achieved = tally.false_alarm_rate
    return {
        "assets": tally.assets,
        "assetsWithoutData": tally.unseen,
        "watchedYears": round(tally.asset_years, 1),
        "falseAlarmsPerYearPromised": rooms.settings.false_alarms_per_year,
        "falseAlarmsPerYearAchieved": None if achieved is None else round(achieved.value, 3),
        "falseAlarmsPerYearLow": None if achieved is None else round(achieved.low, 3),
        "falseAlarmsPerYearHigh": None if achieved is None else round(achieved.high, 3),
        "dismissedAlarms": tally.dismissed_alarms,
        "expiredAlarms": tally.expired_alarms,
    }


def model_version(rooms: ApiRooms) -> str:
    """Give the version of the model behind the newest assessments; `none` before there is one."""
    found = rooms.store.risks(limit=1)
    return found[0][2].model_version if found else "none"


def _sensors(rooms: ApiRooms) -> Iterator[SensorStatus]:
    key: SensorKey | None = None
    while found := rooms.store.sensors(after=key, limit=_WALK):
        yield from found
        key = SensorKey(found[-1].asset, found[-1].sensor, found[-1].channel)
