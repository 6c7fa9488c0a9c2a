"""`schouw run --demo`: complete, killed in every way, and gone without a trace after Ctrl-C."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from simulator.run import resolve_start
from simulator.scenario_file import load_scenario
from tests.chain import feed, finish, open_chain, simulated_messages
from tests.installation import Installation, has_come_to_rest, stop
from tests.servers import is_alive

pytestmark = pytest.mark.slow

DAYS = 60
SPEED = 5 * 86_400  # sixty days in twelve seconds, so that kills fall in the middle
DEMO = ("run", "--demo", "--scenario", "small", "--no-live", "--start", "2025-02-01", "--speed", str(SPEED))
PARTS = ("nats-server", "service.cli project", "service.cli ingest", "service.cli api", "service.cli simulate")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, int]:
    """State hash and stored readings of the same scenario, run in process without any trouble."""
    folder = tmp_path_factory.mktemp("undisturbed")
    scenario = resolve_start(load_scenario("small"), 1_738_368_000_000_000_000, None)
    pipeline = open_chain(folder, scenario)
    feed(pipeline, simulated_messages(scenario, folder, days=DAYS), batch=60)
    return finish(pipeline), pipeline.journal.tally()["readings_stored"]


def children(parent: int) -> dict[int, str]:
    """Give the processes below one of ours, with their command lines."""
    found: dict[int, str] = {}
    listing = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listing.splitlines()]
    family = {parent}
    for _ in range(4):
        for pid, ppid, command in (row for row in rows if len(row) == 3):
            if int(ppid) in family:
                family.add(int(pid))
                found[int(pid)] = command
    return found


def complete(site: Installation) -> bool:
    """Tell whether the simulator is done and ingest has closed what was complete when the stream paused."""
    progress = site.folder / "demo" / "simulator-progress.json"
    if not progress.is_file():
        return False
    try:
        acknowledged = json.loads(progress.read_bytes())["acknowledged_ns"]
    except json.JSONDecodeError:
        return False
    return bool(acknowledged >= 1_738_368_000_000_000_000 + DAYS * 86_400_000_000_000)


def state(site: Installation) -> str:
    answer = site.call("doctor", "--data-dir", str(site.folder / "demo"), check=False)
    assert "WRONG" not in answer.stdout, answer.stdout
    line = next(line for line in answer.stdout.splitlines() if "model state" in line)
    return line.split("model state: ")[1].split()[0]


def settled(site: Installation, expected: int) -> bool:
    journal = site.journal("demo")
    try:
        return journal.tally().get("readings_stored", 0) >= expected
    finally:
        journal.close()


def finished(site: Installation, undisturbed: tuple[str, int]) -> None:
    """Wait for the end of the history and of the pause behind it, and compare with the undisturbed run."""
    site.until("history published", lambda: complete(site), seconds=120)
    site.until("all readings stored", lambda: settled(site, undisturbed[1]), seconds=60)
    site.until("state as undisturbed", lambda: has_come_to_rest(site.folder / "demo" / "journal.sqlite"), seconds=60)


def site_in(folder: Path) -> Installation:
    return Installation(folder, INGEST__PAUSE_SECONDS=9, INGEST__SNAPSHOT_SECONDS=1)


def test_kill_nine_of_each_process_and_of_all_changes_no_bit(tmp_path: Path, undisturbed: tuple[str, int]) -> None:
    generator = random.Random(11)
    site = site_in(tmp_path / "data")
    process = site.start(*DEMO)
    try:
        site.until("readings", lambda: bool(site.get("/v1/risks")), seconds=60)
        for part in PARTS:
            time.sleep(generator.uniform(0.3, 1.0))
            for pid, command in children(process.pid).items():
                if part in command and is_alive(pid):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(2.5)
        before = set(children(process.pid))
        process.kill()  # the parent alone: everything else must end with it
        process.wait(10)
        site.until("no orphan", lambda: not any(is_alive(pid) for pid in before), seconds=10)
        process = site.start(*DEMO)
        time.sleep(4)
        everyone = set(children(process.pid)) | {process.pid}
        for pid in everyone:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        process.wait(10)
        site.until("no orphan", lambda: not any(is_alive(pid) for pid in everyone), seconds=10)
        process = site.start(*DEMO)
        finished(site, undisturbed)
    finally:
        stop(process)
    assert settled(site, undisturbed[1])
    assert state(site) == undisturbed[0]
    journal = site.journal("demo")
    assert journal.tally()["readings_stored"] == undisturbed[1]


def test_a_clean_run_ranks_and_leaves_nothing_behind(tmp_path: Path, undisturbed: tuple[str, int]) -> None:
    site = site_in(tmp_path / "data")
    process = site.start(*DEMO)
    try:
        site.until("a ranked list", lambda: bool((site.get("/v1/risks") or {}).get("items")), seconds=60)
        finished(site, undisturbed)
        site.until("projected", lambda: (site.get("/readyz") or {}).get("ready", False), seconds=20)
        items = site.get("/v1/risks")["items"]
        family = set(children(process.pid))
    finally:
        code = stop(process)
    assert code == 0
    assert not any(is_alive(pid) for pid in family)
    assert state(site) == undisturbed[0]
    # Both that are damaged, in the order of what waiting costs; it does not matter here which costs more.
    assert {item["asset"]["id"] for item in items[:2]} == {"brug-1", "sluis-1"}
    assert not list((site.folder / "demo").glob("*.part")) + list((site.folder / "demo").glob("*.new"))
