"""`schouw stream`: continuous waveforms, for measuring how much an installation takes."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from service.commands.options import Config, Host, Port, day_ns, read_settings

__all__ = ["app"]

app = typer.Typer()


@app.command()
def stream(
    sensors: Annotated[int, typer.Option(help="Bridges with one waveform sensor each.", min=1, max=100_000)] = 1000,
    rate: Annotated[float, typer.Option("--rate", help="Samples/s of each sensor.", min=10, max=50_000)] = 1000.0,
    block: Annotated[int, typer.Option(help="Samples in one message.", min=1, max=100_000)] = 500,
    seconds: Annotated[float, typer.Option(help="Event time to publish.", min=0.001)] = 10.0,
    paced: Annotated[bool, typer.Option(help="In real time; --no-paced: as fast as the broker takes it.")] = True,
    seed: Annotated[int, typer.Option(help="Another seed, other bridges.", min=0)] = 1,
    start: Annotated[str | None, typer.Option(help="Time of the first sample, ISO (default: now).")] = None,
    register: Annotated[Path | None, typer.Option(help="Only write assets.csv and sensors.csv here.")] = None,
    host: Host = None,
    port: Port = None,
    config: Config = None,
) -> None:
    """Publish continuous waveforms of simulated bridges, block behind block."""
    from service.streaming import now_ns, run_stream, write_stream_register  # noqa: PLC0415 -- see run
    from simulator.scenario import first_day  # noqa: PLC0415 -- see run
    from simulator.stream import StreamPlan  # noqa: PLC0415 -- see run

    settings = read_settings({}, config)
    start_ns = day_ns(start)
    if start_ns is not None:
        first_day(start_ns)
    plan = StreamPlan(seed, sensors, rate, block, now_ns() if start_ns is None else start_ns)
    if register is not None:
        write_stream_register(plan, register)
        typer.echo(f"Wrote assets.csv and sensors.csv of {sensors} bridges into {register}.")
        return
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    result = run_stream(
        settings,
        plan,
        host=host or settings.mqtt.host,
        port=port or settings.mqtt.port,
        seconds=seconds,
        is_paced=paced,
        stop=stop,
    )
    typer.echo(
        f"Published {result.samples:,} samples in {result.messages:,} messages in {result.seconds:.2f} s: "
        f"{result.samples / result.seconds:,.0f} samples/s asked {plan.samples_per_second:,.0f}; "
        f"{result.late_s:.2f} s late at the end."
    )
