"""CSV as offices write it: comma or semicolon, with or without a byte-order mark, decimal comma from Excel.

Some programs put a line `sep=;` above the names of the columns, by which Excel knows the separator. It is taken at its
word and is no row.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from domain.errors import RegisterError
from ingest.fields import Faults, Fields

__all__ = ["Table", "named_separator", "read_table", "read_text"]

# Quotes and empty cells around it are what a spreadsheet makes of the line when it saves the table again.
_SEPARATOR_LINE: Final = re.compile(r'"?sep=(.?)"?[,;\s]*', re.IGNORECASE)


class Table(NamedTuple):
    """A table in memory.

    Attributes
    ----------
    columns : tuple of str
        Names in the header, without the blanks around them.
    rows : tuple of Fields
        One for each line that is not blank, by column.
    header_line : int
        Line of the header, 1 where nothing stands above it.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Fields, ...]
    header_line: int

    def has_columns(self, names: Iterable[str], faults: Faults) -> bool:
        """Tell whether the columns needed are there, and note those that are not."""
        missing = [name for name in names if name not in self.columns]
        for name in missing:
            faults.add(f"{self.path}, line {self.header_line}", ", ".join(self.columns), f"also a column {name!r}")
        return not missing


def read_text(path: Path) -> str:
    """Read a file as UTF-8, without its byte-order mark.

    Raises
    ------
    RegisterError
        If it cannot be read or is in another encoding.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise RegisterError(f"{path}: cannot be read: {error.strerror or error}; check name and rights") from error
    except UnicodeDecodeError as error:
        raise RegisterError(
            f"{path}: got byte {error.object[error.start]:#04x} at {error.start}, expected UTF-8; "
            "in Excel save as 'CSV UTF-8'"
        ) from error


def named_separator(line: str) -> str | None:
    """Give the separator that a line names as Excel has it, None where the line is another one.

    Examples
    --------
    >>> named_separator("sep=;"), named_separator("separation;type")
    (';', None)
    """
    found = _SEPARATOR_LINE.fullmatch(line)
    return None if found is None else found[1]


def read_table(path: Path, faults: Faults) -> Table:
    """Read a CSV file.

    The separator is named by a first line `sep=;`, or is the one of comma and semicolon that the header has more of;
    with semicolons a comma in a number is its decimal point, and a point that may mark thousands is a fault
    (`ingest.fields`). Faults in single lines are noted in `faults`.

    Raises
    ------
    RegisterError
        If there is no table in the file at all.
    """
    text = read_text(path)
    header, line_end, below = text.partition("\n")
    separator = named_separator(header)
    if separator is None:
        separator = ";" if header.count(";") > header.count(",") else ","
    elif separator in {",", ";"}:
        text = line_end + below  # a blank line in its place, so that the others keep their numbers
    else:
        raise RegisterError(
            f"{path}, line 1: got {header.strip()!r}, expected 'sep=;' or 'sep=,'; "
            "save the table with semicolons or commas between its cells"
        )
    lines = _lines(path, text, separator, faults)
    first = next(lines, None)
    if first is None:
        raise RegisterError(f"{path}: got an empty file, expected a first line with the names of the columns")
    header_line, names = first
    columns = tuple(name.strip() for name in names)
    for place, name in enumerate(columns):
        if not name or name in columns[:place]:
            faults.add(f"{path}, line {header_line}, column {place + 1}", name, "a name, and each name once")
    rows = []
    for number, cells in lines:
        if len(cells) > len(columns):
            extra = separator.join(cells[len(columns) :])
            expected = f"{len(columns)} columns as in line {header_line}; put cells that hold {separator!r} in quotes"
            faults.add(f"{path}, line {number}", extra, expected)
            continue
        values = dict(zip(columns, cells, strict=False))
        rows.append(Fields(f"{path}, line {number}", values, faults, decimal_comma=separator == ";"))
    return Table(path, columns, tuple(rows), header_line)


def _lines(path: Path, text: str, separator: str, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    """Give lines that are not blank with their numbers; a line that breaks the quoting ends the file."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            faults.add(f"{path}, line {start}", str(error), "cells in balanced double quotes")
            return
        if any(cell.strip() for cell in cells):
            yield start, cells
