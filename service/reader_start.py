"""How a reader begins: with the number of an open socket to ingest, and the names of its sessions."""

from __future__ import annotations

from multiprocessing.connection import Connection

from service.reader import run_reader
from service.sessions import make_inbox
from service.settings import Settings

__all__ = ["start_reader"]


def start_reader(settings: Settings, handle: int, sessions: str) -> None:
    """Read for ingest until it is gone.

    Parameters
    ----------
    handle : int
        Number of the open socket.
    sessions : str
        Numbers of shards with commas between; `rest` stands for what has no shard.
    """
    inboxes = [make_inbox(settings, None if name == "rest" else int(name)) for name in sessions.split(",")]
    run_reader(settings, inboxes, Connection(handle))
