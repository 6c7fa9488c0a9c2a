"""Faults of the simulator's sensors are named by the whole chain, from messages to alarms."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.evaluation.evaluate import run_scenario
from service.settings import load_settings
from simulator.scenario import SensorFault, Transport
from simulator.scenario_file import load_scenario


@pytest.mark.slow
def test_a_range_that_is_too_small_is_named_for_values_and_for_waveforms() -> None:
    """The converter's end is in the samples of a waveform, and nowhere else in its message."""
    faults = tuple(
        SensorFault("clipping", asset, sensor, 15.0, 10.0, 1.0)
        for asset, sensor in (("brug-1", "acc1"), ("brug-2", "acc2"))
    )
    scenario = replace(load_scenario("small"), days=35, transport=Transport(), damage=(), sensor_faults=faults)
    run = run_scenario(scenario, load_settings())
    told = {(alarm.asset, alarm.subject): alarm for alarm in run.records[0].alarms if alarm.kind == "sensor.clipping"}
    assert set(told) == {("brug-1", "acc1"), ("brug-2", "acc2")}
    # Values come every hour, waveforms twice a day.
    for alarm, days in ((told["brug-1", "acc1"], 5.0), (told["brug-2", "acc2"], 4.0)):
        since = (alarm.raised_ns - scenario.start_ns) / 86_400e9 - 15.0
        assert 0.0 < since <= days
    assert {alarm.kind for alarm in run.records[0].alarms} == {"sensor.clipping"}
