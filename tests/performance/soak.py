"""A soak: `make soak`, or `python -m tests.performance.soak --assets 2500 --hours 72`.

A fleet's readings of three days go through the pipeline as fast as it takes them, with everything behind it that runs
in ingest: journal, snapshots, both projections, pruning and retention. Its periods, and how far back late readings are
scored again, are shortened to hours, so that what is kept is at its plateau after a day. Measured at every hour of
event time: memory, files, and how old the oldest row is.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from ingest.batch import Message
from service.pipeline import Pipeline
from service.retention import retain
from service.settings import Settings
from service.settings_sections import RetentionSection
from storage.database import open_database, sqlite_address, upgrade_schema
from storage.journal import Journal
from storage.projection import OperationalProjection
from storage.series import SqliteSeries
from tests.chain import NS
from tests.performance.fuzz import resident_bytes
from tests.unit.service.site import WALL, open_site

__all__ = ["SoakReport", "soak"]

HOUR_NS: Final = 3600 * NS
# An hour before a midnight: then each asset has two states to re-score from, as many as it ever has here, on day two.
_START_NS: Final = 20_254 * 24 * HOUR_NS + 23 * HOUR_NS
_BATCH: Final = 2000
# From the second third of a run to the last, as shares. Pages of a file come and go by the thousand, so theirs is no
# measure as fine as memory.
_MEMORY_GROWTH: Final = 0.0067
_FILE_GROWTH: Final = 0.033
# A state to re-score from is kept for each asset and day as far back as this, and none older but one.
_BACKFILL_NS: Final = 6 * HOUR_NS
# A write-ahead log grows to a thousand pages and is used again from its beginning (sqlite.org/wal.html); how soon
# depends on how little is written. A quarter more is for a transaction that was under way.
_LOG_BYTES: Final = 1_250 * 4_096
_CHANNELS: Final = (("temperature", "Cel"), ("humidity", "%RH"), ("vibration_rms", "mm/s"), ("strain", "um/m"))
# In days, as the settings have them; the settings themselves allow no less than days.
KEPT: Final = {
    "kept_readings_days": 6 / 24,
    "arrival_keys_days": 6 / 24,
    "readings_days": 12 / 24,
    "hops_days": 24 / 24,
}


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured behind one hour of event time; ages in hours."""

    hour: int
    resident: int
    journal_bytes: int
    series_bytes: int
    oldest_kept_h: float
    oldest_reading_h: float
    oldest_hop_h: float


@dataclass
class SoakReport:
    """The samples of a run."""

    readings: int = 0
    seconds: float = 0.0
    samples: list[Sample] = field(default_factory=list)

    def growth(self, name: str) -> float:
        """Give by how much a measure grew from the middle third to the last, as a share.

        By means over whole days where the run is a multiple of three days: once a day states are kept and dropped.
        """
        values = [float(getattr(sample, name)) for sample in self.samples]
        third = len(values) // 3
        return sum(values[-third:]) / sum(values[-2 * third : -third]) - 1

    def faults(self) -> list[str]:
        """Say what is not as planned."""
        found = []
        if self.growth("resident") > _MEMORY_GROWTH:
            grown = self.growth("resident")
            found.append(f"memory grew by {grown:.2%} in the last third, expected less than {_MEMORY_GROWTH:.2%}")
        last = self.samples[-1]
        plan = {"oldest_kept_h": 6, "oldest_reading_h": 12, "oldest_hop_h": 24}
        for name, hours in plan.items():
            # Retention ran in this hour, and a hop is an hour long.
            if not hours - 2 <= getattr(last, name) <= hours + 2:
                found.append(f"{name} is {getattr(last, name):.1f}, expected {hours}")
        found += [
            f"{name} grew by {self.growth(name):.1%} in the last third, expected a plateau"
            for name in ("journal_bytes", "series_bytes")
            if self.growth(name) > _FILE_GROWTH
        ]
        return found

    def text(self) -> str:
        """Give the report as lines."""
        lines = [
            f"{self.readings} readings of {len(self.samples)} hours in {self.seconds:.0f} s",
            "hour  memory MB  journal MB  series MB  oldest kept/reading/hop (h)",
        ]
        for sample in self.samples[5::6]:
            sizes = (sample.resident / 1e6, sample.journal_bytes / 1e6, sample.series_bytes / 1e6)
            ages = (sample.oldest_kept_h, sample.oldest_reading_h, sample.oldest_hop_h)
            lines.append(
                "{:4}  {:9.1f}  {:10.1f}  {:9.1f}  {:.1f} / {:.1f} / {:.1f}".format(sample.hour, *sizes, *ages)
            )
        grown = ", ".join(f"{name} {self.growth(name):+.2%}" for name in ("resident", "journal_bytes", "series_bytes"))
        return "\n".join([*lines, f"last third: {grown}", *self.faults()])


