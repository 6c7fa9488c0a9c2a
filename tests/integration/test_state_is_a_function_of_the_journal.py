"""The same readings give the same state, bit for bit, however they came and whatever broke in between."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from domain.records import DecisionVerb
from ingest.batch import Message
from models.thresholds import MODES
from service import saving
from service.outcomes import DAY_NS
from service.pipeline import Pipeline
from simulator.scenario_file import load_scenario
from storage.decisions import JournalDecisionLog
from storage.protocols import DecisionDraft
from tests.chain import ARRIVAL_NS, feed, finish, open_chain, simulated_messages
from tests.lengths import either

pytestmark = pytest.mark.slow

DAYS = either(12, long=24)


def whole_state(pipeline: Pipeline) -> str:
    """Close what is complete, and give the hashes of the models' state and of the modes found in waveforms."""
    return f"{finish(pipeline)} {pipeline.live.modes.digest()}"


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> list[Message]:
    return simulated_messages(load_scenario("small"), tmp_path_factory.mktemp("messages"), days=DAYS)


@pytest.fixture(scope="module")
def undisturbed(messages: list[Message], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, int]]:
    """State hash and counts of a run in order, in batches of 50."""
    pipeline = open_chain(tmp_path_factory.mktemp("undisturbed"), load_scenario("small"))
    feed(pipeline, messages, batch=50)
    return whole_state(pipeline), pipeline.journal.tally()


def test_the_run_learns_something(undisturbed: tuple[str, dict[str, int]], messages: list[Message]) -> None:
    state, tally = undisturbed
    assert not state.endswith(hashlib.sha256().hexdigest())  # which is that of no modes at all
    assert tally["messages_received"] == len(messages)
    assert tally["readings_stored"] > 800 * DAYS


@pytest.mark.parametrize(("batch", "close_every"), either([(7, 1), (200, 5)], long=[(7, 1), (200, 1), (50, 5)]))
def test_cutting_the_stream_elsewhere_changes_no_bit(
    tmp_path: Path, messages: list[Message], undisturbed: tuple[str, dict[str, int]], batch: int, close_every: int
) -> None:
    pipeline = open_chain(tmp_path, load_scenario("small"))
    feed(pipeline, messages, batch=batch, close_every=close_every)
    assert whole_state(pipeline) == undisturbed[0]


@pytest.mark.parametrize("seed", either([1], long=[1, 2]))
def test_another_order_within_the_lateness_allowance_changes_no_bit(
    tmp_path: Path, messages: list[Message], undisturbed: tuple[str, dict[str, int]], seed: int
) -> None:
    generator = random.Random(seed)
    # A day of every sensor is about as many messages as there are sensors; half of that keeps within the allowance.
    span = len(messages) // DAYS // 2
    order = sorted(range(len(messages)), key=lambda place: place + generator.uniform(0, span))
    pipeline = open_chain(tmp_path, load_scenario("small"))
    feed(pipeline, [messages[place] for place in order], batch=40)
    assert whole_state(pipeline) == undisturbed[0]
    assert pipeline.journal.tally()["readings_stored"] == undisturbed[1]["readings_stored"]


@pytest.mark.parametrize("seed", either([1], long=[1, 2]))
def test_when_the_stream_pauses_changes_no_bit(
    tmp_path: Path, messages: list[Message], undisturbed: tuple[str, dict[str, int]], seed: int
) -> None:
    """The wall's clock says when a stream has paused: a restart that took longer than that changed the second stage.

    Days ended for the assets that had come so far, and each of the others was compared with those of then.
    """
    generator = random.Random(seed)
    pipeline = open_chain(tmp_path, load_scenario("small"))
    paused = 0
    for first in range(0, len(messages), 30):
        feed(pipeline, messages[first : first + 30], batch=30)
        if generator.random() < 0.3:
            paused += pipeline.close(now_ns=ARRIVAL_NS, lateness_ns=0)
    assert paused > 4 * DAYS
    assert whole_state(pipeline) == undisturbed[0]


