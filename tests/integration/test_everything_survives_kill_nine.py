"""`schouw run --demo`: complete, killed in every way, and gone without a trace after Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from simulator.run import resolve_start
from simulator.scenario_file import load_scenario
from tests.chain import feed, finish, open_chain, simulated_messages
from tests.installation import Installation, has_come_to_rest, stop
from tests.lengths import IS_LONG
from tests.servers import is_alive

pytestmark = pytest.mark.slow

DAYS = 60
READINGS = 65_846  # that the scenario stores in them; `make long` counts them without any process
SPEED = 5 * 86_400  # sixty days in twelve seconds, so that kills fall in the middle
DEMO = ("run", "--demo", "--scenario", "small", "--no-live", "--start", "2025-02-01", "--speed", str(SPEED))
PARTS = ("nats-server", "service.cli project", "service.cli ingest", "service.cli api", "service.cli simulate")


@dataclass(frozen=True, slots=True)
class CleanRun:
    """What a run that nobody disturbed led to, and what it left behind."""

    state: str
    stored: int
    exit_code: int
    ranked: Sequence[str]
    survivors: Sequence[int]
    leftovers: Sequence[Path]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> CleanRun:
    """Run the demo without any trouble, and stop it as Ctrl-C would."""
    site = site_in(tmp_path_factory.mktemp("clean") / "data")
    process = site.start(*DEMO)
    try:
        site.until("a ranked list", lambda: bool((site.get("/v1/risks") or {}).get("items")), seconds=120)
        finished(site, READINGS)
        site.until("projected", lambda: (site.get("/readyz") or {}).get("ready", False), seconds=20)
        ranked = [item["asset"]["id"] for item in site.get("/v1/risks")["items"]]
        family = set(children(process.pid))
    finally:
        code = stop(process)
    assert family
    demo = site.folder / "demo"
    return CleanRun(
        state=state(site),
        stored=stored(site),
        exit_code=code,
        ranked=ranked,
        survivors=[pid for pid in family if is_alive(pid)],
        leftovers=[*demo.glob("*.part"), *demo.glob("*.new")],
    )


def in_process(folder: Path) -> tuple[str, int]:
    """Give the state's hash and the stored readings of the same scenario, taken without any process or broker."""
    scenario = resolve_start(load_scenario("small"), 1_738_368_000_000_000_000, None)
    pipeline = open_chain(folder, scenario)
    feed(pipeline, simulated_messages(scenario, folder, days=DAYS), batch=60)
    return finish(pipeline), pipeline.journal.tally()["readings_stored"]


def children(parent: int) -> dict[int, str]:
    """Give the processes below one of ours, with their command lines."""
    found: dict[int, str] = {}
    listing = subprocess.run(["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
    rows = [line.split(None, 2) for line in listing.stdout.splitlines()]
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


def stored(site: Installation) -> int:
    with contextlib.closing(site.journal("demo")) as journal:
        return journal.tally().get("readings_stored", 0)


def finished(site: Installation, readings: int) -> None:
    """Wait for the end of the history, for so many readings, and for the pause behind them."""
    site.until("history published", lambda: complete(site), seconds=120)
    site.until("all readings stored", lambda: stored(site) >= readings, seconds=120)
    site.until("at rest", lambda: has_come_to_rest(site.folder / "demo" / "journal.sqlite"), seconds=120)


def in_mid_stream(site: Installation, generator: random.Random) -> None:
    """Wait until ingest takes readings again, however slow the machine, and then for a moment between two saves."""
    before = stored(site)
    site.until("more readings", lambda: stored(site) > before, seconds=120)
    time.sleep(generator.uniform(0.3, 1.3))


def site_in(folder: Path) -> Installation:
    return Installation(folder, INGEST__PAUSE_SECONDS=9, INGEST__SNAPSHOT_SECONDS=1)


def test_kill_nine_of_each_process_and_of_all_changes_no_bit(tmp_path: Path, clean: CleanRun) -> None:
    generator = random.Random(11)
    site = site_in(tmp_path / "data")
    process = site.start(*DEMO)
    try:
        site.until("readings", lambda: bool(site.get("/v1/risks")), seconds=120)
        for part in PARTS:
            time.sleep(generator.uniform(0.3, 1.0))
            for pid, command in children(process.pid).items():
                if part in command and is_alive(pid):
                    os.kill(pid, signal.SIGKILL)
        in_mid_stream(site, generator)
        before = set(children(process.pid))
        process.kill()  # the parent alone: everything else must end with it
        process.wait(10)
        site.until("no orphan", lambda: not any(is_alive(pid) for pid in before), seconds=10)
        process = site.start(*DEMO)
        in_mid_stream(site, generator)
        everyone = set(children(process.pid)) | {process.pid}
        for pid in everyone:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        process.wait(10)
        site.until("no orphan", lambda: not any(is_alive(pid) for pid in everyone), seconds=10)
        process = site.start(*DEMO)
        finished(site, READINGS)
    finally:
        stop(process)
    assert state(site) == clean.state
    assert stored(site) == clean.stored


def test_a_clean_run_ranks_and_leaves_nothing_behind(tmp_path: Path, clean: CleanRun) -> None:
    assert clean.exit_code == 0
    assert clean.stored == READINGS
    assert not clean.survivors
    # Both that are damaged, in the order of what waiting costs; it does not matter here which costs more.
    assert set(clean.ranked[:2]) == {"brug-1", "sluis-1"}
    assert not clean.leftovers
    if IS_LONG:  # `test_workers.py` compares processes with the same in process, over fewer days
        assert (clean.state, clean.stored) == in_process(tmp_path)
