"""A quantity too many in each good message is counted by the hour; all else that is refused is told each time."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.batch import Message
from service.pipeline import Pipeline
from service.refusal_hours import HOUR_NS, IN_FULL
from tests.chain import NS
from tests.unit.service.site import NOW_NS, THERMOMETER, WALL, balanced, letters, onboard, open_site, stored, take
from tests.unit.service.worker_bench import Bench

# 2025-06-15T15:00:00Z
BEGIN_NS = NOW_NS - NOW_NS % HOUR_NS
REASON = (
    "channel 'battery' of sensor 'klimaat' on asset 'brug-1' is not registered; registered are temperature; register "
    "it or leave it out"
)


def said(at_ns: int, *, sensor: str = "klimaat", **values: object) -> Message:
    """Give a message of that time, by its sensor's clock and ours: a temperature that differs each time, and more."""
    named = {"temperature": 10 + at_ns % 1000 / 100} | values
    payload = {"v": 1, "sensor": sensor, "t": at_ns // NS, "values": {
        name: {"value": value, "unit": "Cel" if name == "temperature" else "1"} for name, value in named.items()
    }}  # fmt: skip
    topic = f"infra/v1/gw-1/brug-1/{sensor}/reading"
    return Message(topic, json.dumps(payload).encode(), at_ns, retained=False)


def minutes(count: int, *, first: int = 0, every: int = 1) -> list[Message]:
    return [said(BEGIN_NS + 60 * NS * minute, battery=3.6) for minute in range(first, first + count * every, every)]


def again(messages: Sequence[Message]) -> list[Message]:
    return [message._replace(resent=True, received_ns=message.received_ns + NS) for message in messages]


def refused(pipeline: Pipeline) -> tuple[int, int, int]:
    tally = balanced(pipeline)
    return tally["readings_stored"], tally["readings_refused"], tally["readings_duplicate"]


def arrivals(pipeline: Pipeline) -> int:
    with pipeline.journal.reading() as db:
        return int(db.execute("SELECT count(*) FROM arrival").fetchone()[0])


def test_the_first_of_an_hour_are_written_down_and_the_rest_are_counted(tmp_path: Path) -> None:
    """Each message left a letter and a key: 3 GB a day of 1,000 sensors that say how full their battery is."""
    pipeline = open_site(tmp_path, policy=WALL)
    for first in range(0, 60, 10):
        take(pipeline, *minutes(10, first=first), now_ns=BEGIN_NS + HOUR_NS)
    assert [letter.reason for letter in letters(pipeline)] == [REASON] * IN_FULL
    assert [letter.head for letter in letters(pipeline)] == [item.payload[:64] for item in minutes(IN_FULL)]
    assert (refused(pipeline), arrivals(pipeline)) == ((60, 60, 0), IN_FULL)
    take(pipeline, *minutes(1, first=60), now_ns=BEGIN_NS + HOUR_NS)
    _, _, _, anew, rest = letters(pipeline)
    assert (anew.reason, anew.received_at_ns) == (REASON, BEGIN_NS + HOUR_NS)
    assert rest.reason == f"57 more in the hour from 2025-06-15T15:00Z, counted, not listed: {REASON}"
    assert (rest.code, rest.gateway, rest.head) == ("unknown_channel", "gw-1", b"")
    assert rest.received_at_ns == BEGIN_NS + 59 * 60 * NS
    assert len({letter.id for letter in letters(pipeline)}) == len(letters(pipeline))


def test_an_hour_that_nothing_follows_ends_by_the_clock(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    take(pipeline, *minutes(5))
    assert pipeline.end_refusal_hours(now_ns=BEGIN_NS + HOUR_NS).rejected == ()
    pipeline.journal.close()
    pipeline = open_site(tmp_path)
    told = pipeline.end_refusal_hours(now_ns=BEGIN_NS + HOUR_NS + 1).rejected
    assert [letter.reason[:7] for letter in told] == ["2 more "]
    assert pipeline.end_refusal_hours(now_ns=BEGIN_NS + HOUR_NS + 1).rejected == ()
    assert len(letters(pipeline)) == IN_FULL + 1
    assert refused(pipeline) == (5, 5, 0)


def test_an_hour_with_nothing_more_ends_without_a_letter(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    take(pipeline, *minutes(IN_FULL))
    assert pipeline.end_refusal_hours(now_ns=BEGIN_NS + 2 * HOUR_NS).rejected == ()
    assert pipeline.journal.refusal_hours_before(BEGIN_NS + 2 * HOUR_NS) == []
    assert len(letters(pipeline)) == IN_FULL


def test_ingest_ends_hours_by_itself_and_tells_the_gateway(bench: Callable[..., Bench]) -> None:
    site = bench()
    site.gateway.send(*minutes(5))
    site.step()
    assert len(letters(site.pipeline)) == IN_FULL
    site.step(3600.0)
    site.pass_time(61)
    assert [letter.reason[:7] for letter in letters(site.pipeline)[IN_FULL:]] == ["2 more "]


def test_each_quantity_and_each_topic_counts_for_itself(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path, THERMOMETER + THERMOMETER.replace("klimaat", "dek"))
    for sensor in ("klimaat", "dek"):
        for minute in range(5):
            take(pipeline, said(BEGIN_NS + minute * 60 * NS, sensor=sensor, battery=3.6, signal=-70))
    assert len(letters(pipeline)) == 4 * IN_FULL
    told = pipeline.end_refusal_hours(now_ns=BEGIN_NS + 2 * HOUR_NS).rejected
    assert sorted(letter.topic.split("/")[4] for letter in told) == ["dek", "dek", "klimaat", "klimaat"]
    assert {letter.reason[:7] for letter in told} == {"2 more "}
    assert refused(pipeline) == (10, 20, 0)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"battery": 3.6, "temperature": "warm"}, "unknown_channel"),  # nothing of it could be used
        ({"temperature": "warm"}, "bad_value"),
    ],
)
def test_a_message_of_which_nothing_was_taken_is_written_down_each_time(
    tmp_path: Path, values: dict[str, Any], code: str
) -> None:
    """Nobody else has what it said."""
    pipeline = open_site(tmp_path)
    messages = [said(BEGIN_NS + minute * 60 * NS, **values) for minute in range(2 * IN_FULL)]
    take(pipeline, *messages)
    told = [letter for letter in letters(pipeline) if letter.code == code]
    assert [letter.head for letter in told] == [message.payload[:64] for message in messages]
    assert balanced(pipeline)["messages_dead_lettered"] == len(messages)


