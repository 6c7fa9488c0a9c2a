"""`schouw stream`: continuous waveforms on a terminal, with the register that belongs to them."""

from __future__ import annotations

import csv
import io
import threading
import time
from pathlib import Path
from typing import Final

from rich.console import Console

from domain.errors import ConfigurationError
from service.folder import why_not
from service.sessions import secure
from service.settings import Settings
from simulator.broker import paho_broker
from simulator.outbox import Outbox
from simulator.owner_files import write_whole
from simulator.progress import Checkpoint, Progress, Saved
from simulator.stream import StreamPlan, StreamResult, WaveformStream, publish_stream

__all__ = ["run_stream", "write_stream_register"]

# Two thousand messages a second need more under way than the simulator's usual 80.
_WINDOW: Final = 1000
_DAY_S: Final = 86_400.0


def run_stream(
    settings: Settings,
    plan: StreamPlan,
    *,
    host: str,
    port: int,
    seconds: float,
    is_paced: bool,
    stop: threading.Event,
) -> StreamResult:
    """Publish a stream until its time is over or `stop` is set; what happens to the broker is told once."""
    console = Console(stderr=True)

    def report(progress: Progress) -> None:
        if progress.note:
            console.print(progress.note)

    checkpoint = Checkpoint(None, Saved("stream", plan.start_ns, plan.start_ns, 1))
    connect = paho_broker(host, port, client_id="schouw-stream", window=_WINDOW, secure=secure(settings.mqtt))
    days = int(seconds / _DAY_S) + 1
    outbox = Outbox(connect, checkpoint, days=days, window=_WINDOW, stop=stop, report=report)
    try:
        return publish_stream(plan, outbox, seconds=seconds, is_paced=is_paced)
    finally:
        outbox.close()


def write_stream_register(plan: StreamPlan, folder: Path) -> None:
    """Write assets.csv and sensors.csv of a stream, so that `schouw assets import` knows its senders.

    Raises
    ------
    ConfigurationError
        If the folder cannot be written.
    """
    assets, sensors = io.StringIO(), io.StringIO()
    asset_rows, sensor_rows = csv.writer(assets, lineterminator="\n"), csv.writer(sensors, lineterminator="\n")
    asset_rows.writerow(("id", "name", "type", "lat", "lon", "built_year", "planned_repair_cost_eur"))
    sensor_rows.writerow(("asset", "sensor", "channel", "unit", "axis", "gateway", "position", "interval_s"))
    interval_s = plan.block / plan.sampling_rate_hz
    for gateway, asset in WaveformStream(plan).register_rows():
        asset_rows.writerow((asset, asset, "bridge", 52.09, 5.12, 1980, 100_000))
        sensor_rows.writerow((asset, "acc1", "waveform", "m/s2", "z", gateway, "midspan", f"{interval_s:g}"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "assets.csv", assets.getvalue().encode())
        write_whole(folder / "sensors.csv", sensors.getvalue().encode())
    except OSError as error:
        raise ConfigurationError(f"{str(folder)!r} cannot be written ({why_not(error)}); give another") from error


def now_ns() -> int:
    """Give the wall clock in whole seconds, so that the first block begins at one."""
    return time.time_ns() // 1_000_000_000 * 1_000_000_000
