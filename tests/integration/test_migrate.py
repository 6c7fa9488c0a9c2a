"""`schouw migrate` onto real servers: proven, broken off and gone on with, refused where it would do harm."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, Table

from domain.access import Role
from domain.errors import ConfigurationError, StorageCorrupt, StorageUnavailable
from service import migrating
from service.databases import databases, fingerprints, opened
from service.doctor import examine
from service.migrating import STATE, migrate
from service.moving_series import Move
from service.projection_process import projecting
from service.series_store import open_series
from service.settings import Settings
from storage.access import AccessStore
from storage.copying import copy_tables
from storage.database import open_database
from storage.journal import Journal
from storage.projection import OperationalProjection
from tests.influx_server import InfluxServer
from tests.installation import Installation
from tests.servers import PostgresServer
from tests.unit.service.site import NOW_NS, furnish, open_site, project, reading, take

HOUR_S = 3600


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Give the settings of an embedded installation with two days of a bridge."""
    furnish(tmp_path / "data")
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def on_database(settings: Settings, postgres_server: PostgresServer) -> Settings:
    address = SecretStr(postgres_server.database())
    return settings.model_copy(update={"storage": settings.storage.model_copy(update={"database_url": address})})


@pytest.fixture
def on_servers(on_database: Settings, influx: InfluxServer, tmp_path: Path) -> Settings:
    bucket = f"migrate_{abs(hash(tmp_path)) % 10**9}"
    influx.create(bucket)
    section = on_database.influx.model_copy(update={"url": influx.url, "kind": "1.8", "bucket": bucket})
    return on_database.model_copy(update={"influx": section})


def move(settings: Settings, target: Settings) -> list[Move]:
    return migrate(settings, target, say=lambda _step: None)


def rows_of(settings: Settings) -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    for database in databases(settings):
        with opened(database.address) as engine:
            database.upgrade(engine)
            found |= {name: tuple(item) for name, item in fingerprints(engine, database).items()}  # type: ignore[misc]  # a pair
    return found


def wrong(settings: Settings) -> dict[str, str]:
    return {finding.what: finding.detail for finding in examine(settings) if not finding.ok}


