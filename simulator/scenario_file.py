"""Scenario files: TOML in, a checked `Scenario` out, or one sentence with file and line.

::

    name = "small"            # and: seed, days; start (a date, optional)
    [site]                    # latitude_deg, longitude_deg, mean_temperature_degc
    [transport]               # duplicate_rate, disorder_rate, disorder_messages, garbage_rate
    [fleet]                   # how many assets of each kind the seed draws, see `simulator.story`
    [story]                   # how much happens to all assets, drawn by the seed
    [[assets]]                # id, kind; the rest has defaults by kind
    [[damage]]                # asset, mode, component, onset_day, failure_day; growth, step
    [[events]]                # kind, start_day, days; strength, asset, sensor, announced
    [[sensor_faults]]         # kind, asset, sensor, start_day, days; strength

The records in `simulator.scenario` say what each key means. `Scenario` itself does not check anything.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np

from domain.errors import ConfigurationError
from domain.identifiers import ID_PATTERN
from domain.register import AssetType
from simulator.climate import WEATHER_KINDS
from simulator.conditions import SensorSpec
from simulator.damage import DEFAULT_GROWTH, DEFAULT_STEP
from simulator.randomness import random_stream
from simulator.scenario import (
    DAY_NS,
    FIRST_YEARS,
    AssetPlan,
    Damage,
    Event,
    Scenario,
    SensorFault,
    Site,
    Transport,
    first_day,
)
from simulator.sensor_faults import FAULT_STRENGTHS, LONGEST_BACKFILL_DAYS
from simulator.story import FleetPlan, draw_damage, draw_events, draw_faults, fleet_names
from simulator.story_file import read_fleet, read_story
from simulator.structures import KINDS, build_structure
from simulator.toml_table import TomlTable

__all__ = ["bundled_scenarios", "load_scenario", "parse_scenario"]

_ASSET_EVENTS: Final = ("diversion", "resurfacing", "sensor_swap", "works")
# Strength where the file gives none, and what it may be: m/s, K, K, factor, unused, factor, mm/s.
_STRENGTHS: Final[dict[str, tuple[float, float, float]]] = {
    "storm": (14.0, 0.0, 60.0),
    "heat_wave": (8.0, 0.0, 25.0),
    "frost_spell": (10.0, 0.0, 35.0),
    "diversion": (0.3, 0.0, 5.0),
    "resurfacing": (1.0, 1.0, 1.0),
    "sensor_swap": (1.05, 0.2, 5.0),
    "works": (0.4, 0.0, 50.0),
}
_MOST_DAYS: Final = 36_525
_MOST_RATE: Final = 0.5
_DEFAULT_START: Final = date(2025, 1, 1)


def bundled_scenarios() -> tuple[str, ...]:
    """Name the scenarios that come with the program, sorted."""
    folder = resources.files("simulator") / "scenarios"
    return tuple(sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml")))


def load_scenario(source: str | Path, *, seed: int | None = None, start_ns: int | None = None) -> Scenario:
    """Read a scenario by the name of a bundled one, or by the path of a file.

    Parameters
    ----------
    seed, start_ns : int or None
        In place of those in the file; what is drawn by the seed is drawn by this one, weather in its season.

    Raises
    ------
    ConfigurationError
        If there is no such file, or what it says cannot be; with file, line and what is allowed.
    """
    name = str(source)
    if name in bundled_scenarios():
        bundled = resources.files("simulator") / "scenarios" / f"{name}.toml"
        return parse_scenario(bundled.read_text(encoding="utf-8"), f"{name}.toml", seed=seed, start_ns=start_ns)
    try:
        text = Path(source).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(
            f"scenario {name!r} cannot be read ({reason}); "
            f"expected a TOML file or one of {', '.join(bundled_scenarios())}"
        ) from error
    return parse_scenario(text, name, seed=seed, start_ns=start_ns)


def parse_scenario(
    text: str, path: str = "scenario.toml", *, seed: int | None = None, start_ns: int | None = None
) -> Scenario:
    """Turn the text of a scenario file into a checked scenario.

    Parameters
    ----------
    path : str
        What messages call the file.
    seed, start_ns : int or None
        See `load_scenario`.

    Raises
    ------
    ConfigurationError
        For broken TOML, an unknown or missing key, a value out of its range, or a name that nothing has; or a first
        day too early or late, see `simulator.scenario.first_day`.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: not TOML: {error}; correct the scenario") from error
    top = TomlTable(path, text, "", None, content)
    name = top.text("name")
    own_seed = top.integer("seed", low=0, high=2**63 - 1)
    seed = own_seed if seed is None else seed
    days = top.integer("days", low=1, high=_MOST_DAYS)
    own_start_ns = _start_ns(top)
    start_ns = own_start_ns if start_ns is None else first_day(start_ns)
    site = _site(top.table("site"))
    transport = _transport(top.table("transport"))
    fleet, story = read_fleet(top.table("fleet")), read_story(top.table("story"))
    assets = _each(top.tables("assets"), lambda table: _asset(table, seed, site))
    if not assets and not fleet.counts:
        top.fail("assets", "got none, expected at least one [[assets]], or a [fleet]")
    _unique(top.tables("assets"), [asset.id for asset in assets])
    assets += _drawn_assets(path, text, fleet, seed, site)
    plans = {asset.id: asset for asset in assets}
    if len(plans) != len(assets):
        top.fail("assets", "one has the id of an asset of [fleet], expected another id")
    carried = {asset.id: build_structure(seed, asset).sensors for asset in assets}
    roads = {asset.id for asset in assets if KINDS[asset.kind].type is AssetType.ROAD}
    scenario = Scenario(
        name=name,
        seed=seed,
        start_ns=start_ns,
        days=days,
        assets=assets,
        site=site,
        damage=(
            *_each(top.tables("damage"), lambda table: _damage(table, plans)),
            *draw_damage(story, seed, days, assets),
        ),
        events=(
            *_each(top.tables("events"), lambda table: _event(table, plans, carried)),
            *draw_events(story, seed, start_ns, days, carried, roads),
        ),
        sensor_faults=(
            *_each(top.tables("sensor_faults"), lambda table: _fault(table, carried)),
            *draw_faults(story, seed, days, carried),
        ),
        transport=transport,
    )
    named = scenario.damage[: len(top.tables("damage"))]
    _unique(top.tables("damage"), [f"{d.asset} {d.mode} {d.component}" for d in named], key="mode")
    top.finish()
    return scenario


