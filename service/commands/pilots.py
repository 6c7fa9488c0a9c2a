"""`schouw pilot`: success defined beforehand, graded afterwards."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from service.commands.options import Config, DataDir, overrides_of, read_settings

__all__ = ["app"]

app = typer.Typer(help="A pilot: success written down beforehand, graded afterwards.", no_args_is_help=True)

Sheet = Annotated[Path, typer.Argument(help="The pilot's sheet, TOML.")]
By = Annotated[str, typer.Option(help="Who says so.")]


@app.command()
def start(sheet: Sheet, by: By, data_dir: DataDir = None, config: Config = None) -> None:
    """Write the hash of a pilot's sheet into the decision log, before it begins."""
    from service.evaluation.pilot import start_pilot  # noqa: PLC0415 -- the help must not wait for numpy

    settings = read_settings(overrides_of(data_dir), config)
    decision = start_pilot(settings, sheet, by=by, now_ns=time.time_ns())
    typer.echo(f"Decision {decision.id} on {decision.asset}: {decision.reason}; hash {decision.hash[:12]}.")


@app.command()
def grade(
    sheet: Sheet,
    events: Annotated[Path, typer.Option(help="What really happened, CSV as for `schouw evaluate --events`.")],
    by: By,
    interim: Annotated[bool, typer.Option("--interim", help="Look before the end; nothing is written.")] = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Grade a pilot by its sheet, pass and fail alike, and write the result into the decision log."""
    from rich.console import Console  # noqa: PLC0415 -- see start

    from service.evaluation.pilot import grade_pilot_of, print_result  # noqa: PLC0415 -- see start

    settings = read_settings(overrides_of(data_dir), config)
    result, decision = grade_pilot_of(settings, sheet, events, by=by, interim=interim, now_ns=time.time_ns())
    print_result(result, Console())
    if decision is not None:
        typer.echo(f"Decision {decision.id} on {decision.asset}, hash {decision.hash[:12]}.")
