"""How often somebody may ask, counted over a sliding minute.

The count is that of a sliding window counter: this minute's, and of the minute before the share that still lies within
the last sixty seconds, as if its requests had been spread evenly. Two numbers a caller, no thread and no timer: the
library `limits` starts a thread every 10 ms while somebody asks, which on two busy cores cost more than the answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

__all__ = ["WindowThrottle"]

_WINDOW_S: Final = 60.0
_SHORTEST_WAIT_S: Final = 0.1


class WindowThrottle:
    """Counts events of a kind for somebody, in this process.

    Parameters
    ----------
    per_minute : mapping of str to int
        How many of each kind of event anyone may have in a minute.
    monotonic_s : callable
        A clock that never goes back, s.
    """

    def __init__(self, per_minute: Mapping[str, int], monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = dict(per_minute)
        self._monotonic_s = monotonic_s
        self._minute = -1
        self._now: dict[tuple[str, str], int] = {}
        self._before: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def wait_seconds(self, what: str, who: str) -> float:
        """Count one event; above 0: too many, it is not counted, and how long to wait."""
        allowed, key = self._per_minute[what], (what, who)
        minute, elapsed_s = divmod(self._monotonic_s(), _WINDOW_S)
        with self._lock:
            self._turn(int(minute))
            count, before = self._now.get(key, 0), self._before.get(key, 0)
            if count + before * (1.0 - elapsed_s / _WINDOW_S) + 1.0 <= allowed:
                self._now[key] = count + 1
                return 0.0
        return max(_until_allowed(allowed, count, before, elapsed_s), _SHORTEST_WAIT_S)

    def _turn(self, minute: int) -> None:
        """Start a new minute; whoever asked nothing for two of them is forgotten."""
        if minute != self._minute:
            self._before = self._now if minute == self._minute + 1 else {}
            self._now, self._minute = {}, minute


def _until_allowed(allowed: int, count: int, before: int, elapsed_s: float) -> float:
    """Give after how many seconds one more is allowed, if nothing comes in between."""
    spare = allowed - count - 1
    if spare >= 0 and before > 0:  # enough of the minute before slides out within this minute
        return _WINDOW_S * (1.0 - spare / before) - elapsed_s
    if count == 0:  # nothing is ever allowed
        return _WINDOW_S
    return _WINDOW_S - elapsed_s + _WINDOW_S * max(0.0, 1.0 - (allowed - 1) / count)
