"""The line `sep=;` above a table: Excel's word to itself, which tables with commas have no use for."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.tables import named_separator

__all__ = ["separator_line_fault"]


def separator_line_fault(header: Sequence[str]) -> str:
    """Say what is wrong where the cells read as a header are such a line; nothing where they are not.

    Examples
    --------
    >>> separator_line_fault(["sep=;"])[:57]
    "got the line 'sep=;', by which Excel names the separator,"
    >>> separator_line_fault(["time", "f1"])
    ''
    """
    line = ",".join(header)
    if named_separator(line) is None:
        return ""
    return (
        f"got the line {line!r}, by which Excel names the separator, expected the names of the columns; "
        "remove the line, and save the table with commas between its cells"
    )
