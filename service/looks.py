"""Assets that wait to be assessed from their open hops, those that wait longest first."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Final

from domain.identifiers import AssetId

__all__ = ["WaitingLooks", "rest_behind_look"]

# Assessed in one commit at most: 30 ms of work, in which messages wait, for assets of forty channels. With a thousand,
# one look behind a full batch kept the next for nearly five seconds.
_ASSETS_OF_A_LOOK: Final = 100
# Behind a look none comes for so many times as long as it took. While batches are far from full there is time to
# spare; behind a full one messages wait, and what is assessed is behind in any case.
_REST: Final = 2.0
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
    (2.0, 13.0, 24.0)
    """
    fullness = max(messages / most - _FAR_FROM_FULL, 0.0) / (1.0 - _FAR_FROM_FULL)
    return _REST + fullness * (_REST_BEHIND - _REST)


class WaitingLooks:
    """Assets of which something came since they were assessed, in rounds: none comes twice in one.

    Examples
    --------
    >>> looks = WaitingLooks()
    >>> looks.wait([AssetId("brug-2"), AssetId("brug-1"), AssetId("brug-2")])
    >>> looks.next()
    ['brug-2', 'brug-1']
    >>> looks.done([AssetId("brug-2")])
    >>> looks.wait([AssetId("brug-2")])
    >>> looks.next(), looks.left
    (['brug-1'], 1)
    """

    def __init__(self) -> None:
        self._round: dict[AssetId, None] = {}
        self._later: dict[AssetId, None] = {}

    @property
    def left(self) -> int:
        """Assets that this round still has."""
        return len(self._round)

    def wait(self, assets: Iterable[AssetId]) -> None:
        """Add assets; one that waits already keeps its place."""
        self._later.update(dict.fromkeys(asset for asset in assets if asset not in self._round))

    def next(self) -> list[AssetId]:
        """Give those of the next look, which go on waiting until they are done; a new round begins behind the last."""
        if not self._round:
            self._round, self._later = self._later, self._round
        return list(itertools.islice(self._round, _ASSETS_OF_A_LOOK))

    def done(self, assets: Iterable[AssetId]) -> None:
        """Take assets out that were assessed with all that came."""
        for asset in assets:
            self._round.pop(asset, None)
            self._later.pop(asset, None)
