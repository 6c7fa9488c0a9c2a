"""What a decoded batch means in rows: readings with features, the newest of each channel, quarantine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from domain.arrays import (
    BoolArray,
    FlagArray,
    FloatArray,
    IndexArray,
    ReadingColumns,
    ReadingFlag,
    SignalBlock,
    TimeArray,
)
from domain.identifiers import GatewayId
from domain.measurements import DataQuality, DeadLetter
from domain.register import WAVEFORM_CHANNELS
from ingest.messages import DecodedBatch, Message
from ingest.resolve import WaveformSlot
from models.features import FEATURES, analyse_waveforms
from models.hop_clock import NEVER_NS
from models.modal_spectra import bins_of, block_shares
from service.bursts import BurstWork, message_hash
from storage.entries import QUALITIES, QuarantineChange, SensorColumns
from storage.journal import HeldMessage, Journal
from storage.modal_entries import SpectrumNote

__all__ = [
    "arrival_differences",
    "features_of",
    "hold_unknown",
    "letters_of_held",
    "longest_reaches",
    "newest_readings",
    "readings_of",
    "released_senders",
]

_FIRST_BYTES_SHOWN: Final = 200
_NOT_BELIEVED: Final = np.uint8(ReadingFlag.BAD_CLOCK | ReadingFlag.CLAIMED)
_TELLS_NO_CLOCK: Final = np.uint8(ReadingFlag.CLAIMED | ReadingFlag.BACKFILL)
_UNSCORED: Final = np.uint8(ReadingFlag.BAD_CLOCK | ReadingFlag.CLAIMED | ReadingFlag.LATE)


def readings_of(batch: DecodedBatch, bursts: BurstWork) -> tuple[ReadingColumns, IndexArray, list[SpectrumNote]]:
    """Put the features of waveforms between the readings of a batch, where their messages came.

    Returns
    -------
    readings : ReadingColumns
        In the order of arrival.
    message_of : int32[N]
        The message of each reading; for a waveform in parts that of its last part.
    spectra : list of SpectrumNote
        Of waveforms that are long enough, and touched no limit.
    """
    features, message_of, spectra = features_of(batch)
    parts, messages = [batch.readings, features], [batch.message_of_reading, message_of]
    if bursts.groups is not None:
        last_part = np.asarray(bursts.last_part, np.int32)
        for (block, place), flags in zip(bursts.groups.blocks, bursts.groups.flags, strict=True):
            spectra += _add_features(bursts.groups.slots, block, last_part[place], flags, parts, messages)
    readings, message_of = ReadingColumns.concatenate(parts), np.concatenate(messages)
    if (message_of[1:] < message_of[:-1]).any():
        order = np.argsort(message_of, kind="stable")
        readings, message_of = readings.take(order), message_of[order]
    return readings, message_of, spectra


def features_of(batch: DecodedBatch) -> tuple[ReadingColumns, IndexArray, list[SpectrumNote]]:
    """Compute the features of a batch's whole waveforms; with the message of each, and their spectra."""
    parts, messages = [ReadingColumns.empty()], [np.empty(0, np.int32)]
    spectra: list[SpectrumNote] = []
    for (block, message), flags in zip(batch.waveforms, batch.waveform_flags, strict=True):
        spectra += _add_features(batch.slots, block, message, flags, parts, messages)
    return ReadingColumns.concatenate(parts), np.concatenate(messages), spectra


def _add_features(
    slots: Sequence[WaveformSlot],
    block: SignalBlock,
    message: IndexArray,
    flags: FlagArray,
    parts: list[ReadingColumns],
    messages: list[IndexArray],
) -> list[SpectrumNote]:
    """Compute the features of one group of waveforms, those that the register asks for, and give their spectra."""
    numbers = np.frombuffer(b"".join([slot.numbers for slot in slots]), np.int32).reshape(-1, len(WAVEFORM_CHANNELS))
    factors = np.asarray([slot.factors for slot in slots], np.float64).reshape(-1, len(WAVEFORM_CHANNELS))
    # Samples and rates that no instrument has overflow to infinity, and are left out below.
    with np.errstate(over="ignore", invalid="ignore"):
        features, magnitude = analyse_waveforms(block.samples, block.sampling_rate_hz)
        spectra = _spectra(block, features, magnitude)
        features *= factors[block.channel]
    number = numbers[block.channel]
    kept = (number >= 0) & np.isfinite(features)
    row = np.nonzero(kept)[0]
    parts.append(ReadingColumns(number[kept], block.start_ns[row], features[kept], flags[row]))
    messages.append(message[row])
    # A block is known by one of its readings, wherever its features go.
    told = (flags & np.uint8(ReadingFlag.CLIPPED)) == 0
    return [
        msgspec.structs.replace(note, channel=int(number[at, np.argmax(kept[at])]))
        for at, note in spectra
        if told[at] and kept[at].any()
    ]


