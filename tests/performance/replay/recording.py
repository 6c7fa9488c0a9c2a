"""Files of what the second stage was given: one member a day of a ZIP archive, plain arrays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np

from domain.arrays import BoolArray, IndexArray
from models.catalogue import Catalogue
from models.fleet_memory import FleetMemory
from models.layout import COLUMNS, FLEET_COLUMNS
from models.memory import ModelState, initial_state, with_columns
from service.day_rows import DayBlock
from service.evaluation.chain_listener import ChainRun, ChannelDays
from service.stepping import Stepper
from tests.performance.replay.fleets import Fleet

__all__ = ["Recording", "record", "record_named", "recorded_columns"]

# What only the first stage reads, and a recording can do without.
_LEFT_OUT: Final = frozenset({"covariance", "block_regressors", "hours_level", "hours_mean", "hours_values"})
_FACTS: Final = "run.json"
_DAYS: Final = "channel_days.npy"


def recorded_columns() -> tuple[str, ...]:
    """List the columns of a state that a recording has."""
    return tuple(name for name in COLUMNS if name not in FLEET_COLUMNS and name not in _LEFT_OUT)


def record(fleet: Fleet, to: Path) -> ChainRun:
    """Put a fleet through the whole chain, and write down what enters its second stage.

    Returns
    -------
    ChainRun
        What the full run said.
    """
    with ZipFile(to, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        with _written_down(archive):
            run = fleet.run()
        days = BytesIO()
        np.save(days, run.channel_days.value)
        archive.writestr(_DAYS, days.getvalue())
        facts = {"fleet": fleet.name, "tally": run.tally, "promise_per_year": run.promise_per_year}
        archive.writestr(_FACTS, json.dumps(facts))
    return run


def record_named(folder: Path, name: str) -> Path:
    """Record a fleet by its name into a folder; whole or not at all."""
    to = folder / f"{Path(name).name.replace('.toml', '').replace(':', '-')}.days"
    unfinished = to.with_suffix(".part")
    record(Fleet.named(name), unfinished)
    return unfinished.rename(to)


@contextmanager
def _written_down(archive: ZipFile) -> Iterator[None]:
    """Write each day's rows into the archive before the second stage takes them."""
    real = Stepper.end_day

    def end_day(self: Stepper, block: DayBlock, day: int, fleet: FleetMemory, kept: BoolArray) -> None:
        place = {asset: row for row, asset in enumerate(self.subset(self.assets).assets)}
        local = np.array([place[asset] for asset in block.catalogue.assets], np.int32)
        if np.all(day > self.told_from_ns[local]):  # what is scored again was told before
            columns = {name: getattr(block.state, name) for name in recorded_columns()}
            body = BytesIO()
            np.savez(body, assets=np.array(block.catalogue.assets), **columns)
            archive.writestr(f"{len(archive.filelist):05d}.{day}.npz", body.getvalue())
        real(self, block, day, fleet, kept)

    with patch.object(Stepper, "end_day", end_day):
        yield


@dataclass(frozen=True, slots=True)
class Recording:
    """One file of `record`."""

    path: Path

    def fleet_name(self) -> str:
        """Say what was recorded, as `Fleet.named` takes it."""
        return str(self._facts()["fleet"])

    def judged_by(self, catalogue: Catalogue) -> tuple[ChannelDays, dict[str, int], float]:
        """Give what judging takes beside alarms and risk: daily means, the tally, the promise."""
        facts = self._facts()
        with ZipFile(self.path) as archive:
            value = np.load(BytesIO(archive.read(_DAYS)), allow_pickle=False)
        return ChannelDays(catalogue.channels, value), facts["tally"], facts["promise_per_year"]

    def days(self, catalogue: Catalogue) -> Iterator[tuple[int, IndexArray, DayBlock]]:
        """Give the days in the order in which they were taken: end, rows of the catalogue, and their columns.

        A column that the models did not have when it was recorded is what every row starts with.
        """
        place = {asset: row for row, asset in enumerate(catalogue.assets)}
        with ZipFile(self.path) as archive:
            for name in sorted(name for name in archive.namelist() if name.endswith(".npz")):
                with np.load(BytesIO(archive.read(name)), allow_pickle=False) as body:
                    rows = np.array([place[asset] for asset in body["assets"].tolist()], np.int32)
                    part = catalogue.take(rows)
                    known: dict[str, Any] = {column: body[column] for column in recorded_columns() if column in body}
                yield int(name.split(".")[1]), rows, DayBlock(part, _state(part, known))

    def _facts(self) -> dict[str, Any]:
        with ZipFile(self.path) as archive:
            found: dict[str, Any] = json.loads(archive.read(_FACTS))
            return found


def _state(catalogue: Catalogue, columns: dict[str, Any]) -> ModelState:
    return with_columns(initial_state(catalogue), **columns)
