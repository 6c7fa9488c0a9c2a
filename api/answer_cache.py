"""The newest answers of this process, kept ready for pollers."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["AnswerCache", "KeptAnswer"]

_ANSWERS: Final = 256


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """One answer, whole and compressed.

    Attributes
    ----------
    stamp : (int, int)
        Revision of the store, and the time that ages are as of.
    packed : bytes
        Compressed with gzip; empty where that does not pay.
    modified : str
        When it first had these bytes, as `Last-Modified` has it.
    """

    stamp: tuple[int, int]
    body: bytes
    packed: bytes
    tag: str
    modified: str
    headers: Mapping[str, str]
    media_type: str


class AnswerCache:
    """The newest answers of this process, least recently used ones dropped."""

    def __init__(self) -> None:
        self._kept: OrderedDict[object, KeptAnswer] = OrderedDict()
        self._lock = threading.Lock()

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
            if len(self._kept) > _ANSWERS:
                self._kept.popitem(last=False)
