"""The stream behind an open page: when it speaks, and that it says nothing but that something changed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from fastapi import Request

from api.app import PartState, Readiness
from api.pages import live
from domain.identifiers import AssetId
from tests.unit.api.fakes import NOW_NS, Town


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

    def state(rooms: object) -> object:
        step = next(states)
        if step == 2:
            bridge = AssetId("brug-042")
            town.store.newest[bridge] = replace(town.store.newest[bridge], revision=99)
        if step == 4:
            town.readiness = Readiness(False, (PartState("broker", False, "away", NOW_NS),))
        return asked(rooms)  # type: ignore[arg-type]  # what `follow` hands in

    monkeypatch.setattr(live, "_state", state)
    assert heard(town, monkeypatch, looks=6) == ["open", "change", "change"]
