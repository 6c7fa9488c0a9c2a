"""`schouw run`: the embedded broker, ingest, projections, the API and, for the demo, the simulator, in one place.

This process only starts, watches and stops the others. The order matters at the first start: the durable
session of ingest must be there before any gateway can connect, so it is made on a port that nobody knows
before the broker opens the real one.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

from domain.errors import ConfigurationError
from service.broker import EmbeddedBroker, free_port
from service.child_environment import child_environment
from service.folder import prepare_folder, status_path
from service.listening import bind
from service.own_api import OwnApi
from service.processes import ChildProcess, ChildSpec
from service.register_commands import current_register, import_assets, import_works
from service.sessions import check_workers, make_inbox
from service.settings import Settings
from service.status import STALE_NS, is_ready, read_status
from service.supervisor import Part, Supervisor
from service.telemetry import emitter
from storage.journal import Journal

if TYPE_CHECKING:
    from simulator.scenario import Scenario

__all__ = ["CHILDREN", "DemoPlan", "run_everything"]

# Our own processes beside the broker, in the order of starting; projections before ingest, so that they are stopped
# after it and write what it leaves behind. `docker-compose.yml` starts the same.
CHILDREN: Final[tuple[str, ...]] = ("project", "ingest", "api")

# The broker's configuration, the first pages of the stores and the first lines of the logs: without room for them the
# broker would be waited for in vain.
_LEAST_BYTES: Final = 65_536
_WATCH_EVERY_S: Final = 0.25
_READY_WITHIN_S: Final = 60.0
_SESSION_WITHIN_S: Final = 30.0
# A quick start needs no words; of a long one it is said again now and then how far it is.
_SAY_FIRST_S: Final = 3.0
_SAY_EVERY_S: Final = 10.0
# Of an embedded broker that is first asked for several workers: so many of them at most, now or later.
_SHARDS: Final = 4


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What the demo publishes.

    Attributes
    ----------
    scenario : str
        Name of a bundled scenario, or a file.
    speed : float
        Seconds of event time a second; 0: as fast as the broker takes it.
    live : bool
        Go on with readings of the present after the history.
    """

    scenario: str
    speed: float
    live: bool
    start_ns: int | None = None


def run_everything(
    settings: Settings, demo: DemoPlan | None, show: Callable[[OwnApi, bool], None], tell: Callable[[str], None]
) -> None:
    """Start all parts, keep them running until SIGINT or SIGTERM, stop them in order.

    Parameters
    ----------
    settings : Settings
        Handed to the children as they are.
    show : callable
        Called a few times a second with the API, and whether the history is complete.
    tell : callable
        Called with a sentence when the start takes long.

    Raises
    ------
    ConfigurationError
        If something outside must change first; everything that ran is stopped.
    """
    prepare_folder(settings, least_bytes=_LEAST_BYTES)
    if settings.broker.embedded:
        settings = for_embedded_broker(settings)
        _broker(settings, settings.mqtt.port).check_folder()
    check_workers(settings)
    bind(settings.api.host, settings.api.port, settings.access).close()
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    parts: list[Part] = []
    broker = None
    if settings.broker.embedded:
        broker = _broker(settings, settings.mqtt.port)
        _make_session_first(settings)
        parts.append(broker)
    children = CHILDREN
    if settings.ingest.projects is True:
        children = tuple(name for name in CHILDREN if name != "project")
    else:
        settings = settings.model_copy(update={"ingest": settings.ingest.model_copy(update={"projects": False})})
    environment = child_environment(settings)
    parts += [_child(settings, name, environment) for name in children]
    if demo is not None:
        parts.append(_simulator(settings, demo, environment))
    # Senders first and the broker last, so that nothing is cut off in mid-sentence.
    order = [part.name for part in reversed(parts)]
    supervisor = Supervisor(parts, emit=emitter("service"), stop_order=order)
    own_api = OwnApi.of(settings.api)
    try:
        supervisor.start()
        _await_ready(settings, supervisor, own_api, stopping, tell)
        while not stopping.wait(_WATCH_EVERY_S):
            supervisor.check()
            show(own_api, demo is not None and supervisor.is_finished("simulator"))
    finally:
        # A second Ctrl-C must not leave a child behind.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        supervisor.stop()


def _broker(settings: Settings, port: int) -> EmbeddedBroker:
    return EmbeddedBroker(
        settings.data_dir,
        host=settings.mqtt.host,
        mqtt_port=port,
        sync_always=settings.broker.sync_always,
        max_ack_pending=settings.broker.max_ack_pending,
        shards=settings.mqtt.shards,
    )


def for_embedded_broker(settings: Settings) -> Settings:
    """Give the settings by which our parts listen to the embedded broker.

    They name as many shards as the broker of this folder has, or shall have from now on; without any it is listened to
    as a whole, unless that was refused.

    Raises
    ------
    ConfigurationError
        If other shards are asked for than the folder has: its sessions hold messages by the old ones.
    """
    had = _shards_had(settings)
    wanted = settings.mqtt.shards or had
    if settings.ingest.workers > 1:
        wanted = wanted or max(_SHARDS, settings.ingest.workers)
    if had and wanted != had:
        raise ConfigurationError(
            f"mqtt.shards: got {wanted}, expected {had}, which the broker of {str(settings.data_dir)!r} has had "
            "from the beginning; leave the setting out: up to so many workers can share them"
        )
    is_whole = not wanted and settings.mqtt.whole_broker is not False
    mqtt = settings.mqtt.model_copy(update={"shards": wanted, "whole_broker": is_whole})
    return settings.model_copy(update={"mqtt": mqtt})


