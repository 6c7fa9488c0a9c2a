"""Publish a table of history through MQTT, as a gateway would have: any CSV, columns mapped by the caller.

The readings go through the same door as live ones. Where the register does not have the asset yet, the
caller may have it added with what the columns say.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Final, Literal

import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from domain.errors import ConfigurationError
from domain.identifiers import is_identifier
from ingest.formats.project import OutgoingReading, encode_readings
from service.plain_number import plain_number
from service.plain_time import plain_time
from service.separator_line import separator_line_fault
from service.unreadable_table import unreadable_table

__all__ = ["ReplayColumn", "ReplayPlan", "ReplayTable", "messages_of", "parse_column", "parse_time_ns", "read_table"]

_NS: Final = 1_000_000_000
TimeUnit = Literal["auto", "s", "ms", "minutes", "hours", "days", "index"]
_UNIT_NS: Final[dict[str, int]] = {
    "s": _NS,
    "ms": 1_000_000,
    "minutes": 60 * _NS,
    "hours": 3600 * _NS,
    "days": 86_400 * _NS,
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FAULTS_SHOWN: Final = 10
# Well inside what int64 nanoseconds can hold.
_EARLIEST_NS: Final = -270 * 31_556_952 * _NS
_LATEST_NS: Final = 230 * 31_556_952 * _NS


@dataclass(frozen=True, slots=True)
class ReplayColumn:
    """One column of values: where it stands and what it is."""

    column: str
    channel: str
    unit: str


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """What is published, and as whom."""

    asset: str
    sensor: str
    gateway: str
    time_column: str
    time_unit: TimeUnit
    start_ns: int
    columns: tuple[ReplayColumn, ...]
    rows_per_message: int


@dataclass(frozen=True, slots=True)
class ReplayTable:
    """Rows of a table: times, and values by column; NaN where a cell is empty."""

    time_ns: tuple[int, ...]
    values: tuple[tuple[float, ...], ...]

    def interval_s(self) -> float:
        """Give the usual distance between rows, in seconds; an hour where one row tells nothing."""
        steps = [b - a for a, b in zip(self.time_ns[:-1], self.time_ns[1:], strict=True) if b > a]
        return statistics.median(steps) / _NS if steps else 3600.0


def parse_column(text: str) -> ReplayColumn:
    """Read `COLUMN=CHANNEL:UNIT`, as given on the command line.

    Raises
    ------
    ConfigurationError
        If a part is missing.

    Examples
    --------
    >>> parse_column("f1=natural_frequency_1:Hz")
    ReplayColumn(column='f1', channel='natural_frequency_1', unit='Hz')
    """
    column, equals, rest = text.partition("=")
    channel, colon, unit = rest.rpartition(":")
    if not (column and equals and channel and colon and unit):
        raise ConfigurationError(
            f"got value column {text!r}, expected COLUMN=CHANNEL:UNIT such as f1=natural_frequency_1:Hz"
        )
    return ReplayColumn(column, channel, unit)


def read_table(path: Path, plan: ReplayPlan) -> ReplayTable:
    """Read the mapped columns of a CSV file, plain or gzip, or of a Parquet file.

    Raises
    ------
    ConfigurationError
        If the file, a column, a time or a value cannot be read; with line and column, several at once.
    """
    if not path.is_file():
        raise ConfigurationError(f"got {str(path)!r}, expected a CSV file that is there")
    for name in (plan.asset, plan.sensor, plan.gateway):
        if not is_identifier(name):
            raise ConfigurationError(f"got identifier {name!r}, expected 1 to 64 of A-Z a-z 0-9 _ -")
    times: list[int] = []
    rows: list[tuple[float, ...]] = []
    faults: list[str] = []
    try:
        with _opened(path) as text:
            reader = csv.DictReader(text)
            if fault := separator_line_fault(reader.fieldnames or ()):
                raise ConfigurationError(f"{path.name}, line 1: {fault}")
            wanted = [column.column for column in plan.columns]
            if plan.time_unit != "index":
                wanted.append(plan.time_column)
            missing = [name for name in wanted if name not in (reader.fieldnames or ())]
            if missing:
                raise ConfigurationError(
                    f"{path.name}: got columns {', '.join(reader.fieldnames or ()) or 'none'}, expected also "
                    f"{', '.join(missing)}; check the names, and that cells are separated by commas"
                )
            for number, row in enumerate(reader):
                try:
                    times.append(_time_ns(row.get(plan.time_column) or "", number, plan))
                    rows.append(tuple(_value(row[column.column], column.column) for column in plan.columns))
                except ValueError as error:
                    del times[len(rows) :]
                    faults.append(f"line {reader.line_num}: {error}")
                    if len(faults) >= _FAULTS_SHOWN:
                        break
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise unreadable_table(path, error, "CSV in UTF-8, plain or gzip, or as Parquet") from error
    if faults:
        raise ConfigurationError(f"{path.name}: " + "; ".join(faults))
    return ReplayTable(tuple(times), tuple(rows))


def messages_of(table: ReplayTable, plan: ReplayPlan) -> Iterator[tuple[int, str, bytes]]:
    """Give (time of the last reading, topic, payload) message by message, in the order of the table."""
    for first in range(0, len(table.time_ns), plan.rows_per_message):
        last = first + plan.rows_per_message
        readings = [
            OutgoingReading(time_ns, _present(plan.columns, values))
            for time_ns, values in zip(table.time_ns[first:last], table.values[first:last], strict=True)
        ]
        readings = [reading for reading in readings if reading.values]
        if readings:
            topic, payload = encode_readings(plan.gateway, plan.asset, plan.sensor, readings)
            yield readings[-1].time_ns, topic, payload


def _present(columns: Sequence[ReplayColumn], values: Sequence[float]) -> dict[str, tuple[float, str]]:
    pairs = zip(columns, values, strict=True)
    return {column.channel: (value, column.unit) for column, value in pairs if not math.isnan(value)}


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    if path.suffix in {".parquet", ".pq"}:
        # As CSV it is read, checked and reported like any other table.
        packed = io.BytesIO()
        try:
            arrow_csv.write_csv(parquet.read_table(path), packed)
        except pa.ArrowException as error:
            raise OSError(f"no Parquet file: {error}") from error
        yield io.StringIO(packed.getvalue().decode("utf-8"), newline="")
    elif path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as text:
            yield text
    else:
        with path.open(encoding="utf-8-sig", newline="") as text:
            yield text


def _value(text: str | None, column: str) -> float:
    if text is None or not text.strip():
        return math.nan
    try:
        value = plain_number(text)
    except ValueError as error:
        raise ValueError(f"column {column}: got {text!r}, expected a number or nothing") from error
    if math.isinf(value):
        raise ValueError(f"column {column}: got {text!r}, expected a finite number or nothing")
    return value


def _time_ns(text: str, number: int, plan: ReplayPlan) -> int:
    if plan.time_unit == "index":
        return plan.start_ns + number * 3600 * _NS
    time_ns = _parsed_ns(text.strip(), plan)
    if not _EARLIEST_NS <= time_ns <= _LATEST_NS:
        raise ValueError(f"column {plan.time_column}: got {text!r}, expected a time from 1700 to 2200")
    return time_ns


def _parsed_ns(text: str, plan: ReplayPlan) -> int:
    if plan.time_unit in _UNIT_NS:
        try:
            return plan.start_ns + round(plain_number(text) * _UNIT_NS[plan.time_unit])
        except (ValueError, OverflowError) as error:
            raise ValueError(
                f"column {plan.time_column}: got {text!r}, expected a number of {plan.time_unit}"
            ) from error
    try:
        return parse_time_ns(text)
    except ValueError as error:
        raise ValueError(f"column {plan.time_column}: {error}") from error


def parse_time_ns(text: str) -> int:
    """Read a time: ISO 8601 (UTC where it has no zone) or a number of seconds since 1970; Unix nanoseconds.

    Raises
    ------
    ValueError
        With what was expected.

    Examples
    --------
    >>> parse_time_ns("1970-01-01 00:00:01"), parse_time_ns("2.5")
    (1000000000, 2500000000)
    """
    try:
        time_ns = _seconds_or_iso_ns(text)
    except ValueError as error:
        raise ValueError(f"got {text!r}, expected ISO 8601 or a number of seconds") from error
    if not _EARLIEST_NS <= time_ns <= _LATEST_NS:
        raise ValueError(f"got {text!r}, expected a time from 1700 to 2200; a number is seconds since 1970")
    return time_ns


def _seconds_or_iso_ns(text: str) -> int:
    try:
        return round(plain_number(text) * _NS)
    except (ValueError, OverflowError):
        return (plain_time(text) - _EPOCH) // timedelta(microseconds=1) * 1000


def pace(started: float, first_ns: int, time_ns: int, speed: float) -> None:
    """Wait until a reading's turn; `speed` is event seconds a second, 0 for no waiting."""
    if speed > 0:
        ahead = (time_ns - first_ns) / _NS / speed - (time.monotonic() - started)
        if ahead > 0:
            time.sleep(ahead)
