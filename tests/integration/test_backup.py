"""Backups: taken while everything works, checked before they replace anything, and what they bring back."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from domain.errors import ConfigurationError, SchouwError, StorageCorrupt, StorageUnavailable
from service import restoring
from service.backup import make_backup
from service.backup_manifest import read_manifest
from service.clock_policy import clock_policy
from service.databases import opened
from service.doctor import examine
from service.restore import open_pipeline
from service.restoring import restore_backup
from service.series_store import open_influx
from service.settings import Settings
from storage.access import AccessStore, AuditRow
from storage.copying import copy_file
from storage.decisions import JournalDecisionLog
from storage.entries import RegisterBody
from storage.journal import Journal
from storage.journal_damage import find_damage
from storage.protocols import DecisionDraft
from tests.chain import NS
from tests.installation import Installation, publish
from tests.servers import PostgresServer
from tests.unit.service.site import NOW_NS, THERMOMETER, furnish, open_site, project, reading, take, write_register


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Give the settings of an installation with two days of a bridge and one decision."""
    furnish(tmp_path / "data")
    decide(tmp_path / "data", "as it was")
    return Settings(data_dir=tmp_path / "data")


def audited(settings: Settings, *times_ns: int) -> list[int]:
    """Write rows into the audit trail and give the numbers of all that are there, newest first."""
    with opened(settings.access_address) as engine:
        ledger = AccessStore(engine)
        for at_ns in times_ns:
            who: dict[str, Any] = {"organisation": "o", "caller_kind": "key", "caller_id": "k", "address": ""}
            ledger.record(AuditRow(at_ns=at_ns, method="POST", path="/", status=200, **who))
        return [row.id for row in ledger.audit()]


def decide(folder: Path, reason: str) -> None:
    journal = Journal(folder / "journal.sqlite")
    draft = DecisionDraft("brug-1", "inspect", "A. Planner", reason)  # type: ignore[arg-type]  # as text
    JournalDecisionLog(journal, lambda _alarm: None).append(draft, decided_at_ns=NOW_NS)
    journal.close()
    catch_up(folder)


def catch_up(folder: Path) -> None:
    pipeline = open_pipeline(
        Journal(folder / "journal.sqlite"), clock_policy(Settings()), max_payload_bytes=10**6, head_bytes=64
    )
    pipeline.catch_up()
    project(folder, pipeline)
    pipeline.journal.close()


