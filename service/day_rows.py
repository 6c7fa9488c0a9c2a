"""Rows that wait for the second stage: assets as they were when a day of event time ended.

The second stage compares like assets, so a day's rows wait until every asset has closed it. What waits are copies
of the first stage's columns in blocks, as they came; they are in the snapshots, one part an asset, so that a restart
goes on with the same bits. A store is never changed in place: a plan that is not carried out leaves no trace.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from domain.arrays import IndexArray
from domain.identifiers import AssetId
from models.catalogue import Catalogue
from models.state import ModelState, carry_state, decode_state, encode_state, initial_state, put_state, take_state

__all__ = ["DayBlock", "DayRows"]


@dataclass(frozen=True, slots=True, eq=False)
class DayBlock:
    """Some assets at the end of one day; nobody writes into it."""

    catalogue: Catalogue
    state: ModelState


@dataclass(frozen=True, slots=True)
class DayRows:
    """Blocks by the end of their day."""

    blocks: Mapping[int, tuple[DayBlock, ...]] = field(default_factory=dict)

    def with_block(self, day_end_ns: int, block: DayBlock) -> DayRows:
        """Add a block."""
        return DayRows({**self.blocks, day_end_ns: (*self.blocks.get(day_end_ns, ()), block)})

    def without_day(self, day_end_ns: int) -> DayRows:
        """Leave a day out."""
        return DayRows({day: blocks for day, blocks in self.blocks.items() if day != day_end_ns})

    def without_asset(self, asset: AssetId) -> DayRows:
        """Leave an asset out: it is another structure from now on."""
        found = DayRows()
        for day, block in self._each():
            keep = np.array([row for row, name in enumerate(block.catalogue.assets) if name != asset], np.int32)
            if len(keep) == len(block.catalogue.assets):
                found = found.with_block(day, block)
            elif len(keep):
                part = take_state(block.catalogue, block.state, keep)
                found = found.with_block(day, DayBlock(block.catalogue.take(keep), part))
        return found

    def assets(self) -> set[AssetId]:
        """List the assets that wait."""
        return {asset for _, block in self._each() for asset in block.catalogue.assets}

    def join(self, day_end_ns: int, rows_of: Callable[[set[AssetId]], IndexArray], catalogue: Catalogue) -> DayBlock:
        """Put a day's blocks together.

        Parameters
        ----------
        rows_of : callable
            Gives the ascending rows of assets in `catalogue`.
        catalogue : Catalogue
            The whole one; blocks are of subsets of it.
        """
        blocks = self.blocks[day_end_ns]
        if len(blocks) == 1:
            return blocks[0]
        rows = rows_of({asset for block in blocks for asset in block.catalogue.assets})
        part = catalogue if len(rows) == len(catalogue.assets) else catalogue.take(rows)
        place = {asset: row for row, asset in enumerate(part.assets)}
        state = initial_state(part)
        for block in blocks:
            local = np.array([place[asset] for asset in block.catalogue.assets], np.int32)
            put_state(part, state, local, block.state)
        return DayBlock(part, state)

    def rebase(self, catalogue: Catalogue) -> DayRows:
        """Carry what waits over a change of the register."""
        place = {asset: row for row, asset in enumerate(catalogue.assets)}
        found = DayRows()
        for day, block in self._each():
            rows = np.array(sorted(place[asset] for asset in block.catalogue.assets if asset in place), np.int32)
            if len(rows):
                part = catalogue.take(rows)
                found = found.with_block(day, DayBlock(part, carry_state(block.catalogue, block.state, part)))
        return found

    def encode(self, assets: Sequence[AssetId]) -> dict[AssetId, list[tuple[int, bytes]]]:
        """Write what waits of some assets, ascending, by asset and day.

        The assets are looked up in each block, not the other way round: a save asks for a few at a time.
        """
        found: dict[AssetId, list[tuple[int, bytes]]] = {}
        for day, block in self._each():
            names = block.catalogue.assets
            places = ((bisect_left(names, asset), asset) for asset in assets)
            rows = [row for row, asset in places if row < len(names) and names[row] == asset]
            blobs = encode_state(block.catalogue, block.state, np.asarray(rows, np.int32)) if rows else []
            for row, blob in zip(rows, blobs, strict=True):
                found.setdefault(names[row], []).append((day, blob))
        return found

    def with_encoded(self, catalogue: Catalogue, row: int, rows: list[tuple[int, bytes]]) -> DayRows:
        """Read one asset's part of what `encode` wrote.

        Raises
        ------
        StorageCorrupt
            If a blob is not what was written.
        """
        found = self
        if not rows:
            return found
        part = catalogue.take(np.array([row], np.int32))
        for day, blob in rows:
            state = initial_state(part)
            decode_state(part, state, 0, blob)
            found = found.with_block(day, DayBlock(part, state))
        return found

    def _each(self) -> list[tuple[int, DayBlock]]:
        return [(day, block) for day in sorted(self.blocks) for block in self.blocks[day]]
