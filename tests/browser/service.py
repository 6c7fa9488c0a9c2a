"""What the browser's tests look at: a demo that runs, and a large fleet that is only served."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec

from api.times import parse_time_ns
from domain.access import Role
from domain.identifiers import AssetId
from domain.measurements import DataQuality
from domain.records import RiskState
from storage.access import AccessStore, Session
from storage.advisory import rank_key
from storage.database import open_database, sqlite_address, upgrade_access_schema, upgrade_schema
from storage.journal import Journal
from storage.tables import alarm_table, asset_table, channel_table, risk_table
from tests.installation import Installation
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET
from tests.unit.api.samples import DAY_NS, HOUR_NS, make_alarm, make_asset, make_risk

DAYS = 90
SPEED = 6 * 86_400  # ninety days in fifteen seconds
SCENARIO = str(Path(__file__).with_name("scenario.toml"))
DEMO = ("run", "--demo", "--scenario", SCENARIO, "--no-live", "--start", "2025-02-01", "--speed", str(SPEED))
START_NS = 1_738_368_000_000_000_000


def is_complete(site: Installation) -> bool:
    """Tell whether the last day of the history has been assessed and is shown."""
    ranked = (site.get("/v1/risks") or {"items": []})["items"]
    newest = max((parse_time_ns(item["assessedAt"]) for item in ranked), default=0)
    return newest >= START_NS + (DAYS - 1) * DAY_NS


def alarms_stored(site: Installation) -> set[str]:
    """Give the identifiers of the alarms in the operational store, without asking the API."""
    path = site.folder / "demo" / "operational.sqlite"
    if not path.is_file():
        return set()
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
    try:
        return {row[0] for row in db.execute("SELECT id FROM alarm WHERE state = 'open'")}
    except sqlite3.OperationalError:
        return set()
    finally:
        db.close()


def watch(seconds: float, done: Callable[[], bool], look: Callable[[], None]) -> None:
    """Look again and again until something is done."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise AssertionError(f"not done within {seconds:g} s")
        look()
        time.sleep(0.05)


def fill_fleet(folder: Path, *, assets: int, alarms: int) -> None:
    """Write a fleet into the stores of a folder as the projection would; names are long, states mixed."""
    folder.mkdir(parents=True)
    Journal(folder / "journal.sqlite").close()
    engine = open_database(sqlite_address(folder / "operational.sqlite"))
    upgrade_schema(engine)
    now_ns = time.time_ns()
    states = list(RiskState)
    fleet, risks, channels = [], [], []
    for number in range(assets):
        name = f"Fietsbrug over de Oude Rijn ter hoogte van kilometer {number}, Zuidelijke Randweg"
        asset = make_asset(f"a{number:05}", name, lat=51.5 + number % 100 / 100, lon=4.5 + number // 100 / 100)
        asset = replace(asset, emergency_repair_cost_eur=10_000.0 * (1 + number % 150))
        fleet.append({"id": asset.id, "detail": msgspec.to_builtins(asset), "revision": 1})
        state = states[number % 4] if number < 400 else RiskState.OK
        risk = make_risk(asset.id, state, float(number), assessed_at_ns=now_ns - HOUR_NS)
        if state is RiskState.INSUFFICIENT_DATA:
            risk = replace(risk, data_quality=DataQuality.NONE, health_index=None, indicative_condition=None)
        key = rank_key(risk)
        risks.append(
            {
                "asset": asset.id,
                "state_rank": key.state_rank,
                "negative_cost_eur": key.negative_cost_eur,
                "assessed_at_ns": risk.assessed_at_ns,
                "provisional": False,
                "detail": msgspec.to_builtins(risk),
                "revision": 1,
            }
        )
        channels.append(
            {
                "asset": asset.id,
                "sensor": "acc1",
                "channel": "vibration_rms.z",
                "number": number + 1,
                "unit": "mm/s",
                "gateway": f"gw-{number % 50}",
                "role": "condition",
                "interval_s": 3600.0,
                "quality": "high",
                "last_time_ns": now_ns - HOUR_NS,
                "last_value": 0.4,
                "revision": 1,
            }
        )
    called = [
        msgspec.to_builtins(
            make_alarm(f"a{number:05}", number % 30, id=f"x{number}", raised_at_ns=now_ns - number * HOUR_NS)
        )
        for number in range(alarms)
    ]
    columns = {column.name for column in alarm_table.c}
    called = [{name: row[name] for name in columns} for row in called]
    with engine.begin() as db:
        for table, rows in (
            (asset_table, fleet),
            (risk_table, risks),
            (channel_table, channels),
            (alarm_table, called),
        ):
            if rows:
                db.execute(table.insert(), rows)
    engine.dispose()


def write_organisations(folder: Path, issuer: str) -> Path:
    """Write down two organisations whose people log in at the same provider; the first owns the fleet."""
    (folder / "provider.secret").write_text(CLIENT_SECRET)
    tables = []
    for name, title in (("oost", "Gemeente Oost"), ("west", "Gemeente West")):
        contact = f'contact_name = "Team Beheer"\ncontact_url = "https://{name}.test/"\n'
        login = f'issuer = "{issuer}"\nclient_id = "{CLIENT_ID}"\nclient_secret_file = "provider.secret"\n'
        tables.append(
            f'[[organisation]]\nid = "{name}"\nname = "{title}"\n{contact}contact_email = "beheer@{name}.test"\n'
            f'[organisation.oidc]\n{login}[organisation.oidc.roles]\nplannen = "planner"\n'
        )
    path = folder / "organisations.toml"
    path.write_text("".join(tables))
    return path


def start_session(folder: Path, role: str) -> str:
    """Log a person in without a provider, and give the secret for the cookie."""
    engine = open_database(sqlite_address(folder / "access.sqlite"))
    upgrade_access_schema(engine)
    now_ns = time.time_ns()
    session = Session(
        person="p1",
        name="J. de Vries",
        organisation="oost",
        role=Role(role),
        created_at_ns=now_ns,
        expires_at_ns=now_ns + DAY_NS,
        last_used_ns=now_ns,
    )
    secret = AccessStore(engine).start_session(session)
    engine.dispose()
    return secret


def asset_of(site: Installation) -> AssetId:
    """Give the asset that stands first on the list."""
    return AssetId(site.get("/v1/risks")["items"][0]["asset"]["id"])
