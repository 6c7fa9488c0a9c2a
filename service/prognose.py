"""`schouw prognose`: remaining useful life of running units, learned from complete run-to-failure histories."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from domain.errors import ConfigurationError
from models.life_forecast import LifeForecast, forecast_lives, learn_lives
from service.run_table import RunTable, read_runs
from service.whole_file import whole_text

__all__ = ["prognose_file"]

# The random features are drawn from this seed, so that the same tables give the same answer; any other does as well.
_SEED: Final = 0
_HEADER: Final = ("unit", "rul", "rul_q10", "rul_q50", "rul_q90")


def prognose_file(
    history: Path,
    running: Path,
    *,
    unit: str,
    time: str,
    values: Sequence[str],
    horizon: float | None,
    out: Path,
) -> int:
    """Learn from histories, forecast every running unit at its last row, write a table, and count its rows.

    Parameters
    ----------
    history : Path
        CSV, plain or gzip; the last row of each unit is its failure. Units with one row tell nothing and are left out.
    running : Path
        CSV, plain or gzip, with the same columns; all rows of each unit since it was new.
    unit, time : str
        Columns of the unit's name and of the time.
    values : sequence of str
        Columns to learn from, settings and sensors alike.
    horizon : float or None
        Longer lives count as this one, in the unit of a numeric time column, in seconds for ISO 8601; None takes the
        longest life of the histories.
    out : Path
        Written whole or not at all, gzip where the name ends in `.gz`: columns `unit,rul,rul_q10,rul_q50,rul_q90`,
        units in the order of `running`, lives in the unit of the horizon.

    Returns
    -------
    int
        Running units in `out`.

    Raises
    ------
    ConfigurationError
        If an option or a table is not as expected, or `out` cannot be written.
    """
    _check_options(history, running, unit=unit, time=time, values=values, horizon=horizon, out=out)
    past = read_runs(history, unit=unit, time=time, values=values)
    present = read_runs(running, unit=unit, time=time, values=values)
    if past.iso_time != present.iso_time:
        raise ConfigurationError(
            f"got column {time!r} as {_kind(past)} in {history} and as {_kind(present)} in {running}, "
            "expected the same kind in both"
        )
    lives = [course for course in past.courses if len(course.elapsed) > 1]
    if not lives:
        raise ConfigurationError(
            f"{history}: got {len(past.units)} units with one row each, expected complete lives; "
            f"check that column {unit!r} names the unit"
        )
    reach = max(float(course.elapsed[-1]) for course in lives) if horizon is None else horizon
    # Values that no instrument has overflow when squared; their column then says nothing, and nobody need hear of it.
    with np.errstate(over="ignore", invalid="ignore"):
        forecaster = learn_lives(lives, horizon=reach, generator=np.random.default_rng(_SEED))
        forecasts = forecast_lives(forecaster, present.courses)
    _write(out, present.units, forecasts)
    return len(forecasts)


def _check_options(
    history: Path,
    running: Path,
    *,
    unit: str,
    time: str,
    values: Sequence[str],
    horizon: float | None,
    out: Path,
) -> None:
    if horizon is not None and not 0.0 < horizon < math.inf:
        raise ConfigurationError(f"got --horizon {horizon}, expected a positive, finite number")
    if not values:
        raise ConfigurationError("got no --values, expected at least one column to learn from")
    for name in values:
        if list(values).count(name) > 1:
            raise ConfigurationError(f"got column {name!r} more than once in --values, expected each once")
    if unit in {time, *values}:
        raise ConfigurationError(f"got column {unit!r} as --unit and again in --time or --values, expected it once")
    for table in (history, running):
        if out.exists() and table.exists() and out.samefile(table):
            raise ConfigurationError(f"got {str(out)!r} as --out, which is a table to read; give another file")


def _kind(table: RunTable) -> str:
    return "ISO 8601" if table.iso_time else "a number"


def _write(out: Path, units: Sequence[str], forecasts: Sequence[LifeForecast]) -> None:
    """Write beside the target and rename, so that a table that is there is whole."""
    try:
        with whole_text(out) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(_HEADER)
            for name, forecast in zip(units, forecasts, strict=True):
                writer.writerow([name, *(f"{life:.10g}" for life in _lives(forecast))])
    except OSError as error:
        raise ConfigurationError(
            f"{out}: cannot be written ({error.strerror}); choose another file for --out"
        ) from error


def _lives(forecast: LifeForecast) -> tuple[float, float, float, float]:
    return forecast.remaining_life, forecast.quantile_10, forecast.quantile_50, forecast.quantile_90
