"""Payloads that wait on disk, first in first out, when there is no more room for them in memory.

A broker counts what is under way by messages, never by bytes, so a backlog of long waveforms may be gigabytes. To
stop reading is no answer to that: the broker keeps what we do not read in its memory, takes us for too slow and closes
the connection, and all that was not acknowledged comes again. What lies here is not acknowledged, so nothing is lost
with it: it is never synced, and its files have no name, so that they are gone with the process.
"""

from __future__ import annotations

import os
import tempfile
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

__all__ = ["Spill", "SpillPlace"]

_SEGMENT_BYTES: Final = 64 * 2**20
# The journal writes to the same disk, and what it writes counts.
_LEAVE_FREE_BYTES: Final = 2**30


@dataclass(slots=True, eq=False)
class _Segment:
    """One file: how much was written to it, and how many of its payloads nobody has taken."""

    file: IO[bytes]
    size: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class SpillPlace:
    """Where a payload lies."""

    segment: _Segment
    offset: int
    size: int


class Spill:
    """A queue of payloads in files of some megabytes, each gone when its last payload was taken.

    Parameters
    ----------
    folder : Path
        Where the files are; it need not be there before something is put.
    limit : int
        Bytes that wait at most; 0: nothing is ever put.
    leave_free : int
        Bytes that stay free on that disk.
    """

    def __init__(self, folder: Path, limit: int, *, leave_free: int = _LEAVE_FREE_BYTES) -> None:
        self._folder = folder
        self._limit = limit
        self._leave_free = leave_free
        self._segments: deque[_Segment] = deque()
        self._waiting_bytes = 0

    @property
    def waiting_bytes(self) -> int:
        """Bytes that wait."""
        return self._waiting_bytes

    def put(self, payload: bytes) -> SpillPlace | None:
        """Write a payload; None when there is no room for it, or the disk does not take it."""
        size = len(payload)
        if self._waiting_bytes + size > self._limit:
            return None
        try:
            if not self._segments or self._segments[-1].size >= _SEGMENT_BYTES:
                self._open()
            segment = self._segments[-1]
            written = os.pwrite(segment.file.fileno(), payload, segment.size)
        except OSError:
            return None
        if written != size:
            return None
        place = SpillPlace(segment, segment.size, size)
        segment.size += size
        segment.waiting += 1
        self._waiting_bytes += size
        return place

    def take(self, place: SpillPlace) -> bytes:
        """Read a payload, once.

        Raises
        ------
        OSError
            If the disk does not give it back.
        """
        segment = place.segment
        payload = os.pread(segment.file.fileno(), place.size, place.offset)
        if len(payload) != place.size:
            raise OSError(f"a waiting payload: got {len(payload)} bytes from the disk, expected {place.size}")
        segment.waiting -= 1
        self._waiting_bytes -= place.size
        while self._segments and not self._segments[0].waiting:
            self._segments.popleft().file.close()
        return payload

    def close(self) -> None:
        """Let go of what waits and of the disk it takes; no place is valid afterwards."""
        while self._segments:
            self._segments.popleft().file.close()
        self._waiting_bytes = 0

    def _open(self) -> None:
        """Begin another file, where the disk has room for all of it and for what must stay free.

        Raises
        ------
        OSError
            If it has not.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        disk = os.statvfs(self._folder)
        if disk.f_bavail * disk.f_frsize < self._leave_free + _SEGMENT_BYTES:
            raise OSError(f"too little room in {str(self._folder)!r} for messages that wait")
        file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 -- closed by `take` or `close`
        self._segments.append(_Segment(file))
