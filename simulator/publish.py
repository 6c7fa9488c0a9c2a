"""Publish a world: its history at any speed, then live; or write the same messages to a file.

The order of days is the order of publishing. Within a day sensors take turns (`simulator.messages`); how
messages reach the broker without loss is `simulator.outbox`.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from ingest.formats.project import encode_status
from simulator.messages import Message, day_messages, live_messages
from simulator.outbox import Outbox, PublishCounts
from simulator.scenario import DAY_NS, Scenario
from simulator.world import World

__all__ = ["publish_history", "publish_live", "status_messages", "write_files"]

_NS_PER_S: Final = 10**9


def publish_history(
    world: World,
    outbox: Outbox,
    *,
    since_ns: int,
    until_ns: int,
    speed: float,
    hours_per_message: int = 24,
) -> bool:
    """Publish what was measured in `[since_ns, until_ns)`, day by day.

    Parameters
    ----------
    speed : float
        Seconds of event time in one second; 0: as fast as the broker takes it.
    hours_per_message : int
        Hourly readings that travel together, 1 to 24.

    Returns
    -------
    bool
        False when it was stopped before everything was handed over.
    """
    start_ns = world.scenario.start_ns
    begun_s = time.monotonic()
    day = max(0, (since_ns - start_ns) // DAY_NS)
    first_ns = max(since_ns, start_ns)
    while start_ns + day * DAY_NS < until_ns:
        end_ns = min(start_ns + (day + 1) * DAY_NS, until_ns)
        messages = day_messages(world, day, since_ns=since_ns, until_ns=until_ns, hours_per_message=hours_per_message)
        day_from_ns = max(since_ns, start_ns + day * DAY_NS)
        for position, message in enumerate(messages, start=1):
            if speed > 0:
                moment_ns = day_from_ns + (end_ns - day_from_ns) * position // len(messages)
                due_s = begun_s + (moment_ns - first_ns) / _NS_PER_S / speed
                outbox.stop.wait(max(0.0, due_s - time.monotonic()))
            if not outbox.send((message,)):
                return False
        outbox.mark(end_ns)
        day += 1
    return True


def publish_live(world: World, outbox: Outbox, *, since_ns: int, interval_s: float, now_ns: Callable[[], int]) -> None:
    """Publish one reading of every sensor each `interval_s` seconds until stopped.

    Parameters
    ----------
    since_ns : int
        End of what has been published.
    now_ns : callable
        The wall clock, Unix nanoseconds; rounds whose time does not move forward are left out.
    """
    outbox.phase = "live"
    last_ns = since_ns - 1
    while not outbox.stop.is_set():
        moment_ns = now_ns()
        if moment_ns > last_ns:
            if not outbox.send(live_messages(world, moment_ns, since_ns=last_ns)):
                return
            outbox.mark(moment_ns + 1)
            last_ns = moment_ns
        outbox.stop.wait(interval_s)


def status_messages(scenario: Scenario, *, is_online: bool, since_ns: int, session: int) -> list[Message]:
    """Make the birth (or the goodbye) of every gateway, retained."""
    return [
        Message(
            *encode_status(gateway, state="online" if is_online else "offline", since_ns=since_ns, session=session),
            "status",
            retain=True,
        )
        for gateway in scenario.gateways
    ]


def write_files(
    scenario: Scenario, path: Path, *, days: int | None = None, hours_per_message: int = 24
) -> PublishCounts:
    """Write the messages of the history to a file instead: JSON lines of topic, payload (base64) and retain.

    Parameters
    ----------
    days : int or None
        Only so many days from the first; None: all.

    Returns
    -------
    PublishCounts
        What the file holds.
    """
    world = World(scenario)
    counts = PublishCounts()
    with path.open("w", encoding="ascii") as file:
        for message in _all_messages(world, scenario.days if days is None else days, hours_per_message):
            payload = base64.b64encode(message.payload).decode("ascii")
            file.write(json.dumps({"topic": message.topic, "payload": payload, "retain": message.retain}) + "\n")
            counts.add(message)
    return counts


def _all_messages(world: World, days: int, hours_per_message: int) -> Iterator[Message]:
    yield from status_messages(world.scenario, is_online=True, since_ns=world.scenario.start_ns, session=1)
    for day in range(days):
        yield from day_messages(world, day, hours_per_message=hours_per_message)
