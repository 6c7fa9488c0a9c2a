"""The scoreboard on a terminal: a column a detector, a row a figure, ours first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rich.console import Console
from rich.table import Table

from domain.figures import Figure
from service.evaluation.scoreboard import DetectorScore, Scoreboard

__all__ = ["FIGURES", "plain", "print_scoreboard"]


def plain(figure: Figure, style: str = "number") -> str:
    """Put a figure into words: value, interval and count.

    Examples
    --------
    >>> plain(Figure(0.5, 0.25, 0.75, 12), "share"), plain(Figure(None))
    ('50 % (25 to 75; n=12)', '-')
    """
    if figure.value is None:
        return "-"
    scale, digits, unit = {"share": (100.0, 0, " %"), "days": (1.0, 0, " d")}.get(style, (1.0, 3, ""))
    text = f"{scale * figure.value:.{digits}f}{unit}"
    if figure.low is None or figure.high is None:
        return f"{text} (n={figure.count})"
    return f"{text} ({scale * figure.low:.{digits}f} to {scale * figure.high:.{digits}f}; n={figure.count})"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100.0 * value:.0f} %"


def _eur(value: float) -> str:
    return f"€ {value:,.0f}"


# Label, and how a detector's cell reads; the order is that of docs/evaluation.md.
FIGURES: Final[tuple[tuple[str, Callable[[DetectorScore], str]], ...]] = (
    ("false alarms per healthy asset-year", lambda s: plain(s.alarms.false_per_year)),
    ("failures found before", lambda s: plain(s.alarms.found, "share")),
    ("  slow (90 days and more)", lambda s: plain(s.alarms.found_slow, "share")),
    ("  fast", lambda s: plain(s.alarms.found_fast, "share")),
    ("found in time for the crew", lambda s: plain(s.alarms.in_time, "share")),
    ("right mode named, of those found", lambda s: plain(s.alarms.named, "share")),
    ("delay after onset", lambda s: plain(s.alarms.delay_days, "days")),
    ("lead before failure", lambda s: plain(s.alarms.lead_days, "days")),
    ("  slow", lambda s: plain(s.alarms.lead_days_slow, "days")),
    ("  fast", lambda s: plain(s.alarms.lead_days_fast, "days")),
    ("failure in 90 days: AUC", lambda s: plain(s.forecast.auc)),
    ("  Brier score", lambda s: plain(s.forecast.brier)),
    ("  Brier skill over the base rate", lambda s: plain(s.forecast.skill)),
    ("  calibration error", lambda s: plain(s.forecast.calibration_error)),
    ("  days with a statement", lambda s: _share(s.forecast.answered)),
    ("80 % life interval covers, from alarm", lambda s: plain(s.life_from_alarm.coverage, "share")),
    ("  mean width", lambda s: plain(s.life_from_alarm.width_days, "days")),
    ("  median error", lambda s: plain(s.life_from_alarm.error_days, "days")),
    ("80 % life interval covers, from onset", lambda s: plain(s.life_from_onset.coverage, "share")),
    ("  mean width", lambda s: plain(s.life_from_onset.width_days, "days")),
    ("  median error", lambda s: plain(s.life_from_onset.error_days, "days")),
    ("  days with a statement", lambda s: _share(s.life_from_onset.answered)),
    ("saved against run to failure", lambda s: plain(s.money.saved, "share")),
    ("  of the most possible", lambda s: _share(s.money.saved_of_most)),
    ("  against the best fixed interval", lambda s: _share(s.money.saved_against_interval)),
    ("cost with these alarms", lambda s: _eur(s.money.with_alarms_eur)),
    ("sensor faults seen", lambda s: plain(s.sensors.seen, "share")),
    ("sensor faults named", lambda s: plain(s.sensors.named, "share")),
    ("false alarms per sensor-year", lambda s: plain(s.sensors.false_per_sensor_year)),
)


def print_scoreboard(board: Scoreboard, console: Console) -> None:
    """Print the comparison, and what stands behind our own figures."""
    failures = sum(run.failures for run in board.runs)
    console.print(
        f"[bold]{board.title}[/bold]: {len(board.runs)} runs, {board.asset_years:.0f} asset-years watched, "
        f"{failures} failures, promise {board.promise_per_year:g} false alarms an asset-year. "
        "In brackets: 90 % interval (durations: the middle 80 %) and count."
    )
    table = Table("figure", *(score.detector for score in board.detectors))
    for label, cell in FIGURES:
        table.add_row(label, *(cell(score) for score in board.detectors))
    console.print(table)
    ours = board.detectors[0]
    for what, counts in (
        ("False alarms by cause", ours.alarms.false_causes),
        ("Worst assets", ours.alarms.worst_assets),
        ("Failures found of all, by damage", {k: f"{a} of {b}" for k, (a, b) in ours.alarms.by_mode.items()}),
        (
            "Sensor faults named, seen, all",
            {k: f"{a}, {b}, {c}" for k, (a, b, c) in ours.sensors.by_kind.items()},
        ),
    ):
        listed = "; ".join(f"{name}: {count}" for name, count in counts.items()) or "none"
        console.print(f"{what}: {listed}.")
