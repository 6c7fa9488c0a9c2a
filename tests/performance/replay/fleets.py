"""Fleets that can be recorded, by name: a scenario of the simulator and its seed, or `other` and a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from domain.errors import ConfigurationError
from domain.register import Register
from service.evaluation.chain_listener import ChainRun
from service.evaluation.chain_run import run_chain
from service.evaluation.scenario_run import scenario_days, scenario_register, scenario_truth
from service.evaluation.truth import Truth
from service.settings import load_settings
from simulator.scenario import Scenario
from simulator.scenario_file import load_scenario
from tests.performance.other_fleets.fleet import draw_fleet

__all__ = ["Fleet"]

_OTHER = "other"


@dataclass(frozen=True, slots=True)
class Fleet:
    """A fleet with its truth, and how it goes through the whole chain.

    Attributes
    ----------
    name : str
        `SCENARIO:SEED`, where the scenario is a bundled one or a TOML file, or `other:SEED`.
    """

    name: str
    register: Register
    truth: Truth
    run: Callable[[], ChainRun]

    @staticmethod
    def named(name: str, *, days: int | None = None) -> Fleet:
        """Draw a fleet by its name; `days` for a shorter run of a scenario.

        Raises
        ------
        ConfigurationError
            If the name is not one.
        """
        kind, _, seed = name.rpartition(":")
        if not kind or not seed.isdigit():
            raise ConfigurationError(f"got {name!r} for a fleet, expected demanding:3, other:10 or FILE.toml:7")
        if kind == _OTHER:
            return _other(name, int(seed))
        story = load_scenario(kind, seed=int(seed))
        return _simulated(name, replace(story, days=min(days or story.days, story.days)))


def _other(name: str, seed: int) -> Fleet:
    drawn = draw_fleet(seed, days=730, share=1.0)
    truth = drawn.truth

    def run() -> ChainRun:
        return run_chain(load_settings(), drawn.register, drawn.days(), start_ns=truth.start_ns, end_ns=truth.end_ns)

    return Fleet(name, drawn.register, truth, run)


def _simulated(name: str, story: Scenario) -> Fleet:
    register = scenario_register(story)

    def run() -> ChainRun:
        days = scenario_days(story)
        return run_chain(load_settings(), register, days, start_ns=story.start_ns, end_ns=story.end_ns)

    return Fleet(name, register, scenario_truth(story, register), run)
