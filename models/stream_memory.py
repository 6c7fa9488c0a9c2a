"""The state of an online detector as bytes, and back: what is saved goes on with the same bits.

A detector is a handful of objects that hold numbers, arrays and one another in slots. They are written as MessagePack,
slot by slot in the order of their classes, floats and arrays to the bit. Only the classes named here
are made again, and none of their code runs: reading bytes runs no code of their writer.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

import msgspec
import numpy as np

from domain.errors import StorageCorrupt
from models.stream_alarm import BudgetAlarm
from models.stream_belief import Belief
from models.stream_compensation import CompensatedReference
from models.stream_detector import StreamDetector
from models.stream_environment import EnvironmentMemory, Surroundings
from models.stream_level import LevelBank

__all__ = ["SAVED", "decode_detector", "encode_detector"]

# Of a stream with an environment; a place in this order is in the bytes, so it grows at its end.
SAVED: Final[tuple[type[Any], ...]] = (
    StreamDetector,
    CompensatedReference,
    EnvironmentMemory,
    LevelBank,
    BudgetAlarm,
    Surroundings,
    Belief,
)
_PLACE: Final = {kind: place for place, kind in enumerate(SAVED)}


def encode_detector(detector: StreamDetector) -> bytes:
    """Write a detector of a stream with an environment.

    Raises
    ------
    TypeError
        If it is of another kind of stream.

    Examples
    --------
    >>> detector = StreamDetector(channels=1, environments=1)
    >>> _ = detector.step(0.0, np.array([1.0]), np.array([2.0]))
    >>> decode_detector(encode_detector(detector)).rows
    1
    """
    return msgspec.msgpack.encode(_packed(detector))


def decode_detector(data: bytes) -> StreamDetector:
    """Read what `encode_detector` wrote.

    Raises
    ------
    StorageCorrupt
        If it is something else.
    """
    try:
        found = _unpacked(msgspec.msgpack.decode(data))
    except (msgspec.MsgspecError, ValueError, TypeError, IndexError, KeyError) as error:
        raise StorageCorrupt(f"a detector's {len(data)} bytes cannot be read ({error}); restore a backup") from error
    if not isinstance(found, StreamDetector):
        raise StorageCorrupt(f"a detector's {len(data)} bytes are of something else; restore a backup")
    return found


def _packed(value: Any) -> Any:
    """Give a value as what MessagePack knows; what it does not know is a list that begins with a letter."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if type(value) in _PLACE:
        return ["o", _PLACE[type(value)], [_packed(getattr(value, name)) for name in type(value).__slots__]]
    if isinstance(value, np.ndarray):
        return ["a", value.dtype.newbyteorder("<").str, value.shape, np.ascontiguousarray(value).tobytes()]
    if isinstance(value, deque):
        return ["d", value.maxlen, [_packed(item) for item in value]]
    if isinstance(value, list | tuple):
        return ["l" if isinstance(value, list) else "t", [_packed(item) for item in value]]
    raise TypeError(f"{type(value).__name__} is not part of a stream with an environment")


def _unpacked(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    match value:
        case ["a", str() as kind, list() as shape, bytes() as body]:
            return np.frombuffer(body, kind).reshape(shape).astype(np.dtype(kind).newbyteorder("="))
        case ["d", most, list() as items]:
            return deque([_unpacked(item) if isinstance(item, list) else item for item in items], maxlen=most)
        case ["l", list() as items]:
            return [_unpacked(item) for item in items]
        case ["t", list() as items]:
            return tuple(_unpacked(item) for item in items)
        case ["o", int() as place, list() as items]:
            return _made(SAVED[place], items)
    raise ValueError("unknown kind of value")


def _made(kind: type[Any], items: list[Any]) -> Any:
    """Make an object without running its code."""
    made: Any = object.__new__(kind)
    for name, item in zip(kind.__slots__, items, strict=True):
        object.__setattr__(made, name, _unpacked(item) if isinstance(item, list) else item)
    return made
