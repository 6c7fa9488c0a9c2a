"""How many drifting thermometers and hygrometers are named: `python -m tests.performance.drift 3 4 5`.

The hourly values of the simulator's demanding fleet, one fleet a seed, go straight into the steps that a drift is told
by: no messages, journal or late readings, and nothing of conditions. That takes ten seconds a fleet.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from domain.arrays import FeatureTable, FloatArray
from models.alarms import AlarmChange
from models.catalogue import HOUR_NS, Catalogue
from models.compiling import compile_catalogue
from models.drift import DriftMemory, compare_instruments, remember_slowly
from models.driver_screen import screen_drivers
from models.faults import find_faults
from models.state import initial_state
from service.evaluation.scenario_run import scenario_register
from simulator.scenario import DAY_NS, Scenario, SensorFault
from simulator.scenario_file import load_scenario
from simulator.world import BLOCK_HOURS, World, reading_sensors

_AFTER_DAYS = 7.0


def hours_of(scenario: Scenario, catalogue: Catalogue) -> Iterator[FloatArray]:
    """Give the value of every channel hour by hour, float64[C]; NaN where nothing is sent."""
    world = World(scenario)
    place = {(str(key.asset), str(key.sensor), str(key.channel)): row for row, key in enumerate(catalogue.channels)}
    rows = [
        np.array(
            [
                place.get((plan.id, sensor.id, channel.name), -1)
                for sensor in reading_sensors(structure)
                for channel in sensor.channels
            ],
            np.intp,
        )
        for plan, structure in zip(scenario.assets, world.structures, strict=True)
    ]
    for block in range(-(-scenario.days * 24 // BLOCK_HOURS)):
        values = np.full((len(catalogue.channels), BLOCK_HOURS), np.nan)
        for asset, mine in enumerate(rows):
            if len(mine):
                values[mine[mine >= 0]] = world.measured(asset, block)[mine >= 0]
        yield from values.T[: scenario.days * 24 - block * BLOCK_HOURS]


def told(scenario: Scenario, catalogue: Catalogue) -> list[AlarmChange]:
    """Give the alarms of drift that the fleet raises."""
    state, memory, found = initial_state(catalogue), DriftMemory(), []
    state = replace(state, started_ns=np.full(len(catalogue.assets), scenario.start_ns))
    for hour, values in enumerate(hours_of(scenario, catalogue)):
        valid = np.isfinite(values) & catalogue.has_like
        starts = np.full(len(catalogue.assets), scenario.start_ns + hour * HOUR_NS)
        features = FeatureTable.of_single(starts, catalogue.hop_ns, values, valid)
        state, believed, _, _ = find_faults(catalogue, state, features)
        state, features, believed, _ = screen_drivers(catalogue, state, features, believed)
        state = remember_slowly(catalogue, state, features, believed)
        if (hour + 1) % 24 == 0:
            end_ns = scenario.start_ns + (hour + 1) * HOUR_NS
            state, changes = compare_instruments(catalogue, state, memory, end_ns)
            found += [change for change in changes if change.raised]
    return found


def main(seeds: list[int]) -> None:
    """Compare what was told with the truth, and print it."""
    drifts = reachable = named = right = faulty = wrong = 0
    for seed in seeds:
        scenario = load_scenario("demanding", seed=seed)
        register = scenario_register(scenario)
        numbers = {channel.key: number for number, channel in enumerate(register.channels, start=1)}
        catalogue = compile_catalogue(register, numbers)
        alarms = told(scenario, catalogue)
        compared = {catalogue.channels[row][:2] for row in np.flatnonzero(catalogue.has_like).tolist()}
        drifting = [fault for fault in scenario.sensor_faults if fault.kind == "drift"]
        seen: set[SensorFault] = set()
        for alarm in alarms:
            day = (alarm.at_ns - scenario.start_ns) / DAY_NS
            about = [
                fault
                for fault in scenario.sensor_faults
                if (fault.asset, fault.sensor) == (catalogue.assets[alarm.asset], alarm.subject.partition("/")[0])
                and fault.start_day <= day <= fault.start_day + fault.days + _AFTER_DAYS
            ]
            hits = {fault for fault in about if fault.kind == "drift"}
            seen |= hits
            right, faulty, wrong = right + bool(hits), faulty + (bool(about) and not hits), wrong + (not about)
        drifts, named = drifts + len(drifting), named + len(seen)
        reachable += sum((fault.asset, fault.sensor) in compared for fault in drifting)
        sys.stdout.write(f"seed {seed}: named {len(seen)} drifts, {len(alarms)} alarms\n")
    sys.stdout.write(
        f"named {named} of {reachable} drifts of instruments that have like ones ({drifts} drifts in all)\n"
        f"alarms: {right} about a drift, {faulty} about a sensor with another fault, {wrong} about a sound one\n"
    )


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]])
