"""How long hops stay open behind a new connection: until the broker has sent what waited there.

By the wall's clock the hops of hours in which ingest was away are due at once, and their readings are still to come:
closed then, every sensor was called silent for those hours, which was taken back minutes later. So hops stay open
while batches are full. By the stream's clock nothing is due before its readings have moved that clock.

Nor do messages keep their order while a broker sends again on the connection that stands, because a busy machine was
too slow to acknowledge: what nats-server cannot place among as many as may be under way it leaves out, and sends
`ack_wait` later, behind days of a history at full speed. By the stream's clock those days are over then, so hops stay
open until it has stopped.
"""

from __future__ import annotations

from typing import Final

__all__ = ["HopHold"]

# A batch that is less full than this took all that was there.
_FULL: Final = 0.5
# A day of 10,000 sensors, six times an hour, is read in five minutes. Where batches are full for longer than this,
# ingest is too slow for what comes, and alarms must not wait for it.
_LONGEST_S: Final = 900.0
# Where the broker sends again without an end, hops close between two times as long as this: what is open is in memory.
_LONGEST_AGAIN_S: Final = 60.0


class HopHold:
    """Whether hops must stay open.

    Parameters
    ----------
    redelivery_s : float
        Seconds behind a connection until the broker has sent again what was under way.
    batch_messages : int
        Messages that a batch takes.
    by_stream : bool
        By the stream's clock only the time above counts.
    now : float
        Seconds of a clock that only goes forward, as in all below.

    Examples
    --------
    >>> hold = HopHold(8.0, 2000, by_stream=False, now=0.0)
    >>> hold.begin(100.0)
    >>> [hold.is_over(messages, now) for messages, now in ((2000, 101.0), (2000, 109.0), (700, 110.0), (2000, 111.0))]
    [False, False, True, True]
    """

    def __init__(self, redelivery_s: float, batch_messages: int, *, by_stream: bool, now: float) -> None:
        self._redelivery_s = redelivery_s
        self._full = _FULL * batch_messages
        self._by_stream = by_stream
        self._began = now
        self._until = now
        self._again_began = now
        self._may_hold_again = True
        self._is_behind = False

    def begin(self, now: float) -> None:
        """Hold them from now on, behind a new connection, or where messages were left at the broker."""
        self._began, self._until = now, now + self._redelivery_s
        self._again_began, self._may_hold_again = now, True
        self._is_behind = not self._by_stream

    def hear_again(self, now: float) -> None:
        """Hold them by the stream's clock, since messages came that the broker marked as sent again."""
        if not self._by_stream or not self._may_hold_again:
            return
        if now >= self._until:
            self._again_began = now
        self._may_hold_again = now < self._again_began + _LONGEST_AGAIN_S
        self._until = max(self._until, now + self._redelivery_s)

    def is_over(self, messages: int, now: float, *, for_s: float = 0.0) -> bool:
        """Tell whether hops may close.

        Parameters
        ----------
        messages : int
            In the batch that was taken last.
        for_s : float
            Seconds for which they must have been free to close.
        """
        if now < self._until:
            return False
        if self._is_behind and (messages < self._full or now >= self._began + _LONGEST_S):
            self._is_behind, self._until = False, now
        self._may_hold_again = True
        return not self._is_behind and now >= self._until + for_s
