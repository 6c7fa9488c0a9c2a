"""Scoring closed hops again with what came late for them (design.md D14).

A late reading within the back-fill window marks its asset: from the hop it belongs to on, all that was
concluded may be wrong. Re-scoring takes the asset's state from the checkpoint before that hop, one of the ends of
its days, and steps all hops since, each from all readings that are known of it now; decisions that people took
meanwhile are applied again where they were taken. It ends with the asset's last closed hop, so that nothing else
has to wait or to be undone.

The second stage, which compares like assets, keeps what it learnt of each day (`models.fleet`). A day that it
has been through is weighed again for the re-scored asset alone, against that same day; other assets are not
touched. Rows of days that still wait for it are replaced.

A re-scoring is a journal entry: it says which assets, from where. What it reads beside the state (late readings,
checkpoints) is kept by the sequence of the entry that wrote it, so that applying the entry again, after whatever
came later, gives the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from domain.arrays import BoolArray, IndexArray, ReadingColumns, ReadingFlag, TimeArray
from domain.errors import StorageCorrupt
from domain.identifiers import AssetId
from domain.records import RiskAssessment
from models.chain import apply_decision
from models.hop_clock import NEVER_NS
from models.hop_summary import summarise
from models.hops import HopTracker, Round
from models.state import ModelState, decode_state, initial_state, put_state, take_state
from service.alarm_book import AlarmNews, AssetBook, revise
from service.day_rows import DayBlock, DayRows
from service.live_state import FOREVER_NS, LiveState
from service.outcomes import DAY_NS, HopCollector, unpack
from service.stepping import Stepper
from storage.entries import Outcome, RescoringBody
from storage.journal import CheckpointRow, Journal

__all__ = ["RescoringPlan", "plan_rescoring"]

# What the second stage learnt of the fleet and its people, and wrote into the state of each asset.
_AS_IT_WAS: Final = ("onsets_per_year", "fleet_shown", "life_stretch", "doubt", "verdicts", "scatter")


@dataclass(frozen=True, slots=True, eq=False)
class RescoringPlan:
    """What scoring again would change.

    Attributes
    ----------
    assets : int32[K]
        Rows of the catalogue that were scored again.
    state : ModelState or None
        Their state behind their last closed hop; None when there are none.
    days : DayRows
        What waits for the second stage, theirs as it is now.
    books : dict of AssetId to AssetBook
    checkpoints : list of CheckpointRow
    outcome : Outcome
    hops_scored : int
    """

    assets: IndexArray
    state: ModelState | None
    days: DayRows
    books: dict[AssetId, AssetBook]
    checkpoints: list[CheckpointRow]
    outcome: Outcome
    hops_scored: int


def plan_rescoring(
    live: LiveState, journal: Journal, body: RescoringBody, seq: int, *, with_outcome: bool = True
) -> RescoringPlan:
    """Score again what entry `seq` says; nothing changes yet.

    Parameters
    ----------
    with_outcome : bool
        False: only the state and the books; the journal has the outcome already.
    """
    bases = _bases(live, journal, body, seq)
    if not bases:
        return RescoringPlan(np.empty(0, np.int32), None, live.days, {}, [], Outcome(), 0)
    rows = np.asarray([base.row for base in bases], np.int32)
    catalogue = live.subset(rows)
    state = initial_state(catalogue)
    for place, base in enumerate(bases):
        if base.state is not None:
            put_state(catalogue, state, np.asarray([place], np.int32), base.state)
    frontier = live.tracker.frontier_ns[rows]
    collector = HopCollector()
    told_from_ns = np.asarray([base.from_ns if with_outcome else FOREVER_NS for base in bases], np.int64)
    stepper = Stepper(live.subset, rows, state, told_from_ns, collector)
    decisions = _Decisions(live, stepper, bases)
    days = _Days(live, stepper)
    hops_scored = 0
    for closed in _rounds(live.tracker, rows, frontier, bases):
        decisions.apply(closed)
        stepper.step(closed)
        for day, block in stepper.ended_days(closed):
            days.end(day, block)
        hops_scored += len(closed.assets)
    decisions.apply(None)
    # How often alarms are raised in the fleet, and what people said of them, is as it was: nothing was counted again.
    known = take_state(live.catalogue, live.state, rows)
    kept = {name: getattr(known, name) for name in _AS_IT_WAS}
    stepper.state = replace(stepper.state, **kept)

    news = AlarmNews()
    books: dict[AssetId, AssetBook] = {}
    for place, base in enumerate(bases):
        asset = catalogue.assets[place]
        book = live.books.get(asset, AssetBook())
        alarms = revise(
            book.alarms,
            asset,
            base_ns=base.at_ns,
            changes=[change for owner, change in collector.changes if owner == asset],
            revised_at_ns=int(frontier[place]),
            news=news,
        )
        books[asset] = AssetBook(alarms, book.decisions)
    outcome = Outcome()
    if with_outcome:
        outcome = Outcome(
            hops=collector.hop_columns(),
            assessments=[_revised(item, seq) for item in collector.assessments],
            current=[_revised(item, seq) for item in live.assess_behind(rows, stepper.state)],
            alarms=news.alarms,
            alarm_changes=news.changes,
        )
    return RescoringPlan(
        assets=rows,
        state=stepper.state,
        days=days.waiting,
        books=books,
        checkpoints=collector.checkpoints,
        outcome=outcome,
        hops_scored=hops_scored,
    )


def _revised(item: RiskAssessment, seq: int) -> RiskAssessment:
    """Give an assessment a name beside that of the one it replaces, which stays as it is."""
    if item.provisional:
        return item
    return replace(item, assessment_id=f"{item.assessment_id}.r{seq}", revised=True)


@dataclass(frozen=True, slots=True, eq=False)
class _Base:
    """Where the re-scoring of one asset begins, and what is known since; `at_ns` NEVER: at its first reading."""

    row: int
    from_ns: int
    at_ns: int
    state: ModelState | None
    readings: ReadingColumns


def _bases(live: LiveState, journal: Journal, body: RescoringBody, seq: int) -> list[_Base]:
    found = []
    for row in live.rows_of(body.from_ns).tolist():
        asset = live.catalogue.assets[row]
        from_ns, frontier = body.from_ns[asset], int(live.tracker.frontier_ns[row])
        checkpoint = journal.checkpoint(asset, at_most_ns=from_ns, before_seq=seq)
        at_ns, state = NEVER_NS, None
        if live.anew_ns[row] > NEVER_NS and (checkpoint is None or checkpoint.at_ns <= live.anew_ns[row]):
            continue  # it would learn of a channel what was said in another unit: what is late stays stored only
        if checkpoint is not None:
            at_ns = checkpoint.at_ns
            only = live.subset(np.asarray([row], np.int32))
            state = initial_state(only)
            try:
                decode_state(only, state, 0, checkpoint.body)
            except StorageCorrupt:
                continue  # of another version of the models: what is late for it stays stored only
        elif _should_have_one(live, row, from_ns):
            continue  # older than the checkpoints: they began with an update of this program, or with a setting
        rows = journal.hop_range(asset, from_ns=at_ns, to_ns=frontier, before_seq=seq)
        readings = ReadingColumns.concatenate([unpack(item.body) for item in rows])
        # What was too late when it came stays out.
        too_late = (readings.flags & np.uint8(ReadingFlag.LATE | ReadingFlag.REVISES)) == np.uint8(ReadingFlag.LATE)
        found.append(_Base(row, from_ns, at_ns, state, readings.take(~too_late)))
    return found


def _should_have_one(live: LiveState, row: int, from_ns: int) -> bool:
    """Tell whether an asset's first day is before a time and through the second stage: that left a checkpoint."""
    asset, first_ns = live.catalogue.assets[row], int(live.tracker.clock.first_ns[row])
    day = (first_ns // DAY_NS + 1) * DAY_NS
    waits = any(asset in block.catalogue.assets for block in live.days.blocks.get(day, ()))
    return day <= min(from_ns, max(live.fleet.context, default=NEVER_NS)) and not waits


def _rounds(tracker: HopTracker, rows: IndexArray, frontier: TimeArray, bases: list[_Base]) -> Iterator[Round]:
    """Give the hops of all assets side by side, the first ones of each in the first round, and so on."""
    catalogue = tracker.catalogue
    readings = ReadingColumns.concatenate([base.readings for base in bases])
    channel = tracker.rows_of(readings.channel)
    readings, channel = readings.take(channel >= 0), channel[channel >= 0]
    owner = np.searchsorted(rows, catalogue.asset_of_channel[channel])
    hop_ns = catalogue.hop_ns[rows]
    start = readings.time_ns - readings.time_ns % hop_ns[owner]
    kept = start + hop_ns[owner] <= frontier[owner]
    readings, channel, owner, start = readings.take(kept), channel[kept], owner[kept], start[kept]
    pairs = [np.stack([owner.astype(np.int64), start], axis=1)]
    for place, base in enumerate(bases):
        mine = start[owner == place]
        if base.at_ns == NEVER_NS and not len(mine):
            continue
        begin = base.at_ns if base.at_ns > NEVER_NS else int(mine.min())
        ends = np.arange(begin // DAY_NS + 1, int(frontier[place]) // DAY_NS + 1, dtype=np.int64) * DAY_NS
        pairs.append(np.stack([np.full(len(ends), place, np.int64), ends - hop_ns[place]], axis=1))
    # By asset, then by time; the readings' own pairs came first.
    hops, inverse = np.unique(np.concatenate(pairs), axis=0, return_inverse=True)
    if not len(hops):
        return
    first = np.flatnonzero(np.concatenate([[True], hops[1:, 0] != hops[:-1, 0]]))
    count = np.diff(np.concatenate([first, [len(hops)]]))
    number = np.arange(len(hops)) - np.repeat(first, count)
    round_of_reading = number[inverse.ravel()[: len(readings)]]
    order = np.lexsort((readings.time_ns, channel, round_of_reading))
    readings, channel, owner = readings.take(order), channel[order], owner[order]
    edges = np.searchsorted(round_of_reading[order], np.arange(int(count.max()) + 1))
    for which in range(int(count.max())):
        mine = np.flatnonzero(number == which)
        assets = rows[hops[mine, 0]].astype(np.int32)
        some = np.s_[edges[which] : edges[which + 1]]
        features = summarise(
            catalogue, assets, hops[mine, 1], channel[some], readings.value[some], readings.flags[some]
        )
        yield Round(assets, features, readings.take(some), rows[owner[some]].astype(np.int32))


class _Days:
    """The second stage's part: days that it has been through are weighed again, rows that wait for it replaced."""

    def __init__(self, live: LiveState, stepper: Stepper) -> None:
        self._stepper = stepper
        # Another asset's context is not changed, and alarms are not counted twice: what is learnt here is dropped.
        self._fleet = live.fleet.copy()
        self._counts = (live.fleet.alarms, live.fleet.watched_days)
        self._reached_ns = max(live.fleet.context, default=NEVER_NS)
        names = live.subset(stepper.assets).assets
        self._waited = {
            (asset, day)
            for day, blocks in live.days.blocks.items()
            for block in blocks
            for asset in block.catalogue.assets
        }
        self.waiting = live.days
        for asset in names:
            self.waiting = self.waiting.without_asset(asset)

    def end(self, day: int, block: DayBlock) -> None:
        """Take in the rows of some assets at the end of one day."""
        waits = np.array([(asset, day) in self._waited for asset in block.catalogue.assets], np.bool_)
        if waits.any():
            self.waiting = self.waiting.with_block(day, _rows_of_block(block, waits))
        if not waits.all() and day <= self._reached_ns:
            self._fleet.alarms, self._fleet.watched_days = self._counts
            done = _rows_of_block(block, ~waits)
            self._stepper.end_day(done, day, self._fleet, np.ones(len(done.catalogue.assets), np.bool_))


def _rows_of_block(block: DayBlock, chosen: BoolArray) -> DayBlock:
    if chosen.all():
        return block
    rows = np.flatnonzero(chosen).astype(np.int32)
    return DayBlock(block.catalogue.take(rows), take_state(block.catalogue, block.state, rows))


class _Decisions:
    """Decisions that people took since the base, applied again where they were taken."""

    def __init__(self, live: LiveState, stepper: Stepper, bases: list[_Base]) -> None:
        self._stepper = stepper
        self._subset = live.subset
        self._waiting = [
            (base.row, decision)
            for base in bases
            for decision in live.books.get(live.catalogue.assets[base.row], AssetBook()).decisions
            if decision.after_ns >= base.at_ns
        ]

    def apply(self, coming: Round | None) -> None:
        """Apply those that were taken before the hops that come; None: no hop comes any more."""
        if not self._waiting:
            return
        ends = (
            None if coming is None else dict(zip(coming.assets.tolist(), coming.features.end_ns.tolist(), strict=True))
        )
        left = []
        for row, decision in self._waiting:
            if ends is not None and not (row in ends and ends[row] > decision.after_ns):
                left.append((row, decision))
                continue
            stepper = self._stepper
            local = np.searchsorted(stepper.assets, [row]).astype(np.int32)
            whole, only = self._subset(stepper.assets), self._subset(np.asarray([row], np.int32))
            part = take_state(whole, stepper.state, local)
            part, changes = apply_decision(only, part, 0, decision.verb, decision.at_ns, decision.alarm_kind)
            state = take_state(whole, stepper.state, np.arange(len(stepper.assets), dtype=np.int32))
            put_state(whole, state, local, part)
            stepper.state = state
            stepper.collector.changes += [(only.assets[0], change) for change in changes]
        self._waiting = left
