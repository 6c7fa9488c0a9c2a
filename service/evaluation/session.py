"""`schouw evaluate` on a terminal: options in, progress while it runs, a table and files out."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
from rich.console import Console

from domain.errors import ConfigurationError, StorageUnavailable
from service.commands.options import day_ns
from service.day_bar import day_bar
from service.evaluation.evaluate import evaluate_scenarios, run_history, score_runs
from service.evaluation.history import load_history
from service.evaluation.report_html import html_report
from service.evaluation.report_table import print_scoreboard
from service.evaluation.scoreboard import Scoreboard
from service.evaluation.truth import DAY_NS
from service.folder import unwritable
from service.settings import Settings
from simulator.scenario_file import load_scenario

__all__ = ["evaluate_and_save", "evaluate_history_and_save", "read_seeds", "save_scoreboard"]


def evaluate_and_save(
    settings: Settings,
    source: str,
    *,
    seeds: str | None,
    start: str | None,
    days: int | None,
    jobs: int,
    through_broker: bool,
    out: Path,
) -> None:
    """Evaluate a scenario, print its scoreboard and save it."""
    first = day_ns(start)
    chosen = read_seeds(seeds) if seeds is not None else [None]
    stories = [load_scenario(source, seed=seed, start_ns=first) for seed in chosen]
    if days is not None:
        stories = [replace(story, days=min(days, story.days)) for story in stories]
    _try_folder(out)
    with _progress(stories[0].name, stories[0].days * len(stories)) as told:
        board = evaluate_scenarios(stories, settings=settings, jobs=jobs, through_broker=through_broker, told=told)
    _show(board, out)


def evaluate_history_and_save(
    settings: Settings, history: Path, events: Path, *, register: Sequence[Path], asset_type: str, out: Path
) -> None:
    """Evaluate an owner's history, print its scoreboard and save it."""
    loaded = load_history(history, events, register=register, asset_type=asset_type)
    _try_folder(out)
    with _progress(history.stem, (loaded.truth.end_ns - loaded.truth.start_ns) // DAY_NS) as told:
        board = score_runs(history.stem, [run_history(loaded, settings, told)])
    _show(board, out)


@contextmanager
def _progress(name: str, days: int) -> Iterator[Callable[[int], None]]:
    """Show a bar of days on a terminal; gives what moves it."""
    with day_bar(Console(stderr=True)) as bar:
        task = bar.add_task(name, total=days)
        yield lambda done: bar.update(task, completed=done)


def _show(board: Scoreboard, out: Path) -> None:
    print_scoreboard(board, Console(width=None if Console().is_terminal else 240))
    save_scoreboard(board, out)
    Console(stderr=True).print(f"Saved {out / 'scoreboard.json'} and {out / 'scoreboard.html'}.")


def _try_folder(folder: Path) -> None:
    """Make the folder and write there, before the work of hours that is to be saved in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(b"\n")
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> ConfigurationError | StorageUnavailable:
    return unwritable(f"folder {str(folder)!r}", error, otherwise="give another with --out")


def save_scoreboard(board: Scoreboard, folder: Path) -> None:
    """Write scoreboard.json and scoreboard.html.

    Raises
    ------
    ConfigurationError
        If the folder cannot be written.
    StorageUnavailable
        If its disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "scoreboard.json").write_bytes(msgspec.json.format(msgspec.json.encode(board), indent=1) + b"\n")
        (folder / "scoreboard.html").write_text(html_report(board), encoding="utf-8")
    except OSError as error:
        raise _unwritable(folder, error) from error


def read_seeds(text: str) -> list[int]:
    """Read seeds with commas between them, each once.

    Raises
    ------
    ConfigurationError
        If one is not a whole number of at least 0, or stands there twice.

    Examples
    --------
    >>> read_seeds("1, 2,3")
    [1, 2, 3]
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts) or len(set(parts)) != len(parts):
        raise ConfigurationError(f"got --seeds {text!r}, expected different whole numbers such as 1,2,3")
    return [int(part) for part in parts]
