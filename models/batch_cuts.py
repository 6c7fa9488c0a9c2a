"""Where a batch is cut, so that what is believed does not depend on which messages came in one batch.

By the stream's clock a device time is judged by how far the stream had come (`models.claims`), and that is looked at
once a batch. In a batch that reaches over many days, of few sensors at full speed, readings at its end would be judged
by what was reached before its beginning: those of a sensor that speaks every other week would only claim their time,
and a year on they would have none at all; and what is held until the stream comes near would count at the end of the
batch. So a batch is walked through beforehand, and cut before each message that would be judged otherwise had those
before it been taken already, and behind each that lets something held count. Batches of hours are not cut, nor are
channels that go on from their own readings; what nobody else confirms is no reason to cut, so a gateway with a wrong
clock costs nothing. A step that a channel confirms by itself, with three messages, is left to the batch it comes in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from domain.arrays import IndexArray, TimeArray
from models.catalogue import Catalogue
from models.claims import is_beyond
from models.hop_clock import NEVER_NS, HopClock, MedianSource

__all__ = ["Belief", "cut_batch"]

_FOREVER_NS: Final = np.iinfo(np.int64).max
# As many claims as are remembered while nothing is believed.
_MOST_CLAIMS: Final = 64


@dataclass(frozen=True, slots=True)
class Belief:
    """Which device times are believed by the stream's clock.

    Attributes
    ----------
    step_ns : int
        How far ahead of what its channel, its asset and the stream have reached a time is believed at once.
    future_ns : int
        A time further ahead of the median gateway than this is none.
    sources : int
        From so many gateways on, that is.
    """

    step_ns: int
    future_ns: int
    sources: int

    def latest_ns(self, progress_ns: int, heard: int) -> int:
        """Give the last device time that can be one."""
        return progress_ns + self.future_ns if heard >= self.sources else _FOREVER_NS


def cut_batch(
    catalogue: Catalogue,
    clock: HopClock,
    rows: IndexArray,
    time_ns: TimeArray,
    message: IndexArray,
    belief: Belief,
    *,
    held: tuple[IndexArray, TimeArray],
) -> list[int]:
    """Give the messages before which a batch is cut, ascending; none where one clock judges all of it.

    Parameters
    ----------
    rows : int32[N]
        Catalogue row of each reading's channel, in the order of arrival.
    time_ns : int64[N]
        What the readings say, believed or not.
    message : int32[N]
        The message of each reading, ascending.
    held : int32[H], int64[H]
        Rows and times of the readings that are held.
    """
    latest_ns = belief.latest_ns(clock.progress_ns, clock.gateways_heard)
    is_near = len(rows) > 0 and bool((held[1] <= int(time_ns.max(initial=NEVER_NS)) + belief.step_ns).any())
    if not is_near and not (is_beyond(time_ns, clock.reached(rows), belief.step_ns) | (time_ns > latest_ns)).any():
        return []
    walk = _Walk(catalogue, clock, belief)
    for row, moment in zip(held[0].tolist(), held[1].tolist(), strict=True):
        walk.hold(row, moment)
    cuts: list[int] = []
    first = current = -1
    for row, moment, number in zip(rows.tolist(), time_ns.tolist(), message.tolist(), strict=True):
        if number != current:
            gave_out = walk.give_out()
            current = number
            walk.begin_message()
            if gave_out:
                walk.begin_part()
                cuts.append(number)
            first = number if first < 0 or gave_out else first
        is_believed = walk.believes(row, moment, number)
        if number != first and not walk.same_in_part(row, moment, number, is_believed=is_believed):
            walk.begin_part()
            cuts.append(number)
            first = number
        if is_believed:
            walk.hear(row, moment)
        else:
            walk.hold(row, moment)
    return cuts


@dataclass(slots=True)
class _Before:
    """How far the stream had come when a part of the batch, or a message, began."""

    progress_ns: int
    heard: int
    # Assets that moved since, with where they stood.
    asset_ns: dict[int, int] = field(default_factory=dict)
    # Channels that moved since, with where they stand.
    channel_ns: dict[int, int] = field(default_factory=dict)


class _Walk:
    """The stream's clock as one reading comes after the other, and as it was when the part began."""

    def __init__(self, catalogue: Catalogue, clock: HopClock, belief: Belief) -> None:
        self._belief = belief
        self._asset = catalogue.asset_of_channel.tolist()
        self._gateway = clock.gateway.tolist()
        newest = np.full(len(catalogue.assets), NEVER_NS, np.int64)
        np.maximum.at(newest, catalogue.asset_of_channel, clock.latest_ns)
        self._newest = newest.tolist()
        self._source = MedianSource(clock.newest_of_gateways(), clock.progress_ns)
        self._part = self._message = self._now()
        self._claims: list[tuple[int, int]] = []
        # Of each asset the readings held, and the earliest of all.
        self._held: dict[int, list[tuple[int, int]]] = {}
        self._earliest = _FOREVER_NS

    def begin_message(self) -> None:
        """Remember how far the stream had come before a message."""
        self._message = self._now()

    def begin_part(self) -> None:
        """Let the part begin with the message under way."""
        self._part = self._message
        self._message = _Before(
            self._part.progress_ns, self._part.heard, dict(self._part.asset_ns), dict(self._part.channel_ns)
        )

    def believes(self, row: int, time_ns: int, message: int) -> bool:
        """Tell whether a time is believed by what came before it."""
        reached_ns = max(self._newest[self._asset[row]], self._source.progress_ns)
        if not self._is_possible(time_ns):
            return False
        if reached_ns > NEVER_NS:
            return bool(time_ns <= reached_ns + self._belief.step_ns)
        is_seconded = self._is_seconded(time_ns, message)
        if not is_seconded and len(self._claims) < _MOST_CLAIMS:
            self._claims.append((time_ns, message))
        return is_seconded

    def same_in_part(self, row: int, time_ns: int, message: int, *, is_believed: bool) -> bool:
        """Tell whether what came before the part, and the channel's own readings in it, say the same of a time."""
        part, asset, step_ns = self._part, self._asset[row], self._belief.step_ns
        is_possible = time_ns <= self._belief.latest_ns(part.progress_ns, part.heard)
        if not is_believed:
            # Nor was it when the part began; but whether it is held or has no time may differ.
            return is_possible == self._is_possible(time_ns)
        if not is_possible:
            return False
        own_ns = part.channel_ns.get(row, NEVER_NS)
        reached_ns = max(part.asset_ns.get(asset, self._newest[asset]), part.progress_ns, own_ns)
        if reached_ns > NEVER_NS:
            return bool(time_ns <= reached_ns + step_ns)
        return self._is_seconded(time_ns, message)

    def hear(self, row: int, time_ns: int) -> None:
        """Take in a reading that is believed."""
        asset = self._asset[row]
        before_ns = self._newest[asset]
        self._newest[asset] = max(before_ns, time_ns)
        for since in (self._part, self._message):
            since.asset_ns.setdefault(asset, before_ns)
            since.channel_ns[row] = max(since.channel_ns.get(row, NEVER_NS), time_ns)
        self._source.hear(self._gateway[row], time_ns)

    def hold(self, row: int, time_ns: int) -> None:
        """Keep a reading that is not believed, unless its time is none."""
        if self._is_possible(time_ns):
            self._held.setdefault(self._asset[row], []).append((time_ns, row))
            self._earliest = min(self._earliest, time_ns)

    def give_out(self) -> bool:
        """Take in what is held and has come within reach behind a message; tell whether there was any."""
        gave_out = False
        while reached := self._within_reach():
            gave_out = True
            for time_ns, row in reached:
                self._held[self._asset[row]].remove((time_ns, row))
                self.hear(row, time_ns)
            self._earliest = min((item[0] for items in self._held.values() for item in items), default=_FOREVER_NS)
        return gave_out

    def _within_reach(self) -> list[tuple[int, int]]:
        by_stream_ns = self._source.progress_ns
        assets = self._held if self._earliest <= by_stream_ns + self._belief.step_ns else self._message.asset_ns
        return [
            item
            for asset in assets
            for item in self._held.get(asset, ())
            if (reached_ns := max(self._newest[asset], by_stream_ns)) > NEVER_NS
            and item[0] <= reached_ns + self._belief.step_ns
        ]

    def _now(self) -> _Before:
        return _Before(self._source.progress_ns, self._source.heard)

    def _is_possible(self, time_ns: int) -> bool:
        return time_ns <= self._belief.latest_ns(self._source.progress_ns, self._source.heard)

    def _is_seconded(self, time_ns: int, message: int) -> bool:
        """Tell whether another message claimed about the same, while nothing in the stream is believed."""
        return any(other != message and abs(time_ns - said) <= self._belief.step_ns for said, other in self._claims)
