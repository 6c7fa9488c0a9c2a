"""Times in the cells of people's tables: ISO 8601, as far as loggers and spreadsheets write it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["plain_time"]

# What Python does not take on all its versions: the end of a day, and the second that is added to some.
_END_OF_DAY: Final = re.compile(r"([T ])24(?=(?::?00(?:[.,]0+)?){0,2}(?:$|[Z+-]))")
_LEAP_SECOND: Final = re.compile(r"([T ][0-9]{2}(?::[0-9]{2}:|[0-9]{2}))60(?=[.,Z+-]|$)")
_DAY_OF_YEAR: Final = re.compile(r"([0-9]{4})-?([0-9]{3})(?=[T ]|$)")


def plain_time(text: str) -> datetime:
    """Read a time as tables have it: with or without `T`, without a zone UTC.

    24:00 is the beginning of the next day, a leap second counts as the second after it, and a day may be the
    day of its year.

    Raises
    ------
    ValueError
        If it is no time.

    Examples
    --------
    >>> plain_time("2026-03-29 02:30:00+01:00").isoformat()
    '2026-03-29T02:30:00+01:00'
    >>> plain_time("2026-12-31T24:00").isoformat(), plain_time("20261231T235960Z").isoformat()
    ('2027-01-01T00:00:00+00:00', '2027-01-01T00:00:00+00:00')
    >>> plain_time("2026-032t06:00z").isoformat()
    '2026-02-01T06:00:00+00:00'
    """
    plain = text.strip().upper()
    try:
        # Nearly all of them, and a table may have a million.
        moment = datetime.fromisoformat(plain)
    except ValueError:
        moment = _unusual_time(plain)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _unusual_time(plain: str) -> datetime:
    """Read what some version of Python does not take."""
    days = 0
    found = _DAY_OF_YEAR.match(plain)
    if found is not None:
        days = int(found[2]) - 1
        plain = f"{found[1]}-01-01{plain[found.end() :]}"
    plain, ends = _END_OF_DAY.subn(r"\g<1>00", plain)
    plain, leaps = _LEAP_SECOND.subn(r"\g<1>59", plain)
    moment = datetime.fromisoformat(plain)
    if found is not None and not 0 <= days < datetime(moment.year, 12, 31, tzinfo=UTC).timetuple().tm_yday:
        raise ValueError(f"got {plain!r}, expected a day of that year")
    try:
        return moment + timedelta(days=days + ends, seconds=leaps)
    except OverflowError as error:
        raise ValueError(f"got {plain!r}, expected a time before the year 10000") from error
