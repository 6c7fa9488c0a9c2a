"""`schouw evaluate`: how good are alarms and forecasts, on a scenario or on a history with known truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from domain.errors import ConfigurationError
from service.commands.options import Config, read_settings

__all__ = ["app"]

app = typer.Typer()


@app.command()
def evaluate(
    scenario: Annotated[str | None, typer.Argument(help="A bundled scenario or a TOML file.")] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds to pool, 1,2,3 (default: the scenario's).")] = None,
    start: Annotated[str | None, typer.Option(help="Another first day, ISO date.")] = None,
    days: Annotated[int | None, typer.Option(help="Only the first so many days.", min=1)] = None,
    jobs: Annotated[int, typer.Option(help="Processes at work.", min=1, max=64)] = 2,
    through_broker: Annotated[
        bool, typer.Option("--through-broker", help="Over MQTT and the ingest loop instead of in process.")
    ] = False,
    history: Annotated[
        Path | None, typer.Option(help="Your own readings instead: CSV or Parquet, time,asset,channel,value,unit.")
    ] = None,
    events: Annotated[Path | None, typer.Option(help="With --history: what really happened, CSV.")] = None,
    register: Annotated[
        list[Path] | None, typer.Option(help="With --history: assets.csv and sensors.csv, once for each.")
    ] = None,
    asset_type: Annotated[str, typer.Option(help="With --history and no register: what the assets are.")] = "other",
    out: Annotated[Path, typer.Option(help="Folder for scoreboard.json and scoreboard.html.")] = Path("evaluation"),
    config: Config = None,
) -> None:
    """Run a scenario, or your own history, through the real chain; print and save the scoreboard."""
    from service.evaluation.session import (  # noqa: PLC0415 -- the help must not wait for numpy
        evaluate_and_save,
        evaluate_history_and_save,
    )

    settings = read_settings({}, config)
    if history is not None:
        if scenario is not None or events is None:
            raise ConfigurationError("got --history, expected --events with it and no scenario")
        evaluate_history_and_save(settings, history, events, register=register or (), asset_type=asset_type, out=out)
    elif scenario is not None:
        evaluate_and_save(
            settings,
            scenario,
            seeds=seeds,
            start=start,
            days=days,
            jobs=jobs,
            through_broker=through_broker,
            out=out,
        )
    else:
        raise ConfigurationError("got nothing to evaluate, expected a scenario, or --history and --events")
