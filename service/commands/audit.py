"""`schouw audit`: is the decision log whole."""

from __future__ import annotations

from typing import Annotated

import typer

from domain.errors import ConfigurationError, StorageCorrupt
from service.commands.options import Config, DataDir, overrides_of, read_settings

__all__ = ["app"]

app = typer.Typer()
_audit = typer.Typer(help="The decision log, checked link by link.", no_args_is_help=True)
app.add_typer(_audit, name="audit")


@_audit.callback()
def _group() -> None:
    """Check the decision log."""


@_audit.command()
def verify(
    known: Annotated[
        list[str] | None,
        typer.Option(help="Hash that was written down before; must still be in the chain. Repeatable."),
    ] = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Check every link of the decision log: altered, missing, inserted or reordered rows are named."""
    from storage.decisions import chain_faults, chain_hashes, chain_head  # noqa: PLC0415 -- the help must not wait
    from storage.journal import Journal  # noqa: PLC0415 -- see above

    settings = read_settings(overrides_of(data_dir), config)
    if not settings.journal_path.is_file():
        raise ConfigurationError(f"no journal in {str(settings.data_dir)!r}; give --data-dir")
    journal = Journal(settings.journal_path)
    try:
        faults = chain_faults(journal)
        hashes = chain_hashes(journal)
        faults += [
            f"got no link with hash {name!r}, which was written down before"
            for name in known or ()
            if name not in hashes
        ]
        links, head = chain_head(journal)
    except StorageCorrupt as error:
        faults, links, head = [str(error)], 0, ""
    finally:
        journal.close()
    for fault in faults:
        typer.echo(f"WRONG  {fault}")
    if faults:
        raise typer.Exit(1)
    typer.echo(f"The chain of {links} decisions is whole. Write this down elsewhere, to compare with --known later:")
    typer.echo(head or "(no decision yet)")
