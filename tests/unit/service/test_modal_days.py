"""Waveforms of a bridge through the chain: modes at each day's end, however the stream was cut and restarted."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from domain.identifiers import AssetId
from domain.records import Decision, DecisionVerb
from ingest.batch import Message
from service.modal_days import modes_digest
from service.pipeline import Pipeline
from simulator.waveforms import WAVEFORM_SCALE_M_S2, quantise
from storage.entries import DecisionBody
from storage.modal_entries import ModePeriod
from tests.chain import NS, open_chain
from tests.modal_signals import make_blocks
from tests.unit.service.site import HOUR_NS, NOW_NS, open_site, outcomes, reading

DAY_NS = 24 * HOUR_NS
# Midnight, UTC.
BEGIN_NS = NOW_NS - NOW_NS % DAY_NS - 10 * DAY_NS
TRUE_HZ = (3.2, 5.4, 9.1)
DAYS = 6
BRIDGE = AssetId("brug-1")


def waveform(start_ns: int, samples: np.ndarray[tuple[int], np.dtype[np.float64]], *, scale: float) -> Message:
    payload = {
        "v": 1, "sensor": "acc1", "axis": "z", "t0": start_ns / NS, "fs_hz": 100.0, "n": len(samples),
        "unit": "m/s2", "enc": "i16le", "scale": scale,
        "data": base64.b64encode(quantise(samples, scale).astype("<i2").tobytes()).decode(),
    }  # fmt: skip
    return Message("infra/v1/gw-1/brug-1/acc1/waveform", json.dumps(payload).encode(), NOW_NS, retained=False)


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    """Six days: a temperature an hour, a waveform every two."""
    generator = np.random.default_rng(1)
    found = []
    for hour in range(24 * DAYS):
        start_ns = BEGIN_NS + hour * HOUR_NS
        found.append(reading(start_ns // NS, 12.0 + 3.0 * np.sin(hour / 24 * 2 * np.pi)))
        if hour % 2 == 0:
            samples = make_blocks(generator, 1, TRUE_HZ, (0.014, 0.012, 0.011))[0]
            found.append(waveform(start_ns, samples, scale=WAVEFORM_SCALE_M_S2))
    return found


def feed(pipeline: Pipeline, messages: list[Message], *, batch: int) -> None:
    for first in range(0, len(messages), batch):
        pipeline.take(messages[first : first + batch], now_ns=NOW_NS, provisional=False)
        pipeline.close(now_ns=NOW_NS)


def close_all(pipeline: Pipeline) -> None:
    """Let every channel speak after the last day: the stream's clock waits for the slowest."""
    after_ns = BEGIN_NS + DAYS * DAY_NS + 2 * HOUR_NS
    last = [reading(after_ns // NS), waveform(after_ns, np.arange(50.0), scale=1.0)]
    pipeline.take(last, now_ns=NOW_NS, provisional=False)
    pipeline.close(now_ns=NOW_NS, lateness_ns=0)


def periods(pipeline: Pipeline) -> list[ModePeriod]:
    return [period for outcome in outcomes(pipeline) for period in outcome.modes]


@pytest.fixture(scope="module")
def undisturbed(messages: list[Message], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[ModePeriod]]:
    pipeline = open_site(tmp_path_factory.mktemp("undisturbed"))
    feed(pipeline, messages, batch=7)
    close_all(pipeline)
    return modes_digest(pipeline.live.modes), periods(pipeline)


def test_each_day_tells_modes_with_their_uncertainty(undisturbed: tuple[str, list[ModePeriod]]) -> None:
    told = undisturbed[1]
    assert [(period.start_ns, period.end_ns, period.blocks) for period in told] == [
        (BEGIN_NS + day * DAY_NS, BEGIN_NS + (day + 1) * DAY_NS, 12) for day in range(DAYS)
    ]
    assert [[mode.number for mode in period.modes] for period in told] == [[]] * 3 + [[1, 2, 3]] * 3
    for mode, truth in zip(told[-1].modes, TRUE_HZ, strict=True):
        assert abs(mode.frequency_hz - truth) < 4.0 * mode.frequency_sd_hz < 0.02 * truth
    assert told[-1].temperature_degc == pytest.approx(12.0, abs=2.0)
    density = np.frombuffer(told[-1].density, "<f4")
    assert np.sum(density) * told[-1].bin_hz == pytest.approx(1.0, abs=0.01)


def test_order_and_batches_change_no_bit(
    tmp_path: Path, messages: list[Message], undisturbed: tuple[str, list[ModePeriod]]
) -> None:
    pipeline = open_site(tmp_path)
    order = sorted(range(len(messages)), key=lambda place: place + np.random.default_rng(place).uniform(0, 15))
    feed(pipeline, [messages[place] for place in order], batch=40)
    feed(pipeline, messages, batch=50)  # all of them once more
    close_all(pipeline)
    assert (modes_digest(pipeline.live.modes), periods(pipeline)) == undisturbed


def test_a_restart_with_and_without_a_snapshot_changes_no_bit(
    tmp_path: Path, messages: list[Message], undisturbed: tuple[str, list[ModePeriod]]
) -> None:
    pipeline = open_site(tmp_path)
    for number, first in enumerate(range(0, len(messages), 31)):
        feed(pipeline, messages[first : first + 31], batch=10)
        if number % 2:
            pipeline.save()
        before = modes_digest(pipeline.live.modes)
        pipeline.journal.close()
        pipeline = open_chain(tmp_path)
        assert modes_digest(pipeline.live.modes) == before
    close_all(pipeline)
    assert (modes_digest(pipeline.live.modes), periods(pipeline)) == undisturbed


def test_blocks_that_are_short_clipped_at_rest_or_without_a_time_leave_no_spectrum(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    generator = np.random.default_rng(2)
    noise = generator.normal(size=2000)
    untimed = json.loads(waveform(BEGIN_NS, noise, scale=1e-3).payload)
    del untimed["t0"]
    bad = [
        waveform(BEGIN_NS, noise[:100], scale=1e-3),
        waveform(BEGIN_NS + HOUR_NS, 40_000.0 * noise, scale=1e-3),
        waveform(BEGIN_NS + 2 * HOUR_NS, np.zeros(2000), scale=1e-3),
        Message("infra/v1/gw-1/brug-1/acc1/waveform", json.dumps(untimed).encode(), NOW_NS, retained=False),
    ]
    report = pipeline.take(bad, now_ns=NOW_NS, provisional=False)
    assert report.tally["readings_decoded"] >= 15
    assert pipeline.live.modes == {}
    pipeline.take([waveform(BEGIN_NS, noise, scale=1e-3)], now_ns=NOW_NS, provisional=False)
    assert pipeline.live.modes == {}  # its time is that of the short block: a duplicate
    pipeline.take([waveform(BEGIN_NS + 3 * HOUR_NS, noise, scale=1e-3)], now_ns=NOW_NS, provisional=False)
    assert list(pipeline.live.modes) == [BRIDGE]


def test_accepting_what_a_structure_has_become_begins_a_new_reference(tmp_path: Path, messages: list[Message]) -> None:
    pipeline = open_site(tmp_path)
    feed(pipeline, messages[:72], batch=72)
    close_all(pipeline)
    (group,) = pipeline.live.modes[BRIDGE].groups
    assert group.reference_periods > 0
    decision = Decision(
        id="d-1",
        asset=BRIDGE,
        verb=DecisionVerb.ACCEPT_NORMAL,
        seq=0,
        decided_by="a.jansen",
        reason="resurfaced",
        decided_at_ns=NOW_NS,
    )
    pipeline.live.decide(DecisionBody(decision=decision, alarm_kind=None), pipeline.live.applied_seq + 1)
    (group,) = pipeline.live.modes[BRIDGE].groups
    assert group.reference_periods == 0
