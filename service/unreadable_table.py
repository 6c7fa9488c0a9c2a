"""Tables of people that cannot be read, in words: away or not to be opened, or no table."""

from __future__ import annotations

from pathlib import Path

from domain.errors import ConfigurationError

__all__ = ["unreadable_table"]


def unreadable_table(path: Path, error: Exception, kinds: str) -> ConfigurationError:
    """Tell a file that the system does not give from one that holds something else.

    Parameters
    ----------
    kinds : str
        What it may be saved as, such as "CSV in UTF-8".

    Examples
    --------
    >>> print(unreadable_table(Path("a/b.csv"), FileNotFoundError(2, "No such file or directory"), "CSV in UTF-8"))
    'a/b.csv' cannot be read (No such file or directory); give a file that is there and may be read
    >>> print(unreadable_table(Path("a/b.csv"), EOFError("it ends too soon"), "CSV in UTF-8"))
    b.csv: cannot be read as a table (it ends too soon); save it as CSV in UTF-8
    """
    # What gzip and Parquet say of their content is an OSError too, without a number of the system's.
    if isinstance(error, OSError) and error.errno is not None:
        return ConfigurationError(
            f"{str(path)!r} cannot be read ({error.strerror}); give a file that is there and may be read"
        )
    return ConfigurationError(f"{path.name}: cannot be read as a table ({error}); save it as {kinds}")
