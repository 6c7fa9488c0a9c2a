"""One run: a known stream into the real processes while faults are done to them, then a comparison."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.batch import Message
from service.settings import load_settings
from simulator.run import resolve_start
from simulator.scenario import Scenario
from simulator.scenario_file import load_scenario
from tests.chain import feed, finish, open_chain, simulated_messages
from tests.faults.evidence import Evidence, evidence_of
from tests.faults.publisher import SteadyPublisher
from tests.faults.schedule import Fault, draw_faults
from tests.faults.site import PAUSE_S, FaultySite, small_disk
from tests.influx_server import InfluxServer
from tests.servers import PostgresServer
from tests.unit.service.site import project

__all__ = ["FaultRun", "Stream", "known_stream", "run_with_faults", "undisturbed"]

_START_NS: Final = 1_738_368_000_000_000_000
_HELD_BACK: Final = 40
_PATIENCE_S: Final = 120.0
_DISK: Final = "160m"


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream, and what it leads to when nothing disturbs it."""

    scenario: Scenario
    messages: Sequence[Message]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class FaultRun:
    """What one run did and found; `faults` is empty when nothing is wrong.

    Attributes
    ----------
    wrong : tuple of str
        Every difference from the undisturbed run, and every finding of `schouw doctor`.
    unasked : tuple of str
        Processes that ended without being killed; started again, as `schouw run` does.
    """

    seed: int
    servers: str
    done: Counter[str]
    seconds: float
    stored: int
    wrong: tuple[str, ...]
    unasked: tuple[str, ...]


def known_stream(folder: Path, *, days: int) -> Stream:
    """Make the messages of the simulator's small scenario, and take them undisturbed, in process."""
    scenario = resolve_start(load_scenario("small"), _START_NS, None)
    folder.mkdir(parents=True, exist_ok=True)
    messages = simulated_messages(scenario, folder, days=days)
    return Stream(scenario, messages, undisturbed(folder, scenario, messages))


def undisturbed(folder: Path, scenario: Scenario, messages: Sequence[Message]) -> Evidence:
    """Take messages in process, without broker and faults, and give what they lead to."""
    pipeline = open_chain(folder, scenario)
    feed(pipeline, messages, batch=400)
    state = finish(pipeline)
    project(folder, pipeline)
    pipeline.journal.close()
    return evidence_of(load_settings({"data_dir": folder}), state)


def run_with_faults(
    stream: Stream,
    *,
    seed: int,
    count: int,
    influx: InfluxServer | None = None,
    postgres: PostgresServer | None = None,
    say: Callable[[str], None] = lambda _: None,
    keep: Path | None = None,
) -> FaultRun:
    """Publish the stream, do `count` faults meanwhile, and compare with the undisturbed run.

    Parameters
    ----------
    keep : Path, optional
        Where the data folder is copied to, logs included, when something is wrong or a process ended by itself.
    """
    with tempfile.TemporaryDirectory(prefix="schouw-faults-") as name, contextlib.ExitStack() as ends:
        folder = Path(name)
        data = folder / "disk"
        is_small = ends.enter_context(small_disk(data, _DISK))
        site = FaultySite(
            folder, data / "data", stream.scenario, influx=influx, postgres=postgres, disk_is_small=is_small
        )
        ends.callback(site.close)
        faults = draw_faults(seed, count, site.kinds())
        start = time.monotonic()
        wrong = _disturb(site, stream, faults, say)
        seconds = time.monotonic() - start
        wrong += _compare(site, stream)
        # `schouw run` starts again what died, but stops everything for a part that refuses its settings.
        wrong += [f"{what}, as if a setting were wrong" for what in site.unasked if what.endswith(" with 2")]
        if (wrong or site.unasked) and keep is not None:
            shutil.copytree(data / "data", keep, dirs_exist_ok=True)
        servers = " + ".join(["embedded", *(["InfluxDB"] if influx else []), *(["PostgreSQL"] if postgres else [])])
        done = Counter(str(fault.kind) for fault in faults)
        # Where too little was left of the stream ingest was killed, and did not fall behind.
        too_late = done["far behind"] - site.fell_behind
        done = done + Counter({"kill ingest": too_late}) - Counter({"far behind": too_late})
        return FaultRun(seed, servers, done, seconds, site.stored(), tuple(wrong), tuple(site.unasked))


def _disturb(site: FaultySite, stream: Stream, faults: Sequence[Fault], say: Callable[[str], None]) -> list[str]:
    site.start()
    lengths = sum(fault.gap_s + (fault.length_s if "kill" not in fault.kind else 1.0) for fault in faults)
    publisher = SteadyPublisher(site.to_publisher.port, stream.messages, seconds=lengths)
    site.published = lambda: publisher.sent
    # The end comes after the last fault: only a stream that ingest heard can be seen to pause.
    publisher.start(hold_back=_HELD_BACK)
    try:
        for number, fault in enumerate(faults):
            site.inject(fault)
            say(f"{number + 1} of {len(faults)}: {fault.kind}, {publisher.sent} published")
        publisher.release()
        wrong = [
            f"not within {_PATIENCE_S:g} s: {what}"
            for what, condition in (
                ("every message acknowledged by the broker", lambda: publisher.finished),
                ("every reading stored", lambda: site.stored() >= stream.evidence.stored),
                ("the end of the stream noticed", site.has_paused),
                ("every projection complete", site.has_drained),
            )
            if not _holds(site, condition)
        ]
    finally:
        publisher.stop()
    site.stop()
    return wrong


def _holds(site: FaultySite, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _PATIENCE_S + PAUSE_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        site.watch()
        time.sleep(0.2)
    return True


def _compare(site: FaultySite, stream: Stream) -> Iterator[str]:
    doctor = site.installation.call("doctor", check=False).stdout.splitlines()
    yield from (line for line in doctor if line.startswith("WRONG"))
    state = next((line.split("model state: ")[1].split()[0] for line in doctor if "model state: " in line), "none")
    found = evidence_of(site.settings(), state)
    yield from (f"undisturbed and disturbed differ in {text}" for text in stream.evidence.differences(found))
