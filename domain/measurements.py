"""What came in, as it is stored and served: channels and their hops, what was refused, what waits for onboarding.

Times are int64 Unix nanoseconds, UTC: names with `received` are times of arrival, all others event time.
`revision` is the journal's sequence that last touched the row: it only grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.identifiers import AssetId, ChannelName, GatewayId, SensorId

__all__ = ["DataQuality", "DeadLetter", "Quarantined", "SensorStatus", "SeriesPoint"]


class DataQuality(StrEnum):
    """How far the readings behind an assessment can be trusted."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message, or one value in it, that was refused; `head` is its first bytes."""

    id: str
    topic: str
    gateway: GatewayId
    code: str
    reason: str
    head: bytes
    received_at_ns: int
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A sender that the register does not know, with all that waits for its onboarding."""

    gateway: GatewayId
    asset: AssetId
    sensor: SensorId
    messages: int
    first_received_ns: int
    last_received_ns: int
    reason: str
    example: str
    revision: int = 0


@dataclass(frozen=True, slots=True)
class SensorStatus:
    """How one channel of the register is doing.

    `skew_s` is how far its sensor's clock is behind ours: the median of arrival minus device time, None: not known.
    """

    asset: AssetId
    sensor: SensorId
    channel: ChannelName
    unit: str
    gateway: GatewayId
    role: str
    interval_s: float
    quality: DataQuality
    last_time_ns: int | None
    last_value: float | None
    revision: int = 0
    skew_s: float | None = None


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """One channel in one hop: measured, and what was expected at that environment."""

    start_ns: int
    value: float
    count: int
    expected: float | None
    band: float | None
