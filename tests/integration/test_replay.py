"""History published at full speed with its own times is served like live data."""

from __future__ import annotations

import csv
import gzip
import json
import math
import random
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.formats.project import OutgoingReading, encode_readings
from tests.installation import Installation, has_come_to_rest, publish
from tests.lengths import either

pytestmark = pytest.mark.slow

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
NS = 1_000_000_000
HOUR_NS = 3600 * NS
START_NS = 1_577_836_800 * NS  # 2020-01-01
DAYS = either(300, long=730)


def stream_site(folder: Path) -> Installation:
    return Installation(folder, INGEST__PAUSE_SECONDS=2, MQTT__REDELIVERY_SECONDS=0.5)


def ready(site: Installation) -> bool:
    return bool((site.get("/readyz") or {}).get("ready"))


def paused(site: Installation) -> bool:
    """Tell whether the stream has paused and what is complete was closed and projected."""
    return has_come_to_rest(site.folder / "journal.sqlite") and site.is_projected()


def test_a_real_bridge_record_is_replayed_and_its_damage_is_alarmed(tmp_path: Path) -> None:
    """Four natural frequencies of a real bridge: 192 healthy hours, then 24 damaged ones."""
    record = SHARED / "shm" / "yonghe_fdd_hourly.csv.gz"
    if not record.is_file():
        pytest.skip("the public benchmark data are not beside this checkout; put them into ../shared/data")
    site = stream_site(tmp_path / "data")
    with site.running("run", "--replay"):
        site.until("ready", lambda: ready(site), seconds=120)
        values = [item for k in range(1, 5) for item in ("--value", f"f{k}=natural_frequency_{k}:Hz")]
        mapping = ("--time", "hour", "--time-unit", "hours", "--asset", "yonghe", "--onboard", "bridge")
        answer = site.call("replay", str(record), *mapping, *values)
        assert re.fullmatch(r"Published \d messages; the broker has acknowledged all\.\n", answer.stdout)
        site.until("closed", lambda: paused(site), seconds=60)
        site.until("risk", lambda: site.get("/v1/assets/yonghe/risk") is not None, seconds=20)
        alarms = site.get("/v1/alarms?asset=yonghe")["items"]
        risk = site.get("/v1/assets/yonghe/risk")
    with gzip.open(record, "rt") as text:
        damaged_from = next(int(float(row["hour"])) for row in csv.DictReader(text) if int(row["damaged"]))
    hours = [hour_of(alarm["raisedAt"]) for alarm in alarms if alarm["kind"].startswith("condition.")]
    assert [hour for hour in hours if hour >= damaged_from], alarms
    assert len([hour for hour in hours if hour < damaged_from]) <= 1, alarms
    assert risk["state"] == "act"


def hour_of(text: str) -> float:
    return (datetime.fromisoformat(text).timestamp() - START_NS / NS) / 3600


def test_a_long_history_from_any_client_at_full_speed(tmp_path: Path) -> None:
    """A client that knows nothing of us publishes asset after asset, years of each, a week in a message."""
    register = tmp_path / "register"
    register.mkdir()
    heading = "id,name,type,lat,lon,built_year,planned_repair_cost_eur,emergency_repair_cost_eur,closure_hours\n"
    assets = [f"brug-{n}" for n in (1, 2)]
    (register / "assets.csv").write_text(heading + "".join(f"{a},{a},bridge,52,5,1970,40000,,8\n" for a in assets))
    rows = "".join(
        f"{a},trilling,natural_frequency_1,Hz,,gw-{a},,21600\n{a},klimaat,temperature,Cel,,gw-{a},,21600\n"
        for a in assets
    )
    (register / "sensors.csv").write_text("asset,sensor,channel,unit,axis,gateway,position,interval_s\n" + rows)
    site = stream_site(tmp_path / "data")
    with site.running("run", "--replay"):
        site.until("ready", lambda: ready(site), seconds=120)
        site.call("assets", "import", str(register / "assets.csv"), str(register / "sensors.csv"))
        for asset in assets:
            publish(site.mqtt_port, long_history(asset), client_id=f"gw-{asset}")
        site.until("closed", lambda: paused(site), seconds=120)
        tally = site.journal().tally()
        assert tally["readings_stored"] == len(assets) * 2 * DAYS * 4
        for asset in assets:
            site.until("risk", lambda: history(site, asset) is not None, seconds=60)  # noqa: B023 -- called at once
            series = site.get(f"/v1/assets/{asset}/series?sensor=trilling&channel=natural_frequency_1&pageSize=500")
            assert len(series["items"]) == 500
            items = history(site, asset) or []
            assert items[0]["assessedAt"] >= day_of(DAYS - 3)
            assert items[-1]["assessedAt"] <= day_of(DAYS - 6)
            assert items[0]["state"] in {"ok", "watch"}
    assert "WRONG" not in site.call("doctor").stdout


def history(site: Installation, asset: str) -> list[dict[str, str]] | None:
    answer = site.get(f"/v1/assets/{asset}/risk/history?pageSize=10")
    return answer["items"] if answer and answer["items"] else None


def day_of(days: int) -> str:
    return datetime.fromtimestamp(START_NS / NS + 86_400 * days, UTC).date().isoformat()


def long_history(asset: str) -> list[tuple[str, bytes]]:
    """Readings of a healthy bridge every six hours, first a week of one sensor, then of the other."""
    generator = random.Random(asset)
    found = []
    for week in range(0, DAYS * 4, 28):
        steps = range(week, min(week + 28, DAYS * 4))
        temperatures = [10 + 9 * math.sin(step / 1461 * 2 * math.pi - 1.9) + generator.gauss(0, 3) for step in steps]
        times = [START_NS + step * 6 * HOUR_NS for step in steps]
        tone = [2.5 - 0.004 * degrees + generator.gauss(0, 0.006) for degrees in temperatures]
        found.append(message(asset, "trilling", "natural_frequency_1", "Hz", times, tone))
        found.append(message(asset, "klimaat", "temperature", "Cel", times, temperatures))
    return found


def message(
    asset: str, sensor: str, channel: str, unit: str, times: list[int], values: list[float]
) -> tuple[str, bytes]:
    readings = [OutgoingReading(t, {channel: (v, unit)}) for t, v in zip(times, values, strict=True)]
    topic, payload = encode_readings(f"gw-{asset}", asset, sensor, readings)
    assert isinstance(json.loads(payload), list)
    return topic, payload