def _each(tables: list[TomlTable], read: Callable[[TomlTable], Any]) -> tuple[Any, ...]:
    """Read every table of an array."""
    return tuple(read(table) for table in tables)


def _unique(tables: list[TomlTable], names: list[str], key: str = "id") -> None:
    """Refuse the second of two equal names."""
    for index, name in enumerate(names):
        if name in names[:index]:
            tables[index].fail(key, f"{name!r} stands there twice, expected each once")


def _start_ns(top: TomlTable) -> int:
    """Read the first day; TOML dates, times are refused."""
    value = top.value("start", _DEFAULT_START)
    if type(value) is not date:
        top.fail("start", f"got {value!r}, expected a date such as 2025-01-01")
    if value.year not in FIRST_YEARS:
        top.fail("start", f"got {value}, expected a date in a year from {FIRST_YEARS.start} to {FIRST_YEARS.stop - 1}")
    return int(datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()) * 10**9 // DAY_NS * DAY_NS


def _site(table: TomlTable) -> Site:
    site = Site(
        latitude_deg=table.number("latitude_deg", Site().latitude_deg, low=-66.0, high=66.0),
        longitude_deg=table.number("longitude_deg", Site().longitude_deg, low=-180.0, high=180.0),
        mean_temperature_degc=table.number("mean_temperature_degc", Site().mean_temperature_degc, low=-20.0, high=30.0),
    )
    table.finish()
    return site


def _transport(table: TomlTable) -> Transport:
    transport = Transport(
        duplicate_rate=table.number("duplicate_rate", 0.0, low=0.0, high=_MOST_RATE),
        disorder_rate=table.number("disorder_rate", 0.0, low=0.0, high=_MOST_RATE),
        disorder_messages=table.integer("disorder_messages", 8, low=1, high=1000),
        garbage_rate=table.number("garbage_rate", 0.0, low=0.0, high=_MOST_RATE),
    )
    table.finish()
    return transport


