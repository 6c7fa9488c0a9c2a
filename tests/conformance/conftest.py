"""Databases of each kind, empty, and the operational store on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from storage.database import migrations_pending, open_database, sqlite_address, upgrade_schema
from tests.conformance.operational import Store
from tests.servers import PostgresServer


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give an empty database of each kind."""
    if request.param == "sqlite":
        return sqlite_address(tmp_path / "operational.sqlite")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.database()


@pytest.fixture
def engine(address: str) -> Iterator[Engine]:
    made = open_database(address)
    assert migrations_pending(made)
    upgrade_schema(made)
    yield made
    made.dispose()


@pytest.fixture
def store(engine: Engine) -> Store:
    return Store(engine)
