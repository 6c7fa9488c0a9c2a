"""A pilot sheet: what counts as success, written down before the pilot begins.

::

    name = "sluizen-2027"          # letters, digits, - and _
    start = 2027-01-01             # first day, UTC
    end = 2027-07-01               # first day behind it
    assets = ["sluis-001"]         # empty or absent: every asset of the register
    detect = ["bearing_wear"]      # failures that count, by their mode; empty or absent: all

    [success]                      # at least one of
    false_alarms_per_year = 0.3    # at most, per healthy asset-year
    found_share = 0.8              # at least, of the failures, each with warning_days of warning
    warning_days = 30
    saved_share = 0.2              # at least, of the cost of running to failure
    faults_named_share = 0.5       # at least, of the faults of sensors

The hash is that of the file's bytes: whoever changes a digit after the start has another sheet.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from domain.errors import ConfigurationError
from domain.identifiers import ID_PATTERN
from simulator.toml_table import TomlTable

__all__ = ["PilotSheet", "Success", "read_sheet"]

_MOST_PER_YEAR: Final = 1000.0
_MOST_DAYS: Final = 3650.0


@dataclass(frozen=True, slots=True)
class Success:
    """What must be reached; None where it is not asked for."""

    false_alarms_per_year: float | None
    found_share: float | None
    warning_days: float
    saved_share: float | None
    faults_named_share: float | None


@dataclass(frozen=True, slots=True)
class PilotSheet:
    """One sheet.

    Attributes
    ----------
    digest : str
        SHA-256 of the file, in hex.
    start_ns, end_ns : int
        Unix nanoseconds, UTC; the end is exclusive.
    """

    name: str
    digest: str
    start_ns: int
    end_ns: int
    assets: tuple[str, ...]
    detect: tuple[str, ...]
    success: Success

    @property
    def last_day(self) -> str:
        """ISO date of the day behind the last one."""
        return datetime.fromtimestamp(self.end_ns // 1_000_000_000, UTC).date().isoformat()


def read_sheet(path: Path) -> PilotSheet:
    """Read a pilot sheet.

    Raises
    ------
    ConfigurationError
        With file, line and what is allowed.
    """
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
        content = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"pilot sheet {str(path)!r} cannot be read ({reason}); give a TOML file") from error
    top = TomlTable(path.name, text, "", None, content, what="sheet")
    name = top.text("name", pattern=ID_PATTERN)
    start_ns, end_ns = _day_ns(top, "start"), _day_ns(top, "end")
    if end_ns <= start_ns:
        top.fail("end", "got a day that is not behind start, expected a later one")
    assets, detect = _texts(top, "assets"), _texts(top, "detect")
    table = top.table("success")
    wanted = Success(
        false_alarms_per_year=_maybe(table, "false_alarms_per_year", _MOST_PER_YEAR),
        found_share=_maybe(table, "found_share", 1.0),
        warning_days=table.number("warning_days", 0.0, low=0.0, high=_MOST_DAYS),
        saved_share=_maybe(table, "saved_share", 1.0),
        faults_named_share=_maybe(table, "faults_named_share", 1.0),
    )
    table.finish()
    top.finish()
    asked = (wanted.false_alarms_per_year, wanted.found_share, wanted.saved_share, wanted.faults_named_share)
    if all(goal is None for goal in asked):
        table.fail("", "got no goal, expected at least one, such as found_share = 0.8")
    return PilotSheet(name, hashlib.sha256(data).hexdigest(), start_ns, end_ns, assets, detect, wanted)


def _maybe(table: TomlTable, key: str, high: float) -> float | None:
    """Take a goal that need not be there."""
    if table.has(key):
        return table.number(key, low=0.0, high=high)
    table.value(key, default="")  # known, though absent
    return None


def _texts(top: TomlTable, key: str) -> tuple[str, ...]:
    value = top.value(key, default=[])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        top.fail(key, f"got {value!r}, expected a list of names in quotes")
    return tuple(value)


def _day_ns(top: TomlTable, key: str) -> int:
    value = top.value(key)
    if type(value) is not date:
        top.fail(key, f"got {value!r}, expected a date such as 2027-01-01")
    return int(datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()) * 1_000_000_000
