"""Made for polling: strong tags, nothing skipped or repeated, less where less is wanted, compressed, as a table."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from api.app import create_app
from domain.access import Role
from domain.records import AlarmState, RiskState
from storage.protocols import DecisionDraft
from tests.unit.api.client import Answer, Client
from tests.unit.api.organisations import guard, make_key, open_ledger
from tests.unit.api.samples import HOUR_NS, NOW_NS, make_alarm, make_asset, make_risk
from tests.unit.api.sql_town import SqlTown
from tests.unit.api.town import Town, make_town

POLLED = [
    "/v1/risks", "/v1/risks?since=start", "/v1/assets/brug-042/risk", "/v1/assets/brug-042/risk/history", "/v1/alarms",
    "/v1/alarms/brug-042.condition.settlement.12", "/v1/assets", "/v1/assets/brug-042", "/v1/sensors", "/v1/decisions",
    "/v1/decisions/d1", "/v1/plans", "/v1/risks?format=csv", "/v1/assets/brug-042/series?sensor=tilt_1&channel=tilt.x",
]  # fmt: skip


@pytest.fixture
def sql(tmp_path: Path) -> SqlTown:
    return SqlTown(tmp_path, make_town())


@pytest.fixture
def poller(sql: SqlTown) -> Client:
    return Client(create_app(sql.rooms))


@pytest.mark.slow
@pytest.mark.parametrize("path", POLLED)
def test_an_unchanged_answer_is_an_empty_304(poller: Client, path: str) -> None:
    first = poller.get(path)
    assert first.status == 200, first.text
    tag = first.headers["etag"]
    assert not tag.startswith("W/")
    # When the answer was made, also where a replay's clock is years behind: it may not be before that by HTTP.
    assert first.headers["last-modified"] == formatdate((NOW_NS + 1_000_000_000) // 10**9, usegmt=True)
    assert first.headers["cache-control"] == "private, no-cache"
    for held in (tag, f'"x", {tag}', f"W/{tag}", "*"):
        again = poller.get(path, If_None_Match=held)
        assert (again.status, again.content, again.headers["etag"]) == (304, b"", tag)
        assert "content-type" not in again.headers
    assert poller.get(path, If_None_Match='"x"').status == 200
    assert poller.get(path).content == first.content


@pytest.mark.slow
def test_the_same_tag_means_the_same_bytes_and_other_bytes_another_tag(sql: SqlTown) -> None:
    """What a strong tag promises, over changes of rows, of the hour and of the program's own life."""
    seen: dict[str, bytes] = {}
    changes: list[Callable[[], None]] = [
        lambda: None,
        lambda: sql.project(make_risk("brug-042", RiskState.ACT, 1.0)),
        lambda: sql.project(make_risk("kade-3", RiskState.OK, None)),
        lambda: setattr(sql.town, "now_ns", sql.town.now_ns + 1),
        lambda: setattr(sql.town, "now_ns", sql.town.now_ns + HOUR_NS),
        lambda: sql.project(alarms=[make_alarm("brug-042", 12, state=AlarmState.CONFIRMED)]),
    ]
    for change in changes:
        change()
        for client in (Client(create_app(sql.rooms)), Client(create_app(sql.rooms))):
            for path in POLLED:
                answer = client.get(path)
                assert seen.setdefault(f"{path} {answer.headers['etag']}", answer.content) == answer.content
    counts = [sum(key.startswith(f"{path} ") for key in seen) for path in ("/v1/risks", "/v1/alarms", "/v1/assets")]
    assert counts == [4, 2, 1]


def test_a_change_is_seen_at_once(sql: SqlTown, poller: Client) -> None:
    tag = poller.get("/v1/risks").headers["etag"]
    sql.project(make_risk("brug-042", RiskState.OK, 5.0))
    after = poller.get("/v1/risks", If_None_Match=tag)
    assert after.status == 200
    assert {item["asset"]["id"]: item["state"] for item in after.json()["items"]}["brug-042"] == "ok"


