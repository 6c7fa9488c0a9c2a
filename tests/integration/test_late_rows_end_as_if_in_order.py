"""Rows that come late, within the back-fill window, leave the models as if they had come in order."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from domain.arrays import ReadingFlag
from ingest.batch import Message
from models.hop_clock import NEVER_NS
from service.pipeline import Pipeline
from simulator.scenario_file import load_scenario
from storage.entries import BatchBody, decode_readings
from tests.chain import ARRIVAL_NS, DAY_NS, STREAM, feed, finish, first_stage, open_chain, simulated_messages
from tests.lengths import either

pytestmark = pytest.mark.slow

DAYS = either(12, long=24)
# Late after an hour, so that what comes out of order by days is late for sure.
STRICT = replace(STREAM, lateness_ns=DAY_NS // 24, idle_ns=6 * DAY_NS)


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> list[Message]:
    return simulated_messages(load_scenario("small"), tmp_path_factory.mktemp("messages"), days=DAYS)


@pytest.fixture(scope="module")
def undisturbed(messages: list[Message], tmp_path_factory: pytest.TempPathFactory) -> str:
    pipeline = open_chain(tmp_path_factory.mktemp("undisturbed"), load_scenario("small"))
    feed(pipeline, messages, batch=50)
    finish(pipeline)
    return first_stage(pipeline)


def hold_back(messages: list[Message], seed: int, *, days: float, share: float) -> list[Message]:
    """Give the messages with some of them moved back by up to so many days' worth of messages."""
    generator = random.Random(seed)
    span = len(messages) / DAYS * days
    place_of = {
        place: place + (generator.uniform(0, span) if generator.random() < share else 0.0)
        for place in range(len(messages))
    }
    return [messages[place] for place in sorted(place_of, key=place_of.__getitem__)]


def flags(pipeline: Pipeline) -> Iterable[int]:
    for entry in pipeline.journal.entries(after=0, limit=1_000_000):
        if isinstance(entry.body, BatchBody):
            yield from decode_readings(entry.body.readings).flags.tolist()


def finish_late(pipeline: Pipeline) -> str:
    pipeline.close(now_ns=ARRIVAL_NS, lateness_ns=0)
    while pipeline.rescore():
        pass
    return first_stage(pipeline)


@pytest.mark.parametrize(("seed", "every"), either([(1, 1), (3, 10_000)], long=[(1, 1), (2, 40), (3, 10_000)]))
def test_late_within_the_window_ends_as_if_in_order(
    tmp_path: Path, messages: list[Message], undisturbed: str, seed: int, every: int
) -> None:
    """Scored again after every batch, now and then, or once at the end: the same bits."""
    late = hold_back(messages, seed, days=4.0, share=0.1)
    pipeline = open_chain(tmp_path, load_scenario("small"), policy=STRICT)
    for number, first in enumerate(range(0, len(late), 60)):
        feed(pipeline, late[first : first + 60], batch=60)
        if number % every == every - 1:
            while pipeline.rescore(most_hops=500):
                pass
    assert finish_late(pipeline) == undisturbed
    found = list(flags(pipeline))
    assert sum(bool(flag & ReadingFlag.REVISES) for flag in found) > 8 * DAYS
    assert not any(flag & ReadingFlag.LATE and not flag & ReadingFlag.REVISES for flag in found)


def test_scoring_again_without_anything_late_changes_no_bit(tmp_path: Path, messages: list[Message]) -> None:
    """Of both stages, and of what is remembered of the fleet: the same days meet the same contexts."""
    pipeline = open_chain(tmp_path, load_scenario("small"))
    feed(pipeline, messages[: len(messages) * either(9, long=12) // DAYS], batch=200)
    live = pipeline.live
    before = live.digest()
    frontier = live.tracker.frontier_ns
    live.revise_ns = np.where(frontier > NEVER_NS, frontier - 6 * DAY_NS, live.revise_ns)
    while pipeline.rescore(most_hops=300):
        pass
    assert live.digest() == before
    outcomes = [entry.outcome for entry in pipeline.journal.entries(after=0, limit=10_000) if entry.kind == "rescoring"]
    assert len(outcomes) > 1
    assert any(outcome.assessments for outcome in outcomes)
    assert not any(outcome.alarms or outcome.alarm_changes for outcome in outcomes)


def test_a_restart_at_any_moment_changes_no_bit(tmp_path: Path, messages: list[Message], undisturbed: str) -> None:
    generator = random.Random(4)
    late = hold_back(messages, 5, days=4.0, share=0.1)
    pipeline = open_chain(tmp_path, load_scenario("small"), policy=STRICT)
    place = 0
    most, saved, restarted = either((40, 0.7, 0.5), long=(120, 0.4, 0.2))
    while place < len(late):
        count = generator.randint(1, most)
        feed(pipeline, late[place : place + count], batch=30)
        place += count
        if generator.random() < saved:
            pipeline.save()
        if generator.random() < 0.3:
            pipeline.rescore(most_hops=generator.choice([1, 300, 8000]))
        if generator.random() < restarted:
            before = (pipeline.live.digest(), pipeline.live.revise_ns.tolist(), pipeline.live.books)
            pipeline.journal.close()  # what memory held is gone, as after kill -9
            pipeline = open_chain(tmp_path, policy=STRICT)
            assert (pipeline.live.digest(), pipeline.live.revise_ns.tolist(), pipeline.live.books) == before
    assert finish_late(pipeline) == undisturbed
