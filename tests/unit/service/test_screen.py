"""The ranked list on a terminal, and without one."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from service import screen as module
from service.own_api import OwnApi
from service.screen import Screen, fetch_ranking, ranking_table

ADDRESS = "http://127.0.0.1:8000"


def item(**more: object) -> dict[str, Any]:
    return {
        "asset": {"id": "brug-1", "name": "Molenbrug"},
        "state": "act",
        "provisional": True,
        "dataQuality": "high",
        "probabilityOfFailure": [{"horizonDays": 90, "value": 0.123, "low": 0.05, "high": 0.3}],
        "remainingLifeDays": {"q10": 20.0, "q50": 61.4, "q90": 120.0},
        "expectedCostOfWaitingEur": 12_345.6,
        "reasons": ["frequency falls", "another"],
    } | more


def drawn(*items: dict[str, Any], width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(ranking_table(list(items), ADDRESS, "note", width=width))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_a_row_says_state_chance_life_cost_and_why() -> None:
    text = drawn(item())
    for shown in ("Molenbrug", "act *", "12.3%", "5.0% – 30.0%", "61", "€ 12,346", "high", "frequency falls"):
        assert shown in text
    assert "another" not in text  # the first reason is enough here


@pytest.mark.parametrize("width", [80, 100, 115, 130])
def test_on_a_narrow_terminal_nothing_that_is_shown_is_cut_off(width: int) -> None:
    long = {"asset": {"id": "weg-1", "name": "Provinciale weg km 14"}, "reasons": ["falls"], "dataQuality": "medium"}
    text = drawn(item(**long, state="insufficient-data", expectedCostOfWaitingEur=123_456.0), width=width)
    assert "…" not in text
    assert ("falls" in text) == (width >= 130)


def test_what_is_not_known_is_said_and_not_drawn_as_nought() -> None:
    nothing = item(
        state="insufficient-data",
        provisional=False,
        probabilityOfFailure=[],
        remainingLifeDays=None,
        expectedCostOfWaitingEur=None,
        reasons=[],
    )
    text = drawn(nothing)
    assert text.count("not known") == 3
    assert "0.0%" not in text


def test_an_api_that_does_not_answer_yet_is_an_empty_list() -> None:
    assert fetch_ranking(OwnApi("http://127.0.0.1:9"), limit=5) == []


def test_without_a_terminal_the_list_comes_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("service.screen.time.monotonic", lambda: clock[0])
    monkeypatch.setattr(module, "fetch_ranking", lambda _own_api, limit: [item()] * min(limit, 1))
    console = Console(file=io.StringIO(), width=200)
    with Screen(console) as screen:
        for _ in range(300):
            screen.show(OwnApi(ADDRESS, shown=ADDRESS), finished=False)
            clock[0] += 0.5
    file = console.file
    assert isinstance(file, io.StringIO)
    assert file.getvalue().count("The ranked list is at") == 1
    assert file.getvalue().count("What to look at first") == 3  # in 150 seconds
