"""Tables of machines' lives: rows of many units in one CSV file, plain or gzip, as one course a unit.

Nothing is guessed: a cell that is neither a number nor visibly empty, a time that comes twice, a row that is cut short
are refused with line and column. Rows of units may be mixed and in any order of time; they are sorted.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from domain.arrays import FloatArray
from domain.errors import ConfigurationError
from models.life_map import LifeCourse
from service.plain_number import plain_number
from service.plain_time import plain_time
from service.separator_line import separator_line_fault

__all__ = ["RunTable", "read_runs"]

_GZIP_START: Final = b"\x1f\x8b"
# What programs write for a missing number; an empty cell is one too.
_MISSING: Final = frozenset({"", "-", "na", "n/a", "nan", "null", "none"})
_SHOWN_COLUMNS: Final = 12


@dataclass(frozen=True, slots=True)
class RunTable:
    """Units of a table in the order of their first rows.

    Attributes
    ----------
    units : tuple of str
        As written in the file, without space around them.
    courses : tuple of LifeCourse
        Times since the unit's first row, in the unit of a numeric time column, in seconds for ISO 8601.
    iso_time : bool
        True where the times are ISO 8601.
    """

    units: tuple[str, ...]
    courses: tuple[LifeCourse, ...]
    iso_time: bool


def read_runs(path: Path, *, unit: str, time: str, values: Sequence[str]) -> RunTable:
    """Read all units of a table.

    Parameters
    ----------
    path : Path
        A CSV file with a header, plain or gzip.
    unit, time : str
        Columns of the unit's name and of the time, a number or ISO 8601 (no zone is UTC).
    values : sequence of str
        Columns of what was measured and set, at least one.

    Raises
    ------
    ConfigurationError
        If the file cannot be read, a column is missing, or a row is not as expected; with line and column.
    """
    lines: list[int] = []
    names: list[str] = []
    times: list[float] = []
    cells: list[list[float]] = []
    read_time: Callable[[str], float] | None = None
    for line, name, moment, numbers in _rows(path, unit, time, values):
        if read_time is None:
            read_time = _finite if _is_number(moment) else _iso_seconds
        try:
            times.append(read_time(moment))
        except ValueError as error:
            wanted = "a finite number" if read_time is _finite else "a number or an ISO 8601 time"
            raise _fault(path, line, time, moment, wanted if not lines else f"{wanted}, as in the first row") from error
        lines.append(line)
        names.append(name)
        cells.append(numbers)
    if not lines:
        raise ConfigurationError(f"{path}: got a header and no rows, expected at least one row; check the export")
    units, courses = _split(path, time, names, np.array(times), np.array(cells), lines)
    return RunTable(units, courses, iso_time=read_time is _iso_seconds)


def _rows(path: Path, unit: str, time: str, values: Sequence[str]) -> Iterator[tuple[int, str, str, list[float]]]:
    """Give line number, unit, time and values of each row."""
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    last = 0
    try:
        header = [name.strip() for name in next(reader, [])]
        at_unit, at_time, *at_values = _places(path, header, [unit, time, *values])
        last = reader.line_num
        for row in reader:
            line = last = reader.line_num
            if not row:
                continue
            if len(row) != len(header):
                lacking = f", column {header[len(row)]!r}" if len(row) < len(header) else ""
                raise ConfigurationError(
                    f"{path}, line {line}{lacking}: got {len(row)} cells, expected {len(header)} as in the header"
                )
            name = row[at_unit].strip()
            if not name:
                raise _fault(path, line, unit, row[at_unit], "the name of a unit")
            try:
                numbers = [plain_number(row[place]) for place in at_values]
            except ValueError:
                numbers = [_value(path, line, header[place], row[place]) for place in at_values]
            for place, number in zip(at_values, numbers, strict=True):
                if math.isinf(number):
                    raise _fault(path, line, header[place], row[place], "a finite number, or an empty cell")
            yield line, name, row[at_time].strip(), numbers
    except csv.Error as error:
        # A quote that is never closed is found at the end of the file; what has to be mended is where its row began.
        raise ConfigurationError(
            f"{path}, line {last + 1}: not readable as CSV ({error}); expected commas between cells"
        ) from error


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        if content.startswith(_GZIP_START):
            content = gzip.decompress(content)
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = _place_of(error.object[: error.start].decode("utf-8"))
        raise ConfigurationError(f"{path}, {where}: not UTF-8 text; save the table as UTF-8") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ConfigurationError(f"{path}: the gzip file is cut short or damaged ({error}); copy it again") from error
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}); give a CSV file or gzip") from error


def _place_of(before: str) -> str:
    """Name line and column of what follows some text of a table."""
    lines = before.split("\n")
    try:
        header, cells = (next(csv.reader([line])) or [""] for line in (lines[0], lines[-1]))
    except csv.Error:
        return f"line {len(lines)}"
    known = len(lines) > 1 and len(cells) <= len(header)
    return f"line {len(lines)}" + (f", column {header[len(cells) - 1].strip()!r}" if known else "")


def _places(path: Path, header: list[str], wanted: list[str]) -> list[int]:
    if fault := separator_line_fault(header):
        raise ConfigurationError(f"{path}, line 1: {fault}")
    for name in wanted:
        found = header.count(name)
        if found != 1:
            shown = ", ".join(repr(one) for one in header[:_SHOWN_COLUMNS]) or "none"
            more = ", ..." if len(header) > _SHOWN_COLUMNS else ""
            raise ConfigurationError(
                f"{path}, line 1: got {found} columns {name!r}, expected one; the columns are {shown}{more}; "
                "check the names, and that cells are separated by commas"
            )
    return [header.index(name) for name in wanted]


def _value(path: Path, line: int, column: str, cell: str) -> float:
    if cell.strip().lower() in _MISSING:
        return math.nan
    try:
        return plain_number(cell)
    except ValueError as error:
        raise _fault(path, line, column, cell, "a number, or an empty cell where it is missing") from error


def _is_number(text: str) -> bool:
    try:
        plain_number(text)
    except ValueError:
        return False
    return True


def _finite(text: str) -> float:
    number = plain_number(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _iso_seconds(text: str) -> float:
    """Read seconds since 1970; no zone is UTC."""
    return plain_time(text).timestamp()


def _fault(path: Path, line: int, column: str, got: str, expected: str) -> ConfigurationError:
    return ConfigurationError(f"{path}, line {line}, column {column!r}: got {got!r}, expected {expected}")


def _split(
    path: Path, time: str, names: list[str], times: FloatArray, cells: FloatArray, lines: list[int]
) -> tuple[tuple[str, ...], tuple[LifeCourse, ...]]:
    """Cut columns into one course a unit, each sorted by time."""
    number_of: dict[str, int] = {}
    unit = np.array([number_of.setdefault(name, len(number_of)) for name in names])
    order = np.lexsort((times, unit))
    unit, times = unit[order], times[order]
    again = np.flatnonzero((np.diff(unit) == 0) & (np.diff(times) == 0))
    if len(again):
        first, second = sorted((lines[order[again[0]]], lines[order[again[0] + 1]]))
        raise ConfigurationError(
            f"{path}, line {second}, column {time!r}: unit {names[order[again[0]]]!r} has this time already in line "
            f"{first}, expected one row for each time of a unit"
        )
    cuts = np.flatnonzero(np.diff(unit)) + 1
    courses = [
        LifeCourse(when - when[0], rows)
        for when, rows in zip(np.split(times, cuts), np.split(cells[order], cuts), strict=True)
    ]
    return tuple(number_of), tuple(courses)
