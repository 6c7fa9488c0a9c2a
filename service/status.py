"""How ingest and the projections are doing, for other processes: small files, replaced in one step every second."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

__all__ = [
    "STALE_NS",
    "STUCK_NS",
    "IngestStatus",
    "ProjectionStatus",
    "ProjectionsStatus",
    "is_ready",
    "read_projections",
    "read_status",
    "write_status",
]

STALE_NS: Final = 5_000_000_000
# The longest step that was seen took 49 s; hops are closed by a month since, so what takes longer is no longer work.
STUCK_NS: Final = 60_000_000_000


class ProjectionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How one projection of the journal is doing.

    Attributes
    ----------
    seq : int
        The last entry it has.
    backlog_entries : int
        Applied entries that it does not have yet.
    behind_since_ns : int
        Since when it has not had all of them, by the wall clock; 0 when it has.
    error : str
        In words why it does not move; empty when it does.
    """

    name: str
    seq: int
    backlog_entries: int
    behind_since_ns: int
    error: str
    error_since_ns: int

    @property
    def is_behind(self) -> bool:
        """Whether entries wait for it."""
        return self.backlog_entries > 0


class IngestStatus(msgspec.Struct, frozen=True, kw_only=True):
    """State of the ingest process at `at_ns`, by the wall clock.

    Attributes
    ----------
    alive_ns, step, step_since_ns : int, str and int
        While one step of the loop takes long: when the process last said so, what it does, and since when.
    progress_ns : int or None
        By the stream's clock: how far its event time has come; None by the wall's.
    broker_error, storage_error : str
        In words what is wrong; empty when nothing is.
    gateway_skew_seconds : dict of str to float
        By the wall's clock: median over a gateway's sensors of arrival minus device time.
    revisions_waiting : int
        Assets whose closed hops must be scored again.
    assessed_ns : int or None
        End of the last day of which assets were assessed, event time; None before the first.
    starting : str
        In words what a start does before messages are taken, and how far it is; empty once they are.
    """

    pid: int
    at_ns: int
    started_ns: int
    by_stream: bool
    progress_ns: int | None
    broker_connected: bool
    broker_since_ns: int
    broker_error: str
    storage_error: str
    storage_since_ns: int
    applied_seq: int
    projections: Sequence[ProjectionStatus]
    queued_messages: int
    open_readings: int
    assets: int
    channels: int
    gateway_skew_seconds: dict[str, float] = {}
    revisions_waiting: int = 0
    assessed_ns: int | None = None
    starting: str = ""
    alive_ns: int = 0
    step: str = ""
    step_since_ns: int = 0


class ProjectionsStatus(msgspec.Struct, frozen=True, kw_only=True):
    """State of the process that writes the projections, where that is not ingest, at `at_ns`."""

    pid: int
    at_ns: int
    started_ns: int
    projections: Sequence[ProjectionStatus]


def write_status(path: Path, status: IngestStatus | ProjectionsStatus) -> None:
    """Replace the file; a reader sees the old one or the new one."""
    scratch = path.with_suffix(".new")
    scratch.write_bytes(msgspec.json.encode(status))
    scratch.replace(path)


def read_status(path: Path) -> IngestStatus | None:
    """Read the file; None when there is none, or one of another version."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=IngestStatus)
    except (OSError, msgspec.MsgspecError):
        return None


def read_projections(path: Path) -> ProjectionsStatus | None:
    """Read the file of the projections' own process; None when there is none, or one of another version."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ProjectionsStatus)
    except (OSError, msgspec.MsgspecError):
        return None


def is_ready(status: IngestStatus | None) -> bool:
    """Tell whether ingest holds its session with the broker."""
    return status is not None and status.broker_connected
