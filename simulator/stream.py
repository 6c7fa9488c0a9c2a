"""Continuous waveforms of many bridges at once, block behind block: as much as one process can make.

Where a scenario records twenty seconds now and then, a stream never stops: every mode of every sensor keeps its
state from block to block, so that the blocks of a sensor join without a seam, and cutting it into other
blocks changes nothing. All sensors have the same sampling rate and begin their blocks together; the order in which
they are published is theirs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.signal import lfilter

from domain.arrays import FloatArray
from ingest.formats.project import encode_waveform
from simulator.bridges import draw_bridge
from simulator.messages import Message
from simulator.oscillator import make_oscillator
from simulator.outbox import Outbox
from simulator.randomness import random_stream
from simulator.waveforms import WAVEFORM_SCALE_M_S2, quantise

__all__ = ["StreamPlan", "StreamResult", "WaveformStream", "publish_stream"]

_NS: Final = 1_000_000_000
_MODES: Final = 3
# Shorter waits cost more than they keep.
_LEAST_WAIT_S: Final = 0.005
# Root mean square of a sensor's acceleration: well inside the converter's range.
_SIZE_M_S2: Final = 0.05


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """What is streamed.

    Attributes
    ----------
    sensors : int
        Bridges with one waveform sensor each.
    sampling_rate_hz : float
        Samples a second of each.
    block : int
        Samples in one message.
    assets_per_gateway : int
        Bridges that share a gateway.
    """

    seed: int
    sensors: int
    sampling_rate_hz: float
    block: int
    start_ns: int
    assets_per_gateway: int = 50

    @property
    def samples_per_second(self) -> float:
        """All sensors together."""
        return self.sensors * self.sampling_rate_hz

    @property
    def block_ns(self) -> int:
        """Length of one block, nanoseconds."""
        return round(self.block / self.sampling_rate_hz * _NS)


@dataclass(frozen=True, slots=True)
class StreamResult:
    """How a stream went.

    Attributes
    ----------
    late_s : float
        How far it was behind its own clock at the end; near 0 when the rate was held.
    """

    messages: int
    samples: int
    seconds: float
    late_s: float


class WaveformStream:
    """Blocks of all sensors, one round after the other.

    Parameters
    ----------
    plan : StreamPlan
    """

    def __init__(self, plan: StreamPlan) -> None:
        self._plan = plan
        self._round = 0
        self._chance = random_stream(plan.seed, "stream", "force")
        bridges = [draw_bridge(random_stream(plan.seed, "stream", number)) for number in range(plan.sensors)]
        nyquist = plan.sampling_rate_hz / 2.0
        self._filters = [
            [
                _oscillator(frequency, damping, plan.sampling_rate_hz)
                for frequency, damping in zip(bridge.frequency_hz, bridge.damping_ratio, strict=True)
                if frequency < nyquist
            ]
            for bridge in bridges
        ]
        self._state = np.zeros((plan.sensors, _MODES, 2))
        self._names = [
            (f"gw-stream-{number // plan.assets_per_gateway + 1}", f"stroom-{number + 1:06d}")
            for number in range(plan.sensors)
        ]
        self.fundamental_hz = [bridge.frequency_hz[0] for bridge in bridges]

    def next_round(self) -> FloatArray:
        """Make the next block of every sensor, float64[sensors, block], m/s2."""
        plan = self._plan
        force = self._chance.standard_normal((plan.sensors, _MODES, plan.block))
        signal = np.zeros((plan.sensors, plan.block))
        for sensor, modes in enumerate(self._filters):
            for mode, (numerator, denominator) in enumerate(modes):
                moved, self._state[sensor, mode] = lfilter(
                    numerator, denominator, force[sensor, mode], zi=self._state[sensor, mode]
                )
                signal[sensor] += moved
        self._round += 1
        return signal

    def messages(self) -> Iterator[Message]:
        """Make the next block of every sensor as messages."""
        plan = self._plan
        number = self._round
        start_ns = plan.start_ns + number * plan.block_ns
        for (gateway, asset), samples in zip(
            self._names, quantise(self.next_round(), WAVEFORM_SCALE_M_S2), strict=True
        ):
            yield Message(
                *encode_waveform(
                    gateway,
                    asset,
                    "acc1",
                    axis="z",
                    start_ns=start_ns,
                    sampling_rate_hz=plan.sampling_rate_hz,
                    unit="m/s2",
                    scale=WAVEFORM_SCALE_M_S2,
                    samples=samples,
                ),
                "waveform",
            )

    def register_rows(self) -> Iterator[tuple[str, str]]:
        """Give gateway and asset of every sensor, for the owner's register."""
        yield from self._names


def publish_stream(
    plan: StreamPlan,
    outbox: Outbox,
    *,
    seconds: float,
    is_paced: bool,
    monotonic: Callable[[], float] = time.monotonic,
    stop: threading.Event | None = None,
) -> StreamResult:
    """Publish a stream for so much of its own time.

    Parameters
    ----------
    seconds : float
        Event time to publish.
    is_paced : bool
        True: no faster than real time, evenly. False: as fast as the broker takes it.
    """
    stream = WaveformStream(plan)
    rounds = max(1, round(seconds * _NS / plan.block_ns))
    begun = monotonic()
    sent = 0
    stopping = stop or outbox.stop
    for number in range(rounds):
        for position, message in enumerate(stream.messages()):
            if is_paced:
                due = begun + (number + position / plan.sensors) * plan.block_ns / _NS
                wait = due - monotonic()
                if wait > _LEAST_WAIT_S:
                    stopping.wait(wait)
            if not outbox.send((message,)):
                return _result(plan, sent, begun, number, monotonic())
            sent += 1
        outbox.mark(plan.start_ns + (number + 1) * plan.block_ns)
    outbox.drain()
    return _result(plan, sent, begun, rounds, monotonic())


def _result(plan: StreamPlan, sent: int, begun: float, rounds: int, now: float) -> StreamResult:
    elapsed = now - begun
    return StreamResult(sent, sent * plan.block, elapsed, max(0.0, elapsed - rounds * plan.block_ns / _NS))


def _oscillator(frequency_hz: float, damping_ratio: float, sampling_rate_hz: float) -> tuple[FloatArray, FloatArray]:
    """Give a filter that turns white noise of unit variance into a mode's acceleration of the size wanted."""
    mode = make_oscillator(frequency_hz, damping_ratio, sampling_rate_hz)
    size = _SIZE_M_S2 / np.sqrt(_MODES) / mode.acceleration_sd
    # The second difference makes acceleration of the position, see `simulator.oscillator`.
    return size * np.array([1.0, -2.0, 1.0]), np.array([1.0, -mode.first, -mode.second])
