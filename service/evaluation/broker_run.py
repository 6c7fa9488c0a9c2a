"""The same run over MQTT: an embedded broker, the service's own ingest loop, and the simulator as its gateways.

What differs from `service.evaluation.chain_run` is how messages arrive: over a socket, in the batches that the
worker finds, with redelivery. The figures must come out the same.
"""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from domain.errors import ConfigurationError
from domain.register import Register
from service.broker import EmbeddedBroker, free_port
from service.clock_policy import clock_policy
from service.evaluation.chain_listener import ChainListener, ChainRun
from service.folder import status_path
from service.organisations import budgets_of
from service.projector import Projector
from service.restore import open_pipeline
from service.sessions import make_inbox
from service.settings import Settings
from service.status import is_ready, read_status
from service.worker import Worker
from simulator.progress import Progress
from simulator.run import simulate
from simulator.scenario import Scenario
from storage.entries import RegisterBody
from storage.journal import Journal

__all__ = ["run_through_broker"]

_READY_S: Final = 60.0
_LOOK_S: Final = 0.2
# Without anything new for so long, what is missing will not come: several times the broker's `ack_wait`.
_STILL_S: Final = 60.0


def run_through_broker(settings: Settings, register: Register, scenario: Scenario) -> ChainRun:
    """Publish a scenario at full speed to a broker of its own, and listen to what ingest makes of it.

    Raises
    ------
    ConfigurationError
        If the broker or ingest does not come up, or messages went missing on the way.
    """
    with TemporaryDirectory(prefix="schouw-evaluate-") as name:
        folder = Path(name)
        port = free_port()
        own = settings.model_copy(
            update={
                "data_dir": folder,
                "mqtt": settings.mqtt.model_copy(update={"host": "127.0.0.1", "port": port}),
                "ingest": settings.ingest.model_copy(update={"clock": "stream", "pause_seconds": 3600.0}),
            }
        )
        broker = EmbeddedBroker(folder, host="127.0.0.1", mqtt_port=port, sync_always=False)
        broker.start()
        try:
            return _listen(own, register, scenario)
        finally:
            broker.stop()


def _listen(settings: Settings, register: Register, scenario: Scenario) -> ChainRun:
    with closing(Journal(settings.journal_path)) as journal:
        journal.append("register", RegisterBody(register=replace(register, budgets=budgets_of(settings)), at_ns=0))
        pipeline = open_pipeline(
            journal,
            clock_policy(settings),
            max_payload_bytes=settings.ingest.max_payload_bytes,
            head_bytes=settings.storage.dead_letter_head_bytes,
        )
        pipeline.catch_up()
        listener = ChainListener(
            pipeline.live.catalogue,
            seq=pipeline.live.applied_seq,
            start_ns=scenario.start_ns,
            end_ns=scenario.end_ns,
        )
        projector = Projector(settings.journal_path, {"scoreboard": listener})
        worker = Worker(pipeline, make_inbox(settings), projector, settings, status_path(settings))
        sender = _Sender(settings, scenario, worker)
        sender.start()
        try:
            worker.run()
        finally:
            sender.cancel()
        if sender.fault is not None:
            raise sender.fault
        pipeline.close(now_ns=scenario.end_ns, lateness_ns=0, is_end=True)
        listener.read(journal)
        return listener.result(journal.tally())


class _Sender(threading.Thread):
    """Publishes once ingest listens, and ends the worker when all has arrived."""

    def __init__(self, settings: Settings, scenario: Scenario, worker: Worker) -> None:
        super().__init__(name="simulator", daemon=True)
        self.fault: Exception | None = None
        self._settings = settings
        self._scenario = scenario
        self._worker = worker
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Stop sending, and wait for the end."""
        self._cancelled.set()
        self.join()

    def run(self) -> None:
        try:
            self._send()
        except Exception as error:  # noqa: BLE001 -- handed on to the thread that waits
            self.fault = error
        finally:
            self._worker.stop()

    def _send(self) -> None:
        deadline = time.monotonic() + _READY_S
        while not is_ready(read_status(status_path(self._settings))):
            if time.monotonic() > deadline or self._cancelled.wait(_LOOK_S):
                raise ConfigurationError(f"ingest did not reach its own broker within {_READY_S:.0f} s; try again")
        result = simulate(
            self._scenario,
            host=self._settings.mqtt.host,
            port=self._settings.mqtt.port,
            speed=0.0,
            start_ns=None,
            live=False,
            progress_path=None,
            stop=self._cancelled,
            report=_silently,
            now_ns=time.time_ns,
        )
        self._await(result.counts.messages)

    def _await(self, sent: int) -> None:
        """Wait until ingest has counted all messages."""
        with closing(Journal(self._settings.journal_path)) as journal:
            arrived, moved = -1, time.monotonic()
            while (now := journal.tally().get("messages_received", 0)) < sent and not self._cancelled.wait(_LOOK_S):
                if now != arrived:
                    arrived, moved = now, time.monotonic()
                elif time.monotonic() - moved > _STILL_S:
                    raise ConfigurationError(f"got {now} of {sent} messages from the broker, expected all; try again")


def _silently(progress: Progress) -> None:
    """Show nothing: several runs share one terminal."""
