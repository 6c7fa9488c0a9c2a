"""The loop of ingest by a hand-moved clock: acknowledged after the commit, never before."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from domain.errors import StorageUnavailable
from ingest.batch import Message
from ingest.delivery import Delivery, InboxBatch
from ingest.inbox import Inbox
from ingest.inbox_state import InboxState
from service import saving
from service.pipeline import Pipeline, TakeReport
from service.projector import Projector
from service.register_commands import import_assets
from service.settings import Settings, load_settings
from service.status import IngestStatus, ProjectionStatus, read_status
from service.worker import Worker
from tests.chain import STREAM
from tests.unit.service.site import (
    ACCELEROMETER,
    NOW_NS,
    THERMOMETER,
    WALL,
    balanced,
    letters,
    open_site,
    outcomes,
    part,
    reading,
    write_register,
)

NS = 1_000_000_000
NOW_S = NOW_NS // NS


class Gateway:
    """An inbox without a network."""

    def __init__(self) -> None:
        self.waiting: deque[InboxBatch] = deque()
        self.acknowledged: list[InboxBatch] = []
        self.released: list[InboxBatch] = []
        self.told: list[tuple[str, dict[str, str]]] = []
        self.connected = True
        self.generation = 1
        self.is_running = False

    def send(self, *messages: Message) -> InboxBatch:
        batch = InboxBatch(messages, tuple(Delivery(1, mid, 1) for mid, _ in enumerate(messages)))
        self.waiting.append(batch)
        return batch

    def start(self) -> None:
        self.is_running = True

    def stop(self) -> None:
        self.is_running = False

    def next_batch(self, _most: int, _wait_s: float) -> InboxBatch:
        return self.waiting.popleft() if self.waiting else InboxBatch((), ())

    def acknowledge(self, batch: InboxBatch) -> None:
        self.acknowledged.append(batch)

    def release(self, batch: InboxBatch) -> None:
        self.released.append(batch)

    def publish(self, topic: str, payload: bytes) -> None:
        self.told.append((topic, msgspec.json.decode(payload)))

    def state(self) -> InboxState:
        return InboxState(self.connected, self.generation, 0, len(self.waiting), "")


class Bystander:
    """A projector that only counts how often it was woken."""

    woken = 0

    def start(self) -> None:
        pass

    def stop(self, *, timeout_s: float) -> None:
        pass

    def wake(self) -> None:
        self.woken += 1

    def states(self) -> list[ProjectionStatus]:
        return [
            ProjectionStatus(
                name="time series", seq=0, backlog_entries=1, behind_since_ns=1, error="is away", error_since_ns=1
            )
        ]


class Bench:
    """A worker on a bench: `step` runs one round, `pass_time` moves both clocks."""

    def __init__(self, pipeline: Pipeline, folder: Path, settings: Settings) -> None:
        self.pipeline, self.gateway, self.projector = pipeline, Gateway(), Bystander()
        self.seconds = 100.0
        self.folder = folder
        self.worker = Worker(
            pipeline,
            cast("Inbox", self.gateway),
            cast("Projector", self.projector),
            settings,
            folder / "status.json",
            now_ns=self.now_ns,
            monotonic=lambda: self.seconds,
        )
        # A second's pause after a fault would only make the test slow.
        self.worker._stop.wait = lambda timeout=None: False  # type: ignore[method-assign]  # noqa: ARG005 -- its name

    def now_ns(self) -> int:
        return NOW_NS + round((self.seconds - 100.0) * NS)

    def step(self, seconds: float = 0.3) -> None:
        self.worker._step()
        self.seconds += seconds

    def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.step(1.0)

    def status(self) -> IngestStatus:
        status = read_status(self.folder / "status.json")
        assert status is not None
        return status


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Bench]:
    monkeypatch.chdir(tmp_path)

    def make(rows: str = THERMOMETER + ACCELEROMETER, *, quota: int | None = None, **ingest: Any) -> Bench:
        storage = {"journal_quota_bytes": quota}
        settings = load_settings({"ingest": ingest, "mqtt": {"redelivery_seconds": 8.0}, "storage": storage})
        policy = STREAM if settings.ingest.clock == "stream" else WALL
        return Bench(open_site(tmp_path, rows, policy=policy), tmp_path, settings)

    return make


def failing(*_: object, **__: object) -> Any:
    raise StorageUnavailable("disk is full")


def test_a_batch_is_acknowledged_once_it_is_committed(bench: Callable[..., Bench]) -> None:
    site = bench()
    batch = site.gateway.send(reading(NOW_S))
    site.step()
    assert site.gateway.acknowledged == [batch]
    assert balanced(site.pipeline)["readings_stored"] == 1
    assert site.projector.woken == 2  # by the readings, and by what they say


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


def test_by_the_stream_a_pause_closes_what_is_complete_once(bench: Callable[..., Bench]) -> None:
    site = bench(THERMOMETER, clock="stream", pause_seconds=10.0)
    site.gateway.send(reading(NOW_S - 7200), reading(NOW_S))
    site.pass_time(10)
    assert site.pipeline.live.tracker.open_count() == 2
    site.pass_time(30)
    closings = [entry.body for entry in site.pipeline.journal.entries(after=0) if entry.kind == "closing"]
    assert [getattr(body, "lateness_ns", None) for body in closings] == [0]
    assert site.pipeline.live.tracker.open_count() == 1  # the newest hop is not complete yet


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


@pytest.mark.parametrize(("batch_messages", "rests"), [(2000, 6), (1, 72)])
def test_looks_leave_two_thirds_of_the_time_to_messages_and_more_while_some_wait(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch, batch_messages: int, rests: int
) -> None:
    """Two thousand sensors took longer to assess than the pause between two looks, so ingest did little else."""
    site = bench(provisional_seconds=0.25, batch_messages=batch_messages)
    looked_at: list[float] = []
    assess = site.pipeline.assess_waiting

    def slow() -> int | None:
        looked_at.append(site.seconds)
        site.seconds += 3.0
        return assess()

    monkeypatch.setattr(site.pipeline, "assess_waiting", slow)
    for number in range(rests + 5):
        site.gateway.send(reading(NOW_S + number))
        site.step(1.0)
    first, second = looked_at
    assert second - (first + 3.0) == rests


def test_a_batch_that_took_long_does_not_keep_the_next_look(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest was counted from the time of the whole batch, so a fleet at half load waited seconds for its risk."""
    site = bench(provisional_seconds=0.25)
    take = site.pipeline.take

    def slow(*args: Any, **more: Any) -> TakeReport:
        site.seconds += 3.0
        return take(*args, **more)

    monkeypatch.setattr(site.pipeline, "take", slow)
    for number in range(3):
        site.gateway.send(reading(NOW_S + number))
        site.step(0.5)
    assert [len(outcome.current) for outcome in outcomes(site.pipeline)[1:]] == [0, 1] * 3


