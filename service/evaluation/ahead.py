"""A scenario's messages made ahead in a process of their own, so that a single run uses two cores.

The days come through a pipe in their order and are the same bytes; a few wait at most, and a run that is given up
ends its maker.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Final

from domain.errors import ConfigurationError
from service.evaluation.scenario_run import scenario_days
from simulator.scenario import Scenario

__all__ = ["days_made_ahead"]

_END_S: Final = 10.0

_Day = list[tuple[str, bytes]]


@contextmanager
def days_made_ahead(scenario: Scenario, told: Callable[[int], None]) -> Iterator[Iterator[_Day]]:
    """Make the days of `scenario_days` in another process; `told` gets the days taken.

    Raises
    ------
    ConfigurationError
        While the days are read, if the process died before the last one.
    """
    # A fresh interpreter: threads of ours must not be copied in the middle of something.
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    maker = context.Process(target=_make, args=(scenario, writer), name="simulator", daemon=True)
    maker.start()
    writer.close()
    try:
        yield _received(scenario, reader, told)
    finally:
        reader.close()
        maker.join(0.0 if maker.is_alive() else _END_S)
        if maker.is_alive():
            maker.terminate()
        maker.join(_END_S)
        maker.close()


def _make(scenario: Scenario, writer: Connection) -> None:
    """Send day behind day; the pipe holds only so much, so a slow reader is waited for."""
    try:
        for day in scenario_days(scenario):
            writer.send(day)
    except BrokenPipeError:
        return  # the run was given up
    finally:
        writer.close()


def _received(scenario: Scenario, reader: Connection, told: Callable[[int], None]) -> Iterator[_Day]:
    for number in range(1, scenario.days + 1):
        try:
            day: _Day = reader.recv()
        except EOFError as error:
            raise ConfigurationError(
                f"the simulator's process ended after {number - 1} of {scenario.days} days; run again with --jobs 1"
            ) from error
        yield day
        told(number)
