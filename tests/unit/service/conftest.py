"""Fixtures of the tests of the worker, and of children and what keeps them running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.processes import ChildProcess
from service.settings import load_settings
from tests.chain import STREAM
from tests.unit.service.site import ACCELEROMETER, THERMOMETER, WALL, open_site
from tests.unit.service.worker_bench import Bench


@pytest.fixture
def children() -> Iterator[list[ChildProcess]]:
    started: list[ChildProcess] = []
    yield started
    for child in started:
        child.stop()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Bench]:
    monkeypatch.chdir(tmp_path)

    def make(rows: str = THERMOMETER + ACCELEROMETER, *, quota: int | None = None, **ingest: Any) -> Bench:
        storage = {"journal_quota_bytes": quota}
        settings = load_settings({"ingest": ingest, "mqtt": {"redelivery_seconds": 8.0}, "storage": storage})
        policy = STREAM if settings.ingest.clock == "stream" else WALL
        return Bench(open_site(tmp_path, rows, policy=policy), tmp_path, settings)

    return make
