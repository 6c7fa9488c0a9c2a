"""Pages of lists: opaque cursors, the `next` member and the `Link` header.

A cursor is the store's key of the last item on the page, so a page never repeats or skips an item
that stays where it is. It names the list and the filters it came from: used anywhere else it is
refused, rather than giving a page that looks right and is not. It holds nothing secret and is not
signed; every part is checked when it comes back.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Request

from api.problems import FieldError, ProblemError, invalid_input
from storage.protocols import RankKey, SensorKey, TimedKey

__all__ = [
    "Page",
    "change_link",
    "last_cursor",
    "next_cursor",
    "page_link",
    "read_page",
    "read_since",
    "refused_cursor",
    "refused_since",
]

_INT64_MAX: Final = 2**63 - 1
_CURSOR_CHARACTERS: Final = 2048
_KEY_CHARACTERS: Final = 512

Item = TypeVar("Item")
Key = RankKey | TimedKey | SensorKey | str | int
KeyT = TypeVar("KeyT", RankKey, TimedKey, SensorKey, str, int)


@dataclass(frozen=True, slots=True)
class Page(Generic[KeyT]):
    """What part of a list is asked for: the key behind which it starts, and its size."""

    after: KeyT | None
    size: int
    scope: str

    @property
    def limit(self) -> int:
        """One more than fits, which tells whether there is a next page."""
        return self.size + 1


def read_page(kind: type[KeyT], cursor: str | None, size: int, *, scope: str) -> Page[KeyT]:
    """Turn a cursor back into the key it stands for.

    Parameters
    ----------
    kind : type
        Type of the list's key.
    scope : str
        Name of the list and its filters; must be the same as when the cursor was made.

    Raises
    ------
    ProblemError
        400 if the cursor is not one that this list handed out.
    """
    if cursor is None:
        return Page(None, size, scope)
    decoded = _decoded(cursor)
    if not decoded or decoded[0] != scope:
        raise invalid_input([_no_cursor(cursor)])
    key = _as_key(kind, decoded[1:])
    if key is None:
        raise invalid_input([_no_cursor(cursor)])
    return Page(key, size, scope)


def next_cursor(items: Sequence[Item], page: Page[KeyT], key: Callable[[Item], KeyT]) -> str | None:
    """Give the cursor of the page after this one; None at the end of the list.

    Parameters
    ----------
    items : sequence
        What the store gave for `page.limit`: up to one more than the page shows.
    """
    if len(items) <= page.size:
        return None
    last: Key = key(items[page.size - 1])
    text = json.dumps([page.scope, *_parts(last)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def read_since(since: str, size: int, *, scope: str) -> Page[TimedKey]:
    """Turn `since` into the place in the list of changes behind which it starts; keys are revision and identifier.

    Raises
    ------
    ProblemError
        400 if it is neither `start` nor what this list handed out.
    """
    if since == "start":
        return Page(None, size, scope)
    try:
        return read_page(TimedKey, since, size, scope=scope)
    except ProblemError:
        raise invalid_input([_no_since(since)]) from None


def refused_cursor(cursor: str) -> FieldError | None:
    """Say what is wrong with a cursor that no list handed out; None where one may have."""
    return None if _decoded(cursor) else _no_cursor(cursor)


def refused_since(since: str) -> FieldError | None:
    """Say what is wrong with a `since` that no list handed out; None where one may have."""
    return None if since == "start" or _decoded(since) else _no_since(since)


def last_cursor(items: Sequence[Item], page: Page[TimedKey], key: Callable[[Item], TimedKey]) -> str:
    """Give the place of the last change that was seen; where nothing was, the place that was asked from."""
    shown = items[: page.size]
    last = key(shown[-1]) if shown else page.after
    if last is None:
        return "start"
    text = json.dumps([page.scope, *_parts(last)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def change_link(request: Request, items: Sequence[Item], page: Page[TimedKey], since: str) -> Mapping[str, str]:
    """Give the `Link` header to more changes, where there are more already."""
    if len(items) <= page.size:
        return {}
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "since"]
    return {"Link": f'<{request.url.path}?{urlencode([*query, ("since", since)])}>; rel="next"'}


def page_link(request: Request, cursor: str | None) -> Mapping[str, str]:
    """Give the `Link` header to the next page: the same address with its cursor."""
    if cursor is None:
        return {}
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return {"Link": f'<{request.url.path}?{urlencode([*query, ("cursor", cursor)])}>; rel="next"'}


def _parts(key: Key) -> list[str | int]:
    match key:
        case RankKey():
            # As hexadecimal text a float comes back bit for bit, infinities included.
            return [key.state_rank, float(key.negative_cost_eur).hex(), key.asset]
        case TimedKey():
            return [key.time_ns, key.id]
        case SensorKey():
            return [key.asset, key.sensor, key.channel]
        case _:
            return [key]


def _as_key(kind: type[KeyT], parts: Sequence[object]) -> KeyT | None:
    shape = [type(part) for part in parts]
    if not all(_is_sound(part) for part in parts):
        return None
    made: Key | None = None
    match parts:
        case [int(rank), str(cost), str(asset)] if kind is RankKey and shape[0] is int:
            negative_cost_eur = _from_hex(cost)
            made = None if negative_cost_eur is None else RankKey(rank, negative_cost_eur, asset)
        case [int(time_ns), str(identifier)] if kind is TimedKey and shape[0] is int:
            made = TimedKey(time_ns, identifier)
        case [str(asset), str(sensor), str(channel)] if kind is SensorKey:
            made = SensorKey(asset, sensor, channel)
        case [str() | int() as only] if kind is shape[0]:
            made = only
        case _:
            made = None
    return made if isinstance(made, kind) else None


def _is_sound(part: object) -> bool:
    if isinstance(part, str):
        return len(part) <= _KEY_CHARACTERS and part.isprintable()
    return isinstance(part, int) and abs(part) <= _INT64_MAX


def _from_hex(text: str) -> float | None:
    try:
        value = float.fromhex(text)
    except (ValueError, OverflowError):
        return None
    return None if math.isnan(value) else value


def _decoded(cursor: str) -> list[object] | None:
    if len(cursor) > _CURSOR_CHARACTERS:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        parts = json.loads(raw)
    except (binascii.Error, ValueError, RecursionError):
        return None
    return parts if isinstance(parts, list) else None


def _no_cursor(cursor: str) -> FieldError:
    expected = "a cursor from the `next` member of an earlier page of this same list with the same filters"
    return FieldError("query", "cursor", repr(cursor[:60]), expected)


def _no_since(since: str) -> FieldError:
    expected = "`start`, or `nextSince` of an earlier answer of this same list with the same filters"
    return FieldError("query", "since", repr(since[:60]), expected)