@pytest.mark.slow
def test_everything_is_moved_and_proven_and_the_installation_goes_on(settings: Settings, on_servers: Settings) -> None:
    before = rows_of(settings)
    moved = {item.what: (item.rows, item.sha256) for item in move(settings, on_servers)}
    assert moved["readings"][0] == 48
    assert moved["hops"][0] > 40
    assert {name: moved[f"table {name}"] for name in before if f"table {name}" in moved}.items() <= before.items()
    assert rows_of(on_servers) == before
    assert wrong(on_servers) == {}
    assert not (settings.data_dir / STATE).exists()
    pipeline = open_site(settings.data_dir)
    take(pipeline, *(reading(NOW_NS // 10**9 + HOUR_S * hour, 9.0) for hour in range(1, 5)))
    with opened(on_servers.database_address) as engine:
        series = open_series(on_servers)
        for store in (OperationalProjection(engine), series):
            store.project(pipeline.journal.entries(after=store.position(), upto=pipeline.live.applied_seq))
        series.close()
    pipeline.journal.close()
    assert wrong(on_servers) == {}


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 2, 4])
def test_broken_off_anywhere_it_goes_on(
    settings: Settings, on_database: Settings, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    with opened(settings.access_address) as engine:
        AccessStore(engine).create_key(
            name="k", organisation="o", role=Role.VIEWER, rights=frozenset(), now_ns=1, expires_at_ns=None
        )
    before = rows_of(settings)
    calls = iter(range(100))

    def breaking(source: Connection, target: Connection, tables: list[Table]) -> None:
        if next(calls) == after:
            raise StorageUnavailable("server is away")
        copy_tables(source, target, tables)

    with monkeypatch.context() as patched:
        patched.setattr(migrating, "copy_tables", breaking)
        with pytest.raises(StorageUnavailable, match="server is away"):
            move(settings, on_database)
    assert (settings.data_dir / STATE).exists()
    half = pytest.raises(ConfigurationError, match="run the same `schouw migrate` again")
    with half, projecting(on_database, ()):
        pytest.fail("began with a database that is half filled")
    move(settings, on_database)
    assert rows_of(on_database) == before
    assert wrong(on_database) == {}


@pytest.mark.slow
def test_a_database_of_others_is_refused_and_left_alone(settings: Settings, on_database: Settings) -> None:
    move(settings, on_database)
    filled = rows_of(on_database)
    other = Settings(data_dir=settings.data_dir.with_name("other"))
    furnish(other.data_dir)
    target = on_database.model_copy(update={"data_dir": other.data_dir})
    with pytest.raises(ConfigurationError, match=r"got rows in .*asset.*expected an empty one"):
        move(other, target)
    assert rows_of(on_database) == filled
    with pytest.raises(ConfigurationError, match="got rows in"):
        move(settings, on_database)


@pytest.mark.slow
def test_what_came_between_two_attempts_is_moved_as_well(
    settings: Settings, on_servers: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tables could not be moved, Schouw ran on as it was, and the bucket passed for somebody else's."""

    def breaking(*_: object) -> None:
        raise StorageUnavailable("server is away")

    with monkeypatch.context() as patched:
        patched.setattr(migrating, "copy_tables", breaking)
        with pytest.raises(StorageUnavailable, match="server is away"):
            move(settings, on_servers)
    series_only = settings.model_copy(update={"influx": on_servers.influx})
    for half in (on_servers, series_only):
        with pytest.raises(ConfigurationError, match="was broken off"), projecting(half, ()):
            pytest.fail("began with servers that are half filled")
    with projecting(settings, ()):
        pass
    pipeline = open_site(settings.data_dir)
    take(pipeline, *(reading(NOW_NS // 10**9 + HOUR_S * hour, 9.0) for hour in range(1, 5)))
    project(settings.data_dir, pipeline)
    pipeline.journal.close()
    moved = {item.what: item.rows for item in move(settings, on_servers)}
    assert moved["readings"] == 52
    assert wrong(on_servers) == {}


@pytest.mark.slow
def test_a_database_that_cannot_be_filled_is_told_before_the_series_are_moved(
    settings: Settings, on_servers: Settings, postgres_server: PostgresServer
) -> None:
    """A wrong password was told after all readings had been written."""
    away = SecretStr(postgres_server.address("not_there"))
    target = on_servers.model_copy(update={"storage": on_servers.storage.model_copy(update={"database_url": away})})
    told: list[str] = []
    with pytest.raises(StorageUnavailable, match='database "not_there" does not exist'):
        migrate(settings, target, say=told.append)
    assert told == []


def test_a_bucket_of_others_is_refused(settings: Settings, on_servers: Settings, influx: InfluxServer) -> None:
    influx.write("reading,asset=x,sensor=y,channel=z,unit=Cel value=1 5", database=on_servers.influx.bucket)
    with pytest.raises(ConfigurationError, match="got readings that no migration from here wrote"):
        move(settings, on_servers)


def test_it_refuses_a_running_installation_and_settings_without_a_server(
    settings: Settings, on_database: Settings
) -> None:
    journal = Journal(settings.journal_path)
    with pytest.raises(ConfigurationError, match="stop `schouw run`"):
        move(settings, on_database)
    journal.close()
    with pytest.raises(ConfigurationError, match="got settings that name no other store"):
        move(settings, settings)
    with pytest.raises(ConfigurationError, match="got settings that name no other store"):
        move(on_database, on_database)


def test_a_target_that_gives_something_else_back_stops_it(
    settings: Settings, on_database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "copy_tables", lambda *_: None)
    with pytest.raises(StorageCorrupt, match=r"got 0 rows with SHA-256 .* back, expected 1"):
        move(settings, on_database)


@pytest.mark.slow
def test_the_command_says_what_to_change(settings: Settings, on_database: Settings, tmp_path: Path) -> None:
    file = tmp_path / "servers.toml"
    file.write_text(f'[storage]\ndatabase_url = "{on_database.database_address}"\n')
    site = Installation(settings.data_dir)
    said = site.call("migrate", str(file)).stdout
    assert "table asset" in said
    assert f"start with --config {file}" in said
    assert site.call("doctor", "--config", str(file)).returncode == 0
    again = site.call("migrate", str(file), check=False)
    assert again.returncode == 2
    engine = open_database(on_database.database_address)
    assert OperationalProjection(engine).position() > 0
    engine.dispose()
