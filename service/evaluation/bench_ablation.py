"""What each part of the detector brings: the figures with that part switched off.

Parts have no switches, as there is one configuration. So a name in a module is replaced while the figures are made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from models import (
    stream_alarm,
    stream_compensation,
    stream_habits,
    stream_jump,
    stream_level,
    stream_reference,
    stream_regression,
    stream_shift,
)
from service.evaluation.benchmark_runs import score_bridges, score_nab, score_skab
from service.evaluation.benchmark_scorers import run_scorer

__all__ = ["run_ablation"]

_BRIDGE_NOISE = 0.0012


class _Silent:
    """A view that sees nothing."""

    def __init__(self, **options: object) -> None:
        del options

    def step(self, *row: float) -> float:
        """Give no score."""
        del row
        return 0.0


class _SilentProfile(_Silent):
    """A profile that expects nothing."""

    def step(self, *row: float) -> tuple[float, float]:  # type: ignore[override]  # as the profile's step
        """Give no expectation and no score."""
        del row
        return math.nan, 0.0


def _joint_view(joint: float, lone: float, channels: int, *jumps: float) -> float:
    """All channels together, whatever a single one says."""
    del lone, jumps
    return stream_shift.chi_square_strength(joint, channels)


def _no_jump(*law: object, **options: object) -> None:
    """No tails but normal ones."""
    del law, options


def _line_of_theory(alarm: stream_alarm.BudgetAlarm) -> float:
    """Evidence taken at its word."""
    return math.log(alarm.expected_run_length)


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the detector, and what its module has instead when it is switched off."""

    name: str
    measure: str
    module: ModuleType | type
    attribute: str
    instead: object


_PARTS = (
    _Part("time-of-day profile", "nab", stream_habits, "DailyProfile", _SilentProfile),
    _Part("rare values", "nab", stream_habits, "ValueRarity", _Silent),
    _Part("end of novelty", "nab", stream_habits, "_MOST", math.inf),
    _Part("gated learning", "skab", stream_reference, "_STRANGE", math.inf),
    _Part("more than two past rows", "skab", stream_reference, "_MOST_LAGS", 2),
    _Part("channels stay where they are (prior)", "skab", stream_regression, "_PERSISTENCE_ROWS", 0.0),
    _Part("each channel by itself", "skab", stream_shift, "_stronger_view", _joint_view),
    _Part("tails of healthy rows", "skab", stream_jump.JumpLaw, "chances", _no_jump),
    _Part("line from block maxima", "skab", stream_alarm.BudgetAlarm, "_draw_line", _line_of_theory),
    _Part("slopes of temperature", "bridges", stream_level, "_LINE_SLOPE", 1e-3),
    _Part("bend", "bridges", stream_level, "_BEND_SLOPE", 1e-3),
    _Part("ladder moves with the weather", "bridges", stream_level, "_MOVES_A_ROW", 0),
    _Part("mean of the next innovations", "bridges", stream_compensation, "_FAST_SHARES", (1e-6,)),
    _Part("level let go at a jump", "bridges", stream_compensation, "_SUSPECT", math.inf),
)


def run_ablation(data: Path, work: Path) -> list[tuple[str, ...]]:
    """Make the figures with each part switched off in turn.

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
    measures: dict[str, Callable[[Path, Path], str]] = {"nab": _nab, "skab": _skab, "bridges": _bridges}
    rows: list[tuple[str, ...]] = [("without", "data", "figures")]
    for name, measure in measures.items():
        rows.append(("(all parts there)", name, measure(data, work)))
        for part in _PARTS:
            if part.measure == name:
                with _switched_off(part):
                    rows.append((part.name, name, measure(data, work)))
    bare = score_bridges(_BRIDGE_NOISE, is_compensated=False)
    rows.append(("temperature at all", "bridges", _words(bare.area, bare.false_days_percent, bare.delay_days)))
    return rows


@contextmanager
def _switched_off(part: _Part) -> Iterator[None]:
    whole = getattr(part.module, part.attribute)
    setattr(part.module, part.attribute, part.instead)
    try:
        yield
    finally:
        setattr(part.module, part.attribute, whole)


def _nab(data: Path, work: Path) -> str:
    given, _ = score_nab(data, work)
    return f"score {run_scorer(data, 'nab_score.py', given, '--split', 'dev', '--records', '100')[0]['nab']:.1f}"


def _skab(data: Path, work: Path) -> str:
    given = score_skab(data, work)
    found = run_scorer(data, "skab_score.py", given, "--pick", "dev", "--split", "dev")[0]
    ours = run_scorer(data, "skab_score.py", given, "--split", "dev")[0]
    return (
        f"F1 {found['F1']:.3f}, false {found['FAR_pct']:.1f} %, delay {found['mean_delay_s']:.0f} s; "
        f"our alarms F1 {ours['F1']:.3f}, false {ours['FAR_pct']:.1f} %"
    )


def _bridges(data: Path, work: Path) -> str:
    del data, work
    found = score_bridges(_BRIDGE_NOISE)
    return _words(found.area, found.false_days_percent, found.delay_days)


def _words(area: float, false_days_percent: float, delay_days: float) -> str:
    return f"AUC {area:.4f}, false-alarm days {false_days_percent:.1f} %, delay {delay_days:.0f} days"
