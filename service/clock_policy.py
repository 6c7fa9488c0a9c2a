"""Which clock closes hops and bounds device times, as the settings ask for it (design.md D1, D14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ingest.clock import ClockLimits
from service.settings import Settings

__all__ = ["ClockPolicy", "clock_policy"]

_NS: Final = 1_000_000_000
_DAY_NS: Final = 86_400 * _NS
_YEAR_ZERO: Final = 1970
_MEAN_YEAR_S: Final = 31_556_952


@dataclass(frozen=True, slots=True)
class ClockPolicy:
    """Which clock closes hops, and its allowances (design.md D1, D14).

    Attributes
    ----------
    by_stream : bool
        True: the stream's own progress; False: the wall clock handed in with each call.
    earliest_ns : int or None
        By the wall's clock, device times before it are none.
    window_ns : int
        How far back what came late is scored again; 0: not at all.
    """

    by_stream: bool
    lateness_ns: int
    idle_ns: int
    future_ns: int
    earliest_ns: int | None
    window_ns: int = 7 * _DAY_NS

    def wall_limits(self, now_ns: int) -> ClockLimits:
        """Give the device times that are believed when the wall's clock shows `now_ns`."""
        return ClockLimits(self.earliest_ns, now_ns + self.future_ns)


def clock_policy(settings: Settings) -> ClockPolicy:
    """Give the clock that the settings ask for."""
    section = settings.ingest
    return ClockPolicy(
        by_stream=section.clock == "stream",
        lateness_ns=settings.lateness_ns,
        idle_ns=round(section.idle_seconds * _NS),
        future_ns=round(section.future_seconds * _NS),
        earliest_ns=(section.earliest_year - _YEAR_ZERO) * _MEAN_YEAR_S * _NS,
        window_ns=round(section.backfill_days * 86_400) * _NS,
    )
