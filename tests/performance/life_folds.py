"""`python -m tests.performance.life_folds`: lives of real turbofans, cross-validated, with something done to them.

Five folds over the units of a run-to-failure table; each unit held out is cut at ten random rows, from 20 rows of age
on and at most 145 rows before its failure. What is done to the table, each with a seed:

- `plain`: nothing.
- `modes`: five sensors mirrored in half of the units, as if they wore in another way.
- `regimes`: six regimes at random, with an offset and a gain for each sensor.
- `noise`: the same, and each sensor of each regime has noise of its own, up to three times the sensor's, on top.
- `gains`: the same as `regimes`, and each regime shows wear by 0.4 to 1.2 of what it does and noise by 0.7 to 1.5.

With `--missing` cells are taken from the units held out, not from those learned: a sensor (`sensor`), every second
column (`half`), the last 5 to 60 rows (`last5`, ...), the first 30 (`first30`), 30 rows that end 5 before the last
(`hole`), nine of ten cells (`sparse`), all of them (`all`).
"""

from __future__ import annotations

import gzip
import itertools
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from domain.arrays import FloatArray
from models.life_forecast import LifeForecaster, forecast_lives, learn_lives
from models.life_map import LifeCourse

__all__ = ["KINDS", "MISSING", "Folded", "cross_validate", "turbofans", "varied"]

MISSING: Final[dict[str, tuple[slice, slice]]] = {
    "nothing": (slice(0), slice(None)),
    "sensor": (slice(None), slice(13, 14)),
    "half": (slice(None), slice(None, None, 2)),
    "last5": (slice(-5, None), slice(None)),
    "last10": (slice(-10, None), slice(None)),
    "last30": (slice(-30, None), slice(None)),
    "last60": (slice(-60, None), slice(None)),
    "first30": (slice(30), slice(None)),
    "hole": (slice(-35, -5), slice(None)),
    "sparse": (slice(0), slice(None)),
    "all": (slice(None), slice(None)),
}
_SPARSE: Final = 0.9
KINDS: Final = ("plain", "modes", "regimes", "noise", "gains")
_HORIZON: Final = 125.0
_SETTINGS: Final = 3
_REGIMES: Final = 6
_MIRRORED: Final = (1, 2, 6, 10, 19)
# Rows over which a sensor's signal is told from its noise.
_SMOOTHED: Final = 15
_CUTS: Final = 10
_AGE_AT_LEAST, _LEFT_AT_MOST = 20, 145


class Folded(NamedTuple):
    """Root mean square error, PHM08 loss a hundred units, coverage and mean width of the 80 % interval, seconds."""

    error: float
    loss: float
    coverage: float
    width: float
    seconds: float


def turbofans(table: Path) -> list[LifeCourse]:
    """Read a table of `unit,cycle,` three settings and sensors, gzipped, as histories."""
    with gzip.open(table, "rt") as file:
        rows = np.loadtxt(file, delimiter=",", skiprows=1)
    return [LifeCourse(part[:, 1] - part[0, 1], part[:, 2:]) for part in (rows[rows[:, 0] == u] for u in _units(rows))]


def varied(courses: list[LifeCourse], kinds: set[str], seed: int) -> list[LifeCourse]:
    """Do to real histories what `kinds` names."""
    rng = np.random.default_rng(seed)
    sensors = courses[0].values.shape[1] - _SETTINGS
    rows = np.concatenate([course.values[:, _SETTINGS:] for course in courses])
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    varies = spread > 1e-9 * np.maximum(np.abs(mean), 1.0)
    shape = (_REGIMES, sensors)
    offset, gain = rng.normal(0.0, 30.0, shape), np.exp(rng.normal(0.0, 0.5, shape))
    added, shown, noisy = rng.uniform(0.0, 3.0, shape), rng.uniform(0.4, 1.2, shape), rng.uniform(0.7, 1.5, shape)
    made = []
    for number, course in enumerate(courses):
        scaled = (course.values[:, _SETTINGS:] - mean) / np.where(varies, spread, 1.0)
        if "modes" in kinds and number % 2:
            scaled[:, _MIRRORED] *= -1.0
        settings = course.values[:, :_SETTINGS]
        if kinds & {"regimes", "noise", "gains"}:
            regime = rng.integers(0, _REGIMES, len(scaled))
            signal = _smoothed(scaled)
            noise = scaled - signal
            if "noise" in kinds:
                noise = noise + rng.normal(size=noise.shape) * noise.std(axis=0) * added[regime]
            if "gains" in kinds:
                signal, noise = signal * shown[regime], noise * noisy[regime]
            scaled = offset[regime] + gain[regime] * (signal + noise)
            settings = regime[:, np.newaxis] * 10.0 + 0.002 * rng.normal(size=settings.shape)
        made.append(LifeCourse(course.elapsed, np.concatenate([settings, np.where(varies, scaled, 0.0)], axis=1)))
    return made


