"""`schouw replay` of a recorded session or a long table: messages as they were, at any speed, none lost.

Publishing is that of the simulator (`simulator.outbox`): while the broker is away it waits and says so, and goes
on with what was not acknowledged.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rich.console import Console

from domain.errors import ConfigurationError
from domain.identifiers import GatewayId
from service.evaluation.history import History, history_days, register_of_table
from service.evaluation.history_table import read_history
from service.evaluation.truth import DAY_NS, Truth
from service.folder import prepare_folder
from service.register_commands import add_assets
from service.session_file import is_session, read_session
from service.sessions import secure
from service.settings import Settings
from simulator.broker import paho_broker
from simulator.messages import Message
from simulator.outbox import Outbox
from simulator.progress import Checkpoint, Progress, Saved
from storage.journal import Journal

__all__ = ["replay_messages"]

_WINDOW: Final = 500
_NS: Final = 1_000_000_000

_Timed = tuple[int | None, Message]


def replay_messages(
    settings: Settings, path: Path, *, onboard: str | None, gateway: str, speed: float, host: str, port: int
) -> int:
    """Publish a session or a long table and give the number of messages.

    Parameters
    ----------
    onboard : str or None
        For a long table: add its assets to the register first, as this type.
    speed : float
        Seconds of its own time in one second; 0: as fast as the broker takes it.

    Raises
    ------
    ConfigurationError
        If the file cannot be read, or the broker refuses us.
    """
    if not path.is_file():
        raise ConfigurationError(f"got {str(path)!r}, expected a file that is there")
    messages = _session(path) if is_session(path) else _long_table(settings, path, onboard, gateway)
    console = Console(stderr=True)

    def report(progress: Progress) -> None:
        if progress.note:
            console.print(progress.note)

    connect = paho_broker(host, port, client_id="schouw-replay", window=_WINDOW, secure=secure(settings.mqtt))
    stop = threading.Event()
    outbox = Outbox(
        connect, Checkpoint(None, Saved("replay", 0, 0, 1)), days=1, window=_WINDOW, stop=stop, report=report
    )
    try:
        begun, first_ns = time.monotonic(), None
        for time_ns, message in messages:
            if time_ns is not None and speed > 0:
                first_ns = time_ns if first_ns is None else first_ns
                stop.wait(max(0.0, (time_ns - first_ns) / _NS / speed - (time.monotonic() - begun)))
            outbox.send((message,))
        outbox.drain()
        return outbox.counts.messages
    finally:
        outbox.close()


def _session(path: Path) -> Iterator[_Timed]:
    for item in read_session(path):
        yield item.received_ns, Message(item.topic, item.payload, "readings", retain=item.retain)


def _long_table(settings: Settings, path: Path, onboard: str | None, gateway: str) -> Iterator[_Timed]:
    """Give a day of one sensor in each message; the register's gateways where there is one."""
    table = read_history(path)
    register = register_of_table(table, onboard or "other", path.name, gateway=GatewayId(gateway))
    if onboard is not None:
        prepare_folder(settings)
        journal = Journal(settings.journal_path)
        try:
            add_assets(journal, register.assets, register.channels, at_ns=time.time_ns())
        finally:
            journal.close()
    start_ns = int(table.time_ns[0]) // DAY_NS * DAY_NS
    end_ns = (int(table.time_ns[-1]) // DAY_NS + 1) * DAY_NS
    truth = Truth(path.stem, start_ns, end_ns, (), (), ())
    for day, messages in enumerate(history_days(History(register, truth, table))):
        for topic, payload in messages:
            yield start_ns + (day + 1) * DAY_NS, Message(topic, payload, "readings")
