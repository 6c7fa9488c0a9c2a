"""How damage grows: a severity that is 0 when sound and 1 at the failure level.

Each structure turns severity into what its sensors see; nothing else connects the two, so the truth is
exact: a damage with onset `a`, failure `b` and step `s` has severity `s + (1 - s) ((t - a) / (b - a)) ** growth`
after `a`. The default powers follow how the modes are usually drawn: fatigue and wear accelerate, loosening
nearly keeps pace, settlement and moisture slow down as the ground finds a new balance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

import numpy as np

from domain.arrays import FloatArray
from simulator.scenario import Damage

__all__ = ["DEFAULT_GROWTH", "DEFAULT_STEP", "WORST_SEVERITY", "Severities", "severity", "severity_of"]

DEFAULT_GROWTH: Final[dict[str, float]] = {
    "bearing_wear": 1.8,
    "crack_growth": 2.5,
    "gear_wear": 1.3,
    "loosening": 1.2,
    "moisture_ingress": 0.9,
    "pothole_growth": 1.6,
    "pump_wear": 1.5,
    "scour": 1.0,
    "settlement": 0.8,
    "stiffness_loss": 1.4,
}
# A flood takes the bed from under a pier in days: a third of the way at once.
DEFAULT_STEP: Final[dict[str, float]] = {"scour": 0.33}

# Past the failure level a structure is closed or repaired; the simulation stops making it worse here.
WORST_SEVERITY: Final = 1.25

# (mode, component) -> severity in each hour, float64[N]
Severities: TypeAlias = Mapping[tuple[str, str], FloatArray]


def severity(damage: Damage, elapsed_days: FloatArray) -> FloatArray:
    """Give a damage's severity at times since the start of the scenario.

    Parameters
    ----------
    elapsed_days : float64[N]
        Days.

    Returns
    -------
    float64[N]
        0 before onset, 1 at `failure_day`, at most `WORST_SEVERITY`.

    Examples
    --------
    >>> severity(Damage("b", "stiffness_loss", "span", 10.0, 30.0, 2.0), np.array([0.0, 20.0, 30.0])).tolist()
    [0.0, 0.25, 1.0]
    """
    share = np.maximum(elapsed_days - damage.onset_day, 0.0) / (damage.failure_day - damage.onset_day)
    grown = damage.step + (1.0 - damage.step) * share**damage.growth
    limited: FloatArray = np.where(elapsed_days < damage.onset_day, 0.0, np.minimum(grown, WORST_SEVERITY))
    return limited


def severity_of(severities: Severities, mode: str, component: str, hours: int) -> FloatArray:
    """Look up one damage, sound when it is not there; float64[hours]."""
    found = severities.get((mode, component))
    return np.zeros(hours) if found is None else found
