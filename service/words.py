"""Words for what is shown in part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["listed"]

_NAMED: Final = 5


def listed(names: Sequence[str], most: int = _NAMED) -> str:
    """Name the first few of many.

    Examples
    --------
    >>> listed(["a", "b"]), listed(list("abcdefgh"))
    ('a, b', 'a, b, c, d, e and 3 more')
    """
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")
