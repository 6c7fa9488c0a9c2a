"""`schouw record` and `schouw replay`: what gateways sent, kept in a file, and published again."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from domain.errors import ConfigurationError
from service.commands.options import Config, DataDir, Host, Port, Speed, counted, day_ns, overrides_of, read_settings

__all__ = ["app"]

app = typer.Typer()


@app.command()
def record(
    file: Annotated[Path, typer.Argument(help="File to write: .jsonl, or .jsonl.gz.")],
    topic: Annotated[
        list[str] | None, typer.Option(help="Topic filter, once for each (default: all that ingest listens to).")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="How long (default: until Ctrl-C).", min=0.1)] = None,
    host: Host = None,
    port: Port = None,
    config: Config = None,
) -> None:
    """Keep every message of a broker in a file, with its time of arrival, for `schouw replay`."""
    from service.recording import record_session  # noqa: PLC0415 -- the help must not wait

    settings = read_settings({}, config)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    count = record_session(
        settings,
        file,
        topics=topic or (),
        seconds=seconds,
        host=host or settings.mqtt.host,
        port=port or settings.mqtt.port,
        stop=stop,
    )
    typer.echo(f"Recorded {counted(count, 'message')} into {file}.")


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="CSV (plain, gzip), Parquet, or a session (.jsonl, .jsonl.gz).")],
    asset: Annotated[str | None, typer.Option(help="Asset that the rows of a wide table belong to.")] = None,
    value: Annotated[
        list[str] | None, typer.Option(help="COLUMN=CHANNEL:UNIT, once for each column of values of a wide table.")
    ] = None,
    time_column: Annotated[str, typer.Option("--time", help="Column of time.")] = "time",
    time_unit: Annotated[
        str, typer.Option(help="auto (ISO 8601 or seconds), s, ms, minutes, hours, days since --start, or index.")
    ] = "auto",
    start: Annotated[
        str, typer.Option(help="Where numbers of hours, days or rows count from, ISO date.")
    ] = "2020-01-01",
    sensor: Annotated[str, typer.Option(help="Sensor that sends them.")] = "replay",
    gateway: Annotated[str, typer.Option(help="Gateway that publishes them.")] = "replay",
    onboard: Annotated[
        str | None, typer.Option(help="Add the asset to the register first, as this type (bridge, road, ...).")
    ] = None,
    speed: Speed = 0.0,
    rows: Annotated[int, typer.Option(help="Rows in one message.", min=1, max=1000)] = 24,
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Publish a history through MQTT; run `schouw run --replay` beside it.

    A wide table (one column a channel) needs --asset and --value. A long one says itself what its rows are, in
    columns time, asset, channel, value, unit and optionally sensor. A recorded session is published as it was.
    """
    from service.replay_messages import replay_messages  # noqa: PLC0415 -- the help must not wait for numpy
    from service.replaying import replay_file  # noqa: PLC0415 -- see above

    settings = read_settings(overrides_of(data_dir), config)
    host, port = host or settings.mqtt.host, port or settings.mqtt.port
    if not value:
        sent = replay_messages(settings, file, onboard=onboard, gateway=gateway, speed=speed, host=host, port=port)
        typer.echo(f"Published {counted(sent, 'message')}; the broker has acknowledged all.")
        return
    if asset is None:
        raise ConfigurationError("got --value without --asset, expected the asset that the rows belong to")
    sent = replay_file(
        settings,
        file,
        asset=asset,
        sensor=sensor,
        gateway=gateway,
        values=value,
        time_column=time_column,
        time_unit=time_unit,
        start_ns=day_ns(start) or 0,
        onboard=onboard,
        speed=speed,
        rows_per_message=rows,
        host=host,
        port=port,
    )
    typer.echo(f"Published {counted(sent, 'message')}; the broker has acknowledged all.")
