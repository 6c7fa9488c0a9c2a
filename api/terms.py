"""Words of the field in English: states, qualities, modes, quantities, alarms, verbs.

Dutch stands in the catalogue of `api.texts`, with the group as its context.

A word that is not in a list (the lists of channels, alarm kinds and works are open) is shown as its
code with spaces for underscores: plain, readable and never missing.
"""

from __future__ import annotations

from typing import Final

from api.languages import Language
from api.texts import marked, text

__all__ = ["TERMS", "alarm_title", "channel_name", "subject_name", "term", "unit_symbol"]

TERMS: Final[dict[str, dict[str, str]]] = {
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
    "role": {"condition": "shows the condition", "environment": "weather", "operation": "use"},
    "gateway_state": {"offline": "offline", "online": "online"},
    "part": {
        "broker": "message broker",
        "commit": "storing of readings",
        "ingest": "intake of readings",
        "journal": "journal",
        "operational store": "store of assessments and alarms",
        "projection: operational store": "updating of assessments and alarms",
        "projection: projections": "updating of what is shown",
        "projection: time series": "updating of charts",
    },
    "refusal": {
        "bad_encoding": "cannot be read as text",
        "bad_length": "has the wrong length",
        "bad_time": "has an impossible time",
        "bad_topic": "came on a wrong topic",
        "bad_unit": "has a unit that does not fit",
        "bad_value": "has a value that cannot be",
        "decoder_fault": "could not be read, by a fault of Schouw",
        "empty": "is empty",
        "missing_key": "lacks something",
        "not_json": "is no sound JSON",
        "too_large": "is too large",
        "topic_mismatch": "contradicts its topic",
        "unknown_channel": "has a channel that the register does not know",
        "unsupported_version": "has an unknown version",
        "wrong_type": "has something of the wrong kind",
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
        "clipping": "range too small",
        "drift": "drifting",
        "gaps": "sensor comes and goes",
        "implausible": "impossible value",
        "impossible": "impossible times",
        "jump": "clock jumped",
        "miscounting": "counts wrongly",
        "missing": "missing",
        "noisy": "noisy",
        "offline": "offline",
        "silent": "silent sensor",
        "spikes": "single values that jump away",
        "stuck": "stuck on one value",
        "units": "wrong unit",
    },
}

# Canonical units of the register (`domain.units`) as people write them.
_SYMBOLS: Final = {
    "1": "",
    "%RH": "%",
    "Cel": "°C",
    "m/s2": "m/s²",
    "mm/s2": "mm/s²",
    "um": "µm",
    "um/m": "µm/m",
    "deg": "°",
    "degF": "°F",
}
_RATES: Final = {"1/h": marked("per hour"), "1/min": marked("per minute"), "1/d": marked("per day")}


def term(group: str, code: str, language: Language) -> str:
    """Give the word for a code; a code without one as plain text."""
    word = TERMS[group].get(code)
    return code.replace("_", " ").replace("-", " ") if word is None else text(word, language, context=group)


def channel_name(channel: str, language: Language) -> str:
    r"""Name a channel: quantity, number of its mode of vibration, axis.

    Examples
    --------
    >>> channel_name("natural_frequency_2", Language.DUTCH), channel_name("tilt.x", Language.ENGLISH)
    ('eigenfrequentie\xa02', 'tilt (x)')
    """
    quantity, _, axis = channel.partition(".")
    family, _, ordinal = quantity.rpartition("_")
    if ordinal.isdecimal():
        name = f"{term('quantity', family, language)}\N{NO-BREAK SPACE}{ordinal}"
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
    sentence = TERMS["alarm"].get(group)
    if sentence is None or not what:
        return kind.replace("_", " ").replace(".", ": ")
    facts = {"mode": term("mode", what, language), "what": term("fault", what, language)}
    return text(sentence, language, context="alarm", **facts)


def subject_name(subject: str, language: Language) -> str:
    """Name what an alarm or an explanation is about: a sensor, or one channel of it (`acc1/tilt.x`).

    Examples
    --------
    >>> subject_name("acc1/tilt.x", Language.ENGLISH), subject_name("gw-7", Language.ENGLISH)
    ('acc1: tilt (x)', 'gw-7')
    """
    sensor, _, channel = subject.partition("/")
    return f"{sensor}: {channel_name(channel, language)}" if channel else sensor


def unit_symbol(unit: str, language: Language) -> str:
    """Give the symbol of a unit, words for a rate of counts; nothing for a bare ratio.

    Examples
    --------
    >>> unit_symbol("m/s2", Language.ENGLISH), unit_symbol("1/h", Language.DUTCH), unit_symbol("%RH", Language.DUTCH)
    ('m/s²', 'per uur', '%')
    """
    return text(_RATES[unit], language) if unit in _RATES else _SYMBOLS.get(unit, unit)
