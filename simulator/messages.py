"""From the world's values to MQTT messages: a day of readings, waveform blocks, one live round.

Within a day the sensors take turns, so that no gateway runs a day ahead of another. Then the way through
the network is simulated: some messages come twice, some late, and between them stands what no decoder
can read. All of it depends on seed and day alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np

from ingest.formats.project import OutgoingReading, encode_readings
from simulator.device_readings import handed_over
from simulator.randomness import random_stream
from simulator.scenario import DAY_NS, HOUR_NS
from simulator.waveform_messages import waveforms
from simulator.world import World, reading_sensors

__all__ = ["Message", "MessageKind", "day_messages", "live_messages"]

# An instrument read within the hour differs from the hour's own figure by so much of its noise.
_LIVE_NOISE_SHARE: Final = 0.15
_PER_HOUR: Final = "1/h"

MessageKind: TypeAlias = Literal["readings", "waveform", "duplicate", "garbage", "status"]
_GARBAGE: Final = (
    b"",
    b"{",
    b"null",
    b'{"v":1,"sensor":',
    b"\x00\xff\xfe\x80 not utf-8",
    b'{"v":99,"sensor":"acc1","t":"2026-01-01T00:00:00Z","values":{}}',
    b'{"v":1,"sensor":"someone-else","t":"2026-01-01T00:00:00Z","values":{"temperature":{"value":1,"unit":"Cel"}}}',
    b"[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]",
)


class Message(NamedTuple):
    """One MQTT publish.

    Attributes
    ----------
    kind : MessageKind
        What it is to the simulator; the receiver has to find out.
    readings : int
        Moments of readings inside; 0 for all but `readings`.
    """

    topic: str
    payload: bytes
    kind: MessageKind
    readings: int = 0
    retain: bool = False


def day_messages(
    world: World, day: int, *, since_ns: int = 0, until_ns: int | None = None, hours_per_message: int = 24
) -> list[Message]:
    """Make all messages of one day in the order in which they are sent.

    Parameters
    ----------
    day : int
        Days since the start of the scenario, not negative, no upper end.
    since_ns, until_ns : int
        Only what was measured in `[since_ns, until_ns)`; without `until_ns` to the end of the day.
    hours_per_message : int
        Hourly readings that travel together, 1 to 24.

    Returns
    -------
    list of Message
        Duplicates, disorder and garbage of the scenario's transport included.
    """
    start_ns = world.scenario.start_ns + day * DAY_NS
    first_hour = max(0, -(-(since_ns - start_ns) // HOUR_NS))
    end_hour = 24 if until_ns is None else min(24, max(0, -(-(until_ns - start_ns) // HOUR_NS)))
    messages: list[Message] = []
    for hour in range(first_hour, end_hour, hours_per_message):
        last = min(hour + hours_per_message, end_hour)
        by_asset = [list(_asset_messages(world, asset, day, hour, last)) for asset in range(len(world.structures))]
        longest = max((len(each) for each in by_asset), default=0)
        messages += [each[turn] for turn in range(longest) for each in by_asset if turn < len(each)]
    return _through_the_network(world, day, messages)


def live_messages(world: World, time_ns: int, *, since_ns: int) -> list[Message]:
    """Make one reading of every sensor at a moment, and the waveform blocks that fell due since the last round.

    Values lie between those of the hours around the moment, so a live reading at a full hour agrees with the
    history, but for a little noise of the instrument. A count is that of its hour: a lock that opens in the next one
    rests until then, and its drives say nothing.

    Parameters
    ----------
    time_ns : int
        The moment, Unix nanoseconds, not before the start of the scenario.
    since_ns : int
        The round before; waveform blocks start in `(since_ns, time_ns]`.
    """
    elapsed_ns = time_ns - world.scenario.start_ns
    hour, of_hour_ns = divmod(elapsed_ns, HOUR_NS)
    share = of_hour_ns / HOUR_NS
    messages: list[Message] = []
    for index, plan in enumerate(world.scenario.assets):
        channels = world.channels[index]
        if not channels:
            continue
        before, after = world.measured_hour(index, hour).copy(), world.measured_hour(index, hour + 1)
        counts = np.array([channel.unit == _PER_HOUR for channel in channels])
        between = np.where(counts | np.isnan(after), before, before + share * (after - before))
        sizes = np.array([c.relative_noise for c in channels]) * np.abs(between)
        sizes += np.array([c.absolute_noise for c in channels])
        noise = random_stream(world.scenario.seed, "live", plan.id, elapsed_ns // 10**6).standard_normal(len(channels))
        values = (between + _LIVE_NOISE_SHARE * sizes * noise).tolist()
        row = 0
        for sensor in reading_sensors(world.structures[index]):
            named = {
                channel.name: (round(min(max(value, channel.low), channel.high), channel.decimals), channel.unit)
                for channel, value in zip(sensor.channels, values[row : row + len(sensor.channels)], strict=True)
                if not math.isnan(value)
            }
            row += len(sensor.channels)
            if named:
                reading = [OutgoingReading(time_ns, named)]
                messages.append(Message(*encode_readings(plan.gateway, plan.id, sensor.id, reading), "readings", 1))
        last_due = (since_ns - world.scenario.start_ns) // HOUR_NS + 1
        messages += [Message(*sent, "waveform") for sent in waveforms(world, index, last_due, hour + 1)]
    return messages


def _asset_messages(world: World, asset: int, day: int, first: int, last: int) -> Iterator[Message]:
    """Make the messages of one asset for hours `[first, last)` of a day: one for each sensor, then waveforms."""
    plan = world.scenario.assets[asset]
    hour = day * 24 + first
    for sensor, readings in handed_over(world, asset, hour, hour + last - first):
        topic, payload = encode_readings(plan.gateway, plan.id, sensor, readings)
        yield Message(topic, payload, "readings", len(readings))
    yield from (Message(*sent, "waveform") for sent in waveforms(world, asset, hour, hour + last - first))


def _through_the_network(world: World, day: int, messages: list[Message]) -> list[Message]:
    """Double, delay and litter a day's messages at the scenario's rates."""
    transport = world.scenario.transport
    if not messages or not (transport.duplicate_rate or transport.disorder_rate or transport.garbage_rate):
        return messages
    count = len(messages)
    chance = random_stream(world.scenario.seed, "transport", day)
    place = np.arange(count, dtype=np.float64)
    late = chance.random(count) < transport.disorder_rate
    place[late] += chance.uniform(1.0, transport.disorder_messages + 1.0, int(late.sum()))
    twice = np.flatnonzero(chance.random(count) < transport.duplicate_rate)
    again = place[twice] + chance.uniform(0.5, transport.disorder_messages + 1.0, len(twice))
    litter = int(chance.binomial(count, transport.garbage_rate))
    where, victim = chance.uniform(0.0, count, litter), chance.integers(0, count, litter)
    which = chance.integers(0, len(_GARBAGE), litter)
    sent = messages + [messages[index]._replace(kind="duplicate", readings=0) for index in twice]
    sent += [Message(messages[v].topic, _GARBAGE[w], "garbage") for v, w in zip(victim, which, strict=True)]
    order = np.argsort(np.concatenate([place, again, where]), kind="stable")
    return [sent[index] for index in order]
