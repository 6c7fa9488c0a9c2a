"""What the present models reached on simulated fleets whose truth is known, as docs/measured.md has it.

Measured by `schouw evaluate`, and not by this installation; a test holds it against the document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["SIMULATED", "SimulatedFigures"]


@dataclass(frozen=True, slots=True)
class SimulatedFigures:
    """Figures of one campaign.

    Attributes
    ----------
    command : str
        That gave them.
    false_alarms_per_year : float
        False alarms a healthy asset-year.
    brier_skill : float
        Of the chance of failure within 90 days.
    coverage : float
        Share of days with the true remaining life in the 80 % interval, from the alarm on.
    width_days, error_days : float
        Mean width of that interval; median absolute error of its median.
    """

    model_version: str
    command: str
    failures: int
    false_alarms_per_year: float
    brier_skill: float
    coverage: float
    width_days: float
    error_days: float


SIMULATED: Final = SimulatedFigures(
    model_version="3.60",
    command="schouw evaluate demanding --seeds 3,4,5",
    failures=75,
    false_alarms_per_year=0.012,
    brier_skill=0.519,
    coverage=0.75,
    width_days=91.0,
    error_days=17.0,
)
