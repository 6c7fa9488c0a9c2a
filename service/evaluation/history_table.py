"""A long table of readings, one value a row: CSV (plain or gzip) or Parquet, as columns sorted by time."""

from __future__ import annotations

import csv
import errno
import gzip
import io
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from domain.arrays import FloatArray, IndexArray, TimeArray
from domain.errors import ConfigurationError
from domain.identifiers import is_identifier
from service.plain_number import plain_number
from service.replay import parse_time_ns
from service.separator_line import separator_line_fault
from service.unreadable_table import unreadable_table

__all__ = ["COLUMNS", "HistoryTable", "read_history"]

COLUMNS: Final = ("time", "asset", "channel", "value", "unit")
_SENSOR: Final = "sensor"
_ONLY_SENSOR: Final = "s1"
_FAULTS_SHOWN: Final = 10


@dataclass(frozen=True, slots=True, eq=False)
class HistoryTable:
    """Readings of several series, sorted by time.

    Attributes
    ----------
    time_ns : int64[N]
        Unix nanoseconds, UTC, ascending.
    value : float64[N]
        Finite.
    series : int32[N]
        Row in `keys` and `units`.
    keys : tuple of (asset, sensor, channel)
    units : tuple of str
        As the table gives them.
    sensor_of : tuple of int
        Row in `sensors` of each series.
    sensors : tuple of (asset, sensor)
    """

    time_ns: TimeArray
    value: FloatArray
    series: IndexArray
    keys: tuple[tuple[str, str, str], ...]
    units: tuple[str, ...]
    sensor_of: tuple[int, ...]
    sensors: tuple[tuple[str, str], ...]


def read_history(path: Path) -> HistoryTable:
    """Read a table of readings; rows without a value are left out.

    Raises
    ------
    ConfigurationError
        If the file or a column is not there, or a row cannot be read; with lines, several at once.
    """
    columns, lines = _parquet(path) if path.suffix.lower() in {".parquet", ".pq"} else _csv(path)
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise ConfigurationError(
            f"{path.name}: got columns {', '.join(columns)}, expected {', '.join(COLUMNS)} and optionally {_SENSOR}; "
            f"missing: {', '.join(missing)}"
        )
    times: list[int] = []
    values: list[float] = []
    series: list[int] = []
    found: dict[tuple[str, str, str], int] = {}
    units: list[str] = []
    faults: list[str] = []
    sensors = columns.get(_SENSOR) or [_ONLY_SENSOR] * len(columns["time"])
    rows = zip(lines, *(columns[name] for name in COLUMNS), sensors, strict=True)
    for number, time, asset, channel, text, unit, sensor in rows:
        try:
            value = _value(text)
            if value is None:
                continue
            key = (_identifier(asset, "asset"), _identifier(sensor or _ONLY_SENSOR, _SENSOR), str(channel))
            row = found.get(key)
            if row is None:
                row = found[key] = len(units)
                units.append(str(unit))
            elif units[row] != unit:
                raise ValueError(f"column unit: got {unit!r}, expected {units[row]!r} as before for {'/'.join(key)}")  # noqa: TRY301 -- one place that gathers faults
            times.append(_time(time))
        except ValueError as error:
            faults.append(f"line {number}: {error}")
            if len(faults) >= _FAULTS_SHOWN:
                break
        else:
            values.append(value)
            series.append(row)
    if faults:
        raise ConfigurationError(f"{path.name}: " + "; ".join(faults))
    if not values:
        raise ConfigurationError(f"{path.name}: got no value, expected rows of {', '.join(COLUMNS)}")
    return _sorted(times, values, series, list(found), units)


def _sorted(
    times: list[int], values: list[float], series: list[int], keys: list[tuple[str, str, str]], units: list[str]
) -> HistoryTable:
    time_ns = np.array(times, np.int64)
    order = np.argsort(time_ns, kind="stable")
    sensors = sorted({(asset, sensor) for asset, sensor, _ in keys})
    place = {sensor: row for row, sensor in enumerate(sensors)}
    return HistoryTable(
        time_ns=time_ns[order],
        value=np.array(values)[order],
        series=np.array(series, np.int32)[order],
        keys=tuple(keys),
        units=tuple(units),
        sensor_of=tuple(place[key[0], key[1]] for key in keys),
        sensors=tuple(sensors),
    )


def _csv(path: Path) -> tuple[dict[str, list[Any]], list[int]]:
    """Read columns by their names, and the line of each row."""
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text))
        names = [name.strip() for name in next(reader, [])]
        numbered = [(reader.line_num, row) for row in reader if row]
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise unreadable_table(path, error, "CSV in UTF-8, plain or gzip, or as Parquet") from error
    if fault := separator_line_fault(names):
        raise ConfigurationError(f"{path.name}: line 1: {fault}")
    for name in (*COLUMNS, _SENSOR):
        if names.count(name) > 1:
            raise ConfigurationError(f"{path.name}: line 1: got column {name!r} more than once, expected it once")
    for number, row in numbered:
        if len(row) != len(names):
            raise ConfigurationError(f"{path.name}: line {number}: got {len(row)} cells, expected {len(names)}")
    columns = {name: [row[place] for _, row in numbered] for place, name in enumerate(names)}
    return columns, [number for number, _ in numbered]


def _parquet(path: Path) -> tuple[dict[str, list[Any]], range]:
    """Read columns by their names, and rows counted as the lines of a CSV with them would be."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        if not path.exists():
            # Arrow's own error has no number of the system's.
            raise unreadable_table(
                path, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)), "Parquet"
            ) from error
        raise ConfigurationError(f"{path.name}: cannot be read as Parquet ({error}); write it again") from error
    columns: dict[str, list[Any]] = {}
    for name in table.column_names:
        column = table.column(name)
        # Timestamps keep their nanoseconds as numbers of seconds would not.
        if _is_time(column):
            columns[name] = column.cast(pa.timestamp("ns")).cast(pa.int64()).to_pylist()
        elif name == "time":
            columns[name] = [str(cell) for cell in column.to_pylist()]
        else:
            columns[name] = column.to_pylist()
    return columns, range(2, table.num_rows + 2)


def _is_time(column: Any) -> bool:
    return bool(pa.types.is_timestamp(column.type))


def _time(value: object) -> int:
    """Read a time: whole nanoseconds of a Parquet timestamp, else text or a number of seconds."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        return parse_time_ns(str(value))
    except ValueError as error:
        raise ValueError(f"column time: {error}") from error


def _value(cell: object) -> float | None:
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    try:
        value = plain_number(str(cell))
    except ValueError as error:
        raise ValueError(f"column value: got {cell!r}, expected a number or nothing") from error
    if math.isinf(value):
        raise ValueError(f"column value: got {cell!r}, expected a finite number or nothing")
    return None if math.isnan(value) else value


def _identifier(cell: object, column: str) -> str:
    text = str(cell)
    if not is_identifier(text):
        raise ValueError(f"column {column}: got {text!r}, expected 1 to 64 of A-Z a-z 0-9 _ -")
    return text
