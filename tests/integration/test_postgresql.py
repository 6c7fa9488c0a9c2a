"""The operational store on a real PostgreSQL: away, killed, frozen, refused, and two that start at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from api.cloud_events import made_event
from domain.errors import ConfigurationError, StorageCorrupt, StorageUnavailable
from service import projector as projector_module
from service.projector import Projector
from storage.database import (
    migrations_pending,
    open_database,
    sqlite_address,
    translated,
    upgrade_access_schema,
    upgrade_schema,
)
from storage.fingerprint import Fingerprint, table_fingerprint
from storage.journal import Journal
from storage.projection import OperationalProjection
from storage.tables import metadata
from storage.webhooks import WebhookStore
from tests.installation import Installation, publish
from tests.servers import PostgresServer, frozen_processes, wait_until
from tests.unit.service.site import THERMOMETER, furnish, write_register

TOPIC = "infra/v1/gw-1/brug-1/klimaat/reading"


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """Give a server of the test's own, to be killed; it is not started yet."""
    made = PostgresServer()
    yield made
    made.remove()


@pytest.fixture
def engine(postgres_server: PostgresServer) -> Iterator[Engine]:
    made = open_database(postgres_server.database(), patience_s=2.0)
    yield made
    made.dispose()


def fingerprints(engine: Engine) -> dict[str, Fingerprint]:
    with engine.connect() as db:
        return {table.name: table_fingerprint(db, table) for table in metadata.sorted_tables}


@pytest.mark.slow
def test_a_server_that_comes_late_and_is_killed_twice_ends_with_the_rows_of_an_undisturbed_store(
    tmp_path: Path, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(tmp_path)
    undisturbed = open_database(sqlite_address(tmp_path / "operational.sqlite"))
    expected = fingerprints(undisturbed)
    undisturbed.dispose()
    assert min(expected[name].rows for name in ("asset", "channel", "risk", "dead_letter")) > 0
    monkeypatch.setattr(projector_module, "_PAGE", 1)
    monkeypatch.setattr(projector_module, "_LONGEST_PAUSE_S", 0.2)
    engine = open_database(server.address("postgres"), patience_s=2.0)
    store = OperationalProjection(engine)
    with pytest.raises(StorageUnavailable, match=r"operational store 'postgres'.*tried again"):
        store.position()
    journal = Journal(tmp_path / "journal.sqlite")
    goal = journal.applied_seq()
    journal.close()
    projector = Projector(tmp_path / "journal.sqlite", {"operational store": store})
    projector.start()
    wait_until(lambda: bool(projector.states()[0].error), "the projector to say that the store is away")
    assert projector.states()[0].error_since_ns > 0
    for _ in range(2):
        server.start()
        wait_until(lambda: not projector.states()[0].error, "the projector to go on")
        server.kill()
        projector.wake()
    server.start()
    wait_until(lambda: projector.projected_seq == goal, "all entries in the store")
    projector.stop(timeout_s=10)
    assert fingerprints(engine) == expected
    engine.dispose()


@pytest.mark.slow
def test_connections_of_before_a_restart_are_replaced(server: PostgresServer) -> None:
    server.start()
    engine = open_database(server.address("postgres"))
    store = OperationalProjection(engine)
    assert store.position() == 0
    server.kill()
    server.start()
    assert store.position() == 0
    engine.dispose()


def test_of_processes_that_start_at_once_one_makes_the_schema(postgres_server: PostgresServer) -> None:
    address = postgres_server.database()
    together = threading.Barrier(6)

    def start(_number: int) -> bool:
        engine = open_database(address)
        together.wait()
        upgrade_schema(engine)
        pending = migrations_pending(engine)
        engine.dispose()
        return pending

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(start, range(6))) == [False] * 6


@pytest.mark.slow
def test_a_server_that_stands_still_counts_as_away(postgres_server: PostgresServer, engine: Engine) -> None:
    store = OperationalProjection(engine)
    assert store.position() == 0
    with frozen_processes(postgres_server.pids()):
        begin = time.monotonic()
        with pytest.raises(StorageUnavailable, match="tried again"):
            store.position()
        assert time.monotonic() - begin < 15.0
    assert store.position() == 0


