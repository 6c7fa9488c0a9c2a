"""Assets that wait to be assessed from their open hops, those assessed longest ago first."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterable
from typing import Final

from domain.identifiers import AssetId

__all__ = ["WaitingLooks", "rest_behind_look"]

# Assessed in one commit at most: 30 ms of work, in which messages wait, for assets of forty channels. With a thousand,
# one look behind a full batch kept the next for nearly five seconds.
_ASSETS_OF_A_LOOK: Final = 100
# Behind a look none comes for so many times as long as it took. While batches are far from full there is time to
# spare; behind a full one messages wait, and what is assessed is behind in any case.
_REST: Final = 1.0
_REST_BEHIND: Final = 24.0
_FAR_FROM_FULL: Final = 0.5


def rest_behind_look(messages: int, most: int) -> float:
    """Say how many times as long as a look took the next one waits.

    Parameters
    ----------
    messages : int
        In the batch before it; 0 where none came.
    most : int
        Messages that a batch takes.

    Examples
    --------
    >>> rest_behind_look(900, 2000), rest_behind_look(1500, 2000), rest_behind_look(2000, 2000)
    (1.0, 12.5, 24.0)
    """
    fullness = max(messages / most - _FAR_FROM_FULL, 0.0) / (1.0 - _FAR_FROM_FULL)
    return _REST + fullness * (_REST_BEHIND - _REST)


class WaitingLooks:
    """Assets of which something came since they were assessed: those that were assessed longest ago come first.

    One that speaks now and then is not behind a thousand that never stop, and those do not wait for ever either. One
    that was never assessed stands as if it had been in the last look before it came.

    Examples
    --------
    >>> looks = WaitingLooks()
    >>> looks.wait([AssetId("brug-2"), AssetId("brug-1"), AssetId("brug-2")])
    >>> looks.next(5.0, 0.25)
    ['brug-2', 'brug-1']
    >>> looks.done(5.0)
    >>> looks.wait([AssetId("brug-1"), AssetId("brug-3")])
    >>> looks.is_due(5.1, 0.25), looks.is_due(5.25, 0.25)
    (False, True)
    >>> looks.next(5.25, 0.25)
    ['brug-1', 'brug-3']
    """

    def __init__(self) -> None:
        # When it was last looked at, in what order they came, and which it is.
        self._queue: list[tuple[float, int, AssetId]] = []
        self._came = itertools.count()
        self._waiting: set[AssetId] = set()
        self._looked: dict[AssetId, float] = {}
        self._last = -math.inf
        self._look: list[AssetId] = []

    def wait(self, assets: Iterable[AssetId]) -> None:
        """Add assets; one that waits already keeps its place."""
        for asset in assets:
            if asset not in self._waiting:
                self._waiting.add(asset)
                heapq.heappush(self._queue, (self._looked.get(asset, self._last), next(self._came), asset))

    def is_due(self, now: float, apart_s: float) -> bool:
        """Say whether one waits whose last look began so many seconds ago."""
        return bool(self._queue) and self._queue[0][0] <= now - apart_s

    def next(self, now: float, apart_s: float) -> list[AssetId]:
        """Give those of the next look, whose last one began so many seconds ago; the same until it is done."""
        if not self._look:
            while len(self._look) < _ASSETS_OF_A_LOOK and self.is_due(now, apart_s):
                self._look.append(heapq.heappop(self._queue)[2])
        return self._look

    def done(self, began: float) -> None:
        """Take those of the look out, with all that came; a look that began then."""
        self._waiting.difference_update(self._look)
        self._looked.update(dict.fromkeys(self._look, began))
        self._look, self._last = [], began
