"""A start that has to learn again first: what others see of it, and how long they wait."""

from __future__ import annotations

import gc
import json
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from domain.errors import ConfigurationError, OtherModelVersion
from domain.identifiers import ChannelKey
from service import everything, going_on, restore
from service.folder import status_path
from service.own_api import OwnApi
from service.register_commands import import_assets
from service.settings import Settings, load_settings
from service.status import IngestStatus, ProjectionStatus, read_status, write_status
from service.supervisor import Supervisor
from storage.journal import Journal
from tests.chain import STREAM, open_chain
from tests.unit.service.site import (
    ACCELEROMETER,
    NOW_NS,
    THERMOMETER,
    onboard,
    open_site,
    reading,
    take,
    write_register,
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"data_dir": tmp_path})


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def wait(settings: Settings, monkeypatch: pytest.MonkeyPatch, told: list[str]) -> Callable[[], None]:
    """Wait for a ready installation, a tenth of a second at most."""
    watched = type("Watched", (), {"check": lambda _: None})()
    monkeypatch.setattr(everything, "_READY_WITHIN_S", 0.1)
    monkeypatch.setattr(everything, "_WATCH_EVERY_S", 0.02)
    monkeypatch.setattr(OwnApi, "answers", lambda _: True)
    monkeypatch.setattr(everything, "_SAY_FIRST_S", 0.05)
    return lambda: everything._await_ready(
        settings, cast("Supervisor", watched), OwnApi("http://nowhere"), threading.Event(), told.append
    )


def test_a_start_waits_as_long_as_ingest_loads_or_learns_again_and_says_so(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, wait: Callable[[], None], told: list[str]
) -> None:
    status = going_on._unknown(settings)
    learning = msgspec.structs.replace(status, starting="learns again: 40%", at_ns=time.time_ns())
    ready = msgspec.structs.replace(status, broker_connected=True)
    until = time.monotonic() + 0.4
    monkeypatch.setattr(everything, "read_status", lambda _: learning if time.monotonic() < until else ready)
    wait()
    assert time.monotonic() >= until
    assert told == ["Ingest starts: it learns again: 40%."]
    dead = msgspec.structs.replace(learning, at_ns=0)
    for nothing_comes in (status, dead):
        monkeypatch.setattr(everything, "read_status", lambda _, said=nothing_comes: said)
        with pytest.raises(ConfigurationError, match="not ready"):
            wait()


@pytest.mark.slow
def test_what_was_known_of_ingest_stays_and_how_far_it_is_is_added(settings: Settings) -> None:
    path = status_path(settings)
    projection = ProjectionStatus(
        name="time series", seq=7, backlog_entries=2, behind_since_ns=5, error="", error_since_ns=0
    )
    before = msgspec.structs.replace(
        going_on._unknown(settings), broker_connected=True, applied_seq=9, projections=[projection]
    )
    write_status(path, before)
    with going_on._telling(settings) as reached:
        reached.learn_again(OtherModelVersion("3.11", "3.12"))
        reached.move(0.43)
        said = _await(path, lambda status: "43%" in status.starting)
        reached.wait_for("the server")
        waiting = _await(path, lambda status: "waits" in status.starting)
    assert "43%, waits: the server; the broker holds" in waiting.starting
    assert said.starting == "learns again with model version 3.12, saved was 3.11: 43%; the broker holds what comes"
    assert (said.broker_connected, said.applied_seq, list(said.projections)) == (False, 9, [projection])
    assert time.time_ns() - said.at_ns < 60_000_000_000


def test_before_anything_is_known_it_is_told_too(settings: Settings) -> None:
    with going_on._telling(settings):
        said = _await(status_path(settings), lambda status: bool(status.starting))
    assert not said.broker_connected
    assert json.loads(status_path(settings).read_bytes())["pid"] > 0


def test_loading_is_told_with_its_size_and_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = open_site(tmp_path)
    monkeypatch.setattr(restore, "_PAGE", 1)

    def told() -> list[str]:
        said: list[str] = []
        restore.open_pipeline(pipeline.journal, STREAM, max_payload_bytes=1, head_bytes=0, tell=said.append)
        return said

    assert told() == ["goes through what came since its state was saved: 1 of 1 entries"]
    take(pipeline, reading(1, 5.0))
    assert told()[-1] == "goes through what came since its state was saved: 2 of 2 entries"
    pipeline.save()
    assert told() == ["loads the state of 2 sensors"]


def _await(path: Path, holds: Callable[[IngestStatus], bool]) -> Any:
    deadline = time.monotonic() + 20
    while (status := read_status(path)) is None or not holds(status):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return status


@pytest.mark.parametrize("is_on", [True, False])
def test_what_collects_objects_rests_while_a_state_is_loaded_and_is_then_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_on: bool
) -> None:
    pipeline = open_site(tmp_path)
    seen: list[bool] = []
    fresh = restore.fresh_state

    def noted(*given: Any) -> Any:
        seen.append(gc.isenabled())
        return fresh(*given)

    monkeypatch.setattr(restore, "fresh_state", noted)
    (gc.enable if is_on else gc.disable)()
    try:
        restore.open_pipeline(pipeline.journal, STREAM, max_payload_bytes=1, head_bytes=0)
        assert (seen, gc.isenabled()) == ([False], is_on)
    finally:
        gc.enable()


def test_a_start_numbers_channels_as_the_register_that_was_applied_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = open_site(tmp_path)
    onboard(pipeline, tmp_path, ACCELEROMETER)
    onboard(pipeline, tmp_path, THERMOMETER + ACCELEROMETER)
    pipeline.save()
    looked_up: list[int] = []
    look_up = Journal.number_channels

    def noted(journal: Journal, keys: Iterable[ChannelKey]) -> dict[ChannelKey, int]:
        wanted = list(keys)
        looked_up.append(len(wanted))
        return look_up(journal, wanted)

    monkeypatch.setattr(Journal, "number_channels", noted)
    again = open_chain(tmp_path)
    expected = pipeline.journal.channels()
    for key, number in zip(again.live.catalogue.channels, again.live.catalogue.channel_number.tolist(), strict=True):
        assert number == expected[key]
    assert looked_up == []
    import_assets(again.journal, write_register(tmp_path, ACCELEROMETER), at_ns=NOW_NS)
    unapplied = restore.fresh_state(again.journal, again.journal.newest_seq("register"), STREAM)
    assert unapplied.catalogue.channel_number.tolist() == [expected[key] for key in unapplied.catalogue.channels]
    assert looked_up == [len(unapplied.catalogue.channels)]
