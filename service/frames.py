"""What ingest and its readers say to each other, over a socket that only the two of them have.

A reader sends batches and how its connections are; ingest answers what became of each batch. Both ends are the same
program on the same machine, started by one another, so objects go over as pickles; columns instead of messages, since
one object a message costs more than the rest.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

from ingest.inbox_state import InboxState
from ingest.messages import Message
from service.decoding import Decoded

__all__ = ["Again", "BatchRead", "Command", "Done", "Report", "Say", "UseRegister", "receive", "send"]


@dataclass(frozen=True, slots=True)
class BatchRead:
    """Messages as they came, and what was decoded of them; `number` counts batches of one life of a reader."""

    number: int
    columns: tuple[list[str], list[bytes], list[int], list[bool], list[bool]]
    decoded: Decoded | None

    @classmethod
    def of(cls, number: int, messages: Sequence[Message], decoded: Decoded | None) -> BatchRead:
        """Put messages into columns."""
        topics, payloads, received, retained, resent = (list(column) for column in zip(*messages, strict=True))
        return cls(number, (topics, payloads, received, retained, resent), decoded)

    def messages(self) -> tuple[Message, ...]:
        """Give the messages again."""
        return tuple(map(Message, *self.columns))


@dataclass(frozen=True, slots=True)
class Done:
    """The batch is committed: acknowledge it."""

    number: int


@dataclass(frozen=True, slots=True)
class Again:
    """The batch could not be committed: let the broker send it again."""

    number: int


@dataclass(frozen=True, slots=True)
class Say:
    """Publish this at QoS 0."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class UseRegister:
    """Look names up in the register of this journal entry from now on."""

    seq: int


Command: TypeAlias = Done | Again | Say | UseRegister
Report: TypeAlias = BatchRead | InboxState


def send(channel: Connection, said: Command | Report) -> None:
    """Write one frame; waits while the other end does not read."""
    channel.send_bytes(pickle.dumps(said, protocol=pickle.HIGHEST_PROTOCOL))


def receive(channel: Connection) -> Any:
    """Read one frame; raises `EOFError` or `OSError` when the other end is gone."""
    return pickle.loads(channel.recv_bytes())  # noqa: S301 -- from our own process, over a socket that nobody else has
