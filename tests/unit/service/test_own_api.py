"""Where `schouw run` looks whether its API is there, and by which name it asks."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from service.own_api import OwnApi
from service.screen import fetch_ranking
from service.settings_sections import ApiSection
from tests.ports import free_port

PROXY = "schouw.example.org"
ANY = "0.0.0.0"  # noqa: S104 -- what access.md tells to listen on


@contextmanager
def guarded(*names: str) -> Iterator[int]:
    """Serve on a free port, for these names alone, as the API does."""

    class Guard(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_known = str(self.headers["Host"]).partition(":")[0] in names
            body = json.dumps({"items": [{"asked": self.path}]}).encode()
            self.send_response(200 if is_known else 400)
            self.end_headers()
            self.wfile.write(body if is_known else b"{}")

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Guard)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("host", "allowed", "address", "name"),
    [
        ("127.0.0.1", ("127.0.0.1", "localhost"), "http://127.0.0.1:8000", None),
        ("localhost", ("LOCALHOST",), "http://localhost:8000", None),
        ("127.0.0.1", (PROXY,), "http://127.0.0.1:8000", PROXY),
        (ANY, (PROXY, "other.example.org"), "http://127.0.0.1:8000", PROXY),
        ("::", (PROXY,), "http://[::1]:8000", PROXY),
        ("::1", ("[::1]",), "http://[::1]:8000", None),
        (ANY, ("*",), "http://127.0.0.1:8000", None),
        (ANY, ("a\nb", "brug-Ω"), "http://127.0.0.1:8000", None),
        (ANY, (), "http://127.0.0.1:8000", None),
    ],
)
def test_an_address_that_can_be_reached_and_a_name_that_is_answered(
    host: str, allowed: tuple[str, ...], address: str, name: str | None
) -> None:
    own_api = OwnApi.of(ApiSection(host=host, allowed_hosts=allowed))
    assert (own_api.address, own_api.name) == (address, name)


def test_people_are_told_the_address_that_they_use() -> None:
    assert OwnApi.of(ApiSection(public_url="https://schouw.example.org")).shown == "https://schouw.example.org"
    assert OwnApi.of(ApiSection()).shown == "http://127.0.0.1:8000"


def test_the_list_is_asked_by_the_name_of_the_proxy() -> None:
    with guarded(PROXY) as port:
        own_api = OwnApi.of(ApiSection(port=port, allowed_hosts=(PROXY,)))
        assert own_api.answers()
        assert fetch_ranking(own_api, limit=3) == [{"asked": "/v1/risks?pageSize=3"}]


def test_a_refusal_is_an_answer_and_no_list() -> None:
    """With the name of a proxy alone `schouw run` took the refusal for silence, and stopped everything."""
    with guarded(PROXY) as port:
        own_api = OwnApi(f"http://127.0.0.1:{port}")
        assert own_api.answers()
        assert fetch_ranking(own_api, limit=3) == []


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with guarded("elsewhere") as port:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        assert not OwnApi(f"http://127.0.0.1:{free_port()}").answers(timeout_s=1)


def test_silence_and_what_speaks_no_http_are_no_answers() -> None:
    assert not OwnApi(f"http://127.0.0.1:{free_port()}").answers(timeout_s=1)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def speak() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"SSH-2.0\r\n\r\n")

        thread = threading.Thread(target=speak)
        thread.start()
        assert not OwnApi(f"http://127.0.0.1:{listener.getsockname()[1]}").answers(timeout_s=1)
        thread.join()
