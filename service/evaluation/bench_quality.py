"""How good the detector is on public data: our figures with what others reached beside them.

Run it with `make bench-quality DATA=FOLDER`, or `python -m service.evaluation.bench_quality FOLDER [--json FILE]`.

The data are not part of the project. Given their folder, `run_bench` scores each set with `service.score`, hands the
result to the set's own scorer as a program of its own, and adds made-up bridge records
(`service.evaluation.bridge_record`). Only this file knows the names of data sets; the detector sees columns. The
scorers' truth is never read here.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from domain.arrays import BoolArray, FloatArray
from domain.errors import ConfigurationError, SchouwError
from models.stream_detector import StreamDetector
from service.evaluation.bridge_record import BridgeRecord, make_bridge_record
from service.score import score_file

__all__ = ["BenchFigure", "bench_json", "bench_table", "main", "run_bench"]

_SKAB_CHANNELS: Final = (
    "Accelerometer1RMS", "Accelerometer2RMS", "Current", "Pressure",
    "Temperature", "Thermocouple", "Voltage", "Volume_Flow_RateRMS",
)  # fmt: skip
# A page of text, where there is no terminal.
_PAGE_WIDTH: Final = 150
_BRIDGES: Final = 20
_BRIDGE_COMMISSION_DAYS: Final = 100
_DAY_S: Final = 86400.0


@dataclass(frozen=True, slots=True)
class BenchFigure:
    """One line of the table.

    Attributes
    ----------
    data : str
        Which data.
    figure : str
        What is measured, with its unit and direction.
    ours : float or None
        Measured now; None where the scorer found nothing to measure.
    good, goal : str
        What the project asked for.
    anchor : str
        What others reached, on data as named there.
    """

    data: str
    figure: str
    ours: float | None
    good: str
    goal: str
    anchor: str


def run_bench(data: Path) -> list[BenchFigure]:
    """Score all data sets in a folder.

    Parameters
    ----------
    data : Path
        Folder with `nab`, `skab`, `shm`, `bearing` and their scorers in `score`.

    Returns
    -------
    list of BenchFigure

    Raises
    ------
    ConfigurationError
        If the folder or a part of it is away, or a scorer fails.
    """
    for part in ("score", "nab", "skab", "shm", "bearing"):
        if not (data / part).is_dir():
            raise ConfigurationError(
                f"got {str(data)!r} as the folder of benchmark data, expected a folder {part!r} in it; "
                "the data are not shipped with the project, name the folder that holds them"
            )
    with tempfile.TemporaryDirectory(prefix="schouw-bench-") as folder:
        work = Path(folder)
        return [*_nab(data, work), *_skab(data, work), *_yonghe(data, work), *_bearing(data, work), *_bridges()]


def bench_table(figures: Sequence[BenchFigure], console: Console) -> None:
    """Print the figures."""
    table = Table("data", "figure", "ours", "good", "goal", "others")
    for row in figures:
        ours = "none" if row.ours is None else f"{row.ours:.4g}"
        table.add_row(row.data, row.figure, ours, row.good, row.goal, row.anchor)
    console.print(table)


def bench_json(figures: Sequence[BenchFigure]) -> str:
    """Write the figures as JSON, a list of objects."""
    return json.dumps([asdict(row) for row in figures], indent=2, ensure_ascii=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; give 2 and one sentence where the data are not as they should be."""
    parser = argparse.ArgumentParser(description="How good the detector is on public benchmark data.")
    parser.add_argument("data", type=Path, help="folder with nab, skab, shm, bearing and score")
    parser.add_argument("--json", type=Path, help="file to write the figures to as well")
    options = parser.parse_args(arguments)
    try:
        figures = run_bench(options.data)
    except SchouwError as error:
        sys.stderr.write(f"bench-quality: {error}\n")
        return 2
    bench_table(figures, Console(width=None if sys.stdout.isatty() else _PAGE_WIDTH))
    if options.json is not None:
        options.json.write_text(bench_json(figures) + "\n", encoding="utf-8")
    return 0


def _nab(data: Path, work: Path) -> Iterator[BenchFigure]:
    source, verdicts = data / "nab" / "data.csv.gz", work / "nab.csv"
    begun = time.process_time()
    rows = score_file(source, verdicts, time="timestamp", values=["value"], group="file")
    spent_us = (time.process_time() - begun) / rows * 1e6
    given = _for_scorer(source, verdicts, work, "file", "timestamp")
    result = _scorer(data, "nab_score.py", given, "--split", "dev", "--records", "100")[0]
    anchor = "all files: ARTime 74.9, Numenta HTM 70.1, CAD OSE 69.9, KNN CAD 58.0; prototype 63.5"
    yield BenchFigure("NAB dev", "standard score (higher)", result["nab"], "64", "71", anchor)
    yield BenchFigure("NAB dev", "processor time a reading, µs (lower)", spent_us, "100", "100", "")