def test_provisional_assessments_keep_their_distance(bench: Callable[..., Bench]) -> None:
    site = bench(provisional_seconds=5.0)
    for number in range(4):
        site.gateway.send(reading(NOW_S + number))
        site.step(2.0)
    assert [len(outcome.current) for outcome in outcomes(site.pipeline)[1:]] == [0, 1, 0, 0, 0, 1]


def test_what_came_last_is_assessed_though_nothing_follows(bench: Callable[..., Bench]) -> None:
    """It waited for another message, which a sensor that sends once an hour brings an hour later."""
    site = bench(provisional_seconds=5.0)
    for number in range(2):
        site.gateway.send(reading(NOW_S + number))
        site.step(2.0)
    site.pass_time(30)
    current = [[item.assessed_at_ns for item in outcome.current] for outcome in outcomes(site.pipeline)[1:]]
    assert current == [[], [NOW_NS], [], [NOW_NS + NS]]


def test_the_state_is_saved_now_and_then_and_at_the_end(bench: Callable[..., Bench]) -> None:
    site = bench(snapshot_seconds=5.0)
    site.gateway.send(reading(NOW_S))
    site.step(1.0)
    assert site.pipeline.journal.snapshot_seq() == 0
    site.pass_time(6)
    assert site.pipeline.journal.snapshot_seq() == 3
    site.gateway.send(reading(NOW_S + 1))
    site.step()
    site.worker.stop()
    site.worker.run()
    assert site.pipeline.journal.snapshot_seq() == site.pipeline.live.applied_seq
    assert not site.gateway.is_running


def test_saving_that_takes_long_is_done_less_often(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 10,000 sensors and the cores busy, saving took a fifth of the time that messages waited for."""
    site = bench(snapshot_seconds=5.0)
    began: list[float] = []
    begin = site.pipeline.begin_save

    def slow() -> bool:
        began.append(site.seconds)
        site.seconds += 2.0
        return begin()

    monkeypatch.setattr(site.pipeline, "begin_save", slow)
    for number in range(80):
        site.gateway.send(reading(NOW_S + number))
        site.step(1.0)
    assert all(25.0 <= later - earlier <= 35.0 for earlier, later in itertools.pairwise(began))
    assert len(began) == 3


def test_a_save_that_a_closing_hop_finished_is_not_followed_by_the_next_at_once(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "_PART_BYTES", 1)
    site = bench(snapshot_seconds=5.0)
    begun: list[float] = []
    begin = site.pipeline.begin_save

    def note() -> bool:
        begun.append(site.seconds)
        return begin()

    monkeypatch.setattr(site.pipeline, "begin_save", note)
    for number in range(12):
        site.gateway.send(reading(NOW_S + number))
        site.step(1.0)
        if site.pipeline.is_saving:
            site.pipeline._saver.finish()  # as the pipeline does before a hop closes
    assert [later - earlier for earlier, later in itertools.pairwise(begun)] == [5.0]


def test_a_status_file_that_cannot_be_written_is_no_fault_of_the_journal(bench: Callable[..., Bench]) -> None:
    site = bench()
    (site.folder / "status.new").mkdir()
    batch = site.gateway.send(reading(NOW_S))
    site.step(2.0)
    assert site.gateway.acknowledged == [batch]
    (site.folder / "status.new").rmdir()
    site.step(2.0)
    assert (site.status().storage_error, site.status().applied_seq) == ("", 3)
