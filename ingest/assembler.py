"""Put together bursts that a gateway had to split over several messages.

Parts of one burst share sensor, axis and id, may come in any order and twice. What is held is bounded in
number and bytes; a burst that does not become whole in time is dropped and counted. Time is what the caller
says it is, so a replay of the same messages drops the same bursts.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from domain.errors import PayloadError
from domain.identifiers import AssetId, GatewayId, SensorId
from ingest.formats.project import MAX_SAMPLES, RawBlock

__all__ = ["DroppedBurst", "ReceivedBlock", "WaveformAssembler"]

_NS_PER_S: Final = 1_000_000_000


class ReceivedBlock(NamedTuple):
    """A raw block or part, with who sent it and when it came (Unix nanoseconds)."""

    gateway: GatewayId
    asset: AssetId
    sensor: SensorId
    raw: RawBlock
    received_ns: int


class DroppedBurst(NamedTuple):
    """A burst that was given up, with the number of parts that had come."""

    asset: AssetId
    sensor: SensorId
    axis: str
    id: str
    received: int
    parts: int


_BurstKey = tuple[AssetId, SensorId, str, str]


class _Burst:
    """Parts of one burst by their place."""

    __slots__ = ("bytes_held", "first", "parts")

    def __init__(self, first: ReceivedBlock) -> None:
        self.first = first
        self.parts: dict[int, ReceivedBlock] = {}
        self.bytes_held = 0


class WaveformAssembler:
    """Holds unfinished bursts.

    Parameters
    ----------
    expiry_s : float
        Seconds after its first part came that a burst is given up; the default is that of the format.
    max_bytes : int
        Sample bytes held at most; beyond it the oldest bursts are given up.
    max_bursts : int
        Unfinished bursts held at most.
    """

    def __init__(self, *, expiry_s: float = 60.0, max_bytes: int = 64 * 2**20, max_bursts: int = 4096) -> None:
        self._expiry_ns = int(expiry_s * _NS_PER_S)
        self._max_bytes = max_bytes
        self._max_bursts = max_bursts
        self._bursts: dict[_BurstKey, _Burst] = {}  # in the order of their first parts
        self._finished: dict[_BurstKey, int] = {}  # so that a part sent twice opens no new burst
        self._bytes_held = 0
        self._dropped: list[DroppedBurst] = []

    def __len__(self) -> int:
        """Count unfinished bursts."""
        return len(self._bursts)

    @property
    def bytes_held(self) -> int:
        """Sample bytes of unfinished bursts."""
        return self._bytes_held

    def add(self, part: ReceivedBlock) -> ReceivedBlock | None:
        """Take in one part.

        Returns
        -------
        ReceivedBlock or None
            The whole burst as one block, received when its last part was; None while parts are missing.

        Raises
        ------
        PayloadError
            `bad_value` when the part contradicts those before it, `too_large` when the burst gets too long.
        """
        raw = part.raw
        key = (part.asset, part.sensor, raw.axis, raw.id)
        if key in self._finished:
            return None
        burst = self._bursts.get(key)
        if burst is None:
            burst = _Burst(part)
        elif raw.part in burst.parts:
            return None
        _check_fit(raw, burst)
        self._bursts[key] = burst
        burst.parts[raw.part] = part
        burst.bytes_held += len(raw.data)
        self._bytes_held += len(raw.data)
        if len(burst.parts) == raw.parts:
            self._forget(key)
            self._finished[key] = part.received_ns
            while len(self._finished) > self._max_bursts:
                del self._finished[next(iter(self._finished))]
            return _joined(burst, part.received_ns)
        while self._bytes_held > self._max_bytes or len(self._bursts) > self._max_bursts:
            self._drop(next(iter(self._bursts)))
        return None

    def expire(self, now_ns: int) -> list[DroppedBurst]:
        """Give up bursts whose first part came too long before `now_ns`; list all given up since the last call."""
        limit = now_ns - self._expiry_ns
        for key in [key for key, burst in self._bursts.items() if burst.first.received_ns < limit]:
            self._drop(key)
        for key in [key for key, finished_ns in self._finished.items() if finished_ns < limit]:
            del self._finished[key]
        dropped, self._dropped = self._dropped, []
        return dropped

    def _forget(self, key: _BurstKey) -> None:
        self._bytes_held -= self._bursts.pop(key).bytes_held

    def _drop(self, key: _BurstKey) -> None:
        burst = self._bursts[key]
        asset, sensor, axis, identity = key
        self._dropped.append(DroppedBurst(asset, sensor, axis, identity, len(burst.parts), burst.first.raw.parts))
        self._forget(key)


def _check_fit(raw: RawBlock, burst: _Burst) -> None:
    """Refuse a part whose description differs from the first one's, or that makes the burst too long."""
    first = burst.first.raw
    same = ("start_ns", "sampling_rate_hz", "unit", "encoding", "scale", "offset", "parts", "is_backfill")
    for name in same:
        if getattr(raw, name) != getattr(first, name):
            raise PayloadError(
                "bad_value",
                f"part {raw.part} of burst {raw.id!r}: got {name} = {getattr(raw, name)!r}, expected "
                f"{getattr(first, name)!r} as in part {first.part}; give another burst another id",
            )
    length = sum(part.raw.length for part in burst.parts.values()) + raw.length
    if length > MAX_SAMPLES:
        raise PayloadError(
            "too_large", f"burst {raw.id!r}: got {length} samples with part {raw.part}, expected at most {MAX_SAMPLES}"
        )


def _joined(burst: _Burst, received_ns: int) -> ReceivedBlock:
    """Make one block of all parts in their order."""
    ordered = [burst.parts[place].raw for place in sorted(burst.parts)]
    raw = ordered[0]._replace(
        length=sum(part.length for part in ordered),
        data=b"".join(part.data for part in ordered),
        clipped=any(part.clipped for part in ordered),
        part=1,
        parts=1,
    )
    return burst.first._replace(raw=raw, received_ns=received_ns)
