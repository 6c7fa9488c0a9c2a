"""`make bench`: how fast the chain is, side by side with less in one run, as tables and JSON.

    python -m tests.performance.bench [--out FILE] [--short] [PART ...]

Parts: end-to-end, closing, scalars, usual, workers, latency, sustained, core, decoders, growth, recovery, api; all of
them when none is named. Shared machines are noisy: read the ratios, which come from one run, and the processor time of
a message, which other work disturbs less than rates.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.performance import api_rates, core
from tests.performance.end_to_end import CHAIN, SHARDS, Measured, brokers, measure, receivers, with_workers
from tests.performance.latency import publish_to_visible
from tests.performance.load import Load
from tests.performance.receivers import BARE, USUAL
from tests.servers import NatsBroker

__all__ = ["main"]

_REPEATS: Final = 3
_LONG_BLOCK: Final = 500


def main() -> None:
    """Run the parts that were asked for and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*_PARTS, []], default=[], help="which parts [default: all]")
    parser.add_argument("--out", type=Path, default=Path("bench.json"), help="where the figures go as JSON")
    parser.add_argument("--short", action="store_true", help="a tenth of the load, one repeat: does it run at all")
    chosen = parser.parse_args()
    console = Console()
    figures: dict[str, Any] = {"machine": _machine()}
    console.print(f"{figures['machine']}")
    for name in chosen.parts or _PARTS:
        figures[name] = _PARTS[name](console, chosen.short)
        chosen.out.write_text(json.dumps(figures, indent=1))
    console.print(f"Figures are in {chosen.out}.")


def _end_to_end(console: Console, short: bool) -> Any:  # noqa: FBT001 -- all parts are called alike
    """Blocks of a second, one after the other, as a sensor of 100 Hz sends them."""
    # Long enough for more than one saving of the state, which comes every ten seconds.
    load = Load("waveform", 1000, 5, step_s=1) if short else Load("waveform", 10_000, 30, step_s=1)
    title = f"blocks of 100 samples without a gap, {load.sensors} sensors"
    return _compare(console, title, load, receivers(usual=False), short=short)


def _closing(console: Console, short: bool) -> Any:  # noqa: FBT001 -- as above
    """The same ten minutes apart: every six blocks of a sensor an hour closes, is scored, and all assets with it."""
    load = Load("waveform", 1000, 7) if short else Load("waveform", 10_000, 30)
    title = f"blocks of 100 samples ten minutes apart, {load.sensors} sensors"
    return _compare(console, title, load, [CHAIN, BARE], short=short)


def _scalars(console: Console, short: bool) -> Any:  # noqa: FBT001 -- as above
    load = Load("values", 1000, 5) if short else Load("values", 5_000, 20)
    return _compare(console, f"ten values a message, {load.sensors} sensors", load, [CHAIN, BARE], short=short)


def _usual(console: Console, short: bool) -> Any:  # noqa: FBT001 -- as above
    # The trees of a thousand sensors are five million objects of Python, in which it does little but collect garbage.
    load = Load("waveform", 200, 5, step_s=1) if short else Load("waveform", 200, 300, step_s=1)
    return _compare(console, f"against the usual pipeline, {load.sensors} sensors", load, [CHAIN, USUAL], short=short)


def _workers(console: Console, short: bool) -> Any:  # noqa: FBT001 -- as above
    """One to four workers by the wall's clock, with no hop that closes; the first without shards."""
    load = Load("waveform", 500, 4) if short else Load("waveform", 2_000, 20)
    load = replace(load, start_s=int(time.time()) - 10 * 86_400)
    names = [with_workers(workers) for workers in ((0, 2) if short else (0, 1, 2, 4))]
    title = f"workers, blocks of 100 samples, {load.sensors} sensors"
    return _compare(console, title, load, names, short=short, shards=SHARDS)


