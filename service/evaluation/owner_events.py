"""What an owner knows about the past: a table of failures, repairs, works and faults of sensors.

Columns: `asset, kind, start, end` and optionally `mode, component, sensor, announced`. Kinds:

- `failure`: from the onset, empty where nobody knows it, to the failure. An unknown onset is taken to be half a
  year before: the time before that counts as healthy;
- `damage`: it began at `start` and has not failed (`end` empty);
- `repair`: the asset was out of use; it is as new from the end on;
- a fault of a sensor by its name (`stuck_sensor`, `drift`, `dropout` ...), with the sensor;
- anything else explains: weather where the asset is empty, works where `announced` is true (they are then told to
  the chain beforehand, as in life).
"""

from __future__ import annotations

import csv
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.errors import ConfigurationError
from domain.identifiers import AssetId, SensorId
from domain.register import Works
from service.evaluation.modes import FAULT_KINDS
from service.evaluation.truth import DAY_NS, TrueDamage, TrueEvent
from service.replay import parse_time_ns
from service.separator_line import separator_line_fault
from service.unreadable_table import unreadable_table

__all__ = ["UNKNOWN_ONSET_DAYS", "OwnerEvents", "read_owner_events"]

UNKNOWN_ONSET_DAYS: Final = 182

_REQUIRED: Final = ("asset", "kind", "start", "end")
_OPTIONAL: Final = ("mode", "component", "sensor", "announced")


@dataclass(frozen=True, slots=True)
class OwnerEvents:
    """The table sorted out."""

    damages: tuple[TrueDamage, ...]
    repairs: tuple[tuple[str, int, int], ...]
    events: tuple[TrueEvent, ...]
    works: tuple[Works, ...]


def read_owner_events(path: Path, assets: Collection[str]) -> OwnerEvents:
    """Read an owner's events.

    Raises
    ------
    ConfigurationError
        With file and line, for a missing column, an asset that is not there or a time that cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            names = list(reader.fieldnames or ())
            rows = [
                (reader.line_num, {key: (value or "").strip() for key, value in row.items() if key}) for row in reader
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise unreadable_table(path, error, "CSV in UTF-8") from error
    if fault := separator_line_fault(names):
        raise ConfigurationError(f"{path.name}:1: {fault}")
    missing = [name for name in _REQUIRED if name not in names]
    unknown = [name for name in names if name not in {*_REQUIRED, *_OPTIONAL}]
    if missing or unknown:
        raise ConfigurationError(
            f"{path.name}:1: got columns {', '.join(names)}, expected {', '.join(_REQUIRED)} and optionally "
            f"{', '.join(_OPTIONAL)}"
        )
    damages: list[TrueDamage] = []
    repairs: list[tuple[str, int, int]] = []
    events: list[TrueEvent] = []
    works: list[Works] = []
    for line, row in rows:
        reader_of = _Row(path.name, line, row, assets)
        kind = reader_of.text("kind")
        if kind in {"failure", "damage"}:
            damages.append(reader_of.damage(has_failed=kind == "failure"))
        elif kind == "repair":
            repairs.append((reader_of.asset(), *reader_of.span()))
        else:
            event = reader_of.event()
            events.append(event)
            if event.announced and event.asset:
                sensor = SensorId(event.sensor) if event.sensor else None
                kind_of_works = event.kind.replace("_", " ")
                works.append(Works(AssetId(event.asset), kind_of_works, event.start_ns, event.end_ns, sensor))
    return OwnerEvents(tuple(damages), tuple(repairs), tuple(events), tuple(works))


class _Row:
    """One line, read column by column."""

    def __init__(self, file: str, line: int, row: dict[str, str], assets: Collection[str]) -> None:
        self._where = f"{file}:{line}"
        self._row = row
        self._assets = assets

    def text(self, column: str) -> str:
        """Take a cell that may not be empty."""
        value = self._row.get(column, "")
        if not value:
            raise ConfigurationError(f"{self._where}: column {column}: got nothing, expected a value")
        return value

    def asset(self) -> str:
        """Take the asset, which must be in the history."""
        value = self.text("asset")
        if value not in self._assets:
            raise ConfigurationError(
                f"{self._where}: column asset: got {value!r}, expected one of {', '.join(sorted(self._assets))}"
            )
        return value

    def time_ns(self, column: str) -> int:
        """Take a time."""
        try:
            return parse_time_ns(self.text(column))
        except ValueError as error:
            raise ConfigurationError(f"{self._where}: column {column}: {error}") from error

    def span(self) -> tuple[int, int]:
        """Take start and end, in order."""
        start, end = self.time_ns("start"), self.time_ns("end")
        if end < start:
            raise self._ends_early()
        return start, end

    def damage(self, *, has_failed: bool) -> TrueDamage:
        """Take a damage; an unknown onset is half a year before its failure."""
        failure = self.time_ns("end") if has_failed else None
        if self._row.get("start") or failure is None:
            onset = self.time_ns("start")
        else:
            onset = failure - UNKNOWN_ONSET_DAYS * DAY_NS
        if failure is not None and failure <= onset:
            raise self._ends_early()
        return TrueDamage(self.asset(), self._row.get("mode") or "", self._row.get("component", ""), onset, failure)

    def event(self) -> TrueEvent:
        """Take anything else."""
        kind = self.text("kind")
        is_fault = kind in FAULT_KINDS
        announced = self._row.get("announced", "").lower()
        if announced not in {"", "true", "false"}:
            raise ConfigurationError(f"{self._where}: column announced: got {announced!r}, expected true or false")
        asset = self.asset() if self._row.get("asset") or is_fault else ""
        sensor = self.text("sensor") if is_fault else self._row.get("sensor", "")
        start, end = self.span()
        return TrueEvent(asset, kind, sensor, start, end, announced == "true", is_fault)

    def _ends_early(self) -> ConfigurationError:
        got = self._row["end"]
        return ConfigurationError(f"{self._where}: column end: got {got!r}, expected a time after start")
