"""Times as callers write and read them: RFC 3339 text outside, int64 nanoseconds inside.

Answers are always UTC with an upper-case `T` and `Z`. Questions may carry any offset, but must carry
one: a time without a zone means another hour to each reader. Nanoseconds survive both ways, so a
time copied from an answer into a query means the same reading.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

from domain.records import YEARS

__all__ = ["IN_YEARS", "has_come", "parse_date", "parse_day", "parse_time_ns", "rfc3339"]

_NS_PER_S: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIME: Final = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_EXPECTED_YEAR: Final = f"expected a year from {YEARS[0]} to {YEARS[-1]}"
# `YEARS` as a pattern, for the document.
IN_YEARS: Final = "^(1[7-9]|2[01])[0-9]{2}-"


def rfc3339(time_ns: int) -> str:
    """Write a time in UTC, with as many decimals as it needs.

    Examples
    --------
    >>> rfc3339(0), rfc3339(1_500_000_000)
    ('1970-01-01T00:00:00Z', '1970-01-01T00:00:01.5Z')
    """
    seconds, nanoseconds = divmod(time_ns, _NS_PER_S)
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{nanoseconds:09d}".rstrip("0") if nanoseconds else ""
    return f"{text}{fraction}Z"


def parse_time_ns(text: str) -> int:
    """Read a time with its offset.

    A space where an offset's `+` belongs is taken as one: that is what `+` means in a query string.

    Raises
    ------
    ValueError
        If the text is not such a time; the message says what was expected.

    Examples
    --------
    >>> parse_time_ns("1970-01-01T01:00:00.000000001+01:00")
    1
    """
    match = _TIME.fullmatch(text[:-6] + "+" + text[-5:] if text[-6:-5] == " " else text)
    if match is None:
        raise ValueError("expected a time with an offset, such as 2026-03-01T06:00:00Z or 2026-03-01T07:00:00+01:00")
    day, clock, fraction, offset = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{offset.upper()}")
    except ValueError:
        raise ValueError("expected a time that exists on the calendar and the clock") from None
    if moment.year not in YEARS:
        raise ValueError(_EXPECTED_YEAR)
    return (moment - _EPOCH) // timedelta(seconds=1) * _NS_PER_S + int((fraction or "").ljust(9, "0"))


def parse_date(text: str) -> date:
    """Read a date as `YYYY-MM-DD` and nothing else.

    Raises
    ------
    ValueError
        If the text is not such a date.
    """
    expected = "expected a date on the calendar as YYYY-MM-DD, such as 2026-09-15"
    if _DATE.fullmatch(text) is None:
        raise ValueError(expected)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(expected) from None


def has_come(day: date, now_ns: int) -> bool:
    """Tell whether a day has begun, where it begins first: there it is tomorrow already.

    Examples
    --------
    >>> has_come(date(2026, 11, 30), 1_795_910_400_000_000_000)  # 29 November, midnight UTC
    True
    >>> has_come(date(2026, 12, 1), 1_795_910_400_000_000_000)
    False
    """
    return day <= (_EPOCH + timedelta(seconds=now_ns // _NS_PER_S)).date() + timedelta(days=1)


def parse_day(text: str) -> date:
    """Read a date that somebody gives now, in a year that all who read it later can work with.

    Raises
    ------
    ValueError
        If the text is no date, or its year is outside `YEARS`; the message says what was expected.
    """
    day = parse_date(text)
    if day.year not in YEARS:
        raise ValueError(_EXPECTED_YEAR)
    return day
