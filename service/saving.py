"""Saving the live state in parts, between which messages are taken.

What readings change is written down at once, in memory: it is small. The models are large, some hundred megabytes
for ten thousand waveform sensors. They stay as they are until a hop closes, so that they can be written a part at a
time; whatever is about to change them finishes the save first.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from domain.errors import StorageError
from domain.identifiers import AssetId
from service.live_state import LiveState
from service.snapshots import models_rows, readings_rows
from storage.journal import Journal, SnapshotRow

__all__ = ["StateSaver"]

# Written in one transaction: some 50 ms, in which messages wait.
_PART_BYTES: Final = 6 * 2**20
# Models of so many assets are encoded together.
_ASSETS_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class _Save:
    """A save under way, of the state as it was after entry `seq`."""

    seq: int
    changed: set[AssetId]
    changed_models: set[AssetId]
    rows: Iterator[SnapshotRow]
    horizons: list[tuple[AssetId, int]]


class StateSaver:
    """Saves what changed in a live state since the save before.

    Parameters
    ----------
    journal : Journal
    live : LiveState
        While a save is under way its models stay as they are: call `finish` before they change.
    """

    def __init__(self, journal: Journal, live: LiveState) -> None:
        self._journal = journal
        self._live = live
        self._save: _Save | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether a save has begun that does not count yet."""
        return self._save is not None

    def begin(self) -> bool:
        """Begin to save the state as it is now; False when nothing changed. One under way is finished first."""
        self.finish()
        live = self._live
        if not live.changed or live.applied_seq <= self._journal.snapshot_seq():
            return False
        changed, models = live.changed, live.changed_models
        rows = itertools.chain(readings_rows(live, changed), self._models(sorted(models)))
        self._save = _Save(live.applied_seq, changed, models, rows, live.horizons(changed))
        live.changed, live.changed_models = set(), set()
        return True

    def _models(self, assets: list[AssetId]) -> Iterator[SnapshotRow]:
        """Encode models when they are asked for."""
        for first in range(0, len(assets), _ASSETS_AT_ONCE):
            yield from models_rows(self._live, assets[first : first + _ASSETS_AT_ONCE])

    def write_part(self) -> None:
        """Write a part of the save under way; with its last the save counts.

        Raises
        ------
        StorageUnavailable
            If the journal cannot be written. The save is given up, and what it was about is in the next.
        """
        save = self._save
        if save is None:
            return
        part, is_last = _take(save.rows, _PART_BYTES)
        try:
            self._journal.add_snapshots(part, seq=save.seq)
            if is_last:
                self._journal.use_snapshots(seq=save.seq, horizons=save.horizons)
        except StorageError:
            self._save = None
            self._live.note_change(save.changed)
            self._live.note_change(save.changed_models, of_models=True)
            raise
        if is_last:
            self._save = None

    def finish(self) -> None:
        """Write the rest of the save under way at once.

        Raises
        ------
        StorageUnavailable
            As for `write_part`.
        """
        while self._save is not None:
            self.write_part()


def _take(rows: Iterable[SnapshotRow], most_bytes: int) -> tuple[list[SnapshotRow], bool]:
    """Take rows until they are large enough together; also tells whether these were the last."""
    found: list[SnapshotRow] = []
    size = 0
    for row in rows:
        found.append(row)
        size += len(row.body)
        if size >= most_bytes:
            return found, False
    return found, True
