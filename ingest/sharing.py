"""One object for equal ones: what repeats from sensor to sensor is kept once."""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import TypeVar

__all__ = ["shared"]

_T = TypeVar("_T", bound=Hashable)


@lru_cache(maxsize=4096)
def shared(value: _T) -> _T:
    """Give what equals `value` and was there before.

    Examples
    --------
    >>> first, second = ("t0", "data"), tuple(["t0", "data"])
    >>> shared(second) is shared(first)
    True
    """
    return value