def test_what_is_kept_is_never_anothers(tmp_path: Path) -> None:
    town = make_town()
    town.store.asset_rows.append(make_asset("brug-west", "West", organisation="west"))
    town.store.newest[town.store.asset_rows[-1].id] = make_risk("brug-west", RiskState.ACT, 1.0)
    ledger = open_ledger(tmp_path)
    guard(town, ledger)
    client = Client(create_app(SqlTown(tmp_path, town).rooms))
    for _ in range(2):
        for name, expected in (("oost", 4), ("west", 1)):
            secret = make_key(ledger, name, Role.VIEWER)
            answer = client.send("GET", "/v1/risks", headers={"Authorization": f"Bearer {secret}"})
            assert len(answer.json()["items"]) == expected


def test_languages_are_kept_apart(poller: Client) -> None:
    for _ in range(2):
        assert poller.get("/v1/risks?lang=nl").headers["content-language"] == "nl"
        assert poller.get("/v1/risks", Accept_Language="nl").headers["content-language"] == "nl"
        assert poller.get("/v1/risks").headers["content-language"] == "en"


def follow(client: Client, path: str, parameter: str, size: int) -> tuple[list[dict[str, Any]], str]:
    """Walk a list of changes to its end."""
    items: list[dict[str, Any]] = []
    since = parameter
    while True:
        answer = client.get(f"{path}?since={since}&pageSize={size}")
        assert answer.status == 200, answer.text
        items += answer.json()["items"]
        since = answer.json()["nextSince"]
        if "link" not in answer.headers:
            return items, since
        assert f"since={since}" in answer.headers["link"]


@pytest.mark.parametrize("size", [1, 2, 3, 500])
def test_since_gives_every_change_once(sql: SqlTown, poller: Client, size: int) -> None:
    items, since = follow(poller, "/v1/risks", "start", size)
    assert sorted(item["asset"]["id"] for item in items) == ["brug-042", "sluis-7", "tunnel-1", "weg-12"]
    assert follow(poller, "/v1/risks", since, size) == ([], since)
    sql.project(make_risk("tunnel-1", RiskState.WATCH, 3.0), make_risk("brug-042", RiskState.ACT, 4.0))
    sql.project(make_risk("kade-3", RiskState.OK, None))
    sql.project(make_risk("tunnel-1", RiskState.OK, 5.0))
    items, later = follow(poller, "/v1/risks", since, size)
    assert [(item["asset"]["id"], item["state"]) for item in items] == [
        ("brug-042", "act"),
        ("kade-3", "ok"),
        ("tunnel-1", "ok"),
    ]
    assert follow(poller, "/v1/risks", later, size)[0] == []


@pytest.mark.parametrize("size", [1, 2, 5])
def test_no_change_is_lost_while_others_are_written_between_pages(sql: SqlTown, poller: Client, size: int) -> None:
    """Whoever replays all answers in order ends with what the store has, whatever happened in between."""
    mirror: dict[str, tuple[str, int]] = {}
    revisions: list[int] = []
    since = "start"
    states = itertools.cycle(RiskState)
    names = itertools.cycle(("brug-042", "kade-3", "tunnel-1", "weg-12", "sluis-7"))
    for step in range(40):
        if step < 25:
            sql.project(*(make_risk(next(names), next(states), float(step)) for _ in range(2)))
        body = poller.get(f"/v1/risks?since={since}&pageSize={size}").json()
        since = body["nextSince"]
        for item in body["items"]:
            revisions.append(item["revision"])
            mirror[item["asset"]["id"]] = (item["state"], item["revision"])
    now = poller.get("/v1/risks").json()["items"]
    assert mirror == {item["asset"]["id"]: (item["state"], item["revision"]) for item in now}
    assert revisions == sorted(revisions)


