"""Clients that nobody here wrote: curl, pandas, and the GIS library GDAL, over a real HTTP server."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyogrio
import pytest

from domain.records import AlarmState, RiskState
from domain.register import Asset
from storage.protocols import DecisionDraft
from tests.api_server import serving
from tests.servers import require_server
from tests.unit.api.samples import make_alarm, make_risk
from tests.unit.api.sql_town import SqlTown
from tests.unit.api.town import SETTINGS, Town, make_town


@pytest.fixture
def sql(tmp_path: Path) -> SqlTown:
    town: Town = make_town()
    town.settings = replace(SETTINGS, allowed_hosts=("127.0.0.1",))
    rows: list[Asset] = town.store.asset_rows
    for n, asset in enumerate(rows[:4]):  # the last one has no place
        rows[n] = replace(asset, lat=51.40 + n / 100, lon=5.40 + n / 50)
    return SqlTown(tmp_path, town)


@pytest.fixture
def address(sql: SqlTown) -> Iterator[str]:
    with serving(sql.rooms) as found:
        yield found


def curl(*words: str) -> str:
    return subprocess.run([require_server("curl"), "-sS", *words], check=True, capture_output=True, text=True).stdout


def test_curl_gets_304_for_what_it_holds(address: str, tmp_path: Path) -> None:
    kept, body = str(tmp_path / "etag"), str(tmp_path / "body")
    for expected in ("200", "304", "304"):
        words = ("--compressed", "--etag-save", kept, "--etag-compare", kept, "-o", body, "-w", "%{http_code}")
        assert curl(*words, f"{address}/v1/risks") == expected
    assert len(json.loads(Path(body).read_text())["items"]) == 4


def test_curl_sees_only_the_head(address: str) -> None:
    assert curl("-I", f"{address}/v1/risks").startswith("HTTP/1.1 200 OK")


def test_pandas_reads_the_tables(address: str) -> None:
    risks = pd.read_csv(f"{address}/v1/risks?format=csv")
    assert list(risks["asset.id"]) == ["brug-042", "sluis-7", "weg-12", "tunnel-1"]
    assert risks["probabilityOfFailure.90.value"].tolist() == [0.31, 0.31, 0.02, 0.31]
    assert pd.to_datetime(risks["assessedAt"]).dt.tz is not None
    alarms = pd.read_csv(f"{address}/v1/alarms?format=csv")
    assert sorted(alarms["state"]) == ["cleared", "open", "open"]
    plans = pd.read_csv(f"{address}/v1/plans?format=csv", parse_dates=["dueOn"])
    assert plans["dueOn"][0] == pd.Timestamp("2026-10-05")


# Of pyogrio 0.13 with NumPy 2.5, when it reads times.
@pytest.mark.filterwarnings("ignore:The 'generic' unit for NumPy timedelta:DeprecationWarning")
def test_a_gis_library_reads_the_features(address: str, tmp_path: Path) -> None:
    path = tmp_path / "risks.geojson"
    path.write_text(curl(f"{address}/v1/ogc/collections/risks/items"))
    info = pyogrio.read_info(path)
    assert (info["features"], info["geometry_type"]) == (4, "Point")
    assert "4326" in info["crs"]
    frame = pyogrio.raw.read(path)
    assert "probabilityOfFailure90Days" in list(frame[0]["fields"])
    assert pyogrio.read_bounds(path)[1].shape == (4, 4)


@pytest.mark.slow
def test_a_box_and_pages_narrow_the_features(address: str) -> None:
    items = f"{address}/v1/ogc/collections/risks/items"
    boxed = json.loads(curl("-g", f"{items}?bbox=5.39,51.39,5.43,51.415"))
    assert sorted(feature["id"] for feature in boxed["features"]) == ["brug-042", "sluis-7"]
    assert boxed["numberMatched"] == boxed["numberReturned"] == 2
    page = json.loads(curl(f"{items}?limit=3"))
    (following,) = [link["href"] for link in page["links"] if link["rel"] == "next"]
    rest = json.loads(curl(f"{address}{following}"))
    assert [feature["id"] for feature in page["features"] + rest["features"]] == [
        "brug-042", "sluis-7", "weg-12", "tunnel-1",
    ]  # fmt: skip
    for wrong in ("1,2,3", "a,b,c,d", "0,10,1,5", "nan,0,1,1", "999,0,1,1"):
        assert curl("-g", "-o", "/dev/null", "-w", "%{http_code}", f"{items}?bbox={wrong}") == "400"
    assert "content-crs: <http://www.opengis.net/def/crs/ogc/1.3/crs84>" in curl("-I", items).lower()


@pytest.mark.parametrize(
    "path", ["", "/conformance", "/collections", "/collections/alarms", "/collections/plans/items"]
)
def test_the_map_interface_describes_itself(address: str, path: str) -> None:
    body = json.loads(curl(f"{address}/v1/ogc{path}"))
    assert {"links", "conformsTo"} & set(body)


def events(text: str) -> list[dict[str, str]]:
    blocks = [block for block in text.replace("\r\n", "\n").split("\n\n") if "data:" in block]
    return [dict(line.split(": ", 1) for line in block.splitlines() if ": " in line) for block in blocks]


def change(sql: SqlTown, n: int) -> None:
    sql.project(make_risk("brug-042", RiskState.WATCH, float(n)))
    sql.project(alarms=[make_alarm("brug-042", 12, state=AlarmState.CONFIRMED)])
    first = sql.town.decisions.links[0]
    sql.town.decisions.append(DecisionDraft(first.asset, first.verb, "A", f"{n}", due_on="2026-10-06"), decided_at_ns=n)


@pytest.mark.slow
def test_a_listener_that_broke_off_goes_on_where_it_was(address: str, sql: SqlTown) -> None:
    begin = events(curl("--max-time", "20", f"{address}/v1/events?once=true"))
    assert [event["event"] for event in begin] == ["ready"]
    change(sql, 1)
    told = events(curl("-H", f"Last-Event-ID: {begin[0]['id']}", f"{address}/v1/events?once=true"))
    assert [event["event"] for event in told] == ["ready", "risk", "alarm", "decision"]
    assert json.loads(told[1]["data"])["state"] == "watch"
    assert json.loads(told[3]["data"])["decidedBy"] == "A"
    after_risk = events(curl("-H", f"Last-Event-ID: {told[1]['id']}", f"{address}/v1/events?once=true"))
    assert [event["event"] for event in after_risk] == ["ready", "alarm", "decision"]
    assert len(events(curl("-H", f"Last-Event-ID: {told[-1]['id']}", f"{address}/v1/events?once=true"))) == 1
    for wrong in ("x", "W10", "WzEsMl0"):
        words = ("-H", f"Last-Event-ID: {wrong}", "-o", "/dev/null", "-w", "%{http_code}")
        assert curl(*words, f"{address}/v1/events?once=true") == "400"


@pytest.mark.slow
def test_a_change_reaches_a_listener_within_two_seconds(address: str, sql: SqlTown) -> None:
    later = threading.Timer(1.0, change, (sql, 2))
    later.start()
    with subprocess.Popen(
        [require_server("curl"), "-sSN", "--max-time", "30", f"{address}/v1/events"], stdout=subprocess.PIPE, text=True
    ) as listening:
        assert listening.stdout is not None
        for line in listening.stdout:
            if line.startswith("event: risk"):
                break
        waited = time.monotonic()
        later.join()
        listening.terminate()
    assert time.monotonic() - waited < 2