def test_messages_delivered_twice_count_once(
    tmp_path: Path, messages: list[Message], undisturbed: tuple[str, dict[str, int]]
) -> None:
    generator = random.Random(3)
    twice = [message for message in messages for _ in range(1 + (generator.random() < 0.4))]
    pipeline = open_chain(tmp_path, load_scenario("small"))
    feed(pipeline, twice, batch=33)
    feed(pipeline, messages, batch=500)  # and the whole history once more
    assert whole_state(pipeline) == undisturbed[0]
    assert pipeline.journal.tally()["readings_stored"] == undisturbed[1]["readings_stored"]


def test_a_restart_at_any_moment_changes_no_bit(
    tmp_path: Path,
    messages: list[Message],
    undisturbed: tuple[str, dict[str, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also while a save has been written in part, between messages that change what the rest of it is about."""
    monkeypatch.setattr(saving, "_PART_BYTES", 1)
    monkeypatch.setattr(saving, "_ASSETS_AT_ONCE", 1)
    generator = random.Random(4)
    pipeline = open_chain(tmp_path, load_scenario("small"))
    place = broken_off = 0
    while place < len(messages):
        count = generator.randint(1, 25)
        feed(pipeline, messages[place : place + count], batch=20)
        place += count
        if generator.random() < 0.8:
            pipeline.begin_save()
            for _ in range(generator.randint(0, 3)):
                pipeline.take(messages[place : place + 5], now_ns=ARRIVAL_NS)
                place += 5
                pipeline.go_on_saving()
            pipeline.journal.prune(upto=pipeline.journal.snapshot_seq())
        if generator.random() < 0.3:
            broken_off += pipeline.is_saving
            before = pipeline.live.digest()
            pipeline.journal.close()  # what memory held is gone, as after kill -9
            pipeline = open_chain(tmp_path)
            assert pipeline.live.digest() == before
            place = max(0, place - generator.randint(0, 15))  # not acknowledged yet: the broker sends it again
    assert broken_off > 5
    assert whole_state(pipeline) == undisturbed[0]
    tally = Counter(pipeline.journal.tally())
    assert tally["readings_stored"] == undisturbed[1]["readings_stored"]


def dismiss(pipeline: Pipeline, number: int) -> None:
    """Dismiss an alarm about the first mode of the first asset, and take that in."""
    catalogue = pipeline.live.catalogue
    kind = f"condition.{MODES[catalogue.pair_mode[0]]}"
    draft = DecisionDraft(catalogue.assets[catalogue.pair_asset[0]], DecisionVerb.DISMISS, "A", "b", f"alarm {number}")
    JournalDecisionLog(pipeline.journal, lambda _alarm: kind).append(draft, decided_at_ns=ARRIVAL_NS)
    assert pipeline.catch_up() == 1


def test_what_people_said_of_alarms_survives_restarts_and_a_journal_read_anew(
    tmp_path: Path, messages: list[Message]
) -> None:
    """Three dismissals in the middle: with snapshots and restarts, and from the first entry on, the same bits."""
    half = len(messages) // 2
    digests = []
    for is_restarted in (False, True):
        folder = tmp_path / str(is_restarted)
        pipeline = open_chain(folder, load_scenario("small"))
        feed(pipeline, messages[:half], batch=100)
        for number in range(3):
            dismiss(pipeline, number)
            if is_restarted:
                pipeline.save()
                pipeline.journal.close()
                pipeline = open_chain(folder)
        feed(pipeline, messages[half : half + half // 4], batch=100)
        digests.append(pipeline.live.digest())
        assert pipeline.live.state.doubt[0] > 1.0
        assert pipeline.live.state.verdicts[0].tolist() == [3, 3, 3, 3]
        pipeline.journal.close()
    assert digests[0] == digests[1]
    assert open_chain(tmp_path / "False").live.digest() == digests[0], "no snapshot was ever written there"


def test_a_recorded_failure_narrows_what_is_said_of_other_lives_also_after_a_restart(
    tmp_path: Path, messages: list[Message]
) -> None:
    """Lives noted under an alarm, a failure, its day corrected, days that follow, restarts, and a repair."""
    half = len(messages) // 2
    pipeline = open_chain(tmp_path, load_scenario("small"))
    feed(pipeline, messages[:half], batch=100)
    live = pipeline.live
    asset, now_ns = live.catalogue.assets[0], int(live.tracker.frontier_ns[0])
    failed_ns = (now_ns // DAY_NS - 1) * DAY_NS
    # Nothing fails in this scenario, so its notes are written here.
    lives = {days: np.array([[0.5 * days, days, 2.0 * days]]) for days in (21.0, 14.0, 7.0)}
    for days, life in lives.items():
        noted = live.fleet.lives.with_notes((asset,), life, np.array([True]), failed_ns - int(days) * DAY_NS)
        live.fleet.lives = noted
    pipeline = restarted(pipeline, tmp_path)
    for days_before, verb in ((9, DecisionVerb.INSPECT), (0, DecisionVerb.REPAIR)):
        day = np.datetime64(failed_ns - days_before * DAY_NS, "ns").astype("datetime64[D]").item().isoformat()
        draft = DecisionDraft(asset, verb, "A", "it failed", failed_on=day)
        JournalDecisionLog(pipeline.journal, lambda _alarm: None).append(draft, decided_at_ns=ARRIVAL_NS)
        assert pipeline.catch_up() == 1
        pipeline = restarted(pipeline, tmp_path)
    book = pipeline.live.fleet.lives
    assert book.stated == {}
    assert [len(ended.reaches) for ended in book.ended] == [2, 3]
    assert book.ended[-1].reaches == (0.0, 0.0, 0.0), "the second day corrects the first"
    feed(pipeline, messages[half : half + half // 4], batch=100)
    watched = np.unique(pipeline.live.catalogue.pair_asset)
    stretch = pipeline.live.state.life_stretch[watched]
    assert np.all((stretch < 1.0) & (stretch >= 0.5))
    digest = pipeline.live.digest()
    pipeline = restarted(pipeline, tmp_path)
    assert pipeline.live.digest() == digest
    assert pipeline.live.fleet.lives == book
    pipeline.live.fleet.lives = book.with_notes((asset,), np.array([[7.0, 14.0, 28.0]]), np.array([True]), failed_ns)
    repair = DecisionDraft(asset, DecisionVerb.REPAIR, "A", "mended")
    JournalDecisionLog(pipeline.journal, lambda _alarm: None).append(repair, decided_at_ns=ARRIVAL_NS)
    assert pipeline.catch_up() == 1
    assert pipeline.live.fleet.lives.stated == {}
    assert [ended.has_failed for ended in pipeline.live.fleet.lives.ended] == [True, True, False]
    pipeline.journal.close()


def restarted(pipeline: Pipeline, folder: Path) -> Pipeline:
    """Save, end, and open again."""
    pipeline.save()
    pipeline.journal.close()
    return open_chain(folder)


def test_alarms_and_assessments_have_the_same_names_in_another_cut(tmp_path: Path, messages: list[Message]) -> None:
    found = []
    for batch in (13, 160):
        pipeline = open_chain(tmp_path / str(batch), load_scenario("small"))
        feed(pipeline, messages, batch=batch)
        whole_state(pipeline)
        entries = pipeline.journal.entries(after=0, limit=1_000_000)
        alarms = sorted(alarm.id for entry in entries for alarm in entry.outcome.alarms)
        assessments = [item for entry in entries for item in entry.outcome.assessments]
        found.append((alarms, sorted((item.assessment_id, item.health_index or -1.0) for item in assessments)))
    assert found[0] == found[1]
    assert found[0][1]
