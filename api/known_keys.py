"""Keys that were found good a moment ago, so that a poller's key is not looked up in the ledger at each question.

A key is remembered for a second, under a digest that is keyed anew in each process, never as its own text. So one that
is revoked or expires opens nothing more a second later.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final

from domain.access import Caller

__all__ = ["KnownKeys"]

_REMEMBERED_NS: Final = 1_000_000_000
_REMEMBERED: Final = 4096
_DIGEST_BYTES: Final = 16


@dataclass(slots=True)
class KnownKeys:
    """Callers by the digest of their `Authorization` header."""

    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _callers: dict[bytes, tuple[int, Caller]] = field(default_factory=dict)

    def digest(self, authorization: str) -> bytes:
        """Give what stands for a header in this process."""
        text = authorization.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, key=self._secret, digest_size=_DIGEST_BYTES).digest()

    def remember(self, digest: bytes, caller: Caller, *, now_ns: int) -> None:
        """Note that a key was found good."""
        if len(self._callers) >= _REMEMBERED:
            self._callers.clear()
        self._callers[digest] = (now_ns, caller)

    def caller(self, digest: bytes, *, now_ns: int) -> Caller | None:
        """Give whose key it is, when it was found good within the last second."""
        found = self._callers.get(digest)
        return found[1] if found is not None and 0 <= now_ns - found[0] < _REMEMBERED_NS else None
