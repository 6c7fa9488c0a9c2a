"""By the wall's clock, ingest comes back to more messages than a broker has under way: as if it had never been away."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from ingest.batch import Message
from ingest.formats.project import OutgoingReading, encode_readings, encode_waveform
from service.nats_configuration import ACK_PENDING
from service.pipeline import Pipeline
from service.register_commands import import_assets
from service.settings import load_settings
from tests.chain import NS, open_chain
from tests.faults.evidence import Evidence, evidence_of
from tests.installation import Installation, publish
from tests.lengths import either
from tests.servers import NatsBroker, running
from tests.unit.service.site import WALL, project, write_register

pytestmark = pytest.mark.slow

HOUR_NS = 3600 * NS
ASSETS = tuple(f"brug-{number}" for number in range(12))
HOURS_BEFORE, HOURS_AWAY = 24, either(30, long=72)
# Messages of one filter that the embedded broker has under way.
UNDER_WAY = either(1_700, long=ACK_PENDING)


class Sent(NamedTuple):
    time_ns: int
    topic: str
    payload: bytes


def published(begin_ns: int, hours: int) -> list[Sent]:
    """Give a thermometer every ten minutes and an accelerometer every hour, of each asset, in the order of time."""
    generator = np.random.default_rng(begin_ns)
    found: list[Sent] = []
    for time_ns in range(begin_ns, begin_ns + hours * HOUR_NS, HOUR_NS // 6):
        for asset in ASSETS:
            value = round(10.0 + 5.0 * math.sin(time_ns / HOUR_NS / 12 * math.pi) + generator.normal(), 2)
            told = OutgoingReading(time_ns, {"temperature": (value, "Cel")})
            found.append(Sent(time_ns, *encode_readings("gw-1", asset, "klimaat", [told])))
            if time_ns % HOUR_NS == 0:
                samples = (300 * generator.normal(size=64)).astype(np.int16)
                message = encode_waveform(
                    "gw-1", asset, "acc1", axis="z", start_ns=time_ns, sampling_rate_hz=100.0, unit="m/s2",
                    scale=0.001, samples=samples,
                )  # fmt: skip
                found.append(Sent(time_ns, *message))
    return found


def hear(pipeline: Pipeline, messages: Sequence[Sent]) -> None:
    """Take messages a second after their time, and close hours as they end."""
    for hour, group in groupby(messages, lambda sent: sent.time_ns // HOUR_NS):
        heard = [Message(item.topic, item.payload, item.time_ns + NS, retained=False) for item in group]
        pipeline.take(heard, now_ns=(hour + 1) * HOUR_NS)
        pipeline.close(now_ns=(hour + 1) * HOUR_NS)


def never_away(folder: Path, messages: Sequence[Sent], now_ns: int) -> Evidence:
    pipeline = open_chain(folder, policy=WALL)
    hear(pipeline, messages)
    pipeline.close(now_ns=now_ns)
    state = pipeline.live.digest()
    project(folder, pipeline)
    pipeline.journal.close()
    return evidence_of(load_settings({"data_dir": folder}), state)


@pytest.mark.parametrize(("hold_s", "batch"), [(8, 2000), (1, 100)], ids=["read in time", "longer than the hold"])
def test_nothing_is_lost_late_or_called_silent(tmp_path: Path, hold_s: int, batch: int) -> None:
    """Clocks were said to have jumped, and where reading took longer than hops were held each sensor was silent."""
    # The last hop may close at once: its hour, and what is waited for behind it, are over.
    now_ns = (time.time_ns() - WALL.lateness_ns - 60 * NS) // HOUR_NS * HOUR_NS
    begin_ns = now_ns - HOURS_AWAY * HOUR_NS
    data = tmp_path / "data"
    before = open_chain(data, policy=WALL)
    sensors = "{0},klimaat,temperature,Cel,,gw-1,,600\n{0},acc1,waveform,m/s2,z,gw-1,,3600\n"
    register = write_register(tmp_path, "".join(map(sensors.format, ASSETS)), assets=ASSETS)
    import_assets(before.journal, register, at_ns=begin_ns)
    before.catch_up()
    hear(before, published(begin_ns - HOURS_BEFORE * HOUR_NS, HOURS_BEFORE))
    before.save()
    before.journal.close()
    shutil.copytree(data, tmp_path / "never away")
    messages = published(begin_ns, HOURS_AWAY)
    assert sum(item.topic.endswith("reading") for item in messages) > UNDER_WAY
    wanted = never_away(tmp_path / "never away", messages, now_ns + WALL.lateness_ns)

    embedded = NatsBroker(tmp_path / "broker", ack_wait_seconds=1 if hold_s < 5 else 5, max_ack_pending=UNDER_WAY)
    with running(embedded) as broker:
        site = Installation(data, MQTT__PORT=broker.port, MQTT__REDELIVERY_SECONDS=hold_s, INGEST__BATCH_MESSAGES=batch)

        def says(**parts: Any) -> bool:
            path = data / "ingest-status.json"
            status = json.loads(path.read_bytes()) if path.is_file() else {}
            return all(status.get(name) == value for name, value in parts.items())

        with site.running("ingest"):
            site.until("a session", lambda: says(broker_connected=True), seconds=60)
        publish(broker.port, [(item.topic, item.payload) for item in messages])
        with site.running("ingest"):
            site.until("all stored", lambda: site.journal().tally()["readings_stored"] >= wanted.stored, seconds=120)
            site.until("hops closed", lambda: says(open_readings=0, revisions_waiting=0), seconds=60)
            site.until("tables written", site.is_projected, seconds=60)
        doctor = site.call("doctor").stdout
    state = doctor.split("model state: ")[1].split()[0]
    assert "WRONG" not in doctor
    assert wanted.differences(evidence_of(load_settings({"data_dir": data}), state)) == []
