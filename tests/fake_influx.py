"""A small HTTP server that answers as a test says, for what no InfluxDB here can be made to say."""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

__all__ = ["Answer", "Asked", "answering"]


class Asked(NamedTuple):
    """One request as it came."""

    method: str
    path: str
    parameters: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def lines(self) -> list[str]:
        """The lines of a write."""
        return self.body.decode().splitlines()


class Answer(NamedTuple):
    """What is answered."""

    status: int
    body: object = None
    headers: dict[str, str] = {}  # noqa: RUF012 -- never changed


@contextlib.contextmanager
def answering(answer: Callable[[Asked], Answer]) -> Iterator[tuple[str, list[Asked]]]:
    """Serve on a free loopback port; gives the address and the requests that came."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65_536  # one packet an answer: two would wait for the acknowledgement of the first

        def _handle(self) -> None:
            where = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Asked(self.command, where.path, dict(parse_qsl(where.query)), headers, body)
            asked.append(request)
            given = answer(request)
            data = b"" if given.body is None else json.dumps(given.body).encode()
            with contextlib.suppress(OSError):  # it had no patience
                self.send_response_only(given.status)
                for name, value in {**given.headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _handle  # noqa: N815 -- names that the base looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
