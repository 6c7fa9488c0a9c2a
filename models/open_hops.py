"""What open hops come to so far: sums that grow by what came since they were looked at.

A hop of an hour may hold millions of readings, and is looked at every second. To summarise them anew took longer the
fuller the hour was. Here each reading is added once. Sums are in the order of arrival, so a mean may differ in its last
bit from that of the closed hop, which `models.hop_summary` takes in the order of time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import BoolArray, FeatureTable, FloatArray, IndexArray, ReadingColumns, TimeArray
from models.catalogue import Catalogue
from models.hop_clock import NEVER_NS
from models.hop_summary import value_of_kind

__all__ = ["KEPT_STARTS", "OpenFinder", "OpenHops", "OpenSums", "SumsOfStarts"]

# Hops of different lengths are open side by side, and hops of assets that are late. Sums of so many starts, the newest,
# are kept; of others they are made anew for each look that needs them.
KEPT_STARTS: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class OpenHops:
    """The newest open hop of some assets as if it closed now.

    Attributes
    ----------
    assets : int32[K]
        Rows of the catalogue, ascending.
    features : FeatureTable
        Over these assets and their channels, each with the start of its own hop.
    newest_ns : int64[K]
        Time of the newest reading in it.
    """

    assets: IndexArray
    features: FeatureTable
    newest_ns: TimeArray


class OpenSums:
    """The readings of hops with one start, summed for each channel of the catalogue.

    Attributes
    ----------
    total, largest : float64[C]
    count : int32[C]
    newest_ns : int64[C]
        `NEVER_NS` where there is none.
    newest : float64[C]
        The value of that time.
    """

    __slots__ = ("count", "largest", "newest", "newest_ns", "total")

    def __init__(self, channels: int) -> None:
        self.total = np.zeros(channels)
        self.count = np.zeros(channels, np.int32)
        self.largest = np.full(channels, -np.inf)
        self.newest_ns: TimeArray = np.full(channels, NEVER_NS, np.int64)
        self.newest = np.zeros(channels)

    def add(self, rows: IndexArray, time_ns: TimeArray, value: FloatArray) -> None:
        """Add readings, arrays[N], each by the row of its channel; no channel has two of one time.

        A sum of what no instrument says may overflow: it is not finite then, which nobody takes for a value.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            np.add.at(self.total, rows, value)
        np.add.at(self.count, rows, np.int32(1))
        np.maximum.at(self.largest, rows, value)
        np.maximum.at(self.newest_ns, rows, time_ns)
        is_newest = time_ns == self.newest_ns[rows]
        self.newest[rows[is_newest]] = value[is_newest]

    def replace(self, chosen: BoolArray, other: OpenSums) -> None:
        """Take over what some channels, bool[C], have elsewhere."""
        for name in self.__slots__:
            getattr(self, name)[chosen] = getattr(other, name)[chosen]

    def copy(self) -> OpenSums:
        """Give sums that can be added to by themselves."""
        twin = OpenSums(0)
        for name in self.__slots__:
            setattr(twin, name, getattr(self, name).copy())
        return twin


class SumsOfStarts:
    """Sums of the starts that were looked at last, brought up to date when they are asked for.

    Parameters
    ----------
    channels : int
        Of the catalogue.
    rows_of : callable
        Gives the row of each channel number.
    """

    def __init__(self, channels: int, rows_of: Callable[[IndexArray], IndexArray]) -> None:
        self._channels = channels
        self._rows_of = rows_of
        # By start: the list of parts it was made of, how many of them, and what they come to.
        self._known: dict[int, tuple[list[ReadingColumns], int, OpenSums]] = {}

    def of(self, start: int, parts: list[ReadingColumns], extra: ReadingColumns, *, is_kept: bool) -> OpenSums:
        """Sum the readings with one start.

        Parameters
        ----------
        parts : list of ReadingColumns
            Those that wait; a list that only grows. Another list is another beginning.
        extra : ReadingColumns
            That are not among them yet, and are not remembered.
        is_kept : bool
            Whether to go on from these sums at the next look.
        """
        known = self._known.get(start)
        done, sums = (known[1], known[2]) if known is not None and known[0] is parts else (0, OpenSums(self._channels))
        for part in parts[done:]:
            sums.add(self._rows_of(part.channel), part.time_ns, part.value)
        if is_kept and parts:
            self._known[start] = (parts, len(parts), sums)
            for oldest in sorted(self._known)[:-KEPT_STARTS]:
                del self._known[oldest]
        if not len(extra):
            return sums
        with_extra = sums.copy()
        with_extra.add(self._rows_of(extra.channel), extra.time_ns, extra.value)
        return with_extra

    def forget(self, starts: Iterable[int]) -> None:
        """Let go of starts whose hops have closed."""
        for start in starts:
            self._known.pop(start, None)


class OpenFinder:
    """Collects, from the newest start backwards, the newest open hop of each asset that is wanted.

    Parameters
    ----------
    assets : int32[K]
        Rows of the catalogue.
    """

    def __init__(self, catalogue: Catalogue, assets: IndexArray) -> None:
        self._catalogue = catalogue
        self._wanted = np.zeros(len(catalogue.assets), np.bool_)
        self._wanted[assets] = True
        self._start_ns: TimeArray = np.full(len(catalogue.assets), NEVER_NS, np.int64)
        self._found = OpenSums(len(catalogue.channel_number))

    @property
    def is_done(self) -> bool:
        """Whether every asset has its hop."""
        return not self._wanted.any()

    def wants(self, rows: IndexArray) -> bool:
        """Tell whether one of these channels, rows int32[N], is of an asset that has no hop yet."""
        return bool(self._wanted[self._catalogue.asset_of_channel[rows]].any())

    def take(self, start: int, sums: OpenSums) -> None:
        """Take the hops with one start, of assets that have none yet."""
        asset = self._catalogue.asset_of_channel
        here = np.zeros(len(self._wanted), np.bool_)
        here[asset[sums.count > 0]] = True
        here &= self._wanted
        if here.any():
            self._start_ns[here] = start
            self._wanted &= ~here
            self._found.replace(here[asset], sums)

    def result(self) -> OpenHops | None:
        """Give what was found; None: no asset has an open hop."""
        catalogue, found = self._catalogue, self._found
        assets = np.flatnonzero(self._start_ns > NEVER_NS).astype(np.int32)
        if not len(assets):
            return None
        rows = np.flatnonzero((self._start_ns > NEVER_NS)[catalogue.asset_of_channel])
        count = found.count[rows]
        mean = found.total[rows] / np.maximum(count, 1)
        value = value_of_kind(catalogue.summary[rows], mean, found.largest[rows], found.newest[rows])
        newest_ns = np.full(len(self._start_ns), NEVER_NS, np.int64)
        np.maximum.at(newest_ns, catalogue.asset_of_channel[rows], found.newest_ns[rows])
        features = FeatureTable(
            self._start_ns[assets],
            catalogue.hop_ns[assets],
            np.where(count > 0, value, 0.0),
            count > 0,
            count,
            # A look tells no alarm of clipping, and learns nothing.
            np.zeros(len(rows), np.bool_),
        )
        return OpenHops(assets, features, newest_ns[assets])
