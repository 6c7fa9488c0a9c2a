"""The kinds of asset a scenario may name: how each is drawn, how it fails and what it costs.

Costs are the order of magnitude of Dutch municipal works, for assets that a scenario gives none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from domain.register import AssetType
from simulator.bridges import Bridge, draw_bridge, draw_movable_bridge
from simulator.conditions import Structure
from simulator.locks import Lock, draw_lock
from simulator.quays import Unmonitored, WeatherMast, draw_quay
from simulator.randomness import random_stream
from simulator.roads import draw_road
from simulator.scenario import AssetPlan
from simulator.tunnels import draw_tunnel

__all__ = ["KINDS", "Kind", "build_structure"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of asset.

    Attributes
    ----------
    type : AssetType
        What the owner's register calls it.
    draw : callable
        Makes one from a stream of random numbers.
    modes : mapping of str to tuple of str
        Failure modes and the components they may strike.
    per_day : float
        Vehicles or openings on an average day.
    waveforms : bool
        True where an asset of this kind can carry a waveform sensor.
    tilts : bool
        True where it can carry a tilt meter on a pier.
    feels_traffic : bool
        True where traffic, openings or works beside it move a reading.
    planned_repair_cost_eur, closure_hours, closure_cost_eur_per_hour, crew_lead_days : float
        Defaults of the owner's reckoning.
    """

    type: AssetType
    draw: Callable[[np.random.Generator], Structure]
    modes: Mapping[str, tuple[str, ...]]
    per_day: float
    planned_repair_cost_eur: float
    closure_hours: float
    closure_cost_eur_per_hour: float
    crew_lead_days: float
    waveforms: bool = False
    tilts: bool = False
    feels_traffic: bool = True


_GATES: Final[dict[str, tuple[str, ...]]] = {
    "bearing_wear": ("drive1", "drive2"),
    "gear_wear": ("drive1", "drive2"),
}
_SPAN: Final[dict[str, tuple[str, ...]]] = {
    "stiffness_loss": ("span",),
    "loosening": ("joint",),
    "crack_growth": ("span",),
    "scour": ("pier",),
}

KINDS: Final[dict[str, Kind]] = {
    "bridge": Kind(
        AssetType.BRIDGE, draw_bridge, _SPAN, 9_000.0, 180_000.0, 120.0, 900.0, 42.0, waveforms=True, tilts=True
    ),
    "movable_bridge": Kind(
        AssetType.BRIDGE,
        draw_movable_bridge,
        {**_SPAN, "bearing_wear": ("drive",), "gear_wear": ("drive",)},
        7_000.0,
        140_000.0,
        96.0,
        1_100.0,
        35.0,
        waveforms=True,
        tilts=True,
    ),
    "road": Kind(
        AssetType.ROAD,
        draw_road,
        {"moisture_ingress": ("base",), "pothole_growth": ("surface",)},
        11_000.0,
        60_000.0,
        48.0,
        600.0,
        21.0,
    ),
    "lock": Kind(
        AssetType.LOCK,
        draw_lock,
        _GATES,
        14.0,
        90_000.0,
        72.0,
        1_500.0,
        28.0,
        waveforms=True,
    ),
    "tunnel": Kind(
        AssetType.TUNNEL,
        draw_tunnel,
        {"bearing_wear": ("fan1", "fan2"), "pump_wear": ("pump1",)},
        24_000.0,
        75_000.0,
        36.0,
        4_000.0,
        21.0,
    ),
    "quay": Kind(
        AssetType.QUAY,
        draw_quay,
        {"settlement": ("wall",)},
        800.0,
        220_000.0,
        200.0,
        150.0,
        56.0,
        feels_traffic=False,
    ),
    "weather_mast": Kind(
        AssetType.OTHER, lambda _: WeatherMast(), {}, 0.0, 4_000.0, 0.0, 0.0, 7.0, feels_traffic=False
    ),
    "unmonitored": Kind(
        AssetType.BRIDGE, lambda _: Unmonitored(), {}, 1_500.0, 80_000.0, 60.0, 200.0, 42.0, feels_traffic=False
    ),
}


def build_structure(seed: int, asset: AssetPlan) -> Structure:
    """Draw the asset's constants; they depend on seed and identifier, not on its place in the scenario."""
    chance = random_stream(seed, "structure", asset.id)
    structure = KINDS[asset.kind].draw(chance)
    if isinstance(structure, Bridge):
        tilt_mrad = float(random_stream(seed, "tilt", asset.id).normal(0.0, 0.8))
        return replace(
            structure,
            waveform_every_h=asset.waveform_every_h,
            has_tilt_meter=asset.has_tilt_meter,
            tilt_mrad=tilt_mrad,
        )
    if isinstance(structure, Lock):
        return replace(structure, waveform_every_h=asset.waveform_every_h)
    return structure