def _skab(data: Path, work: Path) -> Iterator[BenchFigure]:
    source, verdicts = data / "skab" / "data.csv.gz", work / "skab.csv"
    score_file(source, verdicts, time="datetime", values=_SKAB_CHANNELS, group="file", commission=400)
    given = _for_scorer(source, verdicts, work, "file", "datetime")
    picked = _scorer(data, "skab_score.py", given, "--pick", "dev", "--split", "dev")[0]
    alarmed = _scorer(data, "skab_score.py", given, "--split", "dev")[0]
    anchor = "Conv-AE 0.78 / 13.6, MSET 0.78 / 39.7; prototype 0.823 / 20.6"
    yield BenchFigure("SKAB dev", "F1, best threshold (higher)", picked["F1"], "0.80", "0.87", anchor)
    yield BenchFigure("SKAB dev", "false alarms, best threshold, % (lower)", picked["FAR_pct"], "23", "12", "")
    yield BenchFigure("SKAB dev", "delay, best threshold, s (lower)", picked["mean_delay_s"], "", "20", "")
    yield BenchFigure("SKAB dev", "F1, our alarms (higher)", alarmed["F1"], "", "", "")
    yield BenchFigure("SKAB dev", "false alarms, our alarms, % (lower)", alarmed["FAR_pct"], "", "", "")


def _yonghe(data: Path, work: Path) -> Iterator[BenchFigure]:
    source, verdicts = data / "shm" / "yonghe_fdd_hourly.csv.gz", work / "yonghe.csv"
    score_file(source, verdicts, time="hour", values=["f1", "f2", "f3", "f4"], commission=96)
    given = _for_scorer(source, verdicts, work, "yonghe", "hour")
    result = _scorer(data, "shm_score.py", given)[0]
    yield BenchFigure("Yonghe", "AUC (higher)", result["AUC"], "", "", "")
    yield BenchFigure("Yonghe", "false alarms, share of rows (lower)", result["false_alarm_share"], "", "", "")


def _bearing(data: Path, work: Path) -> Iterator[BenchFigure]:
    source = data / "bearing" / "ims_features.csv.gz"
    for name, values in (("four channels", ["c1", "c2", "c3", "c4"]), ("one channel", ["c1"])):
        verdicts = work / "bearing.csv"
        score_file(source, verdicts, time="timestamp", values=values, commission=196)
        given = _for_scorer(source, verdicts, work, "ims2", "timestamp")
        result = _scorer(data, "shm_score.py", given)[0]
        first = result["first_alarm_row"]
        share = None if first is None else 100.0 * first / result["rows"]
        anchor = "known onset near 54 %"
        yield BenchFigure(f"bearing, {name}", "first alarm, % of life", share, "50 to 60", "53 to 55", anchor)


def _bridges() -> Iterator[BenchFigure]:
    area, false_share, delay = [], [], []
    for seed in range(_BRIDGES):
        record = make_bridge_record(np.random.default_rng(seed))
        novelty, alarm = _score_bridge(record)
        healthy = slice(_BRIDGE_COMMISSION_DAYS, record.step_day)
        area.append(_area_under_curve(novelty[healthy], novelty[record.step_day :]))
        false_share.append(100.0 * float(alarm[healthy].mean()))
        raised = np.flatnonzero(alarm[record.step_day :])
        delay.append(float(raised[0]) if len(raised) else np.inf)
    anchor = "a real record: 0.79 without compensation, 0.996 with"
    data = f"{_BRIDGES} made-up bridges"
    yield BenchFigure(data, "median AUC of a 0.3 % step (higher)", float(np.median(area)), "0.99", "0.995", anchor)
    yield BenchFigure(data, "mean AUC (higher)", float(np.mean(area)), "", "", "")
    yield BenchFigure(data, "false-alarm days, % (lower)", float(np.mean(false_share)), "", "1", "")
    yield BenchFigure(data, "median delay, days (lower)", float(np.median(delay)), "", "5", "")


def _score_bridge(record: BridgeRecord) -> tuple[FloatArray, BoolArray]:
    detector = StreamDetector(channels=1, environments=1, commission=_BRIDGE_COMMISSION_DAYS)
    verdicts = [
        detector.step(_DAY_S * day, record.natural_frequency_hz[day : day + 1], record.temperature_degc[day : day + 1])
        for day in range(len(record.temperature_degc))
    ]
    return np.array([row.novelty for row in verdicts]), np.array([row.alarm for row in verdicts])


def _area_under_curve(healthy: FloatArray, changed: FloatArray) -> float:
    """Give the chance that a changed row scores above a healthy one, ties counting half."""
    above = (changed[:, np.newaxis] > healthy).mean()
    equal = (changed[:, np.newaxis] == healthy).mean()
    return float(above + 0.5 * equal)


def _for_scorer(source: Path, verdicts: Path, work: Path, file: str, clock: str) -> Path:
    """Write what the scorers read; `file` is the column that names the stream, or the name where there is none."""
    given = work / f"{verdicts.stem}_scores.csv"
    with _opened(source) as rows, _opened(verdicts) as scored, given.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["file", "timestamp", "score", "alarm"])
        for row, verdict in zip(csv.DictReader(rows), csv.DictReader(scored), strict=True):
            writer.writerow([row.get(file, file), row[clock], verdict["novelty"], verdict["alarm"]])
    return given


@contextmanager
def _opened(path: Path) -> Iterator[io.TextIOBase]:
    opener: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", newline="") as handle:
        yield handle


def _scorer(data: Path, name: str, *arguments: str | Path) -> list[dict[str, Any]]:
    """Run a scorer and read the objects it prints, one a line."""
    command = [sys.executable, str(data / "score" / name), *map(str, arguments)]
    # The folder and its scorers are the user's own choice.
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise ConfigurationError(
            f"scorer {name!r} ended with {done.returncode} and {done.stderr.strip()[-300:]!r}, expected figures; "
            "check that data and scorers belong together"
        )
    return [json.loads(line) for line in done.stdout.splitlines()]


if __name__ == "__main__":
    sys.exit(main())
