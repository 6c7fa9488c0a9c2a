"""Between `score_file` and the scorers of the benchmark data, which are programs of their own."""

from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from domain.errors import ConfigurationError

__all__ = ["SKAB_CHANNELS", "check_folder", "opened", "run_scorer", "write_for_scorer"]

SKAB_CHANNELS: Final = (
    "Accelerometer1RMS", "Accelerometer2RMS", "Current", "Pressure",
    "Temperature", "Thermocouple", "Voltage", "Volume_Flow_RateRMS",
)  # fmt: skip


def check_folder(data: Path) -> None:
    """Raise `ConfigurationError` if a folder does not hold the benchmark data and their scorers."""
    for part in ("score", "nab", "skab", "shm", "bearing"):
        if not (data / part).is_dir():
            raise ConfigurationError(
                f"got {str(data)!r} as the folder of benchmark data, expected a folder {part!r} in it; "
                "the data are not shipped with the project, name the folder that holds them"
            )


def write_for_scorer(source: Path, verdicts: Path, work: Path, file: str, clock: str) -> Path:
    """Write what the scorers read, and give its place.

    Parameters
    ----------
    source, verdicts : Path
        The table that was scored, and what `score_file` made of it.
    work : Path
        Folder to write into.
    file : str
        Column that names the stream, or the name itself where there is no such column.
    clock : str
        Column of the time.

    Returns
    -------
    Path
    """
    given = work / f"{verdicts.stem}_scores.csv"
    with opened(source) as rows, opened(verdicts) as scored, given.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["file", "timestamp", "score", "alarm"])
        for row, verdict in zip(csv.DictReader(rows), csv.DictReader(scored), strict=True):
            writer.writerow([row.get(file, file), row[clock], verdict["novelty"], verdict["alarm"]])
    return given


@contextmanager
def opened(path: Path) -> Iterator[io.TextIOBase]:
    """Open a table for reading, plain or gzip."""
    opener: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", newline="") as handle:
        yield handle


def run_scorer(data: Path, name: str, *arguments: str | Path) -> list[dict[str, Any]]:
    """Run a scorer and read the objects it prints, one a line.

    Parameters
    ----------
    data : Path
        Folder with the scorers in `score`.
    name : str
        File name of the scorer.
    *arguments : str or Path
        What it is given.

    Returns
    -------
    list of dict

    Raises
    ------
    ConfigurationError
        If it does not end well.
    """
    command = [sys.executable, str(data / "score" / name), *map(str, arguments)]
    # The folder and its scorers are the user's own choice.
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise ConfigurationError(
            f"scorer {name!r} ended with {done.returncode} and {done.stderr.strip()[-300:]!r}, expected figures; "
            "check that data and scorers belong together"
        )
    return [json.loads(line) for line in done.stdout.splitlines()]
