"""Assets that wait to be assessed from their open hops, those that wait longest first."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Final

from domain.identifiers import AssetId

__all__ = ["WaitingLooks"]

# Assessed in one commit at most: 50 ms of work, in which messages wait, and a rest of twice to nine times as long.
# With a thousand, one look behind a full batch kept the next for nearly five seconds.
_ASSETS_OF_A_LOOK: Final = 100


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
