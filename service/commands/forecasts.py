"""`schouw prognose`: tables of histories in, forecasts out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.commands.options import counted

__all__ = ["app"]

app = typer.Typer()


@app.command()
def prognose(
    history: Annotated[Path, typer.Option(help="CSV of complete lives: each unit's last row is its failure.")],
    running: Annotated[Path, typer.Option(help="CSV of units in service: all rows since they were new.")],
    unit: Annotated[str, typer.Option(help="Column of the unit's name.")],
    time_column: Annotated[str, typer.Option("--time", help="Column of the time, a number or ISO 8601.")],
    values: Annotated[str, typer.Option(help="Columns to learn from, with commas between them.")],
    out: Annotated[Path, typer.Option(help="Table to write: unit,rul,rul_q10,rul_q50,rul_q90.")],
    horizon: Annotated[
        float | None, typer.Option(help="Longer lives count as this one, in the unit of --time; seconds for ISO 8601.")
    ] = None,
) -> None:
    """Learn from run-to-failure histories, and forecast the remaining life of running units."""
    from service.prognose import prognose_file  # noqa: PLC0415 -- the help must not wait for numpy

    columns = [name.strip() for name in values.split(",") if name.strip()]
    rows = prognose_file(history, running, unit=unit, time=time_column, values=columns, horizon=horizon, out=out)
    typer.echo(f"Wrote {counted(rows, 'forecast')} to {out}.")
