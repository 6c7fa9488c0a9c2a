"""Fleets that can be recorded, by name: a scenario of the simulator and its seed, or `other` and a seed.

Behind an @ stands every how many hours its sensors speak, where it is not every hour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

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
from tests.performance.replay.cadence import asked_seldom, register_seldom

__all__ = ["Fleet"]

_OTHER: Final = "other"
_CADENCES: Final = frozenset(str(hours) for hours in range(2, 25))


@dataclass(frozen=True, slots=True)
class Fleet:
    """A fleet with its truth, and how it goes through the whole chain.

    Attributes
    ----------
    name : str
        `SCENARIO:SEED`, where the scenario is a bundled one or a TOML file, or `other:SEED`; `demanding:3@6` is asked
        every six hours.
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
        told, _, cadence = name.partition("@")
        kind, _, seed = told.rpartition(":")
        if not kind or not seed.isdigit() or (cadence and cadence not in _CADENCES):
            raise ConfigurationError(
                f"got {name!r} for a fleet, expected demanding:3, other:10 or FILE.toml:7, and behind it nothing or "
                "@2 to @24 for a reading every so many hours"
            )
        every_h = int(cadence or "1")
        if kind == _OTHER:
            return _other(name, int(seed), every_h)
        story = load_scenario(kind, seed=int(seed))
        return _simulated(name, replace(story, days=min(days or story.days, story.days)), every_h)


def _other(name: str, seed: int, every_h: int) -> Fleet:
    drawn = draw_fleet(seed, days=730, share=1.0)
    return _asked(name, drawn.register, drawn.truth, drawn.days, every_h)


def _simulated(name: str, story: Scenario, every_h: int) -> Fleet:
    register = scenario_register(story)
    return _asked(name, register, scenario_truth(story, register), lambda: scenario_days(story), every_h)


def _asked(
    name: str,
    register: Register,
    truth: Truth,
    days: Callable[[], Iterable[Sequence[tuple[str, bytes]]]],
    every_h: int,
) -> Fleet:
    register = register_seldom(register, every_h) if every_h > 1 else register

    def run() -> ChainRun:
        heard = asked_seldom(days(), every_h) if every_h > 1 else days()
        return run_chain(load_settings(), register, heard, start_ns=truth.start_ns, end_ns=truth.end_ns)

    return Fleet(name, register, truth, run)
