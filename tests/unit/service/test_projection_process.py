"""The projections' own process: written in order, once, by one process, and told by ingest."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest
from sqlalchemy import text

from domain.errors import ConfigurationError
from service.folder import only_one
from service.projection_process import ProjectionsElsewhere, projecting
from service.settings import Settings, load_settings
from service.status import STALE_NS, ProjectionsStatus, ProjectionStatus, read_projections, write_status
from storage.database import open_database, upgrade_schema
from storage.journal import Journal
from storage.series import SqliteSeries
from tests.installation import Installation, stop
from tests.unit.service.site import NOW_NS, furnish, open_site, reading, take

NS = 1_000_000_000


def told(path: Path, *, at_ns: int, seq: int = 3) -> None:
    item = ProjectionStatus(
        name="time series", seq=seq, backlog_entries=0, behind_since_ns=0, error="", error_since_ns=0
    )
    write_status(path, ProjectionsStatus(pid=1, at_ns=at_ns, started_ns=1, projections=[item]))


class Elsewhere:
    """What ingest sees, by a clock of its own."""

    def __init__(self, path: Path) -> None:
        self.now_ns = NOW_NS
        self.seen = ProjectionsElsewhere(path, lambda: 5, now_ns=lambda: self.now_ns)

    def only(self) -> ProjectionStatus:
        (state,) = self.seen.states()
        return state


def test_what_waits_is_counted_from_where_ingest_is_now(tmp_path: Path) -> None:
    told(tmp_path / "status.json", at_ns=NOW_NS)
    state = Elsewhere(tmp_path / "status.json").only()
    assert (state.name, state.seq, state.backlog_entries, state.error) == ("time series", 3, 2, "")


def test_a_process_that_is_silent_is_told_with_its_backlog(tmp_path: Path) -> None:
    told(tmp_path / "status.json", at_ns=NOW_NS)
    elsewhere = Elsewhere(tmp_path / "status.json")
    elsewhere.now_ns += STALE_NS + NS
    state = elsewhere.only()
    assert (state.backlog_entries, state.behind_since_ns, state.error_since_ns) == (2, NOW_NS, NOW_NS)
    assert "silent for 6 s" in state.error


def test_one_that_never_ran_is_told_after_a_moment(tmp_path: Path) -> None:
    elsewhere = Elsewhere(tmp_path / "status.json")
    assert elsewhere.only().error == ""
    elsewhere.now_ns += STALE_NS + NS
    assert "start `schouw project`" in elsewhere.only().error
    assert elsewhere.only().backlog_entries == 5


def test_only_one_process_writes_the_stores(tmp_path: Path) -> None:
    with (
        only_one(tmp_path, "projections"),
        pytest.raises(ConfigurationError, match="another projections process works in"),
        projecting(load_settings({"data_dir": tmp_path}), ()),
    ):
        pytest.fail("opened the stores beside another process")


def test_a_store_of_a_newer_program_is_refused_at_the_start(tmp_path: Path) -> None:
    """Nothing was said, and `schouw run` waited for good."""
    settings = load_settings({"data_dir": tmp_path})
    engine = open_database(settings.database_address)
    upgrade_schema(engine)
    with engine.begin() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '0999'"))
    engine.dispose()
    with pytest.raises(ConfigurationError, match=r"newer Schouw \(schema '0999'\)"), projecting(settings, ()):
        pytest.fail("opened a store of a newer program")


def test_a_store_that_lacks_what_left_the_journal_is_refused(tmp_path: Path) -> None:
    """As when `storage.database_url` names an empty database: its pages were empty, and everything was ready."""
    furnish(tmp_path)
    with contextlib.closing(Journal(tmp_path / "journal.sqlite")) as journal:
        journal.prune(upto=journal.snapshot_seq())
    settings = Settings(data_dir=tmp_path)
    with projecting(settings, ()):
        pass
    (tmp_path / "operational.sqlite").rename(tmp_path / "former.sqlite")
    refused = pytest.raises(ConfigurationError, match="expected one that has all which left the journal since")
    with refused, projecting(settings, ()):
        pytest.fail("opened an empty store beside a journal that has gone on")


@pytest.mark.slow
def test_killed_and_started_again_it_has_every_entry_once(tmp_path: Path) -> None:
    """The real command, killed with SIGKILL while entries come in."""
    site = Installation(tmp_path / "data")
    site.folder.mkdir()
    pipeline = open_site(site.folder)
    process = site.start("project")
    try:
        with contextlib.closing(SqliteSeries(site.folder / "series.sqlite")) as series:
            for number in range(40):
                take(pipeline, reading(NOW_NS // NS + number))
                if number == 20:
                    site.until("some entries", lambda: series.position() > 5, seconds=30)
                    os.kill(process.pid, signal.SIGKILL)
                    process.wait(10)
                    process = site.start("project")
            last = pipeline.journal.last_seq()
            site.until("every entry", lambda: series.position() == last, seconds=30)
            assert (series.reading_count(), series.gone_count()) == (40, 0)
        other = site.call("project", check=False)
        assert other.returncode == 2
        assert "another projections process" in other.stderr
    finally:
        code = stop(process)
        pipeline.journal.close()
    assert code == 0
    status = read_projections(site.folder / "projections-status.json")
    assert status is not None
    assert {item.name: item.seq for item in status.projections} == {"operational store": last, "time series": last}