def _asset(table: TomlTable, seed: int, site: Site) -> AssetPlan:
    """Read one asset; place, age and inspection are drawn where the file gives none."""
    asset_id = table.text("id", pattern=ID_PATTERN)
    kind_name = table.text("kind", allowed=KINDS)
    kind = KINDS[kind_name]
    chance = random_stream(seed, "register", asset_id)
    built_year = int(chance.integers(1958, 2012))
    north, east = chance.uniform(-0.04, 0.04, 2).tolist()
    cost_factor = float(chance.uniform(0.6, 1.6))
    inspected_days_before = int(chance.integers(60, 900))
    every_h = table.integer("waveform_every_h", 0, low=0, high=24)
    if every_h and (not kind.waveforms or 24 % every_h):
        carriers = ", ".join(sorted(name for name, each in KINDS.items() if each.waveforms))
        table.fail("waveform_every_h", f"got {every_h}, expected 0 or a divisor of 24, on one of {carriers}")
    has_tilt_meter = table.boolean("tilt_meter", default=False)
    if has_tilt_meter and not kind.tilts:
        table.fail("tilt_meter", f"got true on a {kind_name}, expected it on a bridge or movable_bridge")
    condition = table.integer("condition_inspected", 0, low=0, high=6)
    plan = AssetPlan(
        id=asset_id,
        name=table.text("name", asset_id),
        kind=kind_name,
        gateway=table.text("gateway", "gw-1", pattern=ID_PATTERN),
        per_day=table.number("per_day", kind.per_day, low=0.0, high=500_000.0),
        lat=table.number("lat", round(site.latitude_deg + north, 5), low=-90.0, high=90.0),
        lon=table.number("lon", round(site.longitude_deg + 1.6 * east, 5), low=-180.0, high=180.0),
        built_year=table.integer("built_year", built_year, low=1000, high=2100),
        planned_repair_cost_eur=table.number(
            "planned_repair_cost_eur", round(kind.planned_repair_cost_eur * cost_factor, -3), low=0.0
        ),
        closure_hours=table.number("closure_hours", kind.closure_hours, low=0.0),
        closure_cost_eur_per_hour=table.number("closure_cost_eur_per_hour", kind.closure_cost_eur_per_hour, low=0.0),
        crew_lead_days=table.number("crew_lead_days", kind.crew_lead_days, low=0.0),
        waveform_every_h=every_h,
        has_tilt_meter=has_tilt_meter,
        condition_inspected=condition or None,
        inspected_days_before=table.integer("inspected_days_before", inspected_days_before, low=0, high=_MOST_DAYS),
    )
    table.finish()
    return plan


def _drawn_assets(path: str, text: str, fleet: FleetPlan, seed: int, site: Site) -> tuple[AssetPlan, ...]:
    """Plan the assets of `[fleet]` as if each had a table with its identifier and kind alone."""
    plans = []
    bridges = 0
    for asset, kind, gateway in fleet_names(fleet):
        chance = random_stream(seed, "fleet", asset)
        content: dict[str, Any] = {"id": asset, "kind": kind, "gateway": gateway}
        content["per_day"] = round(KINDS[kind].per_day * float(np.exp(chance.normal(0.0, 0.45))))
        content["condition_inspected"] = int(chance.integers(1, 5))
        if KINDS[kind].tilts:
            content["waveform_every_h"] = fleet.waveform_every_h if bridges < fleet.waveform_sensors else 0
            content["tilt_meter"] = bridges < fleet.tilt_meters
            bridges += 1
        plans.append(_asset(TomlTable(path, text, "fleet", None, content), seed, site))
    return tuple(plans)


