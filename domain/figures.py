"""A measured figure, how sure it is, and how many cases it rests on."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Figure"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that was measured.

    Attributes
    ----------
    value : float or None
        None where there was nothing to measure it on.
    low, high : float or None
        90 % interval; None where there is none.
    count : int
        How many cases it rests on: alarms, failures, lives or faults, as docs/evaluation.md says.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    count: int = 0
