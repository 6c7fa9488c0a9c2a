"""Times on the wire: RFC 3339 text or epoch numbers, kept as integer nanoseconds.

float64 loses about 250 ns at today's epoch and `datetime` cuts at microseconds, so the fraction of a
second is read as digits. A time that cannot be understood is no error: the reading is kept under its
time of arrival and flagged, because a broken clock does not make a measurement wrong.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

__all__ = ["epoch_unit_ns", "format_time", "parse_time"]

_NS_PER_S: Final = 1_000_000_000
_INT64_MIN: Final = -(2**63)
_INT64_MAX: Final = 2**63 - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_EPOCH_NAIVE: Final = datetime(1970, 1, 1)  # noqa: DTZ001 -- the difference of two naive times is what is wanted
_PLAIN_LENGTH: Final = len("2026-11-23T09:00:00Z")
_DIGITS: Final = 9
_LEAP_SECOND: Final = 60

_RFC3339: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)

# Epoch numbers by size, gateway-payloads.md section 0: (exclusive bound, nanoseconds per unit).
_EPOCH_UNITS: Final = ((1e11, _NS_PER_S), (1e14, 1_000_000), (1e17, 1_000))


def parse_time(value: Any) -> int | None:
    """Read a time as gateways write it.

    Parameters
    ----------
    value : object
        RFC 3339 text with an offset or `Z` and at most nine fractional digits, or an epoch number:
        below 1e11 in seconds, below 1e14 in ms, below 1e17 in µs, otherwise in ns.

    Returns
    -------
    int or None
        Unix nanoseconds, UTC, within int64; None when there is no usable time in `value`.

    Examples
    --------
    >>> parse_time("2026-11-23T10:00:00.000000001+01:00")
    1795424400000000001
    >>> parse_time(1795424400000), parse_time("2026-11-23T09:00:00"), parse_time(True)
    (1795424400000000000, None, None)
    """
    kind = type(value)
    if kind is str:
        return _from_text(value)
    if kind is int or kind is float:
        return _from_epoch(value)
    return None


def epoch_unit_ns(value: float) -> int:
    """Tell by its size how many nanoseconds an epoch number counts in.

    Examples
    --------
    >>> epoch_unit_ns(1795424400), epoch_unit_ns(1795424400000), epoch_unit_ns(1795424400000000000)
    (1000000000, 1000000, 1)
    """
    size = abs(value)
    for bound, ns in _EPOCH_UNITS:
        if size < bound:
            return ns
    return 1


def _from_epoch(value: float) -> int | None:
    """Scale an epoch number by its size, splitting off the fraction so that whole units stay exact."""
    size = abs(value)
    if not size < _INT64_MAX:  # also NaN
        return None
    factor = epoch_unit_ns(value)
    whole = int(value)
    time_ns = whole * factor + round((value - whole) * factor)
    return time_ns if _INT64_MIN <= time_ns <= _INT64_MAX else None


def _from_text(text: str) -> int | None:
    """Read RFC 3339; a leap second counts as the second after it."""
    if len(text) >= _PLAIN_LENGTH and text[4:17:3] == "--T::" and text[-1] == "Z":
        # The forms nearly every gateway sends, ten times as fast as the general one (tests compare the two). Python
        # reads more than RFC 3339 has, such as hours and an offset where hours, minutes and seconds belong.
        fraction = text[20:-1] if text[19] == "." else ""
        if len(text) == _PLAIN_LENGTH or (fraction.isdecimal() and fraction.isascii() and len(fraction) <= _DIGITS):
            elapsed_s = _elapsed_s(text[:19])
            if elapsed_s is not None:
                time_ns = elapsed_s * _NS_PER_S + (int(fraction.ljust(_DIGITS, "0")) if fraction else 0)
                return time_ns if _INT64_MIN <= time_ns <= _INT64_MAX else None
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    day_text, hour_text, minute_text, second_text, fraction, sign, offset_hour, offset_minute = match.groups()
    day = _days(day_text)
    hour, minute, second = int(hour_text), int(minute_text), int(second_text)
    if day is None or hour > 23 or minute > 59 or second > _LEAP_SECOND:  # noqa: PLR2004 -- the clock's own figures
        return None
    total_s = day * 86_400 + hour * 3_600 + minute * 60 + second
    if sign is not None:
        hours, minutes = int(offset_hour), int(offset_minute)
        if hours > 23 or minutes > 59:  # noqa: PLR2004 -- as above
            return None
        offset_s = hours * 3_600 + minutes * 60
        total_s += -offset_s if sign == "+" else offset_s
    time_ns = total_s * _NS_PER_S + (int(fraction.ljust(9, "0")) if fraction else 0)
    return time_ns if _INT64_MIN <= time_ns <= _INT64_MAX else None


@lru_cache(maxsize=4096)
def _elapsed_s(text: str) -> int | None:
    """Count seconds since 1970 of `YYYY-MM-DDTHH:MM:SS`; None for what is not that, and for a leap second."""
    try:
        elapsed = datetime.fromisoformat(text) - _EPOCH_NAIVE
    except ValueError:
        return None
    return elapsed.days * 86_400 + elapsed.seconds


@lru_cache(maxsize=4096)
def _days(text: str) -> int | None:
    """Count days since 1970 of an ISO date; messages of one batch share few dates."""
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH_DAY
    except ValueError:
        return None


def format_time(time_ns: int) -> str:
    """Write a time as RFC 3339 in UTC, with as many fractional digits (0, 3, 6 or 9) as it needs.

    Examples
    --------
    >>> format_time(1795424400000000000), format_time(1795424400000000001)
    ('2026-11-23T09:00:00Z', '2026-11-23T09:00:00.000000001Z')
    """
    seconds, fraction = divmod(time_ns, _NS_PER_S)
    text = (_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]
    if not fraction:
        return text + "Z"
    digits = f"{fraction:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{text}.{digits}Z"