def _damage(table: TomlTable, plans: dict[str, AssetPlan]) -> Damage:
    """Read one damage and check that the asset has such a component."""
    asset = _known(table, "asset", plans)
    modes = KINDS[plans[asset].kind].modes
    if not modes:
        table.fail("asset", f"{asset!r} is a {plans[asset].kind}, which has no failure mode")
    mode = table.text("mode", allowed=modes)
    component = table.text("component", modes[mode][0], allowed=modes[mode])
    onset = table.number("onset_day", low=-_MOST_DAYS, high=_MOST_DAYS)
    failure = table.number("failure_day", low=-_MOST_DAYS, high=_MOST_DAYS)
    if failure <= onset:
        table.fail("failure_day", f"got {failure:g}, expected a day after onset_day {onset:g}")
    growth = table.number("growth", DEFAULT_GROWTH[mode], low=0.1, high=10.0)
    step = table.number("step", DEFAULT_STEP.get(mode, 0.0), low=0.0, high=0.95)
    table.finish()
    return Damage(asset, mode, component, onset, failure, growth, step)


def _event(table: TomlTable, plans: dict[str, AssetPlan], carried: dict[str, tuple[SensorSpec, ...]]) -> Event:
    """Read one harmless event, of the whole site, an asset or a sensor; refuse one that no reading would show."""
    kind = table.text("kind", allowed=(*WEATHER_KINDS, *_ASSET_EVENTS))
    usual, low, high = _STRENGTHS[kind]
    asset = sensor = ""
    if kind == "sensor_swap":
        asset = _known(table, "asset", plans)
        sensor = _known(table, "sensor", {each.id for each in carried[asset]})
        swappable = [s.id for s in carried[asset] if any(channel.follows_gain for channel in s.channels)]
        if sensor not in swappable:
            others = f"one of {', '.join(sorted(swappable))}" if swappable else "a sensor of another asset"
            table.fail("sensor", f"got {sensor!r}, which reads the same when it is swapped, expected {others}")
    elif kind in _ASSET_EVENTS:
        asset = _known(table, "asset", plans)
        if not KINDS[plans[asset].kind].feels_traffic:
            feeling = ", ".join(sorted(name for name, each in KINDS.items() if each.feels_traffic))
            got = f"{asset!r} is a {plans[asset].kind}, whose readings show no {kind}"
            table.fail("asset", f"{got}; expected one of kind {feeling}")
    event = Event(
        kind=kind,
        start_day=table.number("start_day", low=-_MOST_DAYS, high=_MOST_DAYS),
        days=_positive(table, "days"),
        strength=table.number("strength", usual, low=low, high=high),
        asset=asset,
        sensor=sensor,
        announced=table.boolean("announced", default=False),
    )
    if event.announced and not asset:
        table.fail("announced", f"a {kind} is weather, which nobody announces in works.csv; expected false")
    table.finish()
    return event


def _fault(table: TomlTable, carried: dict[str, tuple[SensorSpec, ...]]) -> SensorFault:
    """Read one sensor fault."""
    sensors = {asset: {sensor.id: sensor.kind for sensor in mine} for asset, mine in carried.items()}
    kind = table.text("kind", allowed=FAULT_STRENGTHS)
    usual, low, high = FAULT_STRENGTHS[kind]
    asset = _known(table, "asset", sensors)
    fault = SensorFault(
        kind=kind,
        asset=asset,
        sensor=_known(table, "sensor", sensors[asset]),
        start_day=table.number("start_day", low=0.0, high=_MOST_DAYS),
        days=_positive(table, "days"),
        strength=table.number("strength", usual, low=low, high=high),
    )
    if sensors[asset][fault.sensor] == "waveform" and kind != "dropout":
        table.fail("kind", f"got {kind!r} on a sensor that sends waveforms, expected dropout")
    if kind == "backfill" and fault.days > LONGEST_BACKFILL_DAYS:
        table.fail("days", f"got {fault.days:g}, expected at most {LONGEST_BACKFILL_DAYS:g}: a gateway keeps no more")
    table.finish()
    return fault


def _positive(table: TomlTable, key: str) -> float:
    """Take a duration above 0."""
    value = table.number(key, low=0.0, high=_MOST_DAYS)
    if value == 0.0:
        table.fail(key, "got 0, expected a duration above 0")
    return value


def _known(table: TomlTable, key: str, names: Collection[str]) -> str:
    """Take a name that the scenario has."""
    if not names:
        table.fail(key, "the asset has none, expected another asset")
    return table.text(key, allowed=names)
