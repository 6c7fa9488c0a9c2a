"""`schouw backup`, `schouw restore`, `schouw migrate` and `schouw retain`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from service.commands.options import Config, DataDir, overrides_of, read_settings
from service.settings import load_settings

__all__ = ["app"]

app = typer.Typer()


def _say(step: str) -> None:
    typer.echo(f"... {step}")


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="Where it goes: an empty folder, or one that is not there yet.")],
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Write everything that is kept into a folder, checked, while everything runs."""
    from service.backup import make_backup  # noqa: PLC0415 -- the help must not wait for numpy

    made = make_backup(read_settings(overrides_of(data_dir), config), folder, now_ns=time.time_ns(), say=_say)
    size = sum(note.bytes for note in made.files) / 1e6
    # What models of another version saved has no hash in this one.
    state = made.state_digest[:12] or f"of version {made.model_version}, which this program learns again when it starts"
    typer.echo(
        f"Backup in {folder}: {size:.1f} MB, up to entry {made.last_seq} of the journal, {made.decisions} decisions, "
        f"model state {state}."
    )


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="Folder of a backup that was finished.")],
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Put a backup in the place of an installation that does not run; what was there is kept beside it."""
    from service.restoring import restore_backup  # noqa: PLC0415 -- see backup

    settings = read_settings(overrides_of(data_dir), config)
    made = restore_backup(settings, folder, now_ns=time.time_ns(), say=_say)
    typer.echo(
        f"Restored to {made.made_at}, entry {made.last_seq} of the journal, {made.decisions} decisions. "
        "Look with `schouw doctor`, then start."
    )


@app.command()
def migrate(
    settings_file: Annotated[
        Path, typer.Argument(help="TOML file with the settings as they shall be: storage.database_url, influx.url.")
    ],
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Move the stores of an installation that does not run onto servers, and prove it by counts and hashes."""
    from service.migrating import migrate as move  # noqa: PLC0415 -- see backup

    today = read_settings(overrides_of(data_dir), config)
    then = load_settings({"data_dir": today.data_dir}, config=settings_file)
    for item in move(today, then, say=_say):
        typer.echo(f"{item.what:20} {item.rows:>10} rows  SHA-256 {item.sha256}")
    typer.echo(
        f"All of it is equal on both sides. From now on start with --config {settings_file} (or the same settings in "
        "the environment), and look with `schouw doctor`. The journal stays in the data folder; operational.sqlite, "
        "access.sqlite and series.sqlite there are not used any more where a server has taken their place."
    )


@app.command()
def retain(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many rows would go.")] = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Remove what is older than it is to be kept, as ingest does every hour; the decision log is never cut."""
    from service.retaining import retain_once  # noqa: PLC0415 -- see backup

    settings = read_settings(overrides_of(data_dir), config)
    for item in retain_once(settings, now_ns=time.time_ns(), dry_run=dry_run):
        day = datetime.fromtimestamp(item.before_ns // 1_000_000_000, UTC).date()
        typer.echo(f"{item.rows:>10} {item.kind} from before {day}{' would go' if dry_run else ' removed'}")