def go_on(folder: Path) -> None:
    """Do what an installation does after its backup: more readings, a decision, hops closed."""
    pipeline = open_pipeline(
        Journal(folder / "journal.sqlite"), clock_policy(Settings()), max_payload_bytes=10**6, head_bytes=64
    )
    take(pipeline, *(reading(NOW_NS // NS + 3600 * hour, 9.0) for hour in range(1, 30)))
    pipeline.close(now_ns=NOW_NS, lateness_ns=0)
    pipeline.save()
    project(folder, pipeline)
    pipeline.journal.prune(upto=pipeline.live.applied_seq)
    pipeline.journal.close()
    decide(folder, "after the backup")


def backup(settings: Settings, folder: Path) -> None:
    make_backup(settings, folder, now_ns=NOW_NS, say=lambda _step: None)


def restore(settings: Settings, folder: Path) -> list[str]:
    said: list[str] = []
    restore_backup(settings, folder, now_ns=NOW_NS, say=said.append)
    return said


def wrong(settings: Settings) -> dict[str, str]:
    return {finding.what: finding.detail for finding in examine(settings) if not finding.ok}


def state(settings: Settings) -> tuple[int, str, dict[str, int]]:
    journal = Journal(settings.journal_path)
    digest = open_pipeline(journal, clock_policy(settings), max_payload_bytes=1, head_bytes=0).live.digest()
    found = journal.last_seq(), digest, journal.tally()
    journal.close()
    return found


def test_what_was_backed_up_comes_back_and_the_rest_is_kept_beside_it(settings: Settings, tmp_path: Path) -> None:
    before = state(settings)
    backup(settings, tmp_path / "backup")
    manifest = read_manifest(tmp_path / "backup")
    assert (manifest.last_seq, manifest.state_digest, manifest.tally) == before
    assert (manifest.decisions, manifest.tables["dead_letter"][0], manifest.series) == (1, 1, "sqlite")
    assert sorted(path.name for path in (tmp_path / "backup").iterdir()) == [
        "journal.sqlite", "manifest.json", "operational.sqlite", "series.sqlite",
    ]  # fmt: skip
    go_on(settings.data_dir)
    after = state(settings)
    assert after != before
    said = restore(settings, tmp_path / "backup")
    assert state(settings) == before
    assert wrong(settings) == {}
    kept = next(settings.data_dir.glob("before-restore-*"))
    assert str(kept) in said[-1]
    assert state(Settings(data_dir=kept)) == after
    assert not (settings.data_dir / "restore.new").exists()


def test_an_installation_goes_on_from_a_backup_as_it_went_on_without(settings: Settings, tmp_path: Path) -> None:
    backup(settings, tmp_path / "backup")
    go_on(settings.data_dir)
    undisturbed = state(settings)
    restore(settings, tmp_path / "backup")
    go_on(settings.data_dir)
    assert state(settings) == undisturbed
    assert wrong(settings) == {}


def test_a_backup_starts_an_installation_somewhere_else(settings: Settings, tmp_path: Path) -> None:
    backup(settings, tmp_path / "backup")
    elsewhere = Settings(data_dir=tmp_path / "elsewhere")
    restore(elsewhere, tmp_path / "backup")
    assert state(elsewhere) == state(settings)
    assert wrong(elsewhere) == {}


@pytest.mark.parametrize("name", ["journal.sqlite", "operational.sqlite", "series.sqlite"])
def test_a_backup_that_is_not_what_was_written_replaces_nothing(settings: Settings, tmp_path: Path, name: str) -> None:
    backup(settings, tmp_path / "backup")
    before = state(settings)
    path = tmp_path / "backup" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(StorageCorrupt, match=f"{name} has another SHA-256.*nothing was replaced"):
        restore(settings, tmp_path / "backup")
    path.unlink()
    with pytest.raises(StorageCorrupt, match=f"{name} is missing"):
        restore(settings, tmp_path / "backup")
    assert state(settings) == before
    assert list(settings.data_dir.glob("before-restore-*")) == []


def test_folders_that_are_no_place_for_a_backup_are_refused(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "holiday.jpg").write_bytes(b"")
    with pytest.raises(ConfigurationError, match=r"'holiday\.jpg' in it, expected an empty one"):
        backup(settings, tmp_path / "full")
    with pytest.raises(ConfigurationError, match="no journal"):
        backup(Settings(data_dir=tmp_path / "nothing"), tmp_path / "backup")
    backup(settings, tmp_path / "backup")
    with pytest.raises(ConfigurationError, match="manifest"):
        backup(settings, tmp_path / "backup")
    with pytest.raises(ConfigurationError, match=r"no manifest\.json"):
        restore(settings, tmp_path / "full")


def test_a_folder_of_data_is_never_taken_for_a_backup_that_was_broken_off(settings: Settings, tmp_path: Path) -> None:
    """A journal of another installation, or the very same one, was removed: in a backup it has the same name."""
    bare = Settings(data_dir=tmp_path / "bare")
    bare.data_dir.mkdir()
    copy_file(settings.journal_path, bare.journal_path)
    content = bare.journal_path.read_bytes()
    for source in (settings, bare):
        with pytest.raises(ConfigurationError, match=r"'journal\.sqlite' in it, expected an empty one; give another"):
            backup(source, bare.data_dir)
        assert [path.name for path in bare.data_dir.iterdir()] == ["journal.sqlite"]
        assert bare.journal_path.read_bytes() == content


def test_an_attempt_that_was_broken_off_is_begun_anew(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("service.backup._examine", lambda *_: (_ for _ in ()).throw(OSError("disk is full")))
        with pytest.raises(StorageUnavailable, match="disk is full"):
            backup(settings, tmp_path / "backup")
    with pytest.raises(ConfigurationError, match="expected the folder of a backup that was finished"):
        restore(settings, tmp_path / "backup")
    backup(settings, tmp_path / "backup")
    restore(settings, tmp_path / "backup")


def test_a_restore_that_was_broken_off_lets_nobody_start_until_it_is_done(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup(settings, tmp_path / "backup")
    before = state(settings)
    go_on(settings.data_dir)
    with monkeypatch.context() as patched:
        patched.setattr(restoring, "status_path", lambda _settings: (_ for _ in ()).throw(OSError("power cut")))
        with pytest.raises(StorageUnavailable, match="power cut"):
            restore(settings, tmp_path / "backup")
    with pytest.raises(ConfigurationError, match="a restore was broken off; run the same `schouw restore` again"):
        Journal(settings.journal_path)
    restore(settings, tmp_path / "backup")
    assert state(settings) == before
    assert len(list(settings.data_dir.glob("before-restore-*"))) == 2


def test_entries_stay_in_the_journal_while_it_is_copied(settings: Settings) -> None:
    from storage.locks import keep_entries  # noqa: PLC0415 -- used by this test alone

    journal = Journal(settings.journal_path)
    with keep_entries(settings.journal_path):
        assert journal.prune(upto=journal.last_seq()) == 0
    assert journal.prune(upto=journal.last_seq()) > 0
    journal.close()


def test_a_copy_is_of_one_moment_while_another_process_commits(tmp_path: Path) -> None:
    """Without a transaction held, SQLite begins a copy anew at every commit, and never ends."""
    source = tmp_path / "busy.sqlite"
    db = sqlite3.connect(source, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=OFF")
    db.execute("CREATE TABLE pair (a INTEGER, b INTEGER, filling BLOB)")
    db.executemany("INSERT INTO pair VALUES (0, 0, ?)", [(random.Random(n).randbytes(4000),) for n in range(3000)])
    done = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        while not done.is_set():
            db.execute("UPDATE pair SET a = a + 1, b = b + 1 WHERE rowid IN (1, 1500, 3000)")
            written += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        begin = written
        copy_file(source, tmp_path / "copy.sqlite")
        during = written - begin
    finally:
        done.set()
        writer.join()
        db.close()
    assert during > 3
    copy = sqlite3.connect(tmp_path / "copy.sqlite")
    assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert len(copy.execute("SELECT DISTINCT a, b FROM pair WHERE rowid IN (1, 1500, 3000)").fetchall()) == 1
    copy.close()


# Damaged pages ---------------------------------------------------------------------------------


def everything(path: Path) -> list[object]:
    """Read every row of every table, past every check."""
    db = sqlite3.connect(path)
    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    found: list[object] = [
        (table, sorted(db.execute(f"SELECT * FROM {table}"), key=repr))  # noqa: S608 -- our own names
        for table in tables
    ]
    db.close()
    return found


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a journal in one file, with some entries larger than a page."""
    folder = tmp_path_factory.mktemp("sound")
    pipeline = open_site(folder)
    for day in range(12):
        take(pipeline, *(reading(NOW_NS // NS + 86_400 * day + 600 * n, 10.0 + n / 8) for n in range(144)))
        pipeline.close(now_ns=NOW_NS)
    pipeline.save()
    pipeline.journal.close()
    db = sqlite3.connect(folder / "journal.sqlite")
    db.execute("VACUUM")  # free space tells nothing
    db.close()
    assert find_damage(folder / "journal.sqlite") == []
    return folder / "journal.sqlite"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_no_damaged_page_changes_what_is_read_unseen(sound: Path, tmp_path: Path, seed: int) -> None:
    """Eight bytes of a page are overwritten: every row of every table is as before, or the damage is reported."""
    expected = everything(sound)
    rng = random.Random(seed)
    size = sound.stat().st_size
    reported = 0
    for _ in range(40):
        path = tmp_path / "journal.sqlite"
        shutil.copyfile(sound, path)
        with path.open("r+b") as file:
            file.seek(rng.randrange(0, size - 8))
            file.write(rng.randbytes(8))
        if find_damage(path):
            reported += 1
            continue
        assert everything(path) == expected
    # The rest hit free space.
    assert reported > 20


def test_damage_is_told_by_what_is_missing(sound: Path, tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    shutil.copyfile(sound, path)
    db = sqlite3.connect(path)
    seq, body = db.execute("SELECT seq, body FROM entry WHERE kind = 'batch' ORDER BY length(body) DESC").fetchone()
    db.close()
    data = bytearray(path.read_bytes())
    place = data.index(body[40:72])
    data[place : place + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert find_damage(path) == [f"entry {seq}: what was received or decided there cannot be read"]
    journal = Journal(path)
    with pytest.raises(StorageCorrupt, match=f"journal entry {seq} of kind batch: not what was written"):
        journal.entries(after=seq - 1, limit=1)
    journal.close()


@pytest.mark.slow
def test_a_file_that_is_none_any_more_is_told(tmp_path: Path, sound: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"\0" * 4096 + sound.read_bytes()[4096:])
    assert find_damage(path) == ["the file is no SQLite database any more: nothing of it can be read"]


@pytest.mark.slow
def test_a_start_refuses_a_damaged_journal_and_a_backup_mends_it(settings: Settings, tmp_path: Path) -> None:
    before = state(settings)
    backup(settings, tmp_path / "backup")
    data = bytearray(settings.journal_path.read_bytes())
    data[4096 * 2 : 4096 * 6] = b"\xa5" * (4096 * 4)
    settings.journal_path.write_bytes(data)
    site = Installation(settings.data_dir)
    started = site.call("ingest", check=False)
    assert started.returncode == 3
    assert "restore a backup" in started.stderr
    looked = site.call("doctor", check=False)
    assert looked.returncode == 3
    assert "WRONG  journal: damaged: SQLite: " in looked.stdout
    assert "none can be read" in looked.stdout
    with pytest.raises(SchouwError):
        backup(settings, tmp_path / "second")
    restored = site.call("restore", str(tmp_path / "backup"))
    assert "Restored to 2025-06-15" in restored.stdout
    assert site.call("doctor").returncode == 0
    assert state(settings) == before


# With processes and servers --------------------------------------------------------------------


@pytest.mark.slow
def test_a_running_installation_is_backed_up_in_mid_stream_and_refuses_a_restore(tmp_path: Path) -> None:
    site = Installation(tmp_path / "data", INGEST__PAUSE_SECONDS=1, MQTT__REDELIVERY_SECONDS=0.2)
    stopping = threading.Event()

    def send() -> None:
        payload = b'{"v":1,"sensor":"klimaat","t":%d,"values":{"temperature":{"value":11.5,"unit":"Cel"}}}'
        number = 0
        while not stopping.is_set():
            burst = [payload % (1_700_000_000 + 600 * (number + n)) for n in range(50)]
            publish(site.mqtt_port, [("infra/v1/gw-1/brug-1/klimaat/reading", item) for item in burst])
            number += len(burst)
            stopping.wait(0.1)  # leaves processor to the others

    with site.running("run", "--replay"):
        site.until("the service", lambda: site.get("/livez") is not None, seconds=60)
        site.call("assets", "import", *map(str, write_register(tmp_path, THERMOMETER)))
        sender = threading.Thread(target=send)
        sender.start()
        try:
            site.until("readings", lambda: stored(site) > 1000, seconds=60)
            begin = stored(site)
            made = site.call("backup", str(tmp_path / "backup"))
            assert "Backup in" in made.stdout
            site.until("more readings", lambda: stored(site) > begin + 400, seconds=60)
            refused = site.call("restore", str(tmp_path / "backup"), check=False)
            assert (refused.returncode, "stop `schouw run`" in refused.stderr) == (2, True)
        finally:
            stopping.set()
            sender.join()
    manifest = read_manifest(tmp_path / "backup")
    assert begin <= manifest.tally["readings_stored"] < stored(site)
    site.call("restore", str(tmp_path / "backup"))
    assert stored(site) == manifest.tally["readings_stored"]
    assert f"model state: {manifest.state_digest}" in site.call("doctor").stdout


def stored(site: Installation) -> int:
    journal = site.journal()
    count = journal.tally().get("readings_stored", 0)
    journal.close()
    return count


@pytest.fixture
def on_server(settings: Settings, postgres_server: PostgresServer) -> Settings:
    """Give the same installation with its operational store on PostgreSQL."""
    address = SecretStr(postgres_server.database())
    return settings.model_copy(update={"storage": settings.storage.model_copy(update={"database_url": address})})


def on_influx(settings: Settings, bucket: str) -> Settings:
    """Name a server that need not be there: how far it has come is in the data folder."""
    return settings.model_copy(
        update={"influx": settings.influx.model_copy(update={"url": "http://127.0.0.1:1", "bucket": bucket})}
    )


def test_series_in_a_file_are_not_put_beside_settings_of_another_store(settings: Settings, tmp_path: Path) -> None:
    """It was restored without a word, and no chart had any history."""
    backup(settings, tmp_path / "backup")
    before = state(settings)
    with pytest.raises(
        ConfigurationError, match="restore with settings without it, then move them with `schouw migrate"
    ):
        restore(on_influx(settings, "b"), tmp_path / "backup")
    assert state(settings) == before


def test_a_restore_says_when_the_series_are_on_a_server_that_the_settings_do_not_name(
    settings: Settings, tmp_path: Path
) -> None:
    with_server = on_influx(settings, "one")
    with contextlib.closing(open_influx(with_server)) as series:  # type: ignore[type-var]  # it is one
        series.ledger.move(2, {}, [])  # type: ignore[union-attr]  # it is one
    backup(with_server, tmp_path / "backup")
    told = "the time series are not in this backup"
    assert not any(told in line for line in restore(with_server, tmp_path / "backup"))
    for other in (settings, on_influx(settings, "another")):
        assert any(told in line for line in restore(other, tmp_path / "backup"))


@pytest.mark.slow
def test_tables_on_a_server_come_along_and_go_back(on_server: Settings, settings: Settings, tmp_path: Path) -> None:
    audited(settings, 1, 2, 3)
    backup(settings, tmp_path / "embedded")
    expected = read_manifest(tmp_path / "embedded").tables
    restore(on_server, tmp_path / "embedded")
    assert wrong(on_server) == {}
    backup(on_server, tmp_path / "served")
    assert read_manifest(tmp_path / "served").tables == expected
    assert audited(on_server, 9) == [4, 3, 2, 1]  # the server counts on behind the numbers that were copied
    restore(on_server, tmp_path / "served")
    backup(on_server, tmp_path / "again")
    assert read_manifest(tmp_path / "again").tables == expected
    journal = Journal(settings.journal_path)
    assert isinstance(journal.newest("register")[0].body, RegisterBody)
    journal.close()
