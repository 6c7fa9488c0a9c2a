"""A CRC-32 over all columns of a row of the journal, its key included.

SQLite notices damage to its own structure, not to what is stored in it. A changed key is the worst of it: the row is
sound, and belongs to another hop, channel or entry. So the checksum that stands beside a row covers every column.

Rows written before version 5 have the checksum of their blobs alone, or none; which it is can be told by its size.
"""

from __future__ import annotations

import zlib
from typing import Final

from domain.errors import StorageCorrupt

__all__ = ["check_row", "is_as_written", "row_checksum"]

# Added to a checksum over all columns: a CRC-32 alone is always below it.
_WHOLE_ROW: Final = 2**32


def row_checksum(*values: object) -> int:
    """Compute the checksum of a row from its columns, without that of the checksum, in the order of the table.

    Parameters
    ----------
    values : int, str, bytes, or what a damaged column gives instead
        The kind and the length of each go in too, so that nothing can move from one column into the next.
    """
    crc = 0
    # What is short goes in together: each call costs more than its bytes.
    short = b""
    for value in values:
        if isinstance(value, bytes):
            crc = zlib.crc32(value, zlib.crc32(b"%bb%d:" % (short, len(value)), crc))
            short = b""
        elif isinstance(value, int):
            short += b"i%d:" % value
        else:
            text = str(value).encode(errors="surrogatepass")
            short += b"s%d:%b" % (len(text), text)
    return _WHOLE_ROW + zlib.crc32(short, crc)


def is_as_written(crc: object, *values: object) -> bool:
    """Compare a row with the checksum beside it; None is that of a row of a version that had none."""
    if crc is None:
        return True
    if not isinstance(crc, int):
        return False
    if crc >= _WHOLE_ROW:
        return crc == row_checksum(*values)
    old = 0
    for value in values:
        if isinstance(value, bytes):
            old = zlib.crc32(value, old)
    return crc == old


def check_row(crc: object, what: str, *values: object) -> None:
    """Refuse a row whose checksum does not fit.

    Parameters
    ----------
    what : str
        The row in words, for the error.

    Raises
    ------
    StorageCorrupt
        If the row is not what was written.
    """
    if not is_as_written(crc, *values):
        raise StorageCorrupt(f"{what}: not what was written; stop, run `schouw doctor`, and restore a backup")
