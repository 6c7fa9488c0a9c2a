"""An update brings models of another version: what is kept is learnt again, to the bits that would have been."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.errors import StorageUnavailable
from domain.identifiers import AssetId
from models import state
from models.hop_clock import NEVER_NS
from storage.hop_values import HopValues
from storage.influx import InfluxSeries
from storage.influx_target import InfluxTarget
from storage.journal import Journal
from storage.series import SqliteSeries
from tests.chain import DAY_NS, open_chain
from tests.influx_server import InfluxServer
from tests.unit.service.site import HOUR_NS, WALL, open_site
from tests.updating import (
    ASSETS,
    BEGIN_NS,
    END,
    JOINS,
    OLD,
    SENSORS,
    UPDATE,
    live_hours,
    models,
    update,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def always(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Digests of a service that always ran the models of now: at the update and at the end."""
    pipeline = open_site(tmp_path_factory.mktemp("always"), "".join(SENSORS[:2]), assets=ASSETS[:2], policy=WALL)
    live_hours(pipeline, range(UPDATE))
    at_update = pipeline.live.digest()
    # Part of the digest: a failure that people recorded, and corrected, is learnt again like all else.
    assert [len(life.reaches) for life in pipeline.live.fleet.lives.ended] == [1, 1]
    live_hours(pipeline, range(UPDATE, END))
    return at_update, pipeline.live.digest()


@pytest.mark.parametrize("name", ["alike", "blind", "crashed", "whole"])
def test_the_models_stand_where_they_would_had_they_always_been_there(
    site: Callable[[str], Path], always: tuple[str, str], name: str
) -> None:
    """From kept hops, from them and the entries behind the last save, and from a journal that is whole."""
    folder = site(name)
    with contextlib.closing(Journal(folder / "journal.sqlite")) as journal:
        before = journal.tally()
    done = update(folder)
    pipeline = done.pipeline
    assert pipeline.live.digest() == always[0]
    assert (done.body.before, done.body.after, done.body.is_whole) == (OLD, state.MODEL_VERSION, name == "whole")
    assert set(done.body.from_ns.values()) == {BEGIN_NS, BEGIN_NS + JOINS * HOUR_NS}
    assert (done.anew, done.body.shortened) == ([], [])
    assert pipeline.journal.tally() == before
    # The next start goes on from what was saved, and nothing is learnt again.
    pipeline.journal.close()
    again = open_chain(folder, policy=WALL)
    assert again.live.digest() == always[0]
    assert again.live.books == pipeline.live.books
    live_hours(again, range(UPDATE, END))
    assert again.live.digest() == always[1]


def test_what_comes_late_afterwards_is_scored_again_from_new_checkpoints(
    site: Callable[[str], Path], always: tuple[str, str]
) -> None:
    pipeline = update(site("crashed")).pipeline
    live = pipeline.live
    live.revise_ns = np.where(
        live.tracker.frontier_ns > NEVER_NS, live.tracker.frontier_ns - 6 * DAY_NS, live.revise_ns
    )
    assert pipeline.rescore() > 2 * 6 * 24
    assert live.digest() == always[0]


class _Breaks:
    """A series that fails at one of its answers."""

    def __init__(self, folder: Path, error: Exception, *, at: int) -> None:
        self._series = SqliteSeries(folder / "series.sqlite")
        self._error = error
        self._left = at

    def position(self) -> int:
        return self._series.position()

    def hop_values(self, asset: AssetId, *, start_ns: int, end_ns: int) -> Sequence[HopValues]:
        self._left -= 1
        if self._left == 0:
            raise self._error
        return self._series.hop_values(asset, start_ns=start_ns, end_ns=end_ns)


class _KilledError(Exception):
    """Nothing catches it, as nothing catches kill -9."""


@pytest.mark.parametrize("where", ["hops", "checkpoint", "entry", "save"])
def test_killed_in_the_middle_it_begins_again_and_ends_the_same(
    site: Callable[[str], Path], always: tuple[str, str], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    folder = site("crashed")
    told = Counter(_told(folder))
    series: Any = _Breaks(folder, _KilledError(), at=2) if where == "hops" else None
    with monkeypatch.context() as patch:
        _kill_at(patch, where)
        with pytest.raises(_KilledError):
            update(folder, series)
    with models(OLD, blind=True):  # what was saved is still in force, for who goes back
        assert open_chain(folder, policy=WALL).live.applied_seq > 0
    done = update(folder)
    assert done.pipeline.live.digest() == always[0]
    alarm = Counter({("condition.stiffness_loss", "brug-1"): 1})
    assert Counter(_told(folder)) - told == alarm
    journal, live = done.pipeline.journal, done.pipeline.live
    assert [item.seq for item in journal.newest("relearning", limit=9)] == [live.applied_seq]


def _kill_at(patch: pytest.MonkeyPatch, where: str) -> None:
    """Let the third checkpoint, the entry, or the save behind the entry be where it ends."""
    if where == "hops":
        return
    calls = {"checkpoint": ("keep_again", 3), "entry": ("commit", 1), "save": ("use_snapshots", 1)}
    name, left = calls[where]
    whole = getattr(Journal, name)

    def dying(*arguments: Any, **more: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            raise _KilledError
        return whole(*arguments, **more)

    patch.setattr(Journal, name, dying)


def _told(folder: Path) -> list[tuple[str, str]]:
    with contextlib.closing(Journal(folder / "journal.sqlite")) as journal:
        entries = journal.entries(after=0, limit=100_000)
    return [(alarm.kind, alarm.asset) for entry in entries for alarm in entry.outcome.alarms]


def test_series_that_are_away_are_asked_again(site: Callable[[str], Path], always: tuple[str, str]) -> None:
    folder = site("alike")
    breaking: Any = _Breaks(folder, StorageUnavailable("the server is away"), at=2)
    assert update(folder, breaking).pipeline.live.digest() == always[0]


def test_from_an_influxdb_the_same_bits_come(
    site: Callable[[str], Path], always: tuple[str, str], influx: InfluxServer
) -> None:
    folder = site("whole")
    influx.create("update")
    target = InfluxTarget(url=influx.url, kind="1.8", bucket="update")
    series = InfluxSeries(target, folder / "influx.sqlite")
    with contextlib.closing(Journal(folder / "journal.sqlite")) as journal:
        while entries := journal.entries(after=series.position(), limit=50):
            series.project(entries)
        assert journal.prune(upto=journal.snapshot_seq()) > 20
    assert update(folder, series).pipeline.live.digest() == always[0]
    series.close()
