"""What the members of the papers are called on a page that prints, Dutch and English side by side."""

from __future__ import annotations

from typing import Final

from api.languages import Language

__all__ = ["label"]

_LABELS: Final[dict[str, tuple[str, str]]] = {
    "advice": ("Advice", "Advies"),
    "alarm": ("Alarm", "Alarm"),
    "alarmId": ("Alarm", "Alarm"),
    "alarmState": ("State of the alarm now", "Stand van het alarm nu"),
    "assessedAt": ("Assessed at (UTC)", "Beoordeeld op (UTC)"),
    "assessment": ("Assessment", "Beoordeling"),
    "assessmentId": ("Assessment", "Beoordeling"),
    "asset": ("Structure", "Object"),
    "assets": ("Structures", "Objecten"),
    "assetsWithoutData": ("Structures without enough data", "Objecten zonder genoeg gegevens"),
    "band": ("Half the width of the 80 % band", "Halve breedte van de 80%-band"),
    "channel": ("Quantity", "Grootheid"),
    "channels": ("Measuring channels", "Meetkanalen"),
    "clearedAt": ("Over since (UTC)", "Voorbij sinds (UTC)"),
    "condition": ("Inspected score (NEN 2767)", "Geïnspecteerde score (NEN 2767)"),
    "count": ("Readings", "Metingen"),
    "dataAgeSeconds": ("Age of the data then (s)", "Ouderdom van de gegevens toen (s)"),
    "dataQuality": ("Quality of the data", "Kwaliteit van de gegevens"),
    "decidedAt": ("Decided at (UTC)", "Besloten op (UTC)"),
    "decidedBy": ("Decided by", "Besloten door"),
    "decision": ("Decision", "Besluit"),
    "dismissedAlarms": ("Alarms dismissed by people", "Alarmen die mensen onterecht vonden"),
    "dueOn": ("Work planned on", "Werk gepland op"),
    "eventId": ("Event at many structures", "Gebeurtenis bij veel objecten"),
    "everySeconds": ("Every (s)", "Elke (s)"),
    "expiredAlarms": ("Alarms that went away unconfirmed", "Alarmen die vanzelf verdwenen"),
    "expected": ("Expected", "Verwacht"),
    "expectedCostOfWaitingEur": ("Expected cost of waiting 90 days (€)", "Verwachte kosten van 90 dagen wachten (€)"),
    "failureMode": ("Kind of damage", "Soort schade"),
    "failedOn": ("Failed on", "Bezweken op"),
    "falseAlarmsPerYearAchieved": (
        "False alarms a structure and year, achieved",
        "Onterechte alarmen per object per jaar, werkelijk",
    ),
    "falseAlarmsPerYearHigh": (
        "False alarms a structure and year, at most (90 % interval)",
        "Onterechte alarmen per object per jaar, hoogstens (90%-interval)",
    ),
    "falseAlarmsPerYearLow": (
        "False alarms a structure and year, at least (90 % interval)",
        "Onterechte alarmen per object per jaar, minstens (90%-interval)",
    ),
    "falseAlarmsPerYearPromised": (
        "False alarms a structure and year, promised",
        "Onterechte alarmen per object per jaar, afgesproken",
    ),
    "figures": ("Figures", "Cijfers"),
    "hash": ("Hash of this decision", "Hash van dit besluit"),
    "healthIndex": ("Health index (1 healthy, 0 failed)", "Gezondheidsindex (1 gezond, 0 bezweken)"),
    "high": ("To", "Tot"),
    "horizonDays": ("Within (days)", "Binnen (dagen)"),
    "humanOversight": ("People", "Mensen"),
    "id": ("Identifier", "Kenmerk"),
    "indicativeCondition": (
        "Indicative condition, from sensors (1 to 6)",
        "Indicatieve conditie, uit sensoren (1 tot 6)",
    ),
    "inspectedCondition": ("Inspected score (NEN 2767)", "Geïnspecteerde score (NEN 2767)"),
    "inspectedOn": ("Inspected on", "Geïnspecteerd op"),
    "intendedUse": ("What it is for", "Waarvoor het is"),
    "journalEntry": ("Entry of the journal it rests on", "Regel van het journaal waarop het rust"),
    "kind": ("Kind", "Soort"),
    "lastHops": ("Newest values before the assessment", "Laatste waarden voor de beoordeling"),
    "lat": ("Latitude", "Breedtegraad"),
    "laterDecisions": ("Later decisions about this structure", "Latere besluiten over dit object"),
    "limits": ("What it cannot do", "Wat het niet kan"),
    "lon": ("Longitude", "Lengtegraad"),
    "low": ("From", "Van"),
    "measures": ("Measures", "Meet"),
    "method": ("How it works", "Hoe het werkt"),
    "modelVersion": ("Version of the model", "Versie van het model"),
    "name": ("Name", "Naam"),
    "outcome": ("What came of it", "Wat ervan kwam"),
    "personalData": ("Personal data", "Persoonsgegevens"),
    "previousHash": ("Hash of the decision before", "Hash van het besluit ervoor"),
    "probabilityOfFailure": ("Probability of failure (80 % interval)", "Kans op falen (80%-interval)"),
    "provisional": ("Provisional", "Voorlopig"),
    "q10": ("1 in 10 fails sooner (days)", "1 op 10 faalt eerder (dagen)"),
    "q50": ("Half fails sooner (days)", "De helft faalt eerder (dagen)"),
    "q90": ("9 in 10 fail sooner (days)", "9 op 10 faalt eerder (dagen)"),
    "quality": ("Channels by quality of their data", "Kanalen naar kwaliteit van de gegevens"),
    "quantities": ("Channels by quantity", "Kanalen naar grootheid"),
    "raisedAt": ("Raised at (UTC)", "Afgegaan op (UTC)"),
    "readings": ("Readings", "Metingen"),
    "reason": ("Reason", "Reden"),
    "reasons": ("Reasons", "Redenen"),
    "remainingLifeDays": ("Remaining life", "Resterende levensduur"),
    "replaces": ("Replaces", "Vervangt"),
    "revised": ("Revised by late readings", "Herzien door late metingen"),
    "sensor": ("Sensor", "Sensor"),
    "sensors": ("Sensors", "Sensoren"),
    "start": ("From (UTC)", "Vanaf (UTC)"),
    "state": ("State", "Stand"),
    "subject": ("About", "Over"),
    "type": ("Kind of structure", "Soort object"),
    "unit": ("Unit", "Eenheid"),
    "value": ("Value", "Waarde"),
    "verb": ("Decided to", "Besluit"),
    "watchedYears": ("Years of watching, all structures together", "Jaren gevolgd, alle objecten samen"),
}


def label(name: str, language: Language) -> str:
    """Name a member of a paper; one without a label stands as it is.

    Examples
    --------
    >>> label("decidedBy", Language.DUTCH), label("decidedBy", Language.ENGLISH)
    ('Besloten door', 'Decided by')
    """
    english, dutch = _LABELS.get(name, (name, name))
    return dutch if language is Language.DUTCH else english
