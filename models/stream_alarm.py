"""When evidence becomes an alarm: the budget is the only dial.

Evidence is ``-ln`` of a chance. Taken at its word, a line at the logarithm of the promised run length would spend the
budget. It cannot be taken at its word: chances come from models, the noise of real channels has heavier tails than
theirs, and hangs together, so that crossings come in clusters. So the line is drawn from the evidence itself. Rows
without an alarm are cut into blocks, and of each block the highest evidence is kept. An alarm is a cluster, a cluster
is about a block, and the rate of alarms is therefore the share of blocks beyond the line over the length of a block:
the method of block maxima (Gumbel, Statistics of Extremes, 1958). The upper end of the block maxima is continued as
a generalised Pareto tail, scale and shape by moments (Hosking and Wallis, Technometrics 29 (1987) 339-349). Theory
enters as some made-up blocks of unit exponential evidence, which decide while few real blocks are known.

What is promised. If the block maxima of health to come are exchangeable with those kept, the mean run length tends to
the promised one, whatever the distribution of the evidence and however it hangs together within a block. Over the
first blocks the promise rests on the theory behind the evidence, independent normal noise. Nothing holds for a
stream whose health changes for good; that is what an alarm is for.

Damage must not raise its own line: while an alarm is open nothing is kept, and the event counts as one block whose
maximum is at most twice the line.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

import numpy as np

__all__ = ["BudgetAlarm"]

_CLEAR_SHARE: Final = 0.75
_CALM_ROWS: Final = 10
# Twice the slowest memory of evidence; at least so many blocks in a run, that the line lies within their tail.
_BLOCK_ROWS: Final = 50
_BLOCKS_PER_RUN: Final = 10
# A hundred thousand rows.
_MEMORY_BLOCKS: Final = 2000
# What theory is worth.
_PRIOR_BLOCKS: Final = 20.0
_PRIOR_EXCESSES: Final = 5.0
# The tail: the upper tenth, of many blocks fewer, so that the line is reached by counting rather than by shape.
_TAIL_SHARE: Final = 0.1
_MOST_EXCESSES: Final = 40
# Shape of the tail: exponential at the least, at most without a variance.
_LEAST_SHAPE: Final = 1e-6
_MOST_SHAPE: Final = 0.5
_LEAST_LINE_SHARE: Final = 0.5
_MOST_LINES: Final = 2.0


class BudgetAlarm:
    """The one alarm of a stream.

    Parameters
    ----------
    expected_run_length : float
        Mean rows between false alarms, more than 1.

    Attributes
    ----------
    expected_run_length : float
    is_open : bool
    line : float
        Evidence that opens an alarm, in nats.
    """

    __slots__ = ("_block_rows", "_calm", "_maxima", "_peak", "_rows", "expected_run_length", "is_open", "line")

    def __init__(self, *, expected_run_length: float) -> None:
        self.expected_run_length = expected_run_length
        self._block_rows = max(min(_BLOCK_ROWS, int(expected_run_length / _BLOCKS_PER_RUN)), 1)
        self._maxima: deque[float] = deque(maxlen=_MEMORY_BLOCKS)
        self._rows = 0
        self._peak = 0.0
        self._calm = 0
        self.is_open = False
        self.line = math.log(expected_run_length)

    def learn(self, strength: float) -> None:
        """Take in the evidence of a row known to be healthy, in nats."""
        self._peak = max(self._peak, strength)
        self._rows += 1
        if self._rows >= self._block_rows:
            self._close_block(self._peak)

    def step(self, strength: float | None) -> bool:
        """Take in the evidence of a row.

        Parameters
        ----------
        strength : float or None
            ``-ln`` of its chance under health, in nats; None where the row holds no evidence, which changes nothing.

        Returns
        -------
        bool
            Whether the alarm is open after this row.
        """
        if strength is None:
            return self.is_open
        if self.is_open:
            self._peak = max(self._peak, strength)
            self._calm = self._calm + 1 if strength < _CLEAR_SHARE * self.line else 0
            if self._calm >= _CALM_ROWS:
                self.is_open = False
                self._close_block(min(self._peak, _MOST_LINES * self.line))
        elif strength >= self.line:
            self.is_open, self._calm, self._peak = True, 0, strength
        else:
            self.learn(strength)
        return self.is_open

    def promise(self, expected_run_length: float) -> None:
        """Draw the line for another mean number of rows between false alarms, more than 1, from what is known."""
        if expected_run_length != self.expected_run_length:
            self.expected_run_length = expected_run_length
            self.line = self._draw_line() if self._maxima else math.log(expected_run_length)

    def _close_block(self, peak: float) -> None:
        self._maxima.append(peak)
        self._peak, self._rows = 0.0, 0
        self.line = self._draw_line()

    def _draw_line(self) -> float:
        ordered = np.sort(np.array(self._maxima))
        known = len(ordered)
        above = min(max(int(_TAIL_SHARE * known), 1), _MOST_EXCESSES)
        # Below the usual maximum of a block, theory is no tail to go on from.
        start = math.log(self._block_rows)
        if known > above:
            start = max(start, float(ordered[known - above - 1]))
        excess = ordered[ordered > start] - start
        theory = -math.expm1(-self._block_rows * math.exp(-start))
        share = (len(excess) + _PRIOR_BLOCKS * theory) / (known + _PRIOR_BLOCKS)
        rarer = max(share * self.expected_run_length / self._block_rows, 1.0)
        # Unit exponential excesses, as theory has them, have mean 1 and mean square 2.
        count = len(excess) + _PRIOR_EXCESSES
        mean = (float(excess.sum()) + _PRIOR_EXCESSES) / count
        square = (float((excess**2).sum()) + 2.0 * _PRIOR_EXCESSES) / count
        shape = min(max(0.5 * (1.0 - mean * mean / (square - mean * mean)), _LEAST_SHAPE), _MOST_SHAPE)
        line = start + mean * (1.0 - shape) * math.expm1(shape * math.log(rarer)) / shape
        return max(line, _LEAST_LINE_SHARE * math.log(self.expected_run_length))
