"""The same question again is answered from what is kept, and never with what another may see or what is old."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from api.app import create_app
from domain.access import Right, Role
from domain.records import RiskState
from storage.advisory import SqlAdvisoryStore
from tests.unit.api.client import Answer, Client
from tests.unit.api.organisations import guard, ledger_of, make_key, shared_sql_town
from tests.unit.api.samples import make_risk
from tests.unit.api.sql_town import SqlTown


@pytest.fixture
def sql(tmp_path: Path) -> SqlTown:
    return shared_sql_town(tmp_path)


def get(client: Client, key: str, path: str = "/v1/risks", **headers: str) -> Answer:
    return client.get(path, Authorization=f"Bearer {key}", **headers)


def test_a_repeat_is_byte_for_byte_the_whole_way(sql: SqlTown) -> None:
    client = Client(create_app(sql.rooms))
    key = make_key(ledger_of(sql), "oost", Role.VIEWER)
    first = get(client, key)
    for _ in range(3):
        again = get(client, key)
        assert (again.status, again.content, dict(again.headers)) == (200, first.content, dict(first.headers))
    assert get(client, key, If_None_Match=first.headers["etag"]).status == 304
    assert get(client, key, Accept_Language="nl").headers["content-language"] == "nl"


def test_a_change_is_told_within_half_a_second(sql: SqlTown) -> None:
    client = Client(create_app(sql.rooms))
    key = make_key(ledger_of(sql), "oost", Role.VIEWER)
    tag = [get(client, key) for _ in range(2)][1].headers["etag"]
    sql.project(make_risk("brug-042", RiskState.OK, 5.0))
    time.sleep(0.55)
    assert get(client, key, If_None_Match=tag).status == 200


def test_many_commits_make_few_answers(sql: SqlTown, monkeypatch: pytest.MonkeyPatch) -> None:
    """While ingest works every commit is a new revision; each would otherwise make every list anew."""
    made: list[float] = []
    ask = SqlAdvisoryStore.risks

    def counted(store: SqlAdvisoryStore, **asked: object) -> object:
        made.append(time.monotonic())
        return ask(store, **asked)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(SqlAdvisoryStore, "risks", counted)
    client = Client(create_app(sql.rooms))
    key = make_key(ledger_of(sql), "oost", Role.VIEWER)
    begin = time.monotonic()
    for cost in range(40):
        sql.project(make_risk("brug-042", RiskState.OK, float(cost)))
        assert get(client, key).status == 200
    # The first two questions go the whole way.
    assert len(made) <= 2 + (time.monotonic() - begin) / 0.3
    time.sleep(0.55)
    costs = {item["asset"]["id"]: item["expectedCostOfWaitingEur"] for item in get(client, key).json()["items"]}
    assert costs["brug-042"] == 39


def test_a_repeat_of_another_key_is_its_own(sql: SqlTown) -> None:
    client = Client(create_app(sql.rooms))
    east, west = (make_key(ledger_of(sql), name, Role.VIEWER) for name in ("oost", "west"))
    few = make_key(ledger_of(sql), "oost", Role.VIEWER, rights=frozenset({Right.READ_ALARMS}))
    for _ in range(3):
        assert len(get(client, east).json()["items"]) == 4
        assert len(get(client, west).json()["items"]) == 1
        assert get(client, few).status == 403
        assert get(client, "schouw_nope").status == 401
        assert client.get("/v1/risks").status == 401


def test_a_revoked_key_opens_nothing_a_second_later(sql: SqlTown) -> None:
    client = Client(create_app(sql.rooms))
    key = make_key(ledger_of(sql), "oost", Role.VIEWER)
    assert [get(client, key).status for _ in range(3)] == [200, 200, 200]
    ledger_of(sql).revoke_key(ledger_of(sql).list_keys()[-1].id, now_ns=1)
    sql.town.wall_clock_ns += 1_000_000_000
    assert get(client, key).status == 401


def test_a_repeat_counts_as_a_request(sql: SqlTown) -> None:
    limited = guard(sql.town, ledger_of(sql), {"request": 3, "failure": 9, "login": 9}).access
    client = Client(create_app(replace(sql.rooms, access=limited)))
    key = make_key(ledger_of(sql), "oost", Role.VIEWER)
    assert [get(client, key).status for _ in range(5)] == [200, 200, 200, 429, 429]
