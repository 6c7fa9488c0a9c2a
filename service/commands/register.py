"""`schouw register`: accountability in one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.commands.options import Config, DataDir, overrides_of, read_settings

__all__ = ["app"]

app = typer.Typer()


@app.command()
def register(
    out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("register"),
    owner: Annotated[Path | None, typer.Option(help="TOML file with what only the owner knows.")] = None,
    decision: Annotated[str | None, typer.Option(help="Also the log of this decision, reading to outcome.")] = None,
    organisation: Annotated[str | None, typer.Option(help="Whose papers, where several share the service.")] = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Write the Algorithm Register entry, model card, data sheet and list of sensors, as JSON and pages that print."""
    from service.accountability import write_papers  # noqa: PLC0415 -- the help must not wait for numpy

    settings = read_settings(overrides_of(data_dir), config)
    written, missing, fault = write_papers(
        settings, out, owner_file=owner, decision_id=decision, organisation=organisation
    )
    for path in written:
        typer.echo(f"Wrote {path}")
    for name in missing:
        typer.echo(f"MISSING  {name}: only the owner knows; give it in the file of --owner or owner.register_file")
    if fault:
        typer.echo(f"NO ENTRY {fault}")
        raise typer.Exit(1)
