"""How long a killed ingest takes, from its start to the first new score, with ten thousand sensors.

Run by hand: `python -m tests.performance.restart`. A register of 2,000 assets with 5 sensors each, two days of hourly
readings learned and saved, and behind the last snapshot what ten seconds bring at 2,000 readings a second. Then ingest
is started on a real nats-server where a reading waits, killed with SIGKILL after its first new score, and so on.
"""

# ruff: noqa: T201 -- a table for a person

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from ingest.batch import Message
from service.register_commands import import_assets
from tests.chain import ARRIVAL_NS, open_chain
from tests.installation import Installation, publish
from tests.performance.influx_rates import cpu_s
from tests.servers import NatsBroker

ASSETS, SENSORS = 2_000, 5
HOURS = 48
ROUNDS = 4
BEGIN_S = 1_735_689_600
CHANNELS = (
    ("temperature", "Cel", ""),
    ("vibration_rms", "mm/s", "z"),
    ("strain", "um/m", ""),
    ("tilt", "mrad", ""),
    ("humidity", "%RH", ""),
)


def message(asset: int, sensor: int, hour: int) -> Message:
    """Give one reading; the deeper the night the colder."""
    channel, unit, axis = CHANNELS[sensor]
    value = {"value": 10 + float(np.sin(hour / 4 + asset)), "unit": unit} | ({"axis": axis} if axis else {})
    payload = {"v": 1, "sensor": f"s{sensor}", "t": BEGIN_S + 3600 * hour + asset % 60, "values": {channel: value}}
    topic = f"infra/v1/gw-{asset % 20}/a{asset}/s{sensor}/reading"
    return Message(topic, json.dumps(payload).encode(), ARRIVAL_NS, retained=False)


def furnish(folder: Path) -> str:
    """Make the installation and give the hash of its state."""
    pipeline = open_chain(folder)
    assets = "id,name,type,lat,lon,built_year,planned_repair_cost_eur,emergency_repair_cost_eur,closure_hours\n"
    sensors = "asset,sensor,channel,unit,axis,gateway,position,interval_s\n"
    for asset in range(ASSETS):
        assets += f"a{asset},A {asset},bridge,52.1,5.1,1970,40000,,8\n"
        for sensor, (channel, unit, axis) in enumerate(CHANNELS):
            sensors += f"a{asset},s{sensor},{channel},{unit},{axis},gw-{asset % 20},,3600\n"
    (folder / "assets.csv").write_text(assets)
    (folder / "sensors.csv").write_text(sensors)
    import_assets(pipeline.journal, [folder / "assets.csv", folder / "sensors.csv"], at_ns=0)
    pipeline.catch_up()
    for hour in range(HOURS):
        messages = [message(asset, sensor, hour) for asset in range(ASSETS) for sensor in range(SENSORS)]
        if hour == HOURS - 2:  # twice ten thousand readings: ten seconds at 2,000 a second
            pipeline.save()
            pipeline.journal.prune(upto=pipeline.live.applied_seq)
        for first in range(0, len(messages), 2000):
            pipeline.take(messages[first : first + 2000], now_ns=ARRIVAL_NS)
        pipeline.close(now_ns=ARRIVAL_NS)
    pipeline.journal.close()
    return pipeline.live.digest()


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="schouw-restart-") as name, contextlib.ExitStack() as ends:
        folder = Path(name)
        digest = furnish(folder / "data")
        broker = NatsBroker(folder / "broker")
        site = Installation(
            folder / "data", MQTT__PORT=broker.port, INGEST__CLOCK="stream", INGEST__SNAPSHOT_SECONDS=3600
        )
        broker.start()
        ends.callback(broker.stop)
        rounds: list[tuple[float, float]] = []
        for number in range(ROUNDS + 1):  # the first one makes the session and fills the stores
            with contextlib.closing(site.journal()) as journal:
                before = journal.last_seq()
                if number:
                    waiting = message(number, 0, HOURS)
                    publish(broker.port, [(waiting.topic, waiting.payload)])
                start = time.monotonic()
                process = site.start("ingest")
                try:
                    if not number:
                        site.until("a session", lambda: b'"broker_connected":true' in status(site), seconds=120)
                        continue
                    found = False
                    while not found and time.monotonic() < start + 120:
                        entries = journal.entries(after=before)
                        found = any(entry.outcome.current for entry in entries)
                        time.sleep(0.01)
                    rounds.append((time.monotonic() - start, cpu_s(process.pid)))
                finally:
                    process.kill()
                    process.wait(10)
        for seconds, used in rounds:
            print(f"restart to first new score: {seconds:.2f} s, {used:.2f} s of processor time")
        doctor = site.call("doctor", check=False).stdout
        # The readings of the rounds are in open hops; what was learned is what it was.
        print("state as before:", digest in doctor)


def status(site: Installation) -> bytes:
    """Give the status file; empty while there is none."""
    path = site.folder / "ingest-status.json"
    return path.read_bytes() if path.is_file() else b""


if __name__ == "__main__":
    main()
