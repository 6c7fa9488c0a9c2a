"""`python -m tests.performance.other_fleets SEED...`: the scoreboard of fleets that the simulator did not make."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from rich.console import Console

from service.evaluation.chain_run import run_chain
from service.evaluation.evaluate import JudgedRun, judge_run, score_runs
from service.evaluation.report_table import print_scoreboard
from service.settings import load_settings
from tests.performance.other_fleets.fleet import draw_fleet

_PROCESSES = 2


def run_fleet(seed: int, *, days: int = 730, share: float = 1.0) -> JudgedRun:
    """Draw a fleet, put it through the chain, and set beside it what was so."""
    begun = time.perf_counter()
    fleet = draw_fleet(seed, days=days, share=share)
    truth = fleet.truth
    run = run_chain(load_settings(), fleet.register, fleet.days(), start_ns=truth.start_ns, end_ns=truth.end_ns)
    return judge_run(truth, fleet.register, run, seconds=time.perf_counter() - begun)


def main(seeds: list[int]) -> None:
    """Run the fleets, two at a time, and print their scoreboard together."""
    with ProcessPoolExecutor(_PROCESSES, mp_context=get_context("spawn")) as pool:
        runs = list(pool.map(run_fleet, seeds))
    print_scoreboard(score_runs("other fleets", runs), Console(width=240))


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]] or [1])
