"""The same question again, from a system that was known a moment ago: answered before the framework has a look.

A poller asks one address for days. When its key was found good within the last second, and the answer that was made
for this very question still is of the store's newest revision, that answer goes out (or 304). Everything else goes the
whole way. The revision is asked at most twenty times a second for all pollers together, beside the answers rather than
before them, so a change is told half a second late at most.
"""

from __future__ import annotations

import asyncio
from typing import Final

from anyio import to_thread
from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.access import remembered_caller, throttled
from api.polling import as_of_ns, kept_response, question_of
from api.problems import ProblemError, problem_response
from api.rooms import ApiRooms

__all__ = ["Repeats"]

# A revision younger than the first is taken; up to the other it is taken and asked anew; beyond, it is asked first.
_FRESH_S: Final = 0.05
_STALE_S: Final = 0.5


class Repeats:
    """ASGI middleware that answers repeated questions.

    Parameters
    ----------
    app : ASGI application
        Gets what is not a repeat.
    rooms : ApiRooms
        Unscoped; each kept answer is of one organisation.
    """

    def __init__(self, app: ASGIApp, rooms: ApiRooms) -> None:
        self._app = app
        self._rooms = rooms
        self._revision = 0
        self._asked_s = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = await self._repeat(scope) if scope["type"] == "http" and scope["method"] == "GET" else None
        await (answer or self._app)(scope, receive, send)

    async def _repeat(self, scope: Scope) -> Response | None:
        rooms = self._rooms
        headers = Headers(scope=scope)
        question = question_of(scope, headers)
        if question is None or not rooms.access.required:
            return None
        meant = rooms.repeats.get(question)
        caller = remembered_caller(rooms, headers)
        if meant is None or caller is None:
            return None
        key, language = meant
        kept = rooms.answers.get(key)
        if kept is None or kept.stamp != (await self._newest(), as_of_ns(rooms)):
            return None
        try:
            throttled(rooms, caller)
        except ProblemError as refused:
            return problem_response(refused, str(scope["path"]))
        return kept_response(Request(scope), kept, language)

    async def _newest(self) -> int:
        age_s = asyncio.get_running_loop().time() - self._asked_s
        if age_s > _STALE_S:
            await self._ask()
        elif age_s > _FRESH_S and (self._asking is None or self._asking.done()):
            self._asking = asyncio.create_task(self._ask())
        return self._revision

    async def _ask(self) -> None:
        now_s = asyncio.get_running_loop().time()
        self._revision = await to_thread.run_sync(self._rooms.store.revision)
        self._asked_s = now_s
