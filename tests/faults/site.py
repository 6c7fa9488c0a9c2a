"""The real processes of one installation, and the faults that are done to them.

Everything is on loopback and in one folder; only processes that were started here are ever signalled, by their pid.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from service.register_commands import import_assets, import_works
from service.settings import Settings, load_settings
from service.status import IngestStatus, read_status
from simulator.run import write_register
from simulator.scenario import Scenario
from storage.journal import Journal
from tests.faults.proxy import CutProxy
from tests.faults.schedule import ALWAYS, Fault, FaultKind
from tests.influx_server import InfluxServer
from tests.installation import Installation, has_come_to_rest, stop
from tests.servers import NatsBroker, PostgresServer, freeze_process, frozen_processes

__all__ = ["PAUSE_S", "FaultySite", "small_disk"]

# Longer than any fault with all that follows from it, so that no gap in the stream is taken for its end.
PAUSE_S: Final = 10.0
_REDELIVERY_S: Final = 2.5
# Messages of a topic filter that the broker has under way, a hundredth of what is usual: more than come within any
# fault but the one that leaves ingest behind by twice as many.
_UNDER_WAY: Final = 48
_PATIENCE_S: Final = 30.0
_DATABASE: Final = "schouw"
# In the order of starting.
_COMMANDS: Final = ("project", "ingest", "api")


class FaultySite:
    """Broker, ingest, projections and API, with a proxy in front of every connection to the broker.

    Parameters
    ----------
    folder : Path
        For servers and logs.
    data : Path
        The data folder; a small file system where disks are to be filled.
    scenario : Scenario
        Whose register is put in force.
    """

    def __init__(
        self,
        folder: Path,
        data: Path,
        scenario: Scenario,
        *,
        influx: InfluxServer | None,
        postgres: PostgresServer | None,
        disk_is_small: bool,
    ) -> None:
        self.folder, self.data = folder, data
        self._influx, self._postgres = influx, postgres
        self._disk_is_small = disk_is_small
        self.broker = NatsBroker(folder / "broker", max_ack_pending=_UNDER_WAY)
        self.published: Callable[[], int] = lambda: 0
        self.to_ingest, self.to_publisher = CutProxy(self.broker.port), CutProxy(self.broker.port)
        more: dict[str, object] = {}
        self._overrides: dict[str, Any] = {"data_dir": data}
        if influx is not None:
            influx.create(_DATABASE)
            more |= {"INFLUX__URL": influx.url, "INFLUX__KIND": "1.8", "INFLUX__TIMEOUT_SECONDS": 2}
            self._overrides["influx"] = {"url": influx.url, "kind": "1.8"}
        if postgres is not None:
            address = postgres.database()
            more["STORAGE__DATABASE_URL"] = address
            self._overrides["storage"] = {"database_url": address}
        self.installation = Installation(
            data,
            MQTT__PORT=self.to_ingest.port,
            MQTT__REDELIVERY_SECONDS=_REDELIVERY_S,
            INGEST__CLOCK="stream",
            INGEST__PAUSE_SECONDS=PAUSE_S,
            INGEST__SNAPSHOT_SECONDS=1,
            INGEST__PROJECTS=False,
            **more,
        )
        data.mkdir(parents=True, exist_ok=True)
        write_register(scenario, folder / "register")
        with contextlib.closing(Journal(data / "journal.sqlite")) as journal:
            import_assets(journal, [folder / "register" / name for name in ("assets.csv", "sensors.csv")], at_ns=0)
            import_works(journal, folder / "register" / "works.csv", at_ns=0)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.unasked: list[str] = []
        self.fell_behind = 0

    # Running ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Start everything and wait until ingest has its session."""
        self.broker.start()
        for name in _COMMANDS:
            self._restart(name)

        def is_connected() -> bool:
            status = self.status()
            return status is not None and status.broker_connected

        self.installation.until("a session", is_connected, seconds=90)

    def stop(self) -> None:
        """Stop what is ours as Ctrl-C would, the projections behind ingest."""
        for name in reversed(_COMMANDS):
            if name in self._processes:
                stop(self._processes[name])

    def close(self) -> None:
        """End everything that was started here."""
        for process in self._processes.values():
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait(10)
        for proxy in (self.to_ingest, self.to_publisher):
            proxy.close()
        self.broker.stop()

    def settings(self) -> Settings:
        """Give the settings by which its stores are read."""
        return load_settings(self._overrides)

    def status(self) -> IngestStatus | None:
        """Read how ingest is doing."""
        return read_status(self.data / "ingest-status.json")

    def stored(self) -> int:
        """Count the stored readings."""
        with contextlib.closing(Journal(self.data / "journal.sqlite")) as journal:
            return journal.tally().get("readings_stored", 0)

    def has_paused(self) -> bool:
        """Tell whether hops were closed, behind the newest readings, as of a stream which has come to its end."""
        return has_come_to_rest(self.data / "journal.sqlite")

    def has_drained(self) -> bool:
        """Tell whether every projection has everything."""
        status = self.status()
        with contextlib.closing(Journal(self.data / "journal.sqlite")) as journal:
            applied = journal.applied_seq()
        return status is not None and all(item.seq >= applied for item in status.projections)

    def watch(self) -> None:
        """Start again what ended without being asked to, and remember it."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                self.unasked.append(f"{name} ended with {process.returncode}")
                self._restart(name)

    # Faults ----------------------------------------------------------------------------------

    def kinds(self) -> dict[FaultKind, int]:
        """Give the faults that can be done here, with how often each comes."""
        kinds = dict(ALWAYS)
        if self._disk_is_small:
            kinds["fill disk"] = 3
        if self._influx is not None:
            kinds |= {"kill influx": 2, "freeze influx": 2, "storm influx": 2}
        if self._postgres is not None:
            kinds |= {"kill postgres": 2, "freeze postgres": 2}
        return kinds

    def inject(self, fault: Fault) -> None:
        """Wait for a fault's moment, do it, and put back what people would put back: dead processes, room on a disk."""
        time.sleep(fault.gap_s)
        self.watch()
        deeds: dict[FaultKind, Callable[[], None]] = {
            "kill ingest": lambda: self._kill("ingest"),
            "kill api": lambda: self._kill("api"),
            "kill projections": lambda: self._kill("project"),
            "freeze projections": lambda: self._freeze("project", fault.length_s),
            "freeze ingest": lambda: self._freeze("ingest", fault.length_s),
            "cut ingest": lambda: _do(self.to_ingest.cut),
            "stall ingest": lambda: self._stall(fault.length_s),
            "far behind": self._fall_behind,
            "kill broker": self._kill_broker,
            "freeze broker": lambda: self._freeze_pid(self.broker.pid, fault.length_s),
            "cut publisher": lambda: _do(self.to_publisher.cut),
            "kill all": self._kill_all,
            "fill disk": lambda: self._fill_disk(fault.length_s),
            "kill influx": self._kill_influx,
            "freeze influx": lambda: self._freeze_influx(fault.length_s),
            "storm influx": lambda: self._storm(fault.length_s),
            "kill postgres": self._kill_postgres,
            "freeze postgres": lambda: self._freeze_postgres(fault.length_s),
        }
        deeds[fault.kind]()

    def _kill(self, name: str) -> None:
        self._processes[name].kill()
        self._processes[name].wait(10)
        self._restart(name)

    def _fall_behind(self) -> None:
        """Keep ingest away until twice as many messages wait as may be under way, or there are no more."""
        self._processes["ingest"].kill()
        self._processes["ingest"].wait(10)
        enough, until = self.published() + 2 * _UNDER_WAY, time.monotonic() + _PATIENCE_S
        while self.published() < enough and time.monotonic() < until:
            time.sleep(0.1)
        self.fell_behind += self.published() >= enough
        self._restart("ingest")

    def _restart(self, name: str) -> None:
        self._processes[name] = self.installation.start(name)

    def _kill_broker(self) -> None:
        self.broker.kill()
        self.broker.start()

    def _kill_all(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait(10)
        self.broker.kill()
        if self._influx is not None:
            self._influx.kill_influxd()
            self._influx.start_influxd()
        self.broker.start()
        for name in _COMMANDS:
            self._restart(name)

    def _freeze(self, name: str, seconds: float) -> None:
        if self._processes[name].poll() is None:
            self._freeze_pid(self._processes[name].pid, seconds)

    @staticmethod
    def _freeze_pid(pid: int, seconds: float) -> None:
        freeze_process(pid)
        try:
            time.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)

    def _stall(self, seconds: float) -> None:
        self.to_ingest.stall()
        try:
            time.sleep(seconds)
        finally:
            self.to_ingest.flow()

    def _fill_disk(self, seconds: float) -> None:
        filler = self.data / "filler"
        try:
            with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
                while True:
                    file.write(b"\0" * 65_536)
            time.sleep(seconds)
        finally:
            filler.unlink(missing_ok=True)

    def _kill_influx(self) -> None:
        if self._influx is not None:
            self._influx.kill_influxd()
            self._influx.start_influxd()

    def _freeze_influx(self, seconds: float) -> None:
        if self._influx is not None:
            self._freeze_pid(self._influx.pid, seconds)

    def _storm(self, seconds: float) -> None:
        if self._influx is not None:
            with self._influx.storm():
                time.sleep(seconds)

    def _kill_postgres(self) -> None:
        if self._postgres is not None:
            self._postgres.kill()
            self._postgres.start()

    def _freeze_postgres(self, seconds: float) -> None:
        if self._postgres is not None:
            with frozen_processes(self._postgres.pids()):
                time.sleep(seconds)


def _do(deed: Callable[[], object]) -> None:
    deed()


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[bool]:
    """Mount a small file system in memory, where this user may; tells whether it is one."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(command, check=False, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)
