"""Bytes that nobody should send, over a raw socket to the real server: a problem detail each time, and never a 500."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from domain.access import Role
from storage.access import AccessStore
from tests.api_server import serving
from tests.unit.api.organisations import guard, make_key, open_ledger
from tests.unit.api.samples import NOW_NS
from tests.unit.api.town import SETTINGS, Town, make_town

HOST: Final = b"Host: 127.0.0.1\r\n"
DECISIONS: Final = b"/v1/assets/brug-042/decisions"
JSON: Final = b"Content-Type: application/json\r\n"
GOOD: Final = {"verb": "inspect", "decidedBy": "J. de Vries", "reason": "Gezien"}


class Wire:
    """One server with a key; `send` gives what came back."""

    def __init__(self, port: int, town: Town, ledger: AccessStore) -> None:
        self.port = port
        self.town = town
        self.ledger = ledger
        self.key = make_key(ledger, "oost", Role.ADMIN)

    def send(self, raw: bytes) -> tuple[int, dict[str, str], bytes]:
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=20) as line,
            closing(line.makefile("rb")) as got,
        ):
            line.sendall(raw)
            status = int(got.readline().split()[1])
            headers: dict[str, str] = {}
            while row := got.readline().strip():
                name, _, value = row.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            length = int(headers["content-length"]) if "content-length" in headers else -1
            return status, headers, got.read(length)

    def ask(
        self, target: bytes, *, method: bytes = b"GET", headers: bytes = b"", body: bytes = b"", key: str | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        known = f"Authorization: Bearer {self.key if key is None else key}\r\n".encode("latin-1")
        return self.send(method + b" " + target + b" HTTP/1.1\r\n" + HOST + known + headers + b"\r\n" + body)

    def write(self, body: bytes, *, headers: bytes = JSON) -> tuple[int, dict[str, str], bytes]:
        return self.ask(DECISIONS, method=b"POST", headers=headers + b"Content-Length: %d\r\n" % len(body), body=body)


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    folder: Path = tmp_path_factory.mktemp("bad-input")
    town, ledger = make_town(), open_ledger(folder)
    guard(town, ledger)
    town.settings = replace(SETTINGS, allowed_hosts=("127.0.0.1",))
    with serving(town.rooms()) as address:
        yield Wire(int(address.rpartition(":")[2]), town, ledger)


def refused(answer: tuple[int, dict[str, str], bytes], status: int) -> Any:
    """Check that an answer is a problem of a status, in the one shape, with the headers that all answers have."""
    got, headers, body = answer
    assert got == status, body[:500]
    assert headers["content-type"] == "application/problem+json"
    assert headers["api-version"] == "1.0.0"
    assert headers["x-content-type-options"] == "nosniff"
    problem = json.loads(body)
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert "Traceback" not in problem["detail"]
    assert len(body) < 40_000
    return problem


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"/v1/risks?" + b"&".join([b"state=act"] * 10_000), 414),
        (b"/v1/risks?" + b"&".join(b"f%d=1" % n for n in range(10_000)), 414),
        (b"/v1/risks?" + b"&".join([b"state=act"] * 1_600), 400),
        (b"/v1/risks?" + b"&".join(b"f%d=1" % n for n in range(1_600)), 400),
        (b"/v1/assets/" + b"a" * 70_000, 414),
        (b"/v1/alarms/" + b"9" * 15_000, 404),
        (b"/v1/risks?cursor=" + b"A" * 16_000, 400),
        (b"/v1/risks?pageSize=" + b"9" * 15_000, 400),
        (b"/v1/assets/%ff%fe", 404),
        (b"/v1/assets/%00", 404),
        (b"/v1/risks?state=%ff", 400),
        (b"/v1/risks?st%ffate=act", 400),
        (b"/v1/../../etc/passwd", 404),
        (b"/static/%2e%2e/%2e%2e/pyproject.toml", 404),
        (b"//evil.example/v1/risks", 404),
        (b"/v1/risks/", 404),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else str(value),
)
def test_an_address_that_means_nothing(wire: Wire, target: bytes, status: int) -> None:
    problem = refused(wire.ask(target), status)
    assert len(problem.get("errors", ())) <= 100
    if status == 400:
        assert all(error["in"] == "query" and error["expected"] for error in problem["errors"])


def test_an_address_that_does_not_end_is_too_long_however_it_comes(wire: Wire) -> None:
    """What of it had come when the server gave up decided whether the address or the headers were too large."""
    address = b"GET /v1/assets/" + b"a" * 66_000
    assert refused(wire.send(address), 414)["title"] == "Address too long"
    refused(wire.send(b"GET /v1/risks HTTP/1.1\r\n" + HOST + b"X-A: " + b"a" * 66_000), 431)


@pytest.mark.parametrize("form", [b"http://127.0.0.1/v1/risks?pageSize=1", b"HTTP://127.0.0.1:80/v1/risks?pageSize=1"])
def test_a_whole_address_asks_for_the_same(wire: Wire, form: bytes) -> None:
    """RFC 9112, 3.2.2: every server takes what is sent to a proxy; it got 404."""
    status, _, body = wire.ask(form)
    assert (status, body) == (200, wire.ask(b"/v1/risks?pageSize=1")[2])
    assert wire.ask(b"http://127.0.0.1", method=b"HEAD", headers=b"Connection: close\r\n")[0] == 200


def test_a_whole_address_says_itself_whose_it_is(wire: Wire) -> None:
    """The host in it counts, not the header: otherwise the check of names would be led around."""
    for target in (b"http://evil.example/v1/risks", b"http://me@127.0.0.1/v1/risks", b"http:///v1/risks"):
        refused(wire.ask(target), 400)
    raw = b"GET http://127.0.0.1/livez HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    assert wire.send(raw)[0] == 200
    refused(wire.ask(b"http://127.0.0.1/v1/nope"), 404)


@pytest.mark.slow
@pytest.mark.parametrize("method", [b"BREW", b"get", b"TRACE", b"CONNECT", b"PROPFIND", b"PUT"])
def test_a_method_that_is_not_taken(wire: Wire, method: bytes) -> None:
    answer = wire.ask(b"/v1/risks", method=method)
    refused(answer, 405)
    assert answer[1]["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("raw", "status", "told"),
    [
        (b"GET /v1/assets/\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n", 400, "illegal request line"),
        (b"GET /v1/assets/a b HTTP/1.1\r\n" + HOST + b"\r\n", 400, "illegal request line"),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400, "illegal request line"),
        (b"GET /v1/risks\r\n\r\n", 400, "illegal request line"),
        (b"GET /livez HTTP/1.1\r\n\r\n", 400, "Host"),
        (b"GET /livez HTTP/1.1\r\n" + HOST + b"Host: evil.example\r\n\r\n", 400, "Host"),
        (b"GET /livez HTTP/1.1\r\n" + HOST + b"X-A: a\x00b\r\n\r\n", 400, "illegal header line"),
        (b"GET /livez HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n", 400, "Content-Length"),
        (b"GET /livez HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "Content-Length"),
        (b"POST /livez HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\n", 501, "Transfer-Encoding"),
        (b"POST /livez HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "chunk"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "Host"),
    ],
    ids=lambda value: value[:40].decode("latin-1") if isinstance(value, bytes) else str(value),
)
def test_what_is_not_http(wire: Wire, raw: bytes, status: int, told: str) -> None:
    """None of it reaches the application; uvicorn alone would answer in plain text."""
    answer = wire.send(raw)
    assert told in refused(answer, status)["detail"]


def test_headers_over_the_limit(wire: Wire) -> None:
    refused(wire.ask(b"/v1/risks", headers=b"X-A: " + b"a" * 60_000 + b"\r\n"), 431)
    refused(wire.ask(b"/v1/risks", headers=b"If-None-Match: " + b'"a",' * 10_000 + b"\r\n"), 431)
    refused(wire.ask(b"/v1/risks", headers=b"".join(b"X-%d: 1\r\n" % n for n in range(6_000))), 431)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"[" * 30_000 + b"]" * 30_000, ""),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, ""),
        (b'{"condition":' + b"9" * 60_000 + b"}", ""),
        (b'{"verb":"\xff\xfe"}', ""),
        (b"{", ""),
        (b"", ""),
        (b"null", ""),
        (b'{"verb":"inspect","decidedBy":"A","reason":"\\ud800"}', "reason"),
        (b'{"verb":"inspect","decidedBy":"A","reason":"x","condition":NaN}', "condition"),
        (b'{"verb":"inspect","decidedBy":"A","reason":"x","condition":1e400}', "condition"),
        (b'{"verb":"inspect","decidedBy":"A","reason":"x","dueOn":"2026-02-30"}', "dueOn"),
        (b'{"verb":"inspect","decidedBy":"A","reason":"x","assessmentId":"' + b"9" * 5_000 + b'"}', "assessmentId"),
    ],
    ids=lambda value: value[:40].decode("latin-1") if isinstance(value, bytes) else str(value),
)
def test_a_body_that_is_no_decision(wire: Wire, body: bytes, field: str) -> None:
    problem = refused(wire.write(body), 400)
    assert [(error["in"], error["field"]) for error in problem["errors"]] == [("body", field)]
    assert all(error["got"] and error["expected"] for error in problem["errors"])


def test_a_body_over_the_limit(wire: Wire) -> None:
    declared = JSON + b"Content-Length: 99999999999999999999\r\n"
    refused(wire.ask(DECISIONS, method=b"POST", headers=declared), 413)
    chunked = JSON + b"Transfer-Encoding: chunked\r\n"
    refused(wire.ask(DECISIONS, method=b"POST", headers=chunked, body=b"ffffff\r\n" + b"a" * 70_000), 413)
    refused(wire.write(b"{}", headers=b"Content-Type: text/plain\r\n"), 415)


def test_a_key_that_does_not_hold(wire: Wire) -> None:
    old = make_key(wire.ledger, "oost", Role.ADMIN, expires_at_ns=NOW_NS - 1)
    for key in ("", "x", "schouw_" + "a" * 5_000, "\xff\xfe", old, wire.key[:-1], wire.key + "x", wire.key.upper()):
        answer = wire.ask(b"/v1/risks", key=key)
        refused(answer, 401)
        assert answer[1]["www-authenticate"].startswith("Bearer")


def test_a_key_of_another_organisation_finds_nothing_of_ours(wire: Wire) -> None:
    foreign = make_key(wire.ledger, "west", Role.ADMIN)
    for path in (b"/v1/assets/brug-042", b"/v1/assets/brug-042/risk", b"/v1/alarms/brug-042.condition.settlement.12"):
        assert wire.ask(path)[0] == 200
        refused(wire.ask(path, key=foreign), 404)


def test_a_decision_that_is_replayed_is_taken_once(wire: Wire) -> None:
    before = len(wire.town.decisions.links)
    headers = JSON + b"Idempotency-Key: replayed\r\n"
    first, again = (wire.write(json.dumps(GOOD).encode(), headers=headers) for _ in range(2))
    assert (first[0], again[0]) == (201, 201)
    assert first[2] == again[2]
    assert len(wire.town.decisions.links) == before + 1
    refused(wire.write(json.dumps(GOOD | {"verb": "repair"}).encode(), headers=headers), 409)
    refused(wire.write(json.dumps(GOOD).encode(), headers=JSON + b"Idempotency-Key: " + b"k" * 300 + b"\r\n"), 400)


def test_the_server_goes_on_after_all_of_it(wire: Wire) -> None:
    assert wire.ask(b"/v1/risks")[0] == 200
