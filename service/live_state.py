"""All that changes as entries are applied: register, model state, open hops, and how far they came.

Every method that changes something is a function of the state and one journal entry, so the running
service and a restart go through the same code and end with the same bits. Looking (`assess_open`, `service.closing`,
`service.rescoring`) changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from domain.arrays import IndexArray, ReadingColumns, ReadingFlag, TimeArray
from domain.identifiers import AssetId, ChannelKey, GatewayId
from domain.records import AlarmState, Decision, DecisionVerb, RiskAssessment
from domain.register import Register
from ingest.resolve import Resolver
from models.alarms import AlarmChange as ModelAlarmChange
from models.catalogue import Catalogue, Renewal
from models.chain import apply_decision, assess, look_at_hop, risk_records
from models.claims import Claim
from models.compiling import compile_catalogue
from models.faults import hear_open
from models.fleet_memory import FleetMemory
from models.hop_clock import NEVER_NS
from models.hops import HopTracker
from models.source_skew import SkewBook
from models.state import (
    ModelState,
    carry_state,
    channels_begun_anew,
    initial_state,
    put_state,
    state_digest,
    take_state,
)
from service.alarm_book import AlarmNews, AppliedDecision, AssetBook, close_about, close_left_over, follow, forget
from service.clock_alarms import ClockPlan, plan_clocks
from service.day_rows import DayRows
from service.mode_book import ModeBook
from service.outcomes import DAY_NS
from service.people import NEW_REFERENCE, learn_from
from storage.entries import (
    AlarmChange,
    BatchBody,
    DecisionBody,
    Outcome,
    RescoringBody,
)
from storage.inspections import Finding, finding_of, inspected, with_findings

if TYPE_CHECKING:
    from service.closing import ClosingPlan
    from service.rescoring import RescoringPlan

__all__ = ["FOREVER_NS", "LiveState"]

FOREVER_NS: Final = np.iinfo(np.int64).max
_CACHED_SUBSETS = 256
_BOOK_NS: Final = 30 * DAY_NS
# What a re-scoring must apply again; the other verbs are labels.
_CHANGES_MODELS = NEW_REFERENCE | {DecisionVerb.DISMISS}

_VERB_STATES: Mapping[DecisionVerb, AlarmState] = {
    DecisionVerb.ACKNOWLEDGE: AlarmState.ACKNOWLEDGED,
    DecisionVerb.CONFIRM: AlarmState.CONFIRMED,
    DecisionVerb.DISMISS: AlarmState.DISMISSED,
    DecisionVerb.INSPECT: AlarmState.ACKNOWLEDGED,
    DecisionVerb.PLAN: AlarmState.ACKNOWLEDGED,
}


class LiveState:
    """State after the entry `applied_seq`.

    Parameters
    ----------
    register : Register
    numbers : mapping of ChannelKey to int
        The journal's lasting number of every channel of the register.
    register_seq : int
        The entry that brought the register; 0 for the empty one before the first.
    found : mapping of AssetId to Finding
        What people's inspections found so far, which the register gets.
    renewed : mapping of AssetId to Renewal
        The newest decision of each asset after which it was another structure.
    """

    def __init__(
        self,
        register: Register,
        numbers: Mapping[ChannelKey, int],
        register_seq: int = 0,
        found: Mapping[AssetId, Finding] | None = None,
        renewed: Mapping[AssetId, Renewal] | None = None,
    ) -> None:
        self.applied_seq = 0
        self.register_seq = register_seq
        self.found = dict(found or {})
        register = with_findings(register, self.found)
        self.register = register
        self.resolver = Resolver(register, numbers)
        self.catalogue = replace(compile_catalogue(register, numbers), renewed=dict(renewed or {}))
        self.state = initial_state(self.catalogue)
        self.tracker = HopTracker(self.catalogue, _gateways(register, self.catalogue))
        self.days = DayRows()
        self.fleet = FleetMemory()
        # Start of the earliest hop of each asset that must be scored again; `FOREVER_NS`: none.
        self.revise_ns: TimeArray = np.full(len(self.catalogue.assets), FOREVER_NS, np.int64)
        # How far each asset's hops had closed when a channel of it last began anew in another unit; `NEVER_NS`: none.
        self.anew_ns: TimeArray = np.full(len(self.catalogue.assets), NEVER_NS, np.int64)
        self.books: dict[AssetId, AssetBook] = {}
        self.modes = ModeBook(register, numbers)
        self.skews = SkewBook.empty(self.catalogue.sensor_of_channel)
        # When the alarm of a clock was raised, by the number of its sensor's first channel and what is wrong.
        self.jumped_ns: dict[str, int] = {}
        self.window_ns = 0
        self._gateway_of_row: list[GatewayId] | None = None
        # Assets to save: whose readings, alarms or clocks changed, and whose models.
        self.changed: set[AssetId] = set()
        self.changed_models: set[AssetId] = set()
        self._subsets: dict[bytes, Catalogue] = {}
        self._rows = {asset: row for row, asset in enumerate(self.catalogue.assets)}

    # Entries ---------------------------------------------------------------------------------

    def take_in(self, accepted: ReadingColumns, body: BatchBody, seq: int, *, clocks: ClockPlan | None = None) -> None:
        """Apply a batch: put its readings, which are those of its body, into open hops and move the clocks.

        Parameters
        ----------
        clocks : ClockPlan, optional
            What `plan_clocks` said of this body, where the caller has it already.
        """
        rows = self.tracker.rows_of(accepted.channel)
        known = accepted.take(rows >= 0)
        for number, reach_ns in body.reaches.items():
            row = int(self.tracker.rows_of(np.asarray([number], np.int32))[0])
            if row >= 0:
                asset = self.catalogue.asset_of_channel[row]
                self.tracker.clock.reach_ns[asset] = max(int(self.tracker.clock.reach_ns[asset]), reach_ns)
        plan = self.plan_clocks(body) if clocks is None else clocks
        if plan.heard is not None:
            self.skews.put(plan.heard)
        self.jumped_ns = plan.jumped_ns
        claims = [Claim(note.channel, note.claimed_ns, note.messages, note.is_fresh) for note in body.claims]
        self.tracker.take_in(known, claims, step_ns=body.step_ns)
        late = np.flatnonzero((known.flags & np.uint8(ReadingFlag.REVISES)) != 0)
        if len(late):
            channel = rows[rows >= 0][late]
            start = self.tracker.hop_start(channel, known.time_ns[late])
            np.minimum.at(self.revise_ns, self.catalogue.asset_of_channel[channel], start)
        if body.spectra:
            self.modes.take(self.tracker, body.spectra)
        owners = np.unique(self.catalogue.asset_of_channel[rows[rows >= 0]])
        self.note_change(self.catalogue.assets[owner] for owner in owners.tolist())
        self.applied_seq = seq

    def plan_clocks(self, body: BatchBody) -> ClockPlan:
        """See what a batch tells of the sensors' clocks; nothing changes yet."""
        return plan_clocks(self.catalogue, self.tracker, self.skews, self.jumped_ns, body)

    def skew_by_gateway(self) -> dict[GatewayId, float]:
        """Give the median skew of each gateway's sensors, in seconds."""
        known = np.flatnonzero(np.isfinite(self.skews.shown_s))
        if not len(known):
            return {}
        if self._gateway_of_row is None:
            of_channel = {channel.key: channel.gateway for channel in self.register.channels}
            self._gateway_of_row = [of_channel[key] for key in self.catalogue.channels]
        found: dict[GatewayId, list[float]] = {}
        for row, skew_s in zip(self.skews.first[known].tolist(), self.skews.shown_s[known].tolist(), strict=True):
            found.setdefault(self._gateway_of_row[row], []).append(skew_s)
        return {gateway: float(np.median(values)) for gateway, values in sorted(found.items())}

    def carry_out(self, plan: ClosingPlan, seq: int) -> None:
        """Apply a closing as it was planned."""
        if plan.state is not None:
            put_state(self.catalogue, self.state, plan.assets, plan.state)
        # Also an asset without a reading has moved on: what comes for the time behind it is late from now on.
        self.days, self.fleet = plan.days, plan.fleet
        self.keep_books(plan.books)
        if plan.modes is not None:
            self.modes.carry_out(plan.modes)
        moved = np.flatnonzero(plan.closing.frontier_ns != self.tracker.frontier_ns)
        self.tracker.carry_out(plan.closing)
        self.note_change([self.catalogue.assets[asset] for asset in plan.assets.tolist()], of_models=True)
        self.note_change(self.catalogue.assets[asset] for asset in moved.tolist())
        self.applied_seq = seq

    def carry_out_rescoring(self, body: RescoringBody, plan: RescoringPlan, seq: int) -> None:
        """Apply a re-scoring as it was planned."""
        if plan.state is not None:
            put_state(self.catalogue, self.state, plan.assets, plan.state)
        self.keep_books(plan.books)
        self.days = plan.days
        done = self.rows_of(body.from_ns)
        self.revise_ns[done] = FOREVER_NS
        self.note_change([self.catalogue.assets[row] for row in done.tolist()], of_models=True)
        self.applied_seq = seq

    def revisions_waiting(self) -> int:
        """Count the assets whose closed hops must be scored again."""
        return int(np.count_nonzero(self.revise_ns < FOREVER_NS))

    def due_revisions(self, most_hops: int) -> dict[AssetId, int]:
        """Give assets whose closed hops must be scored again, and from where: as many as one slice may have.

        Parameters
        ----------
        most_hops : int
            Hops to step at most; one asset is given in any case.
        """
        found: dict[AssetId, int] = {}
        hops = 0
        for row in np.flatnonzero(self.revise_ns < FOREVER_NS).tolist():
            span_ns = int(self.tracker.frontier_ns[row]) - int(self.revise_ns[row]) + DAY_NS
            hops += span_ns // int(self.catalogue.hop_ns[row])
            if found and hops > most_hops:
                break
            found[self.catalogue.assets[row]] = int(self.revise_ns[row])
        return found

    def followed(
        self, changes: Iterable[tuple[AssetId, ModelAlarmChange]], news: AlarmNews
    ) -> dict[AssetId, AssetBook]:
        """Give the books of alarms as changes leave them, those that change; what people are to be told is added."""
        books: dict[AssetId, AssetBook] = {}
        for asset, change in changes:
            book = books.get(asset) or self.books.get(asset, AssetBook())
            books[asset] = AssetBook(follow(book.alarms, asset, [change], news), book.decisions)
        return books

    def keep_books(self, books: Mapping[AssetId, AssetBook]) -> None:
        """Take over what was written, without what no re-scoring reaches any more."""
        for asset, book in books.items():
            row = self.row_of(asset)
            # The checkpoint that a re-scoring begins with may be older, by as much as the second stage is behind.
            horizon = NEVER_NS if row is None else self._horizon(row)
            before_ns = horizon - _BOOK_NS if horizon > NEVER_NS else NEVER_NS
            decisions = tuple(item for item in book.decisions if item.after_ns >= before_ns)
            self.books[asset] = AssetBook(forget(book.alarms, before_ns), decisions)

    def change_register(self, register: Register, numbers: Mapping[ChannelKey, int], at_ns: int, seq: int) -> Outcome:
        """Apply a new register; what is still in it keeps its state, but for channels that have another unit."""
        before, state = self.catalogue, self.state
        revise_ns = dict(zip(before.assets, self.revise_ns.tolist(), strict=True))
        anew_ns = dict(zip(before.assets, self.anew_ns.tolist(), strict=True))
        register = with_findings(register, self.found)
        self.register, self.register_seq = register, seq
        self.resolver = Resolver(register, numbers)
        self.catalogue = replace(compile_catalogue(register, numbers), renewed=before.renewed)
        self.state = carry_state(before, state, self.catalogue)
        self.skews = self.skews.rebase(
            self.catalogue.sensor_of_channel, self.tracker.rows_of(self.catalogue.channel_number)
        )
        kept = set(self.catalogue.channel_number.tolist())
        self.jumped_ns = {name: at_ns for name, at_ns in self.jumped_ns.items() if int(name.split(".")[0]) in kept}
        self.tracker = self.tracker.rebase(self.catalogue, _gateways(register, self.catalogue))
        self.days = self.days.rebase(self.catalogue)
        self.revise_ns = np.asarray([revise_ns.get(asset, FOREVER_NS) for asset in self.catalogue.assets], np.int64)
        self._gateway_of_row = None
        self._subsets.clear()
        self._rows = {asset: row for row, asset in enumerate(self.catalogue.assets)}
        self.books = {asset: book for asset, book in self.books.items() if asset in self._rows}
        self.anew_ns = np.asarray([anew_ns.get(asset, NEVER_NS) for asset in self.catalogue.assets], np.int64)
        changes = self._begin_anew(channels_begun_anew(before, self.catalogue), at_ns)
        self.modes = ModeBook(register, numbers, self.modes.states)
        self.note_change(self.catalogue.assets, of_models=True)
        self.applied_seq = seq
        assets = np.arange(len(self.catalogue.assets), dtype=np.int32)
        return Outcome(
            register=register,
            register_numbers=[numbers[channel.key] for channel in register.channels],
            current=self.assess_now(assets, at_ns),
            alarm_changes=changes,
        )

    def _begin_anew(self, numbers: Collection[int], at_ns: int) -> list[AlarmChange]:
        """Note which assets have channels that begin anew, and end the alarms about values of these."""
        changes: list[AlarmChange] = []
        for row in np.flatnonzero(np.isin(self.catalogue.channel_number, sorted(numbers))).tolist():
            key, asset = self.catalogue.channels[row], int(self.catalogue.asset_of_channel[row])
            frontier_ns = int(self.tracker.frontier_ns[asset])
            self.anew_ns[asset] = frontier_ns
            if key.asset in self.books:
                news = AlarmNews()
                book, ended_ns = self.books[key.asset], frontier_ns if frontier_ns > NEVER_NS else at_ns
                alarms = close_about(book.alarms, f"{key.sensor}/{key.channel}", ended_ns, news)
                self.books[key.asset] = AssetBook(alarms, book.decisions)
                changes += news.changes
        return changes

    def decide(self, body: DecisionBody, seq: int) -> Outcome:
        """Apply a person's decision to the models and to the alarm it is about."""
        decision = body.decision
        self.applied_seq = seq
        row = self.row_of(decision.asset)
        changes = []
        verb_state = _VERB_STATES.get(decision.verb)
        if decision.alarm_id is not None and verb_state is not None:
            changes.append(AlarmChange(id=decision.alarm_id, state=verb_state))
        if (finding := finding_of(decision)) is not None:
            self._inspect(decision.asset, finding)
        if row is None:
            return Outcome(alarm_changes=changes)
        at_ns = self._event_time(row, decision)
        learn_from(self.fleet, decision, body.alarm_kind, self.catalogue.details[row], at_ns)
        only = np.asarray([row], np.int32)
        catalogue = self.subset(only)
        part = take_state(self.catalogue, self.state, only)
        part, cleared = apply_decision(catalogue, part, 0, decision.verb, at_ns, body.alarm_kind)
        put_state(self.catalogue, self.state, only, part)
        self.note_change([decision.asset], of_models=True)
        if decision.verb in NEW_REFERENCE:
            renewed = {**self.catalogue.renewed, decision.asset: Renewal(decision.verb, at_ns)}
            self.catalogue = replace(self.catalogue, renewed=renewed)
            self._subsets.clear()
            self.days = self.days.without_asset(decision.asset)
            self.modes.renew(decision.asset)
        news = AlarmNews(changes=changes)
        book = self.books.get(decision.asset, AssetBook())
        alarms, decisions = follow(book.alarms, decision.asset, cleared, news), book.decisions
        alarms = close_left_over(alarms, decision, at_ns, news)
        if decision.verb is DecisionVerb.REPAIR:
            # What was repaired did not go away by itself, which would count as a false alarm.
            gone = [change.id for change in news.changes if change.cleared_at_ns is not None]
            news.changes += [AlarmChange(id=name, state=AlarmState.CONFIRMED) for name in gone]
        if decision.verb in _CHANGES_MODELS:
            after_ns = int(self.tracker.frontier_ns[row])
            decisions = (*decisions, AppliedDecision(after_ns, at_ns, decision.verb, body.alarm_kind))
        self.keep_books({decision.asset: AssetBook(alarms, decisions)})
        return Outcome(alarms=news.alarms, alarm_changes=news.changes, current=self.assess_now(only, at_ns))

    def _inspect(self, asset: AssetId, finding: Finding) -> None:
        """Let the register say what was found; of an asset that is not in it, once it is."""
        self.found[asset] = finding
        if (row := self.row_of(asset)) is None:
            return
        self.register = with_findings(self.register, {asset: finding})
        details = self.catalogue.details
        known = (*details[:row], inspected(details[row], finding), *details[row + 1 :])
        self.catalogue = replace(self.catalogue, details=known)
        self._subsets.clear()

    # Looking ---------------------------------------------------------------------------------

    def assess_now(self, assets: IndexArray, at_ns: int) -> list[RiskAssessment]:
        """Assess assets from their last closed hop; those never heard as of `at_ns`."""
        if not len(assets):
            return []
        catalogue = self.subset(assets)
        state = take_state(self.catalogue, self.state, assets)
        frontier = self.tracker.frontier_ns[assets]
        when = np.where(frontier > NEVER_NS, frontier, at_ns)
        columns = assess(catalogue, state, when)
        rows = np.arange(len(assets), dtype=np.int32)
        return risk_records(catalogue, columns, rows, provisional=False)

    def assess_behind(self, assets: IndexArray, state: ModelState) -> list[RiskAssessment]:
        """Assess assets from a state behind their last closed hop, those with an open hop by what it says so far."""
        catalogue, frontier = self.subset(assets), self.tracker.frontier_ns[assets]
        rows = np.arange(len(assets), dtype=np.int32)
        closed = risk_records(catalogue, assess(catalogue, state, frontier), rows, provisional=False)
        found = {item.asset: item for item in closed}
        for item in self.assess_open_behind(assets, state, frontier):
            found[item.asset] = item
        return list(found.values())

    def assess_open(self, assets: IndexArray) -> list[RiskAssessment]:
        """Assess assets by what their newest open hop says so far; the state stays as it is."""
        if not len(assets):
            return []
        state = take_state(self.catalogue, self.state, assets)
        return self.assess_open_behind(assets, state, self.tracker.frontier_ns[assets])

    def assess_open_behind(self, assets: IndexArray, state: ModelState, frontier: TimeArray) -> list[RiskAssessment]:
        """Assess those of the assets that have an open hop, by what it says so far and a state behind the frontier."""
        newest = self.tracker.newest_open(assets)
        if newest is None:
            return []
        local = np.searchsorted(assets, newest.assets).astype(np.int32)
        is_open = newest.features.start_ns >= frontier[local]
        part_catalogue = self.subset(newest.assets)
        part = state if len(local) == len(assets) else take_state(self.subset(assets), state, local)
        part = look_at_hop(part_catalogue, part, newest.features)
        latest_ns = self.tracker.clock.latest_ns[self.tracker.rows_of(part_catalogue.channel_number)]
        part = hear_open(part_catalogue, part, latest_ns, newest.newest_ns)
        columns = assess(part_catalogue, part, newest.newest_ns)
        rows = np.flatnonzero(is_open).astype(np.int32)
        return risk_records(part_catalogue, columns, rows, provisional=True)

    def rows_of(self, assets: Iterable[AssetId]) -> IndexArray:
        """Give the rows of assets, ascending; those that are not in the register are left out."""
        return np.asarray(sorted(row for asset in assets if (row := self.row_of(asset)) is not None), np.int32)

    def row_of(self, asset: AssetId) -> int | None:
        """Give the row of an asset; None when it is not in the register."""
        return self._rows.get(asset)

    def subset(self, assets: IndexArray) -> Catalogue:
        """Give the catalogue of some assets; the same few subsets come again and again."""
        if len(assets) == len(self.catalogue.assets):
            return self.catalogue
        key = assets.tobytes()
        found = self._subsets.get(key)
        if found is None:
            if len(self._subsets) >= _CACHED_SUBSETS:
                del self._subsets[next(iter(self._subsets))]
            found = self._subsets[key] = self.catalogue.take(assets)
        return found

    def digest(self) -> str:
        """Give one hash over the model state of all assets and what is remembered of the fleet."""
        whole = hashlib.sha256(state_digest(self.catalogue, self.state).encode())
        whole.update(self.fleet.encode())
        return whole.hexdigest()

    # Saving (`service.saving`) --------------------------------------------------------------

    def note_change(self, assets: Iterable[AssetId], *, of_models: bool = False) -> None:
        """Note that assets are to be saved, with their models where these changed."""
        assets = list(assets)
        self.changed.update(assets)
        if of_models:
            self.changed_models.update(assets)

    def horizons(self, assets: Iterable[AssetId]) -> list[tuple[AssetId, int]]:
        """Give for assets the event time before which no re-scoring will begin."""
        rows = self.rows_of(assets).tolist()
        return [(self.catalogue.assets[row], before_ns) for row in rows if (before_ns := self._horizon(row)) > NEVER_NS]

    def _horizon(self, row: int) -> int:
        """Give the event time that no re-scoring of an asset will begin before, those that wait included."""
        frontier = int(self.tracker.frontier_ns[row])
        if frontier == NEVER_NS:
            return NEVER_NS
        return min(frontier - self.window_ns, int(self.revise_ns[row]))

    def _event_time(self, row: int, decision: Decision) -> int:
        """Place a decision, made by the wall clock, on the asset's event time."""
        frontier = int(self.tracker.frontier_ns[row])
        return frontier if frontier > NEVER_NS else decision.decided_at_ns


def _gateways(register: Register, catalogue: Catalogue) -> IndexArray:
    """Give the number of each channel's gateway, in the order of the catalogue."""
    of_channel = {channel.key: channel.gateway for channel in register.channels}
    numbers = {gateway: number for number, gateway in enumerate(sorted(set(of_channel.values())))}
    return np.asarray([numbers[of_channel[key]] for key in catalogue.channels], np.int32)
