"""Assets that wait to be assessed from their open hops, those that wait longest first."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Final

from domain.identifiers import AssetId

__all__ = ["WaitingLooks", "rest_behind_look"]

# Assessed in one commit at most: 50 ms of work, in which messages wait, and a rest of twice to nine times as long.
# With a thousand, one look behind a full batch kept the next for nearly five seconds.
_ASSETS_OF_A_LOOK: Final = 100
# Behind a look none comes for so many times as long as it took; longer the fuller the batch was: behind a full one
# messages wait, and what is assessed is behind in any case.
_REST: Final = 2.0
_REST_BEHIND: Final = 9.0
# So few messages are what comes while one is at work.
_SMALL_SHARE: Final = 0.125


def rest_behind_look(messages: int, most: int) -> float:
    """Say how many times as long as a look took the next ones wait.

    Parameters
    ----------
    messages : int
        In the batch that was assessed; 0 where none came.
    most : int
        Messages that a batch takes.

    Examples
    --------
    >>> rest_behind_look(100, 2000), rest_behind_look(1000, 2000), rest_behind_look(2000, 2000)
    (2.0, 5.5, 9.0)
    """
    share = messages / most
    return _REST + share * (_REST_BEHIND - _REST) if share > _SMALL_SHARE else _REST


class WaitingLooks:
    """Assets of which something came since they were assessed.

    Examples
    --------
    >>> looks = WaitingLooks()
    >>> looks.wait([AssetId("brug-2"), AssetId("brug-1"), AssetId("brug-2")])
    >>> looks.next()
    ['brug-2', 'brug-1']
    >>> looks.done([AssetId("brug-2")])
    >>> looks.next()
    ['brug-1']
    """

    def __init__(self) -> None:
        self._assets: dict[AssetId, None] = {}

    def wait(self, assets: Iterable[AssetId]) -> None:
        """Add assets; one that waits already keeps its place."""
        self._assets.update(dict.fromkeys(assets))

    def next(self) -> list[AssetId]:
        """Give those of the next look, which go on waiting until they are done."""
        return list(itertools.islice(self._assets, _ASSETS_OF_A_LOOK))

    def done(self, assets: Iterable[AssetId]) -> None:
        """Take assets out that were assessed with all that came."""
        for asset in assets:
            self._assets.pop(asset, None)
