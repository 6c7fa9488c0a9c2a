"""Device times that run far ahead: believed only when their source says the same again (design.md D1, D14).

By the stream's clock nothing outside the stream bounds a device time, so a single reading from the year 2262
would close every hop of its asset, and with one or two gateways move the stream itself. Therefore a time more
than `step_ns` ahead of what its channel, its asset and the stream have reached is a *claim*. Its reading is
stored and held, moves no clock and waits in no hop, until

- further messages of the channel claim a time within `step_ns` of the last: one for a channel that was never
  heard, two for one that was, without one in between that contradicts them; or
- its channel, its asset or the stream comes within `step_ns` of it.

Then what was held counts as if it had just come. A stream that stopped for years and goes on costs two messages'
delay; so does a history that is published asset after asset, where one begins beyond all that came before. While
nothing in the stream is believed yet, any two messages that agree are enough.

A claim is never decided by the readings of one message alone: they share one clock. What was decided is written
into the journal's entry, so the state remains a function of the journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from domain.arrays import BoolArray, IndexArray, ReadingColumns, TimeArray
from models.hop_clock import NEVER_NS, HopClock

__all__ = ["Claim", "ClaimBook", "Screening", "is_beyond"]

# Messages in a row that must agree: of a channel that was never heard, and of one that was.
_NEW_CHANNEL: Final = 2
_HEARD_CHANNEL: Final = 3
# Held at most for one channel: more than a year of hours in one message.
_MOST_HELD: Final = 10_000
# Times that others may second, at most, so that a batch of claims costs no more than its length.
_MOST_SECONDS: Final = 64


class Claim(NamedTuple):
    """Where a channel's claim stands after a batch.

    Attributes
    ----------
    channel : int
        The journal's number.
    claimed_ns : int
        The time claimed last.
    messages : int
        How many messages in a row agreed; 0: none stands.
    is_fresh : bool
        What was held for the channel before this batch is given up: another time is claimed now.
    """

    channel: int
    claimed_ns: int
    messages: int
    is_fresh: bool


@dataclass(frozen=True, slots=True, eq=False)
class Screening:
    """Which readings of a batch only claim their time.

    Attributes
    ----------
    ahead : bool[N]
        True: to be held.
    claims : tuple of Claim
        Those that the batch changed, by channel.
    """

    ahead: BoolArray
    claims: tuple[Claim, ...]


class ClaimBook:
    """Claims of the channels of one catalogue, and the readings held for them.

    Parameters
    ----------
    numbers : int32[C]
        The journal's number of each channel.
    clock : HopClock
        Of the same channels; looked at only.
    """

    def __init__(self, numbers: IndexArray, clock: HopClock) -> None:
        self._numbers = numbers
        self._clock = clock
        self.claimed_ns: TimeArray = np.full(len(numbers), NEVER_NS, np.int64)
        self.messages: IndexArray = np.zeros(len(numbers), np.int32)
        self._held: dict[int, ReadingColumns] = {}

    def held_count(self) -> int:
        """Count the readings that are held."""
        return sum(len(readings) for readings in self._held.values())

    def held(self, numbers: IndexArray | None = None) -> ReadingColumns:
        """Give the held readings of some channel numbers, int32[N], or of all: by channel, in the order of arrival."""
        chosen = sorted(self._held) if numbers is None else sorted(self._held.keys() & set(numbers.tolist()))
        return ReadingColumns.concatenate([self._held[number] for number in chosen])

    def screen(
        self, rows: IndexArray, time_ns: TimeArray, message: IndexArray, reached_ns: TimeArray, *, step_ns: int
    ) -> Screening:
        """Tell which readings are too far ahead to be believed; nothing changes yet.

        Parameters
        ----------
        rows : int32[N]
            Catalogue row of each reading's channel; readings in the order of arrival, without duplicates.
        time_ns : int64[N]
            Device times.
        message : int32[N]
            The message of each reading.
        reached_ns : int64[N]
            How far time has come for the channel of each reading, see `HopClock.reached`.
        step_ns : int
            How far ahead of that a time may be.
        """
        ahead = np.zeros(len(rows), np.bool_)
        concerned = is_beyond(time_ns, reached_ns, step_ns) | (self.messages[rows] > 0)
        if not concerned.any():
            return Screening(ahead, ())
        wanted = np.zeros(len(self._numbers), np.bool_)
        wanted[rows[concerned]] = True
        reader = _Reader(self, self._clock.latest_ns > NEVER_NS, step_ns)
        for place in np.flatnonzero(wanted[rows]).tolist():
            row, reached = int(rows[place]), int(reached_ns[place])
            ahead[place] = not reader.believes(row, int(time_ns[place]), int(message[place]), reached)
        # What came before the message that confirmed it is confirmed by it too.
        for place in np.flatnonzero(ahead).tolist():
            ahead[place] = reader.is_still_ahead(int(rows[place]), int(time_ns[place]))
        return Screening(ahead, reader.changes(self._numbers))

    def take_in(self, claims: Sequence[Claim], rows: Sequence[int], ahead: ReadingColumns) -> None:
        """Write the claims that a batch changed, and hold its readings that are ahead.

        Parameters
        ----------
        rows : sequence of int
            Catalogue row of each claim's channel; -1 where the catalogue does not have it.
        """
        for claim, row in zip(claims, rows, strict=True):
            if row >= 0:
                self.claimed_ns[row], self.messages[row] = claim.claimed_ns, claim.messages
            if claim.is_fresh:
                self._held.pop(claim.channel, None)
        self._hold(ahead)

    def _hold(self, readings: ReadingColumns) -> None:
        for number in np.unique(readings.channel).tolist():
            mine = readings.take(readings.channel == number)
            before = self._held.get(number)
            joined = mine if before is None else ReadingColumns.concatenate([before, mine])
            self._held[number] = joined.take(slice(-_MOST_HELD, None))

    def give_out(self, held: ReadingColumns, is_reached: BoolArray) -> ReadingColumns:
        """Take out of what is held (as `held()` gives it) the readings whose time has been reached, bool[N]."""
        left = held.take(~is_reached)
        self._held = {number: left.take(left.channel == number) for number in np.unique(left.channel).tolist()}
        return held.take(is_reached)

    def restore(self, rows: IndexArray, claimed_ns: TimeArray, messages: IndexArray, held: ReadingColumns) -> None:
        """Take back what a snapshot, or the book of another catalogue, says of R channels: arrays[R], and readings."""
        self.claimed_ns[rows], self.messages[rows] = claimed_ns, messages
        self._hold(held)


def is_beyond(time_ns: TimeArray, reached_ns: TimeArray, step_ns: int) -> BoolArray:
    """bool[N]: tell which times are over a step ahead of what is reached, int64[N] both, or of a stream not heard."""
    never = reached_ns == NEVER_NS
    beyond: BoolArray = never | (time_ns - step_ns > np.where(never, 0, reached_ns))
    return beyond


class _Reader:
    """Goes through the readings of a batch that matter to a claim, one by one: there are few."""

    def __init__(self, book: ClaimBook, is_heard: BoolArray, step_ns: int) -> None:
        self._book = book
        self._is_heard = is_heard
        self._step_ns = step_ns
        # What anybody claimed, with the message; one of an earlier batch is message -1.
        self._anybody = [(time_ns, -1) for time_ns in np.unique(book.claimed_ns[book.messages > 0]).tolist()]
        self._reached: dict[int, int] = {}
        self._claim: dict[int, _Standing] = {}

    def believes(self, row: int, time_ns: int, message: int, reached_ns: int) -> bool:
        """Tell whether a reading's time is believed, and remember what it means for the next."""
        reached_ns = max(reached_ns, self._reached.get(row, NEVER_NS))
        claim = self._claim.get(row)
        if claim is None:
            claim = _Standing(int(self._book.claimed_ns[row]), int(self._book.messages[row]))
        if reached_ns != NEVER_NS and time_ns <= reached_ns + self._step_ns:
            if claim.messages and claim.message != message:
                claim.messages = 0  # contradicted: who goes to and fro begins anew
                self._claim[row] = claim
            self._reached[row] = max(reached_ns, time_ns)
            return True
        is_near = abs(time_ns - claim.claimed_ns) <= self._step_ns
        if claim.message != message:
            claim.is_fresh |= not is_near and claim.claimed_ns != NEVER_NS
            claim.messages = claim.messages + 1 if claim.messages and is_near else 1
        claim.claimed_ns, claim.message = time_ns, message
        self._claim[row] = claim
        needed = _HEARD_CHANNEL if self._is_heard[row] else _NEW_CHANNEL
        if claim.messages >= needed or (reached_ns == NEVER_NS and self._is_seconded(time_ns, message)):
            claim.messages = 0
            self._reached[row] = time_ns
            return True
        if len(self._anybody) < _MOST_SECONDS:
            self._anybody.append((time_ns, message))
        return False

    def is_still_ahead(self, row: int, time_ns: int) -> bool:
        """Tell whether a time is further ahead than what the batch has confirmed for its channel."""
        reached_ns = self._reached.get(row, NEVER_NS)
        return reached_ns == NEVER_NS or time_ns > reached_ns + self._step_ns

    def _is_seconded(self, time_ns: int, message: int) -> bool:
        """Tell whether another message claimed about the same, while nothing in the stream is believed."""
        return any(other != message and abs(time_ns - said) <= self._step_ns for said, other in self._anybody)

    def changes(self, numbers: IndexArray) -> tuple[Claim, ...]:
        """List the claims that changed; `numbers`, int32[C], has the channel number of each catalogue row."""
        return tuple(
            Claim(int(numbers[row]), claim.claimed_ns, claim.messages, claim.is_fresh)
            for row, claim in sorted(self._claim.items())
        )


@dataclass(slots=True)
class _Standing:
    """A channel's claim as the readings of a batch go by; `message` is the one that made it, -1 an earlier batch."""

    claimed_ns: int
    messages: int
    message: int = -1
    is_fresh: bool = False
