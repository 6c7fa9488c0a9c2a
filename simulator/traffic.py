"""How many vehicles pass and how often a bridge or lock opens, by the civil clock of the Netherlands.

Both are shapes: the share of an average day that falls into each hour, so that a shape times a count
per day gives a count per hour. Rush hours belong to people, so the clock is local civil time
(Europe/Amsterdam, summer time included), while the grid of hours is UTC. Public holidays run like
Sundays. Sizes follow counts on Dutch urban main roads: two peaks of about 8 % of the day, nights near
1 %, Sunday at 0.7, school holidays at 0.88 of a working day. Pleasure craft make the openings a matter
of summer and of daylight.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from domain.arrays import FloatArray

__all__ = ["civil_clock", "is_holiday", "passage_shape", "traffic_shape", "working_hours"]

_AMSTERDAM: Final = ZoneInfo("Europe/Amsterdam")
_SUNDAY: Final = 6
_SATURDAY: Final = 5
_MACHINES_START: Final = 7
_MACHINES_STOP: Final = 16

# Relative flow by civil hour; each row is divided by its sum below.
_WORKDAY: Final = (9, 6, 5, 5, 8, 22, 52, 80, 84, 62, 54, 54, 56, 57, 60, 68, 82, 86, 66, 48, 38, 32, 26, 16)
_WEEKEND: Final = (18, 13, 10, 8, 8, 10, 16, 24, 36, 52, 66, 74, 78, 80, 80, 78, 74, 70, 62, 50, 40, 34, 28, 20)
_OPENINGS: Final = (0, 0, 0, 0, 0, 1, 3, 4, 6, 9, 10, 10, 9, 10, 11, 10, 7, 6, 8, 7, 4, 2, 1, 0)


def civil_clock(start_ns: int, hours: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Read the local clock at each hour of a UTC grid.

    Returns
    -------
    hour : int64[hours]
        Civil hour of the day, 0 to 23.
    day : int64[hours]
        Civil date as `date.toordinal()`.
    """
    start = datetime.fromtimestamp(start_ns // 10**9, UTC)
    local = [(start + timedelta(hours=elapsed)).astimezone(_AMSTERDAM) for elapsed in range(hours)]
    return np.array([moment.hour for moment in local]), np.array([moment.toordinal() for moment in local])


def is_holiday(day: date) -> bool:
    """Tell whether Dutch public life rests: New Year, Easter, King's Day, Liberation, Ascension, Whitsun, Christmas.

    Examples
    --------
    >>> is_holiday(date(2025, 4, 26)), is_holiday(date(2025, 4, 27)), is_holiday(date(2026, 5, 14))
    (True, False, True)
    """
    easter = _easter(day.year)
    kings_day = date(day.year, 4, 27)
    if kings_day.weekday() == _SUNDAY:
        kings_day = date(day.year, 4, 26)
    moving = {easter + timedelta(days=shift) for shift in (0, 1, 39, 49, 50)}
    fixed = {kings_day, *(date(day.year, *pair) for pair in ((1, 1), (5, 5), (12, 25), (12, 26)))}
    return day in moving or day in fixed


def traffic_shape(start_ns: int, hours: int) -> FloatArray:
    """Give the share of an average working day's vehicles in each hour.

    Returns
    -------
    float64[hours]
        Sums to 1 over an ordinary working day.
    """
    hour, day = civil_clock(start_ns, hours)
    workday, weekend = (np.array(row, dtype=np.float64) / sum(row) for row in (_WORKDAY, _WEEKEND))
    days, of_day = np.unique(day, return_inverse=True)
    level = np.empty(len(days))
    rests = np.empty(len(days), dtype=np.bool_)
    for index, ordinal in enumerate(days.tolist()):
        moment = date.fromordinal(ordinal)
        sunday = moment.weekday() == _SUNDAY or is_holiday(moment)
        saturday = moment.weekday() == _SATURDAY
        rests[index] = sunday or saturday
        level[index] = (0.70 if sunday else 0.84 if saturday else 1.0) * _school_factor(moment)
    shape: FloatArray = level[of_day] * np.where(rests[of_day], weekend[hour], workday[hour])
    return shape


def passage_shape(start_ns: int, hours: int) -> FloatArray:
    """Give the share of a year's average daily openings of a lock or movable bridge in each hour.

    Returns
    -------
    float64[hours]
        Near 0 at night, three times as high in July as in January.
    """
    hour, day = civil_clock(start_ns, hours)
    openings = np.array(_OPENINGS, dtype=np.float64) / sum(_OPENINGS)
    days, of_day = np.unique(day, return_inverse=True)
    midsummer = np.array([date(date.fromordinal(d).year, 7, 15).toordinal() for d in days.tolist()])
    level = 1.0 + 0.5 * np.cos(2.0 * np.pi * (days - midsummer) / 365.25)
    weekend = np.array([1.25 if date.fromordinal(d).weekday() >= _SATURDAY else 0.9 for d in days.tolist()])
    shape: FloatArray = (level * weekend)[of_day] * openings[hour]
    return shape


def working_hours(start_ns: int, hours: int) -> FloatArray:
    """Tell when building machines run: 1 from seven to four on working days, 0 otherwise; float64[hours]."""
    hour, day = civil_clock(start_ns, hours)
    days, of_day = np.unique(day, return_inverse=True)
    moments = [date.fromordinal(ordinal) for ordinal in days.tolist()]
    works = np.array([moment.weekday() < _SATURDAY and not is_holiday(moment) for moment in moments])
    shape: FloatArray = (works[of_day] & (hour >= _MACHINES_START) & (hour < _MACHINES_STOP)).astype(np.float64)
    return shape


def _school_factor(day: date) -> float:
    """Less traffic in the weeks when schools are closed (all regions together, to the week)."""
    month_day = (day.month, day.day)
    summer = (7, 13) <= month_day <= (8, 23)
    christmas = month_day >= (12, 21) or month_day <= (1, 5)
    return 0.88 if summer or christmas else 1.0


def _easter(year: int) -> date:
    """Find Easter Sunday: the Gregorian computus in the order of Meeus, Astronomical Algorithms, chapter 8."""
    century, of_century = divmod(year, 100)
    leap_centuries, century_rest = divmod(century, 4)
    moon_correction = (century - (century + 8) // 25 + 1) // 3
    golden = year % 19
    epact = (19 * golden + century - leap_centuries - moon_correction + 15) % 30
    leaps, year_rest = divmod(of_century, 4)
    weekday = (32 + 2 * century_rest + 2 * leaps - epact - year_rest) % 7
    shift = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)
