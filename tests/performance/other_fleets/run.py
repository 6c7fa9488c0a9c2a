"""Put such fleets through the real chain, each in a process of its own, and grade them together."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Final

from service.evaluation.chain_run import run_chain
from service.evaluation.evaluate import JudgedRun, end_with_parent, judge_run, score_runs
from service.evaluation.scoreboard import Scoreboard
from service.settings import load_settings
from tests.performance.other_fleets.fleet import draw_fleet

__all__ = ["judge_fleets", "run_fleet"]

_PROCESSES: Final = 2


def run_fleet(seed: int, *, days: int = 730, share: float = 1.0) -> JudgedRun:
    """Draw a fleet, put it through the chain, and set beside it what was so."""
    begun = time.perf_counter()
    fleet = draw_fleet(seed, days=days, share=share)
    truth = fleet.truth
    run = run_chain(load_settings(), fleet.register, fleet.days(), start_ns=truth.start_ns, end_ns=truth.end_ns)
    return judge_run(truth, fleet.register, run, seconds=time.perf_counter() - begun)


def judge_fleets(seeds: Sequence[int], *, days: int, share: float) -> Scoreboard:
    """Run fleets, two at a time."""
    with ProcessPoolExecutor(_PROCESSES, mp_context=get_context("spawn"), initializer=end_with_parent) as pool:
        runs = list(pool.map(partial(run_fleet, days=days, share=share), seeds))
    return score_runs("other fleets", runs)
