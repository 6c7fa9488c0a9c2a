"""The API process: what it may listen on, and what it says of the other parts."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from api.drawing import Drawing
from domain.errors import ConfigurationError
from service import web
from service.listening import bind
from service.settings import load_settings
from service.settings_sections import AccessSection
from service.status import STALE_NS, STUCK_NS, IngestStatus, ProjectionStatus, read_status, write_status
from service.web import ServiceHealth, run_api
from storage.database import open_database, sqlite_address, upgrade_schema
from storage.journal import Journal
from tests.unit.service.site import furnish, ingest_status

OFF = AccessSection(required=False)
NOW_NS = 1_750_000_000_000_000_000


def projection(**more: object) -> ProjectionStatus:
    fields = {
        "name": "time series", "seq": 7, "backlog_entries": 2, "behind_since_ns": NOW_NS - 3_000_000_000, "error": "",
        "error_since_ns": 0,
    }  # fmt: skip
    return ProjectionStatus(**(fields | more))  # type: ignore[arg-type]  # fields by name


def status(**more: object) -> IngestStatus:
    busy = {"by_stream": False, "projections": [projection()], "queued_messages": 3, "open_readings": 4}
    return ingest_status(NOW_NS, **({"started_ns": NOW_NS - 5} | busy | more))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_database(sqlite_address(tmp_path / "operational.sqlite"))
    upgrade_schema(made)
    yield made
    made.dispose()


@pytest.fixture
def health(tmp_path: Path, engine: Engine) -> ServiceHealth:
    return ServiceHealth(Journal(tmp_path / "journal.sqlite"), engine, tmp_path / "status.json", lambda: NOW_NS)


def wrong(health: ServiceHealth) -> dict[str, str]:
    return {part.name: part.detail for part in health.readiness().parts if not part.ok}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.9"])
def test_loopback_is_served(host: str) -> None:
    with bind(host, 0, OFF) as listener:
        assert listener.getsockname()[1] > 0
        assert listener.proto == socket.IPPROTO_TCP, "asyncio sets TCP_NODELAY for nothing else"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org", ""])  # noqa: S104 -- what is refused
def test_nothing_else_is(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"api\.host: got .*, expected a loopback address"):
        bind(host, 0, OFF)


def test_another_address_is_served_with_authentication_and_cookies_over_tls() -> None:
    with bind("0.0.0.0", 0, AccessSection(required=True)) as listener:  # noqa: S104 -- what is tested
        assert listener.getsockname()[1] > 0
    with pytest.raises(ConfigurationError, match=r"access\.secure_cookies: got false"):
        bind("0.0.0.0", 0, AccessSection(required=True, secure_cookies=False))  # noqa: S104 -- what is tested


def test_a_taken_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port} on 127.0.0.1 cannot be taken"):
            bind("127.0.0.1", port, OFF)


def test_all_is_well_when_every_part_says_so(health: ServiceHealth) -> None:
    write_status(health.status_file, status())
    assert health.readiness().ready
    assert wrong(health) == {}


@pytest.mark.parametrize(
    ("came", "assessed", "told"),
    [
        (None, None, "no day is assessed yet"),
        (None, 1_735_776_000, "made until 2025-01-02T00:00:00Z"),
        (1_767_222_000, 1_735_776_000, "made until 2025-01-02T00:00:00Z, of what came until 2025-12-31T23:00:00Z"),
    ],
)
def test_how_far_days_are_assessed_is_told(
    health: ServiceHealth, came: int | None, assessed: int | None, told: str
) -> None:
    """Of a year that was sent structure by structure nothing said that half of it was still to be assessed."""
    came_ns, assessed_ns = (None if moment is None else moment * 10**9 for moment in (came, assessed))
    write_status(health.status_file, status(progress_ns=came_ns, assessed_ns=assessed_ns))
    assert {part.name: part.detail for part in health.readiness().parts}["assessments"] == told
    lines = [line for line in health.metrics().decode().splitlines() if line.startswith("ingest_assessed_until_")]
    assert [float(line.split()[1]) for line in lines] == ([] if assessed is None else [assessed])


def test_ingest_that_never_ran_is_not_ready(health: ServiceHealth) -> None:
    assert not health.readiness().ready
    assert "start `schouw ingest`" in wrong(health)["ingest"]


@pytest.mark.parametrize(
    ("changed", "part", "told"),
    [
        ({"at_ns": NOW_NS - STALE_NS - 1}, "ingest", "silent for"),
        ({"broker_connected": False, "broker_error": "refused"}, "broker", "away, tried again: refused"),
        ({"storage_error": "disk is full"}, "commit", "not acknowledging: disk is full"),
    ],
)
def test_a_part_in_trouble_is_named(health: ServiceHealth, changed: dict[str, object], part: str, told: str) -> None:
    write_status(health.status_file, status(**changed))
    assert told in wrong(health)[part]
    assert not health.readiness().ready


def test_projections_that_stand_still_are_told_but_what_is_there_is_served(health: ServiceHealth) -> None:
    away = projection(error="database is away", error_since_ns=NOW_NS - 9)
    write_status(health.status_file, status(projections=[away, projection(name="operational store")]))
    told = "stopped, 2 entries behind the journal, nothing is lost: database is away"
    assert wrong(health) == {"projection: time series": told}
    assert health.readiness().ready
    since = {part.name: part.since_ns for part in health.readiness().parts}
    assert since["projection: time series"] == NOW_NS - 9
    assert since["projection: operational store"] == NOW_NS - 3_000_000_000


def test_a_store_without_tables_is_not_ready(tmp_path: Path, health: ServiceHealth) -> None:
    write_status(health.status_file, status())
    empty = open_database(sqlite_address(tmp_path / "empty.sqlite"))
    other = ServiceHealth(health.journal, empty, health.status_file, health.now_ns)
    assert "older than this program" in wrong(other)["operational store"]
    empty.dispose()


def test_tables_that_are_waited_for_are_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`schouw api` alone said nothing for a minute, and nothing answered on its port."""
    monkeypatch.setattr(web, "_STORE_WAIT_S", 0.0)
    monkeypatch.setattr(web, "_SCHEMA_WAIT_S", 0.7)
    empty = open_database(sqlite_address(tmp_path / "empty.sqlite"))
    with capture_logs() as log:
        web._await_schema(empty)
    (told,) = [entry for entry in log if entry["event"] == "tables_awaited"]
    assert "start `schouw ingest`" in told["reason"]
    upgrade_schema(empty)
    with capture_logs() as log:
        web._await_schema(empty)
    assert log == []
    empty.dispose()