def test_changes_of_alarms_and_decisions(sql: SqlTown, poller: Client) -> None:
    alarms, since = follow(poller, "/v1/alarms", "start", 2)
    assert len({alarm["id"] for alarm in alarms}) == len(alarms) == 3
    sql.project(alarms=[make_alarm("brug-042", 12, state=AlarmState.CONFIRMED)])
    (changed,), _ = follow(poller, "/v1/alarms", since, 2)
    assert (changed["id"], changed["state"]) == ("brug-042.condition.settlement.12", "confirmed")
    decisions, since = follow(poller, "/v1/decisions", "start", 1)
    assert [decision["id"] for decision in decisions] == ["d1"]
    first = sql.town.decisions.links[0]
    sql.town.decisions.append(DecisionDraft(first.asset, first.verb, "A", "b", due_on="2026-10-06"), decided_at_ns=1)
    assert [decision["id"] for decision in follow(poller, "/v1/decisions", since, 1)[0]] == ["d2"]


@pytest.mark.parametrize("since", ["", "0", "begin", "W10", "é", "x" * 2049, "WyJyaXNrcyIsMSwiYSJd"])
def test_a_since_of_nowhere_is_refused(poller: Client, since: str) -> None:
    for path in ("/v1/risks", "/v1/alarms", "/v1/decisions"):
        answer = poller.get(f"{path}?since={since}")
        assert answer.status == 400
        assert [error["field"] for error in answer.json()["errors"]] == ["since"]


def test_since_of_other_filters_is_refused(poller: Client) -> None:
    since = poller.get("/v1/alarms?since=start&asset=brug-042").json()["nextSince"]
    assert poller.get(f"/v1/alarms?since={since}&asset=brug-042").status == 200
    assert poller.get(f"/v1/alarms?since={since}").status == 400
    assert poller.get(f"/v1/risks?since={since}").status == 400
    assert poller.get("/v1/risks?since=start&cursor=x").status == 400


def test_a_state_beside_since_is_refused_with_what_to_do(poller: Client) -> None:
    """What left the state was told to nobody, so whoever kept a copy kept it there for ever."""
    for path, states in (("/v1/risks", ("act", "watch")), ("/v1/alarms", ("open",))):
        asked = "&".join(f"state={state}" for state in states)
        answer = poller.get(f"{path}?since=start&cursor=x&{asked}")
        assert answer.status == 400
        cursor, state = answer.json()["errors"]
        assert (cursor["field"], state["field"], state["got"]) == ("cursor", "state", " ".join(states))
        assert "it tells what leaves a state too; look at `state` of each item" in state["expected"]


def test_an_asset_that_leaves_the_register_is_gone_from_the_whole_list_alone(sql: SqlTown, poller: Client) -> None:
    """As `docs/how-to-poll.md` says: of a row that is no longer there no change can be told."""
    _, since = follow(poller, "/v1/risks", "start", 500)
    sql.town.store.asset_rows = [asset for asset in sql.town.store.asset_rows if asset.id != "tunnel-1"]
    sql.register_again()
    assert follow(poller, "/v1/risks", since, 500)[0] == []
    assert "tunnel-1" not in {item["asset"]["id"] for item in poller.get("/v1/risks").json()["items"]}
    page = (Path(__file__).parents[3] / "docs" / "how-to-poll.md").read_text(encoding="utf-8")
    assert "An asset that leaves the register is not told" in page


