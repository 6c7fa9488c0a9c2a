"""Which device times are believed.

The limits are data: the caller derives them from the wall clock in live mode, or from the stream's own
progress in replay (design.md D1), and passes them with each batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["UNLIMITED", "ClockLimits"]

_INT64_MIN = -(2**63)
_INT64_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ClockLimits:
    """Inclusive bounds on device time; what lies outside is kept under its time of arrival and flagged.

    Attributes
    ----------
    earliest_ns, latest_ns : int or None
        Unix nanoseconds; None: no bound.
    earliest_backfill_ns : int or None
        The lower bound for readings that the gateway says it had buffered; None: `earliest_ns` holds for them too.

    Examples
    --------
    >>> limits = ClockLimits(earliest_ns=100, latest_ns=200, earliest_backfill_ns=50)
    >>> limits.bounds(), limits.bounds(is_backfill=True)
    ((100, 200), (50, 200))
    """

    earliest_ns: int | None
    latest_ns: int | None
    earliest_backfill_ns: int | None = None

    def bounds(self, *, is_backfill: bool = False) -> tuple[int, int]:
        """Give the earliest and the latest time that is believed, as two integers that int64 can hold."""
        low = self.earliest_ns
        if is_backfill and self.earliest_backfill_ns is not None:
            low = self.earliest_backfill_ns
        return (
            _INT64_MIN if low is None else low,
            _INT64_MAX if self.latest_ns is None else self.latest_ns,
        )


# What bounds device times where the stream's own progress judges them later on.
UNLIMITED: Final = ClockLimits(None, None)
