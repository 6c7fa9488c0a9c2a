"""How far a publisher came, in a file that is never half written.

The file names the scenario, its first day and the event time up to which the broker has acknowledged
everything. A killed simulator begins there again: what lay in between is sent once more, never less.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from domain.errors import ConfigurationError
from simulator.owner_files import write_whole
from simulator.scenario import Scenario, fingerprint, start_at

__all__ = ["Checkpoint", "Progress", "Saved", "open_checkpoint", "resolve_start"]


@dataclass(frozen=True, slots=True)
class Progress:
    """What a progress bar shows.

    Attributes
    ----------
    phase : str
        `waiting` for the broker, `history`, `live`, or `finished`.
    day, days : int
        Days fully acknowledged, and days of history in all.
    messages, readings : int
        Sent by this process so far.
    note : str
        One sentence when something happened that a person should know; empty otherwise.
    """

    phase: Literal["waiting", "history", "live", "finished"]
    day: int
    days: int
    messages: int
    readings: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Saved:
    """Content of a progress file.

    Attributes
    ----------
    scenario : str
        `simulator.scenario.fingerprint`.
    start_ns : int
        First day of the run.
    acknowledged_ns : int
        The broker has everything measured before.
    session : int
        Counts the starts; goes into the gateways' status.
    """

    scenario: str
    start_ns: int
    acknowledged_ns: int
    session: int


class Checkpoint:
    """A progress file, or the same in memory when there is none.

    Parameters
    ----------
    path : Path or None
        The file; None keeps nothing beyond the process.
    saved : Saved
        State to go on from.
    """

    def __init__(self, path: Path | None, saved: Saved) -> None:
        self._path = path
        self.saved = saved

    def move(self, acknowledged_ns: int) -> None:
        """Move forward, in memory; never back."""
        if acknowledged_ns > self.saved.acknowledged_ns:
            self.saved = replace(self.saved, acknowledged_ns=acknowledged_ns)

    def write(self) -> None:
        """Put the state into the file, whole."""
        if self._path is not None:
            write_whole(self._path, (json.dumps(asdict(self.saved)) + "\n").encode())


def open_checkpoint(scenario: Scenario, path: Path | None) -> Checkpoint:
    """Begin a session of a scenario: go on from its file, or from its first day.

    Raises
    ------
    ConfigurationError
        If the file cannot be read or written, or belongs to another scenario or first day.
    """
    name = fingerprint(scenario)
    saved = None if path is None else _read(path)
    if saved is None:
        saved = Saved(name, scenario.start_ns, scenario.start_ns, 0)
    elif (saved.scenario, saved.start_ns) != (name, scenario.start_ns):
        raise ConfigurationError(
            f"progress file {str(path)!r} belongs to another scenario, seed or first day than {scenario.name!r}; "
            "give the scenario it was made with, or another file (and another data folder) for this one"
        )
    checkpoint = Checkpoint(path, replace(saved, session=saved.session + 1))
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        checkpoint.write()
    except OSError as error:
        raise ConfigurationError(
            f"progress file {str(path)!r} cannot be written ({error.strerror}); give another path"
        ) from error
    return checkpoint


def resolve_start(scenario: Scenario, start_ns: int | None, progress_path: Path | None) -> Scenario:
    """Decide the first day: that of a run to be resumed, else the one asked for, else the scenario's own.

    Register and truth are written from the result, so that they tell of the same days as the readings.

    Parameters
    ----------
    start_ns : int or None
        Wanted first day, Unix nanoseconds; None: as in the scenario.
    progress_path : Path or None
        Progress file of an earlier run; its first day wins when it is of the same scenario.

    Raises
    ------
    ConfigurationError
        If the first day is too early or too late, or the progress file cannot be read.
    """
    saved = None if progress_path is None else _read(progress_path)
    if saved is not None and saved.scenario == fingerprint(scenario):
        return start_at(scenario, saved.start_ns)
    return scenario if start_ns is None else start_at(scenario, start_ns)


def _read(path: Path) -> Saved | None:
    """Read a progress file; None when there is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"progress file {str(path)!r} cannot be read ({reason}); give another path") from error
    try:
        saved = Saved(**json.loads(text))
        whole = all(type(number) is int for number in (saved.start_ns, saved.acknowledged_ns, saved.session))
    except (TypeError, ValueError):
        whole = False
    if not whole or type(saved.scenario) is not str:
        raise ConfigurationError(f"got {text[:80]!r} in progress file {str(path)!r}; remove it to begin anew")
    return saved
