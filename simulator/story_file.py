"""The tables `[fleet]` and `[story]` of a scenario file."""

from __future__ import annotations

from typing import Final

from simulator.sensor_faults import FAULT_STRENGTHS
from simulator.story import FleetPlan, StoryPlan
from simulator.structures import KINDS
from simulator.toml_table import TomlTable

__all__ = ["read_fleet", "read_story"]

_MOST_ASSETS: Final = 100_000
_MOST_PER_YEAR: Final = 1000.0
_MOST_DAYS: Final = 36_525.0


def read_fleet(table: TomlTable) -> FleetPlan:
    """Read `[fleet]`; an absent table is no fleet."""
    counts = {kind: table.integer(kind, 0, low=0, high=_MOST_ASSETS) for kind in sorted(KINDS)}
    bridges = sum(count for kind, count in counts.items() if KINDS[kind].tilts)
    every_h = table.integer("waveform_every_h", 12, low=1, high=24)
    if 24 % every_h:
        table.fail("waveform_every_h", f"got {every_h}, expected a divisor of 24")
    plan = FleetPlan(
        counts={kind: count for kind, count in counts.items() if count},
        waveform_sensors=table.integer("waveform_sensors", 0, low=0, high=bridges),
        waveform_every_h=every_h,
        tilt_meters=table.integer("tilt_meters", 0, low=0, high=bridges),
        assets_per_gateway=table.integer("assets_per_gateway", 6, low=1, high=_MOST_ASSETS),
    )
    table.finish()
    return plan


def read_story(table: TomlTable) -> StoryPlan:
    """Read `[story]`; an absent table is a story in which nothing happens."""
    usual = StoryPlan()

    def share(key: str, default: float) -> float:
        return table.number(key, default, low=0.0, high=1.0)

    def rate(key: str) -> float:
        return table.number(key, 0.0, low=0.0, high=_MOST_PER_YEAR)

    plan = StoryPlan(
        damaged_share=share("damaged_share", usual.damaged_share),
        fast_share=share("fast_share", usual.fast_share),
        slow_days=table.span("slow_days", usual.slow_days, low=1.0, high=_MOST_DAYS),
        fast_days=table.span("fast_days", usual.fast_days, low=1.0, high=_MOST_DAYS),
        sound_days=table.number("sound_days", usual.sound_days, low=0.0, high=_MOST_DAYS),
        storms_per_year=rate("storms_per_year"),
        heat_waves_per_year=rate("heat_waves_per_year"),
        frost_spells_per_year=rate("frost_spells_per_year"),
        diversions_per_asset_year=rate("diversions_per_asset_year"),
        works_per_asset_year=rate("works_per_asset_year"),
        resurfacings_per_asset_year=rate("resurfacings_per_asset_year"),
        swaps_per_asset_year=rate("swaps_per_asset_year"),
        announced_share=share("announced_share", usual.announced_share),
        faults_per_sensor_year=rate("faults_per_sensor_year"),
        fault_kinds=table.names("fault_kinds", usual.fault_kinds, allowed=FAULT_STRENGTHS),
    )
    table.finish()
    return plan
