"""How fast the API answers while ingest works, beside a bare FastAPI route with the same bytes; `make bench-api`.

The real processes: Mosquitto, those of `schouw run` with 10,000 assets, and keys asked for. Ingest first
takes readings as fast as it can, which tells its maximum, then half as many a second for as long as is measured. Ours
and the bare route are asked in turn, in slices, by the same raw clients over kept connections, so that a busy machine
slows both alike; the ratio is what counts, and the processor time of an answer, which other work disturbs least.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import multiprocessing
import socket
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import FastAPI, Response

from service.everything import CHILDREN
from service.listening import bind
from service.settings_sections import AccessSection
from storage.journal import Journal
from tests.installation import Installation, stop
from tests.performance.load import Load, publishing, write_register
from tests.performance.resources import cpu_s
from tests.servers import MosquittoBroker, running

PATH: Final = "/v1/risks?pageSize=100"
CONNECTIONS: Final = 4
READY_S: Final = 400.0
FASTEST_MESSAGES: Final = 30_000
# What was promised: in words, the figure, whether it is a least or a most, and which.
PROMISES: Final = (
    ("ranked list of 100: p99, ms", "list_p99_ms", False, 50.0),
    ("ranked list of 100: requests/s of a bare route's", "list_ratio", True, 0.6),
    ("the same by processor time", "list_cpu_ratio", True, 0.6),
    ("unchanged (304): requests/s of a bare route's", "unchanged_ratio", True, 0.8),
    ("the same by processor time", "unchanged_cpu_ratio", True, 0.8),
    ("errors told to pollers", "poll_errors", False, 0.0),
)


@dataclass(frozen=True, slots=True)
class Server:
    """One of the two that are compared."""

    port: int
    pid: int


@dataclass(slots=True)
class Slices:
    """What was measured of one kind of question, slice by slice."""

    rates: list[float] = field(default_factory=list)
    tags: set[bytes] = field(default_factory=set)
    cpu_us: list[float] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)


async def ask(
    port: int,
    request: bytes,
    until_s: float,
    latencies_s: list[float],
    statuses: Counter[bytes],
    tags: set[bytes],
    *,
    holds: bool,
) -> None:
    """Ask over one connection again and again; one that holds what it got sends the newest tag along."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    asked = request
    while time.perf_counter() < until_s:
        begin = time.perf_counter()
        writer.write(asked)
        head = await reader.readuntil(b"\r\n\r\n")
        named = dict(row.lower().split(b": ", 1) for row in head.split(b"\r\n")[1:-2])
        length = int(named.get(b"content-length", b"0"))
        if length:
            await reader.readexactly(length)
        latencies_s.append(time.perf_counter() - begin)
        statuses[head[9:12]] += 1
        tags.add(named.get(b"etag", b""))
        if holds and head[9:12] == b"200":
            asked = request[:-2] + b"If-None-Match: " + named[b"etag"] + b"\r\n\r\n"
    writer.close()
    await writer.wait_closed()


async def ask_for(
    port: int, request: bytes, seconds: float, connections: int, tags: set[bytes], *, holds: bool = False
) -> tuple[list[float], Counter[bytes]]:
    """Ask for some seconds over some connections; gives latencies, and how many answers had each status."""
    latencies_s: list[float] = []
    statuses: Counter[bytes] = Counter()
    until_s = time.perf_counter() + seconds
    await asyncio.gather(
        *(ask(port, request, until_s, latencies_s, statuses, tags, holds=holds) for _ in range(connections))
    )
    return latencies_s, statuses


def ask_once(port: int, request: bytes) -> tuple[dict[str, str], bytes]:
    """Ask once, and give headers and body."""
    with socket.create_connection(("127.0.0.1", port)) as line, contextlib.closing(line.makefile("rb")) as file:
        line.sendall(request)
        headers: dict[str, str] = {"status": file.readline().decode().split()[1]}
        while (row := file.readline().decode().strip()) != "":
            name, _, value = row.partition(":")
            headers[name.lower()] = value.strip()
        return headers, file.read(int(headers.get("content-length", "0")))


def request_of(path: str, **headers: str) -> bytes:
    """Write a request for a kept connection."""
    rows = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{rows}\r\n".encode()


def take_slice(server: Server, request: bytes, seconds: float, into: Slices, *, holds: bool = False) -> None:
    """Measure one slice."""
    cpu, begin = cpu_s(server.pid), time.perf_counter()
    latencies_s, statuses = asyncio.run(ask_for(server.port, request, seconds, CONNECTIONS, into.tags, holds=holds))
    assert set(statuses) <= {b"200", b"304"}, statuses
    into.rates.append(len(latencies_s) / (time.perf_counter() - begin))
    into.cpu_us.append(1e6 * (cpu_s(server.pid) - cpu) / len(latencies_s))
    into.latencies_s += latencies_s


