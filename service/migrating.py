"""`schouw migrate`: the stores of an embedded installation onto servers, proven table by table.

Nothing may run meanwhile. The tables go to the database and the time series to InfluxDB, whichever the new settings
name; each is compared with its source by count and SHA-256 before the position moves, and until then the database
says of itself that it is not ready. Broken off, the same command goes on: tables that are there are compared and
left, points written twice are the same points.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, delete, func, insert, select

from domain.errors import ConfigurationError, StorageCorrupt
from service.databases import OPERATIONAL, Database, databases, looking, opened
from service.migration_state import STATE, MigrationState, bucket_of, read_migration, write_migration
from service.moving_series import Move, move_series
from service.settings import Settings
from storage.copying import clear_tables, copy_tables
from storage.database import translated
from storage.fingerprint import Fingerprint, table_fingerprint
from storage.locks import replace_journal
from storage.projection import MIGRATING
from storage.tables import projection_table

__all__ = ["STATE", "migrate"]


def migrate(settings: Settings, target: Settings, *, say: Callable[[str], None]) -> list[Move]:
    """Move the stores of one installation to where other settings have them.

    Parameters
    ----------
    settings : Settings
        As they are: SQLite in the data folder.
    target : Settings
        As they shall be, with the same data folder.
    say : callable
        Told each step in words.

    Returns
    -------
    list of Move
        What is where now: rows and SHA-256, equal in source and target.

    Raises
    ------
    ConfigurationError
        If there is nothing to move, something runs, or the target holds something else.
    StorageUnavailable
        If a server is away; run the command again when it is back.
    StorageCorrupt
        If the target gives back something else than was written; the installation stays as it is.
    """
    moves_tables = target.database_address != settings.database_address
    moves_series = settings.influx.url is None and target.influx.url is not None
    if not settings.database_address.startswith("sqlite") or not (moves_tables or moves_series):
        raise ConfigurationError(
            "got settings that name no other store, expected storage.database_url or influx.url in the file of new "
            "settings, and neither in those of today; unset SCHOUW_STORAGE__DATABASE_URL and SCHOUW_INFLUX__URL"
        )
    if not settings.journal_path.is_file():
        raise ConfigurationError(f"no journal in {str(settings.data_dir)!r}; give the folder with --data-dir")
    moved: list[Move] = []
    with replace_journal(settings.journal_path):
        state = read_migration(settings.data_dir) or write_migration(settings.data_dir)
        pairs = list(zip(databases(settings), databases(target), strict=True)) if moves_tables else []
        if moves_tables:
            # A wrong password is told before the time series, which may take hours.
            _claim(next(goal for _, goal in pairs if goal.name == OPERATIONAL), state)
        if moves_series:
            say("time series to InfluxDB")
            moved += move_series(
                settings,
                target,
                is_begun=state.bucket == bucket_of(target),
                begin=lambda: write_migration(settings.data_dir, bucket=bucket_of(target)),
                say=say,
            )
        if moves_tables:
            # The operational store goes last, and in it the position: who has that has everything.
            for source, goal in sorted(pairs, key=lambda pair: pair[0].name == OPERATIONAL):
                if source.file(settings.data_dir).is_file():
                    moved += _move_tables(source, goal, source.file(settings.data_dir), say)
        (settings.data_dir / STATE).unlink()
    return moved


def _move_tables(source: Database, goal: Database, file: Path, say: Callable[[str], None]) -> list[Move]:
    moved: list[Move] = []
    with opened(file) as old, opened(goal.address) as new:
        source.upgrade(old)
        goal.upgrade(new)
        for table in sorted(goal.tables, key=lambda table: table is projection_table):
            with looking(old) as read, translated(new), new.begin() as written:
                expected = table_fingerprint(read, table)
                if table is projection_table:
                    written.execute(delete(table).where(table.c.name == MIGRATING))
                if table_fingerprint(written, table) != expected:
                    clear_tables(written, [table])
                    copy_tables(read, written, [table])
                    _compare(table.name, table_fingerprint(written, table), expected)
            say(f"table {table.name}: {expected.rows} rows")
            moved.append(Move(f"table {table.name}", expected.rows, expected.sha256))
    return moved


def _claim(goal: Database, state: MigrationState) -> None:
    """Mark an empty database as the target of this migration, or see that it is."""
    with opened(goal.address) as engine, translated(engine):
        goal.upgrade(engine)
        with engine.begin() as db:
            _claim_in(db, goal, state)


def _claim_in(db: Connection, goal: Database, state: MigrationState) -> None:
    query = select(projection_table.c.seq).where(projection_table.c.name == MIGRATING)
    if db.execute(query).scalar_one_or_none() == state.id:
        return
    filled = [
        table.name for table in goal.tables if db.execute(select(func.count()).select_from(table)).scalar_one() > 0
    ]
    if filled:
        raise ConfigurationError(
            f"the database of the new settings: got rows in {', '.join(filled)}, expected an empty one, or one that "
            "this installation began to fill; give another database"
        )
    db.execute(insert(projection_table).values(name=MIGRATING, seq=state.id))


def _compare(name: str, got: Fingerprint, expected: Fingerprint) -> None:
    if got != expected:
        raise StorageCorrupt(
            f"table {name}: got {got.rows} rows with SHA-256 {got.sha256[:12]} back, expected {expected.rows} with "
            f"{expected.sha256[:12]}; nothing is lost, the installation stays where it is: report this"
        )
