"""Which fault comes when: drawn from a seed, so that a run that failed can be made again."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

__all__ = ["ALWAYS", "Fault", "FaultKind", "draw_faults"]

FaultKind: TypeAlias = Literal[
    "kill ingest",
    "freeze ingest",
    "cut ingest",
    "stall ingest",
    "far behind",
    "kill broker",
    "freeze broker",
    "cut publisher",
    "kill projections",
    "freeze projections",
    "kill api",
    "kill all",
    "fill disk",
    "kill influx",
    "freeze influx",
    "storm influx",
    "kill postgres",
    "freeze postgres",
]

# How often each kind comes, relative to the others; those that need a server or a file system are added where it is.
ALWAYS: Final[dict[FaultKind, int]] = {
    "kill ingest": 6,
    "freeze ingest": 3,
    "cut ingest": 4,
    "stall ingest": 2,
    "far behind": 2,
    "kill broker": 3,
    "freeze broker": 2,
    "cut publisher": 3,
    "kill projections": 3,
    "freeze projections": 1,
    "kill api": 1,
    "kill all": 1,
}
_GAP_S: Final = (0.2, 2.5)
_LENGTH_S: Final = (0.2, 3.0)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: how long after the one before it, of what kind, and how long it lasts where it has a length."""

    gap_s: float
    kind: FaultKind
    length_s: float


def draw_faults(seed: int, count: int, weights: dict[FaultKind, int]) -> Sequence[Fault]:
    """Draw a schedule; the same seed, count and kinds give the same one."""
    generator = random.Random(seed)
    kinds, shares = list(weights), list(weights.values())
    return [
        Fault(generator.uniform(*_GAP_S), generator.choices(kinds, shares)[0], generator.uniform(*_LENGTH_S))
        for _ in range(count)
    ]
