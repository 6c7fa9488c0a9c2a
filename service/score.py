"""`schouw score`: any CSV through the online detector, row by row.

The file is read once, in order, and each row is judged before it is learned (`models.stream_detector`). Rows that
share a value of the group column are one stream, with a detector of its own; the streams may be interleaved. What
comes out has one row for each row that went in. It is written beside the target and takes its name only when
all of it is there, so that a fault half-way leaves nothing behind that looks like an answer.

A cell that is empty, `nan`, `na`, `null`, `none` or infinite is a missing value: no evidence. A cell that is neither a
number nor one of these is a fault of the file, named by line and column. Space around the name of a column does not
matter.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, TypeAlias

import numpy as np

from domain.arrays import FloatArray
from domain.errors import ConfigurationError, SchouwError
from ingest.formats.times import epoch_unit_ns
from models.stream_detector import StreamDetector, StreamVerdict
from service.held_environment import HeldEnvironment
from service.plain_number import plain_number
from service.plain_time import plain_time
from service.separator_line import separator_line_fault
from service.whole_file import whole_text

__all__ = ["ScoreInputError", "score_file"]

_Writer: TypeAlias = Callable[[Sequence[str]], object]

_GZIP_MAGIC: Final = b"\x1f\x8b"
_MISSING: Final = frozenset({"", "nan", "na", "n/a", "null", "none"})
_TIME_UNITS: Final = ("s", "index")
# Beyond thirty million years a number is no time; the bound keeps arithmetic on times finite.
_LATEST_S: Final = 1e15


class ScoreInputError(SchouwError):
    """A file to be scored that cannot be read as the table it should be.

    Attributes
    ----------
    row : int
        Line of the file, the header being 1; 0 where the whole file is meant.
    column : str
        Name of the column; empty where the whole row is meant.
    """

    def __init__(self, reason: str, *, row: int = 0, column: str = "") -> None:
        super().__init__(reason)
        self.row = row
        self.column = column


def score_file(
    source: Path,
    target: Path,
    *,
    time: str,
    values: Sequence[str],
    environment: Sequence[str] = (),
    group: str | None = None,
    commission: int = 0,
    expected_run_length: float = 10_000.0,
    time_unit: str = "s",
    told: Callable[[str], object] = lambda _: None,
) -> int:
    """Score every row of a CSV file and write the verdicts to another.

    Parameters
    ----------
    source : Path
        CSV with a header, plain or gzip (told by its first bytes), UTF-8, comma separated.
    target : Path
        Where the verdicts go, gzip where the name ends in `.gz`. Columns: `time` as it was read, `novelty` (minus the
        decimal logarithm of `p_value`, at least 0), `p_value`, `alarm` (0 or 1), and for each value column
        `expected_<name>` and `residual_<name>`, empty where there was no expectation or no value.
    time : str
        Column of times: ISO 8601, without a zone UTC; or numbers, in milliseconds, microseconds or nanoseconds where
        the first one would be beyond the year 5138 in seconds.
    values : sequence of str
        Columns of the quantities that are watched, at least one.
    environment : sequence of str, default ()
        Columns that explain the values and are not watched themselves.
    group : str or None, default None
        Column whose values tell streams apart; None for one stream.
    commission : int, default 0
        Rows at the start of each stream that are known to be healthy: learned, never alarmed.
    expected_run_length : float, default 10,000
        Mean rows between false alarms of a stream, more than 1.
    time_unit : {"s", "index"}, default "s"
        What a number in the time column is: Unix seconds; or nothing but the order of rows, the column then is not
        read as a time at all.
    told : callable
        Told at the end, in words, which value columns were never judged, or that there was no row at all.

    Returns
    -------
    int
        Rows written; none where the file ends behind its header, and then the target is a header alone.

    Raises
    ------
    ScoreInputError
        If the file is not a CSV with these columns, with line and column where it is not.
    ConfigurationError
        If the files are away or cannot be written, or an option is out of its range.
    """
    wanted = [time, *values, *environment, *([group] if group is not None else [])]
    _check_options(values, environment, commission, expected_run_length, time_unit)
    if not source.is_file():
        raise ConfigurationError(f"got {str(source)!r} to score, expected a CSV file that is there")
    if target.exists() and source.resolve() == target.resolve():
        raise ConfigurationError(f"got {str(target)!r} as source and as target, expected two different files")
    streams: dict[str, tuple[StreamDetector, HeldEnvironment]] = {}
    is_judged = np.zeros(len(values), np.bool_)
    clock = _Clock()
    count = 0
    with _reading(source) as rows, _writing(target) as write:
        header = next(rows, None)
        columns = _find_columns(source, header, wanted)
        width = len(header or ())
        time_at, value_at = columns[0], columns[1 : 1 + len(values)]
        environment_at = columns[1 + len(values) : 1 + len(values) + len(environment)]
        group_at = columns[-1] if group is not None else None
        write(["time", "novelty", "p_value", "alarm", *_expectation_columns(values)])
        for line, row in rows.numbered():
            if len(row) != width:
                lacking = header[len(row)] if header is not None and len(row) < width else ""
                raise ScoreInputError(
                    f"{source.name}, line {line}{_in_column(lacking)}: got {len(row)} columns, expected {width} as in "
                    "the header; mend the row, or quote the cell that holds a comma",
                    row=line,
                    column=lacking,
                )
            key = row[group_at] if group_at is not None else ""
            stream = streams.get(key)
            if stream is None:
                detector = StreamDetector(
                    channels=len(values),
                    environments=len(environment),
                    commission=commission,
                    expected_run_length=expected_run_length,
                    has_clock=time_unit == "s",
                )
                stream = streams[key] = detector, HeldEnvironment(len(environment))
            detector, around = stream
            place = _Place(source.name, line)
            # Without a clock a row counts as a second, which is all that its order says.
            time_s = place.time(row[time_at], time, clock) if time_unit == "s" else float(detector.rows)
            known = around.hold(place.numbers(row, environment_at, environment))
            verdict = detector.step(time_s, place.numbers(row, value_at, values), known)
            is_judged |= np.isfinite(verdict.residual)
            write(_cells(row[time_at], verdict))
            count += 1
    if not count:
        told(f"{source.name} has a header and no row below it, so {target.name} is a header alone; check the export.")
    for name, was_judged in zip(values, is_judged.tolist(), strict=True):
        if count > commission and not was_judged:
            told(_never_judged(name, environment))
    return count


def _never_judged(name: str, environment: Sequence[str]) -> str:
    """Say of a value column that nothing is said of it, and what to look at."""
    rows = f"rows that also have {', '.join(environment)}" if environment else "rows with a value"
    return f"Column {name} was never judged: that takes {rows}, more of them than there were."


def _expectation_columns(values: Sequence[str]) -> list[str]:
    """Name the columns that follow the verdict."""
    return [f"{kind}_{name}" for name in values for kind in ("expected", "residual")]


def _check_options(
    values: Sequence[str], environment: Sequence[str], commission: int, expected_run_length: float, time_unit: str
) -> None:
    """Refuse options that mean nothing."""
    if not values:
        raise ConfigurationError("got no value columns, expected at least one; name them with --values A,B")
    named = [*values, *environment]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise ConfigurationError(f"got columns {twice} twice, expected each once, as a value or as environment")
    if commission < 0:
        raise ConfigurationError(f"got --commission {commission}, expected a number of rows, 0 or more")
    if not (math.isfinite(expected_run_length) and expected_run_length > 1.0):
        raise ConfigurationError(f"got --expected-run-length {expected_run_length}, expected more than 1 row")
    if time_unit not in _TIME_UNITS:
        raise ConfigurationError(f"got --time-unit {time_unit!r}, expected one of {', '.join(_TIME_UNITS)}")


class _Rows:
    """Rows of a CSV with their lines, its faults turned into ours; names of columns without space around them.

    The handle decodes with `surrogateescape`, so that bytes that are no text are told with their line and column.
    """

    def __init__(self, handle: IO[str], name: str) -> None:
        self._reader = csv.reader(handle, strict=True)
        self._name = name
        self._header: list[str] = []

    def __iter__(self) -> _Rows:
        return self

    def __next__(self) -> list[str]:
        # A quote that is never closed is found at the end of the file; what has to be mended is where its row began.
        line = self._reader.line_num + 1
        try:
            row = next(self._reader)
        except csv.Error as error:
            raise ScoreInputError(
                f"{self._name}, line {line}: got text that is not CSV ({error}), expected comma-separated cells; "
                "mend the quotes",
                row=line,
            ) from error
        except (EOFError, OSError, zlib.error) as error:
            raise ScoreInputError(
                f"{self._name}, line {line} or some after it: cannot be read ({error}), expected UTF-8 text, plain or "
                "gzip; write the file again",
                row=line,
            ) from error
        if not self._header:
            # Exports put a space behind the comma; nobody means it as part of a name.
            row = self._header = [name.strip() for name in row]
        if not "".join(row).isascii():
            self._check_text(row, line)
        return row

    def _check_text(self, row: list[str], line: int) -> None:
        for place, cell in enumerate(row):
            try:
                cell.encode()
            except UnicodeEncodeError as error:
                column = self._header[place] if line > 1 and place < len(self._header) else ""
                raise ScoreInputError(
                    f"{self._name}, line {line}{_in_column(column)}: got {cell!r} with bytes that are no text, "
                    "expected UTF-8 text, plain or gzip; save the file as UTF-8",
                    row=line,
                    column=column,
                ) from error

    def numbered(self) -> Iterator[tuple[int, list[str]]]:
        """Yield line and cells; empty lines are no rows."""
        for row in self:
            if row:
                yield self._reader.line_num, row


@contextmanager
def _reading(source: Path) -> Iterator[_Rows]:
    """Open a table, plain or gzip."""
    try:
        raw = source.open("rb")
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {str(source)!r} ({error.strerror}), expected a file that may be read"
        ) from error
    with raw:
        packed = raw.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        raw.seek(0)
        if packed:
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield _Rows(_as_text(unpacked), source.name)
        else:
            yield _Rows(_as_text(raw), source.name)


def _as_text(raw: IO[bytes] | gzip.GzipFile) -> IO[str]:
    return io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")


def _in_column(name: str) -> str:
    return f", column {name!r}" if name else ""


@contextmanager
def _writing(target: Path) -> Iterator[_Writer]:
    """Write beside the target, and give it its name when everything went well."""
    try:
        with whole_text(target) as text:
            yield csv.writer(text, lineterminator="\n").writerow
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {str(target)!r} ({error.strerror}), expected a folder that may be written to, with room"
        ) from error


def _find_columns(source: Path, header: list[str] | None, wanted: Sequence[str]) -> list[int]:
    """Find the place of each column that was asked for."""
    if not header:
        raise ScoreInputError(f"{source.name}, line 1: got an empty line or file, expected the names of columns", row=1)
    if fault := separator_line_fault(header):
        raise ScoreInputError(f"{source.name}, line 1: {fault}", row=1)
    for name in wanted:
        count = header.count(name.strip())
        if count != 1:
            found = f"{count} columns" if count else "no column"
            raise ScoreInputError(
                f"{source.name}, line 1: got {found} {name!r} among {header}, expected exactly one; "
                "check the names, and that cells are separated by commas",
                row=1,
                column=name,
            )
    return [header.index(name.strip()) for name in wanted]


class _Clock:
    """What numbers in the column of times are counted in: the first one tells, for all that follow."""

    __slots__ = ("_unit_s",)

    def __init__(self) -> None:
        self._unit_s = math.nan

    def seconds(self, number: float) -> float:
        """Give seconds; NaN for what is no time in any unit."""
        if math.isnan(self._unit_s):
            self._unit_s = epoch_unit_ns(number) / 1e9
        return number * self._unit_s


class _Place:
    """Where in the file we are, for what is said when a cell is wrong."""

    __slots__ = ("_line", "_name")

    def __init__(self, name: str, line: int) -> None:
        self._name = name
        self._line = line

    def numbers(self, row: list[str], places: Sequence[int], names: Sequence[str]) -> FloatArray:
        """Read cells as float64, NaN where missing."""
        out = np.full(len(places), np.nan)
        for index, place in enumerate(places):
            text = row[place]
            try:
                number = plain_number(text)
            except ValueError:
                if text.strip().lower() in _MISSING:
                    continue
                raise self._wrong(text, names[index], "a number, or nothing where it is missing") from None
            if math.isfinite(number):
                out[index] = number
        return out

    def time(self, text: str, name: str, clock: _Clock) -> float:
        """Read a time as Unix seconds."""
        try:
            number = plain_number(text)
        except ValueError:
            try:
                return plain_time(text).timestamp()
            except ValueError:
                raise self._wrong(text, name, "an ISO 8601 time or a number of seconds") from None
        seconds = clock.seconds(number)
        if not abs(seconds) < _LATEST_S:
            raise self._wrong(text, name, f"a number of seconds within ±{_LATEST_S:g}")
        return seconds

    def _wrong(self, text: str, name: str, expected: str) -> ScoreInputError:
        return ScoreInputError(
            f"{self._name}, line {self._line}, column {name!r}: got {text!r}, expected {expected}; mend the cell",
            row=self._line,
            column=name,
        )


def _cells(time_text: str, verdict: StreamVerdict) -> list[str]:
    """Write a verdict: six digits of the chance, nine of what is in the values' own unit."""
    cells = [time_text, f"{verdict.novelty:.6g}", f"{verdict.p_value:.6g}", "1" if verdict.alarm else "0"]
    for expected, residual in zip(verdict.expected.tolist(), verdict.residual.tolist(), strict=True):
        cells.append("" if math.isnan(expected) else f"{expected:.9g}")
        cells.append("" if math.isnan(residual) else f"{residual:.9g}")
    return cells
