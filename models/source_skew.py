"""How far each sensor's clock is from ours: the median of time of arrival minus device time, and its jumps.

A single difference says little: it holds the way through gateway and broker. The median of the last messages says how a
source usually stands; when the last three messages lie elsewhere and agree on where, its clock, or its way, has jumped.
Where a sensor comes and goes and its gateway sends once a day, the newest reading is now one hour old and then four:
such messages agree on nothing. Device times are never corrected by it: a person decides what a jump means. Readings
that a gateway says it had buffered, and those whose time is not believed yet, say nothing here. What a gateway sends
again without saying so is told by its course: old hours come one after the other in a moment, each less old than the
one before, where a clock that went back stays behind. Readings less than a minute apart go by too slowly to tell. A
clock whose messages have no possible time, three in a row, is a fault of its own: it may have jumped beyond what is
possible, or never have been set.

State in, state out: `observe` gives a book of the sensors that it heard, which `put` writes back. The sensors of a
catalogue are named by the row of their first channel, and have one row in the book whatever the number of channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from domain.arrays import BoolArray, FloatArray, IndexArray
from models.axes import place_in_group

__all__ = ["SkewBook", "SkewJump"]

# Messages behind the usual skew, and behind what it is now.
_USUAL: Final = 15
_NOW: Final = 3
# Fewer messages than this are no habit yet.
_LEAST: Final = 5
# A jump is more than a minute beyond five times the usual scatter: gateways gather and wait for seconds to minutes,
# clocks that lose their setting are off by an hour or by years. The scatter is the median absolute deviation, or half
# of what the middle two fifths span: a gateway that sends twice a day what it gathered has two usual skews, and of two
# equally frequent values the median deviation is none.
_LEAST_JUMP_S: Final = 60.0
_SCATTERS: Final = 5.0
_MIDDLE: Final = (0.3, 0.7)
# A new skew that lasts so many messages is the usual one from then on.
_ACCEPTED_AFTER: Final = 96
# What a jump is told from may differ among itself by the limit of a jump or by this share of it.
_AGREE: Final = 0.25
# What the API shows moves only by more than this, and a tenth.
_SHOWN_STEP_S: Final = 1.0
_MOST_REPEATS: Final = 16


@dataclass(frozen=True, slots=True)
class SkewJump:
    """A sensor's clock that jumped, or came back; `jump_s` is new minus usual, positive when it fell behind.

    `what` is `jump`, or `impossible` for times that cannot be; then `jump_s` is 0.
    """

    row: int
    jump_s: float
    is_over: bool
    what: str = "jump"


@dataclass(frozen=True, slots=True, eq=False)
class SkewBook:
    """Skews of `S` sensors of one catalogue.

    Attributes
    ----------
    first : int32[S]
        Row of each sensor's first channel in the catalogue, ascending.
    last_s : float64[S, 15]
        The last messages' differences, newest last; NaN where there are fewer.
    usual_s : float64[S]
        The usual skew; NaN before there is one.
    since : int32[S]
        Messages since the jump that stands; 0 for none.
    shown_s : float64[S]
        The skew as it was told last.
    impossible : int32[S]
        Messages in a row without a possible time.
    """

    first: IndexArray
    last_s: FloatArray
    usual_s: FloatArray
    since: IndexArray
    shown_s: FloatArray
    impossible: IndexArray

    @staticmethod
    def empty(sensor_of_channel: IndexArray) -> SkewBook:
        """Give the book of a catalogue of which nothing was heard.

        Parameters
        ----------
        sensor_of_channel : int32[C]
            As in the catalogue: the first channel of each channel's sensor.
        """
        first = np.unique(sensor_of_channel).astype(np.int32)
        return SkewBook(first, *_blank(len(first)))

    def observe(self, rows: IndexArray, difference_s: FloatArray) -> tuple[SkewBook, list[SkewJump], IndexArray]:
        """Take in messages.

        Parameters
        ----------
        rows : int32[N]
            Sensor of each message, in the order of arrival.
        difference_s : float64[N]
            Time of arrival minus newest device time; infinite where the message has no possible time.

        Returns
        -------
        SkewBook
            Of the sensors heard alone.
        list of SkewJump
        shown : int32[M]
            Sensors whose skew has become another one to tell, ascending.
        """
        heard = np.unique(rows)
        known = np.searchsorted(self.first, heard)
        book = SkewBook(heard, *(column[known] for column in self.columns()))
        jumps: list[SkewJump] = []
        order = np.argsort(rows, kind="stable")
        sensor, value = np.searchsorted(heard, rows[order]).astype(np.int32), difference_s[order]
        rank = place_in_group(sensor)
        # Of a sensor that sent more than that in one batch the newest count.
        rank -= np.maximum(np.bincount(sensor, minlength=len(heard)) - _MOST_REPEATS, 0)[sensor]
        sensor, value, rank = sensor[rank >= 0], value[rank >= 0], rank[rank >= 0]
        told = ~book.take_plain(sensor, rank, value)[sensor]
        sensor, value, rank = sensor[told], value[told], rank[told]
        for which in range(int(rank.max(initial=-1)) + 1):
            jumps += book.take_next(sensor[rank == which], value[rank == which])
        now = book.skew_s()
        step = np.maximum(_SHOWN_STEP_S, 0.1 * np.abs(now))
        moved = np.isfinite(now) & ~(np.abs(now - book.shown_s) <= step)
        book.shown_s[moved] = now[moved]
        return book, jumps, book.first[moved]

    def put(self, part: SkewBook) -> None:
        """Write what `observe` gave back, in place."""
        place = np.searchsorted(self.first, part.first)
        for mine, theirs in zip(self.columns(), part.columns(), strict=True):
            mine[place] = theirs

    def skew_s(self) -> FloatArray:
        """float64[S]: the skew of each sensor as it is now; NaN where too little is known."""
        skew, off = self.usual_s.copy(), self.since > 0
        skew[off] = np.median(self.last_s[off, -_NOW:], axis=-1)
        return skew

    def rows(self, channels: slice) -> tuple[npt.NDArray[Any], ...]:
        """Give the columns with a row for each of some channels; of one that is not its sensor's first it is empty."""
        low, high = np.searchsorted(self.first, [channels.start, channels.stop]).tolist()
        wide: tuple[npt.NDArray[Any], ...] = _blank(channels.stop - channels.start)
        for column, mine in zip(wide, self.columns(), strict=True):
            column[self.first[low:high] - channels.start] = mine[low:high]
        return wide

    def place(self, rows: IndexArray) -> tuple[BoolArray, npt.NDArray[np.intp]]:
        """bool[N], intp: which channel rows are the first of their sensor here, and where in the book those are."""
        place = np.searchsorted(self.first, rows)
        there = np.append(self.first, -2)[place] == rows
        return there, place[there]

    def take_plain(self, sensor: IndexArray, rank: npt.NDArray[np.intp], value: FloatArray) -> BoolArray:
        """Take in all messages of those sensors whose clocks stand as ever, at once and in place.

        It is what `take_next` does with one after the other, where none can be a jump or be caught up with: those
        take more than a minute, so that the scatter need not be known.

        Parameters
        ----------
        sensor : int32[N]
            Row in this book, ascending.
        rank : int[N]
            Which message of its sensor it is, from 0 on.
        value : float64[N]

        Returns
        -------
        bool[S]
            Which sensors these are; of the others nothing has changed.
        """
        stream = np.full((len(self.first), _USUAL + int(rank.max(initial=0)) + 1), np.nan)
        stream[:, :_USUAL] = self.last_s
        stream[sensor, _USUAL + rank] = value
        last = sliding_window_view(stream, _USUAL, axis=1)[sensor, rank + 1]
        number = np.sum(~np.isnan(last), axis=-1)
        before = self.usual_s[sensor]
        with np.errstate(invalid="ignore"):  # of times that cannot be, whose sensors are left to the other way
            after = np.where(number >= _LEAST, _median(last, number), before)
            usual = np.where(rank == 0, before, np.roll(after, 1))
            is_late = _gains(last[:, -2], value, usual, _LEAST_JUMP_S)
            is_off = np.abs(np.sort(last[:, -_NOW:], axis=-1)[:, _NOW // 2] - usual) > _LEAST_JUMP_S
        plain = np.asarray((self.since == 0) & (self.impossible == 0))
        plain[sensor[is_late | is_off | ~np.isfinite(value)]] = False
        newest = plain[sensor] & np.append(sensor[1:] != sensor[:-1], np.ones(min(len(sensor), 1), np.bool_))
        self.last_s[sensor[newest]] = last[newest]
        self.usual_s[sensor[newest]] = after[newest]
        return plain

    def take_next(self, sensor: IndexArray, value: FloatArray) -> list[SkewJump]:
        """Take in one message each of some sensors, by row in this book, in place: int32[N], seconds float64[N]."""
        jumps = self._count_impossible(sensor, value)
        is_possible = np.isfinite(value)
        return jumps + self._take(sensor[is_possible], value[is_possible])

    def _count_impossible(self, rows: IndexArray, value: FloatArray) -> list[SkewJump]:
        """Count messages without a possible time, in place."""
        before, is_bad = self.impossible[rows], ~np.isfinite(value)
        now = np.where(is_bad, np.minimum(before + 1, _NOW + 1), 0)
        self.impossible[rows] = now
        begun, over = is_bad & (now == _NOW), ~is_bad & (before >= _NOW)
        return [
            SkewJump(int(self.first[rows[place]]), 0.0, bool(over[place]), "impossible")
            for place in np.flatnonzero(begun | over).tolist()
        ]

    def _take(self, rows: IndexArray, value: FloatArray) -> list[SkewJump]:
        """Take in one message each of some sensors, in place."""
        usual, since = self.usual_s[rows], self.since[rows]
        before = self.last_s[rows]
        catching_up = _catches_up(before, value, usual) & (since == 0)
        # Of hours that are caught up with only the newest is kept: they are not how the source usually stands.
        before = np.where(catching_up[:, np.newaxis], before, np.roll(before, -1, axis=1))
        last = np.concatenate([before[:, :-1], value[:, np.newaxis]], axis=1)
        number = np.sum(~np.isnan(last), axis=-1)
        newest = np.sort(last[:, -_NOW:], axis=-1)
        now = newest[:, _NOW // 2]
        known = number >= _LEAST
        middle = _median(last, number)
        limit = _LEAST_JUMP_S + _SCATTERS * np.where(since > 0, 0.0, _scatter(last, middle, number))
        off = now - usual
        agree = newest[:, -1] - newest[:, 0] <= np.maximum(limit, _AGREE * np.abs(off))
        jumped = (since == 0) & ~np.isnan(usual) & (np.abs(off) > limit) & agree
        back = (since > 0) & (np.abs(off) <= limit / 2.0)
        accepted = (since >= _ACCEPTED_AFTER) & ~back
        over = back | accepted
        # What came before the jump, or during it, tells nothing any more.
        last[over, :-_NOW] = np.nan
        quiet = (since == 0) & ~jumped & known
        self.usual_s[rows] = np.where(quiet, middle, np.where(accepted, now, usual))
        self.since[rows] = np.where(over, 0, np.where(jumped, 1, np.where(since > 0, since + 1, 0)))
        self.last_s[rows] = last
        return [
            SkewJump(int(self.first[rows[place]]), float(off[place]), bool(over[place]))
            for place in np.flatnonzero(jumped | over).tolist()
        ]

    def rebase(self, sensor_of_channel: IndexArray, before: IndexArray) -> SkewBook:
        """Carry the book over a change of the register.

        Parameters
        ----------
        sensor_of_channel : int32[C]
            Of the new catalogue.
        before : int32[C]
            Row of each new channel in the old catalogue; -1 where it is new.
        """
        fresh = SkewBook.empty(sensor_of_channel)
        kept, place = self.place(before[fresh.first])
        for mine, old in zip(fresh.columns(), self.columns(), strict=True):
            mine[kept] = old[place]
        return fresh

    def columns(self) -> tuple[npt.NDArray[Any], ...]:
        """Give the columns of what is known, in a fixed order."""
        return self.last_s, self.usual_s, self.since, self.shown_s, self.impossible


def _blank(count: int) -> tuple[FloatArray, FloatArray, IndexArray, FloatArray, IndexArray]:
    """Give the columns of sensors that were never heard."""
    return (
        np.full((count, _USUAL), np.nan),
        np.full(count, np.nan),
        np.zeros(count, np.int32),
        np.full(count, np.nan),
        np.zeros(count, np.int32),
    )


def _catches_up(last: FloatArray, value: FloatArray, usual: FloatArray) -> BoolArray:
    """bool[N]: which messages are late, but clearly less so than the one before, which was late too."""
    found = _gains(last[:, -1], value, usual, _LEAST_JUMP_S)
    if found.any():
        number = np.sum(~np.isnan(last), axis=-1)
        limit = _LEAST_JUMP_S + _SCATTERS * _scatter(last, _median(last, number), number)
        found &= _gains(last[:, -1], value, usual, limit)
    return found


def _gains(before: FloatArray, value: FloatArray, usual: FloatArray, limit: FloatArray | float) -> BoolArray:
    """bool[N]: which messages and those before are late by more than the limit, and these by half of it less."""
    return np.asarray((np.minimum(before, value) - usual > limit) & (before - value > 0.5 * limit))


def _scatter(values: FloatArray, middle: FloatArray, number: npt.NDArray[np.intp]) -> FloatArray:
    """float64[N]: usual scatter of each row's `number` values that are not NaN; 0 of none."""
    scatter = np.nan_to_num(_median(np.abs(values - middle[:, np.newaxis]), number))
    return np.asarray(np.maximum(scatter, 0.5 * np.nan_to_num(_middle_span(values, number))))


def _median(values: FloatArray, number: npt.NDArray[np.intp]) -> FloatArray:
    """float64[N]: median of each row's `number` values that are not NaN; NaN of none. Much faster than numpy's own."""
    ordered = np.sort(values, axis=-1)  # NaN last
    row = np.arange(len(values))
    low, high = np.maximum(number - 1, 0) // 2, number // 2
    high = np.minimum(high, values.shape[-1] - 1)
    return np.asarray((ordered[row, low] + ordered[row, high]) / 2.0)


def _middle_span(values: FloatArray, number: npt.NDArray[np.intp]) -> FloatArray:
    """float64[N]: what the middle two fifths of each row's `number` values that are not NaN span; NaN of none."""
    ordered = np.sort(values, axis=-1)  # NaN last
    row, last = np.arange(len(values)), np.maximum(number - 1, 0)
    low, high = (np.floor(share * last).astype(np.intp) for share in _MIDDLE)
    return np.asarray(ordered[row, high] - ordered[row, low])
