"""Words of the field in English and Dutch: states, qualities, modes, quantities, alarms, verbs.

A word that is not in a list (the lists of channels, alarm kinds and works are open) is shown as its
code with spaces for underscores: plain, readable and never missing.
"""

from __future__ import annotations

from typing import Final

from api.languages import Language

__all__ = ["TERMS", "alarm_title", "channel_name", "term", "unit_symbol"]

_EN: Final[dict[str, dict[str, str]]] = {
    "state": {"act": "Act", "watch": "Watch", "insufficient-data": "Not enough data", "ok": "OK"},
    "quality": {"high": "Good", "medium": "Fair", "low": "Poor", "none": "No data"},
    "alarm_state": {
        "acknowledged": "Acknowledged",
        "cleared": "Cleared",
        "confirmed": "Confirmed",
        "dismissed": "Dismissed",
        "open": "Open",
    },
    "asset_type": {
        "bridge": "Bridge",
        "lock": "Lock",
        "other": "Other structure",
        "quay": "Quay",
        "road": "Road",
        "tunnel": "Tunnel",
    },
    "verb": {
        "accept-normal": "accept as normal",
        "acknowledge": "acknowledge",
        "confirm": "confirm",
        "correct-condition": "correct the condition",
        "dismiss": "dismiss",
        "inspect": "inspect",
        "plan": "plan",
        "repair": "repair",
    },
    "mode": {
        "base_saturation": "water in the road base",
        "bearing_wear": "bearing wear",
        "degradation": "degradation",
        "drainage_failure": "failing drainage",
        "drive_wear": "wear of the drive",
        "equipment_wear": "wear of equipment",
        "gate_deformation": "deformation of the gate",
        "lining_deformation": "deformation of the tunnel lining",
        "pavement_fatigue": "pavement fatigue",
        "settlement": "settlement",
        "stiffness_loss": "loss of stiffness",
        "wall_movement": "movement of the quay wall",
    },
    "quantity": {
        "base_moisture": "moisture in the base",
        "base_temperature": "base temperature",
        "crest_factor": "crest factor",
        "cycles": "operations",
        "damping_ratio": "damping",
        "deck_temperature": "deck temperature",
        "displacement": "displacement",
        "dominant_frequency": "dominant frequency",
        "humidity": "humidity",
        "kurtosis": "kurtosis",
        "motor_temperature": "motor temperature",
        "natural_frequency": "natural frequency",
        "rain": "rain",
        "runtime": "running time",
        "speed": "speed",
        "strain": "strain",
        "surface_temperature": "surface temperature",
        "temperature": "air temperature",
        "tilt": "tilt",
        "traffic_count": "traffic",
        "vibration_peak": "peak vibration",
        "vibration_rms": "vibration (RMS)",
        "wind_speed": "wind speed",
    },
    "works": {
        "diversion": "traffic diversion",
        "lubrication": "lubrication",
        "resurfacing": "resurfacing",
        "schedule change": "change of schedule",
        "sensor swap": "sensor swap",
    },
    "alarm": {
        "condition": "signs of {mode}",
        "sensor": "sensor fault: {what}",
        "data": "data problem: {what}",
        "gateway": "gateway problem: {what}",
        "clock": "clock problem: {what}",
    },
    "fault": {
        "ahead": "clock ahead",
        "drift": "drifting",
        "missing": "missing",
        "offline": "offline",
        "silent": "silent",
        "stuck": "stuck on one value",
    },
}

