"""Fleets that can be recorded, by name: a scenario of the simulator and its seed, or `other` and a seed.

Behind an @ stands every how many hours its sensors speak, where it is not every hour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from domain.errors import ConfigurationError
from domain.register import Register
from service.evaluation.chain_listener import ChainRun
from service.evaluation.chain_run import run_chain
from service.evaluation.scenario_run import scenario_days, scenario_register, scenario_truth
from service.evaluation.truth import Truth
from service.settings import load_settings
from simulator.scenario_file import load_scenario
from tests.performance.other_fleets.fleet import draw_fleet
from tests.performance.replay.cadence import asked_seldom, register_seldom

__all__ = ["Fleet"]

_OTHER: Final = "other"
_CADENCES: Final = frozenset(str(hours) for hours in range(2, 25))
# A fleet's messages as (topic, payload), day by day, from their beginning at each call.
_Days: TypeAlias = Callable[[], Iterable[Sequence[tuple[str, bytes]]]]


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
        register, truth, messages = _other(int(seed)) if kind == _OTHER else _simulated(kind, int(seed), days)
        if not cadence:
            return _through_the_chain(name, register, truth, messages)
        every_h = int(cadence)
        return _through_the_chain(
            name, register_seldom(register, every_h), truth, lambda: asked_seldom(messages(), every_h)
        )


def _other(seed: int) -> tuple[Register, Truth, _Days]:
    drawn = draw_fleet(seed, days=730, share=1.0)
    return drawn.register, drawn.truth, drawn.days


def _simulated(kind: str, seed: int, days: int | None) -> tuple[Register, Truth, _Days]:
    story = load_scenario(kind, seed=seed)
    story = replace(story, days=min(days or story.days, story.days))
    register = scenario_register(story)
    return register, scenario_truth(story, register), lambda: scenario_days(story)


def _through_the_chain(name: str, register: Register, truth: Truth, messages: _Days) -> Fleet:
    def run() -> ChainRun:
        return run_chain(load_settings(), register, messages(), start_ns=truth.start_ns, end_ns=truth.end_ns)

    return Fleet(name, register, truth, run)
