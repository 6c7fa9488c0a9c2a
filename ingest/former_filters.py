"""Topic filters of an earlier version, which a session keeps until they are taken back.

A broker may keep what waits in a queue for each filter: nats-server forgets it with the filter. So the new filter is
made first, and both stand, each message coming twice, until nothing can wait for the old ones any more: what was
published since the new one was made comes through that too, and what was published before has come once little has
been under way for longer than it takes the broker to send again what was lost. A fleet that never lets it come to that
keeps both, and the journal finds the second of each message a duplicate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["FormerFilters"]

# A broker that forgets has more messages of a filter under way while more wait: nats-server 1,024 unless told
# otherwise, ours 512 at the least (`broker.max_ack_pending`).
_FEW: Final = 256


class FormerFilters:
    """When subscriptions of an earlier version may be taken back.

    Parameters
    ----------
    filters : sequence of str
        What it subscribed to and is not wanted any more.
    quiet_s : float
        Seconds for which little must have been under way: more than the broker waits before it sends again.

    Examples
    --------
    >>> former = FormerFilters(["infra/v1/+/+/+/reading"], 8.0)
    >>> former.begin(has_session=True, now=100.0)
    >>> former.are_due(4000, 101.0), former.are_due(3, 108.0), former.are_due(3, 109.0), former.are_due(3, 120.0)
    (False, False, True, False)
    """

    def __init__(self, filters: Sequence[str], quiet_s: float) -> None:
        self.filters = tuple(filters)
        self._quiet_s = quiet_s
        self._may_stand = False
        self._busy = 0.0

    def begin(self, *, has_session: bool, now: float) -> None:
        """Hear of a new connection: a session that was there may have them, a new one does not."""
        self._may_stand = bool(self.filters) and has_session
        self._busy = now

    def are_due(self, under_way: int, now: float) -> bool:
        """Tell, once for each connection, that they may be taken back.

        Parameters
        ----------
        under_way : int
            Messages that came and are not acknowledged.
        now : float
            Seconds of the clock of `begin`.
        """
        if not self._may_stand:
            return False
        if under_way > _FEW:
            self._busy = now
        if now - self._busy < self._quiet_s:
            return False
        self._may_stand = False
        return True