_NL: Final[dict[str, dict[str, str]]] = {
    "state": {"act": "Actie nodig", "watch": "Volgen", "insufficient-data": "Te weinig gegevens", "ok": "In orde"},
    "quality": {"high": "Goed", "medium": "Redelijk", "low": "Slecht", "none": "Geen gegevens"},
    "alarm_state": {
        "acknowledged": "Gezien",
        "cleared": "Voorbij",
        "confirmed": "Bevestigd",
        "dismissed": "Afgewezen",
        "open": "Open",
    },
    "asset_type": {
        "bridge": "Brug",
        "lock": "Sluis",
        "other": "Ander bouwwerk",
        "quay": "Kade",
        "road": "Weg",
        "tunnel": "Tunnel",
    },
    "verb": {
        "accept-normal": "als normaal aanvaarden",
        "acknowledge": "gezien",
        "confirm": "bevestigen",
        "correct-condition": "conditie verbeteren",
        "dismiss": "afwijzen",
        "inspect": "inspecteren",
        "plan": "plannen",
        "repair": "repareren",
    },
    "mode": {
        "base_saturation": "water in de fundering van de weg",
        "bearing_wear": "slijtage van lagers of opleggingen",
        "degradation": "achteruitgang",
        "drainage_failure": "een haperende afwatering",
        "drive_wear": "slijtage van de aandrijving",
        "equipment_wear": "slijtage van installaties",
        "gate_deformation": "vervorming van de deur",
        "lining_deformation": "vervorming van de tunnelwand",
        "pavement_fatigue": "vermoeiing van het wegdek",
        "settlement": "verzakking",
        "stiffness_loss": "verlies van stijfheid",
        "wall_movement": "beweging van de kademuur",
    },
    "quantity": {
        "base_moisture": "vocht in de fundering",
        "base_temperature": "temperatuur van de fundering",
        "crest_factor": "crestfactor",
        "cycles": "aantal bewegingen",
        "damping_ratio": "demping",
        "deck_temperature": "temperatuur van het dek",
        "displacement": "verplaatsing",
        "dominant_frequency": "sterkste frequentie",
        "humidity": "luchtvochtigheid",
        "kurtosis": "kurtosis",
        "motor_temperature": "motortemperatuur",
        "natural_frequency": "eigenfrequentie",
        "rain": "regen",
        "runtime": "draaitijd",
        "speed": "snelheid",
        "strain": "rek",
        "surface_temperature": "temperatuur van het oppervlak",
        "temperature": "luchttemperatuur",
        "tilt": "scheefstand",
        "traffic_count": "verkeer",
        "vibration_peak": "trilling (piek)",
        "vibration_rms": "trilling (RMS)",
        "wind_speed": "windsnelheid",
    },
    "works": {
        "diversion": "omleiding van verkeer",
        "lubrication": "smering",
        "resurfacing": "nieuw asfalt",
        "schedule change": "ander bedieningsschema",
        "sensor swap": "sensor vervangen",
    },
    "alarm": {
        "condition": "tekenen van {mode}",
        "sensor": "storing van een sensor: {what}",
        "data": "probleem met gegevens: {what}",
        "gateway": "probleem met een gateway: {what}",
        "clock": "probleem met een klok: {what}",
    },
    "fault": {
        "ahead": "klok loopt voor",
        "drift": "loopt langzaam weg",
        "missing": "ontbreekt",
        "offline": "niet verbonden",
        "silent": "zwijgt",
        "stuck": "blijft op één waarde staan",
    },
}

TERMS: Final = {Language.ENGLISH: _EN, Language.DUTCH: _NL}

# Canonical units of the register (`domain.units`) as people write them.
_SYMBOLS: Final = {"1": "", "Cel": "°C", "m/s2": "m/s²", "mm/s2": "mm/s²", "um": "µm", "um/m": "µm/m", "deg": "°"}


def term(group: str, code: str, language: Language) -> str:
    """Give the word for a code; a code without one as plain text."""
    return TERMS[language][group].get(code) or code.replace("_", " ").replace("-", " ")


def channel_name(channel: str, language: Language) -> str:
    """Name a channel: quantity, number of its mode of vibration, axis.

    Examples
    --------
    >>> channel_name("natural_frequency_2", Language.DUTCH), channel_name("tilt.x", Language.ENGLISH)
    ('eigenfrequentie 2', 'tilt (x)')
    """
    quantity, _, axis = channel.partition(".")
    family, _, ordinal = quantity.rpartition("_")
    if ordinal.isdecimal():
        name = f"{term('quantity', family, language)} {ordinal}"
    else:
        name = term("quantity", quantity, language)
    return f"{name} ({axis})" if axis else name


def alarm_title(kind: str, language: Language) -> str:
    """Say what kind of alarm it is.

    Examples
    --------
    >>> alarm_title("condition.settlement", Language.ENGLISH), alarm_title("sensor.stuck", Language.DUTCH)
    ('signs of settlement', 'storing van een sensor: blijft op één waarde staan')
    """
    group, _, what = kind.partition(".")
    sentence = TERMS[language]["alarm"].get(group)
    if sentence is None or not what:
        return kind.replace("_", " ").replace(".", ": ")
    return sentence.format(mode=term("mode", what, language), what=term("fault", what, language))


def unit_symbol(unit: str) -> str:
    """Give the symbol of a unit; nothing for a bare ratio."""
    return _SYMBOLS.get(unit, unit)
