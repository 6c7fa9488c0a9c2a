"""The stream behind an open page: when it speaks, and that it says nothing but that something changed."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import Request

from api.app import PartState, Readiness
from api.pages import live
from api.rooms import ApiRooms
from domain.identifiers import AssetId
from domain.records import RiskState
from storage.overview import SqlOverview
from tests.unit.api.samples import NOW_NS, make_risk
from tests.unit.api.sql_town import SqlTown
from tests.unit.api.town import Town


def heard(town: Town, monkeypatch: pytest.MonkeyPatch, *, looks: int) -> list[str]:
    """Follow for a few looks, with a change of the town between them, and give the events."""
    monkeypatch.setattr(live, "_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(live, "_LONGEST_LOOKS", looks)
    scope = {"type": "http", "method": "GET", "path": "/live", "headers": []}

    async def wait() -> dict[str, str]:
        await asyncio.sleep(10)
        return {"type": "http.disconnect"}

    async def follow() -> list[str]:
        return [str(event.event) async for event in live._changes(Request(scope, wait), town.rooms())]

    return asyncio.run(follow())


def test_without_news_the_stream_only_opens(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    assert heard(town, monkeypatch, looks=3) == ["open"]


def test_a_new_assessment_and_a_part_that_went_away_are_told(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    states = iter(range(10))
    asked = live._state

    def state(rooms: ApiRooms, before: live._State | None) -> live._State:
        step = next(states)
        if step == 2:
            bridge = AssetId("brug-042")
            town.store.newest[bridge] = replace(town.store.newest[bridge], revision=99)
        if step == 4:
            town.readiness = Readiness(False, (PartState("broker", False, "away", NOW_NS),))
        return asked(rooms, before)

    monkeypatch.setattr(live, "_state", state)
    assert heard(town, monkeypatch, looks=6) == ["open", "change", "change"]


def test_own_rows_are_looked_through_only_when_something_changed(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each open page of one organisation among several looked through all of its rows at each look."""
    sql = SqlTown(tmp_path, town)
    looked: list[int] = []
    newest = SqlOverview.revision

    def counted(overview: SqlOverview) -> int:
        looked.append(1)
        return newest(overview)

    monkeypatch.setattr(SqlOverview, "revision", counted)
    states = [live._state(sql.rooms, None)]
    for change in (None, None, make_risk("brug-042", RiskState.OK, 5.0), None):
        sql.project(*([] if change is None else [change]))
        states.append(live._state(sql.rooms, states[-1]))
    assert len(looked) == 2
    assert [later.own != before.own for before, later in itertools.pairwise(states)] == [False, False, True, False]