def bare_app(body: bytes) -> FastAPI:
    """Make the least that FastAPI can do: one route, the same bytes."""
    app = FastAPI()

    @app.get("/v1/risks")
    async def show() -> Response:
        return Response(body, media_type="application/json")

    return app


def serve_bare(body: bytes, listener: socket.socket) -> None:
    """Serve the bare route as `schouw api` serves ours."""
    config = uvicorn.Config(bare_app(body), log_level="warning", access_log=False, server_header=False)
    uvicorn.Server(config).run([listener])


@contextlib.contextmanager
def bare_server(body: bytes) -> Iterator[Server]:
    """Run the bare route in a process of its own."""
    listener = bind("127.0.0.1", 0, AccessSection())
    process = multiprocessing.get_context("fork").Process(target=serve_bare, args=(body, listener), daemon=True)
    process.start()
    try:
        server = Server(listener.getsockname()[1], process.pid or 0)
        wait_for(server.port)
        yield server
    finally:
        process.terminate()
        process.join()
        listener.close()


def wait_for(port: int) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, IndexError):
            ask_once(port, request_of("/livez"))
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing answers on port {port}")


class Site:
    """Broker, ingest and API with a register of many assets, one sensor each."""

    def __init__(self, folder: Path, assets: int) -> None:
        self.load = Load("waveform", assets, 1, step_s=2, sensors_of_an_asset=1)
        self.broker = MosquittoBroker(folder / "broker")
        self.place = Installation(
            folder / "data",
            MQTT__PORT=self.broker.port,
            INGEST__CLOCK="stream",
            ACCESS__REQUIRED="true",
            ACCESS__REQUESTS_PER_MINUTE=1_000_000,
            INGEST__PROJECTS="false",
        )
        self.place.folder.mkdir()
        self.place.call("assets", "import", *map(str, write_register(self.load, folder)))
        self.key = self.place.call("keys", "create", "--name", "bench", "--role", "viewer").stdout.split()[-1]

    @contextlib.contextmanager
    def running(self) -> Iterator[Server]:
        """Run all three, and give the API."""
        with running(self.broker):
            project, ingest, api = (self.place.start(name) for name in CHILDREN)
            try:
                wait_for(self.place.api_port)
                status = self.place.folder / "ingest-status.json"
                self.place.until(
                    "ingest", lambda: status.exists() and b'"broker_connected":true' in status.read_bytes(),
                    seconds=READY_S,
                )  # fmt: skip
                yield Server(self.place.api_port, api.pid)
            finally:
                stop(api)
                stop(ingest)
                stop(project)

    def await_list(self) -> None:
        """Wait until what came is in the tables behind the API: a short list would be quick for no good reason."""
        self.place.until("the projections", self.place.is_projected, seconds=READY_S)

    def taken(self, journal: Journal) -> int:
        """Count messages that are in the journal."""
        return journal.tally().get("messages_decoded", 0)

    def fastest(self, rounds: int) -> float:
        """Let ingest take some rounds as fast as it can; messages a second."""
        journal = self.place.journal()
        wanted = self.taken(journal) + rounds * self.load.sensors
        with self.publishing(journal, rounds, 0.0):
            begin, before = time.monotonic(), self.taken(journal)
            self.place.until("all readings", lambda: self.taken(journal) >= wanted, seconds=600)
            return (wanted - before) / (time.monotonic() - begin)

    @contextlib.contextmanager
    def publishing(self, journal: Journal, rounds: int, rate: float) -> Iterator[None]:
        """Publish meanwhile, from the first message that arrived; times go on where they were. No rounds: nothing."""
        if not rounds:
            yield
            return
        load = Load("waveform", self.load.sensors, rounds, step_s=2, sensors_of_an_asset=1, first=self.load.rounds)
        self.load = Load("waveform", self.load.sensors, self.load.rounds + rounds, step_s=2, sensors_of_an_asset=1)
        before = self.taken(journal)
        with publishing(load, self.broker.port, count=1, rate=rate):
            self.place.until("a first message", lambda: self.taken(journal) > before, seconds=READY_S)
            yield


@contextlib.contextmanager
def running_site(folder: Path, assets: int) -> Iterator[tuple[Site, Server]]:
    """Make a site and run it."""
    site = Site(folder, assets)
    with site.running() as api:
        yield site, api


