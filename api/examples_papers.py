"""Examples of what is told about the algorithm, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["ALGORITHM_EXAMPLE", "READINGS_EXAMPLE"]

ALGORITHM_EXAMPLE: Final[dict[str, Any]] = {
    "registerEntry": None,
    "missing": ["status", "publication_category"],
    "modelCard": {
        "title": "Model card",
        "organisation": "Gemeente Voorbeeld",
        "modelVersion": "1.0.0",
        "intendedUse": "Ranking and planning of maintenance; not meant to close a structure by itself.",
        "method": "For each structure: regression on the weather and traffic; a sequential test with e-values.",
        "figures": {
            "assets": 120,
            "assetsWithoutData": 4,
            "watchedYears": 231.5,
            "falseAlarmsPerYearPromised": 0.1,
            "falseAlarmsPerYearAchieved": 0.082,
            "falseAlarmsPerYearLow": 0.054,
            "falseAlarmsPerYearHigh": 0.121,
            "dismissedAlarms": 15,
            "expiredAlarms": 4,
        },
        "limits": ["Sees only what the sensors measure."],
        "humanOversight": "A person decides, with a name and a reason, in a chained log.",
    },
    "dataSheet": {
        "title": "Data sheet",
        "organisation": "Gemeente Voorbeeld",
        "channels": 1,
        "quantities": {"tilt (mrad)": 1},
        "quality": {"high": 1},
        "personalData": "None in the readings; names only in the log of decisions, sealed and erasable.",
    },
    "sensors": [
        {
            "asset": "brug-042",
            "name": "Brug over de Dommel",
            "lat": 51.44,
            "lon": 5.48,
            "sensor": "tilt_1",
            "measures": "tilt.x",
            "unit": "mrad",
            "everySeconds": 600.0,
        }
    ],
}
READINGS_EXAMPLE: Final[list[dict[str, Any]]] = [
    {
        "sensor": "tilt_1",
        "channel": "tilt.x",
        "unit": "mrad",
        "lastHops": [{"start": "2026-03-01T05:00:00Z", "value": 0.44, "count": 6, "expected": 0.4, "band": 0.02}],
    }
]
