"""From the simulated history into live readings: what rests at night is called silent on neither side nor between."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ingest.batch import Message
from simulator.messages import live_messages
from simulator.scenario import Transport
from simulator.scenario_file import load_scenario
from simulator.world import World
from tests.chain import ARRIVAL_NS, DAY_NS, NS, feed, open_chain, simulated_messages
from tests.unit.service.site import outcomes

HISTORY_DAYS = 6
LIVE_ROUNDS = 3 * 24 * 3
ROUND_NS = 1200 * NS


@pytest.mark.slow
def test_nothing_is_silent_in_live_nights_at_the_seam_or_after_a_pause_of_the_machine(tmp_path: Path) -> None:
    """Drives of locks were: the counter of openings went up within the last hour of the night, before they spoke."""
    scenario = replace(load_scenario("small"), transport=Transport())
    pipeline = open_chain(tmp_path, scenario)
    feed(pipeline, simulated_messages(scenario, tmp_path, days=HISTORY_DAYS), batch=50)
    world = World(scenario)
    begin_ns = scenario.start_ns + HISTORY_DAYS * DAY_NS
    moments = [begin_ns + step * ROUND_NS for step in range(LIVE_ROUNDS)]
    # The machine sleeps from half past ten in the second evening until the next morning.
    moments = [moment_ns for moment_ns in moments if not 22 <= (moment_ns - begin_ns - DAY_NS) / (3600 * NS) < 30]
    last_ns = begin_ns - 1
    for moment_ns in moments:
        sent = live_messages(world, moment_ns, since_ns=last_ns)
        last_ns = moment_ns
        pipeline.take(
            [Message(item.topic, item.payload, ARRIVAL_NS, retained=False) for item in sent],
            now_ns=ARRIVAL_NS,
        )
        pipeline.close(now_ns=ARRIVAL_NS)
    pipeline.close(now_ns=ARRIVAL_NS, lateness_ns=0, is_end=True)
    alarms = [alarm for outcome in outcomes(pipeline) for alarm in outcome.alarms if alarm.kind == "data.silent"]
    assert [(alarm.asset, alarm.subject) for alarm in alarms if alarm.subject.startswith("drv")] == []
    assert alarms == []
