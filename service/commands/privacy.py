"""`schouw privacy`: what is stored, a person's data, and their erasure."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from service.commands.options import Config, DataDir, overrides_of, read_settings

__all__ = ["app"]

app = typer.Typer()
_privacy = typer.Typer(help="What is stored, and a person's part in it.", no_args_is_help=True)
app.add_typer(_privacy, name="privacy")

KnownAs = Annotated[
    list[str] | None,
    typer.Option(
        "--known-as",
        help="Identifier that their provider gave at login (`sub`), as the audit trail has it; repeat it. Those of "
        "sessions that stand are known.",
    ),
]
Name = Annotated[str, typer.Argument(help="The name, as it stands under decisions.")]


@_privacy.command("list")
def list_tables(data_dir: DataDir = None, config: Config = None) -> None:
    """List every table with what it is for, how long it is kept, and which columns are about people."""
    from service.privacy import list_stored  # noqa: PLC0415 -- the help must not wait for SQLAlchemy

    found = list_stored(read_settings(overrides_of(data_dir), config))
    typer.echo("store\ttable\tpurpose\tkept\tpersonal\tcolumns")
    for item in found:
        personal, columns = ", ".join(item.personal) or "-", ", ".join(item.columns)
        typer.echo(f"{item.store}\t{item.table}\t{item.purpose}\t{item.kept}\t{personal}\t{columns}")


@_privacy.command("export")
def export(name: Name, known_as: KnownAs = None, data_dir: DataDir = None, config: Config = None) -> None:
    """Write all that is stored about a person, as JSON."""
    from service.privacy import export_person  # noqa: PLC0415 -- see above

    found = export_person(read_settings(overrides_of(data_dir), config), name, known_as or ())
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2))


@_privacy.command("erase")
def erase_name(name: Name, known_as: KnownAs = None, data_dir: DataDir = None, config: Config = None) -> None:
    """Destroy the key of a person's name; their decisions stay under a pseudonym, and the chain stays whole."""
    from service.privacy import erase  # noqa: PLC0415 -- see above

    pseudonym, mentioned = erase(read_settings(overrides_of(data_dir), config), name, known_as or ())
    typer.echo(f"{name} is erased; decisions stand under {pseudonym}." if pseudonym else f"{name} decided nothing.")
    if mentioned:
        typer.echo(f"The name still stands in the reason of {', '.join(mentioned)}; the chain covers that text.")
