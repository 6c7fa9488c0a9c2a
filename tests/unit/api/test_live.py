"""The stream behind an open page: when it speaks, and that it says nothing but that something changed."""

from __future__ import annotations

import asyncio
import itertools
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request

from api.app import PartState, Readiness, create_app
from api.pages import live
from api.rooms import ApiRooms
from domain.identifiers import AssetId
from domain.records import RiskState
from storage.overview import SqlOverview
from tests.unit.api.client import Client
from tests.unit.api.samples import NOW_NS, make_risk
from tests.unit.api.sql_town import SqlTown
from tests.unit.api.town import Town


def heard(rooms: ApiRooms, monkeypatch: pytest.MonkeyPatch, *, looks: int, mark: str = "") -> list[str]:
    """Follow for a few looks, with a change of the town between them, and give the events."""
    monkeypatch.setattr(live, "_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(live, "_LONGEST_LOOKS", looks)
    scope = {"type": "http", "method": "GET", "path": "/live", "headers": []}

    async def wait() -> dict[str, str]:
        await asyncio.sleep(10)
        return {"type": "http.disconnect"}

    async def follow() -> list[str]:
        return [str(event.event) async for event in live._changes(Request(scope, wait), rooms, mark)]

    return asyncio.run(follow())


def test_without_news_the_stream_only_opens(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    assert heard(town.rooms(), monkeypatch, looks=3) == ["open"]


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
    assert heard(town.rooms(), monkeypatch, looks=6) == ["open", "change", "change"]


def shown_mark(sql: SqlTown) -> str:
    """Give what the first page says that it has seen."""
    (mark,) = re.findall(r'data-seen="([^"]+)"', Client(create_app(sql.rooms)).get("/").text)
    return str(mark)


def test_what_changed_before_a_page_could_listen_is_told_as_it_begins(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change between the reading of a page and the start of its stream was told to nobody."""
    sql = SqlTown(tmp_path, town)
    mark = shown_mark(sql)
    assert heard(sql.rooms, monkeypatch, looks=2, mark=mark) == ["open"]
    sql.project(make_risk("brug-042", RiskState.OK, 5.0))
    assert heard(sql.rooms, monkeypatch, looks=2, mark=mark) == ["open", "change"]
    assert heard(sql.rooms, monkeypatch, looks=2, mark=shown_mark(sql)) == ["open"]
    away = Readiness(False, (PartState("broker", False, "away", NOW_NS),))
    rooms = replace(sql.rooms, readiness=lambda: away)
    assert heard(rooms, monkeypatch, looks=2, mark=shown_mark(sql)) == ["open", "change"]


def test_a_page_marks_what_there_was_before_it_was_read(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql = SqlTown(tmp_path, town)
    before = shown_mark(sql)
    listed = SqlOverview.ranked

    def changing(overview: SqlOverview, *wanted: Any, **asked: Any) -> Any:
        found = listed(overview, *wanted, **asked)
        sql.project(make_risk("brug-042", RiskState.OK, 5.0))
        return found

    monkeypatch.setattr(SqlOverview, "ranked", changing)
    assert shown_mark(sql) == before
    assert heard(sql.rooms, monkeypatch, looks=2, mark=before) == ["open", "change"]


def test_a_stream_that_was_cut_off_goes_on_from_its_last_event(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the browser heard last says more than what its page once showed."""
    monkeypatch.setattr(live, "_LONGEST_LOOKS", 0)
    sql = SqlTown(tmp_path, town)
    seen = shown_mark(sql)
    page, client = f"/live?seen={seen}", Client(create_app(sql.rooms))
    assert "event: change" not in client.get(page).text
    cut_off = client.get(page, last_event_id="1.1").text
    assert cut_off.count("event: change") == 1
    assert set(re.findall(r"(?m)^id: (\S+)", cut_off)) == {seen}
    sql.project(make_risk("brug-042", RiskState.OK, 5.0))
    assert shown_mark(sql) != seen
    assert "event: change" in client.get(page).text
    assert "event: change" not in client.get(page, last_event_id=shown_mark(sql)).text


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
