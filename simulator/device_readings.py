"""What each sensor of an asset hands over in some hours: values of the world, its clock and its memory.

A sensor with a wrong clock (`clock_step`) stamps its readings so. One that could not send (`backfill`) hands
everything over in the hour in which the fault ends, a day at a time, marked as kept back; where the history ends
then, in its last hour, and where the history ends before, not at all. Both change nothing in the values.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ingest.formats.project import OutgoingReading
from simulator.conditions import SensorSpec
from simulator.scenario import HOUR_NS, SensorFault
from simulator.world import BLOCK_HOURS, World, reading_sensors

__all__ = ["HandedOver", "handed_over"]


class HandedOver(NamedTuple):
    """Readings of one sensor that travel in one message."""

    sensor: str
    readings: list[OutgoingReading]


def handed_over(world: World, asset: int, first_hour: int, end_hour: int) -> Iterator[HandedOver]:
    """Give what the sensors of an asset hand over in `[first_hour, end_hour)` of the scenario, within one day."""
    plan = world.scenario.assets[asset]
    faults = world.message_faults.get(plan.id, ())
    for sensor, readings in _measured(world, asset, first_hour, end_hour):
        sent = readings
        for fault in faults:
            if fault.sensor == sensor.id:
                sent = _with_fault(world, fault, sent)
        if sent:
            yield HandedOver(sensor.id, sent)
    for fault in faults:
        if fault.kind == "backfill" and first_hour <= _back_hour(world, fault) < end_hour:
            yield from _kept_back(world, asset, fault)


def _hours(fault: SensorFault) -> tuple[int, int]:
    """Give the first hour of a fault, and the first one behind it."""
    return math.ceil(fault.start_day * 24.0), math.ceil((fault.start_day + fault.days) * 24.0)


def _back_hour(world: World, fault: SensorFault) -> int:
    """Give the hour in which a sensor hands over what it kept: behind the fault, but within the history."""
    end = _hours(fault)[1]
    return end - 1 if end == world.scenario.days * 24 else end


def _measured(
    world: World, asset: int, first_hour: int, end_hour: int
) -> Iterator[tuple[SensorSpec, list[OutgoingReading]]]:
    """Give the readings of each sensor in hours of one block; empty where it has nothing to say."""
    block, of_block = divmod(first_hour, BLOCK_HOURS)
    times = [world.scenario.start_ns + hour * HOUR_NS for hour in range(first_hour, end_hour)]
    columns = world.measured(asset, block)[:, of_block : of_block + end_hour - first_hour]
    has_gaps = bool(np.isnan(columns).any())
    rows = columns.tolist()
    row = 0
    for sensor in reading_sensors(world.structures[asset]):
        names = [channel.name for channel in sensor.channels]
        units = [channel.unit for channel in sensor.channels]
        moments = zip(*rows[row : row + len(names)], strict=True)
        row += len(names)
        readings = [
            OutgoingReading(time_ns, dict(zip(names, zip(values, units, strict=True), strict=True)))
            for time_ns, values in zip(times, moments, strict=True)
        ]
        if has_gaps:
            readings = [sent for reading in readings if (sent := _without_gaps(reading)).values]
        yield sensor, readings


def _with_fault(world: World, fault: SensorFault, readings: list[OutgoingReading]) -> list[OutgoingReading]:
    """Stamp readings by a wrong clock, or hold them back."""
    first, end = (world.scenario.start_ns + hour * HOUR_NS for hour in _hours(fault))
    if fault.kind == "backfill":
        return [reading for reading in readings if not first <= reading.time_ns < end]
    ahead_ns = round(fault.strength * HOUR_NS)
    return [
        replace(reading, time_ns=reading.time_ns + ahead_ns) if first <= reading.time_ns < end else reading
        for reading in readings
    ]


def _kept_back(world: World, asset: int, fault: SensorFault) -> Iterator[HandedOver]:
    """Give what a sensor kept during a fault, a day in a message."""
    hour, end = _hours(fault)
    while hour < end:
        last = min(end, (hour // 24 + 1) * 24)
        for sensor, readings in _measured(world, asset, hour, last):
            if sensor.id == fault.sensor and readings:
                yield HandedOver(sensor.id, [replace(reading, is_backfill=True) for reading in readings])
        hour = last


def _without_gaps(reading: OutgoingReading) -> OutgoingReading:
    """Leave out channels that have nothing to say."""
    sent = {name: pair for name, pair in reading.values.items() if not math.isnan(pair[0])}
    return reading if len(sent) == len(reading.values) else OutgoingReading(reading.time_ns, sent)
