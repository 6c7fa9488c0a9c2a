"""Going on after an update that changed the models (docs/adr/0021-learning-again-after-an-update.md).

State that models of another version saved cannot be gone on from. So it is learnt again, once, at the first start of
ingest with the new version: from the journal's entries where all of them are still there, else from the hops that
the time series keep and the decisions that the journal keeps, and then from the entries behind the last save. What
does not depend on models is taken over as it was saved: clocks, open hops, what is marked late, modes of vibration.

Nothing that was told is told again or changed. Until the last step, an entry `relearning` and a save with it, the save
of before stays in force: broken off at any moment, the next start learns again from the beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.errors import OtherModelVersion, StorageUnavailable
from domain.identifiers import AssetId
from domain.records import Alarm
from domain.register import Register
from models.hop_clock import NEVER_NS
from service.alarm_book import AssetBook, KnownAlarm
from service.alarms_after import agree, follow_told
from service.clock_policy import ClockPolicy
from service.closing import plan_closing
from service.kept_hops import KeptHops
from service.learning_again import learn_again, place_decision
from service.live_state import FOREVER_NS, LiveState
from service.pipeline import Pipeline
from service.rescoring import plan_rescoring
from service.restore import fresh_state
from service.snapshots import restore_readings
from storage.decisions import decision_entries
from storage.entries import ClosingBody, Outcome, RelearningBody, RescoringBody
from storage.hop_columns import HopColumns
from storage.journal import CheckpointRow, Entry, HopRow, Journal, JournalCommit, JournalMovedError
from storage.journal_tables import SideRows
from storage.locks import keep_entries
from storage.protocols import ProjectedSeries

__all__ = ["Relearnt", "relearn"]

_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Relearnt:
    """What came of it.

    Attributes
    ----------
    anew : list of AssetId
        Assets of which no hop is kept: they are commissioned anew.
    left_open : int
        Alarms that are open for people and that the models do not have.
    """

    pipeline: Pipeline
    body: RelearningBody
    anew: list[AssetId]
    announced: int
    left_open: int


def relearn(
    journal: Journal,
    series: ProjectedSeries,
    policy: ClockPolicy,
    changed: OtherModelVersion,
    *,
    now_ns: int,
    max_payload_bytes: int,
    head_bytes: int,
    progress: Callable[[float], None],
    away: Callable[[StorageUnavailable], None],
) -> Relearnt:
    """Learn again what is kept with the models of now, and save it.

    Parameters
    ----------
    series : ProjectedSeries
        Where closed hops are kept; not asked when the journal is whole.
    changed : OtherModelVersion
        Which versions they are.
    now_ns : int
        The wall's clock, for the record.
    progress : callable
        Told how much is done, in [0, 1].
    away : callable
        Told that the series cannot be asked now; when it returns they are asked again.

    Raises
    ------
    StorageCorrupt
        If an entry, or what was saved beside the models, cannot be read.
    StorageUnavailable
        If the journal cannot be written; begin again.
    """
    with keep_entries(journal.path):
        return _Relearning(journal, series, policy, progress, away, (max_payload_bytes, head_bytes)).run(
            changed, now_ns
        )


class _Relearning:
    def __init__(
        self,
        journal: Journal,
        series: ProjectedSeries,
        policy: ClockPolicy,
        progress: Callable[[float], None],
        away: Callable[[StorageUnavailable], None],
        limits: tuple[int, int],
    ) -> None:
        self._journal = journal
        self._series = series
        self._policy = policy
        self._progress = progress
        self._away = away
        self._limits = limits
        self._raised: dict[str, Alarm] = {}

    def run(self, changed: OtherModelVersion, now_ns: int) -> Relearnt:
        journal, policy = self._journal, self._policy
        saved_seq, rows = journal.snapshots()
        applied_seq = journal.applied_seq()
        live = fresh_state(journal, saved_seq, policy)
        waiting = restore_readings(live, rows, saved_seq)
        told = {asset: book.alarms for asset, book in live.books.items()}
        journal.clear_checkpoints()
        is_whole = journal.count_entries(after=0) == journal.last_seq()
        anew: list[AssetId] = []
        from_ns: dict[AssetId, int] = {}
        if is_whole:
            live = LiveState(Register(), {})
        else:
            from_ns = self._learn_from_hops(live, saved_seq, min(waiting, default=FOREVER_NS))
            anew = [asset for asset in _first_hops(live) if asset not in from_ns]
        max_payload_bytes, head_bytes = self._limits
        pipeline = Pipeline(journal, live, policy, max_payload_bytes=max_payload_bytes, head_bytes=head_bytes)
        newest: Entry | None = None
        while entries := journal.entries(after=live.applied_seq, upto=applied_seq, limit=_PAGE):
            for entry in entries:
                self._apply(pipeline, entry)
                if entry.seq > saved_seq:
                    follow_told(told, entry.outcome)
                newest = entry
                if is_whole:
                    self._progress(entry.seq / applied_seq)
        # What was first heard in these entries was learnt from its first hop on.
        first_hops = {asset: first_ns for asset, first_ns in _first_hops(live).items() if asset not in anew}
        body = RelearningBody(
            before=changed.found,
            after=changed.expected,
            at_ns=now_ns,
            is_whole=is_whole,
            from_ns=first_hops | from_ns,
            shortened=[asset for asset, begun_ns in from_ns.items() if begun_ns > first_hops.get(asset, begun_ns)],
        )
        news, left_open = self._agree(live, told, changed.expected)
        was_said = newest is not None and isinstance(newest.body, RelearningBody) and newest.body.after == body.after
        if not (was_said and not news and live.applied_seq == journal.last_seq()):
            news = self._commit(pipeline, body, news)
        live.note_change(live.catalogue.assets, of_models=True)
        pipeline.save()
        return Relearnt(pipeline, body, anew, len(news), left_open)

    # From hops that are kept -----------------------------------------------------------------

    def _learn_from_hops(self, live: LiveState, seq: int, waits_from_ns: int) -> dict[AssetId, int]:
        """Bring the models to where a save was made; gives the start of the first hop learnt from of each asset."""
        fresh = fresh_state(self._journal, seq, self._policy)
        first_ns, frontier_ns = live.tracker.clock.first_ns, live.tracker.frontier_ns.copy()
        kept = KeptHops(self._series, live.catalogue, first_ns, frontier_ns, self._unwritten(seq), self._away)
        entries = decision_entries(self._journal, upto=seq)
        decisions = [item for entry in entries if (item := place_decision(live, entry))]
        heard = frontier_ns > NEVER_NS
        begin, end = int(first_ns[heard].min(initial=FOREVER_NS)), int(frontier_ns[heard].max(initial=NEVER_NS))

        def keep(checkpoints: Sequence[CheckpointRow]) -> None:
            self._keep(seq, [], checkpoints)

        alarms = learn_again(
            fresh,
            kept.days(),
            frontier_ns,
            decisions,
            waits_from_ns=waits_from_ns,
            keep=keep,
            progress=lambda day: self._progress(min((day - begin) / max(end - begin, 1), 1.0)),
        )
        self._raised |= {alarm.id: alarm for alarm in alarms}
        live.state, live.days, live.fleet, live.books = fresh.state, fresh.days, fresh.fleet, fresh.books
        begun = np.flatnonzero(kept.begun_ns > NEVER_NS).tolist()
        return {live.catalogue.assets[row]: int(kept.begun_ns[row]) for row in begun}

    def _unwritten(self, upto: int) -> list[HopColumns]:
        """Give the hops of entries up to a save that the time series do not have yet."""
        found = []
        place = self._position()
        while page := self._journal.entries(after=place, upto=upto, limit=_PAGE):
            place = page[-1].seq
            found += [entry.outcome.hops for entry in page if entry.outcome.hops.channel]
        return found

    def _position(self) -> int:
        while True:
            try:
                return self._series.position()
            except StorageUnavailable as error:
                self._away(error)

    # From entries ----------------------------------------------------------------------------

    def _apply(self, pipeline: Pipeline, entry: Entry) -> None:
        """Apply an entry as a start does, and keep what the models of now leave behind of it."""
        live, body = pipeline.live, entry.body
        alarms: list[Alarm] = []
        if isinstance(body, ClosingBody):
            closing = plan_closing(live, body)
            live.carry_out(closing, entry.seq)
            self._keep(entry.seq, closing.hop_rows, closing.checkpoints)
            alarms = closing.outcome.alarms
        elif isinstance(body, RescoringBody):
            rescoring = plan_rescoring(live, self._journal, body, entry.seq)
            live.carry_out_rescoring(body, rescoring, entry.seq)
            self._keep(entry.seq, [], rescoring.checkpoints)
            alarms = rescoring.outcome.alarms
        else:
            pipeline.apply(entry)
        self._raised |= {alarm.id: alarm for alarm in alarms}

    def _keep(self, seq: int, hops: Sequence[HopRow], checkpoints: Sequence[CheckpointRow]) -> None:
        if hops or checkpoints:
            self._journal.keep_again(SideRows(hops=hops, checkpoints=checkpoints), seq=seq)

    # For people ------------------------------------------------------------------------------

    def _agree(
        self, live: LiveState, told: dict[AssetId, tuple[KnownAlarm, ...]], version: str
    ) -> tuple[list[Alarm], int]:
        """Write what people know into the books; gives what is to be announced, and counts what is left over."""
        news: list[Alarm] = []
        left_open = 0
        for row, asset in enumerate(live.catalogue.assets):
            mine = live.books.get(asset, AssetBook())
            known, fresh = agree(
                asset,
                told.get(asset, ()),
                mine.alarms,
                self._raised,
                at_ns=int(live.tracker.frontier_ns[row]),
                version=version,
            )
            news += fresh
            left_open += sum(item.cleared_ns is None and not item.is_supported for item in known)
            if known or mine.decisions:
                live.books[asset] = AssetBook(known, mine.decisions)
        return news, left_open

    def _commit(self, pipeline: Pipeline, body: RelearningBody, news: list[Alarm]) -> list[Alarm]:
        """Write the entry behind all that others appended meanwhile; gives what was announced."""
        live = pipeline.live
        while True:
            standing = {item.id for book in live.books.values() for item in book.alarms if item.cleared_ns is None}
            told = [alarm for alarm in news if alarm.id in standing]
            rows = np.arange(len(live.catalogue.assets), dtype=np.int32)
            current = {item.asset: item for item in live.assess_now(rows, body.at_ns)}
            current |= {item.asset: item for item in live.assess_open(rows)}
            commit = JournalCommit(
                body=body,
                kind="relearning",
                outcome=Outcome(alarms=told, current=list(current.values())),
                applied_seq=live.applied_seq,
            )
            try:
                live.applied_seq = self._journal.commit(commit)
            except JournalMovedError:
                pipeline.catch_up()
            else:
                return told


def _first_hops(live: LiveState) -> dict[AssetId, int]:
    """Give the start of the first hop of each asset that has closed one."""
    first_ns = live.tracker.clock.first_ns
    starts = first_ns - first_ns % live.catalogue.hop_ns
    heard = np.flatnonzero((first_ns > NEVER_NS) & (live.tracker.frontier_ns > NEVER_NS)).tolist()
    return {live.catalogue.assets[row]: int(starts[row]) for row in heard}
