"""The newest answers of this process, kept ready for pollers, each made by one caller while others wait for it."""

from __future__ import annotations

import contextlib
import gzip
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from starlette.types import Message, Receive, Scope, Send

from api.languages import Language
from storage.protocols import RowKind

__all__ = ["AnswerCache", "KeptAnswer", "PreparedAnswer"]

_ANSWERS: Final = 256
_LOCKS: Final = 64
_GZIP_FROM: Final = 1_000
# Fast: the network between a poller and us is not the bottleneck, and JSON of one schema shrinks well anyway.
_GZIP_LEVEL: Final = 3
# While a store stands still, nobody waits behind another who waits for it.
_PATIENCE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class PreparedAnswer:
    """One answer as ASGI has it; sent as often as it is asked for."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # what ASGI gives
        """Send it."""
        start: Message = {"type": "http.response.start", "status": self.status, "headers": list(self.headers)}
        await send(start)
        await send({"type": "http.response.body", "body": self.body})


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """One answer, whole and compressed.

    Attributes
    ----------
    stamp : (int, int)
        Revision of the rows that it rests on, and the time that ages are as of.
    rests_on : str
        Which rows: an answer stands until one of its kind changes.
    modified : str
        When it first had these bytes, as `Last-Modified` has it.
    prepared : dict
        What was sent of it before, by whether it was compressed and whether the caller had it (304).
    """

    stamp: tuple[int, int]
    rests_on: RowKind
    body: bytes
    tag: str
    modified: str
    headers: Mapping[str, str]
    media_type: str
    language: Language | None
    prepared: dict[tuple[bool, bool], PreparedAnswer] = field(default_factory=dict, compare=False)
    _packed: list[bytes] = field(default_factory=list, compare=False)

    @property
    def is_packable(self) -> bool:
        """Whether compressing pays."""
        return len(self.body) >= _GZIP_FROM

    def packed(self) -> bytes:
        """Give the body compressed with gzip, which is done when it is first asked for."""
        if not self._packed:
            self._packed.append(gzip.compress(self.body, _GZIP_LEVEL, mtime=0))
        return self._packed[0]


class AnswerCache:
    """The newest answers of this process, least recently used ones dropped.

    Parameters
    ----------
    answers : int
        How many are kept; 0: none, so that each is made anew.
    """

    def __init__(self, answers: int = _ANSWERS) -> None:
        self._answers = answers
        self._kept: OrderedDict[object, KeptAnswer] = OrderedDict()
        self._lock = threading.Lock()
        self._making = tuple(threading.Lock() for _ in range(_LOCKS))

    @contextlib.contextmanager
    def made_once(self, key: object) -> Iterator[None]:
        """Wait, a second at most, while another thread makes the answer under this key."""
        lock = self._making[hash(key) % _LOCKS]
        is_held = lock.acquire(timeout=_PATIENCE_S)
        try:
            yield
        finally:
            if is_held:
                lock.release()

    def get(self, key: object) -> KeptAnswer | None:
        """Give what is kept under a key."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: object, kept: KeptAnswer) -> None:
        """Keep an answer."""
        with self._lock:
            self._kept[key] = kept
            self._kept.move_to_end(key)
            if len(self._kept) > self._answers:
                self._kept.popitem(last=False)
