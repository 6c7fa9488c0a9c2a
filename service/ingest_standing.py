"""Whether ingest works, in words, from the status file: the same for `/readyz`, the pages and `schouw doctor`."""

from __future__ import annotations

from typing import Final

from api.readiness import PartState
from service.status import STALE_NS, STUCK_NS, IngestStatus

__all__ = ["ingest_standing"]

_NS_PER_S: Final = 1_000_000_000


def ingest_standing(status: IngestStatus | None, now_ns: int) -> PartState:
    """Say what ingest does and since when: it starts, runs, is in a long step, or is silent.

    Parameters
    ----------
    status : IngestStatus or None
        What ingest said last; None where it never ran.
    now_ns : int
        The wall clock, Unix nanoseconds.
    """
    if status is None:
        return PartState("ingest", ok=False, detail="has not run here yet; start `schouw ingest`", since_ns=None)
    heard_ns = max(status.at_ns, status.alive_ns)
    silent_ns = now_ns - heard_ns
    if silent_ns > STALE_NS:
        detail = f"silent for {silent_ns // _NS_PER_S} s; it does not run or is stuck, see its log"
        return PartState("ingest", ok=False, detail=detail, since_ns=heard_ns)
    if status.starting:
        return PartState("ingest", ok=False, detail=status.starting, since_ns=status.started_ns, starts=True)
    if status.alive_ns > status.at_ns:
        return _under_way(status, now_ns)
    return PartState("ingest", ok=True, detail="runs", since_ns=status.started_ns)


def _under_way(status: IngestStatus, now_ns: int) -> PartState:
    """Say what step ingest is in: work for a while, and trouble where it does not end."""
    took_ns = now_ns - status.step_since_ns
    detail = f"{status.step}, for {took_ns // _NS_PER_S} s in one step; what comes meanwhile waits"
    is_stuck = took_ns > STUCK_NS
    if is_stuck:
        detail += "; that is longer than any step should take, see its log"
    return PartState("ingest", ok=not is_stuck, detail=detail, since_ns=status.step_since_ns)
