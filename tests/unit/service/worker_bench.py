"""A worker on a bench: an inbox, projections and two clocks that a test moves by hand."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import cast

import msgspec

from ingest.batch import Message
from ingest.delivery import Delivery, InboxBatch
from ingest.inbox import Inbox
from ingest.inbox_state import InboxState
from service.pipeline import Pipeline
from service.projector import Projector
from service.settings import Settings
from service.status import IngestStatus, ProjectionStatus, read_status
from service.worker import Worker
from tests.unit.service.site import (
    NOW_NS,
)

__all__ = ["Bench", "Bystander", "Gateway"]

NS = 1_000_000_000
NOW_S = NOW_NS // NS


class Gateway:
    """An inbox without a network."""

    def __init__(self) -> None:
        self.waiting: deque[InboxBatch] = deque()
        self.acknowledged: list[InboxBatch] = []
        self.released: list[InboxBatch] = []
        self.told: list[tuple[str, dict[str, str]]] = []
        self.connected = True
        self.generation = 1
        self.is_running = False

    def send(self, *messages: Message) -> InboxBatch:
        batch = InboxBatch(messages, tuple(Delivery(1, mid, 1) for mid, _ in enumerate(messages)))
        self.waiting.append(batch)
        return batch

    def start(self) -> None:
        self.is_running = True

    def stop(self) -> None:
        self.is_running = False

    def next_batch(self, _most: int, _wait_s: float) -> InboxBatch:
        return self.waiting.popleft() if self.waiting else InboxBatch((), ())

    def acknowledge(self, batch: InboxBatch) -> None:
        self.acknowledged.append(batch)

    def release(self, batch: InboxBatch) -> None:
        self.released.append(batch)

    def publish(self, topic: str, payload: bytes) -> None:
        self.told.append((topic, msgspec.json.decode(payload)))

    def state(self) -> InboxState:
        return InboxState(self.connected, self.generation, 0, len(self.waiting), "")


class Bystander:
    """A projector that only counts how often it was woken."""

    woken = 0

    def start(self) -> None:
        pass

    def stop(self, *, timeout_s: float) -> None:
        pass

    def wake(self) -> None:
        self.woken += 1

    def states(self) -> list[ProjectionStatus]:
        return [
            ProjectionStatus(
                name="time series", seq=0, backlog_entries=1, behind_since_ns=1, error="is away", error_since_ns=1
            )
        ]


class Bench:
    """A worker on a bench: `step` runs one round, `pass_time` moves both clocks."""

    def __init__(self, pipeline: Pipeline, folder: Path, settings: Settings) -> None:
        self.pipeline, self.gateway, self.projector = pipeline, Gateway(), Bystander()
        self.seconds = 100.0
        self.folder = folder
        self.worker = Worker(
            pipeline,
            cast("Inbox", self.gateway),
            cast("Projector", self.projector),
            settings,
            folder / "status.json",
            now_ns=self.now_ns,
            monotonic=lambda: self.seconds,
        )
        # A second's pause after a fault would only make the test slow.
        self.worker._stop.wait = lambda timeout=None: False  # type: ignore[method-assign]  # noqa: ARG005 -- its name

    def now_ns(self) -> int:
        return NOW_NS + round((self.seconds - 100.0) * NS)

    def step(self, seconds: float = 0.3) -> None:
        self.worker._step()
        self.seconds += seconds

    def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.step(1.0)

    def status(self) -> IngestStatus:
        status = read_status(self.folder / "status.json")
        assert status is not None
        return status
