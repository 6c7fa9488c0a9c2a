"""Readings without a usable time: each gets a stamp of its own behind its message's time of arrival.

Messages of one read of the socket have one time of arrival, and the end of a batch may fall among them. So the stamps
of a batch begin behind those that the journal has given to such messages before: the last stamp of a message stands
with its hash, in the same commit as its readings. Cutting the messages elsewhere changes no stamp, and what the broker
sends again is known by its hash and gets none.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from domain.arrays import IndexArray, TimeArray
from storage.journal import Journal

__all__ = ["stamp_untimed"]

# 17 ms. One read of the socket ends with at most one message of 4 MB and begins with 64 kB, and each of its readings
# takes several bytes, so stamps that begin with one time of arrival end well before this.
_REACH_NS: Final = 1 << 24


def stamp_untimed(journal: Journal, received_ns: TimeArray, message: IndexArray) -> TimeArray:
    """Give readings without a time their stamps, a nanosecond apart.

    In the order of arrival they differ from each other and from all stamps given before. Only where older messages
    come behind newer ones, out of quarantine, may a stamp of another sensor be met, which is another key.

    Parameters
    ----------
    journal : Journal
        Has the last stamp of each such message before.
    received_ns : int64[N]
        Time of arrival of each reading's message.
    message : int32[N]
        Its position in the batch.

    Returns
    -------
    int64[N]
        Unix nanoseconds, after `received_ns`.
    """
    order = np.lexsort((message, received_ns))
    arrivals, place, count = np.unique(received_ns[order], return_index=True, return_counts=True)
    begin = np.empty_like(arrivals)
    reached: int | None = None
    for index, (arrival_ns, readings) in enumerate(zip(arrivals.tolist(), count.tolist(), strict=True)):
        given = journal.newest_arrival(after_ns=arrival_ns, to_ns=arrival_ns + _REACH_NS)
        start = max(arrival_ns, given or arrival_ns, arrival_ns if reached is None else reached)
        begin[index], reached = start, start + readings
    stamps = np.empty_like(received_ns)
    stamps[order] = np.repeat(begin - place + 1, count) + np.arange(len(order))
    return stamps
