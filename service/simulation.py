"""`schouw simulate`: the simulator on a terminal, with a progress bar."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

from rich.console import Console

from domain.errors import ConfigurationError
from service.day_bar import day_bar
from service.folder import why_not
from service.sessions import secure
from service.settings import Settings
from service.whole_file import whole_file
from simulator.history_file import write_history
from simulator.progress import Progress as SimulatorProgress
from simulator.publish import write_files
from simulator.run import resolve_start, simulate, write_register, write_truth
from simulator.scenario_file import load_scenario

__all__ = ["run_simulation", "write_history_file", "write_owner_files"]


def write_owner_files(source: str, start_ns: int | None, folder: Path) -> None:
    """Write the register and the truth of a scenario as an owner would have them.

    Raises
    ------
    ConfigurationError
        If the scenario cannot be read, or the folder cannot be made or written to.
    """
    scenario = resolve_start(load_scenario(source), start_ns, None)
    try:
        write_register(scenario, folder)
        write_truth(scenario, folder)
    except OSError as error:
        raise ConfigurationError(
            f"{str(folder)!r} cannot be written ({why_not(error)}), expected a folder with room, or a place for one; "
            "give another with --register"
        ) from error


def write_history_file(source: str, start_ns: int | None, path: Path) -> str:
    """Write the history of a scenario into a file of the kind that its name asks for; tell what it holds.

    Raises
    ------
    ConfigurationError
        If the name has another ending, or the file cannot be written.
    """
    scenario = resolve_start(load_scenario(source), start_ns, None)
    endings = (".csv", ".csv.gz", ".parquet", ".jsonl")
    if not path.name.endswith(endings):
        raise ConfigurationError(f"got file {path.name!r}, expected a name that ends in {', '.join(endings)}")
    try:
        with whole_file(path) as part:
            if path.suffix == ".jsonl":
                return f"{write_files(scenario, part).messages} messages"
            return f"{write_history(scenario, part)} values"
    except OSError as error:
        raise ConfigurationError(f"{str(path)!r} cannot be written ({error.strerror}); give another path") from error


def run_simulation(
    settings: Settings,
    source: str,
    *,
    host: str,
    port: int,
    speed: float,
    live: bool,
    start_ns: int | None,
    progress_path: Path | None,
) -> None:
    """Publish a scenario until it is complete or a signal comes."""
    scenario = resolve_start(load_scenario(source), start_ns, progress_path)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    console = Console(stderr=True)
    console.print(f"{scenario.name}: to the broker at {host}:{port}; Ctrl-C stops")
    bar = day_bar(console)
    with bar:
        task = bar.add_task(scenario.name, total=scenario.days)

        def report(progress: SimulatorProgress) -> None:
            bar.update(task, completed=progress.day, description=f"{scenario.name} {progress.phase}")
            if progress.note:
                console.print(progress.note)

        result = simulate(
            scenario,
            host=host,
            port=port,
            speed=speed,
            start_ns=scenario.start_ns,
            live=live,
            progress_path=progress_path,
            stop=stop,
            report=report,
            now_ns=time.time_ns,
            secure=secure(settings.mqtt),
        )
    counts = result.counts
    state = "complete" if result.is_complete else "stopped before its end"
    console.print(
        f"{scenario.name}: {state}; {counts.messages:,} messages with {counts.readings:,} readings and "
        f"{counts.waveforms:,} waveforms; {counts.duplicates:,} were duplicates, {counts.garbage:,} garbage on purpose"
    )
