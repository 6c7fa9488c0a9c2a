"""The projector: in order, again after a fault, and never silent about its own end."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from domain.errors import ConfigurationError, StorageCorrupt, StorageUnavailable
from service import projector as module
from service.projector import Projector
from service.status import ProjectionStatus
from storage.journal import Entry, Journal
from tests.unit.service.site import NOW_NS, open_site, reading, take

WITHIN_S = 10.0


class Store:
    """A projection that keeps sequences, and fails when told to."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.fault: Exception | None = None

    def position(self) -> int:
        return self.seen[-1] if self.seen else 0

    def project(self, entries: Sequence[Entry]) -> None:
        if self.fault is not None:
            raise self.fault
        self.seen += [entry.seq for entry in entries]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    pipeline = open_site(tmp_path)
    for number in range(5):
        take(pipeline, reading(NOW_NS // 10**9 + number))
    pipeline.journal.close()
    return tmp_path / "journal.sqlite"


@pytest.fixture
def stores() -> dict[str, Store]:
    return {"one": Store(), "other": Store()}


@pytest.fixture
def projector(path: Path, stores: dict[str, Store], monkeypatch: pytest.MonkeyPatch) -> Iterator[Projector]:
    monkeypatch.setattr(module, "_LONGEST_PAUSE_S", 0.02)
    made = Projector(path, stores)
    yield made
    made.stop(timeout_s=WITHIN_S)


def test_entries_reach_every_store_in_order(projector: Projector, stores: dict[str, Store]) -> None:
    projector.start()
    until(lambda: projector.projected_seq == 6)
    assert [store.seen for store in stores.values()] == [[1, 2, 3, 4, 5, 6]] * 2


def state(projector: Projector, name: str) -> ProjectionStatus:
    return next(item for item in projector.states() if item.name == name)


def test_a_store_that_is_away_holds_up_no_other_and_is_told_meanwhile(
    projector: Projector, stores: dict[str, Store]
) -> None:
    """One store that was away held up those behind it, and one error slowed all of them down."""
    stores["one"].fault = StorageUnavailable("database is away")
    with capture_logs() as log:
        projector.start()
        until(lambda: stores["other"].seen == [1, 2, 3, 4, 5, 6])
        until(lambda: state(projector, "one").backlog_entries == 6)
        stores["one"].fault = StorageUnavailable("database is away for another reason")
        until(lambda: state(projector, "one").error == "database is away for another reason")
        away, there = state(projector, "one"), state(projector, "other")
        assert (away.seq, projector.projected_seq) == (0, 0)
        assert away.error_since_ns > 0
        assert away.behind_since_ns > 0
        assert (there.error, there.backlog_entries, there.behind_since_ns) == ("", 0, 0)
        stores["one"].fault = None
        until(lambda: projector.projected_seq == 6)
        until(lambda: state(projector, "one").error == "")
    assert stores["one"].seen == [1, 2, 3, 4, 5, 6]
    assert state(projector, "one").behind_since_ns == 0
    assert [line["event"] for line in log] == ["projection_stopped", "projection_resumed"]


def test_a_server_that_asks_for_a_pause_gets_it(
    projector: Projector, stores: dict[str, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[float] = []

    def refuse(_: Sequence[Entry]) -> None:
        tries.append(time.monotonic())
        raise StorageUnavailable("too many requests", retry_after_s=0.4)

    monkeypatch.setattr(stores["one"], "project", refuse)
    projector.start()
    until(lambda: len(tries) == 3)
    assert all(later - earlier >= 0.4 for earlier, later in itertools.pairwise(tries))


def test_a_restart_does_not_make_a_backlog_look_fresh(path: Path) -> None:
    store = Store()
    store.fault = StorageUnavailable("database is away")
    projector = Projector(path, {"one": store}, behind_since_ns={"one": 77})
    projector.start()
    until(lambda: bool(projector.states()[0].error))
    assert projector.states()[0].behind_since_ns == 77
    projector.stop(timeout_s=WITHIN_S)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (StorageCorrupt("page 7 is damaged"), "page 7 is damaged"),
        (ConfigurationError("install that version"), "install that version"),
        (KeyError("x"), "KeyError: 'x'; start `schouw ingest` again and report it"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_that_stays_stops_it_in_words(
    projector: Projector, stores: dict[str, Store], fault: Exception, told: str
) -> None:
    """A fault of our own ended the thread in silence: ready, and ever further behind."""
    stores["one"].fault = fault
    projector.start()
    until(lambda: state(projector, "one").error == told)
    until(lambda: not any(thread.name == "projector one" for thread in threading.enumerate()))
    until(lambda: stores["other"].seen == [1, 2, 3, 4, 5, 6])


def test_a_store_that_is_ahead_of_its_journal_is_not_written(projector: Projector, stores: dict[str, Store]) -> None:
    """After an older journal had been put back, what came next would have been taken for written already."""
    stores["one"].seen = [9]
    projector.start()
    until(lambda: "has entries up to 9, the journal only up to 6" in state(projector, "one").error)
    until(lambda: stores["other"].seen == [1, 2, 3, 4, 5, 6])
    assert stores["one"].seen == [9]


def test_a_store_that_misses_what_left_the_journal_is_not_written_on(path: Path, stores: dict[str, Store]) -> None:
    """An empty database named in the settings was filled with what came next: no alarm of before, and all was ready."""
    with contextlib.closing(Journal(path)) as journal:
        journal.prune(upto=4)  # the register of entry 1 stays
    stores["behind"] = Store()
    stores["behind"].seen = [2]
    stores["there"] = Store()
    stores["there"].seen = [1, 2, 3, 4]
    projector = Projector(path, stores, needs_all={"one", "behind", "there"})
    projector.start()
    until(lambda: "got a store that has entries up to 0, expected one that has all" in state(projector, "one").error)
    until(lambda: "(2 of them)" in state(projector, "behind").error)
    until(lambda: stores["there"].seen == [1, 2, 3, 4, 5, 6])
    until(lambda: stores["other"].seen == [1, 5, 6])  # a bucket of time series begins with what is there
    assert (stores["one"].seen, stores["behind"].seen) == ([], [2])
    projector.stop(timeout_s=WITHIN_S)


def test_a_store_that_falls_back_behind_the_journal_is_not_written_on(path: Path, stores: dict[str, Store]) -> None:
    """A database that failed over to a copy which lagged behind it."""
    projector = Projector(path, stores, needs_all={"one"})
    projector.start()
    until(lambda: projector.projected_seq == 6)
    with contextlib.closing(Journal(path)) as journal:
        journal.prune(upto=6)
    stores["one"].seen = [1, 2, 3, 4]
    projector.wake()
    until(lambda: "got a store that has entries up to 4" in state(projector, "one").error)
    projector.stop(timeout_s=WITHIN_S)


def test_stopping_writes_what_is_there(projector: Projector, stores: dict[str, Store]) -> None:
    projector.start()
    projector.stop(timeout_s=WITHIN_S)
    assert stores["one"].seen == [1, 2, 3, 4, 5, 6]


def test_only_what_is_projected_and_saved_leaves_the_journal(
    path: Path, projector: Projector, stores: dict[str, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PRUNE_EVERY_S", 0.01)
    journal = Journal(path)
    journal.use_snapshots(seq=3)
    stores["other"].fault = StorageUnavailable("database is away")
    projector.start()
    until(lambda: stores["one"].seen == [1, 2, 3, 4, 5, 6])
    time.sleep(0.05)
    assert len(journal.entries(after=0)) == 6  # it waits for the slowest
    stores["other"].fault = None
    until(lambda: len(journal.entries(after=0)) < 6)
    projector.stop(timeout_s=WITHIN_S)
    assert [entry.seq for entry in journal.entries(after=0)] == [1, 4, 5, 6]  # the register is kept
    journal.close()
