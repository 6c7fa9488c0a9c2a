"""How good the detector is on public data: our figures with what others reached beside them.

Run it with `make bench-quality DATA=FOLDER`, or `python -m service.evaluation.bench_quality FOLDER [--json FILE]`.

The data are not part of the project. Given their folder, `run_bench` scores each set with `service.score`, hands the
result to the set's own scorer as a program of its own, and adds made-up bridge records
(`service.evaluation.bridge_record`). Only this file knows the names of data sets; the detector sees columns. The
scorers' truth is never read here.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from domain.errors import SchouwError
from service.evaluation.bench_ablation import run_ablation
from service.evaluation.bench_halves import run_halves
from service.evaluation.benchmark_runs import BRIDGE_NOISES, score_bridges, score_nab, score_skab, service_figures
from service.evaluation.benchmark_scorers import check_folder, run_scorer, write_for_scorer
from service.score import score_file

__all__ = ["BenchFigure", "bench_json", "bench_table", "main", "run_bench"]

# A page of text, where there is no terminal.
_PAGE_WIDTH: Final = 150


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
    check_folder(data)
    with tempfile.TemporaryDirectory(prefix="schouw-bench-") as folder:
        work = Path(folder)
        return [*_nab(data, work), *_skab(data, work), *_yonghe(data, work), *_bearing(data, work), *_bridges()]


def _plain_table(rows: Sequence[tuple[str, ...]], console: Console) -> None:
    """Print rows, the first of which is the header."""
    table = Table(*rows[0])
    for row in rows[1:]:
        table.add_row(*row)
    console.print(table)


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
    parser.add_argument("--halves", action="store_true", help="instead: random halves, and copies of the data changed")
    parser.add_argument("--ablation", action="store_true", help="instead: what each part of the detector brings")
    options = parser.parse_args(arguments)
    try:
        check_folder(options.data)
        with tempfile.TemporaryDirectory(prefix="schouw-bench-") as folder:
            if options.halves or options.ablation:
                rows = (
                    run_halves(options.data, Path(folder))
                    if options.halves
                    else run_ablation(options.data, Path(folder))
                )
                _plain_table(rows, Console(width=_PAGE_WIDTH))
                return 0
            figures = run_bench(options.data)
    except SchouwError as error:
        sys.stderr.write(f"bench-quality: {error}\n")
        return 2
    bench_table(figures, Console(width=None if sys.stdout.isatty() else _PAGE_WIDTH))
    if options.json is not None:
        options.json.write_text(bench_json(figures) + "\n", encoding="utf-8")
    return 0


def _nab(data: Path, work: Path) -> Iterator[BenchFigure]:
    given, spent_us = score_nab(data, work)
    result = run_scorer(data, "nab_score.py", given, "--split", "dev", "--records", "100")[0]
    anchor = "all files: ARTime 74.9, Numenta HTM 70.1, CAD OSE 69.9, KNN CAD 58.0; prototype 63.5"
    yield BenchFigure("NAB dev", "standard score (higher)", result["nab"], "64", "71", anchor)
    yield BenchFigure("NAB dev", "processor time a reading, µs (lower)", spent_us, "100", "100", "")


def _skab(data: Path, work: Path) -> Iterator[BenchFigure]:
    given = score_skab(data, work)
    picked = run_scorer(data, "skab_score.py", given, "--pick", "dev", "--split", "dev")[0]
    alarmed = run_scorer(data, "skab_score.py", given, "--split", "dev")[0]
    anchor = "Conv-AE 0.78 / 13.6, MSET 0.78 / 39.7; prototype 0.823 / 20.6"
    yield BenchFigure("SKAB dev", "F1, best threshold (higher)", picked["F1"], "0.80", "0.87", anchor)
    yield BenchFigure("SKAB dev", "false alarms, best threshold, % (lower)", picked["FAR_pct"], "23", "12", "")
    yield BenchFigure("SKAB dev", "delay, best threshold, s (lower)", picked["mean_delay_s"], "", "20", "")
    yield BenchFigure("SKAB dev", "F1, our alarms (higher)", alarmed["F1"], "", "", "")
    yield BenchFigure("SKAB dev", "false alarms, our alarms, % (lower)", alarmed["FAR_pct"], "", "", "")


def _yonghe(data: Path, work: Path) -> Iterator[BenchFigure]:
    source, verdicts = data / "shm" / "yonghe_fdd_hourly.csv.gz", work / "yonghe.csv"
    score_file(source, verdicts, time="hour", values=["f1", "f2", "f3", "f4"], commission=96)
    given = write_for_scorer(source, verdicts, work, "yonghe", "hour")
    result = run_scorer(data, "shm_score.py", given)[0]
    yield BenchFigure("Yonghe", "AUC (higher)", result["AUC"], "", "", "")
    yield BenchFigure("Yonghe", "false alarms, share of rows (lower)", result["false_alarm_share"], "", "", "")


def _bearing(data: Path, work: Path) -> Iterator[BenchFigure]:
    source = data / "bearing" / "ims_features.csv.gz"
    for name, values in (("four channels", ["c1", "c2", "c3", "c4"]), ("one channel", ["c1"])):
        verdicts = work / "bearing.csv"
        score_file(source, verdicts, time="timestamp", values=values, commission=196)
        given = write_for_scorer(source, verdicts, work, "ims2", "timestamp")
        result = run_scorer(data, "shm_score.py", given)[0]
        first = result["first_alarm_row"]
        share = None if first is None else 100.0 * first / result["rows"]
        anchor = "known onset near 54 %"
        yield BenchFigure(f"bearing, {name}", "first alarm, % of life", share, "50 to 60", "53 to 55", anchor)


def _bridges() -> Iterator[BenchFigure]:
    anchor = "a real record: 0.79 without compensation, 0.996 with"
    records = {f"made-up bridges, noise {100.0 * noise:.2g} % a day": score_bridges(noise) for noise in BRIDGE_NOISES}
    usual = BRIDGE_NOISES[1]
    records["the second, noise hangs together (0.4)"] = score_bridges(usual, autocorrelation=0.4)
    records["the second, that and gaps"] = score_bridges(usual, autocorrelation=0.4, has_gaps=True)
    for data, found in records.items():
        yield BenchFigure(data, "mean AUC of a 0.3 % step (higher)", found.area, "0.99", "0.995", anchor)
        yield BenchFigure(data, "false-alarm days, % (lower)", found.false_days_percent, "", "1", "")
        yield BenchFigure(data, "median delay, days (lower)", found.delay_days, "", "5", "")
    service = service_figures(usual)
    data = "the second, by the service's first stage"
    yield BenchFigure(data, "mean AUC of a 0.3 % step (higher)", service.area, "", "0.99", "the place found: 0.996")
    yield BenchFigure(data, "least AUC of 20 (higher)", service.least_area, "", "", "")
    data = "the second, as the service states a change"
    yield BenchFigure(data, "mean AUC of a 0.3 % step (higher)", service.area_stated, "0.99", "0.995", "")
    yield BenchFigure(data, "steps stated, % (higher)", service.stated_percent, "", "100", "")
    yield BenchFigure(data, "median delay, days (lower)", service.delay_days, "", "5", "")
    yield BenchFigure(data, "false statements (lower)", float(service.false_statements), "", "0", "")


if __name__ == "__main__":
    sys.exit(main())
