"""The run length that `schouw score` promises against the one it reaches on healthy noise.

`python -m tests.performance.run_length` takes minutes. Alarms are counted in streams of independent rows, and stand
beside the number that the promise allows, by the age of the stream: what is learnt late is wrong early.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from typing import Final

import numpy as np

from domain.arrays import FloatArray
from domain.rates import counted_rate
from models.stream_detector import StreamDetector

Noise = Callable[[np.random.Generator, tuple[int, int]], FloatArray]

NOISES: Final[dict[str, Noise]] = {
    "normal": lambda generator, shape: generator.normal(size=shape),
    "Student, 4 degrees": lambda generator, shape: generator.standard_t(4, size=shape),
    "Student, 3 degrees": lambda generator, shape: generator.standard_t(3, size=shape),
    "lognormal": lambda generator, shape: np.exp(generator.normal(size=shape)),
}
# Channels, healthy rows, promise, rows and streams.
STREAMS: Final = (
    (1, 0, 1000, 20_000, 8),
    (1, 0, 10_000, 40_000, 10),
    (1, 400, 1000, 10_000, 8),
    (3, 400, 1000, 10_000, 6),
    (8, 400, 1000, 10_000, 4),
)
_AGES: Final = (0, 2_000, 10_000, 1_000_000)


def opened_at(noise: Noise, seed: int, channels: int, commission: int, promise: int, rows: int) -> list[int]:
    """Give the rows at which a stream opened an alarm."""
    values = noise(np.random.default_rng(seed), (rows, channels))
    detector = StreamDetector(channels=channels, commission=commission, expected_run_length=float(promise))
    nothing = np.zeros(0)
    alarms = np.array([detector.step(300.0 * at, values[at], nothing).alarm for at in range(rows)])
    return np.flatnonzero(alarms & ~np.concatenate([[False], alarms[:-1]])).tolist()


def main() -> None:
    """Print a line for each noise and kind of stream."""
    for name, noise in NOISES.items():
        for channels, commission, promise, rows, streams in STREAMS:
            found = [
                at for seed in range(streams) for at in opened_at(noise, seed, channels, commission, promise, rows)
            ]
            rate = counted_rate(len(found), streams * (rows - commission) / promise)
            assert rate is not None
            ages = []
            for first, last in itertools.pairwise(_AGES):
                promised = streams * (min(last, rows) - max(first, commission)) / promise
                if promised > 0.0:
                    ages.append(f"{sum(first <= at < last for at in found)}/{promised:.0f}")
            sys.stdout.write(
                f"{name}: {channels} channels, {commission} healthy rows, promise {promise}: alarms {rate.value:.2f} "
                f"({rate.low:.2f} to {rate.high:.2f}) of the promised number; by age {', '.join(ages)}\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
