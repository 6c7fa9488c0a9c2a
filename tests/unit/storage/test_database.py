"""Opening the operational store: errors by what helps, secrets never shown, readers beside the writer."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, make_url, select, text
from sqlalchemy.exc import OperationalError

from domain.errors import ConfigurationError, StorageCorrupt, StorageUnavailable
from storage.advisory import SqlAdvisoryStore
from storage.database import (
    check_schema,
    migrations_pending,
    open_database,
    refuse_newer_schema,
    sqlite_address,
    translated,
    upgrade_access_schema,
    upgrade_schema,
)
from storage.tables import asset_table

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_database(sqlite_address(tmp_path / "operational.sqlite"))
    yield made
    made.dispose()


def test_the_schema_is_pending_until_it_is_made_and_made_once(engine: Engine) -> None:
    assert migrations_pending(engine)
    upgrade_schema(engine)
    upgrade_schema(engine)
    assert not migrations_pending(engine)


@pytest.mark.parametrize(
    ("folder", "upgrade", "version_table"),
    [
        ("storage/migrations", upgrade_schema, "alembic_version"),
        ("storage/migrations/access", upgrade_access_schema, "alembic_version_access"),
    ],
)
def test_a_database_of_every_version_is_brought_to_the_newest(
    tmp_path: Path, folder: str, upgrade: Callable[[Engine], None], version_table: str
) -> None:
    """Also: the versions that `storage.database` names are those that there are migrations to."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / folder))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    versions = [script.revision for script in scripts.walk_revisions()]
    for version in versions:
        engine = open_database(sqlite_address(tmp_path / f"{version}.sqlite"))
        with engine.begin() as db:
            config.attributes["connection"] = db
            command.upgrade(config, version)
        for _ in range(2):
            upgrade(engine)
            with engine.connect() as db:
                assert db.scalars(text(f"SELECT version_num FROM {version_table}")).all() == versions[:1]  # noqa: S608
        engine.dispose()


@pytest.mark.parametrize(
    ("upgrade", "version_table"),
    [(upgrade_schema, "alembic_version"), (upgrade_access_schema, "alembic_version_access")],
)
def test_a_database_of_a_newer_program_is_left_as_it_is(
    engine: Engine, upgrade: Callable[[Engine], None], version_table: str
) -> None:
    upgrade(engine)
    with engine.begin() as db:
        db.execute(text(f"UPDATE {version_table} SET version_num = '0999'"))  # noqa: S608
    with pytest.raises(ConfigurationError, match=r"of a newer Schouw \(schema '0999'\); install that version"):
        upgrade(engine)


def test_a_start_refuses_the_schema_of_a_newer_program_alone(engine: Engine) -> None:
    refuse_newer_schema(engine)  # not there yet
    upgrade_schema(engine)
    refuse_newer_schema(engine)
    for found, is_newer in (("0001", False), ("0999", True)):
        with engine.begin() as db:
            db.execute(text("UPDATE alembic_version SET version_num = :found"), {"found": found})
        expected = pytest.raises(ConfigurationError, match="newer Schouw") if is_newer else contextlib.nullcontext()
        with expected:
            refuse_newer_schema(engine)


def test_a_schema_of_another_version_is_pending(engine: Engine) -> None:
    upgrade_schema(engine)
    with engine.begin() as db:
        db.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    assert migrations_pending(engine)


def test_a_schema_that_is_not_this_programs_is_told_with_what_to_do(engine: Engine) -> None:
    """Of a newer one it was said that it is older, and that `schouw ingest` mends it."""
    with pytest.raises(ConfigurationError, match="not there yet or older than this program; start `schouw ingest`"):
        check_schema(engine)
    upgrade_schema(engine)
    check_schema(engine)
    for found, told in (("0001", "older than this program"), ("0999", "newer Schouw .schema '0999'.; install that")):
        with engine.begin() as db:
            db.execute(text("UPDATE alembic_version SET version_num = :found"), {"found": found})
        with pytest.raises(ConfigurationError, match=told):
            check_schema(engine)


def test_asking_before_there_are_tables_is_a_fault_that_passes(engine: Engine) -> None:
    with pytest.raises(StorageUnavailable, match="no such table"):
        SqlAdvisoryStore(engine).assets()


def test_a_file_that_is_no_database_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "operational.sqlite"
    path.write_bytes(b"this is no database, whatever its name says " * 50)
    engine = open_database(sqlite_address(path))
    with pytest.raises(StorageCorrupt, match=r"operational\.sqlite.*run `schouw doctor`"):
        migrations_pending(engine)
    engine.dispose()


def test_a_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    engine = open_database(sqlite_address(tmp_path / "nowhere" / "operational.sqlite"))
    with pytest.raises(StorageUnavailable, match=r"operational\.sqlite"):
        upgrade_schema(engine)
    engine.dispose()


def test_the_password_of_a_database_is_in_no_message() -> None:
    away = cast("Engine", SimpleNamespace(url=make_url("postgresql://user:geheim@db.example/schouw")))
    told = pytest.raises(StorageUnavailable, match="operational store 'schouw': got server closed")
    with told as caught, translated(away):
        raise OperationalError("SELECT 1", {}, sqlite3.OperationalError("server closed the connection"))
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("address", ["geheim", "nosuch://user:geheim@host/name", "sqlite://user:geheim@host/name"])
def test_an_address_that_is_none_is_the_operators_to_mend(address: str) -> None:
    with pytest.raises(ConfigurationError, match=r"storage\.database_url: got an address of kind") as caught:
        open_database(address)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_certificates_that_are_not_there_are_named(tmp_path: Path, mode: str) -> None:
    """It was told as an address "that cannot be used (FileNotFoundError)"."""
    address = "postgresql://user:geheim@db.example:5432/schouw?sslmode={}&sslrootcert={}"
    with pytest.raises(ConfigurationError) as caught:
        open_database(address.format(mode, "/nowhere/ca.pem"))
    assert str(caught.value) == (
        "storage.database_url: got sslrootcert '/nowhere/ca.pem', expected certificates in PEM "
        "(No such file or directory); correct the setting, or put the file there"
    )
    (tmp_path / "ca.pem").write_text("no certificate\n")
    with pytest.raises(ConfigurationError, match=r"got sslrootcert '.*/ca\.pem', expected certificates in PEM"):
        open_database(address.format(mode, tmp_path / "ca.pem"))


def test_a_reader_is_not_held_up_by_the_writer(engine: Engine) -> None:
    upgrade_schema(engine)
    with engine.begin() as writing:
        writing.execute(asset_table.insert().values(id="a", detail={}, revision=1))
        with engine.connect() as reading:
            assert reading.execute(select(asset_table.c.id)).all() == []
    with engine.connect() as reading:
        assert reading.execute(select(asset_table.c.id)).all() == [("a",)]


def test_rows_are_counted_by_table(engine: Engine) -> None:
    upgrade_schema(engine)
    assert SqlAdvisoryStore(engine).counts() == dict.fromkeys(
        ("asset", "channel", "assessment", "alarm", "dead_letter", "quarantine"), 0
    )
