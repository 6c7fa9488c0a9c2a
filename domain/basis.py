"""What an assessment follows from: each failure mode, each channel and each changed frequency, in numbers.

Times are int64 Unix nanoseconds, UTC, and event time.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AssessmentBasis", "ChangeBasis", "ChannelBasis", "ModeBasis"]


@dataclass(frozen=True, slots=True)
class ModeBasis:
    """What is known of one failure mode: the history that its prognosis rests on.

    Attributes
    ----------
    severity, severity_sd : float
        Share of the way to failure, 1 at the failure level, and what a sound asset deviates by.
    seen : tuple of float
        Severities of today and of the days before that the degradation model looks back on.
    silent_days : float
        Since the newest severity.
    onsets_per_day : float
        How often damage of this mode begins here.
    evidence, threshold, strength : float
        Evidence so far, what an alarm takes, and the smoothed standard score behind it.
    raised_at_ns : int or None
        Of the open alarm.
    doubt : float
        Part of `threshold` that is there because people dismissed such alarms.
    verdicts : tuple of int
        Alarms of this mode that people dismissed and judged on this asset, and in its class.
    fast_days : int
        For how many coming days evidence counts as of quantities that rose together, were they like today.
    instrument : float
        How far its instrument can move the lone quantity that the severity is; 0 where it is joined of several.
    scatter : float
        How far sound severities of this mode scatter in the fleet, as a share of what `severity_sd` says; at most 1.
    alarm_severity : float
        From what share of the way to failure on an alarm is raised; 0 in records from before that was asked for.
    """

    mode: str
    severity: float
    severity_sd: float
    seen: tuple[float, ...]
    silent_days: float
    onsets_per_day: float
    evidence: float
    threshold: float
    strength: float
    raised_at_ns: int | None
    doubt: float = 0.0
    verdicts: tuple[int, int, int, int] = (0, 0, 0, 0)
    fast_days: int = 0
    instrument: float = 0.0
    scatter: float = 1.0
    alarm_severity: float = 0.0


@dataclass(frozen=True, slots=True)
class ChannelBasis:
    """One channel's way from its reading to its part in the severity of its mode.

    Attributes
    ----------
    measured, expected, band : float
        Last value, what is normal at that environment, and half the width of its 80 % band, in `unit`.
    deviation : float
        Of its level from its reference, as share of the way to failure, positive towards harm.
    common_shock, bent, placed, residual : float
        The part that like assets share, what warmth does beyond its bends, where the level lies beside its reference in
        good health (both 0 in records from before they were learnt), and what is left; they add up to `deviation`.
    usual : float
        Standard deviation of what is left in good health, as like assets and its own calm months show.
    weight, contribution : float
        Part in the severity of its mode, and what it brings; contributions of a mode add up to its severity.
    """

    mode: str
    sensor: str
    channel: str
    unit: str
    measured: float
    expected: float
    band: float
    deviation: float
    common_shock: float
    residual: float
    usual: float
    weight: float
    contribution: float
    bent: float = 0.0
    placed: float = 0.0


@dataclass(frozen=True, slots=True)
class ChangeBasis:
    """A natural frequency whose level is not what it was, weather taken out; a statement, never an alarm.

    Attributes
    ----------
    since_ns : int
        End of the day from which on half of the evidence was there.
    change, change_sd : float
        Natural logarithm of the level over that of the first hundred days, and its standard error.
    direction : float
        Of harm: 1 up, -1 down, 0 both.
    distance : float or None
        Of the failure level from the commissioned one, as a logarithm, positive; None before commissioning.
    """

    sensor: str
    channel: str
    since_ns: int
    change: float
    change_sd: float
    direction: float
    distance: float | None


@dataclass(frozen=True, slots=True)
class AssessmentBasis:
    """Everything that an assessment's numbers follow from.

    Attributes
    ----------
    rate_per_year : float
        Failures a year by class, age and inspection.
    planned_eur, failure_eur : float
        Cost of a planned repair, and of a failure with its closure.
    crew_lead_days : float
        Until a crew can be there.
    borrows_climate : bool
        True without a temperature sensor: weather and warmth are taken from other assets.
    missing : tuple of str
        Condition indicators, `sensor/channel`, that say nothing yet.
    begins_per_year : float
        How often damage that sensors see begins here; 0 in assessments before model version 3.4.
    life_stretch : float
        How much wider than the degradation model says the remaining life is stated, as recorded ends showed; 1
        without any.
    changes : tuple of ChangeBasis
        Natural frequencies of which a change is stated; none in assessments before model version 3.25.
    """

    rate_per_year: float
    planned_eur: float
    failure_eur: float
    crew_lead_days: float
    temperature_degc: float | None
    borrows_climate: bool
    modes: tuple[ModeBasis, ...]
    channels: tuple[ChannelBasis, ...]
    missing: tuple[str, ...]
    begins_per_year: float = 0.0
    life_stretch: float = 1.0
    changes: tuple[ChangeBasis, ...] = ()
