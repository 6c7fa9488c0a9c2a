"""The numeric core, the decoders and the whole chain in process, beside river's detectors; and how it grows."""

from __future__ import annotations

import tempfile
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from pysad.models import LODA, HalfSpaceTrees, xStream
from river import anomaly, preprocessing

from domain.arrays import FloatArray
from ingest.batch import Message, decode_batch
from ingest.clock import ClockLimits
from ingest.formats.project import decode_readings, decode_waveform
from models.chain import step_fleet, step_hop
from models.features import waveform_features
from models.fleet_memory import FleetMemory
from models.risk import assess
from service.clock_policy import ClockPolicy
from service.pipeline import Pipeline
from service.register_commands import import_assets
from service.restore import open_pipeline
from storage.journal import Journal
from tests.performance.load import Load, write_register

__all__ = ["Cost", "core_costs", "decoder_costs", "growth", "recovery"]

_NS: Final = 1_000_000_000
_DAY_NS: Final = 86_400 * _NS
# More than it takes to commission a channel.
_HEALTHY_HOPS: Final = 120
_START_NS: Final = 1_704_067_200 * _NS
_REPEATS: Final = 5
_RATE_HZ: Final = 100.0


class Cost(NamedTuple):
    """What one thing costs.

    Attributes
    ----------
    what : str
        With its unit.
    microseconds : float
        Processor time of one block, row or message; the median of a few runs.
    """

    what: str
    microseconds: float


