"""Waveform blocks of one asset, made from its state in the hour in which they begin.

A bridge is recorded in its modes as traffic shakes it, 20 s at 100 Hz; a lock's gate drive as it turns, 4 s at
5 kHz, and only in hours in which the gate moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from ingest.formats.project import encode_waveform
from simulator.bridges import Bridge
from simulator.damage import Severities
from simulator.locks import Lock
from simulator.machine_waveforms import MACHINE_SCALE_M_S2, draw_machine, synthesise_machine
from simulator.randomness import random_stream
from simulator.scenario import HOUR_NS, SensorFault
from simulator.sensor_faults import hours_of
from simulator.waveforms import WAVEFORM_SCALE_M_S2, quantise, synthesise_acceleration
from simulator.world import BLOCK_HOURS, World

__all__ = ["waveforms"]

_BRIDGE_RATE_HZ: Final = 100.0
_BRIDGE_SAMPLES: Final = 2000
# Shares of the velocity's power in the three modes of a bridge.
_MODE_SHARE: Final = np.array([0.70, 0.20, 0.10])
_MACHINE_RATE_HZ: Final = 5000.0
_MACHINE_SAMPLES: Final = 20_000


def waveforms(world: World, asset: int, first_hour: int, end_hour: int) -> Iterator[tuple[str, bytes]]:
    """Make topic and payload of the blocks of one asset that start at full hours in `[first_hour, end_hour)`."""
    plan = world.scenario.assets[asset]
    if not plan.waveform_every_h:
        return
    for hour in range(first_hour, end_hour):
        if hour % plan.waveform_every_h:
            continue
        for sensor in world.structures[asset].sensors:
            if sensor.kind != "waveform":
                continue
            faults = _faults(world, plan.id, sensor.id, hour)
            if all(fault.kind == "clipping" for fault in faults):
                yield from _block(world, asset, sensor.id, hour, faults)


def _block(
    world: World, asset: int, sensor: str, hour: int, clipping: Sequence[SensorFault]
) -> Iterator[tuple[str, bytes]]:
    """Make one block; none of a machine that stands still."""
    structure = world.structures[asset]
    plan = world.scenario.assets[asset]
    chance = random_stream(world.scenario.seed, "waveform", plan.id, sensor, hour)
    block, of_block = divmod(hour, BLOCK_HOURS)
    if isinstance(structure, Bridge):
        state = world.modal(asset, block)
        axis, rate_hz, scale = "z", _BRIDGE_RATE_HZ, WAVEFORM_SCALE_M_S2
        signal = synthesise_acceleration(
            chance,
            frequency_hz=state.frequency_hz[:, of_block],
            damping_ratio=state.damping_ratio[:, of_block],
            velocity_mm_s=state.velocity_mm_s[of_block] * np.sqrt(_MODE_SHARE),
            kurtosis=float(state.kurtosis[of_block]),
            sampling_rate_hz=rate_hz,
            samples=_BRIDGE_SAMPLES,
        )
    elif isinstance(structure, Lock):
        conditions, severities = world.conditions(asset, block), world.severities(asset, block)
        if conditions.passages_per_h[of_block] == 0:
            return
        axis, rate_hz, scale = "x", _MACHINE_RATE_HZ, MACHINE_SCALE_M_S2
        signal = synthesise_machine(
            chance,
            draw_machine(random_stream(world.scenario.seed, "machine", plan.id)),
            wear=_now(severities, "bearing_wear", of_block),
            gear=_now(severities, "gear_wear", of_block),
            load=float(conditions.duty[of_block]),
            sampling_rate_hz=rate_hz,
            samples=_MACHINE_SAMPLES,
        )
    else:
        raise TypeError(f"asset {plan.id!r} of kind {plan.kind!r} has no waveforms")
    for fault in clipping:
        # The converter's steps are so small that it comes to its end.
        scale = min(scale, fault.strength * float(np.sqrt(np.mean(signal**2))) / np.iinfo(np.int16).max)
    yield encode_waveform(
        plan.gateway,
        plan.id,
        sensor,
        axis=axis,
        start_ns=world.scenario.start_ns + hour * HOUR_NS,
        sampling_rate_hz=rate_hz,
        unit="m/s2",
        scale=scale,
        samples=quantise(signal, scale),
        id=f"{plan.id}-{sensor}-{hour}",
    )


def _now(severities: Severities, mode: str, of_block: int) -> float:
    """Give the severity of a damage of the upper gate's drive, where the accelerometer hangs."""
    found = severities.get((mode, "drive1"))
    return 0.0 if found is None else float(found[of_block])


def _faults(world: World, asset: str, sensor: str, hour: int) -> list[SensorFault]:
    """List the faults that a sensor has in an hour; for all but a range that is too small it sends no waveform."""
    moment = np.array([float(hour)])
    return [
        fault
        for fault in world.scenario.sensor_faults
        if fault.asset == asset and fault.sensor == sensor and bool(hours_of(fault, moment)[0])
    ]