def _compare(
    console: Console, title: str, load: Load, names: list[str], *, short: bool, shards: int = 0
) -> list[dict[str, Any]]:
    """Let receivers take the same load in turn, a few times, and print rates and ratios to the first of them.

    With shards it is nats-server alone, with as many for those that have workers.
    """
    found: dict[tuple[str, str], list[Measured]] = {}
    with tempfile.TemporaryDirectory(prefix="schouw-bench-") as folder:
        for repeat in range(1 if short else _REPEATS):
            for name in names:
                place = Path(folder) / f"{repeat}-{name.replace(' ', '-')}"
                has_shards = shards and name != with_workers(0)
                for broker in [NatsBroker(place, shards=shards if has_shards else 0)] if shards else brokers(place):
                    where = place / broker.name / "receiver"
                    found.setdefault((broker.name, name), []).append(measure(name, broker, load, where))
                # What is still to be written to disk of one run would slow down the next.
                shutil.rmtree(place)
    rows = []
    heads = ("broker", "receiver", "messages/s", "CPU µs", "peak MB", "behind s", "first's rate to it")
    table = Table(*heads, title=title)
    for (broker_name, name), runs in found.items():
        rate = statistics.median(run.rate for run in runs)
        chain = statistics.median(run.rate for run in found[broker_name, names[0]])
        columns = zip(*((run.cpu_us, run.peak_mb, run.behind_s) for run in runs), strict=True)
        cpu, peak, behind = (statistics.median(values) for values in columns)
        row = {"broker": broker_name, "receiver": name, "rate": rate, "cpu_us": cpu, "peak_mb": peak}
        rows.append(row | {"behind_s": behind, "ratio": chain / rate, "rates": [run.rate for run in runs]})
        texts = (f"{rate:,.0f}", f"{cpu:.1f}", f"{peak:.0f}", f"{behind:.1f}", f"{chain / rate:.2f}")
        table.add_row(broker_name, name, *texts)
    console.print(table)
    return rows


def _latency(console: Console, short: bool) -> Any:  # noqa: FBT001 -- as above
    result = publish_to_visible(rate=200.0 if short else 2_000.0, seconds=5.0 if short else 30.0)
    console.print(f"From publish to risk visible in the API: {result}")
    return result


def _sustained(console: Console, short: bool) -> Any:  # noqa: FBT001 -- as above
    """Blocks of 500 samples of 10,000 sensors through everything that `schouw run` starts, at rates asked for."""
    rates, seconds, sensors = ((200.0,), 5.0, 200) if short else ((2_000.0, 4_000.0, 6_000.0, 12_000.0), 40.0, 10_000)
    table = Table("samples/s asked", "samples/s taken", "p50 s", "p99 s", title="publish to visible, blocks of 500")
    rows = []
    for rate in rates:
        row = publish_to_visible(rate=rate, seconds=seconds, sensors=sensors, samples=_LONG_BLOCK)
        rows.append(row)
        asked, taken = (f"{_LONG_BLOCK * row[name]:,.0f}" for name in ("rate", "taken"))
        table.add_row(asked, taken, f"{row['p50_s']:.2f}", f"{row['p99_s']:.2f}")
    console.print(table)
    return rows


def _core(console: Console, short: bool) -> Any:  # noqa: FBT001 -- as above
    return _costs(console, core.core_costs(rows=20, height=8, blocks=256) if short else core.core_costs())


def _decoders(console: Console, _short: bool) -> Any:  # noqa: FBT001 -- as above
    return _costs(console, core.decoder_costs())


def _costs(console: Console, costs: list[core.Cost]) -> Any:
    table = Table("what", "CPU µs")
    for cost in costs:
        table.add_row(cost.what, f"{cost.microseconds:.2f}")
    console.print(table)
    return [cost._asdict() for cost in costs]


def _growth(console: Console, short: bool) -> Any:  # noqa: FBT001 -- as above
    rows = core.growth((100, 1000), blocks=2_000) if short else core.growth()
    table = Table("sensors", "CPU µs a block", "kB a sensor", "to the first")
    for row in rows:
        ratio = row["block_us"] / rows[0]["block_us"]
        table.add_row(f"{row['sensors']:,.0f}", f"{row['block_us']:.1f}", f"{row['sensor_kb']:.1f}", f"{ratio:.2f}")
    console.print(table)
    return rows


def _recovery(console: Console, short: bool) -> Any:  # noqa: FBT001 -- as above
    result = core.recovery(1000 if short else 10_000)
    took = f"{result['seconds']:.2f} s, {result['cpu_s']:.2f} s of processor time"
    console.print(f"Opening with {result['sensors']:,.0f} sensors: {took}")
    return result


def _api(console: Console, short: bool) -> Any:  # noqa: FBT001 -- as above
    """What `make bench-api` measures, with a thousand assets."""
    if short:
        found = api_rates.measure(slices=1, slice_s=0.3, pollers=5, poll_s=0.5, assets=60, share=0.5, messages=2_000)
    else:
        found = api_rates.measure(slices=8, slice_s=2.0, pollers=500, poll_s=30.0, assets=1_000, share=0.5)
    console.print("\n".join(api_rates.table(found)))
    return found


def _machine() -> dict[str, Any]:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "system": platform.release(),
    }


_PARTS: Final[dict[str, Callable[[Console, bool], Any]]] = {
    "end-to-end": _end_to_end,
    "closing": _closing,
    "scalars": _scalars,
    "usual": _usual,
    "workers": _workers,
    "latency": _latency,
    "sustained": _sustained,
    "core": _core,
    "decoders": _decoders,
    "growth": _growth,
    "recovery": _recovery,
    "api": _api,
}

if __name__ == "__main__":
    main()
