"""How the service and its parts are doing; apart from the rooms, for `schouw doctor`, which serves nothing."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PartState", "Readiness"]


@dataclass(frozen=True, slots=True)
class PartState:
    """How one part of the service is doing.

    Attributes
    ----------
    name : str
        Such as `broker`, `journal`, `operational store`.
    detail : str
        In words: what is wrong and since when it is retried; or that all is well.
    since_ns : int or None
        Wall clock, Unix nanoseconds: when it came into this state.
    starts : bool
        Whether it is not there yet because the service is starting, which ends by itself.
    """

    name: str
    ok: bool
    detail: str
    since_ns: int | None
    starts: bool = False


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the service can do its work now, and each part that this depends on."""

    ready: bool
    parts: tuple[PartState, ...]
