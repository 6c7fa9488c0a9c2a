"""Numbers in the cells of people's tables: fewer spellings than Python takes."""

from __future__ import annotations

__all__ = ["plain_number"]


def plain_number(text: str) -> float:
    """Read a number as tables have them; `nan` and `inf` are numbers too.

    Python takes `1_000` for a thousand; in a table it is a code, two cells in one or a slip of the pen.

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> plain_number(" 1.5e3 ")
    1500.0
    >>> plain_number("1_000")
    Traceback (most recent call last):
    ValueError: got '1_000', expected a number without _
    """
    if "_" in text:
        raise ValueError(f"got {text!r}, expected a number without _")
    return float(text)
