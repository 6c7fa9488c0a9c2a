"""How sure a rate is that was counted: the exact Poisson interval, in one place for all who state one."""

from __future__ import annotations

from typing import Final, NamedTuple

from scipy import special

__all__ = ["CONFIDENCE", "Rate", "counted_rate"]

# Two-sided. Of all stated intervals, one in ten leaves the truth outside.
CONFIDENCE: Final = 0.9


class Rate(NamedTuple):
    """Events per exposure, and the ends of the interval."""

    value: float
    low: float
    high: float


def counted_rate(events: int, exposure: float) -> Rate | None:
    """Give events per exposure, with the exact Poisson interval; None without any exposure.

    Parameters
    ----------
    events : int
        Not negative; independent of each other.
    exposure : float
        In what the rate is per, such as years.

    References
    ----------
    F. Garwood, Fiducial limits for the Poisson distribution, Biometrika 28 (1936) 437-442.

    Examples
    --------
    >>> [round(end, 4) for end in counted_rate(3, 30.0)]
    [0.1, 0.0273, 0.2585]
    >>> [round(end, 4) for end in counted_rate(0, 30.0)]
    [0.0, 0.0, 0.0999]
    """
    if exposure <= 0.0:
        return None
    tail = (1.0 - CONFIDENCE) / 2.0
    low = float(special.gammaincinv(events, tail)) if events else 0.0
    high = float(special.gammaincinv(events + 1, 1.0 - tail))
    return Rate(events / exposure, low / exposure, high / exposure)