def cross_validate(courses: list[LifeCourse], seed: int, *, folds: int = 5, missing: str = "nothing") -> Folded:
    """Forecast every unit by a forecaster that has not seen it, with cells of `MISSING` taken away."""
    begun, rng = time.perf_counter(), np.random.default_rng(seed)
    order = rng.permutation(len(courses)).tolist()
    said = []
    for fold in range(folds):
        held_out = order[fold::folds]
        known = [courses[unit] for unit in sorted(set(order) - set(held_out))]
        forecaster = learn_lives(known, horizon=_HORIZON, generator=np.random.default_rng(1))
        said += [row for unit in held_out for row in _cut_and_forecast(forecaster, courses[unit], rng, missing)]
    late, inside, width = np.array(said).T
    loss = np.where(late < 0.0, np.expm1(-late / 13.0), np.expm1(late / 10.0))
    return Folded(
        float(np.sqrt(np.mean(late**2))),
        float(100.0 * loss.mean()),
        float(inside.mean()),
        float(width.mean()),
        time.perf_counter() - begun,
    )


def _cut_and_forecast(
    forecaster: LifeForecaster, course: LifeCourse, rng: np.random.Generator, missing: str
) -> list[tuple[float, float, float]]:
    rows = len(course.elapsed)
    cuts = rng.integers(max(_AGE_AT_LEAST, rows - _LEFT_AT_MOST), rows, _CUTS).tolist()
    cells = np.random.default_rng(rows)
    running = [LifeCourse(course.elapsed[:cut], _without(course.values[:cut], missing, cells)) for cut in cuts]
    found = []
    for cut, said in zip(cuts, forecast_lives(forecaster, running), strict=True):
        true = min(_HORIZON, float(rows - cut))
        inside = float(said.quantile_10 <= true <= said.quantile_90)
        found.append((said.remaining_life - true, inside, said.quantile_90 - said.quantile_10))
    return found


def _without(values: FloatArray, missing: str, rng: np.random.Generator) -> FloatArray:
    values = values.copy()
    values[MISSING[missing]] = np.nan
    return np.where(rng.random(values.shape) < _SPARSE, np.nan, values) if missing == "sparse" else values


def _units(rows: FloatArray) -> list[float]:
    return [float(unit) for unit in np.unique(rows[:, 0])]


def _smoothed(values: FloatArray) -> FloatArray:
    """Mean around each row, later rows too, that fades with distance."""
    row = np.arange(len(values))
    far = np.abs(row[:, np.newaxis] - row)
    weight = np.where(far <= _SMOOTHED, np.exp(-0.5 * (2.0 * far / _SMOOTHED) ** 2), 0.0)
    return np.asarray(weight @ values / weight.sum(axis=1, keepdims=True), np.float64)


def main() -> None:
    """Read what to do, and print a row for each."""
    parser = ArgumentParser(prog="python -m tests.performance.life_folds", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with cmapss/train_FD001.csv.gz")
    parser.add_argument("variants", nargs="*", default=["plain"], help=f"{', '.join(KINDS)}, joined with +")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds for each")
    parser.add_argument("--missing", nargs="*", default=["nothing"], choices=MISSING, help="what is taken away")
    asked = parser.parse_args()
    real = turbofans(asked.data / "cmapss" / "train_FD001.csv.gz")
    table = Table("variant", "seed", "missing", "RMSE", "PHM08", "covers", "width", "s")
    for variant in asked.variants:
        kinds = set(variant.split("+"))
        if kinds - set(KINDS):
            parser.error(f"got {variant!r}, expected {', '.join(KINDS)}, joined with +")
        for seed, missing in itertools.product(range(asked.seeds), asked.missing):
            found = cross_validate(varied(real, kinds, seed), seed, missing=missing)
            figures = (f"{found.error:.2f}", f"{found.loss:.0f}", f"{found.coverage:.3f}", f"{found.width:.1f}")
            table.add_row(variant, str(seed), missing, *figures, f"{found.seconds:.0f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
