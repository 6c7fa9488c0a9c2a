"""How often somebody may ask, counted over a sliding minute by the library `limits`."""

from __future__ import annotations

import time
from collections.abc import Mapping

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

__all__ = ["WindowThrottle"]


class WindowThrottle:
    """Counts events of a kind for somebody, in this process.

    Parameters
    ----------
    per_minute : mapping of str to int
        How many of each kind of event anyone may have in a minute.
    """

    def __init__(self, per_minute: Mapping[str, int]) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._items = {what: RateLimitItemPerMinute(count, namespace=what) for what, count in per_minute.items()}

    def wait_seconds(self, what: str, who: str) -> float:
        """Count one event; above 0: too many, and how long to wait."""
        item = self._items[what]
        if self._limiter.hit(item, who):
            return 0.0
        return max(self._limiter.get_window_stats(item, who).reset_time - time.time(), 0.1)
