"""Run a scenario against a broker: from the first day, or from where an earlier run was cut off.

The order of a first run is: `resolve_start`, `write_register` and `write_truth` from its result, then
`simulate`. With `live` the history is filled up to the present hour by hour before the live phase begins.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.errors import ConfigurationError
from simulator.broker import Connect, Secure, paho_broker
from simulator.outbox import DEFAULT_WINDOW, Outbox, PublishCounts
from simulator.owner_files import write_register, write_truth
from simulator.progress import Progress, open_checkpoint, resolve_start
from simulator.publish import publish_history, publish_live, status_messages
from simulator.scenario import DAY_NS, HOUR_NS, Scenario, fingerprint
from simulator.world import World

__all__ = [
    "DEFAULT_LIVE_INTERVAL_S",
    "SimulationResult",
    "resolve_start",
    "simulate",
    "start_for_live",
    "write_register",
    "write_truth",
]

DEFAULT_LIVE_INTERVAL_S: Final = 10.0

_GOODBYE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """How a run ended.

    Attributes
    ----------
    scenario : Scenario
        With the first day that was used.
    is_complete : bool
        True when the broker has acknowledged the whole history.
    acknowledged_ns : int
        The broker has everything measured before.
    counts : PublishCounts
        Messages of this process.
    """

    scenario: Scenario
    is_complete: bool
    acknowledged_ns: int
    counts: PublishCounts


def start_for_live(scenario: Scenario, now_ns: int) -> int:
    """Give the first day for which the history ends at the last midnight (UTC), so that live follows at once.

    Examples
    --------
    >>> start_for_live(Scenario("s", 1, 0, 10, ()), 25 * DAY_NS + 7) // DAY_NS
    15
    """
    return (now_ns // DAY_NS - scenario.days) * DAY_NS


def simulate(
    scenario: Scenario,
    *,
    host: str,
    port: int,
    speed: float,
    start_ns: int | None,
    live: bool,
    progress_path: Path | None,
    stop: threading.Event,
    report: Callable[[Progress], None],
    now_ns: Callable[[], int],
    live_interval_s: float = DEFAULT_LIVE_INTERVAL_S,
    hours_per_message: int = 24,
    connect: Connect | None = None,
    secure: Secure | None = None,
) -> SimulationResult:
    """Publish a scenario over MQTT.

    Parameters
    ----------
    speed : float
        Seconds of event time in one second of history; 0: as fast as the broker takes it.
    start_ns : int or None
        First day, Unix nanoseconds; None: the scenario's own. A progress file of the same scenario wins.
    live : bool
        Go on with one reading of each sensor every `live_interval_s` seconds until `stop`.
    progress_path : Path or None
        Where to remember what is acknowledged; None: begin at the first day each time.
    stop : threading.Event
        Set it for a clean end.
    report : callable
        Gets `Progress` after each day, each live round, and when the broker goes or comes.
    now_ns : callable
        The wall clock, asked in the live phase only.
    hours_per_message : int
        Hourly readings of a sensor that travel together, 1 to 24.
    connect : Connect or None
        Another connection than paho-mqtt to `host` and `port`.
    secure : callable or None
        Gives paho's client its user and certificates, see `simulator.broker.paho_broker`.

    Raises
    ------
    ConfigurationError
        If the progress file is not of this scenario, the broker refuses us, or the history would end in
        the future of a live run.
    """
    scenario = resolve_start(scenario, start_ns, progress_path)
    if live and scenario.end_ns > now_ns():
        raise ConfigurationError(
            f"the history of {scenario.name!r} ends after the present, so live readings cannot follow it; "
            f"start it {scenario.days} days ago or earlier"
        )
    checkpoint = open_checkpoint(scenario, progress_path)
    world = World(scenario)
    window = DEFAULT_WINDOW
    if connect is None:
        client_id = f"schouw-simulator-{fingerprint(scenario)[:8]}"
        connect = paho_broker(host, port, client_id=client_id, window=window, secure=secure)
    outbox = Outbox(connect, checkpoint, days=scenario.days, window=window, stop=stop, report=report)
    try:
        since_ns, session = checkpoint.saved.acknowledged_ns, checkpoint.saved.session
        births = status_messages(scenario, is_online=True, since_ns=since_ns, session=session)
        is_sent = outbox.send(births)
        is_sent = is_sent and publish_history(
            world,
            outbox,
            since_ns=since_ns,
            until_ns=scenario.end_ns,
            speed=speed,
            hours_per_message=hours_per_message,
        )
        if is_sent and live:
            _follow(world, outbox, max(since_ns, scenario.end_ns), live_interval_s, now_ns)
        elif is_sent:
            outbox.drain()
        _say_goodbye(outbox, scenario, checkpoint.saved.acknowledged_ns, session)
    finally:
        outbox.close()
    is_complete = checkpoint.saved.acknowledged_ns >= scenario.end_ns
    if is_complete:
        outbox.tell(phase="finished")
    return SimulationResult(scenario, is_complete, checkpoint.saved.acknowledged_ns, outbox.counts)


def _follow(world: World, outbox: Outbox, since_ns: int, interval_s: float, now_ns: Callable[[], int]) -> None:
    """Fill the full hours up to the present, then go live."""
    present_ns = now_ns() // HOUR_NS * HOUR_NS
    if publish_history(world, outbox, since_ns=since_ns, until_ns=present_ns, speed=0.0, hours_per_message=24):
        publish_live(world, outbox, since_ns=max(since_ns, present_ns), interval_s=interval_s, now_ns=now_ns)


def _say_goodbye(outbox: Outbox, scenario: Scenario, since_ns: int, session: int) -> None:
    """Mark every gateway offline and wait a little for the broker, also when we were stopped."""
    outbox.send_last(status_messages(scenario, is_online=False, since_ns=since_ns, session=session), _GOODBYE_S)
