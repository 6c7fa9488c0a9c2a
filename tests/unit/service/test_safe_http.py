"""Where a webhook may go: public addresses, checked after the name was resolved, and on every redirect."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from service.safe_http import RefusedAddressError, check_address, post

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]
TARGETS = {
    "/inside": "http://10.1.2.3/",
    "/once": "/end",
    "/round": "/round",
    "/accent": "/h\u00e9",
    "/bracket": "http://[x",
}


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://10.0.0.1/", "https://192.168.1.1/",
        "https://172.16.3.4/", "https://169.254.169.254/latest/meta-data", "https://100.64.0.1/", "https://0.0.0.0/",
        "https://[::]/", "https://[fe80::1]/", "https://[fc00::1]/", "https://[::ffff:127.0.0.1]/", "https://224.0.0.1/",
        "https://2130706433/", "https://0x7f.1/", "https://127.1/", "https://0177.0.0.1/", "https://255.255.255.255/",
        "https://[2002:7f00:1::]/", "https://[::ffff:10.0.0.1]/",
    ],
)  # fmt: skip
def test_what_leads_inside_is_refused_however_it_is_written(url: str) -> None:
    with pytest.raises(RefusedAddressError):
        check_address(url, allowed=())


@pytest.mark.parametrize(
    "url",
    ["ftp://8.8.8.8/", "file:///etc/passwd", "8.8.8.8", "", "https://", "https://user:pass@8.8.8.8/", "http://8.8.8.8/",
     "https://8.8.8.8:99999/", "https://nergens.invalid/", "https://" + "a" * 300 + ".nl/", "gopher://8.8.8.8",
     "https://[foo", "https://8.8.8.8/br\u00fccke", "https://8.8.8.8/?q=\u00fc", "https://br\u00fccke.example/",
     "https://8.8.8.8/a b", "https://8.8.8.8/a\tb", "https://8.8.8.8/\x00", "https://8.8.8.8/\ud800"],
)  # fmt: skip
def test_what_is_no_https_address_is_refused(url: str) -> None:
    with pytest.raises(RefusedAddressError):
        check_address(url, allowed=())


def test_what_cannot_stand_in_a_request_is_refused_with_how_to_write_it() -> None:
    """It was taken, and ended the thread of all webhooks at the first delivery."""
    with pytest.raises(RefusedAddressError, match=r"ASCII.*xn--.*%C3%BC for ü"):
        check_address("https://8.8.8.8/br\u00fccke", allowed=())


def test_a_public_address_is_given_as_it_was_checked() -> None:
    assert check_address("https://8.8.8.8:8443/x", allowed=()) == ("8.8.8.8", 8443, "8.8.8.8")


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let names resolve to one list of addresses after the other, as a hostile name server may."""
    asked: list[str] = []

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        found = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


def test_one_inside_address_among_public_ones_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(RefusedAddressError, match=r"10\.0\.0\.1"):
        check_address("https://evil.example/", allowed=())


def test_a_name_that_changes_its_mind_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the connection goes to the address that was checked, and the name is not asked again."""
    asked = resolving(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
    connected: list[Any] = []

    def connect(address: Any, *_: Any, **__: Any) -> Any:
        connected.append(address)
        raise OSError("no network in tests")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(OSError, match="no network"):
        post("https://rebinding.example/", b"{}", {}, timeout_s=1)
    assert connected == [("93.184.216.34", 443)]
    assert asked == ["rebinding.example"]


@contextlib.contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def redirecting() -> Iterator[tuple[str, list[str]]]:
    """Serve a receiver that sends its visitors elsewhere."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            seen.append(self.path)
            target = TARGETS.get(self.path)
            self.send_response(307 if target else 200)
            if target:
                self.send_header("Location", target)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Handler) as address:
        yield address, seen


def test_a_redirect_is_followed_and_checked_anew(redirecting: tuple[str, list[str]]) -> None:
    address, seen = redirecting
    assert post(f"{address}/once", b"{}", {}, timeout_s=5, allowed=LOOPBACK).status == 200
    assert seen == ["/once", "/end"]
    with pytest.raises(RefusedAddressError, match=r"10\.1\.2\.3"):
        post(f"{address}/inside", b"{}", {}, timeout_s=5, allowed=LOOPBACK)
    with pytest.raises(RefusedAddressError, match="redirects"):
        post(f"{address}/round", b"{}", {}, timeout_s=5, allowed=LOOPBACK)


@pytest.mark.parametrize("path", ["/accent", "/bracket"])
def test_a_redirect_to_what_is_no_address_is_refused(redirecting: tuple[str, list[str]], path: str) -> None:
    """It raised what the caller did not expect, and ended the thread of all webhooks."""
    with pytest.raises(RefusedAddressError, match="expected"):
        post(redirecting[0] + path, b"{}", {}, timeout_s=5, allowed=LOOPBACK)


@pytest.mark.parametrize("part", ["status", "header", "body", "more"])
def test_a_receiver_that_drips_meets_the_deadline_of_all_of_it(part: str) -> None:
    """Each byte began the time of a socket anew, so one receiver held all others up for as long as it liked."""
    over = threading.Event()
    begin = {
        "status": b"HTTP/1.1 ",
        "header": b"HTTP/1.1 204 No Content\r\nX-A: ",
        "body": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        "more": b"",
    }[part]
    each = b"HTTP/1.1 100 Continue\r\n\r\n" if part == "more" else b"2"

    class Dripping(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            self.wfile.write(begin)
            with contextlib.suppress(OSError):
                while not over.wait(0.05):
                    self.wfile.write(each)
            self.close_connection = True

    with serving(Dripping) as address:
        start = time.monotonic()
        with pytest.raises(TimeoutError):
            post(address, b"{}", {}, timeout_s=0.4, allowed=LOOPBACK)
        assert 0.3 < time.monotonic() - start < 3
        over.set()


def test_a_receiver_that_takes_nothing_meets_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError):
        post(
            f"http://127.0.0.1:{silent.getsockname()[1]}/", b"x" * 30_000_000, {}, timeout_s=0.4, allowed=LOOPBACK
        )  # more than the system holds for it
