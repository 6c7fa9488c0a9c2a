"""A scenario's readings as one long table, as an owner would export a history: CSV (plain or gzip) or Parquet.

Columns `time, asset, sensor, channel, value, unit`, one value a row, day by day. Waveforms are not in it, nor what
happens to messages on their way: no duplicates, no garbage.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ingest.formats.times import format_time
from simulator.device_readings import handed_over
from simulator.scenario import Scenario
from simulator.world import World

__all__ = ["HISTORY_COLUMNS", "write_history"]

HISTORY_COLUMNS: Final = ("time", "asset", "sensor", "channel", "value", "unit")

_Row = tuple[int, str, str, str, float, str]


def write_history(scenario: Scenario, path: Path, told: Callable[[int], None] = lambda _: None) -> int:
    """Write the history of a scenario and give the number of values.

    Parameters
    ----------
    path : Path
        `.parquet` writes Parquet, `.gz` compresses; everything else is plain CSV.
    told : callable
        Gets the days done.
    """
    days = _days(scenario, told)
    return _write_parquet(path, days) if path.suffix == ".parquet" else _write_csv(path, days)


def _days(scenario: Scenario, told: Callable[[int], None]) -> Iterator[list[_Row]]:
    world = World(scenario)
    for day in range(scenario.days):
        yield [
            (reading.time_ns, plan.id, sensor, channel, value, unit)
            for asset, plan in enumerate(scenario.assets)
            for sensor, readings in handed_over(world, asset, day * 24, day * 24 + 24)
            for reading in readings
            for channel, (value, unit) in reading.values.items()
        ]
        told(day + 1)


def _write_csv(path: Path, days: Iterator[list[_Row]]) -> int:
    count = 0
    with _opened(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HISTORY_COLUMNS)
        for rows in days:
            writer.writerows((format_time(row[0]), *row[1:]) for row in rows)
            count += len(rows)
    return count


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    if path.suffix == ".gz":
        # Without a name and a time in its header the same scenario gives the same bytes.
        with (
            path.open("wb") as raw,
            gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
            io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
        ):
            yield text
    else:
        with path.open("w", encoding="utf-8", newline="") as text:
            yield text


def _write_parquet(path: Path, days: Iterator[list[_Row]]) -> int:
    text = pa.dictionary(pa.int32(), pa.string())
    names = [(name, text) for name in ("asset", "sensor", "channel")]
    schema = pa.schema([("time", pa.timestamp("ns", "UTC")), *names, ("value", pa.float64()), ("unit", text)])
    count = 0
    with pq.ParquetWriter(path, schema) as writer:
        for rows in days:
            columns = list(zip(*rows, strict=True)) if rows else [()] * len(HISTORY_COLUMNS)
            arrays = [pa.array(np.array(columns[0], np.int64)).cast(schema.field("time").type)]
            for name, column in zip(HISTORY_COLUMNS[1:], columns[1:], strict=True):
                arrays.append(
                    pa.array(column, pa.float64()) if name == "value" else pa.array(column, pa.string()).cast(text)
                )
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(rows)
    return count
