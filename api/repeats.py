"""The same question again, from a system that was known a moment ago: answered before the framework has a look.

A poller asks one address for days. When its key was found good within the last second, and the answer that was made
for this very question still is of the newest revision of the rows that it rests on, that answer goes out (or 304).
Everything else goes the whole way. The revisions are asked ten times a second for all pollers together, beside the
answers rather than before them. While ingest works there are new ones several times a second, and most change nothing
in the answer: so what stood is given for a moment longer, then one caller makes the answer anew while the others still
get what stood. A change is told half a second late at most, whichever of the three it was.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.access import throttled
from api.answer_cache import KeptAnswer
from api.polling import as_of_ns, prepared_answer, question_of
from api.problems import ProblemError, problem_response
from api.rooms import ApiRooms
from domain.access import Caller
from domain.errors import StorageUnavailable
from storage.protocols import Revisions

__all__ = ["Repeats"]

# A revision younger than the first is taken; up to the other it is taken and asked anew; beyond, it is asked first.
_FRESH_S: Final = 0.1
_STALE_S: Final = 0.5
# From when on an answer of an older revision is made anew; until `_STALE_S` the others get it meanwhile.
_REMAKE_S: Final = 0.3
_CURRENT: Final = 4096


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
        self._revisions = Revisions(0, 0, 0)
        self._asked_s = float("-inf")
        self._asking: asyncio.Task[None] | None = None
        self._making: set[object] = set()
        # When the store was asked that last confirmed a kept answer.
        self._confirmed_s: dict[object, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        found = self._asked_before(scope)
        if found is None:
            await self._app(scope, receive, send)
            return
        caller, key, headers = found
        kept = self._rooms.answers.get(key)
        if kept is not None and await self._holds(key, kept):
            await self._again(caller, kept, headers, str(scope["path"]))(scope, receive, send)
            return
        self._making.add(key)
        try:
            await self._app(scope, receive, send)
        finally:
            self._making.discard(key)

    def _asked_before(self, scope: Scope) -> tuple[Caller, object, Headers] | None:
        """Give who asks, where its answer is kept, and the headers; None where that is not known."""
        rooms = self._rooms
        if scope["type"] != "http" or scope["method"] != "GET" or not rooms.access.required:
            return None
        headers = Headers(scope=scope)
        question = question_of(scope, headers, rooms)
        key = None if question is None else rooms.repeats.get(question)
        if question is None or key is None:
            return None
        caller = rooms.known.caller(question.credential, now_ns=rooms.wall_clock_ns())
        return None if caller is None else (caller, key, headers)

    def _again(self, caller: Caller, kept: KeptAnswer, headers: Headers, path: str) -> ASGIApp:
        try:
            throttled(self._rooms, caller)
        except ProblemError as refused:
            return problem_response(refused, path)
        return prepared_answer(headers, kept)

    async def _holds(self, key: object, kept: KeptAnswer) -> bool:
        """Tell whether an answer is of the newest revision, or was so a moment ago."""
        try:
            newest = await self._newest()
        except StorageUnavailable:
            return False  # whoever goes the whole way is told what is wrong
        if kept.stamp == (newest.of(kept.rests_on), as_of_ns(self._rooms)):
            if len(self._confirmed_s) >= _CURRENT:
                self._confirmed_s.clear()
            self._confirmed_s[key] = self._asked_s
            return True
        age_s = asyncio.get_running_loop().time() - self._confirmed_s.get(key, float("-inf"))
        return age_s < _REMAKE_S or (age_s < _STALE_S and key in self._making)

    async def _newest(self) -> Revisions:
        age_s = asyncio.get_running_loop().time() - self._asked_s
        if age_s > _STALE_S:
            await self._ask()
        elif age_s > _FRESH_S and (self._asking is None or self._asking.done()):
            self._asking = asyncio.create_task(self._ask_beside())
        return self._revisions

    async def _ask_beside(self) -> None:
        with contextlib.suppress(StorageUnavailable):  # the age of what is known grows, until it is asked first
            await self._ask()

    async def _ask(self) -> None:
        now_s = asyncio.get_running_loop().time()
        self._revisions = await to_thread.run_sync(self._rooms.store.revisions)
        self._asked_s = now_s
