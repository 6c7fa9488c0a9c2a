"""The loop of ingest by a hand-moved clock: acknowledged after the commit, never before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.errors import StorageUnavailable
from service.register_commands import import_assets
from tests.unit.service.site import (
    NOW_NS,
    THERMOMETER,
    balanced,
    letters,
    part,
    reading,
    write_register,
)
from tests.unit.service.worker_bench import Bench

NS = 1_000_000_000
NOW_S = NOW_NS // NS


def failing(*_: object, **__: object) -> Any:
    raise StorageUnavailable("disk is full")


def test_a_batch_is_acknowledged_once_it_is_committed(bench: Callable[..., Bench]) -> None:
    site = bench()
    batch = site.gateway.send(reading(NOW_S))
    site.step()
    assert site.gateway.acknowledged == [batch]
    assert balanced(site.pipeline)["readings_stored"] == 1
    assert site.projector.woken == 2  # by the readings, and by what they say


@pytest.mark.parametrize(
    ("method", "told"),
    [
        ("take", "takes in 1 messages"),
        ("close", "closes hops"),
        ("assess_waiting", "assesses what came"),
        ("begin_save", "saves its state"),
        ("catch_up", "catches up with its journal"),
        ("release_held", "takes in what was held for a new sensor"),
    ],
)
def test_what_takes_long_is_named_while_it_takes(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch, method: str, told: str
) -> None:
    """Pages said that ingest was silent while it was in one long step."""
    site = bench()
    site.step(2.0)
    done, found = getattr(site.pipeline, method), []

    def slowly(*given: Any, **named: Any) -> Any:
        site.seconds += 9.0
        site.worker._status.look()
        found.append(site.status())
        return done(*given, **named)

    monkeypatch.setattr(site.pipeline, method, slowly)
    if method in {"catch_up", "release_held"}:
        files = write_register(site.folder, THERMOMETER.replace("klimaat", "nieuw"))
        import_assets(site.pipeline.journal, files, at_ns=NOW_NS)
    site.gateway.send(reading(NOW_S))
    site.pass_time(100)
    assert found[0].step == told
    assert found[0].alive_ns - found[0].step_since_ns == 9 * NS
    assert site.status().alive_ns == 0


def test_what_cannot_be_committed_is_given_back_and_the_operator_told(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round without messages was taken for a sign that the disk had room again."""
    site = bench()
    batch = site.gateway.send(reading(NOW_S))
    with monkeypatch.context() as patched:
        patched.setattr(site.pipeline.journal, "commit", failing)
        site.step(2.0)
        site.step(2.0)
    assert (site.gateway.acknowledged, site.gateway.released) == ([], [batch])
    site.step(2.0)
    assert site.status().storage_error == "disk is full"
    again = site.gateway.send(reading(NOW_S))
    site.step(2.0)
    assert site.gateway.acknowledged == [again]
    assert site.status().storage_error == ""


