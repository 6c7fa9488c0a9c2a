"""How far event time has come: for each channel, each asset, and the stream as a whole (design.md D1, D14).

With the wall clock, every asset's bound is that clock. With the stream's own progress an asset is bounded by
the slowest of its channels that are still speaking, so that arrays of a day or a week, one sensor after the
other, join in the right hops; a channel that fell behind the newest by more than `idle_ns` holds nothing up. A channel
that was never heard holds its asset no longer than the longest stretch that came in one message: its first
message may be as long, and be on its way.
An asset that fell silent altogether is moved on by the rest of the stream: by as much as the median gateway
has progressed since the asset was last heard. That is counted reading by reading, so that it is the same however the
stream was cut into batches.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import BoolArray, IndexArray, TimeArray
from models.catalogue import Catalogue

__all__ = ["NEVER_NS", "HopClock", "MedianSource", "StreamClock"]

NEVER_NS: Final = np.iinfo(np.int64).min
_FOREVER_NS: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class StreamClock:
    """Settings of the stream's own progress.

    Attributes
    ----------
    idle_ns : int
        How far a channel may fall behind before it is no longer waited for.
    """

    idle_ns: int


class HopClock:
    """Clocks of one catalogue; `NEVER_NS` where nothing was heard yet.

    Parameters
    ----------
    catalogue : Catalogue
    gateway_of_channel : int32[C]
        Number of the gateway that each channel hangs on, from 0.

    Attributes
    ----------
    latest_ns : int64[C]
        Newest device time of each channel.
    first_ns : int64[A]
        Oldest device time of each asset that came before its first hop closed.
    progress_when_heard_ns : int64[A]
        `progress_ns` when the asset was last heard.
    reach_ns : int64[A]
        Longest stretch of device times in one message about the asset; 0 where each brings one reading.
    gateway : int32[C]
        Number of the gateway of each channel.
    progress_ns : int
        Newest device time of the median gateway; it only grows.
    gateways_heard : int
        Gateways behind that median.
    """

    def __init__(self, catalogue: Catalogue, gateway_of_channel: IndexArray) -> None:
        self._catalogue = catalogue
        self.gateway = gateway_of_channel
        channels, assets = len(catalogue.channel_number), len(catalogue.assets)
        self.latest_ns: TimeArray = np.full(channels, NEVER_NS, np.int64)
        self.first_ns: TimeArray = np.full(assets, NEVER_NS, np.int64)
        self.progress_when_heard_ns: TimeArray = np.full(assets, NEVER_NS, np.int64)
        self.reach_ns: TimeArray = np.zeros(assets, np.int64)
        self.progress_ns: int = NEVER_NS
        self.gateways_heard: int = 0

    def move(self, rows: IndexArray, time_ns: TimeArray, *, is_open: BoolArray, by_reading: bool) -> None:
        """Take in readings that have a device time.

        Parameters
        ----------
        rows : int32[N]
            Catalogue row of each reading's channel, in the order of arrival.
        time_ns : int64[N]
            Device times.
        is_open : bool[A]
            True where no hop has closed yet: there a reading that comes later may turn out to be the first.
        by_reading : bool
            Whether to follow the stream's progress from reading to reading, about a microsecond a message. By the
            wall's clock nothing asks how far it had come when an asset was heard.
        """
        asset = self._catalogue.asset_of_channel[rows]
        before = self.newest_of_gateways()
        np.maximum.at(self.latest_ns, rows, time_ns)
        earliest = np.full(len(self.first_ns), _FOREVER_NS, np.int64)
        np.minimum.at(earliest, asset, time_ns)
        known = np.where(self.first_ns == NEVER_NS, earliest, np.minimum(self.first_ns, earliest))
        self.first_ns = np.where((earliest < _FOREVER_NS) & is_open, known, self.first_ns)
        newest = self.newest_of_gateways()
        spoke = np.sort(newest[newest > NEVER_NS])
        self.gateways_heard = len(spoke)
        if by_reading:
            place, progress = _steps_of_progress(before, self.gateway[rows], time_ns, self.progress_ns)
        else:
            place, progress = np.full(1, -1), np.full(1, max(self.progress_ns, int(spoke[len(spoke) // 2])))
        self.progress_ns = int(progress[-1])
        last = np.full(len(self.first_ns), -1, np.int64)
        np.maximum.at(last, asset, np.arange(len(rows)))
        heard = np.flatnonzero(last >= 0)
        self.progress_when_heard_ns[heard] = progress[np.searchsorted(place, last[heard], side="right") - 1]

    def newest_of_gateways(self) -> TimeArray:
        """Give the newest device time of each gateway."""
        newest = np.full(int(self.gateway.max(initial=-1)) + 1, NEVER_NS, np.int64)
        np.maximum.at(newest, self.gateway, self.latest_ns)
        return newest

    def reached(self, rows: IndexArray) -> TimeArray:
        """Give how far time has come for some channels: for each, its asset and the stream, int64[N].

        The largest of the three; a channel that comes back after months is where the others are.
        """
        newest = np.full(len(self.first_ns), NEVER_NS, np.int64)
        np.maximum.at(newest, self._catalogue.asset_of_channel, self.latest_ns)
        return np.maximum(newest[self._catalogue.asset_of_channel[rows]], self.progress_ns)

    def is_near(self, time_ns: TimeArray, step_ns: int) -> bool:
        """Tell whether no time is more than a step ahead of the stream: then none is, whatever its channel reached."""
        return self.progress_ns > NEVER_NS and int(time_ns.max(initial=NEVER_NS)) <= self.progress_ns + step_ns

    def bound_by_stream(self, clock: StreamClock) -> TimeArray:
        """Give for each asset how far the stream's own progress has come, int64[A]; `NEVER_NS` where unheard."""
        catalogue, assets = self._catalogue, len(self._catalogue.assets)
        bound = np.full(assets, NEVER_NS, np.int64)
        heard = self.first_ns > NEVER_NS
        if not heard.any():
            return bound
        asset = catalogue.asset_of_channel
        # An asset whose sensors were all replaced has no newest reading any more, but it was heard.
        newest = self.first_ns.copy()
        np.maximum.at(newest, asset, self.latest_ns)
        # A channel that was never heard counts from the asset's first reading.
        since = np.maximum(self.latest_ns, self.first_ns[asset])
        patience = np.where(self.latest_ns > NEVER_NS, clock.idle_ns, np.minimum(self.reach_ns[asset], clock.idle_ns))
        speaking = heard[asset] & (since >= newest[asset] - patience)
        slowest = np.full(assets, _FOREVER_NS, np.int64)
        np.minimum.at(slowest, asset[speaking], since[speaking])
        moved = np.maximum(self.progress_ns - self.progress_when_heard_ns, 0)
        # Never beyond the stream itself: the median can jump when a second gateway begins far behind the first.
        carried = np.minimum(newest + moved, np.maximum(newest, self.progress_ns)) - clock.idle_ns
        bound[heard] = np.maximum(slowest, carried)[heard]
        return bound

    def carry_over(self, before: HopClock, channel_before: IndexArray, asset_before: IndexArray) -> None:
        """Take the clocks of what was there before.

        Parameters
        ----------
        channel_before : int32[C]
            Row of each channel in the catalogue of `before`; -1 where it is new.
        asset_before : int32[A]
            The same for assets.
        """
        self.latest_ns[channel_before >= 0] = before.latest_ns[channel_before[channel_before >= 0]]
        kept = asset_before >= 0
        self.first_ns[kept] = before.first_ns[asset_before[kept]]
        self.progress_when_heard_ns[kept] = before.progress_when_heard_ns[asset_before[kept]]
        self.reach_ns[kept] = before.reach_ns[asset_before[kept]]
        self.progress_ns, self.gateways_heard = before.progress_ns, before.gateways_heard


