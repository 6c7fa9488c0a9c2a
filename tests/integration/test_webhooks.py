"""Webhooks against a real receiver: signed, at least once, patient, given up, replayed, and of the own organisation."""

from __future__ import annotations

import ipaddress
import itertools
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from api.app import create_app
from api.cloud_events import WebhookRooms
from domain.access import Role
from domain.records import Alarm, AlarmState
from service.safe_http import Posted, post
from service.webhooks import WebhookDeliverer, back_off_ns, signature
from storage.entries import AlarmChange
from storage.protocols import DecisionDraft
from storage.webhooks import Delivery, WebhookStore
from tests.servers import wait_until
from tests.unit.api.client import Answer, Client
from tests.unit.api.organisations import guard, make_key, open_ledger
from tests.unit.api.samples import make_alarm, make_asset
from tests.unit.api.sql_town import SqlTown
from tests.unit.api.town import make_town

HOUR_NS = 3_600_000_000_000
LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]


@dataclass
class Receiver:
    """A receiver on a loopback port; `answers` are the statuses it gives, the last one for ever."""

    url: str = ""
    answers: list[int] = field(default_factory=lambda: [204])
    got: list[tuple[dict[str, str], str]] = field(default_factory=list)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            made.got.append((dict(self.headers.items()), body))
            self.send_response(made.answers.pop(0) if len(made.answers) > 1 else made.answers[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


class Site:
    """Two municipalities, the API with its routes, and a deliverer that is stepped by hand."""

    def __init__(self, folder: Path) -> None:
        town = make_town()
        town.store.asset_rows.append(make_asset("brug-west", "West", organisation="west"))
        self.ledger = open_ledger(folder)
        guard(town, self.ledger)
        self.town = town
        self.sql = SqlTown(folder, town)
        self.store = WebhookStore(self.ledger._engine)
        self.rooms = replace(
            self.sql.rooms, webhooks=WebhookRooms(self.store, lambda _: None, "urn:nld:oin:1:systeem:schouw")
        )
        self.client = Client(create_app(self.rooms))
        self.admin = {"Authorization": f"Bearer {make_key(self.ledger, 'oost', Role.ADMIN)}"}
        self.deliverer = self.new_deliverer()

    def new_deliverer(self) -> WebhookDeliverer:
        return WebhookDeliverer(self.rooms, self.store, source="urn:nld:oin:1:systeem:schouw", allowed=LOOPBACK)

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        return self.client.send(method, path, headers=self.admin, json=body)

    def hook(self, receiver: Receiver, *events: str) -> dict[str, Any]:
        answer = self.ask("POST", "/v1/webhooks", {"url": receiver.url, "events": list(events) or ["alarm"]})
        assert answer.status == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def deliveries(self, hook: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("GET", f"/v1/webhooks/{hook['id']}/deliveries").json()["items"]
        return found

    def step(self, after_ns: int = 0) -> int:
        self.town.wall_clock_ns += after_ns
        self.deliverer.queue_changes()
        return self.deliverer.post_due()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def confirm(site: Site, asset: str = "brug-042") -> None:
    site.sql.project(alarms=[make_alarm(asset, 12, state=AlarmState.CONFIRMED)])


def test_a_change_arrives_as_a_signed_cloud_event(site: Site, receiver: Receiver) -> None:
    hook = site.hook(receiver, "alarm", "decision")
    site.step()
    assert receiver.got == [], "what was there before is not told"
    confirm(site)
    first = site.town.decisions.links[0]
    site.town.decisions.append(DecisionDraft(first.asset, first.verb, "A", "b", due_on="2026-10-06"), decided_at_ns=1)
    site.step()
    receiver.got.sort(key=lambda got: str(json.loads(got[1])["type"]))
    headers, body = receiver.got[0]
    event = json.loads(body)
    assert {name: event[name] for name in ("specversion", "type", "source", "subject", "datacontenttype")} == {
        "specversion": "1.0",
        "type": "nl.schouw.alarm.changed.v1",
        "source": "urn:nld:oin:1:systeem:schouw",
        "subject": "brug-042",
        "datacontenttype": "application/json",
    }
    assert event["time"].endswith("Z")
    assert event["data"]["state"] == "confirmed"
    assert headers["Content-Type"].startswith("application/cloudevents+json")
    assert headers["Webhook-Id"] == event["id"]
    expected = signature(hook["secret"], event["id"], int(headers["Webhook-Timestamp"]), body)
    assert headers["Webhook-Signature"] == expected
    assert expected != signature(hook["secret"], event["id"], int(headers["Webhook-Timestamp"]), body + " ")
    assert receiver.events()[1]["type"] == "nl.schouw.decision.recorded.v1"
    site.step()
    assert len(receiver.got) == 2
    assert [item["state"] for item in site.deliveries(hook)] == ["delivered", "delivered"]


def test_an_event_at_many_structures_is_told_once(site: Site, receiver: Receiver) -> None:
    """And one that was told by itself before the event showed is told of its end too."""
    site.hook(receiver)
    at_ns = site.town.store.alarm_rows[0].raised_at_ns + 40 * 24 * HOUR_NS
    names = [asset.id for asset in site.town.store.asset_rows if asset.organisation != "west"][:5]

    def silent(place: int, **values: Any) -> Alarm:
        return make_alarm(names[place], 0, id=f"x{place}", kind="data.silent", raised_at_ns=at_ns, **values)

    site.sql.project(alarms=[silent(0)])
    site.step()
    site.sql.project(alarms=[silent(place) for place in (1, 2, 3)])
    site.sql.project(alarms=[silent(4)])
    site.step()
    told = [(event["data"]["id"], event["data"]["eventId"]) for event in receiver.events()]
    assert told == [("x0", None), ("x0", "x0")]


def test_one_fault_of_an_instrument_is_told_once_and_not_over_while_a_channel_has_it(
    site: Site, receiver: Receiver
) -> None:
    site.hook(receiver)
    at_ns = site.town.store.alarm_rows[0].raised_at_ns + 40 * 24 * HOUR_NS

    def stuck(channel: str, **values: Any) -> Alarm:
        times = {"raised_at_ns": at_ns, "cleared_at_ns": None}
        return make_alarm("brug-042", 0, id=channel, kind="sensor.stuck", subject=f"s1/{channel}", **times, **values)

    site.sql.project(alarms=[stuck("strain"), stuck("tilt")])
    site.step()
    site.sql.project(changes=[AlarmChange(id="strain", cleared_at_ns=at_ns + HOUR_NS)])
    site.step()
    site.sql.project(changes=[AlarmChange(id="tilt", cleared_at_ns=at_ns + 2 * HOUR_NS)])
    site.step()
    told = [(event["data"]["id"], event["data"]["state"]) for event in receiver.events()]
    assert sorted(told[:1] + told[3:]) == [("strain", "open"), ("tilt", "cleared")], "the first, and the last of all"
    assert sorted(told[1:3]) == [("strain", "cleared"), ("tilt", "open")]


def test_a_receiver_that_fails_is_asked_again_with_patience_and_the_same_event(site: Site, receiver: Receiver) -> None:
    receiver.answers = [500, 429, 200]
    hook = site.hook(receiver)
    confirm(site)
    site.step()
    assert site.step() == 0, "not before its time"
    assert site.step(12 * 10**9) == 1
    assert site.step(12 * 10**9) == 0, "twice as long the next time"
    assert site.step(12 * 10**9) == 1
    assert len({event["id"] for event in receiver.events()}) == 1
    (delivery,) = site.deliveries(hook)
    assert (delivery["state"], delivery["attempts"], delivery["told"].split()[0]) == ("delivered", 3, "200")


def test_it_is_given_up_in_the_end_and_sent_again_when_asked(site: Site, receiver: Receiver) -> None:
    receiver.answers = [500]
    hook = site.hook(receiver)
    confirm(site)
    attempts = sum(site.step(2 * HOUR_NS) for _ in range(20))
    assert attempts == 12
    (delivery,) = site.deliveries(hook)
    assert (delivery["state"], delivery["nextAttemptAt"]) == ("dead", None)
    receiver.answers = [204]
    assert site.ask("POST", f"/v1/webhooks/{hook['id']}/deliveries/{delivery['id']}/replay").status == 202
    site.step()
    assert site.deliveries(hook)[0]["state"] == "delivered"
    assert receiver.events()[-1]["id"] == delivery["id"]
    assert site.ask("POST", f"/v1/webhooks/{hook['id']}/deliveries/nope/replay").status == 404


def test_nothing_is_lost_or_doubled_when_the_deliverer_dies_in_between(site: Site, receiver: Receiver) -> None:
    hook = site.hook(receiver)
    confirm(site)
    site.deliverer.queue_changes()
    site.deliverer = site.new_deliverer()
    site.step()
    assert len(receiver.got) == len(site.deliveries(hook)) == 1


def test_a_receiver_that_is_away_or_inside_is_told_in_the_log(site: Site, receiver: Receiver) -> None:
    hook = site.hook(receiver)
    confirm(site)
    site.deliverer = WebhookDeliverer(site.rooms, site.store, source="x", allowed=())
    site.step()
    assert "not a public address" in site.deliveries(hook)[0]["told"]
    assert receiver.got == []


def test_an_organisation_is_told_of_its_own_alone(site: Site, receiver: Receiver) -> None:
    site.hook(receiver, "alarm", "risk", "decision")
    confirm(site, "brug-west")
    site.step()
    assert receiver.got == []
    west = {"Authorization": f"Bearer {make_key(site.ledger, 'west', Role.ADMIN)}"}
    (hook,) = site.ask("GET", "/v1/webhooks").json()["items"]
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/test"), ("GET", "/deliveries")):
        assert site.client.send(method, f"/v1/webhooks/{hook['id']}{path}", headers=west).status == 404
    assert site.client.send("GET", "/v1/webhooks", headers=west).json()["items"] == []


def test_the_test_button_and_removal(site: Site, receiver: Receiver) -> None:
    hook = site.hook(receiver)
    assert "secret" not in site.ask("GET", f"/v1/webhooks/{hook['id']}").text
    assert site.ask("POST", f"/v1/webhooks/{hook['id']}/test").status == 202
    site.step()
    assert receiver.events()[0]["type"] == "nl.schouw.webhook.tested.v1"
    assert site.ask("DELETE", f"/v1/webhooks/{hook['id']}").status == 204
    assert site.ask("GET", f"/v1/webhooks/{hook['id']}").status == 404
    confirm(site)
    site.step()
    assert len(receiver.got) == 1


def test_a_receiver_that_fails_holds_up_nobody_else(site: Site, receiver: Receiver) -> None:
    """What waits for it came first, so others waited behind each of its failures, ten seconds each where it hangs."""
    away = site.hook(Receiver("http://127.0.0.1:9/hook"))
    site.hook(receiver)
    for number in range(3):
        site.sql.project(alarms=[make_alarm("brug-042", 20 + number)])
    assert site.step() == 1 + 3
    assert [event["type"] for event in receiver.events()] == ["nl.schouw.alarm.changed.v1"] * 3
    assert sorted(item["attempts"] for item in site.deliveries(away)) == [0, 0, 1]


def test_a_slow_receiver_that_takes_everything_gets_no_more_than_its_turn(
    site: Site, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred deliveries of nine seconds each went out before another receiver was told anything."""
    slow, quick = site.hook(Receiver("https://slow.example/hook")), site.hook(receiver)
    elapsed_s = itertools.count(0.0, 0.001)
    spent_s: list[float] = []

    def send(url: str, *_: Any, **__: Any) -> Posted:
        spent_s.append(9.0 if "slow" in url else 0.0)
        return Posted(204, "")

    monkeypatch.setattr(time, "monotonic", lambda: next(elapsed_s) + sum(spent_s))
    site.deliverer = WebhookDeliverer(site.rooms, site.store, source="x", send=send)
    for number in range(5):
        site.sql.project(alarms=[make_alarm("brug-042", 20 + number)])
    assert site.step() == 2 + 5
    assert [item["state"] for item in site.deliveries(quick)] == ["delivered"] * 5
    assert [site.step(), site.step(), site.step()] == [2, 1, 0], "the rest in the rounds that follow"
    assert [item["state"] for item in site.deliveries(slow)] == ["delivered"] * 5


def test_what_goes_wrong_with_one_receiver_is_written_down_and_stops_no_other(site: Site, receiver: Receiver) -> None:
    """The thread ended at what a receiver's address or answer made of a delivery, and nothing started it again."""

    def send(url: str, *given: Any, **named: Any) -> Posted:
        match url.rpartition("/")[2]:
            case "bytes":
                url.encode("ascii")
            case "other":
                raise RuntimeError("nobody thought of this")
        return post(url, *given, **named)

    first = site.hook(Receiver("https://away.example/\u00fc/bytes"))
    site.hook(Receiver("https://away.example/other"))
    site.hook(receiver)
    site.deliverer = WebhookDeliverer(site.rooms, site.store, source="x", allowed=LOOPBACK, send=send)
    site.town.wall_clock_ns = time.time_ns()
    site.deliverer.start()
    for number in range(2):
        site.sql.project(alarms=[make_alarm("brug-042", 20 + number)])
        wait_until(lambda many=number + 1: len(receiver.got) == many, "what the last receiver is told")  # type: ignore[misc]
    site.deliverer.stop()
    assert {item["told"].partition(":")[0] for item in site.deliveries(first) if item["attempts"]} == {
        "UnicodeEncodeError"
    }


def test_a_round_that_fails_is_followed_by_another(site: Site, receiver: Receiver, monkeypatch: Any) -> None:
    site.hook(receiver)
    failing = [RuntimeError("nobody thought of this")]
    listed = site.store.webhooks

    def webhooks(*given: Any) -> Any:
        if failing:
            raise failing.pop()
        return listed(*given)

    monkeypatch.setattr(site.store, "webhooks", webhooks)
    site.deliverer.start()
    confirm(site)
    wait_until(lambda: len(receiver.got) == 1, "what the receiver is told")
    site.deliverer.stop()


def test_the_test_button_moves_no_place(site: Site, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """It wrote back the place it had read, so what was queued meanwhile was queued again, and refused for ever."""
    hook = site.hook(receiver)
    add = WebhookStore.add

    def late(store: WebhookStore, delivery: Delivery) -> None:
        confirm(site)
        site.deliverer.queue_changes()
        add(store, delivery)

    monkeypatch.setattr(WebhookStore, "add", late)
    assert site.ask("POST", f"/v1/webhooks/{hook['id']}/test").status == 202
    assert site.step() == 2
    assert len({item["id"] for item in site.deliveries(hook)}) == 2


def test_the_wait_grows_to_an_hour() -> None:
    waits = [back_off_ns(attempts) / 1e9 for attempts in range(1, 13)]
    assert 10 <= waits[0] <= 11
    assert all(later > earlier for earlier, later in itertools.pairwise(waits[:9]))
    assert 3600 <= waits[-1] <= 3960
