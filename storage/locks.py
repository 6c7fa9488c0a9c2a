"""Locks of the kernel on files beside the journal; each ends with its process, however that ends.

`journal.sqlite.use` is held shared by everybody who has the journal open, and alone by whoever puts another file in
its place. `journal.sqlite.keep` is held shared by whoever copies the data folder, and alone while entries are removed:
so what a copy's projections do not have yet is still in its journal.
"""

from __future__ import annotations

import fcntl
import os
import weakref
from pathlib import Path
from typing import Self

from domain.errors import ConfigurationError, StorageUnavailable

__all__ = ["FileLock", "hold_journal", "keep_entries", "remove_entries", "replace_journal", "unfinished_marker"]


class FileLock:
    """A lock on a file that is made for it and stays behind, empty.

    Parameters
    ----------
    path : Path
    exclusive : bool
        Alone, or with others who share it.
    wait : bool
        Wait for those who hold it, or give up at once.

    Raises
    ------
    BlockingIOError
        If others hold it and `wait` is False.
    """

    def __init__(self, path: Path, *, exclusive: bool, wait: bool) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
            fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)
        except BaseException:
            os.close(descriptor)
            raise
        self._close = weakref.finalize(self, os.close, descriptor)

    def release(self) -> None:
        """Give it back; once is enough."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def hold_journal(journal: Path) -> FileLock:
    """Say that the journal is open.

    Raises
    ------
    ConfigurationError
        If a restore is putting another file in its place, or was broken off while it did.
    StorageUnavailable
        If the folder cannot be written.
    """
    try:
        lock = FileLock(_beside(journal, "use"), exclusive=False, wait=False)
    except BlockingIOError as error:
        raise ConfigurationError(
            f"journal {journal.name}: got a restore that is under way; wait until it has ended, then start again"
        ) from error
    except OSError as error:
        raise StorageUnavailable(
            f"journal {journal.name}: got {error.strerror}; see that the folder is there and can be written"
        ) from error
    if unfinished_marker(journal).exists():
        lock.release()
        raise ConfigurationError(
            f"journal {journal.name}: a restore was broken off; run the same `schouw restore` again"
        )
    return lock


def unfinished_marker(journal: Path) -> Path:
    """Give the file that is there while a restore has begun and not ended."""
    return _beside(journal, "restoring")


def replace_journal(journal: Path) -> FileLock:
    """Keep everybody else away from the journal.

    Raises
    ------
    ConfigurationError
        If a process has it open.
    """
    try:
        return FileLock(_beside(journal, "use"), exclusive=True, wait=False)
    except BlockingIOError as error:
        raise ConfigurationError(
            f"got processes that work in {str(journal.parent)!r}, expected none; stop `schouw run`, `schouw ingest` "
            "and `schouw api`, then try again"
        ) from error


def keep_entries(journal: Path) -> FileLock:
    """Let no entry leave the journal while this is held; waits for a removal that is under way."""
    return FileLock(_beside(journal, "keep"), exclusive=False, wait=True)


def remove_entries(journal: Path) -> FileLock | None:
    """Begin to remove entries; None while somebody wants them kept."""
    try:
        return FileLock(_beside(journal, "keep"), exclusive=True, wait=False)
    except BlockingIOError:
        return None


def _beside(journal: Path, suffix: str) -> Path:
    return journal.with_name(f"{journal.name}.{suffix}")
