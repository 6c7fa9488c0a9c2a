"""`schouw backup`: everything that is kept, as it is at one moment, while everything runs.

The journal is the truth; the projections come along because entries leave it once they are projected. They are
copied first and the journal last, with nothing removed from it meanwhile: so what a projection does not have yet is in
the journal's copy, and none has an entry that the journal lacks. The copy is then opened as a restart would open it,
and what it says of itself goes into the manifest.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from domain.errors import ConfigurationError, OtherModelVersion, StorageCorrupt, StorageUnavailable
from models.state import MODEL_VERSION
from service.backup_manifest import MANIFEST, Manifest, note_file, write_manifest
from service.clock_policy import clock_policy
from service.databases import ACCESS, OPERATIONAL, Database, databases, fingerprints, looking, opened
from service.folder import why_not
from service.restore import open_pipeline
from service.series_store import open_series
from service.settings import Settings
from storage.copying import copy_file, copy_tables, sync_folder
from storage.database import newest_schema, translated
from storage.decisions import chain_faults, decisions_written
from storage.entries import DecisionBody
from storage.journal import Journal
from storage.journal_damage import find_damage
from storage.locks import keep_entries
from storage.projection import OperationalProjection

__all__ = [
    "INFLUX",
    "JOURNAL",
    "NAMES",
    "SERIES",
    "examine_tables",
    "make_backup",
    "open_copy",
    "state_of",
    "structural_damage",
]

JOURNAL: Final = "journal.sqlite"
SERIES: Final = "series.sqlite"
INFLUX: Final = "influx.sqlite"
NAMES: Final = (JOURNAL, OPERATIONAL, ACCESS, SERIES, INFLUX)
_SCRATCH: Final = f"{MANIFEST}.new"


def make_backup(settings: Settings, folder: Path, *, now_ns: int, say: Callable[[str], None]) -> Manifest:
    """Write a backup and check it.

    Parameters
    ----------
    folder : Path
        Empty, not there yet, or an earlier backup that was not finished.
    say : callable
        Told each step in words.

    Raises
    ------
    ConfigurationError
        If the folder holds something else, or there is no journal.
    StorageUnavailable
        If the disk is full or a store is away.
    StorageCorrupt
        If what is there is damaged: a copy of it would be no backup.
    """
    if not settings.journal_path.is_file():
        raise ConfigurationError(f"no journal in {str(settings.data_dir)!r}; give the folder with --data-dir")
    _prepare(folder)
    made_at = datetime.fromtimestamp(now_ns // 1_000_000_000, UTC).isoformat()
    try:
        with keep_entries(settings.journal_path):
            for database in databases(settings):
                say(f"copying {database.name.removesuffix('.sqlite')} tables")
                _copy_tables(database, database.file(folder))
            say("copying the time series")
            series = _copy_series(settings, folder)
            say("copying the journal")
            copy_file(settings.journal_path, folder / JOURNAL)
        say("checking the copy")
        manifest = _examine(settings, folder, series, made_at)
        write_manifest(folder, manifest)
    except OSError as error:
        raise StorageUnavailable(f"backup to {str(folder)!r}: got {error}; mend it and begin again") from error
    return manifest


@contextlib.contextmanager
def open_copy(folder: Path) -> Iterator[Journal]:
    """Open the journal of a copy, and leave no file behind that was not there."""
    journal = Journal(folder / JOURNAL)
    try:
        yield journal
    finally:
        journal.close()
        (folder / f"{JOURNAL}.use").unlink(missing_ok=True)


def state_of(settings: Settings, journal: Journal) -> tuple[str, str]:
    """Rebuild the model state from a copy, and give the version of its models and its hash.

    What another version saved, and ingest has not learnt again yet, has no hash here.
    """
    try:
        pipeline = open_pipeline(journal, clock_policy(settings), max_payload_bytes=1, head_bytes=0)
    except OtherModelVersion as changed:
        return changed.found, ""
    return MODEL_VERSION, pipeline.live.digest()


def structural_damage(path: Path) -> list[str]:
    """Let SQLite look at the structure of a file that is no journal."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            rows = [str(row[0]) for row in db.execute("PRAGMA quick_check(20)")]
    except sqlite3.DatabaseError as error:
        rows = [str(error)]
    return [f"{path.name}: {row}" for row in rows if row != "ok"]


