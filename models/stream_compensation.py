"""The reference of a stream that has an environment: each channel's level, and whether it has moved.

Each channel's level is followed apart from the environment (`models.stream_level`), and the levels of all channels are
judged together by their correlation: a chi-square statistic with as many degrees of freedom as channels, for each speed
at which levels may wander. A step shows sooner in the mean of the next few innovations, which are judged the same way,
and from there on the level is let go, that slopes do not take the step up. The strongest counts, less the
logarithm of the number of statistics (Bonferroni).

A single row counts as well, at one fiftieth of the chance: an outlier is strange, but weather has rows like it.

A row in which an environmental quantity is missing, or not to be believed (`models.stream_belief`), can be compared
with nothing and is no evidence. The levels stay where they were and their spread grows. Of the first rows, from which
middle and scale are taken, those that are unlike the others are left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FloatArray
from models.stream_belief import Belief, like_most
from models.stream_environment import EnvironmentMemory, Surroundings
from models.stream_level import LEVEL_SHARES, BankStep, LevelBank, LevelVerdict, step_banks
from models.stream_reference import ReferenceVerdict
from models.stream_shift import chi_square_strength

__all__ = ["BegunRow", "CompensatedReference"]

_LAYOUT_ROWS: Final = 30
_FEWEST_HEALTHY_ROWS: Final = 100
# A channel that repeats its first value for so many rows has not begun.
_STILL_ROWS: Final = 3
_ROW_WEIGHT: Final = 0.02
# A step shows in the mean of the next few innovations before the level has taken it up.
_FAST_SHARES: Final = (0.5, 0.25)
# From this mean innovation on, in its own deviations, the level is let go by so many deviations of a row.
_SUSPECT: Final = 4.0
_JUMP: Final = 3.0
_CORRELATION_ROWS: Final = 300.0
_SHRINKAGE: Final = 0.1
_LARGEST: Final = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class BegunRow:
    """What a row asks of the banks.

    Attributes
    ----------
    values : float64[C]
        The row.
    channels : tuple of int
        Whose value there is a bank for.
    steps : tuple of BankStep
        One of each of these channels.
    """

    values: FloatArray
    channels: tuple[int, ...] = ()
    steps: tuple[BankStep, ...] = ()


class CompensatedReference:
    """Reference of one stream with an environment.

    Parameters
    ----------
    channels : int
        Number of channels C, positive.
    commission : int
        Rows known to be healthy; 0 where nobody said.
    lines : int, default 0
        How many environmental quantities, the last ones, act by a slope alone.
    """

    __slots__ = (
        "_banks",
        "_belief",
        "_channels",
        "_correlation",
        "_early",
        "_fast",
        "_fast_spread",
        "_has_begun",
        "_learned",
        "_level",
        "_lines",
        "_memory",
        "_rows",
        "_waiting",
        "healthy_rows",
    )

    def __init__(self, *, channels: int, commission: int, lines: int = 0) -> None:
        self._channels = channels
        self._lines = lines
        self.healthy_rows = commission or _FEWEST_HEALTHY_ROWS
        self._memory: EnvironmentMemory | None = None
        self._belief: Belief | None = None
        self._early: list[tuple[float, FloatArray, FloatArray]] = []
        self._banks: list[LevelBank | None] = [None] * channels
        self._waiting: list[list[tuple[float, Surroundings]]] = [[] for _ in range(channels)]
        # Rows that a channel has learned, or until then passed over; and whether it was seen to begin.
        self._learned = [0] * channels
        self._has_begun = [False] * channels
        self._correlation = np.eye(channels)
        self._level = np.zeros((len(LEVEL_SHARES), channels))
        self._fast = np.zeros((len(_FAST_SHARES), channels))
        self._fast_spread = np.ones((len(_FAST_SHARES), channels))
        self._rows = 0

    def step(self, time_s: float, values: FloatArray, environment: FloatArray) -> ReferenceVerdict:
        """Judge a row by what was learned before it, then learn it.

        Parameters
        ----------
        time_s : float
            Seconds.
        values : float64[C]
            In the channels' units, NaN where missing.
        environment : float64[E]
            NaN where missing.

        Returns
        -------
        ReferenceVerdict
        """
        begun = self.begin(time_s, values, environment)
        return self.end(begun, step_banks(begun.steps))

    def begin(self, time_s: float, values: FloatArray, environment: FloatArray) -> BegunRow:
        """Take in a row as far as its banks, whose part may be done together with that of other streams.

        Parameters
        ----------
        time_s, values, environment
            As for `step`.

        Returns
        -------
        BegunRow
            Of which `end` takes the verdicts.
        """
        if not self._is_known(environment):
            for bank in self._banks:
                if bank is not None:
                    bank.wait()
            return BegunRow(values)
        if self._memory is None:
            self._early.append((time_s, values, environment))
            if len(self._early) == self._layout_rows():
                self._lay_out()
            return BegunRow(values)
        around = self._memory.step(time_s, environment)
        channels: list[int] = []
        steps: list[BankStep] = []
        for channel, (bank, value) in enumerate(zip(self._banks, values.tolist(), strict=True)):
            if bank is None:
                self._gather(channel, self._memory.knots, around, value)
            elif math.isnan(value):
                bank.wait()
            else:
                is_healthy = self._learned[channel] < self.healthy_rows
                channels.append(channel)
                steps.append(BankStep(bank, value, around, is_commissioning=is_healthy, jump=self._jump(channel)))
        return BegunRow(values, tuple(channels), tuple(steps))

    def end(self, begun: BegunRow, verdicts: Sequence[LevelVerdict]) -> ReferenceVerdict:
        """Judge a row by what its banks say.

        Parameters
        ----------
        begun : BegunRow
        verdicts : sequence of LevelVerdict
            Of its steps.

        Returns
        -------
        ReferenceVerdict
        """
        expected = np.full(self._channels, np.nan)
        innovation = np.zeros(self._channels)
        counts: BoolArray = np.zeros(self._channels, np.bool_)
        for channel, step, verdict in zip(begun.channels, begun.steps, verdicts, strict=True):
            self._learned[channel] += 1
            expected[channel], innovation[channel] = verdict.expected, verdict.innovation
            self._level[:, channel] = 0.0 if step.is_commissioning else verdict.level
            counts[channel] = not step.is_commissioning
            self._follow_fast(channel, verdict)
        self._follow_correlation(innovation, counts)
        return self._weigh(expected, innovation, counts)

    def is_commissioned(self) -> bool:
        """Tell whether each channel has as many rows behind it as are taken for healthy."""
        return min(self._learned) >= self.healthy_rows

    def shifts(self) -> tuple[FloatArray, FloatArray]:
        """float64[C] twice: how far each level is from the healthy one, and its standard error; NaN before."""
        found = [(math.nan, math.nan) if bank is None else bank.shift() for bank in self._banks]
        level, error = np.array(found).T
        return level, error

    def _is_known(self, environment: FloatArray) -> bool:
        """Tell whether the environment of a row is there and to be believed."""
        if np.isnan(environment).any():
            return False
        if self._memory is None or self._belief is None:
            return True
        return bool(self._belief.step(environment).all()) and not self._memory.is_beyond(environment)

    def _layout_rows(self) -> int:
        """Give the number of rows from which middle and scale are taken."""
        return min(_LAYOUT_ROWS, max(self.healthy_rows // 2, 2))

    def _lay_out(self) -> None:
        """Take middle and scale of the environment from the first rows that are like most, then learn these."""
        rows = np.array([row[2] for row in self._early])
        is_sane: BoolArray = np.logical_and.reduce(like_most(rows), axis=1)
        early, self._early = [row for row, sane in zip(self._early, is_sane, strict=True) if sane], []
        if 2 * len(early) < len(rows):
            # Several quantities were absurd in turn: more rows are needed.
            self._early = early
            return
        self._memory = EnvironmentMemory(rows[is_sane], self._lines)
        for row in early:
            self.step(*row)
        self._belief = Belief(rows)

    def _jump(self, channel: int) -> float:
        """Give the deviations that a channel's level may have jumped by: none until the last innovations say so."""
        return _JUMP if np.abs(self._fast[:, channel] / self._fast_spread[:, channel]).max() > _SUSPECT else 0.0

    def _follow_fast(self, channel: int, verdict: LevelVerdict) -> None:
        share = np.array(_FAST_SHARES)
        clipped = min(max(verdict.innovation, -_LARGEST), _LARGEST)
        self._fast[:, channel] += share * (clipped - self._fast[:, channel])
        # Variance of the exponential mean of first-order autocorrelated noise.
        keep = verdict.autocorrelation * (1.0 - share)
        self._fast_spread[:, channel] = np.sqrt(share / (2.0 - share) * (1.0 + keep) / (1.0 - keep))

    def _gather(self, channel: int, knots: FloatArray, environment: Surroundings, value: float) -> None:
        """Keep a channel's first values until its scale can be told, then learn them.

        One that stands still is waited for as long as its rows are taken for healthy, before it begins and after.
        """
        if math.isnan(value):
            return
        first = self._waiting[channel]
        first.append((value, environment))
        if len(first) < self._layout_rows():
            return
        measured = np.array([row[0] for row in first])
        is_sane = like_most(measured[:, np.newaxis]).ravel()
        moves = bool(np.ptp(measured[is_sane]) > 0.0)
        still_rows = int((measured != measured[0]).argmax())
        if not moves and self._learned[channel] + len(first) < self.healthy_rows:
            # What stands still has no scale: a logger that writes 0 before its sensor is there.
            first.pop(0)
            self._learned[channel] += 1
        elif still_rows >= _STILL_ROWS and not self._has_begun[channel]:
            # Here the sensor begins; a channel of few steps stands still again and again.
            del first[:still_rows]
            self._learned[channel] += still_rows
            self._has_begun[channel] = True
        else:
            first = [row for row, sane in zip(first, is_sane, strict=True) if sane]
            bank = LevelBank(measured[is_sane], knots, self._lines)
            for row in first:
                bank.step(*row, is_commissioning=True)
            self._learned[channel] = len(first)
            self._banks[channel], self._waiting[channel] = bank, []

    def _follow_correlation(self, innovation: FloatArray, counts: BoolArray) -> None:
        if self._channels > 1 and counts.all():
            clipped = np.clip(innovation, -_LARGEST, _LARGEST)
            self._correlation += (clipped[:, np.newaxis] * clipped - self._correlation) / _CORRELATION_ROWS

    def _weigh(self, expected: FloatArray, innovation: FloatArray, counts: BoolArray) -> ReferenceVerdict:
        here = np.flatnonzero(counts)
        if len(here) == 0:
            return ReferenceVerdict(expected, 0.0, 0.0, has_evidence=False)
        fast = self._fast[:, here] / self._fast_spread[:, here]
        means = np.concatenate([self._level[:, here], fast, innovation[np.newaxis, here]])
        statistics = ((means @ self._precision(here)) * means).sum(axis=1).tolist()
        *strengths, row = (chi_square_strength(statistic, len(here)) for statistic in statistics)
        lasting = max(max(strengths) - math.log(len(strengths)), 0.0)
        strength = max(lasting, row + math.log(_ROW_WEIGHT), 0.0)
        return ReferenceVerdict(expected, strength, lasting, has_evidence=True)

    def _precision(self, here: npt.NDArray[np.intp]) -> FloatArray:
        """float64[H, H]: inverse of the correlation of some channels."""
        if len(here) == 1:
            return np.ones((1, 1))
        part = self._correlation[np.ix_(here, here)]
        deviation = np.sqrt(np.diag(part))
        correlation = (1.0 - _SHRINKAGE) * part / (deviation[:, np.newaxis] * deviation)
        return np.linalg.inv(correlation + _SHRINKAGE * np.eye(len(here)))