def core_costs(rows: int = 2_000, *, height: int = 15, blocks: int = 4_096) -> list[Cost]:
    """Measure features of blocks of 100 samples, and the models on closed hops, by size of batch.

    Parameters
    ----------
    rows : int
        What detectors of river see, each by itself; those of PySAD see a quarter of them.
    height : int
        Of the higher half-space trees: those of the usual pipeline are 15 high, and take half a minute to be made.
    blocks : int
        At least so many are put through at each size of batch.
    """
    generator = np.random.default_rng(1)
    costs = []
    for size in (1, 32, 256, 1024):
        batch = generator.standard_normal((size, 100))
        runs = max(1, blocks // size)

        def features(batch: FloatArray = batch, runs: int = runs) -> None:
            for _ in range(runs):
                waveform_features(batch, _RATE_HZ)

        costs.append(Cost(f"features of a block, batch {size}", _median_us(features, runs * size)))
    costs.extend(_model_costs(1024))
    costs.extend(_river_costs(generator.random((rows, 5)), height))
    costs.extend(_pysad_costs(generator.random((rows // 4, 5))))
    return costs


def _river_costs(values: FloatArray, height: int) -> list[Cost]:
    """Measure river's detectors, which take a row at a time."""
    rows = [dict(zip("abcde", row, strict=True)) for row in values.tolist()]
    detectors: dict[str, Callable[[], Any]] = {
        "river HalfSpaceTrees (10 trees), a row of 5": lambda: anomaly.HalfSpaceTrees(n_trees=10, height=8, seed=1),
        "river HalfSpaceTrees (25 trees), a row of 5": lambda: anomaly.HalfSpaceTrees(
            n_trees=25, height=height, seed=1
        ),
        "river OneClassSVM behind a StandardScaler, a row of 5": lambda: (
            preprocessing.StandardScaler() | anomaly.OneClassSVM()
        ),
    }
    costs = []
    for name, make in detectors.items():
        model = make()

        def learn(model: Any = model) -> None:
            for row in rows:
                model.score_one(row)
                model.learn_one(row)

        costs.append(Cost(name, _median_us(learn, len(rows), repeats=2)))
    return costs


def _pysad_costs(values: FloatArray) -> list[Cost]:
    """Measure detectors of PySAD, which take a row at a time too."""
    low, high = np.zeros(values.shape[1]), np.ones(values.shape[1])
    detectors: dict[str, Callable[[], Any]] = {
        "PySAD LODA, a row of 5": LODA,
        "PySAD HalfSpaceTrees (25 trees), a row of 5": partial(HalfSpaceTrees, low, high, random_state=1),
        "PySAD xStream, a row of 5": xStream,
    }
    costs = []
    for name, make in detectors.items():
        model = make()

        def learn(model: Any = model) -> None:
            for row in values:
                model.fit_score_partial(row)

        costs.append(Cost(name, _median_us(learn, len(values), repeats=2)))
    return costs


def _model_costs(assets: int) -> list[Cost]:
    """Measure what follows a closed hop, on commissioned assets with one sensor of five quantities, in one batch."""
    load = Load("waveform", assets, 1, sensors_of_an_asset=1)
    with tempfile.TemporaryDirectory(prefix="schouw-bench-") as folder:
        pipeline = _chain(load, Path(folder))
        _take(pipeline, _messages(load, 0))
        pipeline.journal.close()
    live = pipeline.live
    everything = np.arange(assets, dtype=np.int32)
    hop = live.tracker.newest_open(everything)
    if hop is None:
        raise RuntimeError("no hop is open though every sensor has sent; run the tests of ingest")
    generator = np.random.default_rng(1)
    catalogue, state, memory, features = live.catalogue, live.state, FleetMemory(), hop.features
    for number in range(_HEALTHY_HOPS):
        # A value that repeats is a sensor that is stuck.
        value = hop.features.value * (1.0 + 0.01 * generator.standard_normal(len(hop.features.value)))
        features = replace(hop.features, start_ns=hop.features.start_ns + number * hop.features.hop_ns, value=value)
        state, _, _ = step_hop(catalogue, state, features)
    day_ns = int(features.end_ns.max())
    state, _ = step_fleet(catalogue, state, memory, day_ns)
    at_ns = features.end_ns
    later = replace(features, start_ns=at_ns)
    names = (
        f"models on a closed hop of five quantities, batch {assets}",
        f"like assets, evidence and alarms of a day of an asset, batch {assets}",
        f"risk, remaining life and cost of an asset, batch {assets}",
    )
    runs: tuple[Callable[[], object], ...] = (
        lambda: step_hop(catalogue, state, later),
        lambda: step_fleet(catalogue, state, memory.copy(), day_ns + _DAY_NS),
        lambda: assess(catalogue, state, at_ns),
    )
    return [Cost(name, _median_us(run, assets)) for name, run in zip(names, runs, strict=True)]


def decoder_costs() -> list[Cost]:
    """Measure decoders on one message, and decoding with all look-ups in batches of 1,024."""
    costs = []
    for load in (
        Load("waveform", 1000, 1),
        Load("waveform", 1000, 1, samples=500),
        Load("values", 1000, 1),
    ):
        name = f"waveform of {load.samples} samples" if load.kind == "waveform" else "ten values"
        payload, sensor = load.payload(7, 0), load.place(7)[2]
        decode = decode_waveform if load.kind == "waveform" else decode_readings

        def once(payload: bytes = payload, sensor: str = sensor, decode: Callable[..., Any] = decode) -> None:
            for _ in range(2000):
                decode(payload, sensor)

        costs.append(Cost(f"decode {name}", _median_us(once, 2000)))
        with tempfile.TemporaryDirectory(prefix="schouw-bench-") as folder:
            pipeline = _chain(load, Path(folder))
            messages = _messages(load, 0)

            def batch(pipeline: Pipeline = pipeline, messages: list[Message] = messages) -> None:
                decode_batch(messages, pipeline.live.resolver, ClockLimits(None, None))

            batch()
            costs.append(Cost(f"decode and resolve {name}, batch {len(messages)}", _median_us(batch, len(messages))))
            pipeline.journal.close()
    return costs


def growth(sizes: tuple[int, ...] = (100, 1_000, 10_000, 100_000), *, blocks: int = 20_000) -> list[dict[str, float]]:
    """Measure the chain in process for more and more waveform sensors, by some `blocks` or three of each sensor.

    Returns
    -------
    list of dict
        `sensors`; `block_us`, processor time of a block of 100 samples in batches of 1,024 with duplicates, journal
        and its sync, after each sensor has sent once; `sensor_kb`, memory of all state for one sensor.
    """
    rows = []
    for sensors in sizes:
        load = Load("waveform", sensors, 1 + max(3, blocks // sensors))
        with tempfile.TemporaryDirectory(prefix="schouw-bench-") as folder:
            tracemalloc.start()
            pipeline = _chain(load, Path(folder))
            _take(pipeline, _messages(load, 0))
            memory = tracemalloc.get_traced_memory()[0]
            tracemalloc.stop()
            spent, taken = 0.0, 0
            for number in range(1, load.rounds):
                messages = _messages(load, number)
                began = time.process_time()
                _take(pipeline, messages)
                spent += time.process_time() - began
                taken += len(messages)
            pipeline.journal.close()
        rows.append({"sensors": sensors, "block_us": 1e6 * spent / taken, "sensor_kb": memory / sensors / 1024})
    return rows


def recovery(sensors: int = 10_000) -> dict[str, float]:
    """Measure how long opening an installation takes: register, snapshots, and the entries since then."""
    load = Load("waveform", sensors, 3)
    with tempfile.TemporaryDirectory(prefix="schouw-bench-") as folder:
        pipeline = _chain(load, Path(folder))
        for number in range(2):
            _take(pipeline, _messages(load, number))
        pipeline.close(now_ns=0, lateness_ns=0, is_end=True)
        pipeline.save()
        _take(pipeline, _messages(load, 2))
        before = pipeline.live.digest()
        pipeline.journal.close()
        began, spent = time.perf_counter(), time.process_time()
        journal = Journal(Path(folder) / "journal.sqlite")
        again = open_pipeline(journal, _POLICY, max_payload_bytes=4_000_000, head_bytes=64)
        seconds, cpu = time.perf_counter() - began, time.process_time() - spent
        same = again.live.digest() == before
        journal.close()
    if not same:
        raise RuntimeError("the state after opening again is another; run the tests of the journal")
    return {"sensors": sensors, "seconds": seconds, "cpu_s": cpu}


_POLICY: Final = ClockPolicy(
    by_stream=True, lateness_ns=600 * _NS, idle_ns=8 * 86_400 * _NS, future_ns=300 * _NS, earliest_ns=None
)


def _chain(load: Load, folder: Path) -> Pipeline:
    journal = Journal(folder / "journal.sqlite")
    import_assets(journal, write_register(load, folder), at_ns=0)
    pipeline = open_pipeline(journal, _POLICY, max_payload_bytes=4_000_000, head_bytes=64)
    pipeline.catch_up()
    return pipeline


def _messages(load: Load, number: int) -> list[Message]:
    arrived = _START_NS + number * load.step_s * _NS
    return [
        Message(load.topic(sensor), load.payload(sensor, number), arrived, retained=False)
        for sensor in range(load.sensors)
    ]


def _take(pipeline: Pipeline, messages: list[Message]) -> None:
    for first in range(0, len(messages), 1024):
        pipeline.take(messages[first : first + 1024], now_ns=0)


def _median_us(run: Callable[[], object], count: int, *, repeats: int = _REPEATS) -> float:
    spent = []
    for _ in range(repeats):
        began = time.process_time()
        run()
        spent.append(time.process_time() - began)
    return float(1e6 * np.median(spent) / count)
