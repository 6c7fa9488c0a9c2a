"""Fixtures of this room."""

from __future__ import annotations

import pytest

from tests.unit.ingest.room import Room


@pytest.fixture
def room() -> Room:
    return Room()