def _sessions_made(settings: Settings) -> Path:
    """Give the file that is there once the sessions are made; it holds the number of shards, nothing for none."""
    return settings.data_dir / "broker" / "session-made"


def _shards_had(settings: Settings) -> int:
    made = _sessions_made(settings)
    return int(made.read_text() or 0) if made.exists() else 0


def _make_session_first(settings: Settings) -> None:
    """Let the broker know ingest's sessions before it opens its port to gateways, once for a folder and its shards."""
    made = _sessions_made(settings)
    if made.exists() and _shards_had(settings) == settings.mqtt.shards:
        return
    hidden = free_port(settings.mqtt.host)
    broker = _broker(settings, hidden)
    broker.start()
    try:
        there = settings.model_copy(update={"mqtt": settings.mqtt.model_copy(update={"port": hidden})})
        for shard in (None, *range(settings.mqtt.shards)):
            _make_session(there, shard)
    finally:
        broker.stop()
    made.write_text(str(settings.mqtt.shards) if settings.mqtt.shards else "")


def _make_session(settings: Settings, shard: int | None) -> None:
    inbox = make_inbox(settings, shard)
    inbox.start()
    deadline = time.monotonic() + _SESSION_WITHIN_S
    while not inbox.state().connected and time.monotonic() < deadline:
        time.sleep(0.02)
    connected, error = inbox.state().connected, inbox.state().last_error
    inbox.stop()
    if not connected:
        raise ConfigurationError(f"the embedded broker does not take ingest's session: {error}; see its log")


def _child(settings: Settings, name: str, environment: Mapping[str, str | None]) -> ChildProcess:
    return ChildProcess(
        ChildSpec(
            name=name,
            argv=(sys.executable, "-m", "service.cli", name),
            log_file=settings.data_dir.absolute() / "log" / f"{name}.log",
            environment=environment,
            stop_seconds=20.0,
        )
    )


def _simulator(settings: Settings, demo: DemoPlan, environment: Mapping[str, str | None]) -> ChildProcess:
    """Prepare the demo's register and the process that publishes it."""
    from simulator.run import (  # noqa: PLC0415 -- only a demo waits for it
        resolve_start,
        start_for_live,
        write_register,
        write_truth,
    )
    from simulator.scenario_file import load_scenario  # noqa: PLC0415 -- as above

    progress = settings.data_dir / "simulator-progress.json"
    scenario = load_scenario(demo.scenario)
    start_ns = demo.start_ns if demo.start_ns is not None else start_for_live(scenario, time.time_ns())
    scenario = resolve_start(scenario, start_ns, progress)
    folder = settings.data_dir / "register"
    with contextlib.closing(Journal(settings.journal_path)) as journal:
        registered = current_register(journal).assets
        # Before anything is written: register and truth beside other readings would be of no use to anybody.
        _check_scenario(settings, scenario, progress, {str(asset.id) for asset in registered})
        journal.mark_simulated()
        write_register(scenario, folder)
        write_truth(scenario, settings.data_dir / "truth")
        if not registered:
            import_assets(journal, [folder / "assets.csv", folder / "sensors.csv"], at_ns=scenario.start_ns)
            import_works(journal, folder / "works.csv", at_ns=scenario.start_ns)
    argv = [sys.executable, "-m", "service.cli", "simulate", demo.scenario, "--speed", str(demo.speed)]
    argv += ["--progress", str(progress.absolute()), "--start-ns", str(scenario.start_ns)]
    argv += ["--host", settings.mqtt.host, "--port", str(settings.mqtt.port)]
    argv += ["--live"] if demo.live else []
    return ChildProcess(
        ChildSpec(
            name="simulator",
            argv=tuple(argv),
            log_file=settings.data_dir.absolute() / "log" / "simulator.log",
            environment=environment,
            may_end=True,
        )
    )


def _check_scenario(settings: Settings, scenario: Scenario, progress: Path, registered: set[str]) -> None:
    """See that the folder holds nothing yet, or this scenario; without its progress the register must know it."""
    from simulator.scenario import fingerprint  # noqa: PLC0415 -- see _simulator

    if progress.is_file():
        # One that cannot be read is refused before, where the first day is read from it.
        is_other = json.loads(progress.read_text(encoding="utf-8"))["scenario"] != fingerprint(scenario)
    else:
        is_other = bool(registered) and not registered.issuperset(plan.id for plan in scenario.assets)
    if is_other:
        raise ConfigurationError(
            f"got scenario {scenario.name!r} for data folder {str(settings.data_dir)!r}, which holds the register and "
            "readings of another scenario, seed or version of it; give another folder with --data-dir, or the scenario "
            "that it was begun with"
        )


def _await_ready(
    settings: Settings, supervisor: Supervisor, own_api: OwnApi, stopping: threading.Event, tell: Callable[[str], None]
) -> None:
    """Wait until ingest holds its session and the API answers."""
    deadline = time.monotonic() + _READY_WITHIN_S
    say_again = time.monotonic() + _SAY_FIRST_S
    while not stopping.is_set():
        supervisor.check()
        status = read_status(status_path(settings))
        if is_ready(status) and own_api.answers():
            return
        if status is not None and status.starting and time.time_ns() - status.at_ns < STALE_NS:
            # A large state, or learning again after an update, takes as long as it takes.
            deadline = time.monotonic() + _READY_WITHIN_S
            if time.monotonic() >= say_again:
                say_again = time.monotonic() + _SAY_EVERY_S
                tell(f"Ingest starts: it {status.starting}.")
        if time.monotonic() > deadline:
            raise ConfigurationError(
                f"ingest and API were not ready after {_READY_WITHIN_S:.0f} s; "
                f"see the logs in {settings.data_dir / 'log'}"
            )
        stopping.wait(_WATCH_EVERY_S)