def _spectra(block: SignalBlock, features: FloatArray, magnitude: FloatArray) -> list[tuple[int, SpectrumNote]]:
    """Give the spectra of the waveforms that move, by row; none where they are too short."""
    samples = block.samples.shape[1]
    if not bins_of(samples):
        return []
    shares, moves = block_shares(magnitude)
    kurtosis = features[:, FEATURES.index("kurtosis")]
    return [
        (
            row,
            SpectrumNote(
                channel=-1,
                time_ns=int(block.start_ns[row]),
                sampling_rate_hz=block.sampling_rate_hz,
                samples=samples,
                kurtosis=float(kurtosis[row]),
                shares=shares[row].astype("<f2").tobytes(),
            ),
        )
        for row in np.flatnonzero(moves & np.isfinite(kurtosis)).tolist()
    ]


def longest_reaches(readings: ReadingColumns, message_of: IndexArray) -> list[tuple[int, int]]:
    """Give the stretch of device times in each message that has more than one, longest of each channel.

    Returns
    -------
    list of (int, int)
        The number of a channel in the message, and nanoseconds from its first reading to its last.
    """
    timed = np.flatnonzero((readings.flags & np.uint8(ReadingFlag.BAD_CLOCK)) == 0)
    if not len(timed):
        return []
    message, time_ns = message_of[timed], readings.time_ns[timed]
    count = int(message.max()) + 1
    some = np.zeros(count, np.intp)
    some[message] = timed
    first, last = np.full(count, time_ns.max()), np.full(count, time_ns.min())
    np.minimum.at(first, message, time_ns)
    np.maximum.at(last, message, time_ns)
    found: dict[int, int] = {}
    for place in np.flatnonzero(last > first).tolist():
        number = int(readings.channel[some[place]])
        found[number] = max(int(last[place] - first[place]), found.get(number, 0))
    return sorted(found.items())


def arrival_differences(
    readings: ReadingColumns, message_of: IndexArray, received_ns: Sequence[int], *, may_rest: BoolArray
) -> tuple[IndexArray, FloatArray]:
    """Give for each message that tells of its sensor's clock the time of arrival minus its newest device time.

    Parameters
    ----------
    readings, message_of : ReadingColumns, int[N]
        What came, and in which message.
    received_ns : sequence of int
        Time of arrival of each message.
    may_rest : bool[N]
        Readings of what is silent while its machine rests.

    Returns
    -------
    channel : int32[M]
        The number of one of the message's channels.
    difference_s : float64[M]
        In seconds; infinite where no reading of the message has a possible time. Buffered readings, and times that
        are not believed yet, are left out. So is a message of several hours of what rests: how old its newest reading
        is tells when the machine stopped.
    """
    telling = np.flatnonzero((readings.flags & _TELLS_NO_CLOCK) == 0)
    if not len(telling):
        return np.empty(0, np.int32), np.empty(0)
    bad = (readings.flags[telling] & np.uint8(ReadingFlag.BAD_CLOCK)) != 0
    message, time_ns = message_of[telling], np.where(bad, NEVER_NS + 1, readings.time_ns[telling])
    newest = np.full(len(received_ns), NEVER_NS, np.int64)
    np.maximum.at(newest, message, time_ns)
    some = np.zeros(len(received_ns), np.intp)
    some[message] = telling
    arrived = np.asarray(received_ns, np.int64)
    gathered = np.zeros(len(received_ns), np.bool_)
    gathered[message[time_ns < newest[message]]] = True
    speaks_at_rest = np.zeros(len(received_ns), np.bool_)
    speaks_at_rest[message[~may_rest[telling]]] = True
    heard = np.flatnonzero((newest > NEVER_NS) & (speaks_at_rest | ~gathered | (newest > arrived)))
    arrived = arrived[heard]
    possible = newest[heard] > NEVER_NS + 1
    difference_s = (arrived - np.where(possible, newest[heard], 0)) / 1e9
    return readings.channel[some[heard]], np.where(possible, difference_s, np.inf)


