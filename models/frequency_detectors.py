"""A day of natural frequencies through their detectors: what each says, and what is remembered of it.

Each frequency has a detector that temperature explains to, the one that states. Where humidity was known from the
beginning there is a second one, which damp explains to as well: concrete is heavier by the damp it takes up, and a
frequency that falls in a wet winter has not changed. The second is asked when a statement is about to begin, and what
damp explains is not stated. So a hygrometer can keep a statement back and never makes one, whatever it drifts to; one
that is silent is not asked; and where the two contradict each other the second is out
(docs/adr/0029-humidity-may-hold-back-a-statement.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

import numpy as np

from domain.arrays import FloatArray
from models.catalogue import HOUR_NS
from models.stream_detector import StreamDetector, StreamVerdict, step_together
from models.stream_memory import decode_detector, encode_detector

__all__ = ["FollowedFrequency", "FrequencyDay", "follow_day"]

_DAY_NS: Final = 24 * HOUR_NS
_DAY_S: Final = 86400.0
# A change has been there since the evidence for it was half of what an alarm of the detector takes. Frost and thaw do
# that for some days; what lasts a week is none of them.
_RISING_SHARE: Final = 0.5
_LASTING_NS: Final = 7 * _DAY_NS
# Days without a value widen what the level may be; two years of them have said it all.
_MOST_MISSED_DAYS: Final = 730
# Humidity that comes later than the month from which a detector takes its scale is for the next beginning.
_DAMP_BEGINS_ROWS: Final = 30
# Detectors that are awake at once, 33 kB each.
_TOGETHER: Final = 64


@dataclass(frozen=True, slots=True)
class FollowedFrequency:
    """What is remembered of one frequency: columns of `ModelState` of these names."""

    change_memory: bytes = b""
    damp_memory: bytes = b""
    change_day: int = 0
    change_ns: int = 0
    rising_ns: int = 0
    change: float = np.nan
    change_sd: float = np.nan
    change_novelty: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class FrequencyDay:
    """A day of some frequencies.

    Attributes
    ----------
    number : int
        Days since 1970.
    run_days : float64[R]
        Mean days between false statements, more than 1.
    direction : float64[R]
        Of harm: 1 up, -1 down, 0 both.
    value, temperature, damp : float64[R]
        Mean of the day in the model's unit and in degrees Celsius, and humidity in % as a mean of weeks; NaN where
        not known.
    """

    number: int
    run_days: FloatArray
    direction: FloatArray
    value: FloatArray
    temperature: FloatArray
    damp: FloatArray


def follow_day(day: FrequencyDay, before: Sequence[FollowedFrequency]) -> list[FollowedFrequency]:
    """Judge a day of some frequencies by the days before it, then learn it.

    Parameters
    ----------
    day : FrequencyDay
    before : sequence of FollowedFrequency, length R
        As of the last day that was given.

    Returns
    -------
    list of FollowedFrequency, length R
        The same to the bit whatever other frequencies are followed with it.
    """
    found: list[FollowedFrequency] = []
    for begin in range(0, len(before), _TOGETHER):
        rows = range(begin, min(begin + _TOGETHER, len(before)))
        plain = [_awakened(before[row].change_memory, day, row, before[row], lines=0) for row in rows]
        damp = [
            row
            for row, detector in zip(rows, plain, strict=True)
            if before[row].damp_memory or (np.isfinite(day.damp[row]) and detector.rows < _DAMP_BEGINS_ROWS)
        ]
        with_damp = [_awakened(before[row].damp_memory, day, row, before[row], lines=1) for row in damp]
        second = dict(zip(damp, _asked(with_damp, day, damp, lines=1), strict=True))
        for row, answer in zip(rows, _asked(plain, day, list(rows), lines=0), strict=True):
            found.append(_followed(before[row], answer, second.get(row), day, row))
    return found


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a detector says of a day, and the detector after it."""

    detector: StreamDetector
    verdict: StreamVerdict

    def shift(self) -> tuple[float, float]:
        """Give the change and its standard error."""
        (change,), (error,) = self.detector.shifts()
        return float(change), float(error)


def _awakened(memory: bytes, day: FrequencyDay, row: int, before: FollowedFrequency, *, lines: int) -> StreamDetector:
    """Give a detector as it is on the evening before the day."""
    run_days = float(day.run_days[row])
    if not memory:
        return StreamDetector(channels=1, environments=1 + lines, lines=lines, expected_run_length=run_days)
    detector = decode_detector(memory)
    detector.promise(run_days)
    for missed in range(max(int(before.change_day) + 1, day.number - _MOST_MISSED_DAYS), day.number):
        detector.step(_DAY_S * missed, np.full(1, np.nan), np.full(1 + lines, np.nan))
    return detector


def _asked(detectors: list[StreamDetector], day: FrequencyDay, rows: list[int], *, lines: int) -> list[_Answer]:
    """Ask detectors of the day; of `lines` 1 those that damp explains to as well."""
    around = np.stack([day.temperature[rows], day.damp[rows]], axis=1)[:, : 1 + lines]
    verdicts = step_together(detectors, _DAY_S * day.number, day.value[rows, np.newaxis], around)
    return [_Answer(*pair) for pair in zip(detectors, verdicts, strict=True)]


def _followed(
    before: FollowedFrequency, plain: _Answer, second: _Answer | None, day: FrequencyDay, row: int
) -> FollowedFrequency:
    """Say what is remembered after a day: a change away from harm is not stated, nor what damp explains."""
    change, error = plain.shift()
    now_ns = (day.number + 1) * _DAY_NS
    rising_ns = int(before.rising_ns)
    if plain.verdict.share_of_alarm >= _RISING_SHARE:
        rising_ns = rising_ns or now_ns
    elif isfinite(day.value[row]) and isfinite(day.temperature[row]):
        rising_ns = 0
    begins_ns = rising_ns if rising_ns > 0 and now_ns - rising_ns >= _LASTING_NS else 0
    direction = float(day.direction[row])
    is_told = plain.verdict.alarm and (direction == 0.0 or direction * change > 0.0)
    if second is not None and isfinite(day.damp[row]) and second.detector.is_commissioned():
        other, other_error = second.shift()
        if not second.verdict.alarm:
            begins_ns = 0
        elif other * change > 0.0:
            change, error = other, other_error
    return FollowedFrequency(
        change_memory=encode_detector(plain.detector),
        damp_memory=b"" if second is None else encode_detector(second.detector),
        change_day=day.number,
        change_ns=(int(before.change_ns) or begins_ns) if is_told else 0,
        rising_ns=rising_ns,
        change=change,
        change_sd=error,
        change_novelty=plain.verdict.novelty,
    )
