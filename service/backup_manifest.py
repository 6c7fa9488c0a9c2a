"""The manifest of a backup: written last, so a folder without one is not whole."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

import msgspec

from domain.errors import ConfigurationError, StorageCorrupt
from storage.copying import sync_folder

__all__ = ["MANIFEST", "FileNote", "Manifest", "check_files", "note_file", "read_manifest", "write_manifest"]

MANIFEST: Final = "manifest.json"
_FORMAT: Final = 1
_BLOCK: Final = 1 << 20


class FileNote(msgspec.Struct, frozen=True):
    """One file as it was written; `sha256` is hexadecimal."""

    name: str
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds.

    Attributes
    ----------
    made_at : str
        Begin of the copy by the wall clock, ISO 8601, UTC.
    version, model_version, schema : str
        Of the program that wrote it, the models that saved the state, and its operational store.
    last_seq, applied_seq, snapshot_seq : int
        Newest entry of the journal, newest that was applied, and what the snapshots cover.
    decisions : int
        Links of the decision log; `decision_hash` is that of the newest, empty without any.
    state_digest : str
        Hash of the model state after `applied_seq`, rebuilt from the copy; empty where models of another version than
        the program's saved it.
    operational_seq, series_seq : int
        How far the projections had come; what follows is in the journal.
    series : str
        `sqlite`: the time series are here; `influxdb`: they stay on their server, only their position is here.
    tables : dict
        Rows and SHA-256 of each table of the operational store (`storage.fingerprint`).
    tally : dict
        The journal's exact counts.
    """

    format: int = _FORMAT
    made_at: str
    version: str
    model_version: str
    schema: str
    last_seq: int
    applied_seq: int
    snapshot_seq: int
    decisions: int
    decision_hash: str
    state_digest: str
    operational_seq: int
    series_seq: int
    series: str
    tables: dict[str, tuple[int, str]]
    tally: dict[str, int]
    files: list[FileNote]


def note_file(path: Path) -> FileNote:
    """Measure a file."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return FileNote(path.name, size, digest.hexdigest())


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest in one step, to disk."""
    scratch = folder / f"{MANIFEST}.new"
    with scratch.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(folder / MANIFEST)
    sync_folder(folder)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest.

    Raises
    ------
    ConfigurationError
        If there is none, or one of a newer format.
    """
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(
            f"backup {str(folder)!r}: got no {MANIFEST} that can be read ({reason}), expected the folder of a backup "
            "that was finished; give another"
        ) from error
    if manifest.format != _FORMAT:
        raise ConfigurationError(
            f"backup {str(folder)!r}: got format {manifest.format}, expected {_FORMAT}; restore it with the version of "
            f"Schouw that made it ({manifest.version})"
        )
    return manifest


def check_files(folder: Path, manifest: Manifest) -> None:
    """Compare every file with what was written.

    Raises
    ------
    StorageCorrupt
        With all files that are missing or differ.
    """
    faults = []
    for note in manifest.files:
        path = folder / note.name
        if path.name != note.name or not path.is_file():
            faults.append(f"{note.name} is missing")
            continue
        got = note_file(path)
        if got.bytes != note.bytes:
            faults.append(f"{note.name} has {got.bytes} bytes, expected {note.bytes}")
        elif got != note:
            faults.append(f"{note.name} has another SHA-256 than was written")
    if faults:
        raise StorageCorrupt(f"backup {str(folder)!r}: {'; '.join(faults)}; nothing was replaced, use another backup")
