"""The stream behind a page that is open: says that something changed, never what.

The page then fetches itself again and takes over the parts that changed, so there is one way of laying things out and
a form that somebody is typing in stays as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.access import needs
from api.questions import Rooms
from api.rooms import ApiRooms
from domain.access import Right
from domain.errors import StorageError
from storage.protocols import Revisions

__all__ = ["router"]

router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ_RISKS)])

_LOOK_SECONDS: Final = 0.7
# Browsers wait this long before they connect again.
_RETRY_MS: Final = 2000
_PING_SECONDS: Final = 15
# A page that is left open asks anew after this, with its session as it is then.
_LONGEST_LOOKS: Final = 1200


@router.get("/live")
async def follow(request: Request, rooms: Rooms) -> Response:
    """Send `change` when assessments, alarms or the state of the service changed; end after a quarter of an hour."""
    return EventSourceResponse(_changes(request, rooms), ping=_PING_SECONDS, headers={"X-Accel-Buffering": "no"})


async def _changes(request: Request, rooms: ApiRooms) -> AsyncIterator[ServerSentEvent]:
    seen = await run_in_threadpool(_state, rooms, None)
    yield ServerSentEvent(event="open", data="", retry=_RETRY_MS)
    for _ in range(_LONGEST_LOOKS):
        await asyncio.sleep(_LOOK_SECONDS)
        if await request.is_disconnected():
            return
        now = await run_in_threadpool(_state, rooms, seen)
        if (now.own, now.away) != (seen.own, seen.away):
            yield ServerSentEvent(event="change", data="")
        seen = now


class _State(NamedTuple):
    """What the pages depend on, in a few numbers: revisions of all and of the own rows, and the parts that are away."""

    whole: Revisions | None
    own: int | None
    away: tuple[str, ...]


def _state(rooms: ApiRooms, before: _State | None) -> _State:
    """Look how things are; a store that is away is a state too.

    Which of an organisation's own rows is the newest takes a look through all of them, so it is asked only when
    something of the whole service has changed.
    """
    away = tuple(part.name for part in rooms.readiness().parts if not part.ok)
    try:
        whole = rooms.store.revisions()
        if before is not None and before.whole is not None and before.whole[1:] == whole[1:]:
            return _State(whole, before.own, away)
        return _State(whole, rooms.overview.revision(), away)
    except StorageError:
        return _State(None, None, away)
