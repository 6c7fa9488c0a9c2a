import base64
import json
import threading
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import welch

from domain.arrays import FloatArray
from ingest.register import read_register
from service.streaming import write_stream_register
from simulator.outbox import Outbox
from simulator.progress import Checkpoint, Saved
from simulator.stream import StreamPlan, WaveformStream, publish_stream
from tests.unit.simulator.test_publish import FakeBroker

PLAN = StreamPlan(seed=3, sensors=3, sampling_rate_hz=200.0, block=500, start_ns=0)


def record(plan: StreamPlan, rounds: int) -> FloatArray:
    stream = WaveformStream(plan)
    return np.concatenate([stream.next_round() for _ in range(rounds)], axis=1)


def test_blocks_of_a_sensor_join_without_a_seam_and_have_its_frequency() -> None:
    signal = record(PLAN, 400)
    stream = WaveformStream(PLAN)
    for sensor in range(3):
        grid_hz, power = welch(signal[sensor], 200.0, nperseg=2**13)
        near = grid_hz < 1.3 * stream.fundamental_hz[sensor]
        assert grid_hz[near][np.argmax(power[near])] == pytest.approx(stream.fundamental_hz[sensor], rel=0.02)
    # A seam would jump: across it samples are as near to each other as anywhere else.
    steps = np.abs(np.diff(signal, axis=1))
    assert steps[:, 499::500].mean() == pytest.approx(steps.mean(), rel=0.1)
    assert signal.std() == pytest.approx(0.05, rel=0.2)


def test_the_same_seed_gives_the_same_bytes_and_another_others() -> None:
    def payloads(plan: StreamPlan) -> list[bytes]:
        return [message.payload for message in WaveformStream(plan).messages()]

    assert payloads(PLAN) == payloads(PLAN)
    assert payloads(PLAN) != payloads(StreamPlan(4, 3, 200.0, 500, 0))


def outbox_with(broker_of: dict[str, FakeBroker]) -> Outbox:
    def connect(hooks: object) -> FakeBroker:
        broker_of["it"] = FakeBroker(hooks)  # type: ignore[arg-type]
        return broker_of["it"]

    checkpoint = Checkpoint(None, Saved("stream", 0, 0, 1))
    return Outbox(connect, checkpoint, days=1, window=80, stop=threading.Event(), report=lambda _: None)


def test_a_stream_publishes_every_block_of_its_time_in_order() -> None:
    broker: dict[str, FakeBroker] = {}
    result = publish_stream(PLAN, outbox_with(broker), seconds=10.0, is_paced=False)
    assert (result.messages, result.samples) == (12, 6000)
    blocks = [json.loads(payload) for _, payload in broker["it"].received]
    assert [block["t0"] for block in blocks[::3]] == [
        "1970-01-01T00:00:00Z", "1970-01-01T00:00:02.500Z", "1970-01-01T00:00:05Z", "1970-01-01T00:00:07.500Z",
    ]  # fmt: skip
    assert len({topic for topic, _ in broker["it"].received}) == 3
    raw = np.frombuffer(base64.b64decode(blocks[0]["data"]), "<i2")
    assert len(raw) == blocks[0]["n"] == 500


def test_a_paced_stream_keeps_to_its_clock() -> None:
    plan = StreamPlan(seed=3, sensors=2, sampling_rate_hz=1000.0, block=100, start_ns=0)
    result = publish_stream(plan, outbox_with({}), seconds=0.6, is_paced=True)
    assert result.messages == 12
    assert result.seconds >= 0.5


def test_its_register_is_one_that_our_import_reads(tmp_path: Path) -> None:
    write_stream_register(PLAN, tmp_path)
    register = read_register([tmp_path / "assets.csv", tmp_path / "sensors.csv"])
    assert [asset.id for asset in register.assets] == ["stroom-000001", "stroom-000002", "stroom-000003"]
    assert {channel.interval_s for channel in register.channels} == {2.5}
