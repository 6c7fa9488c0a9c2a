"""Examples of what is told about the algorithm, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from domain.calibration import (
    AlarmPrecision,
    Calibration,
    ForecastCalibration,
    LifeCalibration,
    ReliabilityPoint,
)
from domain.figures import Figure

__all__ = ["ALGORITHM_EXAMPLE", "CALIBRATION", "READINGS_EXAMPLE"]

_FROM_NS: Final = 1_740_787_200_000_000_000  # 2025-03-01T00:00:00Z
CALIBRATION: Final = Calibration(
    from_ns=_FROM_NS,
    to_ns=_FROM_NS + 365 * 86_400 * 10**9,
    lives=131,
    failures=12,
    repairs=11,
    failures_needed=10,
    model_versions=("1.0.0",),
    forecast=ForecastCalibration(
        horizon_days=90,
        statements=1_412,
        base_rate=0.024,
        brier=Figure(0.013, 0.008, 0.018, 131),
        skill=Figure(0.44, 0.21, 0.6, 131),
        reliability=(
            ReliabilityPoint(0.0, 0.01, 0.004, 0.006, 0.0, 0.032, 1_280, 128),
            ReliabilityPoint(0.6, 0.8, 0.71, 0.75, 0.35, 0.96, 12, 8),
        ),
    ),
    life=LifeCalibration(
        coverage=Figure(0.79, 0.66, 0.91, 12),
        width_days=Figure(118.0, 92.0, 149.0, 12),
        error_days=Figure(21.0, 12.0, 33.0, 12),
    ),
    alarms=(AlarmPrecision("lock", "condition.drive_wear", 3, 1, Figure(0.75, 0.249, 0.987, 4)),),
)

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
            "falseAlarmsPerYearPromised": 0.03,
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
