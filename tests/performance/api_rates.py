"""How fast the API answers, beside a bare FastAPI route that returns the same bytes, in one run; `make bench-api`.

10,000 assets in a real operational store, with authentication on. A bare route and ours are asked in turn, in
slices of a second, by the same raw clients over kept connections to the same kind of server process, so that a busy
machine slows both alike; the ratio is what counts. The polling part asks with `If-None-Match` from many connections.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import multiprocessing
import socket
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Response

from api.app import create_app
from domain.access import Role
from domain.records import RiskState
from service.settings import AccessSection
from service.web import bind
from tests.unit.api.fakes import SETTINGS, make_asset, make_risk, make_town
from tests.unit.api.organisations import guard, make_key, open_ledger
from tests.unit.api.sql_town import SqlTown

STATES = list(RiskState)


def build(folder: Path, assets: int) -> tuple[Any, str]:
    """Fill a store and give the application's rooms with a key."""
    town = make_town()
    town.settings = replace(SETTINGS, allowed_hosts=("127.0.0.1",))
    town.store.asset_rows = [make_asset(f"brug-{n:05d}", f"Brug {n}") for n in range(assets)]
    town.store.newest = {
        asset.id: make_risk(asset.id, STATES[n % 4], float(n)) for n, asset in enumerate(town.store.asset_rows)
    }
    town.store.alarm_rows, town.store.history = [], []
    ledger = open_ledger(folder)
    guard(town, ledger)
    return SqlTown(folder, town), make_key(ledger, "oost", Role.VIEWER)


def serve(make: Callable[[], Any], listener: socket.socket) -> None:
    """Serve an application in this process; what filled the store is left out of the collector's rounds, for both."""
    gc.collect()
    gc.freeze()
    uvicorn.Server(uvicorn.Config(make(), log_level="critical", access_log=False, lifespan="off")).run([listener])


async def ask(port: int, request: bytes, until: float, latencies: list[float]) -> int:
    """Ask over one connection again and again; gives how many answers were not as the first one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    odd, first = 0, b""
    while time.perf_counter() < until:
        begin = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        if length:
            await reader.readexactly(length)
        latencies.append(time.perf_counter() - begin)
        status = head[9:12]
        first = first or status
        odd += status != first or status not in {b"200", b"304"}
    writer.close()
    return odd


async def slice_of(port: int, request: bytes, seconds: float, connections: int) -> tuple[float, list[float], int]:
    """Ask for some seconds over some connections: answers a second, latencies, odd answers."""
    latencies: list[float] = []
    begin = time.perf_counter()
    odd = await asyncio.gather(*(ask(port, request, begin + seconds, latencies) for _ in range(connections)))
    return len(latencies) / (time.perf_counter() - begin), latencies, sum(odd)


def head_of(port: int, request: bytes) -> tuple[dict[str, str], bytes]:
    """Ask once, and give headers and body."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(request)
        file = line.makefile("rb")
        headers: dict[str, str] = {"status": file.readline().decode().split()[1]}
        while (row := file.readline().decode().strip()) != "":
            name, _, value = row.partition(":")
            headers[name.lower()] = value.strip()
        return headers, file.read(int(headers.get("content-length", "0")))


def request_of(path: str, **headers: str) -> bytes:
    """Write a request for a kept connection."""
    rows = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{rows}\r\n".encode()


def measure(slices: int, pollers: int, poll_seconds: float, assets: int) -> dict[str, float]:
    """Run everything, and give the figures."""
    with tempfile.TemporaryDirectory() as name:
        sql, key = build(Path(name), assets)
        ours, bare = bind("127.0.0.1", 0, AccessSection()), bind("127.0.0.1", 0, AccessSection())
        fork = multiprocessing.get_context("fork")
        processes = [fork.Process(target=serve, args=(lambda: create_app(sql.rooms), ours), daemon=True)]
        processes[0].start()
        port = ours.getsockname()[1]
        asking = {"Authorization": f"Bearer {key}"}
        wait_for(port)
        headers, body = head_of(port, request_of("/v1/risks?pageSize=100", **asking))
        assert headers["status"] == "200", body[:300]
        processes.append(fork.Process(target=serve, args=(lambda: bare_app(body), bare), daemon=True))
        processes[1].start()
        wait_for(bare.getsockname()[1])
        try:
            held = request_of("/v1/risks?pageSize=100", **asking, If_None_Match=headers["etag"])
            plain = request_of("/v1/risks?pageSize=100", **asking)
            rates: dict[str, list[float]] = {"ours": [], "bare": [], "held": []}
            latencies: list[float] = []
            for _ in range(slices):
                for kind, where, request in (
                    ("bare", bare.getsockname()[1], plain), ("ours", port, plain), ("held", port, held),
                ):  # fmt: skip
                    rate, waited, odd = asyncio.run(slice_of(where, request, 1.0, 4))
                    assert odd == 0
                    rates[kind].append(rate)
                    if kind == "ours":
                        latencies += waited
            _, polled, errors = asyncio.run(slice_of(port, held, poll_seconds, pollers))
        finally:
            for process in processes:
                process.terminate()
                process.join()
    bare_rate = statistics.median(rates["bare"])
    return {
        "assets": assets,
        "body_bytes": len(body),
        "bare_per_s": bare_rate,
        "list_per_s": statistics.median(rates["ours"]),
        "list_ratio": statistics.median(rates["ours"]) / bare_rate,
        "unchanged_per_s": statistics.median(rates["held"]),
        "unchanged_ratio": statistics.median(rates["held"]) / bare_rate,
        "list_p50_ms": 1e3 * statistics.quantiles(latencies, n=100)[49],
        "list_p99_ms": 1e3 * statistics.quantiles(latencies, n=100)[98],
        "pollers": pollers,
        "polls": len(polled),
        "poll_errors": errors,
    }


def bare_app(body: bytes) -> FastAPI:
    """Make the least that FastAPI can do: one route, the same bytes."""
    app = FastAPI()

    @app.get("/v1/risks")
    async def show() -> Response:
        return Response(body, media_type="application/json")

    return app


def wait_for(port: int) -> None:
    """Wait until a server answers."""
    for _ in range(400):
        try:
            head_of(port, request_of("/livez"))
        except (OSError, IndexError):
            time.sleep(0.05)
        else:
            return
    raise TimeoutError


def main() -> None:
    """Run the bench and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=8)
    parser.add_argument("--pollers", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--assets", type=int, default=10_000)
    asked = parser.parse_args()
    found = measure(asked.slices, asked.pollers, asked.seconds, asked.assets)
    print(json.dumps({name: round(value, 3) for name, value in found.items()}, indent=2))  # noqa: T201 -- its output


if __name__ == "__main__":
    main()
