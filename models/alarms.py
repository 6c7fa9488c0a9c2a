"""Changes of alarms, as every stage reports them, and how long a sign of one has lasted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domain.arrays import BoolArray, TimeArray
from domain.records import Reason

__all__ = ["AlarmChange", "since_when"]


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """An alarm that was raised or cleared in this step.

    Attributes
    ----------
    asset : int
        Position in the catalogue that was stepped.
    kind : str
        `condition.<mode>`, `sensor.stuck` or `data.silent`.
    subject : str
        Empty for the asset, a sensor, or `sensor/channel`.
    raised : bool
        True when raised, False when cleared.
    at_ns : int
        Event time of the change.
    reasons : tuple of Reason
        Why it was raised, or why cleared.
    raised_at_ns : int
        When the alarm was raised: equal to `at_ns` for a raise. With asset, kind and subject it names the alarm.
    """

    asset: int
    kind: str
    subject: str
    raised: bool
    at_ns: int
    reasons: tuple[Reason, ...]
    raised_at_ns: int


def since_when(sign: BoolArray, since: TimeArray, end_ns: TimeArray) -> TimeArray:
    """int64[R]: move along since when every value shows a sign, or, negative, since when none does.

    Parameters
    ----------
    sign : bool[R]
        Whether this hop's value shows it.
    since : int64[R]
        What this gave for the value before, 0 at first.
    end_ns : int64[R]
        End of the hop.
    """
    return np.asarray(np.where(sign, np.where(since > 0, since, end_ns), np.where(since < 0, since, -end_ns)), np.int64)
