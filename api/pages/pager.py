"""Long lists in numbered pages: which rows to show, and the ways to the other pages."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from api.figures import number
from api.languages import Language
from api.texts import text

__all__ = ["Leaf", "turned"]

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Leaf(Generic[Row]):
    """One page of a list.

    Attributes
    ----------
    range : str
        Which rows these are, of how many; empty without any.
    ways : list of (str, str or None, str)
        To the other pages: words, address where there is one, and relation; empty where all fits one page.
    """

    rows: Sequence[Row]
    range: str
    ways: list[tuple[str, str | None, str]]


def turned(
    rows: Sequence[Row], page: int, size: int, way: Callable[[int | None], str], language: Language
) -> Leaf[Row]:
    """Give the page asked for, or the last one; `way` gives the address of a page, of the first for None."""
    last = max(math.ceil(len(rows) / size), 1)
    page = min(page, last)
    start = (page - 1) * size
    shown = rows[start : start + size]
    bounds = {"first": number(start + 1, language), "last": number(start + len(shown), language)}
    said = text("{first} to {last} of {count}", language, **bounds, count=number(len(rows), language)) if shown else ""
    return Leaf(shown, said, _ways(page, last, way, language) if last > 1 else [])


def _ways(
    page: int, last: int, way: Callable[[int | None], str], language: Language
) -> list[tuple[str, str | None, str]]:
    before, after = page > 1, page < last
    return [
        (text("First page", language), way(None) if before else None, ""),
        (text("Previous page", language), way(page - 1) if before else None, "prev"),
        (text("Next page", language), way(page + 1) if after else None, "next"),
        (text("Last page", language), way(last) if after else None, ""),
    ]
