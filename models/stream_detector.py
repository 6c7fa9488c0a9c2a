"""One online detector for any stream of rows, with one fixed configuration.

A stream is a sequence of rows of one or more channels, with or without an environment that explains them. Each row is
judged by what was learned from the rows before it, and then learned. What a stream can be compared with decides how:

- with an environment, by the level of each channel apart from it (`models.stream_compensation`);
- with several channels, or rows known to be healthy, with its *reference* (`models.stream_reference`): the channels by
  each other and by their own last rows;
- a single channel of which nobody said when it was healthy, with its own *habits* (`models.stream_habits`), which
  move on: nothing says that a new level is wrong.

Novelty is minus the decimal logarithm of the chance of such a row under health, so that one line serves all streams.
Memory is bounded, whatever the number of rows. Times may repeat or step back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from domain.arrays import FloatArray
from domain.errors import ShapeError
from models.stream_alarm import BudgetAlarm
from models.stream_compensation import BegunRow, CompensatedReference
from models.stream_habits import ChannelHabits
from models.stream_level import LevelVerdict, step_banks
from models.stream_reference import HealthyReference, ReferenceVerdict

__all__ = ["StreamDetector", "StreamVerdict", "step_together"]

# exp of more nats than this is no number; a chance of 1e-300 is as good as none.
_STRONGEST: Final = 690.0
# No quantity is this large in any unit; its square still has room in floating point.
_LARGEST: Final = 1e60
_LN10: Final = math.log(10.0)


@dataclass(frozen=True, slots=True, eq=False)
class StreamVerdict:
    """What the detector says of one row.

    Attributes
    ----------
    novelty : float
        ``-log10(p_value)``, finite, at least 0; 0 where there is no evidence.
    p_value : float
        Chance of a row as strange as this under health, in (0, 1].
    alarm : bool
        Whether an alarm is open.
    expected : float64[C]
        Value expected before the row was seen, in the channel's unit; NaN where there was none.
    residual : float64[C]
        Measured minus expected; NaN where either is missing.
    share_of_alarm : float
        Evidence of what lasts over what opens an alarm, at least 0; 0 where there is none.
    """

    novelty: float
    p_value: float
    alarm: bool
    expected: FloatArray
    residual: FloatArray
    share_of_alarm: float


class StreamDetector:
    """State of one stream.

    Parameters
    ----------
    channels : int
        Number of channels C, positive.
    environments : int, default 0
        Number of environmental quantities E.
    lines : int, default 0
        How many of them, the last ones, act by a slope alone: without a memory and without a bend.
    commission : int, default 0
        Rows at the start that are known to be healthy: learned, never alarmed.
    expected_run_length : float, default 10,000
        Mean rows between false alarms, more than 1.
    has_clock : bool, default True
        Whether times are times: without a clock there is no time of day.

    Raises
    ------
    ShapeError
        If there is no channel.
    """

    __slots__ = ("_alarm", "_channels", "_environments", "_healthy_rows", "_learner", "rows")

    def __init__(
        self,
        *,
        channels: int,
        environments: int = 0,
        lines: int = 0,
        commission: int = 0,
        expected_run_length: float = 10_000.0,
        has_clock: bool = True,
    ) -> None:
        if channels < 1:
            raise ShapeError(f"got {channels} channels, expected at least 1")
        self._channels = channels
        self._environments = environments
        self._alarm = BudgetAlarm(expected_run_length=expected_run_length)
        self._learner = _learner(channels, environments, lines, commission, has_clock=has_clock)
        self._healthy_rows = self._learner.healthy_rows
        self.rows = 0

    def step(self, time_s: float, values: FloatArray, environment: FloatArray) -> StreamVerdict:
        """Judge a row, then learn it.

        Parameters
        ----------
        time_s : float
            Unix seconds, finite; seconds of any kind without a clock.
        values : float64[C]
            In the channels' units; what is not finite, or absurd, is missing.
        environment : float64[E]
            In units of its own; what is not finite, or absurd, is missing.

        Returns
        -------
        StreamVerdict

        Raises
        ------
        ShapeError
            If the row has other numbers of channels or environments than the stream.
        """
        values, environment = self._checked(values, environment)
        return self._concluded(values, self._learner.step(time_s, values, environment))

    def is_commissioned(self) -> bool:
        """Tell whether a stream with an environment has left the rows behind that are taken for healthy."""
        return self.rows >= self._healthy_rows and self._compensated().is_commissioned()

    def begin(self, time_s: float, values: FloatArray, environment: FloatArray) -> BegunRow:
        """Take in a row of a stream with an environment, as far as `step_together` does not do it for many.

        Parameters
        ----------
        time_s, values, environment
            As for `step`.

        Raises
        ------
        ShapeError
            As for `step`, and if the stream has no environment.
        """
        return self._compensated().begin(time_s, *self._checked(values, environment))

    def end(self, begun: BegunRow, verdicts: Sequence[LevelVerdict]) -> StreamVerdict:
        """Judge the row that was begun by what its banks say: one verdict for each of its steps."""
        return self._concluded(begun.values, self._compensated().end(begun, verdicts))

    def _compensated(self) -> CompensatedReference:
        if not isinstance(self._learner, CompensatedReference):
            raise ShapeError("got a stream without an environment, expected one with; step it by itself")
        return self._learner

    def _checked(self, values: FloatArray, environment: FloatArray) -> tuple[FloatArray, FloatArray]:
        if values.shape != (self._channels,) or environment.shape != (self._environments,):
            raise ShapeError(
                f"got values of shape {values.shape} and environment of shape {environment.shape}, "
                f"expected ({self._channels},) and ({self._environments},) as the stream was made for"
            )
        values = np.where(np.abs(values) < _LARGEST, values, np.nan)
        return values, np.where(np.abs(environment) < _LARGEST, environment, np.nan)

    def _concluded(self, values: FloatArray, verdict: ReferenceVerdict) -> StreamVerdict:
        is_healthy = self.rows < self._healthy_rows
        expected, strength = verdict.expected, min(verdict.strength, _STRONGEST)
        self.rows += 1
        if is_healthy and verdict.has_evidence and 2 * self.rows > self._healthy_rows:
            self._alarm.learn(verdict.shift_strength)
        counts = verdict.has_evidence and not is_healthy
        share = verdict.shift_strength / self._alarm.line if counts else 0.0
        alarm = self._alarm.step(verdict.shift_strength if counts else None)
        return StreamVerdict(strength / _LN10, math.exp(-strength), alarm, expected, values - expected, share)

    def promise(self, expected_run_length: float) -> None:
        """Go on with another mean number of rows between false alarms, more than 1."""
        self._alarm.promise(expected_run_length)

    def shifts(self) -> tuple[FloatArray, FloatArray]:
        """Give how far each channel's level is from the healthy one, apart from its environment.

        Returns
        -------
        level, error : float64[C]
            In the channels' units, with the standard error; NaN before the first rows and without an environment.
        """
        if isinstance(self._learner, CompensatedReference):
            return self._learner.shifts()
        return np.full(self._channels, np.nan), np.full(self._channels, np.nan)


def step_together(
    detectors: Sequence[StreamDetector], time_s: float, values: FloatArray, environment: FloatArray
) -> list[StreamVerdict]:
    """Judge a row of each of several streams, then learn it: as `StreamDetector.step` of each, to the bit, and faster.

    Parameters
    ----------
    detectors : sequence of StreamDetector, length R
        Of streams with an environment, all with as many channels C and environmental quantities E.
    time_s : float
        Of all rows, as for `StreamDetector.step`.
    values, environment : float64[R, C], float64[R, E]

    Returns
    -------
    list of StreamVerdict, length R

    Raises
    ------
    ShapeError
        If a stream has other numbers of channels or environments, or no environment.

    Examples
    --------
    >>> streams = [StreamDetector(channels=1, environments=1) for _ in range(2)]
    >>> [found.alarm for found in step_together(streams, 0.0, np.ones((2, 1)), np.ones((2, 1)))]
    [False, False]
    """
    rows = zip(detectors, values, environment, strict=True)
    begun = [detector.begin(time_s, measured, around) for detector, measured, around in rows]
    verdicts = iter(step_banks([step for row in begun for step in row.steps]))
    return [
        detector.end(row, [next(verdicts) for _ in row.steps]) for detector, row in zip(detectors, begun, strict=True)
    ]


class _Learner(Protocol):
    """What a stream is compared with."""

    healthy_rows: int

    def step(self, time_s: float, values: FloatArray, environment: FloatArray) -> ReferenceVerdict:
        """Judge a row, then learn it."""


def _learner(channels: int, environments: int, lines: int, commission: int, *, has_clock: bool) -> _Learner:
    """Choose what a stream is compared with by what it has."""
    if environments:
        return CompensatedReference(channels=channels, commission=commission, lines=lines)
    if channels > 1 or commission:
        return HealthyReference(channels=channels, commission=commission)
    return ChannelHabits(has_clock=has_clock)
