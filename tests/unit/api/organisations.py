"""Two municipalities that share one service, with a key for every role, kept in a real ledger."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from api.rooms import Access
from domain.access import ROLE_RIGHTS, Organisation, Right, Role
from domain.records import RiskState
from service.throttle import WindowThrottle
from storage.access import AccessStore
from storage.database import open_database, sqlite_address, upgrade_access_schema
from tests.unit.api.samples import NOW_NS, make_alarm, make_asset, make_risk
from tests.unit.api.sql_town import SqlTown
from tests.unit.api.town import Town, make_town

EAST = Organisation(
    id="oost",
    name="Gemeente Oost",
    contact_name="Team Oost",
    contact_url="https://oost.test/",
    contact_email="oost@oost.test",
    register_names=("", "oost"),
)
WEST = Organisation(
    id="west",
    name="Gemeente West",
    contact_name="Team West",
    contact_url="https://west.test/",
    contact_email="west@west.test",
    register_names=("west",),
)
GENEROUS = {"request": 1_000_000, "failure": 1_000_000, "login": 1_000_000}


def open_ledger(folder: Path) -> AccessStore:
    """Make a ledger in a folder."""
    engine = open_database(sqlite_address(folder / "access.sqlite"))
    upgrade_access_schema(engine)
    return AccessStore(engine)


def guard(town: Town, ledger: AccessStore, per_minute: dict[str, int] = GENEROUS) -> Town:
    """Ask for keys, and give the second municipality a structure of its own."""
    town.access = Access(
        required=True,
        ledger=ledger,
        organisations=(EAST, WEST),
        throttle=WindowThrottle(per_minute),
        secret=b"of a test",
        secure_cookies=False,
    )
    return town


def shared_town(folder: Path) -> tuple[Town, AccessStore]:
    """Make both municipalities: all of the usual town is of the first, `brug-west` of the second."""
    town = make_town()
    foreign = make_asset("brug-west", "Brug van West", organisation="west")
    town.store.asset_rows.append(foreign)
    risk = replace(make_risk("brug-west", town.store.history[0].state, 77_777.0), assessment_id="brug-west@1")
    town.store.newest[foreign.id] = risk
    town.store.history.append(risk)
    town.store.alarm_rows.append(make_alarm("brug-west", 4))
    ledger = open_ledger(folder)
    return guard(town, ledger), ledger


def shared_sql_town(folder: Path) -> SqlTown:
    """Make both municipalities with their rows in SQL: `brug-west` of the second has a risk that costs least."""
    town = make_town()
    town.store.asset_rows.append(make_asset("brug-west", "Brug van West", organisation="west"))
    town.store.newest[town.store.asset_rows[-1].id] = make_risk("brug-west", RiskState.ACT, 1.0)
    guard(town, open_ledger(folder))
    return SqlTown(folder, town)


def ledger_of(sql: SqlTown) -> AccessStore:
    """Give the ledger that such a town asks."""
    ledger = sql.rooms.access.ledger
    assert isinstance(ledger, AccessStore)
    return ledger


def make_key(
    ledger: AccessStore,
    organisation: str,
    role: Role,
    *,
    rights: frozenset[Right] | None = None,
    expires_at_ns: int | None = None,
) -> str:
    """Make a key and give its secret."""
    secret, _ = ledger.create_key(
        name=f"{organisation} {role.value}",
        organisation=organisation,
        role=role,
        rights=ROLE_RIGHTS[role] if rights is None else rights,
        now_ns=NOW_NS,
        expires_at_ns=expires_at_ns,
    )
    return secret
