"""Files that commands write: whole under their name, or not there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

__all__ = ["whole_file"]


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Give a path beside a file to write to; it takes the file's name when all is written.

    Where that fails what was written is removed, and what had the name before stays. The ending is the same, because
    some writers go by it.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with whole_file(folder / "risks.csv") as part:
    ...     part.name, part.write_text("asset"), (folder / "risks.csv").exists()
    ('part-risks.csv', 5, False)
    >>> [path.name for path in folder.iterdir()]
    ['risks.csv']
    """
    part = target.with_name(f"part-{target.name}")
    try:
        yield part
        part.replace(target)
    finally:
        # A disk that takes nothing does not take this either, and that is told already.
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
