"""`schouw evaluate`: how good are the alarms and forecasts, on a scenario with known truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.commands.options import Config, read_settings

__all__ = ["app"]

app = typer.Typer()


@app.command()
def evaluate(
    scenario: Annotated[str, typer.Argument(help="A bundled scenario or a TOML file.")],
    seeds: Annotated[str | None, typer.Option(help="Seeds to pool, 1,2,3 [default: the scenario's].")] = None,
    start: Annotated[str | None, typer.Option(help="Another first day, ISO date.")] = None,
    days: Annotated[int | None, typer.Option(help="Only the first so many days.", min=1)] = None,
    jobs: Annotated[int, typer.Option(help="Runs side by side.", min=1, max=64)] = 2,
    out: Annotated[Path, typer.Option(help="Folder for scoreboard.json and scoreboard.html.")] = Path("evaluation"),
    config: Config = None,
) -> None:
    """Run a scenario through the real chain and print and save the scoreboard."""
    from service.evaluation.session import evaluate_and_save  # noqa: PLC0415 -- the help must not wait for numpy

    evaluate_and_save(read_settings({}, config), scenario, seeds=seeds, start=start, days=days, jobs=jobs, out=out)
