"""The short form of `make fuzz`, and that it would find what it looks for."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Sequence

import pytest

from ingest.batch import Message, MessageOutcome, decode_batch
from tests.performance import fuzz as module
from tests.performance.fuzz import FuzzReport, fuzz
from tests.performance.fuzz_payloads import fuzzed_messages, valid_messages
from tests.unit.ingest.room import Room


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_no_fuzzed_payload_gets_past_the_decoders_own_error(seed: int) -> None:
    report = fuzz(10_000, seed=seed)
    assert report.failures == []
    assert report.payloads == 10_000
    # It reaches everywhere: every outcome that decoding alone can tell, and nearly every code.
    assert set(report.outcomes) == {outcome.name for outcome in MessageOutcome} - {MessageOutcome.REPEATED.name}
    assert len(report.codes) >= 12


def test_no_fuzzed_payload_stops_the_chain_or_leaves_the_accounts() -> None:
    report = fuzz(2_000, seed=3, through_chain=True)
    assert report.failures == []
    assert report.outcomes["readings stored"] > 100


def test_what_is_mutated_was_valid() -> None:
    room = Room()
    messages = list(itertools.islice(valid_messages(random.Random(1)), 500))
    decoded = decode_batch(messages, room.resolver, room.limits)
    refused = [messages[item.message].payload for item in decoded.dead_letters if item.whole]
    assert [payload for payload in refused if payload != b"[]"] == []


def test_the_same_seed_gives_the_same_messages() -> None:
    first, second, other = (list(itertools.islice(fuzzed_messages(seed), 300)) for seed in (5, 5, 6))
    assert first == second
    assert first != other


@pytest.mark.parametrize("fault", ["raises", "hangs"])
def test_a_decoder_that_fails_is_found_with_the_message_that_does_it(
    monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(module, "_HANG_S", 0.2)
    bad = next(message for message in fuzzed_messages(4) if message.payload.startswith(b"{") and message.retained)

    def decoders(_report: FuzzReport) -> object:
        def take(messages: Sequence[Message]) -> None:
            if bad in messages:
                if fault == "raises":
                    raise KeyError("sensor")
                time.sleep(5)

        return take

    monkeypatch.setattr(module, "_decoders", decoders)
    report = fuzz(1_000, seed=4)
    assert len(report.failures) == 1
    assert ("KeyError('sensor')" if fault == "raises" else "not done within") in report.failures[0]
    assert repr(bad.payload[:300]) in report.failures[0]
