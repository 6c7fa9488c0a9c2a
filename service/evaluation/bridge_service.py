"""The service on made-up bridges: what it says of a step that `schouw score` is asked to find.

Each bridge is an asset with one natural frequency and the temperature of its deck, a value a day. A step of 0.3 % is
3 % of the way to failure and raises no alarm, as nothing below 10 % is material. What the service says of it is how far
the level of its first stage is from the reference, over what that may be, and that the frequency has changed
(`models.frequency_changes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from domain.arrays import BoolArray, FeatureTable, FloatArray
from domain.identifiers import AssetId, ChannelName, GatewayId, SensorId
from domain.register import Asset, AssetType, Channel, Direction, Register, Role
from models.catalogue import HOUR_NS
from models.chain import step_fleet, step_hop
from models.compiling import compile_catalogue
from models.fleet_memory import FleetMemory
from models.state import initial_state
from service.evaluation.bridge_record import BridgeRecord

__all__ = ["ServiceOnBridges", "service_scores"]

# 2024 begins.
_START_NS: Final = 473_352 * HOUR_NS
_DAY_NS: Final = 24 * HOUR_NS


@dataclass(frozen=True, slots=True, eq=False)
class ServiceOnBridges:
    """What the service says of each bridge on each day.

    Attributes
    ----------
    level : float64[B, N]
        How far the level of the first stage is towards harm, in standard deviations; NaN while there is none.
    is_stated : bool[B, N]
        Whether a change of the frequency is stated.
    novelty : float64[B, N]
        Of the day, by the detector behind that statement.
    """

    level: FloatArray
    is_stated: BoolArray
    novelty: FloatArray


def service_scores(records: Sequence[BridgeRecord]) -> ServiceOnBridges:
    """Put records of equal length through the service's models."""
    frequency = Channel(
        AssetId(""),
        SensorId("s1"),
        ChannelName("natural_frequency_1"),
        "Hz",
        GatewayId("g1"),
        86400.0,
        Role.CONDITION,
        Direction.DOWN,
    )
    deck = replace(
        frequency,
        sensor=SensorId("s2"),
        channel=ChannelName("deck_temperature"),
        unit="Cel",
        role=Role.ENVIRONMENT,
        direction=Direction.BOTH,
    )
    bridges = tuple(Asset(AssetId(f"b{row:04d}"), f"b{row:04d}", AssetType.BRIDGE) for row in range(len(records)))
    channels = tuple(replace(channel, asset=bridge.id) for bridge in bridges for channel in (frequency, deck))
    catalogue = compile_catalogue(
        Register(bridges, channels), {channel.key: number for number, channel in enumerate(channels, start=1)}
    )
    values = np.stack(
        [column for record in records for column in (record.natural_frequency_hz, record.temperature_degc)]
    )
    state, memory = initial_state(catalogue), FleetMemory()
    days = []
    for day in range(values.shape[1]):
        valid = np.isfinite(values[:, day])
        starts = np.full(len(records), _START_NS + (day + 1) * _DAY_NS - HOUR_NS)
        now = np.where(valid, values[:, day], 0.0)
        state, _, _ = step_hop(catalogue, state, FeatureTable.of_single(starts, catalogue.hop_ns, now, valid))
        state, _ = step_fleet(catalogue, state, memory, _START_NS + (day + 1) * _DAY_NS)
        days.append((-state.deviation / state.deviation_sd, state.change_ns > 0, state.change_novelty))
    return ServiceOnBridges(*(np.stack(columns, axis=1) for columns in zip(*days, strict=True)))
