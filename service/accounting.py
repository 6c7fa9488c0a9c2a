"""Every message and every reading counted once by what became of it (design.md section 4)."""

from __future__ import annotations

import numpy as np

from domain.arrays import BoolArray, IndexArray
from ingest.messages import MessageOutcome
from service.bursts import BurstWork

__all__ = ["count_batch"]


def count_batch(
    bursts: BurstWork,
    message_of: IndexArray,
    duplicate: BoolArray,
    conflict: BoolArray,
    *,
    held: int,
    released: int,
    values_refused: int,
) -> dict[str, int]:
    """Count the messages and readings of one batch.

    Parameters
    ----------
    bursts : BurstWork
        Has the outcome of each message, and how many messages that outcome stands for.
    message_of : int32[N]
        The message of each reading.
    duplicate, conflict : bool[N]
        Readings whose key was there already; with another value.
    held, released : int
        Messages put into quarantine and taken out of it.
    values_refused : int
        Values refused on their own.

    Returns
    -------
    dict of str to int
        What is added to the tally: `messages_received` is the sum of the messages decoded, duplicate,
        dead-lettered, quarantined and waiting; `readings_decoded` that of the readings stored, duplicate and refused.
    """
    outcome, weight = bursts.outcome, bursts.weight
    total = np.bincount(message_of, minlength=len(outcome))
    again = np.bincount(message_of[duplicate], minlength=len(outcome))
    decoded = outcome == MessageOutcome.DECODED
    repeated = decoded & (total > 0) & (again == total)

    def messages(which: BoolArray) -> int:
        return int(weight[which].sum())

    return {
        # A message out of quarantine was received, and counted, before.
        "messages_received": len(outcome) - released,
        "messages_decoded": messages(decoded & ~repeated) + messages(outcome == MessageOutcome.STATUS_ONLY),
        "messages_duplicate": messages(repeated)
        + messages(outcome == MessageOutcome.RETAINED)
        + (messages(outcome == MessageOutcome.QUARANTINED) - held)
        + bursts.duplicate,
        "messages_dead_lettered": messages(outcome == MessageOutcome.DEAD_LETTER),
        "messages_quarantined": held - released,
        "messages_waiting": bursts.waiting,
        "readings_decoded": len(message_of) + values_refused,
        "readings_stored": int(np.count_nonzero(~duplicate)),
        "readings_duplicate": int(np.count_nonzero(duplicate)),
        "readings_refused": values_refused,
        "readings_conflicting": int(np.count_nonzero(conflict)),
    }
