"""Figures as a reader of one language writes them: numbers, euros, shares, spans of time, dates.

Only as many digits as a planner can use: a chance in whole percents, a remaining life in the unit
that fits its size. Dutch has a comma for decimals and a point for thousands, English the reverse.
Times on the page are local civil time in the Netherlands, because that is where the work is planned.
"""

from __future__ import annotations

import functools
import math
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.numbers import NumberPattern, format_decimal, parse_pattern

from api.languages import Language
from api.texts import marked, plural, text

__all__ = [
    "chance",
    "chance_range",
    "euros",
    "local_date",
    "local_time",
    "long_date",
    "number",
    "percent",
    "quantity",
    "span",
    "span_range",
]

_LOCAL: Final = ZoneInfo("Europe/Amsterdam")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS_PER_MONTH: Final = 365.25 / 12
_DAYS_PER_YEAR: Final = 365.25
_LOCALES: Final = {Language.ENGLISH: Locale("en", "GB"), Language.DUTCH: Locale("nl", "NL")}
_UNITS: Final = {
    "year": (marked("{count} year"), marked("{count} years")),
    "month": (marked("{count} month"), marked("{count} months")),
    "day": (marked("{count} day"), marked("{count} days")),
    "hour": (marked("{count} hour"), marked("{count} hours")),
    "minute": (marked("{count} minute"), marked("{count} minutes")),
}
# Size in days of the unit, and from how many days on it reads best.
_SIZES: Final = (
    ("year", _DAYS_PER_YEAR, 730.0),
    ("month", _DAYS_PER_MONTH, 75.0),
    ("day", 1.0, 1.0),
    ("hour", 1 / 24, 1 / 24),
    ("minute", 1 / 1440, 0.0),
)


def number(value: float, language: Language, *, decimals: int = 0, minimum_decimals: int | None = None) -> str:
    """Write a number with a fixed number of decimals.

    Examples
    --------
    >>> number(1234.5, Language.DUTCH, decimals=1), number(1234.5, Language.ENGLISH, decimals=1)
    ('1.234,5', '1,234.5')
    >>> number(-0.001, Language.ENGLISH, decimals=2)
    '0.00'
    """
    if not math.isfinite(value):
        return "–"
    if round(value, decimals) == 0:
        value = 0.0  # without the sign of what was rounded away
    least = decimals if minimum_decimals is None else minimum_decimals
    # Zero has no sign here: readers see none, and what is kept does not tell the two apart.
    return _formatted(value if value != 0 else 0.0, language, least, max(decimals, least))


@functools.lru_cache(maxsize=16_384)
def _formatted(value: float, language: Language, least: int, most: int) -> str:
    """Format as Babel does; kept, because most figures of a list stay as they are from one answer to the next."""
    return str(format_decimal(value, format=_pattern(least, most), locale=_LOCALES[language]))


@functools.cache
def _pattern(least: int, most: int) -> NumberPattern:
    fraction = "0" * least + "#" * (most - least)
    return parse_pattern(f"#,##0.{fraction}" if fraction else "#,##0")


def euros(value: float, language: Language) -> str:
    r"""Write an amount in whole euros, and from a thousand on in whole hundreds.

    Examples
    --------
    >>> euros(12_345.0, Language.DUTCH)
    '€\xa012.300'
    """
    rounded = value if abs(value) < 1000 else round(value, -2)  # noqa: PLR2004  # a thousand euros
    return f"€\u00a0{number(rounded, language)}"


def percent(share: float, language: Language) -> str:
    """Write a share in whole percents.

    Examples
    --------
    >>> percent(0.126, Language.ENGLISH)
    '13%'
    """
    return f"{number(share * 100, language)}%"


def quantity(figure: str, symbol: str) -> str:
    r"""Put the symbol of a unit behind a figure: on the same line, and a percent sign without a space before it.

    Examples
    --------
    >>> quantity("91", "%"), quantity("3,1", "°C"), quantity("4,2", "")
    ('91%', '3,1\xa0°C', '4,2')
    """
    return f"{figure}\u00a0{symbol}" if symbol not in {"", "%"} else f"{figure}{symbol}"


def chance(value: float, language: Language) -> str:
    r"""Write a probability in percent; never a bare 0 or 100, which no model can promise.

    Examples
    --------
    >>> chance(0.004, Language.ENGLISH), chance(0.126, Language.ENGLISH), chance(0.999, Language.ENGLISH)
    ('<\xa01%', '13%', '>\xa099%')
    """
    if value < 0.01:  # noqa: PLR2004  # one percent
        return "<\u00a01%"
    if value > 0.99:  # noqa: PLR2004  # ninety-nine percent
        return ">\u00a099%"
    return percent(value, language)


def chance_range(low: float, high: float, language: Language) -> str:
    r"""Write an interval of a probability; once, where both ends read the same.

    Examples
    --------
    >>> chance_range(0.12, 0.3, Language.ENGLISH), chance_range(0.991, 0.999, Language.ENGLISH)
    ('12% to 30%', '>\xa099%')
    """
    first, last = chance(low, language), chance(high, language)
    return first if first == last else text("{low} to {high}", language, low=first, high=last)


def span(days: float, language: Language) -> str:
    """Write a span of time in the unit that fits its size.

    Examples
    --------
    >>> span(1.0, Language.ENGLISH), span(400.0, Language.DUTCH), span(0.01, Language.ENGLISH)
    ('1 day', '13 maanden', '14 minutes')
    """
    unit, size = _unit_for(days)
    count = max(round(days / size), 0)
    return plural(*_UNITS[unit], count, language, count=number(count, language))


def span_range(low_days: float, high_days: float, like_days: float, language: Language) -> str:
    """Write an interval in the unit that fits `like_days`, but in days where it reaches beyond one.

    Examples
    --------
    >>> span_range(0.0, 35.0, 0.5, Language.ENGLISH), span_range(30.0, 200.0, 90.0, Language.ENGLISH)
    ('0 to 35 days', '1 to 7 months')
    """
    unit, size = _unit_for(max(like_days, min(high_days, 1.0)))
    low, high = (max(round(days / size), 0) for days in (low_days, high_days))
    last = plural(*_UNITS[unit], high, language, count=number(high, language))
    return text("{low} to {high}", language, low=number(low, language), high=last)


def long_date(day: date, language: Language) -> str:
    """Write a date with the month in letters: no order of figures to guess."""
    return str(format_date(day, "d MMM y", locale=_LOCALES[language]))


def local_time(time_ns: int, language: Language) -> str:
    """Write a moment as date and time in the Netherlands."""
    moment = _civil(time_ns)
    return f"{long_date(moment.date(), language)} {moment:%H:%M}"


def local_date(time_ns: int, language: Language) -> str:
    """Write the day of a moment in the Netherlands."""
    return long_date(_civil(time_ns).date(), language)


def _civil(time_ns: int) -> datetime:
    return (_EPOCH + timedelta(microseconds=time_ns // 1000)).astimezone(_LOCAL)


def _unit_for(days: float) -> tuple[str, float]:
    for unit, size, least in _SIZES:
        if days >= least:
            return unit, size
    return _SIZES[-1][0], _SIZES[-1][1]
