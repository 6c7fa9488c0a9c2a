"""`schouw restore`: a backup in the place of what is there, or nothing.

Everything is copied beside the data folder's own files and checked there first. Then a marker is written, what was
there is moved aside, the copy takes its place, and the marker goes. Whoever starts while the marker is there is told to
restore again; nothing that was in the folder is removed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from domain.errors import ConfigurationError, StorageCorrupt, StorageUnavailable
from models.state import MODEL_VERSION
from service.backup import INFLUX, JOURNAL, NAMES, SERIES, examine_tables, open_copy, state_of, structural_damage
from service.backup_manifest import Manifest, check_files, read_manifest
from service.databases import databases, looking, opened
from service.folder import prepare_folder, projections_path, status_path
from service.series_store import open_series
from service.settings import Settings
from storage.copying import clear_tables, copy_tables, sync_folder
from storage.database import newest_schema, translated
from storage.decisions import chain_faults
from storage.journal_damage import find_damage
from storage.locks import replace_journal, unfinished_marker

__all__ = ["restore_backup"]

_STAGING: Final = "restore.new"
_PARTS: Final = ("", "-wal", "-shm")


def restore_backup(settings: Settings, folder: Path, *, now_ns: int, say: Callable[[str], None]) -> Manifest:
    """Put a backup in the place of an installation that does not run.

    Parameters
    ----------
    say : callable
        Told each step in words.

    Raises
    ------
    ConfigurationError
        If the folder holds no finished backup, something runs here, or the backup has its time series in a file and the
        settings name InfluxDB, which would never get them.
    StorageCorrupt
        If the backup is not what was written; nothing was replaced.
    StorageUnavailable
        If the disk is full or the database away; begin again when that is mended.
    """
    manifest = read_manifest(folder)
    if manifest.series == "sqlite" and settings.influx.url is not None:
        raise ConfigurationError(
            f"backup {str(folder)!r}: got one with the time series in a file, and settings that name influx.url, where "
            "nothing would bring them; restore with settings without it, then move them with `schouw migrate` "
            "(docs/how-to-migrate.md)"
        )
    say(f"checking the backup of {manifest.made_at}")
    check_files(folder, manifest)
    prepare_folder(settings)
    try:
        kept = _replace(settings, folder, manifest, now_ns, say)
    except OSError as error:
        raise StorageUnavailable(f"restore of {str(folder)!r}: got {error}; mend it and begin again") from error
    _tell_of_series(settings, manifest, say)
    if kept is not None:
        say(f"what was here before is in {kept}; remove it when you no longer need it")
    return manifest


def _tell_of_series(settings: Settings, manifest: Manifest, say: Callable[[str], None]) -> None:
    """Say when the settings name other time series than those that the backup goes with."""
    with contextlib.closing(open_series(settings)) as series:
        if series.position() >= manifest.series_seq:
            return
    say(
        "the time series are not in this backup: they are in the InfluxDB that its settings named (influx.url, "
        "influx.bucket), and these settings name no such one; with them readings begin with what comes from now on"
    )


def _replace(
    settings: Settings, folder: Path, manifest: Manifest, now_ns: int, say: Callable[[str], None]
) -> Path | None:
    with replace_journal(settings.journal_path):
        staging = _stage(settings, folder, manifest, say)
        marker = unfinished_marker(settings.journal_path)
        marker.write_text(f"{folder.absolute()}\n", encoding="utf-8")
        sync_folder(settings.data_dir)
        say("putting it in place")
        _fill_servers(settings, staging)
        kept = _move_aside(settings, now_ns)
        for note in manifest.files:
            (staging / note.name).rename(settings.data_dir / note.name)
        status_path(settings).unlink(missing_ok=True)
        projections_path(settings).unlink(missing_ok=True)
        sync_folder(settings.data_dir)
        marker.unlink()
        shutil.rmtree(staging, ignore_errors=True)
    return kept


def _stage(settings: Settings, folder: Path, manifest: Manifest, say: Callable[[str], None]) -> Path:
    """Copy the backup beside the data, and look at the copy as a start would."""
    staging = settings.data_dir / _STAGING
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(mode=0o700)
    for note in manifest.files:
        shutil.copyfile(folder / note.name, staging / note.name)
    check_files(staging, manifest)
    damage = find_damage(staging / JOURNAL)
    for name in (SERIES, INFLUX):
        damage += structural_damage(staging / name) if (staging / name).is_file() else []
    with open_copy(staging) as journal:
        damage += chain_faults(journal)
        if manifest.model_version == MODEL_VERSION:
            _, digest = state_of(settings, journal)
            if digest != manifest.state_digest:
                say(
                    f"the model state comes out as {digest[:12]} here, and was {manifest.state_digest[:12]} where the "
                    "backup was made: processors differ in the last digits of some functions, readings are the same"
                )
    if manifest.schema == newest_schema():
        operational_seq, tables = examine_tables(settings, staging)
        if operational_seq != manifest.operational_seq or tables != manifest.tables:
            damage.append("operational store: its rows are not those that were written")
    if damage:
        raise StorageCorrupt(f"backup {str(folder)!r}: {'; '.join(damage)}; nothing was replaced, use another backup")
    for note in manifest.files:
        with (staging / note.name).open("rb") as file:
            os.fsync(file.fileno())
    return staging


def _fill_servers(settings: Settings, staging: Path) -> None:
    """Replace the tables on a server, those of one kind in one transaction."""
    for database in databases(settings):
        copy = database.file(staging)
        with opened(database.address) as engine:
            if engine.dialect.name == "sqlite" or not copy.is_file():
                continue
            database.upgrade(engine)
            with opened(copy) as source:
                database.upgrade(source)
                with looking(source) as read, translated(engine), engine.begin() as written:
                    clear_tables(written, database.tables)
                    copy_tables(read, written, database.tables)


def _move_aside(settings: Settings, now_ns: int) -> Path | None:
    """Move the files that are replaced into a folder of their own; None when there were none."""
    names = [name + part for name in NAMES for part in _PARTS]
    found = [name for name in names if (settings.data_dir / name).is_file()]
    if not found:
        return None
    stamp = datetime.fromtimestamp(now_ns // 1_000_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
    number = sum(1 for _ in settings.data_dir.glob(f"before-restore-{stamp}*"))
    kept = settings.data_dir / (f"before-restore-{stamp}-{number + 1}" if number else f"before-restore-{stamp}")
    kept.mkdir(mode=0o700)
    for name in found:
        (settings.data_dir / name).rename(kept / name)
    return kept
