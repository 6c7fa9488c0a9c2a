"""InfluxDB away, slow, full, refusing, killed; and ingest killed: every reading there once, nothing else held up."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.arrays import ReadingColumns
from service import projector as projector_module
from service.projector import Projector
from service.register_commands import import_assets
from service.restore import open_pipeline
from service.series_store import put_away
from service.status import ProjectionStatus
from storage.advisory import SqlAdvisoryStore
from storage.database import open_database, sqlite_address
from storage.entries import BatchBody, Outcome, encode_readings
from storage.influx import InfluxSeries
from storage.influx_target import InfluxTarget
from storage.journal import Journal, JournalCommit
from storage.series import SqliteSeries
from tests.chain import STREAM
from tests.influx_server import InfluxServer
from tests.installation import Installation, publish, stop
from tests.servers import NatsBroker, freeze_process, wait_until
from tests.unit.service.site import NOW_NS, open_site, project, reading, write_register

pytestmark = pytest.mark.slow

NS = 10**9
FIRST_NS = NOW_NS // (7 * 86_400 * NS) * (7 * 86_400 * NS)  # InfluxDB's shards begin there
DATABASE = "faults"
ENTRIES, READINGS = 100, 500
TOTAL = ENTRIES * READINGS


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projector_module, "_LONGEST_PAUSE_S", 0.2)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[InfluxServer]:
    """Run a server of this test's own, which it may hurt."""
    made = InfluxServer(tmp_path)
    try:
        made.start()
        made.create(DATABASE)
        yield made
    finally:
        made.stop()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal with readings of one bridge, a second apart, with whole numbers as values."""
    pipeline = open_site(tmp_path)
    number = number_of(pipeline.journal, "klimaat")
    for entry in range(ENTRIES):
        count = np.arange(entry * READINGS, (entry + 1) * READINGS)
        append(
            pipeline.journal,
            ReadingColumns(
                np.full(READINGS, number, np.int32),
                FIRST_NS + count * NS,
                count.astype(np.float64),
                np.zeros(READINGS, np.uint8),
            ),
        )
    yield pipeline.journal
    pipeline.journal.close()


def append(journal: Journal, readings: ReadingColumns) -> int:
    body = BatchBody(readings=encode_readings(readings))
    return journal.commit(JournalCommit(body=body, kind="batch", outcome=Outcome(), applied_seq=journal.applied_seq()))


def number_of(journal: Journal, sensor: str) -> int:
    return min(number for key, number in journal.channels().items() if key.sensor == sensor)


def one_more(journal: Journal) -> ReadingColumns:
    """Give a reading of another sensor, which is not counted."""
    number = number_of(journal, "acc1")
    return ReadingColumns(
        np.array([number], np.int32), np.array([FIRST_NS + journal.last_seq()]), np.zeros(1), np.zeros(1, np.uint8)
    )


class Site:
    """The journal with a projector that drains it into InfluxDB and, beside it, into SQLite."""

    def __init__(self, folder: Path, journal: Journal, server: InfluxServer, *, timeout_s: float = 5.0) -> None:
        self.server, self.journal = server, journal
        target = InfluxTarget(url=server.url, kind="1.8", bucket=DATABASE, timeout_s=timeout_s)
        self.influx = InfluxSeries(
            target,
            folder / "influx.sqlite",
            batch_lines=1000,
            on_refused=lambda refused: put_away(journal.path, target.name, refused, head_bytes=256),
        )
        self.sqlite = SqliteSeries(folder / "series.sqlite")
        self.projector = Projector(journal.path, {"influx": self.influx, "sqlite": self.sqlite})

    def state(self, name: str = "influx") -> ProjectionStatus:
        return next(item for item in self.projector.states() if item.name == name)

    def until(self, what: str, condition: Callable[[ProjectionStatus], bool]) -> None:
        wait_until(lambda: condition(self.state()), what)

    def drained(self) -> bool:
        return self.influx.position() == self.journal.last_seq()


@contextlib.contextmanager
def draining(folder: Path, journal: Journal, server: InfluxServer, **more: Any) -> Iterator[Site]:
    site = Site(folder, journal, server, **more)
    site.projector.start()
    try:
        yield site
    finally:
        site.projector.stop(timeout_s=20)
        site.influx.close()
        site.sqlite.close()


def count_and_sum(server: InfluxServer) -> tuple[int, float]:
    query = 'SELECT count("value"), sum("value") FROM "reading" WHERE "sensor" = \'klimaat\''
    found: Any = server.ask(query, database=DATABASE)
    if "series" not in found:
        return 0, 0.0
    # While the first points are being written InfluxDB knows the series, and gives null for what it has of it.
    count, total = found["series"][0]["values"][0][1:]
    return count or 0, total or 0.0


EVERYTHING = (TOTAL, float(sum(range(TOTAL))))


def test_away_for_a_while_holds_up_nothing_else_and_all_arrives_once(
    tmp_path: Path, journal: Journal, server: InfluxServer
) -> None:
    server.stop_influxd()
    with draining(tmp_path, journal, server) as site:
        wait_until(lambda: site.sqlite.position() == journal.last_seq(), "SQLite to have everything")
        site.until("the fault to be told", lambda state: "502" in state.error)
        assert site.state().backlog_entries == journal.last_seq()
        assert site.state().behind_since_ns > 0
        assert site.projector.projected_seq == 0  # so nothing leaves the journal
        server.start_influxd()
        wait_until(site.drained, "InfluxDB to catch up")
        site.until("an end of the fault", lambda state: not state.error and not state.backlog_entries)
    assert count_and_sum(server) == EVERYTHING


def test_storms_of_503_cost_nothing(tmp_path: Path, journal: Journal, server: InfluxServer) -> None:
    with draining(tmp_path, journal, server) as site:
        for _ in range(2):
            with server.storm():
                append(journal, one_more(journal))
                site.until("503 to be told", lambda state: "503" in state.error)
        wait_until(site.drained, "InfluxDB to catch up")
    assert count_and_sum(server) == EVERYTHING


def test_a_server_that_stands_still_gets_less_and_then_everything(
    tmp_path: Path, journal: Journal, server: InfluxServer
) -> None:
    with draining(tmp_path, journal, server, timeout_s=0.3) as site:
        wait_until(lambda: count_and_sum(server)[0] > 0, "a beginning")
        freeze_process(server.pid)
        append(journal, one_more(journal))
        site.until("its silence to be told", lambda state: "timed out" in state.error)
        os.kill(server.pid, signal.SIGCONT)
        wait_until(site.drained, "InfluxDB to catch up")
    assert count_and_sum(server) == EVERYTHING


def test_killed_and_started_again_in_the_middle(tmp_path: Path, journal: Journal, server: InfluxServer) -> None:
    with draining(tmp_path, journal, server) as site:
        wait_until(lambda: count_and_sum(server)[0] > 0, "a beginning")
        server.kill_influxd()
        append(journal, one_more(journal))
        site.until("the fault to be told", lambda state: "502" in state.error)
        server.start_influxd()
        wait_until(site.drained, "InfluxDB to catch up")
    assert count_and_sum(server) == EVERYTHING


def test_a_full_disk_is_waited_for(tmp_path: Path, journal: Journal) -> None:
    """InfluxDB 1.6 may go on saying that there is no space when there is, until an operator starts it again."""
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_disk(disk, "12m"):
        filler = disk / "filler"
        server = InfluxServer(tmp_path, data=disk / "influx")
        server.start()
        try:
            server.create(DATABASE)
            server.write(f"other value=1 {FIRST_NS}", database=DATABASE)  # disk full before: InfluxDB hangs
            with contextlib.suppress(OSError), filler.open("ab", buffering=0) as file:
                while True:
                    file.write(b"\0" * 65_536)
            with draining(tmp_path, journal, server) as site:
                site.until("no space to be told", lambda state: "no space left" in state.error)
                filler.unlink()
                server.stop_influxd()
                server.start_influxd()
                wait_until(site.drained, "InfluxDB to catch up")
            assert count_and_sum(server) == EVERYTHING
        finally:
            server.stop()


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """Mount a small file system in memory, where this user may."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=False)
    if mounted.returncode != 0:
        pytest.skip("mounting a small file system needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_conflict_of_types_costs_its_own_line_alone(tmp_path: Path, journal: Journal, server: InfluxServer) -> None:
    """InfluxDB keeps one type for a field in each week; somebody wrote text there in the week of one reading."""
    elsewhere = FIRST_NS - 20 * 86_400 * NS
    server.write(f'reading,asset=x value="text" {elsewhere + 5}', database=DATABASE)
    number = number_of(journal, "klimaat")
    odd = ReadingColumns(
        np.array([number] * 2, np.int32),
        np.array([elsewhere, FIRST_NS - NS]),
        np.array([3.0, 0.0]),
        np.zeros(2, np.uint8),
    )
    append(journal, odd)
    with draining(tmp_path, journal, server) as site:
        wait_until(lambda: site.influx.refused_count() == 1, "everything else")
        (refused,) = site.influx.ledger.refused()
        assert refused.line.endswith(f" value=3 {elsewhere}")
        assert "type conflict" in refused.reason
    found = count_and_sum(server)
    assert found == (TOTAL + 1, EVERYTHING[1])
    # A crash before the position moved: the same line is put away once more.
    put_away(journal.path, site.influx.target.name, [refused], head_bytes=256)
    before = journal.tally()
    pipeline = open_pipeline(Journal(journal.path), STREAM, max_payload_bytes=1000, head_bytes=64)
    pipeline.catch_up()
    project(tmp_path, pipeline)
    engine = open_database(sqlite_address(tmp_path / "operational.sqlite"))
    (letter,) = SqlAdvisoryStore(engine).dead_letters()
    engine.dispose()
    assert (letter.code, letter.topic.partition(",")[0]) == ("refused_by_store", "influxdb/reading")
    assert "type conflict" in letter.reason
    assert letter.head == refused.line.encode()[:256]
    assert pipeline.journal.tally() == before  # nothing is wrong with the message
    pipeline.journal.close()


def test_a_week_of_another_type_is_waited_for(tmp_path: Path, journal: Journal, server: InfluxServer) -> None:
    server.write(f'reading,asset=x value="text" {FIRST_NS + 5}', database=DATABASE)
    with draining(tmp_path, journal, server) as site:
        site.until("the fault to be told", lambda state: "refuses every line of measurement 'reading'" in state.error)
        assert (site.influx.position(), site.influx.refused_count()) == (0, 0)
        server.create(DATABASE)
        wait_until(site.drained, "InfluxDB to catch up")
    assert count_and_sum(server) == EVERYTHING


@pytest.fixture
def slow_server(tmp_path: Path) -> Iterator[InfluxServer]:
    """Run a server without a database that takes its time, so that a kill falls into the middle."""
    made = InfluxServer(tmp_path, writes_per_second=10)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_ingest_killed_while_it_drains_doubles_and_loses_nothing(tmp_path: Path, slow_server: InfluxServer) -> None:
    server = slow_server
    broker = NatsBroker(tmp_path / "broker")
    site = Installation(
        tmp_path / "data",
        MQTT__PORT=broker.port,
        INFLUX__URL=server.url,
        INFLUX__KIND="1.8",
        INFLUX__BUCKET=DATABASE,
        INFLUX__BATCH_LINES=200,
    )
    begin = NOW_NS // NS
    messages = [reading(begin + number, float(number)) for number in range(4000)]
    broker.start()
    try:
        files = write_register(tmp_path, "brug-1,klimaat,temperature,Cel,,gw-1,,60\n")
        site.folder.mkdir()
        with contextlib.closing(site.journal()) as journal:
            import_assets(journal, files, at_ns=NOW_NS)
        answer = site.call("doctor", "--fix", check=False)
        assert f"made: database '{DATABASE}'" in answer.stdout, answer.stdout
        process = site.start("ingest")
        site.until("a session", lambda: '"broker_connected":true' in status_text(site), seconds=20)
        with server.storm():  # so that a backlog is there to be killed in
            publish(broker.port, [(message.topic, message.payload) for message in messages])
            site.until("everything in the journal", lambda: stored(site) == len(messages), seconds=30)
        site.until("a beginning", lambda: count_and_sum(server)[0] > 0, seconds=30)
        process.kill()
        process.wait(10)
        assert count_and_sum(server)[0] < len(messages)
        process = site.start("ingest")
        site.until("all of it", lambda: count_and_sum(server)[0] >= len(messages), seconds=30)
    finally:
        stop(process)
        broker.stop()
    assert count_and_sum(server) == (len(messages), float(sum(range(len(messages)))))
    answer = site.call("doctor")
    assert f"time series: {len(messages)} readings of {len(messages)} accepted, 0 entries behind" in answer.stdout
    rows = site.call("export", "readings").stdout.splitlines()[1:]
    assert [float(row.split(",")[4]) for row in rows] == [float(number) for number in range(len(messages))]


def status_text(site: Installation) -> str:
    try:
        return (site.folder / "ingest-status.json").read_text()
    except OSError:
        return ""


def stored(site: Installation) -> int:
    with contextlib.closing(site.journal()) as journal:
        return journal.tally().get("readings_stored", 0)
