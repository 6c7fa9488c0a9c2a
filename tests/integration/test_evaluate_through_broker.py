"""The scoreboard's runs from outside: over MQTT the same result to the bit, and no process left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from service.evaluation.evaluate import run_scenario
from service.settings import Settings
from service.telemetry import set_up_logging
from simulator.scenario_file import load_scenario
from tests.integration.test_everything_survives_kill_nine import children
from tests.servers import wait_until


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


def workers(pid: int) -> set[int]:
    return {child for child, command in children(pid).items() if "spawn_main" in command}


@pytest.mark.slow
@pytest.mark.parametrize("seeds", ["1,2", "1"], ids=["runs side by side", "messages made ahead"])
def test_what_is_killed_leaves_no_process_behind(seeds: str, tmp_path: Path) -> None:
    """Workers of an evaluation that was ended calculated on for ten minutes, and then waited for work forever."""
    command = [sys.executable, "-m", "service.cli", "evaluate", "small", "--seeds", seeds, "--jobs", "2"]
    with subprocess.Popen([*command, "--out", str(tmp_path)], stdout=subprocess.DEVNULL) as process:
        wait_until(lambda: len(workers(process.pid)) == len(seeds.split(",")), "workers", seconds=60.0)
        started = workers(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait(10.0)
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started), "their end", seconds=60.0)
