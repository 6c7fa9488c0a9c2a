"""A batch of MQTT messages into columns: what was measured, what was refused, who is unknown.

One pass over the messages decodes text and looks names up; everything numeric then happens once over the
whole batch. Every message ends in exactly one outcome, and whatever the bytes are, nothing is raised: a
fault of the sender becomes a `Refusal`, as narrow as it can be, and the rest goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import IndexArray, ReadingColumns, ReadingFlag
from domain.errors import PayloadError
from domain.identifiers import AssetId, SensorId
from ingest.assembler import ReceivedBlock
from ingest.blocks import PlacedBlocks, kind_of_block
from ingest.clock import ClockLimits
from ingest.formats.project import QuantityKey, decode_readings, decode_status, decode_waveform
from ingest.messages import (
    DecodedBatch,
    GatewayStatus,
    Message,
    MessageOutcome,
    OutcomeArray,
    QuarantinedMessage,
    Refusal,
)
from ingest.resolve import Resolver, SensorChannels
from ingest.topics import Topic, TopicKind, parse_topic

__all__ = [
    "MAX_PAYLOAD_BYTES",
    "MAX_REFUSALS",
    "DecodedBatch",
    "GatewayStatus",
    "Message",
    "MessageOutcome",
    "QuarantinedMessage",
    "Refusal",
    "decode_batch",
]

MAX_PAYLOAD_BYTES: Final = 4 * 2**20  # the embedded broker's own limit, design.md D4
_SHOWN: Final = 200  # characters of what an error of ours says
MAX_REFUSALS: Final = 20  # listed for one message; more would repeat what the first ones said


def decode_batch(
    messages: Sequence[Message],
    resolver: Resolver,
    limits: ClockLimits,
    *,
    max_payload_bytes: int = MAX_PAYLOAD_BYTES,
) -> DecodedBatch:
    """Decode, check and resolve a batch.

    Parameters
    ----------
    messages : sequence of Message
        `M` messages in order of arrival.
    resolver : Resolver
        For the register in force.
    limits : ClockLimits
        Device times outside are replaced by the time of arrival and flagged `BAD_CLOCK`.
    max_payload_bytes : int
        Longer payloads are refused unread.

    Returns
    -------
    DecodedBatch
        For every message one outcome; nothing is raised for any bytes, not even where a decoder fails on them.

    Raises
    ------
    MemoryError
        If there is not enough; then nothing is known of any message.
    """
    work = _Work(resolver, limits, len(messages), max_payload_bytes)
    for position in work.take_together(messages):
        message = messages[position]
        try:
            if not work.take_repeated(position, message):
                work.outcome[position] = work.take(position, message)
        except PayloadError as error:
            work.outcome[position] = MessageOutcome.DEAD_LETTER
            work.refused.setdefault(position, []).append(error)
        except MemoryError:
            raise  # no fault of the message, which the broker will send again
        except Exception as error:  # noqa: BLE001 -- else it would come again at every start, and stop all behind it
            work.outcome[position] = MessageOutcome.DEAD_LETTER
            work.refused.setdefault(position, []).append(_our_fault(error))
    return work.finish()


class _Work:
    """What grows while the messages of one batch are gone through."""

    def __init__(self, resolver: Resolver, limits: ClockLimits, count: int, max_payload_bytes: int) -> None:
        self.resolver = resolver
        self.limits = limits
        self.max_payload_bytes = max_payload_bytes
        self.bounds = limits.bounds()
        self.backfill_bounds = limits.bounds(is_backfill=True)
        self.outcome: OutcomeArray = np.zeros(count, dtype=np.int8)
        # One entry a value: index into the resolver's conversions, and the value as sent.
        self.index: list[int] = []
        self.value: list[float] = []
        # One entry a reading, with the number of values in it.
        self.size: list[int] = []
        self.time_ns: list[int] = []
        self.flags: list[int] = []
        self.message: list[int] = []
        self.read_repeated = resolver.known_blocks.read
        self.placed = PlacedBlocks(limits)
        self.parts: list[tuple[int, ReceivedBlock]] = []
        self.refused: dict[int, list[PayloadError]] = {}
        self.values_refused: Counter[int] = Counter()
        self.quarantined: list[QuarantinedMessage] = []
        self.statuses: list[GatewayStatus] = []

    def take(self, position: int, message: Message) -> MessageOutcome:
        """Decode one message; raises `PayloadError` when its text as a whole cannot be used."""
        try:
            topic = parse_topic(message.topic)
        except PayloadError:
            if message.retained:  # told when it was published; the broker hands it out at every new connection
                return MessageOutcome.RETAINED
            raise
        if message.retained and topic.kind is not TopicKind.STATUS:
            return MessageOutcome.RETAINED
        if len(message.payload) > self.max_payload_bytes:
            raise PayloadError(
                "too_large",
                f"got a payload of {len(message.payload)} bytes, expected at most {self.max_payload_bytes}; "
                "send fewer readings or shorter blocks in one message",
            )
        if topic.kind is TopicKind.STATUS or topic.asset is None or topic.sensor is None:
            status = decode_status(message.payload)
            self.statuses.append(GatewayStatus(topic.gateway, *status, received_ns=message.received_ns))
            return MessageOutcome.STATUS_ONLY
        if topic.kind is TopicKind.READING:
            return self.take_readings(position, message, topic, topic.asset, topic.sensor)
        if topic.kind is TopicKind.WAVEFORM:
            return self.take_waveform(position, message, topic, topic.asset, topic.sensor)
        raise PayloadError(
            "bad_encoding",
            "a binary waveform needs MQTT 5 user properties, and this connection speaks MQTT 3.1.1, which has none; "
            "publish the block as JSON on .../waveform",
        )

    def take_readings(
        self, position: int, message: Message, topic: Topic, asset: AssetId, sensor: SensorId
    ) -> MessageOutcome:
        """Decode and resolve one message of readings."""
        decoded, refused = decode_readings(message.payload, sensor)
        if decoded:
            channels = self.known_sensor(position, topic, asset, sensor)
            if channels is None:
                return MessageOutcome.QUARANTINED  # what it refused will be refused again on onboarding
            known = channels.known
            for reading in decoded:
                indices = [known.get(key, -1) for key in reading.keys]
                values = reading.values
                if -1 in indices:
                    indices, values = _resolve(channels, reading.keys, values, refused)
                if not indices:
                    continue
                time_ns, flag = reading.time_ns, 0
                low, high = self.bounds
                if reading.is_backfill:
                    flag = _BACKFILL
                    low, high = self.backfill_bounds
                if time_ns is None or not low <= time_ns <= high:
                    time_ns = message.received_ns
                    flag |= _BAD_CLOCK
                self.index += indices
                self.value += values
                self.size.append(len(indices))
                self.time_ns.append(time_ns)
                self.flags.append(flag)
                self.message.append(position)
        if refused:
            self.refused[position] = refused
            self.values_refused[position] += len(refused)
        return MessageOutcome.DECODED

    def take_waveform(
        self, position: int, message: Message, topic: Topic, asset: AssetId, sensor: SensorId
    ) -> MessageOutcome:
        """Decode one waveform message and find where its features go; samples stay raw until the end."""
        raw = decode_waveform(message.payload, sensor)
        channels = self.known_sensor(position, topic, asset, sensor)
        if channels is None:
            return MessageOutcome.QUARANTINED
        kind = kind_of_block(raw, channels.slot(raw.axis))
        if raw.parts > 1:
            self.parts.append((position, ReceivedBlock(topic.gateway, asset, sensor, raw, message.received_ns)))
            return MessageOutcome.PART
        self.placed.add(kind, raw.start_ns, raw.data, message=position, received_ns=message.received_ns)
        self.resolver.known_blocks.learn(message.topic, message.payload, raw, kind)
        return MessageOutcome.DECODED

    def take_together(self, messages: Sequence[Message]) -> list[int]:
        """Take, many at a time, the blocks that are written like earlier ones; give the positions that are left."""
        is_left = np.ones(len(messages), dtype=np.bool_)
        try:
            found = self.resolver.known_blocks.read_together(messages, self.max_payload_bytes)
        except Exception:  # noqa: BLE001 -- which of them it was shows when they are read one by one
            found = []
        for alike in found:
            self.placed.extend(alike)
            is_left[alike.positions] = False  # their outcome is `DECODED`, with which all begin
        return np.flatnonzero(is_left).tolist()

    def take_repeated(self, position: int, message: Message) -> bool:
        """Take a block that is written like an earlier one; False when the message is to be decoded as a whole."""
        topic, payload, received_ns, retained, _ = message
        if retained or len(payload) > self.max_payload_bytes:
            return False
        found = self.read_repeated(topic, payload)
        if found is None:
            return False
        kind, start_ns, data = found
        self.placed.add(kind, start_ns, data, message=position, received_ns=received_ns)
        return True  # its outcome is `DECODED`, with which all begin

    def known_sensor(self, position: int, topic: Topic, asset: AssetId, sensor: SensorId) -> SensorChannels | None:
        """Find the sensor, whichever gateway it came through, or put the message into quarantine."""
        channels = self.resolver.sensor(asset, sensor)
        if channels is None:
            reason = self.resolver.why_unknown(asset, sensor)
            self.quarantined.append(QuarantinedMessage(position, topic.gateway, asset, sensor, reason))
        return channels

    def finish(self) -> DecodedBatch:
        """Do the numeric part for all messages at once and close the accounts."""
        readings, message_of_reading = self.columns()
        groups = self.placed.groups()
        for position, error in groups.refused:
            self.refuse_value(position, error)
        useful = np.zeros(len(self.outcome), dtype=np.bool_)
        useful[message_of_reading] = True
        for _, message_of_block in groups.blocks:
            useful[message_of_block] = True
        dead_letters: list[Refusal] = []
        for position in sorted(self.refused):
            whole = not useful[position]
            if whole:
                self.outcome[position] = MessageOutcome.DEAD_LETTER
            dead_letters += _listed(position, self.refused[position], whole=whole)
        return DecodedBatch(
            outcome=self.outcome,
            readings=readings,
            message_of_reading=message_of_reading,
            waveforms=tuple(groups.blocks),
            waveform_flags=tuple(groups.flags),
            slots=groups.slots,
            parts=tuple(self.parts),
            dead_letters=tuple(dead_letters),
            quarantined=tuple(self.quarantined),
            statuses=tuple(self.statuses),
            values_refused=dict(self.values_refused),
        )

    def columns(self) -> tuple[ReadingColumns, IndexArray]:
        """Convert all values to the register's units; what overflows or names a channel twice is refused."""
        if not self.size:
            return ReadingColumns.empty(), np.empty(0, np.int32)
        conversions = self.resolver.conversions()
        index = np.array(self.index, dtype=np.intp)
        size = np.array(self.size, dtype=np.intp)
        number = conversions.number[index]
        with np.errstate(over="ignore"):
            value = np.array(self.value, dtype=np.float64) * conversions.factor[index] + conversions.offset[index]
        message = np.repeat(np.array(self.message, dtype=np.int32), size)
        columns = ReadingColumns(
            number,
            np.repeat(np.array(self.time_ns, dtype=np.int64), size),
            value,
            np.repeat(np.array(self.flags, dtype=np.uint8), size),
        )
        keep = np.isfinite(value)
        for row in np.flatnonzero(~keep):
            key = self.resolver.key(int(index[row]))
            got = f"got {self.value[row]!r}, too large in the register's unit"
            reason = f"channel {key.channel!r}: {got}; check the sensor"
            self.refuse_value(int(message[row]), PayloadError("bad_value", reason))
        reading = np.repeat(np.arange(len(size), dtype=np.int64), size)
        for row in _repeated(reading, number):
            keep[row] = False
            key = self.resolver.key(int(index[row]))
            reason = f"channel {key.channel!r} stands twice in one reading; the first value was taken"
            self.refuse_value(int(message[row]), PayloadError("bad_value", reason))
        if keep.all():
            return columns, message
        return columns.take(keep), message[keep]

    def refuse_value(self, position: int, error: PayloadError) -> None:
        """Add a refusal that only the numbers showed."""
        self.refused.setdefault(position, []).append(error)
        self.values_refused[position] += 1


