"""What is told while the loop of ingest is in one step; clocks are moved by hand, but where the thread is tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import service.status_writer as status_writer_module
from service.status import IngestStatus, read_status
from service.status_writer import StatusWriter
from tests.servers import wait_until
from tests.unit.service.test_web import NOW_NS, status

NS = 1_000_000_000


@dataclass
class Clock:
    now_ns: int = NOW_NS

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def writer(tmp_path: Path, clock: Clock) -> StatusWriter:
    return StatusWriter(tmp_path / "status.json", now_ns=clock)


@pytest.fixture
def told(tmp_path: Path) -> Callable[[], IngestStatus | None]:
    return lambda: read_status(tmp_path / "status.json")


def test_a_loop_that_tells_is_not_spoken_over(
    writer: StatusWriter, clock: Clock, told: Callable[[], IngestStatus | None]
) -> None:
    writer.look()
    assert told() is None, "nothing is known yet"
    writer.begin("waits for messages")
    writer.tell(status())
    clock.now_ns += 2 * NS
    writer.look()
    assert told() == status()


def test_a_step_that_takes_long_is_told_with_its_beginning_and_forgotten_after_it(
    writer: StatusWriter, clock: Clock, told: Callable[[], IngestStatus | None]
) -> None:
    writer.tell(status())
    clock.now_ns += NS
    writer.begin("closes hops")
    clock.now_ns += 7 * NS
    writer.look()
    assert told() == status(alive_ns=NOW_NS + 8 * NS, step="closes hops", step_since_ns=NOW_NS + NS)
    clock.now_ns += NS
    writer.tell(status(at_ns=clock.now_ns))
    assert told() == status(at_ns=clock.now_ns)


def test_the_thread_looks_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: Callable[[], IngestStatus | None]
) -> None:
    monkeypatch.setattr(status_writer_module, "_LOOK_EVERY_S", 0.01)
    writer = StatusWriter(tmp_path / "status.json")
    writer.tell(status())
    writer.begin("saves its state")
    writer.start()
    wait_until(lambda: (found := told()) is not None and found.step == "saves its state", "the step to be told")
    writer.stop()