def examine_tables(settings: Settings, folder: Path) -> tuple[int, dict[str, tuple[int, str]]]:
    """Give the position of the operational store in a copy, and rows and SHA-256 of each table."""
    tables: dict[str, tuple[int, str]] = {}
    position = 0
    for database in databases(settings):
        if not database.file(folder).is_file():
            continue
        with opened(database.file(folder)) as engine:
            database.upgrade(engine)
            tables |= {name: (item.rows, item.sha256) for name, item in fingerprints(engine, database).items()}
            if database.name == OPERATIONAL:
                position = OperationalProjection(engine).position()
    return position, tables


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise ConfigurationError(f"backup folder {str(folder)!r}: {why_not(error)}; give another") from error
    # Only an attempt of ours has this file: a folder of data holds files of the same names as a backup.
    is_unfinished = _SCRATCH in found
    strange = sorted(name for name in found if not (is_unfinished and name.startswith((*NAMES, _SCRATCH))))
    if strange:
        named = MANIFEST if MANIFEST in strange else strange[0]
        raise ConfigurationError(
            f"backup folder {str(folder)!r}: got one with {named!r} in it, expected an empty one; give another"
        )
    (folder / _SCRATCH).touch()
    sync_folder(folder)
    # What is left of an attempt that was broken off.
    for name in found - {_SCRATCH}:
        (folder / name).unlink()


def _copy_tables(database: Database, target: Path) -> None:
    """Copy a database of rows, a file as it is, and tables on a server into one."""
    with opened(database.address) as engine:
        if engine.dialect.name == "sqlite":
            source = Path(str(engine.url.database))
            # Keys have no file before the first start of the API.
            if source.is_file():
                copy_file(source, target)
            return
        database.upgrade(engine)
        with opened(target) as copy:
            database.upgrade(copy)
            with looking(engine) as read, translated(copy), copy.begin() as written:
                copy_tables(read, written, database.tables)


def _copy_series(settings: Settings, folder: Path) -> str:
    if settings.influx.url is None:
        copy_file(settings.series_path, folder / SERIES)
        return "sqlite"
    copy_file(settings.influx_path, folder / INFLUX)
    return "influxdb"


def _examine(settings: Settings, folder: Path, series: str, made_at: str) -> Manifest:
    """Open the copy as a restart would, and write down what it says of itself."""
    projected = SERIES if series == "sqlite" else INFLUX
    damage = find_damage(folder / JOURNAL) + structural_damage(folder / projected)
    if damage:
        raise StorageCorrupt(f"the copy is damaged as its source is: {'; '.join(damage)}; run `schouw doctor`")
    operational_seq, tables = examine_tables(settings, folder)
    with contextlib.closing(open_series(settings.model_copy(update={"data_dir": folder}))) as copied:
        series_seq = copied.position()
    with open_copy(folder) as journal:
        faults = chain_faults(journal)
        if faults:
            raise StorageCorrupt(f"decision log: {'; '.join(faults)}; run `schouw doctor`")
        _check_reach(journal, {"operational store": operational_seq, "time series": series_seq})
        bodies = [entry.body for entry in journal.newest("decision")]
        model_version, state_digest = state_of(settings, journal)
        manifest = Manifest(
            made_at=made_at,
            version=version("schouw"),
            model_version=model_version,
            schema=newest_schema(),
            last_seq=journal.last_seq(),
            applied_seq=journal.applied_seq(),
            snapshot_seq=journal.snapshot_seq(),
            decisions=decisions_written(journal),
            decision_hash=next((body.decision.hash for body in bodies if isinstance(body, DecisionBody)), ""),
            state_digest=state_digest,
            operational_seq=operational_seq,
            series_seq=series_seq,
            series=series,
            tables=tables,
            tally=journal.tally(),
            files=[],
        )
    files = [note_file(folder / name) for name in NAMES if (folder / name).is_file()]
    return msgspec.structs.replace(manifest, files=files)


def _check_reach(journal: Journal, positions: Mapping[str, int]) -> None:
    """Make sure that the journal has every entry which a projection does not have yet."""
    last = journal.last_seq()
    for name, position in positions.items():
        if position > last or journal.count_entries(after=position) != last - position:
            raise StorageCorrupt(
                f"{name} is at entry {position}, and the journal does not have all that follows up to {last}; "
                "run `schouw doctor`"
            )