_BAD_CLOCK: Final = int(ReadingFlag.BAD_CLOCK)
_BACKFILL: Final = int(ReadingFlag.BACKFILL)


def _resolve(
    channels: SensorChannels, keys: list[QuantityKey], values: list[float], refused: list[PayloadError]
) -> tuple[list[int], list[float]]:
    """Resolve the values of a reading one by one, leaving out those that the register does not have."""
    indices: list[int] = []
    resolved: list[float] = []
    for key, value in zip(keys, values, strict=True):
        try:
            index = channels.index(key)
        except PayloadError as error:
            refused.append(error)
        else:
            indices.append(index)
            resolved.append(value)
    return indices, resolved


def _our_fault(error: Exception) -> PayloadError:
    """Refuse a message that the decoder failed on."""
    return PayloadError(
        "decoder_fault",
        f"Schouw's decoder failed on it with {type(error).__name__}: {str(error)[:_SHOWN]}; "
        "report this with the payload, and send it in another way until it is mended",
    )


def _repeated(reading: npt.NDArray[np.int64], number: IndexArray) -> npt.NDArray[np.intp]:
    """Find rows whose channel stood earlier in the same reading."""
    order = np.lexsort((number, reading))
    same = (np.diff(reading[order]) == 0) & (np.diff(number[order]) == 0)
    return np.sort(order[1:][same])


def _listed(position: int, errors: list[PayloadError], *, whole: bool) -> list[Refusal]:
    """List refusals of one message, at most `MAX_REFUSALS`, with their number in the last when some are left out."""
    shown = errors if len(errors) <= MAX_REFUSALS else errors[: MAX_REFUSALS - 1]
    listed = [Refusal(position, error.code, error.reason, whole) for error in shown]
    if len(shown) < len(errors):
        last = errors[len(shown)]
        reason = f"{last.reason} (and {len(errors) - len(shown) - 1} more refusals in this message)"
        listed.append(Refusal(position, last.code, reason, whole))
    return listed
