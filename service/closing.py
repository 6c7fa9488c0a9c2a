"""Closing hops that are due: what would follow, planned in a copy of the state of their assets.

Hops go through the first stage in order of event time, days that every asset has closed through the second. Nothing
changes before the journal's commit; `service.live_state` carries a plan out then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domain.arrays import IndexArray, TimeArray
from domain.identifiers import AssetId
from models.fleet_memory import FleetMemory
from models.hop_clock import NEVER_NS, StreamClock
from models.hops import Closing
from models.state import ModelState, take_state
from service.alarm_book import AlarmNews, AssetBook
from service.day_rows import DayBlock, DayRows
from service.live_state import FOREVER_NS, LiveState
from service.mode_book import ModePlan
from service.outcomes import DAY_NS, HopCollector
from service.stepping import Stepper
from storage.entries import ClosingBody, Outcome, SensorColumns
from storage.journal import CheckpointRow, HopRow

__all__ = ["ClosingPlan", "end_day", "plan_closing"]


@dataclass(frozen=True, slots=True, eq=False)
class ClosingPlan:
    """Hops that would close, and the state of their assets behind them."""

    closing: Closing
    assets: IndexArray
    state: ModelState | None
    outcome: Outcome
    hop_rows: list[HopRow]
    hops_closed: int
    days: DayRows
    fleet: FleetMemory
    checkpoints: list[CheckpointRow]
    books: dict[AssetId, AssetBook]
    modes: ModePlan | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing closes, no hop and no day."""
        return self.state is None


def plan_closing(live: LiveState, body: ClosingBody, *, with_outcome: bool = True) -> ClosingPlan:
    """Close the hops that are due, in a copy of the state of their assets.

    Parameters
    ----------
    with_outcome : bool
        False leaves out what follows from the state and does not change it: assessments and rows. At a restart
        they stand in the journal already.
    """
    bound = _within_span(live, _bound(live, body), body)
    closing = live.tracker.close(bound, lateness_ns=body.lateness_ns)
    if not closing.rounds and not _due_days(live, live.days, live.fleet, closing, body, bound):
        return ClosingPlan(closing, np.empty(0, np.int32), None, Outcome(), [], 0, live.days, live.fleet, [], {})
    waiting = live.rows_of(live.days.assets())
    assets = np.unique(np.concatenate([waiting, *(closed.assets for closed in closing.rounds)])).astype(np.int32)
    state = take_state(live.catalogue, live.state, assets)
    collector = HopCollector()
    told_from_ns = np.full(len(assets), NEVER_NS if with_outcome else FOREVER_NS, np.int64)
    stepper = Stepper(live.subset, assets, state, told_from_ns, collector)
    days, fleet = live.days, live.fleet.copy()
    modes = live.modes.plan()
    for due_round in closing.rounds:
        closed = modes.meet(due_round, stepper, live.tracker)
        stepper.step(closed)
        if with_outcome:
            collector.add_readings(live.catalogue.assets, closed)
        for day, block in stepper.ended_days(closed):
            days = days.with_block(day, block)
    due = _due_days(live, days, fleet, closing, body, bound)
    for day in due:
        block = days.join(day, live.rows_of, live.catalogue)
        days = days.without_day(day)
        end_day(live, block, day, stepper, fleet, closing.frontier_ns, is_last=day == due[-1])
    news = AlarmNews()
    books = live.followed(collector.changes, news)
    outcome = Outcome()
    if with_outcome:
        latest = {item.asset: item for item in collector.assessments}
        outcome = Outcome(
            hops=collector.hop_columns(),
            assessments=collector.assessments,
            current=list(latest.values()),
            alarms=news.alarms,
            alarm_changes=news.changes,
            sensors=SensorColumns.of(modes.measured),
            modes=modes.periods,
        )
    return ClosingPlan(
        closing=closing,
        assets=assets,
        state=stepper.state,
        outcome=outcome,
        hop_rows=collector.hop_rows,
        hops_closed=sum(len(closed.assets) for closed in closing.rounds),
        days=days,
        fleet=fleet,
        checkpoints=collector.checkpoints,
        books=books,
        modes=modes,
    )


def end_day(
    live: LiveState,
    block: DayBlock,
    day: int,
    stepper: Stepper,
    fleet: FleetMemory,
    frontier_ns: TimeArray,
    *,
    is_last: bool,
) -> None:
    """Take a day's rows through the second stage, and write what it says into the stepper's state.

    An asset leaves a checkpoint when re-scoring may look back so far, and at the last day in any case.
    """
    closed_to = frontier_ns[live.rows_of(block.catalogue.assets)]
    kept = is_last | (closed_to - live.window_ns - DAY_NS <= day)
    stepper.end_day(block, day, fleet, kept & (live.window_ns > 0))


def _due_days(
    live: LiveState, days: DayRows, fleet: FleetMemory, closing: Closing, body: ClosingBody, bound_ns: TimeArray
) -> list[int]:
    """List the days that every asset has closed, and those that the second stage has been through already.

    The second stage compares assets and cannot be taken back, so a day waits for all of them, and until what came
    late has been scored again. Where a stream pauses is a matter of the wall's clock: then too all are waited for,
    though not for late readings. Only where the history ends nobody is.
    """
    first = live.tracker.clock.first_ns
    heard = first > NEVER_NS
    reached = np.where(closing.frontier_ns > NEVER_NS, closing.frontier_ns, first)[heard]
    if not len(reached):
        return []
    if body.is_end or (body.day_lateness_ns is None and body.lateness_ns == 0):
        bound = int(reached.max())
    elif body.day_lateness_ns is None:
        bound = int(reached.min())
    else:
        by_clock = bound_ns[heard] - np.int64(body.day_lateness_ns)
        bound = min(int(np.minimum(reached, by_clock).min()), int(live.revise_ns.min(initial=FOREVER_NS)))
    bound = max(bound, max(fleet.context, default=NEVER_NS))
    return [day for day in sorted(days.blocks) if day <= bound]


def _bound(live: LiveState, body: ClosingBody) -> TimeArray:
    if body.clock_ns is None:
        return live.tracker.clock.bound_by_stream(StreamClock(body.idle_ns))
    return np.where(live.tracker.clock.first_ns > NEVER_NS, np.int64(body.clock_ns), NEVER_NS)


def _within_span(live: LiveState, bound_ns: TimeArray, body: ClosingBody) -> TimeArray:
    """Hold each asset's bound to a stretch behind its last closed hop: one reading of years ago begins years."""
    if not body.span_ns:
        return bound_ns
    frontier, first = live.tracker.frontier_ns, live.tracker.clock.first_ns
    heard = first > NEVER_NS
    hop = live.catalogue.hop_ns[heard]
    begin = np.where(frontier[heard] > NEVER_NS, frontier[heard], first[heard] - first[heard] % hop)
    bound = bound_ns.copy()
    bound[heard] = np.minimum(bound[heard], begin + np.maximum(body.span_ns, hop) + body.lateness_ns)
    return bound