def measure(
    *,
    slices: int,
    slice_s: float,
    pollers: int,
    poll_s: float,
    assets: int,
    share: float,
    messages: int = FASTEST_MESSAGES,
) -> dict[str, float]:
    """Run everything, and give the figures.

    Parameters
    ----------
    messages : int
        At least so many tell how fast ingest is at most.
    """
    kinds = {name: Slices() for name in ("bare", "list", "unchanged")}
    start = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="schouw-bench-") as name,
        (site := Site(Path(name), assets)).running() as ours,
    ):
        ready_s = time.monotonic() - start
        say(f"ready after {ready_s:.0f} s with {assets} assets")
        most = site.fastest(math.ceil(messages / assets))
        site.await_list()
        say(f"ingest takes {most:.0f} messages/s at most")
        asking = {"Authorization": f"Bearer {site.key}"}
        headers, body = ask_once(ours.port, request_of(PATH, **asking))
        assert headers["status"] == "200", body[:300]
        assert len(json.loads(body)["items"]) == min(100, assets)
        plain = request_of(PATH, **asking)
        journal = site.place.journal()
        seconds = slices * slice_s * len(kinds) + poll_s + 60
        with (
            bare_server(body) as bare,
            site.publishing(journal, math.ceil(seconds * most * share / assets), most * share),
        ):
            begin, before = time.monotonic(), site.taken(journal)
            for _ in range(slices):
                take_slice(bare, plain, slice_s, kinds["bare"])
                take_slice(ours, plain, slice_s, kinds["list"])
                take_slice(ours, plain, slice_s, kinds["unchanged"], holds=True)
            taken = (site.taken(journal) - before) / (time.monotonic() - begin)
            say(json.dumps(compared(kinds)))
            tags: set[bytes] = set()
            polled, statuses = asyncio.run(ask_for(ours.port, plain, poll_s, pollers, tags, holds=True))
        journal.close()
    return compared(kinds) | {
        "assets": assets,
        "ready_s": ready_s,
        "body_bytes": len(body),
        "ingest_most_per_s": most,
        "ingest_meanwhile_per_s": taken,
        "pollers": pollers,
        "polls": len(polled),
        "list_changes": len(kinds["list"].tags | kinds["unchanged"].tags | tags),
        "poll_errors": len(polled) - statuses[b"200"] - statuses[b"304"],
        "polls_304": statuses[b"304"],
        "poll_p99_ms": 1e3 * statistics.quantiles(polled, n=100)[98],
    }


def say(what: str) -> None:
    """Tell meanwhile how far it is: all of it takes minutes."""
    print(f"[{time.strftime('%H:%M:%S')}] {what}", file=sys.stderr, flush=True)  # noqa: T201 -- its output


def compared(kinds: dict[str, Slices]) -> dict[str, float]:
    """Give rates, processor times and latencies, and their ratios to the bare route."""
    found: dict[str, float] = {}
    bare_rate, bare_cpu = (statistics.median(values) for values in (kinds["bare"].rates, kinds["bare"].cpu_us))
    for kind, measured in kinds.items():
        waited = statistics.quantiles(measured.latencies_s, n=100)
        rate, cpu = statistics.median(measured.rates), statistics.median(measured.cpu_us)
        found |= {f"{kind}_per_s": rate, f"{kind}_ratio": rate / bare_rate, f"{kind}_cpu_us": cpu}
        found |= {f"{kind}_cpu_ratio": bare_cpu / cpu, f"{kind}_p50_ms": 1e3 * waited[49]}
        found[f"{kind}_p99_ms"] = 1e3 * waited[98]
    return found


def main() -> None:
    """Run the bench and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=8)
    parser.add_argument("--slice-seconds", type=float, default=2.0)
    parser.add_argument("--pollers", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long the pollers ask")
    parser.add_argument("--assets", type=int, default=10_000)
    parser.add_argument(
        "--share", type=float, default=0.5, help="of ingest's maximum that comes in meanwhile; 0: nothing"
    )
    asked = parser.parse_args()
    found = measure(
        slices=asked.slices, slice_s=asked.slice_seconds, pollers=asked.pollers, poll_s=asked.seconds,
        assets=asked.assets, share=asked.share,
    )  # fmt: skip
    print(json.dumps({name: round(value, 3) for name, value in found.items()}, indent=2))  # noqa: T201 -- its output
    print("\n".join(table(found)))  # noqa: T201 -- see above


def table(found: dict[str, float]) -> list[str]:
    """Give what was promised, what was measured, and whether it holds, as rows of a Markdown table."""
    rows = ["| what | measured | wanted | holds |", "| --- | --- | --- | --- |"]
    for what, name, least, wanted in PROMISES:
        value = found[name]
        holds = value >= wanted if least else value <= wanted
        rows.append(f"| {what} | {value:.2f} | {'≥' if least else '≤'} {wanted:g} | {'yes' if holds else 'no'} |")
    told = (
        f"{found['assets']:.0f} assets, ingest at {found['ingest_meanwhile_per_s']:.0f} of "
        f"{found['ingest_most_per_s']:.0f} messages/s, ready after {found['ready_s']:.0f} s; processor time "
        f"of an answer: bare {found['bare_cpu_us']:.0f} µs, list {found['list_cpu_us']:.0f} µs, unchanged "
        f"{found['unchanged_cpu_us']:.0f} µs; p99 of the bare route {found['bare_p99_ms']:.0f} ms; "
        f"{found['list_changes']:.0f} different lists; {found['polls']:.0f} answers to "
        f"{found['pollers']:.0f} pollers, {found['polls_304']:.0f} of them 304"
    )
    return [*rows, "", told]


if __name__ == "__main__":
    main()