def newest_readings(accepted: ReadingColumns, latest_ns: TimeArray, grade: npt.NDArray[np.int8]) -> SensorColumns:
    """Give what is now the newest of each channel, where this batch brought it.

    Parameters
    ----------
    accepted : ReadingColumns
        New readings.
    latest_ns : int64[N]
        Newest device time of each reading's channel before this batch.
    grade : int8[N]
        Of each reading's channel, a place in `QUALITIES`. A reading that is not scored is low in any case.
    """
    timed = (accepted.flags & _NOT_BELIEVED) == 0
    stands = timed & (accepted.time_ns >= latest_ns)
    if not timed.all():
        # A time of arrival, or one that is not believed, stands only for a channel of which nothing better is known.
        stands |= ~timed & (latest_ns == NEVER_NS) & ~np.isin(accepted.channel, accepted.channel[timed])
    found = np.flatnonzero(stands)
    order = found[np.lexsort((accepted.time_ns[found], accepted.channel[found]))]
    channel = accepted.channel[order]
    is_last = np.ones(len(order), np.bool_)
    is_last[:-1] = channel[1:] != channel[:-1]
    newest = accepted.take(order[is_last])
    low = QUALITIES.index(DataQuality.LOW)
    grades = np.where((newest.flags & _UNSCORED) != 0, low, grade[order[is_last]])
    return SensorColumns.from_readings(newest, grades.astype(np.uint8))


def hold_unknown(
    journal: Journal, messages: Sequence[Message], batch: DecodedBatch
) -> tuple[list[HeldMessage], list[QuarantineChange]]:
    """Keep messages of unknown senders, each once, and list who sent them."""
    if not batch.quarantined:
        return [], []
    hashes = [message_hash(messages[item.message].topic, messages[item.message].payload) for item in batch.quarantined]
    seen = journal.known_arrivals(hashes) | journal.held_hashes(hashes)
    held: list[HeldMessage] = []
    changes: dict[tuple[str, str, str], QuarantineChange] = {}
    for unknown, digest in zip(batch.quarantined, hashes, strict=True):
        if digest in seen:
            continue
        seen.add(digest)
        message = messages[unknown.message]
        sender = (unknown.gateway, unknown.asset, unknown.sensor)
        held.append(HeldMessage(*sender, digest, message.topic, message.payload, message.received_ns))
        before = changes.get(sender)
        changes[sender] = QuarantineChange(
            *sender,
            messages=1 + (before.messages if before else 0),
            first_received_ns=before.first_received_ns if before else message.received_ns,
            last_received_ns=message.received_ns,
            reason=unknown.reason,
            example=message.payload[:_FIRST_BYTES_SHOWN].decode(errors="replace"),
        )
    return held, list(changes.values())


def letters_of_held(held: Sequence[HeldMessage], *, seq: int, head_bytes: int) -> list[DeadLetter]:
    """Write down held messages that are given up, one letter a sender, for the entry `seq`."""
    counts = Counter((item.gateway, item.asset, item.sensor) for item in held)
    first = {(item.gateway, item.asset, item.sensor): item for item in reversed(held)}
    return [
        DeadLetter(
            id=f"{seq}-{index}",
            topic=first[sender].topic,
            gateway=GatewayId(sender[0]),
            code="unknown_channel",
            reason=f"got {count} messages of a sender that nobody registered for as long as they are kept, expected "
            f"sensor {sender[2]!r} of asset {sender[1]!r} in the register; register it, and send them again",
            head=first[sender].payload[:head_bytes],
            received_at_ns=first[sender].received_ns,
        )
        for index, (sender, count) in enumerate(counts.items())
    ]


def released_senders(released: Sequence[HeldMessage]) -> list[QuarantineChange]:
    """Take the senders of released messages off the list, by as many messages as were released."""
    counts = Counter((item.gateway, item.asset, item.sensor) for item in released)
    return [
        QuarantineChange(
            gateway=gateway,
            asset=asset,
            sensor=sensor,
            messages=-count,
            first_received_ns=0,
            last_received_ns=0,
            reason="",
            example="",
        )
        for (gateway, asset, sensor), count in counts.items()
    ]
