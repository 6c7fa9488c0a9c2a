"""What is kept for pollers changes no answer: with it and without it, the same questions give the same bytes.

Questions are drawn over routes, filters, languages, compression, tags, keys of every role of two organisations, and
keys that do not hold, with changes of the rows in between. The other application keeps nothing (`AnswerCache(0)`).
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.answer_cache import AnswerCache
from api.app import create_app
from api.known_keys import KnownKeys
from api.rooms import ApiRooms
from domain.access import Right, Role
from domain.errors import StorageUnavailable
from domain.records import RiskState
from storage.access import AccessStore
from storage.advisory import SqlAdvisoryStore
from storage.protocols import Revisions
from tests.unit.api.client import Answer, Client
from tests.unit.api.organisations import ledger_of, make_key, shared_sql_town
from tests.unit.api.samples import make_alarm, make_risk
from tests.unit.api.sql_town import SqlTown

PATHS = [
    "/v1/risks", "/v1/risks?since=start", "/v1/assets/{asset}/risk", "/v1/assets/{asset}/risk/history", "/v1/alarms",
    "/v1/alarms?since=start", "/v1/alarms/brug-042.condition.settlement.12", "/v1/assets", "/v1/assets/{asset}",
    "/v1/sensors", "/v1/risks?format=csv", "/v1/ogc/collections/risks/items", "/v1/risks?state=act&state=ok",
    "/v1/assets/{asset}/explanation", "/v1/assets/nergens", "/v1/risks?nope=1", "/v1/decisions", "/v1/plans",
]  # fmt: skip
ASSETS = ["brug-042", "kade-3", "brug-west"]
EXTRA = ["", "pageSize=1", "pageSize=2", "lang=nl", "fields=state", "fields=id,name", "lang=en&pageSize=500"]
HEADERS = [{}, {"Accept-Language": "nl"}, {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "br"}, {"Accept": "*/*"}]


@pytest.fixture
def sql(tmp_path: Path) -> SqlTown:
    return shared_sql_town(tmp_path)


def keys_of(ledger: AccessStore) -> list[str]:
    keys = [make_key(ledger, name, role) for name in ("oost", "west") for role in Role]
    narrow = make_key(ledger, "oost", Role.ADMIN, rights=frozenset({Right.READ_ALARMS}))
    old = make_key(ledger, "oost", Role.ADMIN, expires_at_ns=1)
    return [*keys, narrow, old, "schouw_nobodys"]


def apart(rooms: ApiRooms) -> ApiRooms:
    """Give the same rooms with nothing kept."""
    return replace(rooms, answers=AnswerCache(0), known=KnownKeys(), repeats={})


def draw(rng: random.Random) -> str:
    path, extra = rng.choice(PATHS).format(asset=rng.choice(ASSETS)), rng.choice(EXTRA)
    return path + (("&" if "?" in path else "?") + extra if extra else "")


def shown(answer: Answer) -> tuple[int, bytes, dict[str, str]]:
    headers = {name: value for name, value in answer.headers.items() if name != "last-modified"}
    return answer.status, answer.content, headers


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_kept_or_made_anew_the_answer_is_the_same(sql: SqlTown, seed: int) -> None:
    rng = random.Random(seed)
    keeping, forgetful = Client(create_app(sql.rooms)), Client(create_app(apart(sql.rooms)))
    keys = keys_of(ledger_of(sql))
    questions = [draw(rng) for _ in range(6)]
    statuses: set[int] = set()
    tags: dict[str, str] = {}
    for step in range(100):
        if step % 40 == 39:
            sql.project(make_risk(rng.choice(["brug-042", "weg-12"]), rng.choice(list(RiskState)), float(step)))
            time.sleep(0.55)  # a change is told half a second late at most
        path, headers = rng.choice(questions), dict(rng.choice(HEADERS))
        headers["Authorization"] = f"Bearer {rng.choice(keys)}"
        if rng.random() < 0.5:
            headers["If-None-Match"] = tags.get(path, '"x"')
        kept, made = (client.send("GET", path, headers=headers) for client in (keeping, forgetful))
        assert shown(kept) == shown(made), (path, headers)
        statuses.add(kept.status)
        tags[path] = kept.headers.get("etag", "*")
    assert {200, 304, 401, 403} <= statuses
    assert any(kept.prepared for kept in sql.rooms.answers._kept.values())  # some were sent without being made


def test_no_answer_of_one_organisation_reaches_another(sql: SqlTown) -> None:
    client = Client(create_app(sql.rooms))
    east, west = (make_key(ledger_of(sql), name, Role.ADMIN) for name in ("oost", "west"))
    for path in ("/v1/risks", "/v1/assets", "/v1/ogc/collections/risks/items", "/v1/risks?format=csv"):
        for _ in range(3):
            for key, own, foreign in ((east, b"brug-042", b"brug-west"), (west, b"brug-west", b"brug-042")):
                text = client.send("GET", path, headers={"Authorization": f"Bearer {key}"}).content
                assert own in text
                assert foreign not in text


def test_an_answer_is_made_once_for_all_who_wait(sql: SqlTown, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five hundred pollers who see the same change would otherwise make the same answer five hundred times."""
    made: list[int] = []
    ask = SqlAdvisoryStore.risks

    def counted(store: SqlAdvisoryStore, **asked: object) -> object:
        made.append(1)
        time.sleep(0.5)
        return ask(store, **asked)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(SqlAdvisoryStore, "risks", counted)
    app = create_app(sql.rooms)
    keys = [make_key(ledger_of(sql), "oost", Role.VIEWER) for _ in range(8)]
    found: list[bytes] = []
    all_there = threading.Barrier(len(keys))

    def ask_once(key: str) -> None:
        all_there.wait(30)
        found.append(Client(app).send("GET", "/v1/risks", headers={"Authorization": f"Bearer {key}"}).content)

    threads = [threading.Thread(target=ask_once, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len(set(found)), len(made)) == (8, 1, 1)


def test_a_store_that_is_away_is_told_to_a_poller_too(sql: SqlTown, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(create_app(sql.rooms))
    key = {"Authorization": f"Bearer {make_key(ledger_of(sql), 'oost', Role.VIEWER)}"}
    assert [client.send("GET", "/v1/risks", headers=key).status for _ in range(3)] == [200, 200, 200]

    def away(_store: SqlAdvisoryStore) -> Revisions:
        raise StorageUnavailable("away")

    monkeypatch.setattr(SqlAdvisoryStore, "revisions", away)
    time.sleep(0.55)
    answer = client.send("GET", "/v1/risks", headers=key)
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")


@pytest.mark.slow
def test_an_answer_stands_while_nothing_that_it_rests_on_changes(sql: SqlTown, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ingest commits several times a second, and each commit had every list made anew."""
    asked: list[str] = []
    for name in ("risks", "alarms"):
        ask = getattr(SqlAdvisoryStore, name)

        def counted(store: SqlAdvisoryStore, _name: str = name, _ask: Any = ask, **question: object) -> object:
            asked.append(_name)
            return _ask(store, **question)

        monkeypatch.setattr(SqlAdvisoryStore, name, counted)
    client = Client(create_app(sql.rooms))
    key = {"Authorization": f"Bearer {make_key(ledger_of(sql), 'oost', Role.VIEWER)}"}

    def look() -> list[str]:
        time.sleep(0.55)
        asked.clear()
        for path in ("/v1/risks", "/v1/alarms"):
            for _ in range(3):
                assert client.send("GET", path, headers=key).status == 200
        return sorted(set(asked))

    assert look() == ["alarms", "risks"]
    sql.project()
    assert look() == []
    sql.project(make_risk("brug-042", RiskState.OK, 5.0))
    assert look() == ["risks"]
    sql.project(alarms=[make_alarm("brug-042", 3)])
    assert look() == ["alarms"]
    sql.register_again()
    assert look() == ["alarms", "risks"]
