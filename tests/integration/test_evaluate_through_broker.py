"""The scoreboard's run over MQTT: a broker of its own, the ingest loop, and the same result to the bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from service.evaluation.evaluate import run_scenario
from service.settings import Settings
from service.telemetry import set_up_logging
from simulator.scenario_file import load_scenario


@pytest.mark.slow
def test_over_mqtt_and_in_process_the_chain_says_the_same_to_the_bit() -> None:
    set_up_logging(Settings().telemetry)  # an earlier test may have left a log that is closed by now
    scenario = replace(load_scenario("small"), days=20)
    direct = run_scenario(scenario, Settings(), clock="stream").records[0]
    over_mqtt = run_scenario(scenario, Settings(), through_broker=True)
    assert over_mqtt.records[0].alarms == direct.alarms
    np.testing.assert_array_equal(over_mqtt.records[0].chance_90, direct.chance_90)
    np.testing.assert_array_equal(over_mqtt.records[0].life_days, direct.life_days)
    assert over_mqtt.facts.tally["readings_stored"] > 10_000
