"""The same fleet, asked less often: what an installation sees whose sensors speak every few hours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from domain.register import Register

__all__ = ["asked_seldom", "register_seldom"]

# Where one value a day is left, it is of the morning.
_MORNING: Final = 6
_HOUR_OF_TIME: Final = slice(11, 13)
_HOUR_S: Final = 3600.0


def register_seldom(register: Register, every_h: int) -> Register:
    """Give the register of a fleet that is asked every so many hours; what waveforms show stays as it is."""
    interval_s = every_h * _HOUR_S
    channels = (
        channel if channel.derived else replace(channel, interval_s=max(channel.interval_s, interval_s))
        for channel in register.channels
    )
    return replace(register, channels=tuple(channels))


def asked_seldom(days: Iterable[Sequence[tuple[str, bytes]]], every_h: int) -> Iterator[list[tuple[str, bytes]]]:
    """Leave of each day's messages the readings of every so many hours, by device time; waveforms pass as they are.

    Parameters
    ----------
    days : iterable of sequences of (topic, payload)
        In the project's format; what is no reading with a time passes too.
    every_h : int
        1 to 24.
    """
    for messages in days:
        kept = []
        for topic, payload in messages:
            readings = _readings(payload) if topic.endswith("/reading") else None
            if readings is None:
                kept.append((topic, payload))
            elif heard := [reading for reading in readings if _is_heard(reading, every_h)]:
                kept.append((topic, msgspec.json.encode(heard)))
        yield kept


def _readings(payload: bytes) -> list[Any] | None:
    try:
        found = msgspec.json.decode(payload)
    except msgspec.DecodeError:
        return None
    if isinstance(found, dict):
        return [found]
    return found if isinstance(found, list) else None


def _is_heard(reading: Any, every_h: int) -> bool:
    hour = str(reading.get("t"))[_HOUR_OF_TIME] if isinstance(reading, dict) else ""
    return not hour.isdigit() or int(hour) % every_h == _MORNING % every_h
