"""Hops and days through the models: the same for hops that close and for hops that are scored again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from domain.arrays import BoolArray, IndexArray, TimeArray
from models.catalogue import Catalogue
from models.chain import assess, risk_records, step_fleet, step_hop
from models.fleet_memory import FleetMemory
from models.frequency_changes import without_detectors
from models.hops import Round
from models.layout import FLEET_COLUMNS
from models.memory import with_columns
from models.state import ModelState, encode_state, put_state, take_state
from service.day_rows import DayBlock
from service.outcomes import DAY_NS, HopCollector
from storage.journal import CheckpointRow

__all__ = ["Stepper", "with_fleet_columns"]


@dataclass(slots=True)
class Stepper:
    """The state of some assets on its way through their hops and days.

    Attributes
    ----------
    subset : callable
        Gives the catalogue of some rows of the whole one.
    assets : int32[K]
        Rows of the whole catalogue, ascending.
    state : ModelState
        Of these assets; a copy of its own.
    told_from_ns : int64[K]
        What ends at or before this is stepped and not told: it was told before.
    collector : HopCollector
        Takes what is told, and all changes of alarms.
    """

    subset: Callable[[IndexArray], Catalogue]
    assets: IndexArray
    state: ModelState
    told_from_ns: TimeArray
    collector: HopCollector

    def step(self, closed: Round) -> None:
        """Step one round of hops through the first stage."""
        local = self._local(closed)
        catalogue = self.subset(closed.assets)
        is_whole = len(local) == len(self.assets)
        part = self.state if is_whole else take_state(self.subset(self.assets), self.state, local)
        part, scores, changes = step_hop(catalogue, part, closed.features)
        if is_whole:
            self.state = part
        else:
            put_state(self.subset(self.assets), self.state, local, part)
        told = closed.features.end_ns > self.told_from_ns[local]
        if told.any():
            self.collector.add_scores(catalogue, closed, scores, told)
        self.collector.changes += [(catalogue.assets[change.asset], change) for change in changes]

    def ended_days(self, closed: Round) -> Iterator[tuple[int, DayBlock]]:
        """Give the assets whose day ended with the round that was just stepped, by the end of that day."""
        end = closed.features.end_ns
        ended = np.flatnonzero(end % DAY_NS == 0).astype(np.int32)
        for day in np.unique(end[ended]).tolist():
            rows = ended[end[ended] == day]
            local = self._local(closed)[rows]
            whole = self.subset(self.assets)
            # What the second stage alone writes is taken from the state of then; the large part need not wait with it.
            waiting = without_detectors(take_state(whole, self.state, local))
            yield day, DayBlock(self.subset(closed.assets).take(rows), waiting)

    def end_day(self, block: DayBlock, day: int, fleet: FleetMemory, kept: BoolArray) -> None:
        """Take a day's rows through the second stage.

        Parameters
        ----------
        block : DayBlock
            The first stage as it was when the day ended.
        day : int
            Its end.
        fleet : FleetMemory
            Changed in place.
        kept : bool[B]
            Of which assets of the block the state is kept as a checkpoint.
        """
        catalogue = self.subset(self.assets)
        place = {asset: row for row, asset in enumerate(catalogue.assets)}
        local = np.array([place[asset] for asset in block.catalogue.assets], np.int32)
        current = take_state(catalogue, self.state, local)
        stepped, changes = step_fleet(block.catalogue, with_fleet_columns(block.state, current), fleet, day)
        put_state(catalogue, self.state, local, with_fleet_columns(current, stepped))
        collector = self.collector
        collector.changes += [(block.catalogue.assets[change.asset], change) for change in changes]
        rows = np.flatnonzero(day > self.told_from_ns[local]).astype(np.int32)
        if len(rows):
            when = np.full(len(local), day, np.int64)
            columns = assess(block.catalogue, stepped, when)
            collector.assessments += risk_records(block.catalogue, columns, rows, provisional=False)
        saved = np.flatnonzero(kept & (day > self.told_from_ns[local])).astype(np.int32)
        if len(saved):
            blobs = encode_state(block.catalogue, stepped, saved)
            names = [block.catalogue.assets[row] for row in saved.tolist()]
            collector.checkpoints += [
                CheckpointRow(*pair) for pair in zip(names, [day] * len(names), blobs, strict=True)
            ]

    def _local(self, closed: Round) -> IndexArray:
        return np.searchsorted(self.assets, closed.assets).astype(np.int32)


def with_fleet_columns(state: ModelState, source: ModelState) -> ModelState:
    """Take the columns of the second stage from another state of the same rows."""
    columns: dict[str, Any] = {name: getattr(source, name) for name in FLEET_COLUMNS}
    return with_columns(state, **columns)
