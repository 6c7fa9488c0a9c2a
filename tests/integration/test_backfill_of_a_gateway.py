"""Three days of one gateway, sent at once to the real ingest process, which is killed while it scores them again."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from domain.identifiers import AssetId, ChannelName, SensorId
from ingest.formats.project import OutgoingReading, encode_readings
from storage.series import SqliteSeries
from tests.installation import Installation, publish
from tests.servers import RealBroker

pytestmark = pytest.mark.slow

NS = 1_000_000_000
HOUR_NS = 3600 * NS
HOURS = 72
ASSETS = "id,name,type,lat,lon,built_year,planned_repair_cost_eur,emergency_repair_cost_eur,closure_hours\n"
SENSORS = "asset,sensor,channel,unit,axis,gateway,position,interval_s\n"


def write_register(folder: Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"brug-{n},Brug {n},bridge,52.1,5.1,1970,40000,,8\n" for n in (1, 2))
    (folder / "assets.csv").write_text(ASSETS + rows)
    sensors = "".join(f"brug-{n},klimaat,temperature,Cel,,gw-{n},,3600\n" for n in (1, 2))
    (folder / "sensors.csv").write_text(SENSORS + sensors)
    return [str(folder / "assets.csv"), str(folder / "sensors.csv")]


def reading(asset: int, time_ns: int) -> tuple[str, bytes]:
    value = float(time_ns // HOUR_NS % 17)
    one = OutgoingReading(time_ns, {"temperature": (value, "Cel")})
    return encode_readings(f"gw-{asset}", f"brug-{asset}", "klimaat", [one])


def status(site: Installation) -> dict[str, object]:
    path = site.folder / "ingest-status.json"
    found: dict[str, object] = json.loads(path.read_bytes()) if path.is_file() else {}
    return found


def scored(site: Installation, asset: str) -> int:
    """Count the hops of an asset's thermometer in the series."""
    series = SqliteSeries(site.folder / "series.sqlite")
    found = series.hops(AssetId(asset), SensorId("klimaat"), ChannelName("temperature"), limit=1000)
    series.close()
    return len(found)


def test_a_back_fill_is_scored_though_ingest_is_killed_meanwhile(nats_broker: RealBroker, tmp_path: Path) -> None:
    site = Installation(
        tmp_path / "data",
        MQTT__PORT=nats_broker.port,
        MQTT__REDELIVERY_SECONDS=0,
        INGEST__BACKFILL_SETTLE_SECONDS=0.3,
        INGEST__SNAPSHOT_SECONDS=0.5,
    )
    site.call("assets", "import", *write_register(tmp_path / "register"))
    last_ns = time.time_ns() // HOUR_NS * HOUR_NS - 2 * HOUR_NS
    hours = [last_ns - hour * HOUR_NS for hour in range(HOURS, -1, -1)]
    process = site.start("ingest")
    try:
        site.until("session", lambda: bool(status(site).get("broker_connected")), seconds=30)
        publish(nats_broker.port, [reading(2, time_ns) for time_ns in hours])
        publish(nats_broker.port, [reading(1, hours[0]), reading(1, hours[-1])])
        site.until(
            "both assets closed", lambda: scored(site, "brug-1") == 2 and scored(site, "brug-2") > HOURS, seconds=60
        )
        late = [reading(1, time_ns) for time_ns in hours[1:-1]]
        for first in range(0, len(late), 24):
            publish(nats_broker.port, late[first : first + 24])
            time.sleep(0.2 + first / 40)  # before, while and after it scores again
            process.kill()
            process.wait(10)
            process = site.start("ingest")
            publish(nats_broker.port, [reading(2, hours[-1] + (first + 1) * 60 * NS)])
        site.until("all of it scored", lambda: scored(site, "brug-1") == HOURS + 1, seconds=60)
        site.until("nothing waiting", lambda: status(site).get("revisions_waiting") == 0, seconds=30)
    finally:
        process.terminate()
        process.wait(30)
    assert site.journal().tally()["readings_stored"] == 2 * (HOURS + 1) + 3
    doctor = site.call("doctor")
    assert "WRONG" not in doctor.stdout
