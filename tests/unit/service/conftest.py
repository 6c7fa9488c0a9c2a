"""Fixtures of the tests of children and of what keeps them running."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.processes import ChildProcess


@pytest.fixture
def children() -> Iterator[list[ChildProcess]]:
    started: list[ChildProcess] = []
    yield started
    for child in started:
        child.stop()
