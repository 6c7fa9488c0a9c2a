"""Every message and every reading counted once by what became of it (design.md section 4).

::

    messages received = decoded + duplicate + dead-lettered + quarantined + waiting
    readings decoded  = stored + duplicate + refused

The counts stand in the journal and change in the commit that made them true, so no crash can make them wrong; what
stands only for a while, in quarantine or as a part of a waveform, is also there to be counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import BoolArray, IndexArray
from ingest.messages import MessageOutcome
from service.bursts import BurstWork

__all__ = ["Account", "accounts", "all_repeated", "complete", "count_batch"]

_MESSAGES: Final = ("decoded", "duplicate", "dead_lettered", "quarantined", "waiting")
_READINGS: Final = ("stored", "duplicate", "refused")
_COME_BEFORE: Final = (MessageOutcome.RETAINED, MessageOutcome.REPEATED)


@dataclass(frozen=True, slots=True)
class Account:
    """One identity of design.md section 4.

    Attributes
    ----------
    what : str
        `messages` or `readings`.
    total : int
        Received, or decoded.
    parts : mapping of str to int
        By what became of them.
    standing : mapping of str to int
        Of parts that stand for a while: how many are really there.
    """

    what: str
    total: int
    parts: Mapping[str, int]
    standing: Mapping[str, int]

    @property
    def unaccounted(self) -> int:
        """Give how many are missing from the parts; negative: counted twice. 0 when all is well."""
        return self.total - sum(self.parts.values())

    def faults(self) -> list[str]:
        """Say in words what does not add up."""
        found = []
        if self.unaccounted:
            verb = "are missing from" if self.unaccounted > 0 else "too many are in"
            found.append(f"{abs(self.unaccounted)} of {self.total} {self.what} {verb} the account")
        for name, there in self.standing.items():
            if there != self.parts[name]:
                found.append(f"{self.parts[name]} {self.what} are counted as {name}, and {there} are there")
        return found


def accounts(tally: Mapping[str, int], *, held: int, parts: int) -> tuple[Account, Account]:
    """Draw up both accounts from the journal's counts.

    Parameters
    ----------
    tally : mapping of str to int
        The journal's counts.
    held, parts : int
        Messages in quarantine and parts of waveforms that are in the journal, at the same moment.
    """

    def by(kind: str, names: tuple[str, ...]) -> dict[str, int]:
        return {name: tally.get(f"{kind}_{name}", 0) for name in names}

    standing = {"quarantined": held, "waiting": parts}
    return (
        Account("messages", tally.get("messages_received", 0), by("messages", _MESSAGES), standing),
        Account("readings", tally.get("readings_decoded", 0), by("readings", _READINGS), {}),
    )


def complete(tally: Mapping[str, int]) -> dict[str, int]:
    """Give all counts, 0 for what never happened: who watches a count wants it from the first day."""
    names = [f"messages_{name}" for name in ("received", *_MESSAGES)]
    names += [f"readings_{name}" for name in ("decoded", *_READINGS, "conflicting")]
    return dict.fromkeys(names, 0) | dict(tally)


def all_repeated(message_of: IndexArray, duplicate: BoolArray, messages: int) -> BoolArray:
    """bool[M]: tell which of so many messages have readings, each of them a duplicate."""
    total = np.bincount(message_of, minlength=messages)
    again = np.bincount(message_of[duplicate], minlength=messages)
    repeated: BoolArray = (total > 0) & (again == total)
    return repeated


def count_batch(
    bursts: BurstWork,
    message_of: IndexArray,
    duplicate: BoolArray,
    conflict: BoolArray,
    *,
    held: int,
    released: int,
    values_refused: Mapping[int, int],
    refused_before: Sequence[int],
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
    values_refused : mapping of int to int
        By message, the values refused on their own.
    refused_before : sequence of int
        Messages whose refusals count already.

    Returns
    -------
    dict of str to int
        What is added to the tally: `messages_received` is the sum of the messages decoded, duplicate,
        dead-lettered, quarantined and waiting; `readings_decoded` that of the readings stored, duplicate and refused.
    """
    outcome, weight = bursts.outcome, bursts.weight
    decoded = outcome == MessageOutcome.DECODED
    repeated = decoded & all_repeated(message_of, duplicate, len(outcome))
    values = sum(values_refused.values())
    values_before = sum(values_refused.get(position, 0) for position in refused_before)

    def messages(which: BoolArray) -> int:
        return int(weight[which].sum())

    return {
        # A message out of quarantine was received, and counted, before.
        "messages_received": len(outcome) - released,
        "messages_decoded": messages(decoded & ~repeated) + messages(outcome == MessageOutcome.STATUS_ONLY),
        "messages_duplicate": messages(repeated)
        + messages(np.isin(outcome, _COME_BEFORE))
        + (messages(outcome == MessageOutcome.QUARANTINED) - held)
        + bursts.duplicate,
        "messages_dead_lettered": messages(outcome == MessageOutcome.DEAD_LETTER),
        "messages_quarantined": held - released,
        "messages_waiting": bursts.waiting,
        "readings_decoded": len(message_of) + values,
        "readings_stored": int(np.count_nonzero(~duplicate)),
        "readings_duplicate": int(np.count_nonzero(duplicate)) + values_before,
        "readings_refused": values - values_before,
        "readings_conflicting": int(np.count_nonzero(conflict)),
    }
