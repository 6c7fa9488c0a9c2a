"""Hops: readings that arrive in any order become one feature row an asset and hop (design.md D14).

Theory of operation. A hop is a fixed interval of event time. Readings wait in buckets by the start of
their hop until it closes: when its end plus the lateness allowance has passed by the clock in use. A
hop is summarised from its readings sorted by channel and time, so neither the order of arrival nor
where the stream was cut into batches can change one bit of the result; when a hop is closed, only
which readings came too late.

How far time has come is in `models.hop_clock`, which times are not believed yet in `models.claims`, what repeats in
`models.hop_keys`, what a hop says in `models.hop_summary`.

Looking and doing are apart, so that nothing changes before the journal's commit: `admit` is followed by
`take_in`, `close` by `carry_out`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import BoolArray, FeatureTable, IndexArray, ReadingColumns, ReadingFlag, TimeArray
from domain.errors import ShapeError
from models.catalogue import Catalogue
from models.claims import Claim, ClaimBook, is_beyond
from models.hop_clock import NEVER_NS, HopClock
from models.hop_keys import find_duplicates, rows_by_number, split_by_hop
from models.hop_summary import summarise
from models.open_hops import KEPT_STARTS, OpenFinder, OpenHops, SumsOfStarts

__all__ = ["NEVER_NS", "Admission", "Closing", "HopTracker", "Round"]

DAY_NS: Final = 86_400_000_000_000
_NOT_SCORED: Final = np.uint8(ReadingFlag.BAD_CLOCK)
_NOT_BELIEVED: Final = np.uint8(ReadingFlag.BAD_CLOCK | ReadingFlag.CLAIMED)
_IN_NO_HOP: Final = np.uint8(ReadingFlag.BAD_CLOCK | ReadingFlag.CLAIMED | ReadingFlag.LATE)


@dataclass(frozen=True, slots=True, eq=False)
class Admission:
    """Which readings of a batch are new, and how the stream's clock stands behind them.

    Attributes
    ----------
    accepted : ReadingColumns
        New ones, `LATE` set where their hop is closed, `CLAIMED` where their time is not believed yet.
    duplicate, conflict : bool[N]
        Over the batch: the key was there already; with another value (the first value stays).
    claims : tuple of Claim
        Claims that the batch changed.
    """

    accepted: ReadingColumns
    duplicate: BoolArray
    conflict: BoolArray
    claims: tuple[Claim, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """Hops that close side by side: at most one an asset.

    Attributes
    ----------
    assets : int32[K]
        Rows of the catalogue, ascending.
    features : FeatureTable
        Over these assets and their channels.
    readings : ReadingColumns
        What was summarised, sorted by catalogue row and time.
    reading_asset : int32[N]
        Row of the asset of each reading.
    """

    assets: IndexArray
    features: FeatureTable
    readings: ReadingColumns
    reading_asset: IndexArray


@dataclass(frozen=True, slots=True, eq=False)
class Closing:
    """Hops that are due, in the order of their start, and what stays open behind them."""

    rounds: tuple[Round, ...]
    frontier_ns: TimeArray
    remaining: dict[int, list[ReadingColumns]]


class HopTracker:
    """Open hops of all assets of one catalogue.

    Parameters
    ----------
    catalogue : Catalogue
        The assets and channels; `rebase` changes it.
    gateway_of_channel : int32[C]
        Number of the gateway that each channel hangs on, from 0.
    """

    def __init__(self, catalogue: Catalogue, gateway_of_channel: IndexArray) -> None:
        if len(gateway_of_channel) != len(catalogue.channel_number):
            msg = (
                f"gateway_of_channel has {len(gateway_of_channel)} rows, expected {len(catalogue.channel_number)} "
                "as in the catalogue"
            )
            raise ShapeError(msg)
        self.catalogue = catalogue
        self.clock = HopClock(catalogue, gateway_of_channel)
        self.claims = ClaimBook(catalogue.channel_number, self.clock)
        self._row = rows_by_number(catalogue)
        self.frontier_ns: TimeArray = np.full(len(catalogue.assets), NEVER_NS, np.int64)
        self._buckets: dict[int, list[ReadingColumns]] = {}
        self._sums = SumsOfStarts(len(catalogue.channel_number), self.rows_of)

    # Looking ---------------------------------------------------------------------------------

    def rows_of(self, numbers: IndexArray) -> IndexArray:
        """int32[N]: the catalogue row of each channel number, int32[N]; -1 where the catalogue does not have it."""
        return self._row.take(numbers + 1, mode="clip")

    def hop_start(self, rows: IndexArray, time_ns: TimeArray) -> TimeArray:
        """int64[N]: the start of the hop that each reading, of channel rows int32[N], falls into."""
        hop = self.catalogue.hop_ns[self.catalogue.asset_of_channel[rows]]
        return time_ns - time_ns % hop

    def admit(
        self,
        readings: ReadingColumns,
        closed_hops: Callable[[IndexArray, TimeArray], ReadingColumns],
        *,
        message: IndexArray | None = None,
        step_ns: int | None = None,
        window_ns: int = 0,
    ) -> Admission:
        """Sort out duplicates, late readings and times that are not believed yet; nothing changes yet.

        Parameters
        ----------
        readings : ReadingColumns
            Of one batch, in the order of arrival; all channels are in the catalogue.
        closed_hops : callable
            Gives the readings of closed hops from their (asset rows, starts): the key memory.
        message : int32[N], optional
            The message of each reading; needed with `step_ns`.
        step_ns : int, optional
            How far ahead of what is reached a time is believed at once; None: any is.
        window_ns : int
            A late reading whose hop ended no longer before the asset's last closed one than this `REVISES`.

        Returns
        -------
        Admission
            First value wins, also within the batch.
        """
        count = len(readings)
        rows = self.rows_of(readings.channel)
        scored = (readings.flags & _NOT_SCORED) == 0
        old = scored & (readings.time_ns <= self.clock.latest_ns[rows])
        pool = ReadingColumns.empty()
        late = np.zeros(count, np.bool_)
        if old.any():
            start = self.hop_start(rows, readings.time_ns)
            asset = self.catalogue.asset_of_channel[rows]
            late = self._is_closed(asset, start)
            pool = self._known(asset, start, old, late, closed_hops)
        elif (self.frontier_ns > NEVER_NS).any():
            late = self._is_closed(self.catalogue.asset_of_channel[rows], self.hop_start(rows, readings.time_ns))
        if self.claims.held_count():
            pool = ReadingColumns.concatenate([pool, self.claims.held(readings.channel)])
        duplicate, conflict = find_duplicates(pool, readings)
        flags = readings.flags | np.where(late & scored, np.uint8(ReadingFlag.LATE), np.uint8(0))
        if window_ns and late.any():
            flags[late & scored & self._is_recent(rows, readings.time_ns, window_ns)] |= np.uint8(ReadingFlag.REVISES)
        claims: tuple[Claim, ...] = ()
        if step_ns is not None and message is not None:
            place = np.flatnonzero(scored & ~duplicate)
            reached = self.clock.reached(rows[place])
            screening = self.claims.screen(
                rows[place], readings.time_ns[place], message[place], reached, step_ns=step_ns
            )
            flags[place[screening.ahead]] |= np.uint8(ReadingFlag.CLAIMED)
            claims = screening.claims
        accepted = ReadingColumns(readings.channel, readings.time_ns, readings.value, flags).take(~duplicate)
        return Admission(accepted, duplicate, conflict, claims)

    def only_claims(self, readings: ReadingColumns, *, step_ns: int) -> BoolArray:
        """bool[N]: tell which readings have a time that is not believed at once; see `admit`."""
        if self.clock.is_near(readings.time_ns, step_ns):
            return np.zeros(len(readings), np.bool_)
        timed = (readings.flags & _NOT_SCORED) == 0
        reached = self.clock.reached(self.rows_of(readings.channel))
        claiming: BoolArray = timed & is_beyond(readings.time_ns, reached, step_ns)
        return claiming

    def _is_closed(self, asset: IndexArray, start: TimeArray) -> BoolArray:
        closed: BoolArray = start + self.catalogue.hop_ns[asset] <= self.frontier_ns[asset]
        return closed

    def _is_recent(self, rows: IndexArray, time_ns: TimeArray, window_ns: int) -> BoolArray:
        """bool[N]: tell which hops ended within the window before their asset's last closed one; these are closed."""
        asset = self.catalogue.asset_of_channel[rows]
        end = self.hop_start(rows, time_ns) + self.catalogue.hop_ns[asset]
        frontier = self.frontier_ns[asset]
        recent: BoolArray = end > np.where(frontier > NEVER_NS, frontier, NEVER_NS + window_ns) - window_ns
        return recent

    def _known(
        self,
        asset: IndexArray,
        start: TimeArray,
        old: BoolArray,
        late: BoolArray,
        closed_hops: Callable[[IndexArray, TimeArray], ReadingColumns],
    ) -> ReadingColumns:
        """Collect what is known of the hops that readings older than their channel's newest fall into."""
        parts: list[ReadingColumns] = []
        for key in np.unique(start[old & ~late]).tolist():
            parts.extend(self._buckets.get(key, []))
        wanted = old & late
        if wanted.any():
            pairs = np.unique(np.stack([asset[wanted].astype(np.int64), start[wanted]]), axis=1)
            parts.append(closed_hops(pairs[0].astype(np.int32), pairs[1]))
        return ReadingColumns.concatenate(parts)

    # Closing ---------------------------------------------------------------------------------

    def close(self, bound_ns: TimeArray, *, lateness_ns: int) -> Closing:
        """Plan the closing of all hops whose end plus `lateness_ns` is not after their asset's bound.

        Parameters
        ----------
        bound_ns : int64[A]
            The clock of each asset; `NEVER_NS` closes nothing.

        Returns
        -------
        Closing
            Rounds in event-time order. A hop without readings is in it only where it ends a UTC day, so
            that silence is noticed at the same moments however the stream was cut.
        """
        hop = self.catalogue.hop_ns
        # Time before an asset's first reading is not silence: nothing closes until its first hop can.
        heard = (bound_ns > NEVER_NS) & (self.clock.first_ns > NEVER_NS)
        first_end = np.where(heard, self.clock.first_ns - self.clock.first_ns % hop + hop, 0)
        due = heard & (np.where(heard, bound_ns, 0) - lateness_ns >= first_end)
        reach = np.where(due, bound_ns - lateness_ns, NEVER_NS + DAY_NS)
        closed_to = np.maximum(reach - reach % hop, self.frontier_ns)
        frontier = np.where(due, closed_to, self.frontier_ns)
        # Days are counted from the first reading on, not from the beginning of time.
        begin = np.where(self.frontier_ns > NEVER_NS, self.frontier_ns, self.clock.first_ns - self.clock.first_ns % hop)
        starts = self._day_ends(begin, frontier, due)
        limit = int(frontier.max(initial=NEVER_NS))
        keys = [key for key in self._buckets if key < limit]
        rounds: list[Round] = []
        remaining: dict[int, list[ReadingColumns]] = {}
        for start in sorted({*keys, *starts}):
            parts = self._buckets.get(start)
            readings = ReadingColumns.concatenate(parts) if parts else ReadingColumns.empty()
            rows = self.rows_of(readings.channel)
            asset = self.catalogue.asset_of_channel[rows] if len(rows) else rows
            closes = start + hop[asset] <= frontier[asset]
            if parts and not closes.all():
                remaining[start] = [readings.take(~closes)]
            elif parts:
                remaining[start] = []
            silent = starts.get(start)
            if closes.any() or silent is not None:
                rounds.append(self._round(start, readings.take(closes), rows[closes], silent))
        return Closing(tuple(rounds), frontier, remaining)

    def joined(self, closed: Round, more: ReadingColumns) -> Round:
        """Give a round with further readings of its hops, as if they had been there when it was made."""
        readings = ReadingColumns.concatenate([closed.readings, more])
        rows = self.rows_of(readings.channel)
        order = np.lexsort((readings.time_ns, rows))
        readings, rows = readings.take(order), rows[order]
        features = summarise(
            self.catalogue, closed.assets, closed.features.start_ns, rows, readings.value, readings.flags
        )
        return Round(closed.assets, features, readings, self.catalogue.asset_of_channel[rows])

    def _day_ends(self, begin: TimeArray, frontier: TimeArray, due: BoolArray) -> dict[int, IndexArray]:
        """Find, by start, the assets whose hop ends a UTC day in (begin, frontier]."""
        found: dict[int, list[int]] = {}
        first_day = begin // DAY_NS + 1
        last_day = frontier // DAY_NS
        for asset in np.flatnonzero(due & (last_day >= first_day)).tolist():
            length = int(self.catalogue.hop_ns[asset])
            for day in range(int(first_day[asset]), int(last_day[asset]) + 1):
                found.setdefault(day * DAY_NS - length, []).append(asset)
        return {start: np.asarray(assets, np.int32) for start, assets in found.items()}

    def _round(self, start: int, readings: ReadingColumns, rows: IndexArray, silent: IndexArray | None) -> Round:
        catalogue = self.catalogue
        order = np.lexsort((readings.time_ns, rows))
        readings, rows = readings.take(order), rows[order]
        reading_asset = catalogue.asset_of_channel[rows] if len(rows) else np.empty(0, np.int32)
        assets = np.unique(reading_asset if silent is None else np.concatenate([reading_asset, silent]))
        assets = assets.astype(np.int32)
        features = summarise(catalogue, assets, start, rows, readings.value, readings.flags)
        return Round(assets, features, readings, reading_asset)

    # Carrying out ----------------------------------------------------------------------------

    def take_in(self, accepted: ReadingColumns, claims: Sequence[Claim] = (), *, step_ns: int = 0) -> None:
        """Put accepted readings into their buckets, hold those that only claim their time, and move the clocks.

        Parameters
        ----------
        accepted : ReadingColumns
            In the order of arrival.
        step_ns : int
            How far ahead of what is reached a time is believed; 0 by the wall's clock.
        """
        moving = (accepted.flags & _NOT_BELIEVED) == 0
        is_claimed = (accepted.flags & np.uint8(ReadingFlag.CLAIMED)) != 0
        if claims or is_claimed.any():
            rows = self.rows_of(np.asarray([claim.channel for claim in claims], np.int32)).tolist()
            self.claims.take_in(claims, rows, accepted.take(is_claimed))
        self._move(accepted.take(moving), by_reading=step_ns > 0)
        self._put(accepted.take((accepted.flags & _IN_NO_HOP) == 0))
        while self.claims.held_count():
            held = self.claims.held()
            reached = self.clock.reached(self.rows_of(held.channel))
            is_reached = ~is_beyond(held.time_ns, reached, step_ns)
            if not is_reached.any():
                break
            believed = self.claims.give_out(held, is_reached)
            self._move(believed, by_reading=step_ns > 0)
            self._put(believed)

    def _move(self, timed: ReadingColumns, *, by_reading: bool) -> None:
        if len(timed):
            is_open = self.frontier_ns == NEVER_NS
            self.clock.move(self.rows_of(timed.channel), timed.time_ns, is_open=is_open, by_reading=by_reading)

    def _put(self, fresh: ReadingColumns) -> None:
        if len(fresh):
            for key, part in split_by_hop(self.hop_start(self.rows_of(fresh.channel), fresh.time_ns), fresh):
                self._buckets.setdefault(key, []).append(part)

    def carry_out(self, closing: Closing) -> None:
        """Drop the readings of closed hops."""
        self.frontier_ns = closing.frontier_ns
        self._sums.forget(closing.remaining)
        for start, parts in closing.remaining.items():
            if parts:
                self._buckets[start] = parts
            else:
                del self._buckets[start]

    # Keeping ---------------------------------------------------------------------------------

    def open_count(self) -> int:
        """Count the readings that wait in open hops, or for their time to be believed."""
        return sum(len(part) for parts in self._buckets.values() for part in parts) + self.claims.held_count()

    def newest_open(self, asset: IndexArray) -> OpenHops | None:
        """Look at the newest open hop of some assets as if it closed now.

        Parameters
        ----------
        asset : int32[K]
            Rows of the catalogue.

        Returns
        -------
        OpenHops or None
            Of those of the assets that have an open hop, each with its own start; None when none has.
        """
        # Of an asset whose first readings are not believed yet there is nothing better to look at.
        claimed = self.claims.held()
        unheard = self.clock.first_ns[self.catalogue.asset_of_channel[self.rows_of(claimed.channel)]] == NEVER_NS
        unscored = np.where(unheard, _IN_NO_HOP & ~np.uint8(ReadingFlag.CLAIMED), _IN_NO_HOP)
        claimed = claimed.take((claimed.flags & unscored) == 0)
        arrived = self.hop_start(self.rows_of(claimed.channel), claimed.time_ns)
        finder = OpenFinder(self.catalogue, asset)
        starts = sorted({*self._buckets, *np.unique(arrived).tolist()}, reverse=True)
        for place, start in enumerate(starts):
            parts, here = self._buckets.get(start, []), claimed.take(arrived == start)
            is_kept = place < KEPT_STARTS
            # The newest hold most readings, and nearly always something of what is looked for.
            if is_kept or any(finder.wants(self.rows_of(part.channel)) for part in (*parts, here)):
                finder.take(start, self._sums.of(start, parts, here, is_kept=is_kept))
            if finder.is_done:
                break
        return finder.result()

    def open_readings(self) -> ReadingColumns:
        """Give all readings that wait, in the order of hop and arrival."""
        return ReadingColumns.concatenate([part for key in sorted(self._buckets) for part in self._buckets[key]])

    def restore(self, readings: ReadingColumns) -> None:
        """Put readings from a snapshot back into their buckets, without moving a clock."""
        self._put(readings.take(self.rows_of(readings.channel) >= 0))

    def rebase(self, catalogue: Catalogue, gateway_of_channel: IndexArray) -> HopTracker:
        """Give a tracker for a changed register that keeps what is still there.

        Parameters
        ----------
        gateway_of_channel : int32[C]
            Of the changed register, as for a tracker that is made anew.
        """
        fresh = HopTracker(catalogue, gateway_of_channel)
        before = {asset: row for row, asset in enumerate(self.catalogue.assets)}
        rows = np.asarray([before.get(asset, -1) for asset in catalogue.assets], np.int32)
        fresh.frontier_ns[rows >= 0] = self.frontier_ns[rows[rows >= 0]]
        channels = self.rows_of(catalogue.channel_number)
        fresh.clock.carry_over(self.clock, channels, rows)
        fresh.restore(self.open_readings())
        held = self.claims.held()
        kept = np.flatnonzero(channels >= 0)
        before_rows = channels[kept]
        fresh.claims.restore(
            kept.astype(np.int32),
            self.claims.claimed_ns[before_rows],
            self.claims.messages[before_rows],
            held.take(fresh.rows_of(held.channel) >= 0),
        )
        return fresh
