"""The data folder: made, tried, and worked in by one process of a kind at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from domain.errors import ConfigurationError, StorageUnavailable
from service.settings import Settings

__all__ = ["check_installed", "only_one", "prepare_folder", "projections_path", "status_path", "unwritable", "why_not"]


def status_path(settings: Settings) -> Path:
    """Give the file that says how ingest is doing."""
    return settings.data_dir / "ingest-status.json"


def projections_path(settings: Settings) -> Path:
    """Give the file that says how the process of the projections is doing."""
    return settings.data_dir / "projections-status.json"


def check_installed(settings: Settings) -> None:
    """See that there is something to look into, so that nothing is made by looking.

    Raises
    ------
    ConfigurationError
        If the data folder has no journal.
    """
    if settings.journal_path.is_file():
        return
    demo = settings.data_dir / "demo"
    # `schouw run --demo` keeps its data in a folder of their own, one further down.
    has_demo = (demo / settings.journal_path.name).is_file()
    other = f"; that of the demo is --data-dir {demo}" if has_demo else ", or give --data-dir"
    raise ConfigurationError(f"no installation in {str(settings.data_dir)!r}; start `schouw run` there first{other}")


def prepare_folder(settings: Settings, *, least_bytes: int = 0) -> None:
    """Make the data folder and try to write there.

    Parameters
    ----------
    least_bytes : int
        So much is written to the disk for a trial; 0 only makes a file, which works on a full disk too.

    Raises
    ------
    ConfigurationError
        If that does not work, in one sentence.
    StorageUnavailable
        If the disk is full: no setting is wrong then, and who watches the process starts it again.
    """
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        try:
            probe.write_bytes(bytes(least_bytes))
            if least_bytes:
                with probe.open("rb") as file:
                    os.fsync(file.fileno())
        finally:
            with contextlib.suppress(FileNotFoundError):  # another process may be starting beside us
                probe.unlink()
    except OSError as error:
        raise unwritable(
            f"data folder {str(folder)!r}", error, otherwise="give another with SCHOUW_DATA_DIR or --data-dir"
        ) from error


def unwritable(what: str, error: OSError, *, otherwise: str) -> ConfigurationError | StorageUnavailable:
    """Put into words that something cannot be written.

    Parameters
    ----------
    what : str
        The file or folder, with its name in quotes.
    otherwise : str
        What to do where the disk is not full.

    Returns
    -------
    StorageUnavailable
        If the disk is full: no setting is wrong then, and who watches the process starts it again.
    ConfigurationError
        Otherwise.
    """
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StorageUnavailable(f"{what} cannot be written ({error.strerror}); free the disk, then start again")
    return ConfigurationError(f"{what} cannot be written ({why_not(error)}); {otherwise}")


def why_not(error: OSError) -> str:
    """Say why a folder cannot be made or written to; the system's "File exists" is about a file in its place.

    Examples
    --------
    >>> why_not(OSError(errno.EEXIST, "File exists")), why_not(OSError(errno.EACCES, "Permission denied"))
    ('there is a file of that name', 'Permission denied')
    """
    return "there is a file of that name" if error.errno == errno.EEXIST else error.strerror or str(error)


@contextmanager
def only_one(folder: Path, work: str = "ingest") -> Iterator[None]:
    """Hold the folder's lock for one kind of work; the kernel gives it back however the process ends.

    Raises
    ------
    ConfigurationError
        If another process does this work here.
    """
    with (folder / f"{work}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigurationError(
                f"another {work} process works in {str(folder)!r}; stop it, or give another folder with --data-dir"
            ) from error
        yield
