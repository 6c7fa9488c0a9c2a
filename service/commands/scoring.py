"""`schouw score`: any CSV through the online detector."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.commands.options import counted

__all__ = ["app"]

app = typer.Typer()


@app.command()
def score(
    source: Annotated[Path, typer.Argument(metavar="IN.csv", help="Table to score: CSV with a header, plain or gzip.")],
    target: Annotated[
        Path, typer.Argument(metavar="OUT.csv", help="Verdicts, a row for each row; gzip where the name ends in .gz.")
    ],
    time_column: Annotated[
        str, typer.Option("--time", help="Column of the time: ISO 8601 (no zone is UTC), or numbers.")
    ],
    values: Annotated[str, typer.Option(help="Columns that are watched, with commas between them.")],
    environment: Annotated[
        str, typer.Option(help="Columns that explain the values, such as temperature, with commas between them.")
    ] = "",
    group: Annotated[str | None, typer.Option(help="Column whose values tell independent streams apart.")] = None,
    commission: Annotated[
        int, typer.Option(help="First rows of each stream that are known to be healthy: learned, never alarmed.")
    ] = 0,
    expected_run_length: Annotated[
        float, typer.Option(help="The budget: mean rows between false alarms of a stream.")
    ] = 10_000.0,
    time_unit: Annotated[
        str, typer.Option(help="What a number in the time column is: s (Unix time) or index (just the order).")
    ] = "s",
) -> None:
    """Judge every row of a table by the rows before it, then learn it: novelty, chance, alarm, expected values."""
    from service.score import score_file  # noqa: PLC0415 -- the help must not wait for numpy

    rows = score_file(
        source,
        target,
        time=time_column,
        values=_names(values),
        environment=_names(environment),
        group=group,
        commission=commission,
        expected_run_length=expected_run_length,
        time_unit=time_unit,
        told=lambda sentence: typer.echo(sentence, err=True),
    )
    typer.echo(f"Wrote {counted(rows, 'verdict')} to {target}.")


def _names(text: str) -> list[str]:
    """Read names of columns with commas between them."""
    return [name.strip() for name in text.split(",") if name.strip()]