def test_only_the_members_that_are_wanted(poller: Client) -> None:
    body = poller.get("/v1/risks?fields=assessmentId,state").json()
    assert all(set(item) == {"assessmentId", "state"} for item in body["items"])
    assert {"items", "next"} <= set(body)
    assert set(poller.get("/v1/assets/brug-042?fields=name, lat").json()) == {"name", "lat"}
    answer = poller.get("/v1/risks?fields=state,nope,asset_id")
    assert answer.status == 400
    assert [error["got"] for error in answer.json()["errors"]] == ["'nope'", "'asset_id'"]


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.5", "*", "deflate,GZIP"])
def test_answers_are_compressed_for_those_who_take_it(poller: Client, accepted: str) -> None:
    plain = poller.get("/v1/risks", Accept_Encoding="identity")
    packed = poller.send("GET", "/v1/risks", headers={"Accept-Encoding": accepted})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["etag"] != plain.headers["etag"]
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert packed.content == plain.content, "the client of the test has unpacked it"
    assert poller.get("/v1/risks", If_None_Match=packed.headers["etag"], Accept_Encoding=accepted).status == 304


@pytest.mark.slow
@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "gzip; q=0.0"])
def test_and_not_for_others(poller: Client, accepted: str) -> None:
    assert "content-encoding" not in poller.get("/v1/risks", Accept_Encoding=accepted).headers


def rows_of(answer: Answer) -> list[dict[str, str]]:
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_lists_as_tables(poller: Client) -> None:
    risks = rows_of(poller.get("/v1/risks?format=csv"))
    items = poller.get("/v1/risks").json()["items"]
    assert [row["asset.id"] for row in risks] == [item["asset"]["id"] for item in items]
    assert float(risks[0]["probabilityOfFailure.90.value"]) == items[0]["probabilityOfFailure"][1]["value"]
    assert risks[0]["remainingLifeDays.q50"] == "170.0"
    assert rows_of(poller.get("/v1/alarms?format=csv&state=open"))[0]["state"] == "open"
    assert rows_of(poller.get("/v1/plans?format=csv"))[0]["dueOn"] == "2026-10-05"
    first = poller.get("/v1/risks?format=csv&pageSize=2")
    assert len(rows_of(first)) == 2
    assert len(rows_of(poller.get(first.headers["link"].partition(">")[0].removeprefix("<")))) == 2
    assert poller.get("/v1/risks?format=xml").status == 400


@pytest.mark.parametrize("path", ["/v1/risks", "/v1/alarms", "/v1/plans"])
def test_every_page_of_a_table_has_the_same_columns(path: str, poller: Client) -> None:
    """An empty list had one column, `id`; a page with nothing known of lives had `remainingLifeDays` for three."""

    def columns(question: str) -> list[str]:
        return poller.get(f"{path}?format=csv{question}").text.splitlines()[0].split(",")

    (start,) = (poller.get(f"{path}").json()["items"][:1]) or ({},)
    assert start, "the town has some of each"
    whole = columns("")
    assert len(whole) == len(set(whole))
    assert {name.partition(".")[0] for name in whole} == set(start)
    nothing = {"/v1/alarms": "&state=dismissed&asset=sluis-7"}
    assert columns(f"&pageSize=1{nothing.get(path, '')}") == whole
    assert columns(f"&pageSize=1{nothing.get(path, '')}&fields=asset") in (
        ["asset"],
        ["asset.id", "asset.name", "asset.type"],
    )


def test_a_table_of_what_is_not_known_keeps_its_columns(town: Town) -> None:
    client = town.client()
    whole = client.get("/v1/risks?format=csv").text.splitlines()[0]
    town.store.newest = {asset: replace(risk, remaining_life=None) for asset, risk in town.store.newest.items()}
    header, first = client.get("/v1/risks?format=csv").text.splitlines()[:2]
    assert header == whole
    assert "remainingLifeDays.q50" in header
    assert len(next(csv.reader([first]))) == len(header.split(","))


def test_no_cell_is_a_formula(town: Town) -> None:
    town.store.asset_rows[0] = replace(town.store.asset_rows[0], name='=HYPERLINK("https://evil.example")')
    names = [row["asset.name"] for row in rows_of(town.client().get("/v1/risks?format=csv"))]
    assert names[0].startswith("'=HYPERLINK")