class MedianSource:
    """The newest device time of the median gateway as one reading comes after the other; it only grows.

    Parameters
    ----------
    newest_ns : int64[G]
        Of each gateway so far; `NEVER_NS` where it was not heard.
    progress_ns : int
        How far the median has come so far.

    Attributes
    ----------
    progress_ns : int
    """

    def __init__(self, newest_ns: TimeArray, progress_ns: int) -> None:
        self.progress_ns = progress_ns
        self._newest = newest_ns.tolist()
        self._ordered = np.sort(newest_ns[newest_ns > NEVER_NS]).tolist()

    @property
    def heard(self) -> int:
        """How many gateways were heard."""
        return len(self._ordered)

    def hear(self, gateway: int, time_ns: int) -> None:
        """Take in one reading."""
        before = self._newest[gateway]
        if time_ns <= before:
            return
        ordered = self._ordered
        if before > NEVER_NS:
            del ordered[bisect_left(ordered, before)]
        insort(ordered, time_ns)
        self._newest[gateway] = time_ns
        self.progress_ns = max(self.progress_ns, ordered[len(ordered) // 2])


def _steps_of_progress(
    newest_ns: TimeArray, gateway: IndexArray, time_ns: TimeArray, progress_ns: int
) -> tuple[IndexArray, TimeArray]:
    """Follow the newest time of the median gateway from reading to reading; it only grows.

    Parameters
    ----------
    newest_ns : int64[G]
        Of each gateway before the first reading; `NEVER_NS` where it was not heard.
    gateway : int32[N]
        Of each reading, in the order of arrival.
    progress_ns : int
        Before the first reading.

    Returns
    -------
    place : int32[P]
        Readings that brought a step, ascending; first -1, for what was before.
    progress : int64[P]
        Behind each of them.
    """
    # Readings of one message have one time: only the first of them can move its gateway.
    news = time_ns > newest_ns[gateway]
    news[1:] &= (gateway[1:] != gateway[:-1]) | (time_ns[1:] > time_ns[:-1])
    at = np.flatnonzero(news)
    source = MedianSource(newest_ns, progress_ns)
    places, steps = [-1], [progress_ns]
    for place, number, moment in zip(at.tolist(), gateway[at].tolist(), time_ns[at].tolist(), strict=True):
        source.hear(number, moment)
        if source.progress_ns > steps[-1]:
            places.append(place)
            steps.append(source.progress_ns)
    return np.asarray(places, np.int32), np.asarray(steps, np.int64)
