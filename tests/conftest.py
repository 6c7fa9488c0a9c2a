"""Fixtures that several rooms share; what they start is in `tests.servers`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import hypothesis
import pytest
import structlog

from tests.influx_server import InfluxServer
from tests.servers import MosquittoBroker, NatsBroker, PostgresServer, RealBroker, require_server, running

# In CI a change is judged, not a throw of dice: properties are tried on the same examples each time there, on new ones
# everywhere else. Read before the modules of tests are, which take it as their default.
hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("SCHOUW_TEST_STRICT") == "1":
    hypothesis.settings.load_profile("ci")

# Markers that name a server: such a test needs it on this machine.
_SERVER_MARKERS = ("mosquitto",)


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: a fifth of the time a test waits for a server, a clock or a pause."""
    return (os.cpu_count() or 1) + 1


def pytest_runtest_setup(item: pytest.Item) -> None:
    for name in _SERVER_MARKERS:
        if item.get_closest_marker(name) is not None:
            require_server(name)


# What a file of tests takes, in seconds on two slow cores, where that is half a minute or more: only the order counts.
_SECONDS: Final = {
    "test_every_page.py": 195,
    "test_stories.py": 230,
    "test_everything_survives_kill_nine.py": 110,
    "test_bench.py": 85,
    "test_large_fleet.py": 80,
    "test_ingest_inbox_with_brokers.py": 70,
    "test_empty_and_broken.py": 60,
    "test_faults_change_nothing.py": 55,
    "test_workers.py": 55,
    "test_schema_fuzz.py": 55,
    "test_backup.py": 50,
    "test_going_on_after_an_update.py": 50,
    "test_state_is_a_function_of_the_journal.py": 50,
    "test_what_people_see_after_an_update.py": 45,
    "test_replay.py": 45,
    "test_ingest_with_brokers.py": 45,
    "test_behaviour.py": 40,
    "test_late_rows_end_as_if_in_order.py": 35,
    "test_frequency_changes.py": 35,
    "test_evaluate.py": 35,
    "test_command_line.py": 35,
    "test_stream_detector.py": 30,
    "test_fleet_behaviour.py": 30,
    "test_influx_faults.py": 30,
    "test_far_behind.py": 30,
}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let long files come first, and those with slow tests, so that no process has one to do when others are done.

    The browser comes last: Playwright keeps an event loop in this thread, and others start their own.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow") is not None}
    items.sort(
        key=lambda item: (
            "browser" in item.path.parts,
            -_SECONDS.get(item.path.name, 0),
            item.path not in slow,
        )
    )


@pytest.fixture(autouse=True)
def _log_as_at_a_start() -> Iterator[None]:
    """Take back what a command set up: its log goes to a stream that is closed when its test ends."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def nats_broker(tmp_path: Path) -> Iterator[RealBroker]:
    with running(NatsBroker(tmp_path)) as broker:
        yield broker


@pytest.fixture
def mosquitto_broker(tmp_path: Path) -> Iterator[RealBroker]:
    with running(MosquittoBroker(tmp_path)) as broker:
        yield broker


@pytest.fixture(scope="session")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxServer]:
    """Run InfluxDB for all tests that only read and write; each makes a database of its own name."""
    server = InfluxServer(tmp_path_factory.mktemp("influx"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(params=["nats", pytest.param("mosquitto", marks=pytest.mark.mosquitto)])
def any_broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RealBroker]:
    """Run the test once with each broker."""
    broker: RealBroker = NatsBroker(tmp_path) if request.param == "nats" else MosquittoBroker(tmp_path)
    with running(broker):
        yield broker


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Run one PostgreSQL for all tests; each asks it for a database of its own."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()