def test_a_value_that_is_wrong_is_written_down_each_time(tmp_path: Path) -> None:
    """What is wrong with a channel that is registered is no habit of its sender."""
    pipeline = open_site(tmp_path, THERMOMETER + "brug-1,klimaat,humidity,%RH,,gw-1,,3600\n")
    take(pipeline, *(said(BEGIN_NS + minute * NS, humidity="wet", battery=3.6) for minute in range(10)))
    codes = [letter.code for letter in letters(pipeline)]
    assert (codes.count("bad_value"), codes.count("unknown_channel")) == (10, IN_FULL)
    assert refused(pipeline) == (10, 20, 0)


def test_what_is_sent_again_counts_once(tmp_path: Path) -> None:
    """Ingest dies behind a commit, and its messages come again with those that follow, before and after a restart."""
    pipeline = open_site(tmp_path)
    messages = minutes(12)
    take(pipeline, *messages[:6])
    take(pipeline, *again(messages[:6]), messages[6])
    pipeline.journal.close()
    pipeline = open_site(tmp_path)
    tally = take(pipeline, *again(messages[4:7]), *messages[7:], *again(messages[10:]))
    assert refused(pipeline) == (12, 12, 2 * (6 + 3 + 2))
    assert (tally["messages_decoded"], tally["messages_duplicate"]) == (12, 11)
    told = pipeline.end_refusal_hours(now_ns=BEGIN_NS + 2 * HOUR_NS).rejected
    assert [letter.reason[:7] for letter in told] == ["9 more "]


def test_what_is_sent_again_for_the_first_time_we_see_it_counts(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    take(pipeline, *again(minutes(6)))
    assert (refused(pipeline), len(letters(pipeline))) == ((6, 6, 0), IN_FULL)


@pytest.mark.parametrize("seed", range(4))
def test_neither_cuts_nor_kills_change_a_count(tmp_path: Path, seed: int) -> None:
    """Between any two commits the process may die, and the broker sends again what was not acknowledged, and more."""
    chance = np.random.default_rng(seed)
    messages = minutes(40, every=5)
    messages += [said(BEGIN_NS + 60 * NS * minute, signal=1) for minute in range(1, 200, 20)]
    messages.sort(key=lambda message: message.received_ns)
    calm, rough = open_site(tmp_path / "calm"), open_site(tmp_path / "rough")
    take(calm, *messages)
    first = 0
    while first < len(messages):
        last = first + int(chance.integers(1, 9))
        resent = [
            message._replace(resent=True) for message in messages[max(0, first - int(chance.integers(6))) : first]
        ]
        take(rough, *resent, *messages[first:last])
        first = last
        if chance.random() < 0.3:
            rough.journal.close()
            rough = open_site(tmp_path / "rough")
    for pipeline in (calm, rough):
        pipeline.end_refusal_hours(now_ns=BEGIN_NS + 9 * HOUR_NS)
    told = [sorted((item.reason, item.head, item.received_at_ns) for item in letters(p)) for p in (calm, rough)]
    assert told[0] == told[1]
    assert refused(rough)[:2] == refused(calm)[:2] == (50, 50)
    assert stored(rough).value.tolist() == stored(calm).value.tolist()


def test_messages_out_of_quarantine_count_with_the_hour_under_way(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    held = [said(BEGIN_NS + minute * 60 * NS, sensor="nieuw", battery=3.6) for minute in range(5)]
    take(pipeline, *held)
    onboard(pipeline, tmp_path, THERMOMETER + THERMOMETER.replace("klimaat", "nieuw"))
    take(pipeline, *(said(BEGIN_NS + HOUR_NS + number * NS, sensor="nieuw", battery=3.6) for number in range(5)))
    assert pipeline.release_held(now_ns=BEGIN_NS + HOUR_NS) == 5
    assert (len(letters(pipeline)), refused(pipeline)) == (IN_FULL, (10, 10, 0))
    told = pipeline.end_refusal_hours(now_ns=BEGIN_NS + 3 * HOUR_NS).rejected
    assert [letter.reason[:7] for letter in told] == ["7 more "]


def test_a_channel_that_is_registered_later_is_taken_from_then_on(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    messages = [said(BEGIN_NS + 60 * NS * minute, kurtosis=3.6) for minute in range(10)]
    take(pipeline, *messages[:5])
    onboard(pipeline, tmp_path, THERMOMETER + "brug-1,klimaat,kurtosis,1,,gw-1,,3600\n")
    take(pipeline, *messages[5:])
    assert (len(letters(pipeline)), refused(pipeline)) == (IN_FULL, (15, 5, 0))
    assert np.count_nonzero(stored(pipeline).value == 3.6) == 5
