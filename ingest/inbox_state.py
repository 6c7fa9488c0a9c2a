"""How a connection to the broker is doing."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["InboxState"]


class InboxState(NamedTuple):
    """How the connection is doing.

    Attributes
    ----------
    connected : bool
        The broker accepted us and our subscriptions.
    generation : int
        Counts connections, from 1.
    since_ns : int
        When `connected` last changed, by the clock that was handed in.
    queued : int
        Messages that wait for a batch.
    last_error : str
        What went wrong last; empty while all is well.
    """

    connected: bool
    generation: int
    since_ns: int
    queued: int
    last_error: str
