"""Kept hops through the models from an asset's first to its last, as they went through them when they closed.

A fresh state takes each day's hops through the first stage and its end through the second, with people's decisions
where they were taken: the same steps as `service.live_state` takes, in order of event time. The register in force
holds throughout, with all works that were ever announced, as where late readings are scored again
(docs/adr/0008-late-readings-are-scored-again.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from domain.arrays import TimeArray
from domain.records import Alarm
from models.hop_clock import NEVER_NS
from models.hops import Round
from service.alarm_book import AlarmNews
from service.closing import end_day
from service.live_state import FOREVER_NS, LiveState
from service.outcomes import DAY_NS, HopCollector
from service.stepping import Stepper
from storage.entries import DecisionBody
from storage.journal import CheckpointRow, Entry

__all__ = ["PlacedDecision", "learn_again", "place_decision"]


@dataclass(frozen=True, slots=True)
class PlacedDecision:
    """A decision and where it was taken: when the hops of its asset had closed up to `after_ns`, event time."""

    row: int
    after_ns: int
    seq: int
    body: DecisionBody


def place_decision(live: LiveState, entry: Entry) -> PlacedDecision | None:
    """Find from what a decision led to where in its asset's hops it was taken; None where no models knew the asset.

    It is gone by now, or it was not there then and the decision changed nothing.
    """
    if not isinstance(entry.body, DecisionBody):
        return None
    decision = entry.body.decision
    row = live.row_of(decision.asset)
    if row is None:
        return None
    # Its asset was assessed at once, as of its last closed hop; one never heard as of the decision's own time.
    told = [item.assessed_at_ns for item in entry.outcome.current if item.asset == decision.asset]
    if not told:
        return None
    after_ns = told[0] if told[0] != decision.decided_at_ns else NEVER_NS
    return PlacedDecision(row, after_ns, entry.seq, entry.body)


def learn_again(
    fresh: LiveState,
    days: Iterable[tuple[int, Sequence[Round]]],
    frontier_ns: TimeArray,
    decisions: Sequence[PlacedDecision],
    *,
    waits_from_ns: int,
    keep: Callable[[Sequence[CheckpointRow]], None],
    progress: Callable[[int], None],
) -> list[Alarm]:
    """Step hops into a fresh state, which ends as if it had been there all the time.

    Parameters
    ----------
    fresh : LiveState
        Changed in place: models, fleet, books of alarms and decisions, and days that wait for the second stage.
    days : iterable of (end of the day, rounds)
    frontier_ns : int64[A]
        Where the hops end, of each asset.
    decisions : sequence of PlacedDecision
        In the order they were taken.
    waits_from_ns : int
        End of the first day that the second stage had not been through.
    keep : callable
        Takes checkpoints, as they come.
    progress : callable
        Told the end of each day that was learnt from.

    Returns
    -------
    list of Alarm
        All that was raised on the way, named by the time that the models have for it.
    """
    learner = _Learner(fresh, frontier_ns, decisions, waits_from_ns)
    for day, rounds in days:
        learner.take_day(day, rounds)
        keep(learner.collector.checkpoints)
        progress(day)
    learner.decide(None)
    fresh.tracker.frontier_ns[:] = frontier_ns
    return learner.news.alarms


class _Learner:
    def __init__(
        self, fresh: LiveState, frontier_ns: TimeArray, decisions: Sequence[PlacedDecision], waits_from_ns: int
    ) -> None:
        self._live = fresh
        self._frontier_ns = frontier_ns
        self._decisions = list(decisions)
        self._waits_from_ns = waits_from_ns
        heard = frontier_ns[frontier_ns > NEVER_NS]
        self._last_day = min(int(heard.max(initial=0)) // DAY_NS * DAY_NS, waits_from_ns - DAY_NS)
        # Before this no re-scoring begins, and no asset leaves a checkpoint but at the last day.
        self._kept_from_ns = int(heard.min(initial=FOREVER_NS)) - fresh.window_ns - DAY_NS if len(heard) else 0
        self.collector = HopCollector()
        self.news = AlarmNews()

    def take_day(self, day: int, rounds: Sequence[Round]) -> None:
        """Step one day's hops through the first stage, and the day through the second if it had been."""
        live = self._live
        self.collector = HopCollector()
        leaves = day >= self._kept_from_ns or day == self._last_day
        assets = np.arange(len(live.catalogue.assets), dtype=np.int32)
        told_from_ns = np.full(len(assets), NEVER_NS if leaves else FOREVER_NS, np.int64)
        stepper = Stepper(live.subset, assets, live.state, told_from_ns, self.collector)
        for closed in rounds:
            if self._decisions:
                live.state = stepper.state
                self.decide(closed)
                stepper.state = live.state
            stepper.step(closed)
            live.tracker.frontier_ns[closed.assets] = closed.features.end_ns
            for ended, block in stepper.ended_days(closed):
                live.days = live.days.with_block(ended, block)
        if day < self._waits_from_ns and day in live.days.blocks:
            block = live.days.join(day, live.rows_of, live.catalogue)
            live.days = live.days.without_day(day)
            end_day(live, block, day, stepper, live.fleet, self._frontier_ns, is_last=day == self._last_day)
        live.state = stepper.state
        live.keep_books(live.followed(self.collector.changes, self.news))

    def decide(self, coming: Round | None) -> None:
        """Apply the decisions that were taken before the hops that come; None: no hop comes any more."""
        ends = (
            None if coming is None else dict(zip(coming.assets.tolist(), coming.features.end_ns.tolist(), strict=True))
        )
        left = []
        for item in self._decisions:
            if ends is not None and ends.get(item.row, NEVER_NS) <= item.after_ns:
                left.append(item)
                continue
            self._live.tracker.frontier_ns[item.row] = item.after_ns
            self._live.decide(item.body, item.seq)
        self._decisions = left
