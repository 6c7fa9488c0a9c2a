"""A scenario as something to be judged by: its register, its messages day by day, and its truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from domain.register import Register
from ingest.register import read_register, read_works
from service.evaluation.truth import DAY_NS, TrueDamage, TrueEvent, Truth, true_assets
from simulator.messages import day_messages
from simulator.owner_files import write_register
from simulator.scenario import Damage, Scenario
from simulator.world import World

__all__ = ["scenario_days", "scenario_register", "scenario_truth"]


def scenario_register(scenario: Scenario) -> Register:
    """Read the register from the files that the simulated owner hands over, announced works included."""
    with TemporaryDirectory(prefix="schouw-register-") as name:
        folder = Path(name)
        write_register(scenario, folder)
        register = read_register([folder / "assets.csv", folder / "sensors.csv"])
        return replace(register, works=read_works(folder / "works.csv", register))


def scenario_days(
    scenario: Scenario, told: Callable[[int], None] = lambda _: None
) -> Iterator[list[tuple[str, bytes]]]:
    """Make the messages of each day as they would be published, in their order; `told` gets the days done."""
    world = World(scenario)
    for day in range(scenario.days):
        yield [(message.topic, message.payload) for message in day_messages(world, day)]
        told(day + 1)


def scenario_truth(scenario: Scenario, register: Register) -> Truth:
    """Write down what the scenario does to its assets."""

    def moment(day: float) -> int:
        return scenario.start_ns + round(day * DAY_NS)

    def damage_of(damage: Damage) -> TrueDamage:
        onset, failure = moment(damage.onset_day), moment(damage.failure_day)
        return TrueDamage(damage.asset, damage.mode, damage.component, onset, failure)

    events = [
        TrueEvent(e.asset, e.kind, e.sensor, moment(e.start_day), moment(e.start_day + e.days), e.announced, False)
        for e in scenario.events
    ]
    faults = [
        TrueEvent(f.asset, f.kind, f.sensor, moment(f.start_day), moment(f.start_day + f.days), False, True)
        for f in scenario.sensor_faults
    ]
    return Truth(
        name=f"{scenario.name} seed {scenario.seed}",
        start_ns=scenario.start_ns,
        end_ns=scenario.end_ns,
        assets=true_assets(register),
        damages=tuple(damage_of(damage) for damage in scenario.damage),
        events=(*events, *faults),
    )