def run(engine: Engine, *statements: str) -> None:
    with translated(engine), engine.begin() as db:
        for statement in statements:
            db.exec_driver_sql(statement)


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        (["SELECT * FROM nowhere"], "SQLSTATE 42P01"),
        (["SELECT pg_terminate_backend(pg_backend_pid())"], "terminating connection|network error"),
        (["SET TRANSACTION READ ONLY", "CREATE TABLE t (n int)"], "SQLSTATE 25006"),
        (["DO $$ BEGIN RAISE SQLSTATE '53100' USING MESSAGE = 'no space left on device'; END $$"], "no space left"),
    ],
)
def test_what_passes_or_is_mended_at_the_server_is_tried_again(
    engine: Engine, statements: list[str], told: str
) -> None:
    with pytest.raises(StorageUnavailable, match=told):
        run(engine, *statements)
    run(engine, "SELECT 1")


@pytest.mark.parametrize(
    "statement",
    [
        "DO $$ BEGIN RAISE SQLSTATE 'XX001' USING MESSAGE = 'invalid page in block 3'; END $$",
        "SELECT 'none'::int",
    ],
)
def test_what_does_not_pass_stops(engine: Engine, statement: str) -> None:
    with pytest.raises(StorageCorrupt, match="run `schouw doctor`"):
        run(engine, statement)


def test_a_database_or_role_that_is_not_there_is_told_in_the_servers_words(postgres_server: PostgresServer) -> None:
    for address, told in (
        (postgres_server.address("nowhere"), 'database "nowhere" does not exist'),
        (postgres_server.address("postgres").replace("schouw@", "nobody:geheim@"), 'role "nobody" does not exist'),
    ):
        engine = open_database(address)
        with pytest.raises(StorageUnavailable, match=told) as caught:
            OperationalProjection(engine).position()
        assert "geheim" not in str(caught.value)
        engine.dispose()


def test_encryption_is_asked_for_as_psql_does(postgres_server: PostgresServer) -> None:
    plain = open_database(postgres_server.address("postgres") + "?sslmode=disable")
    with plain.connect() as db:
        assert db.execute(text("SELECT 1")).scalar_one() == 1
    plain.dispose()
    strict = open_database(postgres_server.address("postgres") + "?sslmode=verify-full")
    with pytest.raises(StorageUnavailable, match="refuses SSL"):
        OperationalProjection(strict).position()
    strict.dispose()
    for wrong in ("sslmode=sometimes", "options=-c", "sslmode=verify-ca&sslrootcert=/nowhere.pem"):
        with pytest.raises(ConfigurationError, match=r"storage\.database_url"):
            open_database(postgres_server.address("postgres") + "?" + wrong)


@pytest.mark.slow
def test_ingest_and_pages_start_without_their_database_and_say_so(tmp_path: Path, server: PostgresServer) -> None:
    site = Installation(tmp_path / "data", STORAGE__DATABASE_URL=server.address("postgres"))

    def is_ok() -> bool | None:
        return site.parts().get("operational store", {}).get("ok")

    with site.running("run"):
        site.until("word of the database that is away", lambda: is_ok() is False, seconds=60)
        told = site.parts()["operational store"]
        assert "tried again" in str(told["detail"])
        assert told["since"] is not None
        site.call("assets", "import", *map(str, write_register(tmp_path, THERMOMETER)))
        payload = b'{"v":1,"sensor":"klimaat","t":%d,"values":{"temperature":{"value":11.5,"unit":"Cel"}}}'
        readings = [payload % (time.time() - 60 * n) for n in range(5)]
        publish(site.mqtt_port, [(TOPIC, item) for item in readings])
        server.start()
        site.until("the database", lambda: is_ok() is True, seconds=40)

        def heard() -> bool:
            found = site.get("/v1/sensors?asset=brug-1")
            return any(item["lastValue"] is not None for item in found["items"]) if found else False

        site.until("what was sent meanwhile", heard, seconds=40)
    assert server.run_sql("SELECT count(*) FROM asset").strip() == "1"


def test_what_a_receiver_says_is_kept_whatever_stands_in_it(engine: Engine) -> None:
    """PostgreSQL has no text with a NUL, so the delivery stayed due, was sent again and again, and held up others."""
    upgrade_access_schema(engine)
    store = WebhookStore(engine)
    hook = store.create(
        organisation="", url="https://a.example/", events=["alarm"], now_ns=1, revision=0, decisions_seq=0
    )
    store.add(made_event(hook, "test", hook.id, {}, identifier="d1", source="urn:x", at_ns=1))
    store.settle("d1", state="delivered", attempts=1, next_at_ns=1, told="200 ok\0\x01\ufffd")
    (kept,) = store.deliveries(hook.id)
    assert (kept.state, kept.told) == ("delivered", "200 ok\ufffd\x01\ufffd")
    assert store.due(hook.id, now_ns=2) == []
