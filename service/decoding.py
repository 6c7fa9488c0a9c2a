"""A batch that was decoded elsewhere: what it rests on, and when it may be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from domain.arrays import ReadingColumns, ReadingFlag
from ingest.batch import Message, decode_batch
from ingest.clock import ClockLimits
from ingest.messages import DecodedBatch, MessageOutcome, QuarantinedMessage, Refusal
from ingest.resolve import Resolver
from service.intake import features_of
from storage.modal_entries import SpectrumNote

__all__ = ["Decoded", "decode_ahead"]

_Noted = TypeVar("_Noted", Refusal, QuarantinedMessage)


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A batch with the features of its waveforms among its readings.

    Attributes
    ----------
    register_seq : int
        The journal entry of the register that names and units were looked up in.
    batch : DecodedBatch
        Without samples.
    spectra : list of SpectrumNote
        Of its waveforms, and perhaps of some that are not in it; `service.mode_book.new_spectra` tells by the readings.
    """

    register_seq: int
    batch: DecodedBatch
    spectra: list[SpectrumNote]

    def holds(self, register_seq: int, limits: ClockLimits) -> bool:
        """Tell whether decoding it now would give the same: same register, and no time that is not believed here."""
        if register_seq != self.register_seq:
            return False
        readings = self.batch.readings
        believed = readings.time_ns[(readings.flags & np.uint8(ReadingFlag.BAD_CLOCK)) == 0]
        low, high = limits.bounds()
        return not len(believed) or (low <= int(believed.min()) and int(believed.max()) <= high)

    def part(self, first: int, last: int) -> Decoded:
        """Give what the messages from `first` up to `last` decoded to."""
        batch = self.batch
        mine = (batch.message_of_reading >= first) & (batch.message_of_reading < last)
        # Each message that is a status has one, and they come in the same order.
        is_status = batch.outcome == MessageOutcome.STATUS_ONLY
        statuses = slice(int(is_status[:first].sum()), int(is_status[:last].sum()))
        part = replace(
            batch,
            outcome=batch.outcome[first:last],
            readings=batch.readings.take(mine),
            message_of_reading=batch.message_of_reading[mine] - np.int32(first),
            parts=tuple((position - first, block) for position, block in batch.parts if first <= position < last),
            dead_letters=_within(batch.dead_letters, first, last),
            quarantined=_within(batch.quarantined, first, last),
            statuses=batch.statuses[statuses],
            values_refused={
                position - first: count for position, count in batch.values_refused.items() if first <= position < last
            },
        )
        return Decoded(self.register_seq, part, self.spectra)


def decode_ahead(
    messages: Sequence[Message], resolver: Resolver, limits: ClockLimits, *, register_seq: int, max_payload_bytes: int
) -> Decoded:
    """Decode a batch and compute the features of its waveforms.

    Parameters
    ----------
    messages, resolver, limits, max_payload_bytes
        As for `ingest.batch.decode_batch`.
    register_seq : int
        The journal entry of the register that `resolver` stands for.
    """
    batch = decode_batch(messages, resolver, limits, max_payload_bytes=max_payload_bytes)
    features, message_of, spectra = features_of(batch)
    batch = replace(
        batch,
        readings=ReadingColumns.concatenate([batch.readings, features]),
        message_of_reading=np.concatenate([batch.message_of_reading, message_of]),
        waveforms=(),
        waveform_flags=(),
        slots=(),
    )
    return Decoded(register_seq, batch, spectra)


def _within(notes: Sequence[_Noted], first: int, last: int) -> tuple[_Noted, ...]:
    """Keep the notes of some messages, which are counted from the first of them on."""
    return tuple(note._replace(message=note.message - first) for note in notes if first <= note.message < last)
