"""What doctor says of an installation whose ingest does not get on."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import pytest

from domain.errors import StorageUnavailable
from service import doctor
from service.doctor import Finding, examine
from service.folder import status_path
from service.register_commands import import_assets
from service.settings import Settings
from service.status import write_status
from storage.database import open_database, upgrade_schema
from storage.journal import Journal
from tests.unit.service.site import THERMOMETER, furnish, ingest_status, write_register

MINUTE_NS = 60_000_000_000


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Give an installation with a register that came while ingest did not run, a minute ago."""
    furnish(tmp_path)
    with contextlib.closing(Journal(tmp_path / "journal.sqlite")) as journal:
        import_assets(journal, write_register(tmp_path, THERMOMETER), at_ns=time.time_ns() - MINUTE_NS)
    return Settings(data_dir=tmp_path)


def say(settings: Settings, **more: Any) -> None:
    """Let ingest have written its status just now, unless told otherwise."""
    write_status(status_path(settings), ingest_status(time.time_ns(), applied_seq=3, **more))


def found(settings: Settings) -> Finding | None:
    return next((item for item in examine(settings) if item.what == "ingest gets on"), None)


def test_nothing_is_said_where_everything_is_applied(tmp_path: Path) -> None:
    furnish(tmp_path)
    assert found(Settings(data_dir=tmp_path)) is None


def test_what_came_while_ingest_did_not_run_is_a_note(settings: Settings) -> None:
    finding = found(settings)
    assert finding is not None
    assert (finding.ok, finding.note) == (True, True)
    assert "of the journal is not applied yet (register): ingest does so when it starts" in finding.detail
    say(settings, at_ns=time.time_ns() - MINUTE_NS, started_ns=time.time_ns() - 2 * MINUTE_NS)
    finding = found(settings)
    assert finding is not None
    assert finding.note, "it came later than the last start"


def test_an_entry_that_ends_ingest_at_each_start_is_wrong(settings: Settings) -> None:
    """Everything was ok, while ingest was started again and again and took no message."""
    long_ago_ns = time.time_ns() - MINUTE_NS // 2
    say(settings, at_ns=long_ago_ns, started_ns=long_ago_ns, starting="loads the state of 2 sensors")
    finding = found(settings)
    assert finding is not None
    assert not finding.ok
    assert "ingest has run since and does not get past it; its log says why" in finding.detail


@pytest.mark.parametrize(
    ("more", "label"),
    [({}, "wrong"), ({"starting": "loads the state"}, "note"), ({"alive_ns": 2**62, "step": "takes in"}, "note")],
)
def test_beside_a_running_ingest_an_entry_waits_a_moment_only(
    settings: Settings, more: dict[str, Any], label: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_APPLIED_WITHIN_S", 0.2)
    say(settings, **more)
    finding = found(settings)
    assert finding is not None
    assert (finding.ok, finding.note) == (label == "note", label == "note")


def test_a_journal_that_cannot_be_looked_into_is_one_finding(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> list[str]:
        raise StorageUnavailable("attempt to write a readonly database")

    monkeypatch.setattr(doctor, "find_damage", refuse)
    assert [(item.what, item.ok, item.damage) for item in examine(settings)] == [("journal", False, False)]


def test_a_store_that_misses_what_left_the_journal_is_wrong(tmp_path: Path) -> None:
    """With another database in the settings everything was ok: no alarm of before, and no word of it."""
    furnish(tmp_path)
    with contextlib.closing(Journal(tmp_path / "journal.sqlite")) as journal:
        journal.prune(upto=journal.snapshot_seq())
    settings = Settings(data_dir=tmp_path)
    store = next(item for item in examine(settings) if item.what == "operational store")
    assert store.ok
    (tmp_path / "operational.sqlite").rename(tmp_path / "former.sqlite")
    engine = open_database(settings.database_address)
    upgrade_schema(engine)
    engine.dispose()
    store = next(item for item in examine(settings) if item.what == "operational store")
    assert not store.ok
    assert "got a store that has entries up to 0, expected one that has all which left the journal" in store.detail
    assert "give the former one, move it with `schouw migrate`" in store.detail
