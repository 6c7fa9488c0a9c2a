"""How fast ingest is with InfluxDB away and there, and how fast a backlog drains while readings go on coming.

Run by hand: `python -m tests.performance.influx_rates [READINGS OF THE BACKLOG]`. Real nats-server, `schouw ingest`,
and influxd 1.6 behind nginx. Rounds with and without InfluxDB take turns, and ratios within one run are what counts: a
shared machine has no steady pace. The processor time of ingest is given beside the clock's: neighbours change it less.
"""

# ruff: noqa: T201 -- a table for a person

from __future__ import annotations

import contextlib
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from service.status import read_status
from tests.influx_server import InfluxServer
from tests.installation import Installation, publish, stop
from tests.servers import NatsBroker
from tests.unit.service.site import NOW_NS

SENSORS, ROWS = 200, 50
ROUND_READINGS = 200_000
DEFAULT_BACKLOG_READINGS = 600_000
LIVE_READINGS_S = 2_000
ROUNDS = 3
BEGIN_S = NOW_NS // 10**9 - 400 * 86_400


class Fleet:
    """Sensors that publish `ROWS` readings in a message, a second apart, and never the same time twice."""

    def __init__(self) -> None:
        self.sent = 0

    def register(self, folder: Path) -> list[str]:
        assets = "id,name,type,lat,lon,built_year,planned_repair_cost_eur,emergency_repair_cost_eur,closure_hours\n"
        sensors = "asset,sensor,channel,unit,axis,gateway,position,interval_s\n"
        for number in range(SENSORS // 5):
            assets += f"brug-{number},Brug {number},bridge,52.1,5.1,1970,40000,,8\n"
        for number in range(SENSORS):
            sensors += f"brug-{number // 5},s{number},temperature,Cel,,gw-{number % 4},,1\n"
        (folder / "assets.csv").write_text(assets)
        (folder / "sensors.csv").write_text(sensors)
        return [str(folder / "assets.csv"), str(folder / "sensors.csv")]

    def messages(self, readings: int) -> list[tuple[str, bytes]]:
        found = []
        for _ in range(readings // ROWS):
            turn, sensor = divmod(self.sent // ROWS, SENSORS)
            begin = BEGIN_S + turn * ROWS
            rows = [
                {
                    "v": 1,
                    "sensor": f"s{sensor}",
                    "t": begin + row,
                    "values": {"temperature": {"value": 10 + (begin + row) % 97 / 10, "unit": "Cel"}},
                }
                for row in range(ROWS)
            ]
            topic = f"infra/v1/gw-{sensor % 4}/brug-{sensor // 5}/s{sensor}/reading"
            found.append((topic, json.dumps(rows).encode()))
            self.sent += ROWS
        return found


def cpu_s(pid: int) -> float:
    """Give the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(backlog_readings: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="schouw-influx-") as name, contextlib.ExitStack() as ends:
        folder = Path(name)
        broker, influx, fleet = NatsBroker(folder / "broker"), InfluxServer(folder), Fleet()
        site = Installation(
            folder / "data",
            MQTT__PORT=broker.port,
            MQTT__REDELIVERY_SECONDS=2,
            INFLUX__URL=influx.url,
            INFLUX__KIND="1.8",
            INFLUX__BUCKET=influx.database,
        )
        broker.start()
        ends.callback(broker.stop)
        influx.start()
        ends.callback(influx.stop)
        influx.create(influx.database)
        site.call("assets", "import", *fleet.register(folder))
        process = site.start("ingest")
        ends.callback(lambda: stop(process))
        status_file = site.folder / "ingest-status.json"

        def stored() -> int:
            with contextlib.closing(site.journal()) as journal:
                return journal.tally().get("readings_stored", 0)

        def backlog() -> int:
            status = read_status(status_file)
            assert status is not None
            return next(item.backlog_entries for item in status.projections if item.name == "time series")

        def drained() -> bool:
            with contextlib.closing(site.journal()) as journal:
                applied = journal.applied_seq()
            status = read_status(status_file)
            assert status is not None
            return next(item.seq for item in status.projections if item.name == "time series") >= applied

        site.until("a session", lambda: '"broker_connected":true' in read(status_file), seconds=60)

        def round_s() -> tuple[float, float]:
            messages = fleet.messages(ROUND_READINGS)
            used, start = cpu_s(process.pid), time.monotonic()
            publish(broker.port, messages)
            site.until("all stored", lambda: stored() >= fleet.sent, seconds=300)
            return time.monotonic() - start, cpu_s(process.pid) - used

        round_s()  # warm
        taken: dict[str, list[tuple[float, float]]] = {"there": [], "away": []}
        for _ in range(ROUNDS):
            site.until("drained", drained, seconds=300)
            taken["there"].append(round_s())
            site.until("drained", drained, seconds=300)
            influx.stop_influxd()
            taken["away"].append(round_s())
            influx.start_influxd()
        for what, rounds in taken.items():
            rates = [ROUND_READINGS / seconds for seconds, _ in rounds]
            used = [1e6 * cpu / ROUND_READINGS for _, cpu in rounds]
            shown = ", ".join(f"{rate:,.0f}" for rate in rates)
            print(f"InfluxDB {what}: {shown} readings/s; ingest used {statistics.median(used):.1f} µs a reading")
        there, away = (statistics.median(s for s, _ in taken[what]) for what in ("there", "away"))
        print(f"rate away / there: {there / away:.2f}", flush=True)

        site.until("drained", drained, seconds=300)
        influx.stop_influxd()
        began, cpu = time.monotonic(), cpu_s(process.pid)
        for _ in range(0, backlog_readings, ROUND_READINGS):
            publish(broker.port, fleet.messages(ROUND_READINGS))
        site.until("all stored", lambda: stored() >= fleet.sent, seconds=1800)
        seconds, cpu = time.monotonic() - began, 1e6 * (cpu_s(process.pid) - cpu) / backlog_readings
        journal_mb = (site.folder / "journal.sqlite").stat().st_size / 1e6
        rate = backlog_readings / seconds
        print(f"outage: {backlog_readings:,} readings taken at {rate:,.0f} readings/s, {cpu:.1f} µs of processor time")
        print(f"each; journal {journal_mb:,.0f} MB", flush=True)
        live_stop = threading.Event()

        def live() -> None:
            pace = time.monotonic()
            while not live_stop.is_set():
                publish(broker.port, fleet.messages(LIVE_READINGS_S), client_id="live")
                pace += 1.0
                live_stop.wait(max(0.0, pace - time.monotonic()))

        thread = threading.Thread(target=live)
        waiting, before = backlog(), stored()
        thread.start()
        influx.start_influxd()
        start = time.monotonic()
        site.until("drained", lambda: backlog() < 5, seconds=1800)
        seconds, after = time.monotonic() - start, stored()
        live_stop.set()
        thread.join()
        rate = (backlog_readings + after - before) / seconds
        print(f"backlog of {backlog_readings:,} readings in {waiting} entries, {LIVE_READINGS_S:,} live readings/s:")
        print(f"drained in {seconds:.1f} s, {rate:,.0f} readings/s, {rate / LIVE_READINGS_S:.1f} × the live rate")
        site.until("drained", drained, seconds=300)
        found = influx.ask('SELECT count("value") FROM "reading"', database=influx.database)
        print(f"published {fleet.sent:,}, stored {stored():,}, in InfluxDB {json.dumps(found)}")


def read(path: Path) -> str:
    """Give a file's text; empty while it is not there."""
    return path.read_text() if path.is_file() else ""


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_BACKLOG_READINGS)
