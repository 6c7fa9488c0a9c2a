"""Whether the figures are luck: thresholds from one random half of the files, scored on the other, and changed copies.

A copy is turned upside down and stretched, or put some hours later, which tells a detector nothing new; or it loses
every third value, which tells it less. The labels stay.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from service.evaluation.benchmark_runs import score_nab, score_skab
from service.evaluation.benchmark_scorers import SKAB_CHANNELS, opened, run_scorer

__all__ = ["run_halves"]

_SEEDS: Final = 5
_HOURS: Final = 5

Change = Callable[[int, dict[str, str], Sequence[str], str], None]


def run_halves(data: Path, work: Path) -> list[tuple[str, ...]]:
    """Score everything anew on halves and changed copies.

    Parameters
    ----------
    data : Path
        Folder of the benchmark data.
    work : Path
        Folder to write into.

    Returns
    -------
    list of tuple of str
        A header and rows.
    """
    rows: list[tuple[str, ...]] = [
        ("data", "NAB dev", "NAB halves, mean ± s.d.", "SKAB F1 dev", "SKAB F1 / false % / delay s, halves")
    ]
    for name, change in (("as they are", None), ("upside down", _turn), ("5 h later", _delay), ("gaps", _thin)):
        nab, skab = data / "nab" / "data.csv.gz", data / "skab" / "data.csv.gz"
        if change is not None:
            nab = _changed(nab, work / "nab_in.csv", ["value"], "timestamp", change)
            skab = _changed(skab, work / "skab_in.csv", SKAB_CHANNELS, "datetime", change)
        given, _ = score_nab(data, work, source=nab)
        score = run_scorer(data, "nab_score.py", given, "--split", "dev", "--records", "100")[0]["nab"]
        halves = []
        for folder in _split(data / "nab", work):
            asked = ("--split", "dev", "--report-on", "heldout", "--records", "100", "--data", folder)
            halves.append(run_scorer(data, "nab_score.py", given, *asked)[0]["nab"])
        given = score_skab(data, work, source=skab)
        whole = run_scorer(data, "skab_score.py", given, "--pick", "dev", "--split", "dev")[0]
        parts = []
        for folder in _split(data / "skab", work):
            found = run_scorer(data, "skab_score.py", given, "--pick", "dev", "--split", "heldout", "--data", folder)[0]
            parts.append((found["F1"], found["FAR_pct"], found["mean_delay_s"] or 0.0))
        mean = np.mean(parts, axis=0)
        rows.append((
            name,
            f"{score:.1f}",
            f"{np.mean(halves):.1f} ± {np.std(halves):.1f}",
            f"{whole['F1']:.3f}",
            f"{mean[0]:.3f} / {mean[1]:.1f} / {mean[2]:.0f}",
        ))  # fmt: skip
    return rows


def _split(data: Path, work: Path) -> list[Path]:
    """Make folders like `data` whose files are split into random halves, both ways round."""
    files = sorted(json.loads((data / "split.json").read_text(encoding="utf-8"))["dev"])
    folders = []
    for seed in range(_SEEDS):
        order = [files[at] for at in np.random.default_rng(seed).permutation(len(files))]
        halves = order[: len(order) // 2], order[len(order) // 2 :]
        for turn in (0, 1):
            folder = work / f"{data.name}_{seed}_{turn}"
            if not folder.exists():
                folder.mkdir()
                for path in data.resolve().iterdir():
                    if path.name != "split.json":
                        (folder / path.name).symlink_to(path)
                split = {"dev": halves[turn], "heldout": halves[1 - turn]}
                (folder / "split.json").write_text(json.dumps(split), encoding="utf-8")
            folders.append(folder)
    return folders


def _changed(source: Path, target: Path, values: Sequence[str], clock: str, change: Change) -> Path:
    with opened(source) as rows, target.open("w", newline="") as out:
        reader = csv.DictReader(rows)
        writer = csv.DictWriter(out, reader.fieldnames or [])
        writer.writeheader()
        for at, row in enumerate(reader):
            change(at, row, values, clock)
            writer.writerow(row)
    return target


def _turn(at: int, row: dict[str, str], values: Sequence[str], clock: str) -> None:
    """Turn upside down and stretch."""
    del at, clock
    for name in values:
        row[name] = repr(1000.0 - 7.0 * float(row[name]))


def _delay(at: int, row: dict[str, str], values: Sequence[str], clock: str) -> None:
    """Put some hours later."""
    del at, values
    row[clock] = str(datetime.fromisoformat(row[clock]) + timedelta(hours=_HOURS))


def _thin(at: int, row: dict[str, str], values: Sequence[str], clock: str) -> None:
    """Lose every third value of each column, not all in the same row."""
    del clock
    for place, name in enumerate(values):
        if (at + place) % 3 == 0:
            row[name] = ""