def test_at_its_quota_nothing_is_acknowledged_no_hop_closes_and_the_reason_is_told(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits at the broker is not missing: a hop that closed without it would call it late."""
    site = bench(quota=2**20)
    site.gateway.send(reading(NOW_S - 7200))
    site.step(2.0)
    size = site.pipeline.journal.used_bytes()
    assert 0 < size < 2**20
    with monkeypatch.context() as patched:
        patched.setattr(site.pipeline.journal, "used_bytes", lambda: 2**20)
        waiting = site.gateway.send(reading(NOW_S - 7100))
        site.pass_time(30)
        assert waiting not in site.gateway.acknowledged + site.gateway.released
        told = site.status().storage_error
        assert "storage.journal_quota_bytes is 1048576" in told
        assert "time series (is away)" in told
        assert site.pipeline.live.tracker.open_count() == 1
    site.pass_time(3)
    assert waiting in site.gateway.acknowledged
    assert site.status().storage_error == ""
    site.pass_time(10)
    assert site.pipeline.live.tracker.open_count() == 0


def test_a_committed_batch_is_not_given_back_when_something_else_fails(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was, and the connection with it: every message under way came again for nothing."""
    site = bench()
    batch = site.gateway.send(reading(NOW_S))
    monkeypatch.setattr(site.pipeline, "release_held", failing)
    site.step()
    assert (site.gateway.acknowledged, site.gateway.released) == ([batch], [])


def test_a_register_that_comes_in_between_is_applied_first(bench: Callable[..., Bench], tmp_path: Path) -> None:
    site = bench()
    import_assets(site.pipeline.journal, write_register(tmp_path, THERMOMETER), at_ns=NOW_NS)
    batch = site.gateway.send(reading(NOW_S))
    site.step()
    assert site.gateway.acknowledged == [batch]
    kinds = [entry.kind for entry in site.pipeline.journal.entries(after=0)]
    assert kinds[:3] == ["register", "register", "batch"]


def test_a_full_disk_while_catching_up_stops_nothing_for_good(
    bench: Callable[..., Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raised while the first error was handled, it ended the process and left the batch handed out."""
    site = bench()
    import_assets(site.pipeline.journal, write_register(tmp_path, THERMOMETER), at_ns=NOW_NS)
    batch = site.gateway.send(reading(NOW_S))
    with monkeypatch.context() as patched:
        patched.setattr(site.pipeline.journal, "record_outcome", failing)
        site.step()
    assert site.gateway.released == [batch]
    again = site.gateway.send(reading(NOW_S))
    site.step()
    assert site.gateway.acknowledged == [again]


def test_a_gateway_is_told_what_was_refused_a_few_times_a_batch(bench: Callable[..., Bench]) -> None:
    site = bench()
    broken = [reading(NOW_S)._replace(payload=b"{") for _ in range(9)]
    nameless = reading(NOW_S)._replace(topic="infra/v1/gw 1/brug-1/klimaat/reading")
    site.gateway.send(*broken, nameless)
    site.step()
    assert len(letters(site.pipeline)) == 10
    assert [topic for topic, _ in site.gateway.told] == ["infra/v1/gw-1/rejected"] * 5
    assert site.gateway.told[0][1]["code"] == "not_json"


def test_hops_stay_open_until_the_broker_has_sent_again_what_it_must(bench: Callable[..., Bench]) -> None:
    site = bench()
    site.gateway.send(reading(NOW_S - 7200))
    site.pass_time(8)
    assert [entry.kind for entry in site.pipeline.journal.entries(after=0)] == ["register", "batch", "batch"]
    site.pass_time(2)
    assert [entry.kind for entry in site.pipeline.journal.entries(after=3)] == ["closing"]
    site.gateway.generation = 2  # another connection: the same again
    site.gateway.send(reading(NOW_S - 60))
    site.seconds += 3 * 3600
    site.pass_time(8)
    assert site.pipeline.live.tracker.open_count() == 1
    site.pass_time(2)
    assert site.pipeline.live.tracker.open_count() == 0


def test_hops_stay_open_while_what_waited_at_the_broker_is_read(bench: Callable[..., Bench]) -> None:
    """Each sensor was called silent for the hours that were still to come, and taken back when they had."""
    site = bench(batch_messages=4)
    for hour in range(30):
        site.gateway.send(*(reading(NOW_S - 7200 * (40 - hour) + n) for n in range(4 if hour < 20 else 1)))
    site.pass_time(20)
    assert site.pipeline.live.tracker.open_count() == 20 * 4
    site.pass_time(2)
    assert site.pipeline.live.tracker.open_count() == 0


def test_by_the_stream_a_pause_closes_what_is_complete_once(bench: Callable[..., Bench]) -> None:
    site = bench(THERMOMETER, clock="stream", pause_seconds=10.0)
    site.gateway.send(reading(NOW_S - 7200), reading(NOW_S))
    site.pass_time(10)
    assert site.pipeline.live.tracker.open_count() == 2
    site.pass_time(30)
    closings = [entry.body for entry in site.pipeline.journal.entries(after=0) if entry.kind == "closing"]
    assert [getattr(body, "lateness_ns", None) for body in closings] == [0]
    assert site.pipeline.live.tracker.open_count() == 1  # the newest hop is not complete yet


def test_by_the_stream_what_a_busy_broker_left_out_is_not_late(bench: Callable[..., Bench]) -> None:
    """On a busy machine four days of a history at full speed came behind the eleven after them, and all were late.

    nats-server sends again what was not acknowledged in five seconds. One of those copies takes a place among what may
    be under way, and a new message without a place is left out until it is sent again as well.
    """
    site = bench(THERMOMETER, clock="stream")
    days = [reading(NOW_S - 86400 * (30 - day)) for day in range(12)]
    site.gateway.send(*days[:3])
    site.step()
    site.gateway.send(days[2]._replace(resent=True), *days[7:])
    site.pass_time(5)
    site.gateway.send(*(day._replace(resent=True) for day in days[3:7]))
    site.pass_time(5)
    assert site.pipeline.live.revisions_waiting() == 0
    assert site.pipeline.live.tracker.open_count() > 3
    site.pass_time(5)
    assert site.pipeline.live.tracker.open_count() < 3  # closed, all but the newest
    assert "rescoring" not in [entry.kind for entry in site.pipeline.journal.entries(after=0)]


def test_a_back_fill_is_scored_again_once_it_has_settled(bench: Callable[..., Bench]) -> None:
    site = bench(THERMOMETER, backfill_settle_seconds=5.0)
    site.gateway.send(*(reading(NOW_S - 3600 * hour) for hour in range(40, 1, -2)))
    site.pass_time(12)
    kinds = [entry.kind for entry in site.pipeline.journal.entries(after=0)]
    assert kinds == ["register", "batch", "batch", "closing"]  # readings, their assessment, what closed
    for hour in range(9, 3, -2):  # one every two seconds
        site.gateway.send(reading(NOW_S - 3600 * hour))
        site.step(2.0)
    site.pass_time(3)
    assert "rescoring" not in [entry.kind for entry in site.pipeline.journal.entries(after=4)]
    site.pass_time(3)
    kinds = [entry.kind for entry in site.pipeline.journal.entries(after=4)]
    assert kinds == ["batch"] * 3 + ["rescoring"]


@pytest.mark.slow
def test_a_back_fill_that_does_not_end_is_scored_again_every_minute(bench: Callable[..., Bench]) -> None:
    site = bench(THERMOMETER, backfill_settle_seconds=5.0)
    site.gateway.send(*(reading(NOW_S - 3600 * hour) for hour in range(120, 1, -2)))
    site.pass_time(12)
    for number in range(70):
        site.gateway.send(reading(NOW_S - 3600 * 119 + 60 * number))
        site.step(2.0)
    kinds = [entry.kind for entry in site.pipeline.journal.entries(after=3)]
    assert kinds.count("rescoring") == 2


def test_parts_are_given_up_only_after_a_minute_of_listening(bench: Callable[..., Bench]) -> None:
    """After a restart the missing part may still wait at the broker."""
    site = bench()
    site.gateway.send(part(1, received_ns=NOW_NS - 3600 * NS))
    site.pass_time(60)
    assert letters(site.pipeline) == []
    site.gateway.connected = False
    site.pass_time(30)
    assert letters(site.pipeline) == []
    site.gateway.connected, site.gateway.generation = True, 2
    site.pass_time(60)
    assert letters(site.pipeline) == []
    site.pass_time(10)
    assert [letter.code for letter in letters(site.pipeline)] == ["missing_key"]
    assert site.gateway.told[0][1]["reason"].startswith("waveform 'b1': got parts 1 within a minute")


def test_held_messages_are_released_when_their_sender_is_onboarded(bench: Callable[..., Bench], tmp_path: Path) -> None:
    site = bench()
    site.gateway.send(reading(NOW_S, sensor="nieuw"))
    site.step()
    assert balanced(site.pipeline)["messages_quarantined"] == 1
    files = write_register(tmp_path, THERMOMETER.replace("klimaat", "nieuw"))
    import_assets(site.pipeline.journal, files, at_ns=NOW_NS)
    site.pass_time(2)
    tally = balanced(site.pipeline)
    assert (tally["messages_quarantined"], tally["readings_stored"]) == (0, 1)


def test_a_status_file_that_cannot_be_written_is_no_fault_of_the_journal(bench: Callable[..., Bench]) -> None:
    site = bench()
    (site.folder / "status.new").mkdir()
    batch = site.gateway.send(reading(NOW_S))
    site.step(2.0)
    assert site.gateway.acknowledged == [batch]
    (site.folder / "status.new").rmdir()
    site.step(2.0)
    assert (site.status().storage_error, site.status().applied_seq) == ("", 3)