def test_a_store_that_a_newer_program_changed_under_us_is_not_ready(health: ServiceHealth, engine: Engine) -> None:
    write_status(health.status_file, status())
    with engine.begin() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '0999'"))
    assert "newer Schouw (schema '0999'); install that version" in wrong(health)["operational store"]


def test_the_age_of_data_is_by_the_clock_in_use(health: ServiceHealth) -> None:
    """The file of ingest is read again after a tenth of a second, in which any number of answers may ask."""
    wall_ns = [NOW_NS]
    by_hand = ServiceHealth(health.journal, health.engine, health.status_file, lambda: wall_ns[0])
    assert by_hand.clock_ns() == NOW_NS
    write_status(health.status_file, status(by_stream=True, progress_ns=77))
    assert by_hand.clock_ns() == NOW_NS
    wall_ns[0] += 100_000_000
    assert by_hand.clock_ns() == 77
    write_status(health.status_file, status(by_stream=True, progress_ns=None))
    assert by_hand.clock_ns() == 77
    wall_ns[0] = NOW_NS - 1  # a wall clock that is set back is not waited for
    assert by_hand.clock_ns() == NOW_NS - 1


def test_a_status_of_another_version_is_none(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text('{"pid": 1}')
    assert read_status(tmp_path / "status.json") is None
    assert read_status(tmp_path / "nowhere.json") is None


def test_clocks_that_are_off_and_what_waits_to_be_scored_again_are_told_and_stop_nothing(health: ServiceHealth) -> None:
    skews = {"gw-1": 0.4, "gw-2": -3600.0, "gw-3": 61.0}
    write_status(health.status_file, status(gateway_skew_seconds=skews, revisions_waiting=7))
    readiness = health.readiness()
    parts = {part.name: part for part in readiness.parts}
    assert "2 of 3 gateways" in parts["clocks of gateways"].detail
    assert "the worst 3600 s" in parts["clocks of gateways"].detail
    assert parts["scoring again"].detail == "7 assets wait to be scored again with what came late"
    assert parts["clocks of gateways"].ok
    families = {item.name: item for item in text_string_to_metric_families(health.metrics().decode())}
    names = ("revisions_waiting_assets", "gateway_skew_largest_seconds", "gateways_skewed")
    assert [families[f"ingest_{name}"].samples[0].value for name in names] == [7.0, 3600.0, 2.0]


def test_while_it_starts_ingest_is_not_ready_and_says_how_far_it_is(health: ServiceHealth) -> None:
    write_status(health.status_file, status(broker_connected=False, broker_error="not asked", starting="at 43%"))
    assert wrong(health) == {"ingest": "at 43%", "broker": "not asked while ingest starts; it holds what comes"}
    assert {part.name for part in health.readiness().parts if part.starts} == {"ingest", "broker"}
    write_status(health.status_file, status(at_ns=NOW_NS - STALE_NS - 1, starting="at 43%"))
    assert "silent for 5 s" in wrong(health)["ingest"], "a start that died is not under way"


def test_a_step_that_is_under_way_is_not_silence_and_one_that_does_not_end_is_trouble(health: ServiceHealth) -> None:
    """On a machine that others used too, pages said that ingest was silent while it closed hops."""
    step = {"at_ns": NOW_NS - STUCK_NS - 1, "alive_ns": NOW_NS, "step": "closes hops"}
    write_status(health.status_file, status(**step, step_since_ns=NOW_NS - 12_000_000_000))
    assert wrong(health) == {}
    ingest = {part.name: part for part in health.readiness().parts}["ingest"]
    assert ingest.detail == "closes hops, for 12 s in one step; what comes meanwhile waits"
    assert ingest.since_ns == NOW_NS - 12_000_000_000
    write_status(health.status_file, status(**step, step_since_ns=NOW_NS - STUCK_NS - 1))
    assert "longer than any step should take" in wrong(health)["ingest"]
    write_status(health.status_file, status(**(step | {"alive_ns": NOW_NS - STALE_NS - 1}), step_since_ns=NOW_NS))
    assert "silent for 5 s" in wrong(health)["ingest"]
    write_status(health.status_file, status(alive_ns=NOW_NS - 1, step="closes hops", starting="at 43%"))
    assert wrong(health)["ingest"] == "at 43%"


def test_metrics_count_up_where_they_only_grow(health: ServiceHealth) -> None:
    tally = {"messages_received": 9, "messages_quarantined": 2, "messages_waiting": 1, "readings_stored": 5}
    with health.journal.transaction() as db:
        health.journal.add_tally(db, tally)
    write_status(health.status_file, status())
    families = {item.name: item for item in text_string_to_metric_families(health.metrics().decode())}
    found = {name: f"{item.type} {item.samples[0].value:.0f}" for name, item in families.items()}
    expected = {
        "ingest_messages_received": "counter 9",
        "ingest_readings_stored": "counter 5",
        "ingest_messages_quarantined": "gauge 2",
        "ingest_messages_waiting": "gauge 1",
        "ingest_up": "gauge 1",
        "storage_projection_backlog_entries": "gauge 2",
    }
    assert found | expected == found
    labels = {name: item.samples[0].labels for name, item in families.items() if item.samples[0].labels}
    told = ("backlog_entries", "backlog_age_seconds", "up")
    assert labels == {f"storage_projection_{name}": {"projection": "time_series"} for name in told}
    assert families["storage_projection_backlog_age_seconds"].samples[0].value == 3.0


@pytest.mark.parametrize("asked", [True, False])
def test_the_engine_of_charts_starts_with_the_service_where_settings_ask_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, asked: bool
) -> None:
    furnish(tmp_path)
    warmed = threading.Event()
    monkeypatch.setattr(Drawing, "warm", lambda _: warmed.set())
    monkeypatch.setattr(uvicorn.Server, "run", lambda _, sockets: sockets[0].close())
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    run_api(load_settings({"data_dir": tmp_path, "api": {"port": port, "warm_charts": asked}}))
    assert warmed.wait(10 if asked else 0.1) is asked


@pytest.mark.parametrize("simulated", [True, False])
def test_the_demos_data_say_that_they_are_simulated_whoever_serves_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, simulated: bool
) -> None:
    """`schouw api` and `schouw run` on the demo's folder, or on its backup, showed its structures as if real."""
    furnish(tmp_path)
    with contextlib.closing(Journal(tmp_path / "journal.sqlite")) as journal:
        if simulated:
            journal.mark_simulated()
    told: list[str | None] = []

    def ask(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
        sockets[0].close()
        app = server.config.app
        assert isinstance(app, FastAPI)
        told.append(TestClient(app, base_url="http://127.0.0.1").get("/v1/risks").headers.get("schouw-demo"))

    monkeypatch.setattr(uvicorn.Server, "run", ask)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    run_api(load_settings({"data_dir": tmp_path, "api": {"port": port}}))
    assert told == ["true" if simulated else None]
