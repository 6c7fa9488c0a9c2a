"""Changes of alarms, as every stage reports them."""

from __future__ import annotations

from dataclasses import dataclass

from domain.records import Reason

__all__ = ["AlarmChange"]


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
