"""How well an owner's own statements came true: what people recorded beside what had been said.

Every estimate has a 90 % interval and the number of cases it rests on; None stands where there was nothing to go by.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.figures import Figure

__all__ = [
    "AlarmPrecision",
    "Calibration",
    "ForecastCalibration",
    "LifeCalibration",
    "ReliabilityPoint",
]


@dataclass(frozen=True, slots=True)
class ReliabilityPoint:
    """Statements of a chance in `[low, high)`.

    Attributes
    ----------
    stated : float
        Mean of what was stated.
    happened, happened_low, happened_high : float
        Share that failed within the horizon, with its 90 % interval, each life one case.
    statements, lives : int
        How many statements, by how many lives of assets.
    """

    low: float
    high: float
    stated: float
    happened: float
    happened_low: float
    happened_high: float
    statements: int
    lives: int


@dataclass(frozen=True, slots=True)
class ForecastCalibration:
    """The stated chance of failure within a horizon against what happened.

    Attributes
    ----------
    statements : int
        Those whose outcome is known.
    base_rate : float
        Share of the statements that were followed by a failure within the horizon.
    brier, skill : Figure
        Mean squared error of the stated chance; 1 - that error / the error of always stating the base rate.
    """

    horizon_days: int
    statements: int
    base_rate: float
    brier: Figure
    skill: Figure
    reliability: tuple[ReliabilityPoint, ...]


@dataclass(frozen=True, slots=True)
class LifeCalibration:
    """The stated remaining life of what failed, from its alarm on; each failure is one case.

    Attributes
    ----------
    coverage : Figure
        Share of the days on which the true remaining life lay in the stated 80 % interval.
    width_days, error_days : Figure
        Mean width of that interval; median of the absolute error of the stated median.
    """

    coverage: Figure
    width_days: Figure
    error_days: Figure


@dataclass(frozen=True, slots=True)
class AlarmPrecision:
    """What people made of the alarms of one kind on one type of asset; `precision` is the confirmed share."""

    asset_type: str
    kind: str
    confirmed: int
    dismissed: int
    precision: Figure


@dataclass(frozen=True, slots=True)
class Calibration:
    """What an owner's outcomes say about the statements made before.

    Attributes
    ----------
    from_ns, to_ns : int
        Event time of the first statement, and until when outcomes are known; equal where there is no statement.
    lives : int
        Assets from a beginning to a failure, a repair or the end.
    failures, repairs : int
        Outcomes that people recorded.
    failures_needed : int
        How many failures the figures of chance and life need before they are given.
    model_versions : tuple of str
        That the statements were made by.
    forecast, life : ForecastCalibration, LifeCalibration or None
        None while there are too few failures with a statement before them.
    alarms : tuple of AlarmPrecision
        By type of asset and kind.
    """

    from_ns: int
    to_ns: int
    lives: int
    failures: int
    repairs: int
    failures_needed: int
    model_versions: tuple[str, ...]
    forecast: ForecastCalibration | None
    life: LifeCalibration | None
    alarms: tuple[AlarmPrecision, ...]
