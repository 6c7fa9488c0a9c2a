"""Files that commands write: whole under their name, or not there."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import secrets
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, NoReturn

__all__ = ["whole_file", "whole_text"]

# So many characters of a name end the part's: an ending fits, and with them the longest name that a folder takes.
_ENDING: Final = 50
# What ends a program by a word of another: `kill`, `timeout`, a service manager, a terminal that is closed.
_ENDS: Final = (signal.SIGTERM, signal.SIGHUP)
# A shell's status of a program that a signal ended.
_ENDED_BY: Final = 128


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Give a path beside a file to write to; it takes the file's name when all is written.

    Where that fails, or the program is told to end, what was written is removed, and what had the name before stays.
    The part is a new file, whatever else is in the folder, so nothing there is written over and two commands may write
    to one target: the last one to end is what it holds. The ending is the same, because some writers go by it.

    A link is followed and stays. What is neither file nor folder, such as `/dev/null` or a pipe, has no name to give
    away and is written to as it is: who may write in its folder would otherwise put a file in the device's place.

    Raises
    ------
    OSError
        If the folder takes no file.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with whole_file(folder / "risks.csv") as part:
    ...     part.suffix, part.write_text("asset"), (folder / "risks.csv").exists()
    ('.csv', 5, False)
    >>> [path.name for path in folder.iterdir()]
    ['risks.csv']
    """
    if _is_stream(target):
        with _ended_in_order():
            yield target
        return
    if target.is_symlink():
        target = Path(os.path.realpath(target))
    part = target.parent / f".part-{secrets.token_hex(8)}-{target.name[-_ENDING:]}"
    # Not `tempfile`, whose files only their owner may read: this one will be the answer.
    with _ended_in_order():
        part.open("xb").close()
        try:
            yield part
            part.replace(target)
        finally:
            # A disk that takes nothing does not take this either, and that is told already.
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_text(target: Path) -> Iterator[IO[str]]:
    """Give a text file to write a table to, UTF-8, gzip where the name ends in `.gz`; see `whole_file`.

    Raises
    ------
    OSError
        If the folder takes no file, or no more of it.
    """
    with whole_file(target) as part, part.open("wb") as raw:
        # No time and no name in the gzip header: the same table is the same bytes.
        packed = gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) if target.suffix == ".gz" else None
        with io.TextIOWrapper(packed or raw, encoding="utf-8", newline="") as text:
            yield text


def _is_stream(target: Path) -> bool:
    """Tell what is there and is neither a file nor a folder: a device, a pipe, a socket."""
    return target.exists() and not target.is_file() and not target.is_dir()


@contextlib.contextmanager
def _ended_in_order() -> Iterator[None]:
    """Leave blocks in order where a signal would end the program at once; who has a handler of its own keeps it."""

    def end(number: int, _frame: object) -> NoReturn:
        sys.exit(_ENDED_BY + number)

    is_main = threading.current_thread() is threading.main_thread()
    ours = [number for number in _ENDS if is_main and signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
