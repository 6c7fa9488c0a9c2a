"""Bring the live state back at a start: newest snapshots, then the entries behind them."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from typing import Final

from domain.errors import StorageUnavailable
from domain.identifiers import AssetId
from domain.register import Register
from models.catalogue import Renewal
from service.clock_policy import ClockPolicy
from service.live_state import LiveState
from service.people import NEW_REFERENCE
from service.pipeline import Pipeline
from service.snapshots import restore_snapshots
from storage.decisions import decision_entries
from storage.entries import DecisionBody, RegisterBody
from storage.inspections import Finding, finding_of
from storage.journal import Journal

__all__ = ["fresh_state", "open_pipeline", "without_collecting"]

_PAGE: Final = 200
_TRIES: Final = 5


def open_pipeline(
    journal: Journal,
    policy: ClockPolicy,
    *,
    max_payload_bytes: int,
    head_bytes: int,
    tell: Callable[[str], None] = lambda _: None,
) -> Pipeline:
    """Build the pipeline as it was when the journal's last applied entry had been committed.

    Entries that other processes appended since then are left to `Pipeline.catch_up`.

    Parameters
    ----------
    tell : callable
        Told in words what is under way, such as "loads the state of 10,000 sensors".

    Raises
    ------
    StorageCorrupt
        If a snapshot or entry cannot be read; `OtherModelVersion` if the models were of another version then
        (`service.relearning`).
    StorageUnavailable
        If the journal cannot be read now, or ingest saves its state faster than it is read here.
    """
    for _ in range(_TRIES):
        with without_collecting():
            pipeline, seq = _open_once(
                journal, policy, tell, max_payload_bytes=max_payload_bytes, head_bytes=head_bytes
            )
        # Beside a running ingest a newer save may have let entries go that were to be applied here.
        if journal.snapshot_seq() == seq:
            return pipeline
    raise StorageUnavailable(
        f"ingest saved its state {_TRIES} times while it was being read; try again when there is less to do"
    )


@contextlib.contextmanager
def without_collecting() -> Iterator[None]:
    """Make objects that stay: to look again and again through half a million for what may go costs half of it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _open_once(
    journal: Journal, policy: ClockPolicy, tell: Callable[[str], None], *, max_payload_bytes: int, head_bytes: int
) -> tuple[Pipeline, int]:
    """Also give the entry that the save covers from which it was built."""
    applied_seq = journal.applied_seq()
    snapshot_seq, snapshots = journal.snapshots()
    live = fresh_state(journal, snapshot_seq, policy)
    if snapshot_seq:
        sensors = len({(channel.asset, channel.sensor) for channel in live.register.channels})
        tell(f"loads the state of {sensors:,} sensors")
    restore_snapshots(live, snapshots, snapshot_seq)
    pipeline = Pipeline(journal, live, policy, max_payload_bytes=max_payload_bytes, head_bytes=head_bytes)
    while entries := journal.entries(after=live.applied_seq, upto=applied_seq, limit=_PAGE):
        for entry in entries:
            pipeline.apply(entry)
        done, due = live.applied_seq - snapshot_seq, applied_seq - snapshot_seq
        tell(f"goes through what came since its state was saved: {done:,} of {due:,} entries")
    return pipeline, snapshot_seq


def fresh_state(journal: Journal, seq: int, policy: ClockPolicy) -> LiveState:
    """Make a state without memory, of the register that held at entry `seq`."""
    register, register_seq = Register(), 0
    known: list[int] = []
    for entry in journal.newest("register", before=seq + 1):
        if isinstance(entry.body, RegisterBody):
            register, register_seq, known = entry.body.register, entry.seq, entry.outcome.register_numbers
    keys = [channel.key for channel in register.channels]
    # One that was applied says what it numbered its channels; to look each of them up takes a sixth of a start.
    numbers = dict(zip(keys, known, strict=True)) if len(known) == len(keys) else journal.number_channels(keys)
    found, renewed = _told_by_people(journal, seq)
    live = LiveState(register, numbers, register_seq, found, renewed)
    live.window_ns = policy.window_ns
    return live


def _told_by_people(journal: Journal, seq: int) -> tuple[dict[AssetId, Finding], dict[AssetId, Renewal]]:
    """Give the newest finding and the newest renewal of each asset, by the decisions up to an entry."""
    found: dict[AssetId, Finding] = {}
    renewed: dict[AssetId, Renewal] = {}
    for entry in decision_entries(journal, upto=seq):
        if not isinstance(entry.body, DecisionBody):
            continue
        decision = entry.body.decision
        if (finding := finding_of(decision)) is not None:
            found[decision.asset] = finding
        # Its asset was assessed at once, at the event time at which it took effect.
        told = [item.assessed_at_ns for item in entry.outcome.current if item.asset == decision.asset]
        if told and decision.verb in NEW_REFERENCE:
            renewed[decision.asset] = Renewal(decision.verb, told[0])
    return found, renewed
