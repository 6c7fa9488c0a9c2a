"""Bring the live state back at a start: newest snapshots, then the entries behind them."""

from __future__ import annotations

from domain.register import Register
from service.clock_policy import ClockPolicy
from service.live_state import LiveState
from service.pipeline import Pipeline
from service.snapshots import restore_snapshots
from storage.entries import RegisterBody
from storage.journal import Journal

__all__ = ["open_pipeline"]

_PAGE = 200


def open_pipeline(journal: Journal, policy: ClockPolicy, *, max_payload_bytes: int, head_bytes: int) -> Pipeline:
    """Build the pipeline as it was when the journal's last applied entry had been committed.

    Entries that other processes appended since then are left to `Pipeline.catch_up`.

    Raises
    ------
    StorageCorrupt
        If a snapshot or entry cannot be read.
    StorageUnavailable
        If the journal cannot be read now.
    """
    snapshot_seq, applied_seq = journal.snapshot_seq(), journal.applied_seq()
    register, register_seq = Register(), 0
    for entry in journal.newest("register", before=snapshot_seq + 1):
        if isinstance(entry.body, RegisterBody):
            register, register_seq = entry.body.register, entry.seq
    numbers = journal.number_channels(channel.key for channel in register.channels)
    live = LiveState(register, numbers, register_seq)
    live.window_ns = policy.window_ns
    restore_snapshots(live, journal.snapshots(), snapshot_seq)
    pipeline = Pipeline(journal, live, policy, max_payload_bytes=max_payload_bytes, head_bytes=head_bytes)
    while entries := journal.entries(after=live.applied_seq, upto=applied_seq, limit=_PAGE):
        for entry in entries:
            pipeline.apply(entry)
    return pipeline