def test_a_plan_stands_until_the_repair(town: Town, client: Client) -> None:
    first = town.decisions.links[0]
    assert [plan["id"] for plan in client.get("/v1/plans").json()["items"]] == ["d1"]
    client.post(
        "/v1/assets/brug-042/decisions",
        {"verb": "plan", "decidedBy": "A", "reason": "b", "dueOn": "2027-01-01"},
    )
    client.post(
        "/v1/assets/sluis-7/decisions", {"verb": "plan", "decidedBy": "A", "reason": "b", "dueOn": "2026-12-01"}
    )
    plans = client.get("/v1/plans").json()["items"]
    assert [(plan["asset"], plan["dueOn"]) for plan in plans] == [("sluis-7", "2026-12-01"), ("brug-042", "2027-01-01")]
    page = client.get("/v1/plans?pageSize=1").json()
    rest = client.get(f"/v1/plans?pageSize=1&cursor={page['next']}").json()
    assert [page["items"][0]["asset"], rest["items"][0]["asset"], rest["next"]] == ["sluis-7", "brug-042", None]
    client.post(f"/v1/assets/{first.asset}/decisions", {"verb": "repair", "decidedBy": "A", "reason": "done"})
    assert [plan["asset"] for plan in client.get("/v1/plans").json()["items"]] == ["sluis-7"]


@pytest.mark.parametrize("verb", ["repair", "dismiss", "accept-normal"])
def test_what_ends_a_plan_ends_it_in_the_api_and_on_the_work_list_alike(verb: str, client: Client) -> None:
    """A dismissed matter left the work list and stood in `/v1/plans` for ever."""
    asset = client.get("/v1/plans").json()["items"][0]["asset"]
    assert f";{asset};" in client.get("/work-list?kind=csv").text.replace('"', "")
    planned = [row for row in client.get("/work-list?kind=csv&lang=en").text.splitlines() if ",planned," in row]
    assert [asset in row for row in planned] == [True]
    (alarm,) = [item["id"] for item in client.get(f"/v1/alarms?asset={asset}&state=open").json()["items"]]
    place = f"/v1/alarms/{alarm}/decisions" if verb == "dismiss" else f"/v1/assets/{asset}/decisions"
    assert client.post(place, {"verb": verb, "decidedBy": "A", "reason": "b"}).status == 201
    assert client.get("/v1/plans").json()["items"] == []
    assert ",planned," not in client.get("/work-list?kind=csv&lang=en").text


def test_dismissing_an_alarm_of_a_sensor_leaves_the_planned_repair(town: Town, client: Client) -> None:
    (plan,) = client.get("/v1/plans").json()["items"]
    broken = make_alarm(plan["asset"], 1, kind="sensor.stuck", id="stuck-1")
    town.store.alarm_rows.append(broken)
    given = {"verb": "dismiss", "decidedBy": "A", "reason": "mowing"}
    assert client.post("/v1/alarms/stuck-1/decisions", given).status == 201
    assert client.get("/v1/plans").json()["items"] == [plan]
    assert ",planned," in client.get("/work-list?kind=csv&lang=en").text


def test_what_answers_with_a_tag_says_so_in_the_document(poller: Client) -> None:
    """A 304 that the document does not name surprises clients that are made from it; six operations had none."""
    document = poller.get("/v1/openapi.json").json()
    tagged = 0
    for template, item in document["paths"].items():
        path = re.sub(r"\{(asset|feature)_id\}", "brug-042", template.replace("{collection_id}", "risks"))
        if "get" not in item or "{" in path or path == "/events":
            continue
        has_tag = "etag" in poller.get(f"/v1{path}").headers
        # Without a channel a series is a list of channels, and what is not there has no tag.
        if not path.endswith(("/series", "/spectrum", "/explanation")):
            assert has_tag == ("304" in item["get"]["responses"]), path
        tagged += has_tag
    assert tagged > 12
