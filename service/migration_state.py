"""What an unfinished migration remembers in the data folder, until it has ended."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path
from typing import Final

import msgspec

from service.settings import Settings

__all__ = ["STATE", "MigrationState", "bucket_of", "read_migration", "write_migration"]

STATE: Final = "migration.json"


class MigrationState(msgspec.Struct, frozen=True):
    """The number that it wrote into its database, and the bucket that it began to fill."""

    id: int
    bucket: str = ""


def bucket_of(settings: Settings) -> str:
    """Name the bucket of the settings as a migration remembers it."""
    return f"{settings.influx.url} {settings.influx.bucket}"


def read_migration(folder: Path) -> MigrationState | None:
    """Give what an unfinished migration of this data folder remembers; None when there is none that can be read."""
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode((folder / STATE).read_bytes(), type=MigrationState)
    return None


def write_migration(folder: Path, *, bucket: str = "") -> MigrationState:
    """Remember a migration; one that was begun before keeps its number."""
    before = read_migration(folder)
    state = MigrationState(secrets.randbits(62) if before is None else before.id, bucket)
    (folder / STATE).write_bytes(msgspec.json.encode(state))
    return state
