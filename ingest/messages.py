"""What goes into a batch and what comes out of it: plain records, without behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from domain.arrays import FlagArray, IndexArray, ReadingColumns, SignalBlock
from domain.errors import PayloadCode
from domain.identifiers import AssetId, GatewayId, SensorId
from ingest.assembler import ReceivedBlock
from ingest.formats.project import GatewayState
from ingest.resolve import WaveformSlot

__all__ = [
    "DecodedBatch",
    "GatewayStatus",
    "Message",
    "MessageOutcome",
    "OutcomeArray",
    "QuarantinedMessage",
    "Refusal",
]

OutcomeArray: TypeAlias = npt.NDArray[np.int8]


class MessageOutcome(IntEnum):
    """What became of one message."""

    DECODED = 0
    DEAD_LETTER = 1
    QUARANTINED = 2
    RETAINED = 3  # an old copy that the broker kept: not a new reading
    STATUS_ONLY = 4  # decoded, and it carried no readings
    PART = 5  # one part of a waveform, to be assembled
    REPEATED = 6  # refused when it came before, and written down then; only the journal knows


class Message(NamedTuple):
    """One MQTT message as it arrived; `received_ns` is our clock's Unix time.

    Attributes
    ----------
    resent : bool
        The broker says that it sent this before, to us or to who read in our place (MQTT's DUP).
    """

    topic: str
    payload: bytes
    received_ns: int
    retained: bool
    resent: bool = False


class Refusal(NamedTuple):
    """Why a message, or one value in it, was refused.

    Attributes
    ----------
    message : int
        Position in the batch.
    whole : bool
        True when nothing of the message could be used; then its outcome is `DEAD_LETTER`.
    """

    message: int
    code: PayloadCode
    reason: str
    whole: bool


class QuarantinedMessage(NamedTuple):
    """A sound message from a sender that the register does not have."""

    message: int
    gateway: GatewayId
    asset: AssetId
    sensor: SensorId
    reason: str


class GatewayStatus(NamedTuple):
    """What a gateway says about itself, or its will about it."""

    gateway: GatewayId
    state: GatewayState
    session: int | None
    since_ns: int | None
    clock_synced: bool | None
    received_ns: int


@dataclass(frozen=True, slots=True, eq=False)
class DecodedBatch:
    """Everything in `M` messages.

    Attributes
    ----------
    outcome : int8[M]
        `MessageOutcome` of each message.
    readings : ReadingColumns
        `N` values in the register's unit under the journal's channel numbers, in order of arrival.
    message_of_reading : int32[N]
        The message each value came from.
    waveforms : tuple of (SignalBlock, int32[B])
        Blocks of equal shape, with the message of each. `SignalBlock.channel` is an index into `slots`.
    waveform_flags : tuple of uint8[B]
        For each entry of `waveforms` the `ReadingFlag` bits of what is computed from its blocks.
    slots : tuple of WaveformSlot
        Where the features of a block go.
    parts : tuple of (int, ReceivedBlock)
        Parts of waveforms, for `ingest.assembler`, with their message.
    dead_letters : tuple of Refusal
        By message; at most `MAX_REFUSALS` for each, of which the last then says how many more there were.
    quarantined : tuple of QuarantinedMessage
        By message.
    statuses : tuple of GatewayStatus
        In order of arrival, retained ones included.
    values_refused : mapping of int to int
        By message, how many values and objects of arrays were refused, listed in `dead_letters` or not.
    """

    outcome: OutcomeArray
    readings: ReadingColumns
    message_of_reading: IndexArray
    waveforms: tuple[tuple[SignalBlock, IndexArray], ...]
    waveform_flags: tuple[FlagArray, ...]
    slots: tuple[WaveformSlot, ...]
    parts: tuple[tuple[int, ReceivedBlock], ...]
    dead_letters: tuple[Refusal, ...]
    quarantined: tuple[QuarantinedMessage, ...]
    statuses: tuple[GatewayStatus, ...]
    values_refused: Mapping[int, int]
