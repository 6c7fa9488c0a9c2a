"""A small municipality and a client for it, fresh for each test."""

from __future__ import annotations

import pytest

from tests.unit.api.client import Client
from tests.unit.api.town import Town, make_town


@pytest.fixture
def town() -> Town:
    return make_town()


@pytest.fixture
def client(town: Town) -> Client:
    return town.client()