def soak(assets: int, hours: int, *, per_hour: int = 6, seed: int = 1) -> SoakReport:
    """Run so many hours of a fleet's readings through everything.

    Parameters
    ----------
    assets : int
        Each with four channels.
    per_hour : int
        Readings of each channel an hour.
    """
    report = SoakReport()
    with tempfile.TemporaryDirectory(prefix="schouw-soak-") as name:
        folder = Path(name)
        names = tuple(f"brug-{number:05}" for number in range(assets))
        rows = "".join(
            f"{asset},s1,{channel},{unit},,gw-{asset},,600\n" for asset in names for channel, unit in _CHANNELS
        )
        policy = replace(WALL, lateness_ns=0, window_ns=_BACKFILL_NS)
        pipeline = open_site(folder, rows, policy=policy, assets=names)
        engine = open_database(sqlite_address(folder / "operational.sqlite"))
        upgrade_schema(engine)
        stores = (OperationalProjection(engine), SqliteSeries(folder / "series.sqlite"))
        settings = Settings(data_dir=folder)
        settings = settings.model_copy(update={"retention": RetentionSection().model_copy(update=KEPT)})
        begin = time.monotonic()
        for hour in range(hours):
            now_ns = _START_NS + (hour + 1) * HOUR_NS
            for messages in _messages(names, hour, per_hour, random.Random(seed * 1000 + hour)):
                pipeline.take(messages, now_ns=now_ns)
                pipeline.assess_waiting()
            pipeline.close(now_ns=now_ns)
            _look_after(pipeline, stores)
            retain(settings, event_ns=now_ns, now_ns=now_ns)
            report.samples.append(_sample(folder, pipeline.journal, hour, now_ns))
        report.seconds = time.monotonic() - begin
        report.readings = pipeline.journal.tally()["readings_stored"]
        stores[1].close()
        engine.dispose()
        pipeline.journal.close()
    return report


def _messages(names: Sequence[str], hour: int, per_hour: int, rng: random.Random) -> Iterator[list[Message]]:
    batch: list[Message] = []
    for tick in range(per_hour):
        at_s = _START_NS // NS + 3600 * hour + 3600 * tick // per_hour
        for asset in names:
            values = ",".join(
                f'"{channel}":{{"value":{rng.gauss(10.0, 1.0):.4f},"unit":"{unit}"}}' for channel, unit in _CHANNELS
            )
            payload = f'{{"v":1,"sensor":"s1","t":{at_s},"values":{{{values}}}}}'.encode()
            batch.append(Message(f"infra/v1/gw-{asset}/{asset}/s1/reading", payload, at_s * NS, retained=False))
            if len(batch) == _BATCH:
                yield batch
                batch = []
    yield batch


def _look_after(pipeline: Pipeline, stores: tuple[OperationalProjection, SqliteSeries]) -> None:
    """Do what worker and projector do beside: save the state, project, prune."""
    pipeline.save()
    for store in stores:
        while entries := pipeline.journal.entries(after=store.position(), limit=64):
            store.project(entries)
    pipeline.journal.prune(upto=min(pipeline.journal.snapshot_seq(), *(store.position() for store in stores)))


def _sample(folder: Path, journal: Journal, hour: int, now_ns: int) -> Sample:
    gc.collect()

    def size(name: str) -> int:
        """Measure what the file holds with what waits in its write-ahead log, and the log where it is too long."""
        path = folder / f"{name}.sqlite"
        with contextlib.closing(sqlite3.connect(path)) as db:
            pages = int(db.execute("PRAGMA page_count").fetchone()[0])
            bytes_of_page = int(db.execute("PRAGMA page_size").fetchone()[0])
        log = path.with_name(f"{path.name}-wal")
        return pages * bytes_of_page + max(0, (log.stat().st_size if log.exists() else 0) - _LOG_BYTES)

    def age_h(oldest_ns: int | None) -> float:
        return (now_ns - oldest_ns) / HOUR_NS if oldest_ns is not None else 0.0

    with journal.reading() as db:
        kept = db.execute("SELECT min(start_ns) FROM hop").fetchone()[0]
    series = SqliteSeries(folder / "series.sqlite")
    oldest_reading, oldest_hop = series.oldest_ns("reading"), series.oldest_ns("hop")
    series.close()
    return Sample(
        hour=hour + 1,
        resident=resident_bytes(),
        journal_bytes=size("journal"),
        series_bytes=size("series"),
        oldest_kept_h=age_h(kept),
        oldest_reading_h=age_h(oldest_reading),
        oldest_hop_h=age_h(oldest_hop),
    )


def main() -> None:
    """Run from the command line; exit code 1 when something is not as planned."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--assets", type=int, default=2500)
    parser.add_argument("--hours", type=int, default=72)
    parser.add_argument("--per-hour", type=int, default=6)
    options = parser.parse_args()
    report = soak(options.assets, options.hours, per_hour=options.per_hour)
    sys.stdout.write(report.text() + "\n")
    sys.exit(bool(report.faults()))


if __name__ == "__main__":
    main()
