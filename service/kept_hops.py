"""Closed hops as the time series keep them, as rounds for the models: what they are learnt from again.

A summary is stored as it was learnt from, to the bit, so the rounds are those of back then. Where silence was
noticed is not stored and follows from where an asset's hops begin and end: its last hop of each day is a hop in any
case (`models.hops`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from domain.arrays import FeatureTable, FloatArray, IndexArray, ReadingColumns, TimeArray
from domain.errors import StorageUnavailable
from domain.identifiers import AssetId, ChannelKey
from models.catalogue import Catalogue
from models.hop_clock import NEVER_NS
from models.hops import Round
from service.outcomes import DAY_NS
from storage.hop_columns import HopColumns
from storage.hop_values import HopValues
from storage.protocols import ProjectedSeries

__all__ = ["KeptHops"]

# Read at once: some tens of megabytes.
_ROWS_AT_ONCE: Final = 2_000_000
_MOST_DAYS_AT_ONCE: Final = 31
_HOPS_A_DAY: Final = 24


class _Values(NamedTuple):
    """Summaries, one row a channel and hop: row of the catalogue, start, value, and how many readings are behind it."""

    row: IndexArray
    start_ns: TimeArray
    value: FloatArray
    readings: IndexArray

    def take(self, rows: npt.NDArray[Any]) -> _Values:
        return _Values(self.row[rows], self.start_ns[rows], self.value[rows], self.readings[rows])


class KeptHops:
    """The hops of all assets of a catalogue up to where each was closed, day by day.

    Parameters
    ----------
    series : ProjectedSeries
    catalogue : Catalogue
    first_ns, frontier_ns : int64[A]
        Times of the first reading and of the end of the last closed hop of each asset; `NEVER_NS` where there is none.
    unwritten : sequence of HopColumns
        What entries brought that the series did not have yet, oldest first; it counts before what is there.
    away : callable
        Told that the series cannot be asked now; when it returns they are asked again.

    Attributes
    ----------
    begun_ns : int64[A]
        Start of the first hop of each asset that was given; `NEVER_NS` until then.
    """

    def __init__(
        self,
        series: ProjectedSeries,
        catalogue: Catalogue,
        first_ns: TimeArray,
        frontier_ns: TimeArray,
        unwritten: Sequence[HopColumns],
        away: Callable[[StorageUnavailable], None],
    ) -> None:
        self._series = series
        self._catalogue = catalogue
        self._frontier_ns = frontier_ns
        self._away = away
        self._row = {key: row for row, key in enumerate(catalogue.channels)}
        self._heard = (first_ns > NEVER_NS) & (frontier_ns > NEVER_NS)
        # An asset that was taken out of the register and came again began anew then.
        self._from_ns = np.where(self._heard, first_ns - first_ns % catalogue.hop_ns, np.iinfo(np.int64).max)
        self._unwritten = self._of_numbers(unwritten)
        self.begun_ns: TimeArray = np.full(len(catalogue.assets), NEVER_NS, np.int64)

    def days(self) -> Iterator[tuple[int, list[Round]]]:
        """Give the end of each day in which a hop ended, and its hops: the first of each asset side by side, and on.

        The readings themselves are not in them.
        """
        if not self._heard.any():
            return
        begin = int(self._from_ns[self._heard].min()) // DAY_NS * DAY_NS
        end = -(-int(self._frontier_ns[self._heard].max()) // DAY_NS) * DAY_NS
        most = _ROWS_AT_ONCE // (_HOPS_A_DAY * max(len(self._catalogue.channels), 1))
        span = min(max(most, 1), _MOST_DAYS_AT_ONCE) * DAY_NS
        for start in range(begin, end, span):
            values = self._between(start, min(start + span, end))
            owner = self._catalogue.asset_of_channel[values.row]
            for asset in np.unique(owner[self.begun_ns[owner] == NEVER_NS]).tolist():
                self.begun_ns[asset] = values.start_ns[owner == asset].min()
            for day in range(start + DAY_NS, min(start + span, end) + 1, DAY_NS):
                today = (values.start_ns >= day - DAY_NS) & (values.start_ns < day)
                rounds = list(self._rounds(values.take(today), day))
                if rounds:
                    yield day, rounds

    def _between(self, start_ns: int, end_ns: int) -> _Values:
        """Read what ended by where its asset was closed, each channel and hop once, by channel and time."""
        found: list[_Values] = []
        for asset, name in enumerate(self._catalogue.assets):
            if self._heard[asset] and self._from_ns[asset] < end_ns and self._frontier_ns[asset] > start_ns:
                for item in self._ask(name, start_ns, end_ns):
                    row = self._row.get(ChannelKey(name, item.sensor, item.channel))
                    if row is not None:
                        rows = np.full(len(item.start_ns), row, np.int32)
                        found.append(_Values(rows, item.start_ns, item.value, item.readings))
        later = self._unwritten
        found.append(later.take((later.start_ns >= start_ns) & (later.start_ns < end_ns)))
        values = _Values(*(np.concatenate(columns) for columns in zip(*found, strict=True)))
        owner = self._catalogue.asset_of_channel[values.row]
        closed = values.start_ns + self._catalogue.hop_ns[owner] <= self._frontier_ns[owner]
        values = values.take(closed & (values.start_ns >= self._from_ns[owner]))
        order = np.lexsort((values.start_ns, values.row))  # stable: what is not written yet comes behind
        values = values.take(order)
        same = (values.row[1:] == values.row[:-1]) & (values.start_ns[1:] == values.start_ns[:-1])
        return values.take(np.concatenate([~same, np.ones(min(len(order), 1), np.bool_)]))

    def _ask(self, asset: AssetId, start_ns: int, end_ns: int) -> Sequence[HopValues]:
        while True:
            try:
                return self._series.hop_values(asset, start_ns=start_ns, end_ns=end_ns)
            except StorageUnavailable as error:
                self._away(error)

    def _of_numbers(self, columns: Sequence[HopColumns]) -> _Values:
        """Unpack what entries brought, without channels that are not in the register any more."""
        of_number = {int(number): row for row, number in enumerate(self._catalogue.channel_number)}
        parts = [item.arrays() for item in (HopColumns(), *columns)]
        row = np.array([of_number.get(item, -1) for part in parts for item in part.channel.tolist()], np.int32)
        whole = _Values(
            row,
            np.concatenate([part.start_ns for part in parts]),
            np.concatenate([part.value for part in parts]),
            np.concatenate([part.readings for part in parts]),
        )
        return whole.take(row >= 0)

    def _rounds(self, values: _Values, day: int) -> Iterator[Round]:
        """Put the hops of one day side by side, with the last one of each asset that was there to fall silent."""
        catalogue = self._catalogue
        hop_ns = catalogue.hop_ns
        a_day = DAY_NS // int(hop_ns.min(initial=DAY_NS))
        ends = (self.begun_ns > NEVER_NS) & (self.begun_ns < day) & (self._frontier_ns >= day)
        last = np.flatnonzero(ends)
        owner = np.concatenate([catalogue.asset_of_channel[values.row], last]).astype(np.int64)
        start = np.concatenate([values.start_ns, day - hop_ns[last]])
        within: TimeArray = ((start - (day - DAY_NS)) // hop_ns[owner]).astype(np.int64)
        hops, inverse = np.unique(owner * a_day + within, return_inverse=True)
        if not len(hops):
            return
        asset = (hops // a_day).astype(np.int32)
        first = np.flatnonzero(np.concatenate([[True], asset[1:] != asset[:-1]]))
        counts = np.diff(np.concatenate([first, [len(hops)]]))
        number = np.arange(len(hops)) - np.repeat(first, counts)
        start_of = day - DAY_NS + (hops % a_day) * hop_ns[asset]
        round_of = number[inverse[: len(values.row)]]
        for which in range(int(counts.max())):
            mine = np.flatnonzero(number == which)
            features = _features(catalogue, asset[mine], start_of[mine], values.take(np.flatnonzero(round_of == which)))
            yield Round(asset[mine], features, ReadingColumns.empty(), np.empty(0, np.int32))


def _features(catalogue: Catalogue, assets: IndexArray, start_ns: TimeArray, values: _Values) -> FeatureTable:
    """Put summaries into one feature row an asset, as `models.hop_summary` does with readings.

    What was clipped is not kept.
    """
    first = catalogue.first_channel[assets]
    offset = np.concatenate([[0], np.cumsum(catalogue.first_channel[assets + 1] - first)]).astype(np.int64)
    place = np.searchsorted(assets, catalogue.asset_of_channel[values.row])
    slot = offset[place] + values.row - first[place]
    value, count = np.zeros(int(offset[-1])), np.zeros(int(offset[-1]), np.int32)
    value[slot], count[slot] = values.value, values.readings
    return FeatureTable(start_ns, catalogue.hop_ns[assets], value, count > 0, count, np.zeros(len(value), np.bool_))
