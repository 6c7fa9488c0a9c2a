"""How soon a level becomes an alarm: one that rose within two weeks, and one that was there before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.register import AssetType
from models.catalogue import HOUR_NS
from models.compiling import compile_catalogue
from models.evidence import weigh_evidence
from models.state import initial_state

DAY_NS = 24 * HOUR_NS
SPREAD = 0.1
BOTH = ["natural_frequency_1", "strain"]


def days_to_alarm(registers: Callable[..., Any], names: list[str], *, level: float, before: float) -> int:
    """Days that a level takes to an alarm; `before` is what the severity was in the months before."""
    catalogue = compile_catalogue(*registers(names, kind=AssetType.BRIDGE))
    judged = len(catalogue.judged)
    state = initial_state(catalogue)
    state = replace(
        state,
        residual=np.full(judged, level),
        residual_sd=np.full(judged, SPREAD),
        severity_past=np.full_like(state.severity_past, before),
    )
    for day in range(1, 100):
        state, raised, _ = weigh_evidence(catalogue, state, np.ones(judged, np.bool_), (1000 + day) * DAY_NS)
        if len(raised):
            return day
    raise AssertionError("no alarm in a hundred days")


@pytest.mark.parametrize("level", [0.32, 0.4])
def test_quantities_that_rose_together_within_two_weeks_take_half_of_the_time(
    registers: Callable[..., Any], level: float
) -> None:
    risen = days_to_alarm(registers, BOTH, level=level, before=0.0)
    standing = days_to_alarm(registers, BOTH, level=level, before=level)
    assert 2 <= risen < standing
    assert standing in {2 * risen - 1, 2 * risen}


def test_a_rise_within_what_wandering_does_gains_no_time(registers: Callable[..., Any]) -> None:
    small = days_to_alarm(registers, BOTH, level=0.4, before=0.2)
    assert small == days_to_alarm(registers, BOTH, level=0.4, before=0.4)


def test_a_lone_quantity_gains_no_time(registers: Callable[..., Any]) -> None:
    alone = days_to_alarm(registers, BOTH[1:], level=0.6, before=0.0)
    assert alone == days_to_alarm(registers, BOTH[1:], level=0.6, before=0.6)
