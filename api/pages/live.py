"""The stream behind a page that is open: says that something changed, never what.

The page then fetches itself again and takes over the parts that changed, so there is one way of laying things out and
a form that somebody is typing in stays as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Depends, Header, Query, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.access import needs
from api.questions import Rooms
from api.rooms import ApiRooms, Readiness
from domain.access import Right
from domain.errors import StorageError
from storage.protocols import Revisions

__all__ = ["follows", "router"]

router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ_RISKS)])

_LOOK_SECONDS: Final = 0.7
# Browsers wait this long before they connect again.
_RETRY_MS: Final = 2000
_PING_SECONDS: Final = 15
# A page that is left open asks anew after this, with its session as it is then.
_LONGEST_LOOKS: Final = 1200
_LONGEST_MARK: Final = 200


def follows() -> Any:
    """Make a dependency of a page that asks `/live` for changes since the page began to be read.

    Without it a change between the reading of a page and the start of its stream is told to nobody.
    """
    return Depends(_note)


def _note(request: Request, rooms: Rooms) -> None:
    readiness = rooms.readiness()
    # The frame says what is away as it was then, and need not ask every part again.
    request.state.readiness = readiness
    request.state.live_mark = _mark(_newest(rooms), _away(readiness))


@router.get("/live")
async def follow(
    request: Request,
    rooms: Rooms,
    seen: Annotated[str, Query(max_length=_LONGEST_MARK)] = "",
    last_event_id: Annotated[str, Header(max_length=_LONGEST_MARK)] = "",
) -> Response:
    """Send `change` when assessments, alarms or the state of the service changed; end after a quarter of an hour.

    A page names what it has `seen`, a stream that was cut off its last event: what changed since is told at once.
    """
    events = _changes(request, rooms, last_event_id or seen)
    return EventSourceResponse(events, ping=_PING_SECONDS, headers={"X-Accel-Buffering": "no"})


async def _changes(request: Request, rooms: ApiRooms, mark: str = "") -> AsyncIterator[ServerSentEvent]:
    seen = await run_in_threadpool(_state, rooms, None)
    yield ServerSentEvent(event="open", data="", id=seen.mark, retry=_RETRY_MS)
    if mark and mark != seen.mark:
        yield ServerSentEvent(event="change", data="", id=seen.mark)
    for _ in range(_LONGEST_LOOKS):
        await asyncio.sleep(_LOOK_SECONDS)
        if await request.is_disconnected():
            return
        now = await run_in_threadpool(_state, rooms, seen)
        if (now.own, now.away) != (seen.own, seen.away):
            yield ServerSentEvent(event="change", data="", id=now.mark)
        seen = now


class _State(NamedTuple):
    """What the pages depend on, in a few numbers: revisions of all and of the own rows, and the parts that are away."""

    whole: Revisions | None
    own: int | None
    away: tuple[str, ...]

    @property
    def mark(self) -> str:
        return _mark(self.whole, self.away)


def _mark(whole: Revisions | None, away: tuple[str, ...]) -> str:
    """Name a state, in letters that an address and a header may carry."""
    newest = ("none",) if whole is None else map(str, whole[1:])
    return ".".join((*newest, *away))


def _newest(rooms: ApiRooms) -> Revisions | None:
    try:
        return rooms.store.revisions()
    except StorageError:
        return None


def _away(readiness: Readiness) -> tuple[str, ...]:
    return tuple(part.name for part in readiness.parts if not part.ok)


def _state(rooms: ApiRooms, before: _State | None) -> _State:
    """Look how things are; a store that is away is a state too.

    Which of an organisation's own rows is the newest takes a look through all of them, so it is asked only when
    something of the whole service has changed.
    """
    away = _away(rooms.readiness())
    try:
        whole = rooms.store.revisions()
        if before is not None and before.whole is not None and before.whole[1:] == whole[1:]:
            return _State(whole, before.own, away)
        return _State(whole, rooms.overview.revision(), away)
    except StorageError:
        return _State(None, None, away)
