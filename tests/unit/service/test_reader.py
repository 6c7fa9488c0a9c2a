"""A reader: at most so much under way, acknowledged when ingest says so, decoded by the register in force."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest

from domain.errors import ConfigurationError
from ingest.clock import ClockLimits
from ingest.delivery import InboxBatch
from ingest.inbox import Inbox
from ingest.inbox_state import InboxState
from ingest.resolve import Resolver
from ingest.shards import together
from service.decoding import decode_ahead
from service.frames import Again, BatchRead, Done, Report, UseRegister
from service.pipeline import Pipeline
from service.reader import Reader
from service.sessions import check_workers
from service.settings import load_settings
from tests.unit.service.site import NOW_NS, open_site, part, reading
from tests.unit.service.worker_bench import Gateway

NS = 1_000_000_000


class Bench:
    """A reader between two gateways and a list of what it says."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.gateways = [Gateway(), Gateway()]
        self.said: list[Report] = []
        self.asked: list[int] = []

        def resolver_of(seq: int) -> Resolver:
            self.asked.append(seq)
            return pipeline.live.resolver

        self.reader = Reader(
            [cast("Inbox", gateway) for gateway in self.gateways],
            self.said.append,
            resolver_of=resolver_of,
            limits=lambda: ClockLimits(None, NOW_NS + 300 * NS),
            batch_messages=100,
            max_payload_bytes=4_000_000,
        )

    def batches(self) -> list[BatchRead]:
        return [item for item in self.said if isinstance(item, BatchRead)]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(open_site(tmp_path))


def test_nothing_is_taken_before_the_register_is_known(bench: Bench) -> None:
    bench.gateways[0].send(reading(NOW_NS // NS))
    assert not bench.reader.step()
    bench.reader.obey(UseRegister(1))
    assert bench.reader.step()
    (read,) = bench.batches()
    assert bench.asked == [1]
    assert read.decoded is not None
    assert (read.decoded.register_seq, len(read.decoded.batch.readings)) == (1, 1)


def test_sessions_share_a_batch_and_each_gets_its_own_acknowledgement(bench: Bench) -> None:
    bench.reader.obey(UseRegister(1))
    sent = [gateway.send(reading(NOW_NS // NS + n)) for n, gateway in enumerate(bench.gateways)]
    assert bench.reader.step()
    (read,) = bench.batches()
    assert read.messages() == sent[0].messages + sent[1].messages
    bench.reader.obey(Done(read.number))
    assert [gateway.acknowledged for gateway in bench.gateways] == [[sent[0]], [sent[1]]]
    bench.reader.obey(Again(read.number))  # once is enough
    assert [gateway.released for gateway in bench.gateways] == [[], []]


def test_what_could_not_be_committed_is_released(bench: Bench) -> None:
    bench.reader.obey(UseRegister(1))
    sent = bench.gateways[1].send(reading(NOW_NS // NS))
    bench.reader.step()
    bench.reader.obey(Again(bench.batches()[0].number))
    assert bench.gateways[1].released == [sent]
    assert bench.gateways[1].acknowledged == []


def test_a_reader_runs_three_batches_ahead_and_waits(bench: Bench) -> None:
    bench.reader.obey(UseRegister(1))
    for number in range(5):
        bench.gateways[0].send(reading(NOW_NS // NS + number))
    assert [bench.reader.step() for _ in range(5)] == [True, True, True, False, False]
    bench.reader.obey(Done(bench.batches()[0].number))
    assert bench.reader.step()


def test_several_connections_are_one_that_is_there_when_all_are() -> None:
    there = InboxState(connected=True, generation=2, since_ns=5, queued=3, last_error="old")
    away = InboxState(connected=False, generation=1, since_ns=9, queued=0, last_error="refused")
    assert together([there, there]) == InboxState(True, 4, 5, 6, "")
    assert together([there, away]) == InboxState(False, 3, 9, 3, "refused")


@pytest.mark.parametrize(
    ("workers", "shards", "clock", "told"),
    [
        (2, 0, "wall", "at most one worker a shard"),
        (5, 4, "wall", "at most one worker a shard"),
        (1, 4, "stream", "would move the stream's clock for each other"),
    ],
)
def test_what_would_do_nothing_or_harm_is_refused_in_words(workers: int, shards: int, clock: str, told: str) -> None:
    settings = load_settings({"ingest": {"workers": workers, "clock": clock}, "mqtt": {"shards": shards}})
    with pytest.raises(ConfigurationError, match=told):
        check_workers(settings)


def test_one_worker_needs_no_shards_and_four_share_them() -> None:
    check_workers(load_settings({"ingest": {"clock": "stream"}}))
    check_workers(load_settings({"ingest": {"workers": 4}, "mqtt": {"shards": 4}}))


def test_decoded_ahead_is_used_only_where_it_would_come_out_the_same(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    messages = [reading(NOW_NS // NS), part(1, 1)]
    limits = ClockLimits(None, NOW_NS + 300 * NS)
    decoded = decode_ahead(
        messages, pipeline.live.resolver, limits, register_seq=pipeline.live.register_seq, max_payload_bytes=4_000_000
    )
    assert decoded.batch.waveforms == ()
    assert decoded.holds(pipeline.live.register_seq, limits)
    assert not decoded.holds(pipeline.live.register_seq + 1, limits)
    assert not decoded.holds(pipeline.live.register_seq, ClockLimits(None, NOW_NS - NS))
    assert not decoded.holds(pipeline.live.register_seq, ClockLimits(NOW_NS + NS, None))


def test_the_journal_is_the_same_whoever_decoded(tmp_path: Path) -> None:
    """A reading, a waveform, a part, a stranger, garbage and a status: entry for entry, byte for byte."""
    messages = [
        reading(NOW_NS // NS),
        part(1, 1, burst="whole"),
        part(1, 2, burst="half"),
        reading(NOW_NS // NS, sensor="nobody"),
        reading("yesterday"),
        reading(NOW_NS // NS)._replace(payload=b"{"),
        reading(0)._replace(topic="infra/v1/gw-1/status", payload=b'{"v":1,"state":"online"}'),
        part(2, 2, burst="half"),
    ]
    bodies = []
    for name in ("here", "ahead"):
        folder = tmp_path / name
        folder.mkdir()
        pipeline = open_site(folder)
        live = pipeline.live
        decoded = None
        if name == "ahead":
            decoded = decode_ahead(
                messages,
                live.resolver,
                ClockLimits(None, None),
                register_seq=live.register_seq,
                max_payload_bytes=4_000_000,
            )
        report = pipeline.take(messages, now_ns=NOW_NS, decoded=decoded)
        entries = pipeline.journal.entries(after=0)
        bodies.append((report, [entry.body for entry in entries], [entry.outcome for entry in entries]))
        pipeline.journal.close()
    assert bodies[0] == bodies[1]
    assert bodies[0][0].tally["messages_decoded"] > 0
    assert np.isfinite(bodies[0][0].tally["readings_stored"])


def test_an_empty_batch_says_nothing(bench: Bench) -> None:
    bench.reader.obey(UseRegister(1))
    bench.gateways[0].waiting.append(InboxBatch((), ()))
    assert not bench.reader.step()
    assert bench.batches() == []
