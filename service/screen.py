"""The ranked list on the terminal, as the API serves it."""

from __future__ import annotations

import itertools
import json
import time
from http.client import HTTPException
from typing import Any, Final, Literal, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from service.own_api import OwnApi

__all__ = ["Screen", "fetch_ranking", "ranking_table"]

# Heading, side, and from how many columns of the terminal on it is shown: of what is cut off nothing can be read.
_COLUMNS: Final[tuple[tuple[str, Literal["left", "right"], int], ...]] = (
    ("asset", "left", 0),
    ("state", "left", 0),
    ("fails in 90 d", "right", 0),
    ("80 % between", "right", 115),
    ("days left", "right", 100),
    ("waiting 90 d", "right", 0),
    ("data", "left", 115),
    ("why", "left", 130),
)
_STYLES: Final = {"act": "bold red", "watch": "yellow", "insufficient-data": "magenta", "ok": "green"}


class Screen:
    """Draws the list while everything runs.

    Parameters
    ----------
    console : Console
        A terminal is drawn on again and again; anything else gets the list once in a while.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._next = 0.0
        self._announced = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None and self._live.is_started:
            self._live.stop()

    def show(self, own_api: OwnApi, finished: bool) -> None:  # noqa: FBT001 -- called by position through a Callable
        """Draw now and then; without a terminal, print the list when it is first there and when it is complete."""
        if not self._announced:
            self._announced = True
            self._console.print(
                f"The ranked list is at {own_api.shown}/ and, for programs, at {own_api.shown}/v1/risks"
            )
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + (2.0 if self._live is not None else 10.0)
        items = fetch_ranking(own_api, limit=20)
        if not items:
            return
        note = "* provisional; Ctrl-C stops" + ("; the history is complete" if finished else "")
        drawing = ranking_table(items, own_api.shown, note, width=self._console.width)
        if self._live is None:
            self._console.print(drawing)
            self._next = time.monotonic() + 60.0
        else:
            if not self._live.is_started:
                self._live.start()
            self._live.update(drawing, refresh=True)


def fetch_ranking(own_api: OwnApi, *, limit: int) -> list[dict[str, Any]]:
    """Ask the API for the head of the list; empty while it cannot answer."""
    try:
        with own_api.asking(f"/v1/risks?pageSize={limit}", timeout_s=5) as answer:
            items: list[dict[str, Any]] = json.load(answer)["items"]
            return items
    except (OSError, HTTPException, ValueError, KeyError):
        return []


def ranking_table(items: list[dict[str, Any]], address: str, note: str, *, width: int) -> Group:
    """Draw the list: what to look at first stands first; a terminal narrower than 130 columns gets fewer of them."""
    table = Table(title="What to look at first", title_justify="left", expand=False)
    shown = [width >= least for _, _, least in _COLUMNS]
    for heading, justify, _ in itertools.compress(_COLUMNS, shown):
        table.add_column(heading, justify=justify, overflow="ellipsis", no_wrap=heading != "why")
    for item in items:
        table.add_row(*itertools.compress(_row(item), shown))
    return Group(table, Text(f"{address}  {note}", style="bold"))


def _row(item: dict[str, Any]) -> list[Text | str]:
    chance = next((p for p in item["probabilityOfFailure"] if p["horizonDays"] == 90), None)  # noqa: PLR2004 -- days
    life, cost = item["remainingLifeDays"], item["expectedCostOfWaitingEur"]
    state = item["state"] + (" *" if item["provisional"] else "")
    return [
        item["asset"]["name"],
        Text(state, style=_STYLES.get(item["state"], "")),
        f"{chance['value']:.1%}" if chance else "not known",
        f"{chance['low']:.1%} – {chance['high']:.1%}" if chance else "",
        f"{life['q50']:.0f}" if life else "not known",
        f"€ {cost:,.0f}" if cost is not None else "not known",
        item["dataQuality"],
        item["reasons"][0] if item["reasons"] else "",
    ]
