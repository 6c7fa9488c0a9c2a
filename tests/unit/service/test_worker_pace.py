"""How often a worker looks at open hops and saves its state, beside messages."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from service import saving
from service.pipeline import TakeReport
from tests.unit.service.site import (
    NOW_NS,
    outcomes,
    reading,
)
from tests.unit.service.worker_bench import Bench

NS = 1_000_000_000
NOW_S = NOW_NS // NS


@pytest.mark.parametrize(("batch_messages", "rests"), [(2000, 3), (1, 72)])
def test_looks_leave_half_of_the_time_to_messages_and_more_while_some_wait(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch, batch_messages: int, rests: int
) -> None:
    """Two thousand sensors took longer to assess than the pause between two looks, so ingest did little else."""
    site = bench(provisional_seconds=0.25, batch_messages=batch_messages)
    looked_at: list[float] = []
    assess = site.pipeline.assess_waiting

    def slow(**times: float) -> bool | None:
        looked_at.append(site.seconds)
        site.seconds += 3.0
        return assess(**times)

    monkeypatch.setattr(site.pipeline, "assess_waiting", slow)
    for number in range(rests + 5):
        site.gateway.send(reading(NOW_S + number))
        site.step(1.0)
    first, second, *_ = looked_at
    assert second - (first + 3.0) == rests


def test_a_batch_that_took_long_does_not_keep_the_next_look(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest was counted from the time of the whole batch, so a fleet at half load waited seconds for its risk."""
    site = bench(provisional_seconds=0.25)
    take = site.pipeline.take

    def slow(*args: Any, **more: Any) -> TakeReport:
        site.seconds += 3.0
        return take(*args, **more)

    monkeypatch.setattr(site.pipeline, "take", slow)
    for number in range(3):
        site.gateway.send(reading(NOW_S + number))
        site.step(0.5)
    assert [len(outcome.current) for outcome in outcomes(site.pipeline)[1:]] == [0, 1] * 3


def test_provisional_assessments_keep_their_distance(bench: Callable[..., Bench]) -> None:
    site = bench(provisional_seconds=5.0)
    for number in range(4):
        site.gateway.send(reading(NOW_S + number))
        site.step(2.0)
    assert [len(outcome.current) for outcome in outcomes(site.pipeline)[1:]] == [0, 1, 0, 0, 0, 1]


def test_what_came_last_is_assessed_though_nothing_follows(bench: Callable[..., Bench]) -> None:
    """It waited for another message, which a sensor that sends once an hour brings an hour later."""
    site = bench(provisional_seconds=5.0)
    for number in range(2):
        site.gateway.send(reading(NOW_S + number))
        site.step(2.0)
    site.pass_time(30)
    current = [[item.assessed_at_ns for item in outcome.current] for outcome in outcomes(site.pipeline)[1:]]
    assert current == [[], [NOW_NS], [], [NOW_NS + NS]]


def test_the_state_is_saved_now_and_then_and_at_the_end(bench: Callable[..., Bench]) -> None:
    site = bench(snapshot_seconds=5.0)
    site.gateway.send(reading(NOW_S))
    site.step(1.0)
    assert site.pipeline.journal.snapshot_seq() == 0
    site.pass_time(6)
    assert site.pipeline.journal.snapshot_seq() == 3
    site.gateway.send(reading(NOW_S + 1))
    site.step()
    site.worker.stop()
    site.worker.run()
    assert site.pipeline.journal.snapshot_seq() == site.pipeline.live.applied_seq
    assert not site.gateway.is_running


@pytest.mark.slow
def test_saving_that_takes_long_is_done_less_often(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 10,000 sensors and the cores busy, saving took a fifth of the time that messages waited for."""
    site = bench(snapshot_seconds=5.0)
    began: list[float] = []
    begin = site.pipeline.begin_save

    def slow() -> bool:
        began.append(site.seconds)
        site.seconds += 2.0
        return begin()

    monkeypatch.setattr(site.pipeline, "begin_save", slow)
    for number in range(80):
        site.gateway.send(reading(NOW_S + number))
        site.step(1.0)
    assert all(25.0 <= later - earlier <= 35.0 for earlier, later in itertools.pairwise(began))
    assert len(began) == 3


def test_a_save_that_a_closing_hop_finished_is_not_followed_by_the_next_at_once(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "_PART_BYTES", 1)
    site = bench(snapshot_seconds=5.0)
    begun: list[float] = []
    begin = site.pipeline.begin_save

    def note() -> bool:
        begun.append(site.seconds)
        return begin()

    monkeypatch.setattr(site.pipeline, "begin_save", note)
    for number in range(12):
        site.gateway.send(reading(NOW_S + number))
        site.step(1.0)
        if site.pipeline.is_saving:
            site.pipeline._saver.finish()  # as the pipeline does before a hop closes
    assert [later - earlier for earlier, later in itertools.pairwise(begun)] == [5.0]
