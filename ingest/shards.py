"""Shards: a broker that puts `shard/<n>/` in front of a topic by its asset, and who listens to which (design.md D6).

All messages about an asset carry the same number, so whoever listens to one shard has whole assets. Each shard has a
durable session of its own, whoever serves it: another number of workers changes nothing at the broker.
"""

from __future__ import annotations

from collections.abc import Sequence

from ingest.inbox_state import InboxState
from ingest.topics import TOPIC_FILTERS, TopicKind

__all__ = ["session_name", "shard_filters", "shares", "together"]


def shard_filters(shard: int, filters: Sequence[str] = TOPIC_FILTERS) -> tuple[str, ...]:
    """Give the topic filters of one shard; a gateway's status has no asset and stays without a shard.

    Examples
    --------
    >>> shard_filters(3)
    ('shard/3/infra/v1/+/+/+/+', 'shard/3/infra/v1/+/+/+/waveform/bin')
    """
    return tuple(f"shard/{shard}/{topic}" for topic in filters if not topic.endswith(f"/{TopicKind.STATUS}"))


def session_name(client_id: str, shard: int | None) -> str:
    """Name the durable session of a shard; None is what has no shard.

    Examples
    --------
    >>> session_name("schouw-ingest", 3), session_name("schouw-ingest", None)
    ('schouw-ingest-3', 'schouw-ingest')
    """
    return client_id if shard is None else f"{client_id}-{shard}"


def shares(shards: int, workers: int) -> list[Sequence[int | None]]:
    """Deal out the shards; the first worker also has what carries none.

    Examples
    --------
    >>> [list(share) for share in shares(4, 2)]
    [[None, 0, 2], [1, 3]]
    """
    dealt: list[Sequence[int | None]] = [list(range(worker, shards, workers)) for worker in range(workers)]
    return [[None, *dealt[0]], *dealt[1:]]


def together(states: Sequence[InboxState]) -> InboxState:
    """Give one state for several connections: connected when all are, and as many generations as all have had."""
    away = [state for state in states if not state.connected]
    return InboxState(
        connected=not away,
        generation=sum(state.generation for state in states),
        since_ns=max(state.since_ns for state in away or states),
        queued=sum(state.queued for state in states),
        last_error=next((state.last_error for state in away), ""),
    )
