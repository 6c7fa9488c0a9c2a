"""Run what is to be judged, one process a run, and put the scoreboard together."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import wait
from threading import Thread

from domain.register import Register
from models.state import MODEL_VERSION
from service.evaluation.ahead import days_made_ahead
from service.evaluation.baselines import always, fixed_threshold, knows_all, never
from service.evaluation.broker_run import run_through_broker
from service.evaluation.chain_listener import ChainRun
from service.evaluation.chain_run import Clock, run_chain
from service.evaluation.history import History, history_days
from service.evaluation.scenario_run import scenario_days, scenario_register, scenario_truth
from service.evaluation.scoreboard import RunFacts, Scoreboard, make_scoreboard
from service.evaluation.truth import Case, RunRecord, Truth, lives_of
from service.settings import Settings
from simulator.scenario import Scenario

__all__ = [
    "JudgedRun",
    "end_with_parent",
    "evaluate_scenarios",
    "judge_run",
    "run_history",
    "run_scenario",
    "score_runs",
]


@dataclass(frozen=True, slots=True, eq=False)
class JudgedRun:
    """One run: its truth, and what every detector said in it."""

    truth: Truth
    records: tuple[RunRecord, ...]
    facts: RunFacts
    promise_per_year: float


def evaluate_scenarios(
    stories: Sequence[Scenario],
    *,
    settings: Settings,
    jobs: int,
    through_broker: bool = False,
    told: Callable[[int], None] = lambda _: None,
) -> Scoreboard:
    """Run scenarios through the chain, and grade all runs together.

    Parameters
    ----------
    stories : sequence of Scenario
        Usually one scenario with several seeds; at least one.
    jobs : int
        Processes at work: runs side by side, or one run with its messages made ahead.
    through_broker : bool
        False: in process, day by day. True: over MQTT through a broker and the ingest loop.
    told : callable
        Gets days done so far, over all runs.
    """
    scenario = stories[0]
    if jobs == 1 or len(stories) == 1:
        runs = []
        for number, story in enumerate(stories):
            behind = _behind(told, number * scenario.days)
            runs.append(run_scenario(story, settings, behind, through_broker=through_broker, ahead=jobs > 1))
        return score_runs(scenario.name, runs)
    # A fresh interpreter a run: nothing of one run can reach another.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(stories)), mp_context=context, initializer=end_with_parent) as pool:
        waiting = [pool.submit(run_scenario, story, settings, through_broker=through_broker) for story in stories]
        runs = []
        for number, run in enumerate(waiting, start=1):
            runs.append(run.result())
            told(number * scenario.days)
    return score_runs(scenario.name, runs)


def end_with_parent() -> None:
    """Have this worker end when its starter does, however that ended: a pool's worker would wait for work forever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    Thread(target=watch, name="end with parent", daemon=True).start()


def _behind(told: Callable[[int], None], before: int) -> Callable[[int], None]:
    """Report days behind those of earlier runs."""
    return lambda day: told(before + day)


def run_scenario(
    scenario: Scenario,
    settings: Settings,
    told: Callable[[int], None] = lambda _: None,
    *,
    through_broker: bool = False,
    ahead: bool = False,
    clock: Clock = "wall",
) -> JudgedRun:
    """Run one scenario through the chain, in process or over MQTT (then by the stream's clock).

    Parameters
    ----------
    clock : {"wall", "stream"}
        Of a run in process, see `run_chain`.
    ahead : bool
        Make the messages in a second process meanwhile.
    """
    begun = time.perf_counter()
    register = scenario_register(scenario)
    truth = scenario_truth(scenario, register)
    if through_broker:
        run = run_through_broker(settings, register, scenario)
        told(scenario.days)
    elif ahead:
        with days_made_ahead(scenario, told) as days:
            run = run_chain(settings, register, days, start_ns=scenario.start_ns, end_ns=scenario.end_ns, clock=clock)
    else:
        days = scenario_days(scenario, told)
        run = run_chain(settings, register, days, start_ns=scenario.start_ns, end_ns=scenario.end_ns, clock=clock)
    return judge_run(truth, register, run, seconds=time.perf_counter() - begun)


def run_history(history: History, settings: Settings, told: Callable[[int], None] = lambda _: None) -> JudgedRun:
    """Run an owner's history through the chain in process."""
    begun = time.perf_counter()
    truth = history.truth
    days = history_days(history, told)
    run = run_chain(settings, history.register, days, start_ns=truth.start_ns, end_ns=truth.end_ns)
    return judge_run(truth, history.register, run, seconds=time.perf_counter() - begun)


def judge_run(truth: Truth, register: Register, run: ChainRun, *, seconds: float) -> JudgedRun:
    """Put what the detectors beside ours say next to what the chain said."""
    records = (
        run.record,
        fixed_threshold(truth, register, run.channel_days),
        always(truth),
        never(truth),
        knows_all(truth),
    )
    lives = lives_of(truth)
    facts = RunFacts(
        name=truth.name,
        start_ns=truth.start_ns,
        end_ns=truth.end_ns,
        assets=len(truth.assets),
        monitored=sum(asset.is_monitored for asset in truth.assets),
        damages=len(truth.damages),
        failures=sum(life.has_failed for life in lives),
        sensor_faults=len(truth.sensor_faults),
        seconds=round(seconds, 1),
        tally=run.tally,
    )
    return JudgedRun(truth, records, facts, run.promise_per_year)


def score_runs(title: str, runs: Sequence[JudgedRun]) -> Scoreboard:
    """Grade every detector over all runs."""
    lives = [lives_of(run.truth) for run in runs]
    names = [record.detector for record in runs[0].records]
    cases = {
        name: [Case(run.truth, mine, run.records[place]) for run, mine in zip(runs, lives, strict=True)]
        for place, name in enumerate(names)
    }
    return make_scoreboard(
        title,
        cases,
        runs=[run.facts for run in runs],
        promise_per_year=runs[0].promise_per_year,
        model_version=MODEL_VERSION,
    )
