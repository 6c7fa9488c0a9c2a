"""Wrong clocks by the stream's own clock: one bad time costs its own reading and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from domain.arrays import ReadingFlag
from domain.identifiers import AssetId
from ingest.batch import Message
from service.pipeline import Pipeline
from storage.advisory import SqlAdvisoryStore
from storage.database import open_database, sqlite_address
from tests.chain import DAY_NS, NS, STREAM, open_chain
from tests.lengths import either
from tests.unit.service.site import (
    HOUR_NS,
    NOW_NS,
    THERMOMETER,
    WALL,
    balanced,
    open_site,
    outcomes,
    part,
    project,
    reading,
    stored,
    take,
)

NOW_S = NOW_NS // NS - NOW_NS // NS % 3600
FAR_S = 9_214_646_400  # 2262-01-01T00:00Z


def days(first: int, last: int) -> list[Message]:
    return [reading(NOW_S + 3600 * hour, 10.0 + hour % 24) for hour in range(24 * first, 24 * last)]


def feed(pipeline: Pipeline, messages: list[Message]) -> None:
    for first in range(0, len(messages), 50):
        take(pipeline, *messages[first : first + 50])
        pipeline.close(now_ns=NOW_NS)


@pytest.mark.slow
def test_a_reading_from_2262_changes_nothing_for_its_asset(tmp_path: Path) -> None:
    """It closed every hop of the asset, so that all that followed was late for ever."""
    sound, disturbed = open_site(tmp_path / "sound"), open_site(tmp_path / "disturbed")
    feed(sound, days(0, 20))
    messages = days(0, 20)
    for place in (0, 100, 333):
        messages.insert(place, reading(FAR_S + place, 99.0))
    feed(disturbed, messages)
    assert disturbed.live.digest() == sound.live.digest()
    assert disturbed.live.tracker.frontier_ns.tolist() == sound.live.tracker.frontier_ns.tolist()
    tally = balanced(disturbed)
    assert tally["readings_stored"] == 480 + 3
    odd = stored(disturbed)
    assert (odd.flags[odd.value == 99.0] == ReadingFlag.CLAIMED).all()
    assert not ((odd.flags & ReadingFlag.LATE) != 0).any()


def test_a_claim_is_stored_once_however_often_it_is_delivered(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    feed(pipeline, days(0, 2))
    far = reading(FAR_S, 99.0)
    for _ in range(4):
        take(pipeline, far, far)
    take(pipeline, reading(FAR_S // 2, 98.0), far)  # another claim in between gave the first one up
    tally = balanced(pipeline)
    assert tally["readings_stored"] == 48 + 2
    assert pipeline.live.tracker.clock.latest_ns.max() == (NOW_S + 47 * 3600) * NS


@pytest.mark.slow
def test_a_restart_in_the_middle_of_a_claim_changes_nothing(tmp_path: Path) -> None:
    """Months later, the same source goes on: believed with its third message, whatever happened in between."""
    digests = []
    gap_s = either(30, long=100) * 86_400
    later = [reading(NOW_S + gap_s + 3600 * hour, 12.0) for hour in range(60)]
    for name, saves in (("whole", None), ("saved", True), ("killed", False)):
        pipeline = open_site(tmp_path / name)
        feed(pipeline, days(0, 3))
        for place, message in enumerate(later):
            take(pipeline, message)
            if place in {0, 1, 2} and saves is not None:
                if saves:
                    pipeline.save()
                pipeline.journal.close()
                pipeline = open_chain(tmp_path / name)
        pipeline.close(now_ns=NOW_NS)
        assert pipeline.live.tracker.claims.held_count() == 0
        assert pipeline.live.tracker.clock.latest_ns.max() == (NOW_S + gap_s + 59 * 3600) * NS
        digests.append(pipeline.live.digest())
    assert len(set(digests)) == 1


@pytest.mark.slow
def test_history_of_one_asset_after_another_goes_through_at_full_speed(tmp_path: Path) -> None:
    """One asset's history begins years after another's has ended, or before it began."""
    rows = "".join(f"brug-{n},klimaat,temperature,Cel,,gw-1,,3600\n" for n in (1, 2, 3))
    pipeline = open_site(tmp_path, rows, assets=("brug-1", "brug-2", "brug-3"))
    for asset, year in (("brug-1", 0), ("brug-2", 1), ("brug-3", -2)):
        start_s = NOW_S + year * 365 * 86_400
        feed(pipeline, [reading(start_s + 86_400 * day, 5.0, asset=asset) for day in range(either(60, long=150))])
    pipeline.close(now_ns=NOW_NS, lateness_ns=0)
    assert not ((stored(pipeline).flags & ReadingFlag.LATE) != 0).any()
    tracker = pipeline.live.tracker
    assert tracker.claims.held_count() == 0
    assert (tracker.clock.latest_ns - tracker.frontier_ns < HOUR_NS).all()


def test_a_sensor_that_never_spoke_holds_nothing_up(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path, THERMOMETER + THERMOMETER.replace("klimaat", "stil"))
    feed(pipeline, days(0, 3))
    assert pipeline.live.tracker.frontier_ns[0] == NOW_S * NS + 47 * HOUR_NS


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["reading", "waveform"])
def test_a_sensor_that_fell_silent_is_alarmed_however_the_stream_was_cut(tmp_path: Path, kind: str) -> None:
    """Its last readings in one batch with what ran days ahead counted as heard then: the alarm came later."""
    is_wave = kind == "waveform"
    rows = "".join(f"brug-{n},klimaat,temperature,Cel,,gw-{n},,3600\n" for n in (2, 3))
    rows += "brug-1,acc1,waveform,m/s2,z,gw-1,,3600\n" if is_wave else "brug-1,klimaat,temperature,Cel,,gw-1,,3600\n"
    messages = []
    for hour in range(24 * 8):
        time_s = NOW_S + 3600 * hour
        if hour < 24 * 2:
            spoken = part(1, 1, burst=f"b{hour}", keys={"t0": time_s}) if is_wave else reading(time_s, 10.0 + hour % 24)
            messages.append(spoken)
        for asset in ("brug-2", "brug-3"):
            message = reading(time_s, 10.0 + hour % 24, asset=asset)
            messages.append(message._replace(topic=message.topic.replace("gw-1", asset.replace("brug", "gw"))))
    policy, found = replace(STREAM, idle_ns=3 * DAY_NS), []
    for size in (20, *either((), long=(300,)), len(messages) - 40):
        pipeline = open_site(tmp_path / str(size), rows, policy=policy, assets=("brug-1", "brug-2", "brug-3"))
        for first in range(0, len(messages), size):
            take(pipeline, *messages[first : first + size])
            pipeline.close(now_ns=NOW_NS)
        pipeline.close(now_ns=NOW_NS, lateness_ns=0)
        raised = [alarm for outcome in outcomes(pipeline) for alarm in outcome.alarms]
        alarms = [(alarm.asset, alarm.kind, alarm.raised_at_ns) for alarm in raised]
        found.append((alarms, pipeline.live.tracker.frontier_ns.tolist(), pipeline.live.digest()))
    assert ("brug-1", "data.silent") in [alarm[:2] for alarm in found[0][0]]
    assert all(other == found[0] for other in found[1:])


# How far ahead a time is believed, how long the history is, and how much of it came before, in days and messages.
FUTURE_DAYS, SPAN_DAYS, FIRST = either((92, 120, 8), long=(366, 480, 60))


def year_of(kind: str) -> list[Message]:
    """Give what three bridges say every fourth day, one of them every twelfth, as readings or as waveforms in parts."""
    messages = []
    for day in range(0, SPAN_DAYS, 4):
        for name in ("brug-1", "brug-2", "brug-3")[: 3 if day % 12 == 0 else 2]:
            time_s = NOW_S + 86_400 * day
            said = [reading(time_s, 10.0 + day % 7)]
            if kind == "parts":
                said = [part(number, 2, burst=f"b{day}", keys={"t0": time_s}) for number in (1, 2)]
            topics = [f"infra/v1/gw-{name}/{name}/{item.topic.split('/', 4)[4]}" for item in said]
            messages += [item._replace(topic=topic) for item, topic in zip(said, topics, strict=True)]
    return messages


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["readings", "parts"])
def test_more_than_a_year_in_one_batch_is_believed_as_in_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """History at full speed lost what lay a year behind the beginning of its batch: it had no possible time.

    Waveforms in parts did so for longer, since none of their messages has readings. And what is cut is decoded once.
    """
    names = ("brug-1", "brug-2", "brug-3")
    sensor = "acc1,waveform,m/s2,z" if kind == "parts" else "klimaat,temperature,Cel,"
    rows = "".join(f"{name},{sensor},gw-{name},,86400\n" for name in names)
    messages, found = year_of(kind), []
    monkeypatch.setattr("service.batch_plan.decode_batch", None)
    monkeypatch.setattr("service.batch_plan._STREAM_FUTURE_NS", FUTURE_DAYS * DAY_NS)
    for size in (FIRST, len(messages) - FIRST):
        pipeline = open_site(tmp_path / str(size), rows, assets=names)
        cuts = 0
        for first in (0, *range(FIRST, len(messages), size)):
            parts = pipeline.parts(messages[first : first + (size if first else FIRST)])
            cuts += len(parts) - 1
            for some in parts:
                pipeline.take(some.messages, now_ns=NOW_NS, decoded=some.decoded)
            pipeline.close(now_ns=NOW_NS)
        assert cuts > 0
        pipeline.close(now_ns=NOW_NS, lateness_ns=0)
        readings = stored(pipeline)
        found.append((readings.flags.tolist(), readings.time_ns.tolist(), pipeline.live.digest()))
        balanced(pipeline)
    assert len(set(found[0][1])) == SPAN_DAYS // 4
    assert found[1] == found[0]
    assert not any(flags & ReadingFlag.BAD_CLOCK for flags in found[0][0])


@pytest.mark.slow
def test_a_reading_of_years_ago_closes_its_days_in_slices_with_the_same_bits(tmp_path: Path) -> None:
    """By the wall's clock all days since are over: 2,197 of them took 49 s in one commit, without a live reading."""
    rows = "".join(f"brug-{n},klimaat,temperature,Cel,,gw-1,,3600\n" for n in (1, 2))
    back_days = either(100, long=400)
    old, fresh = reading(NOW_S - back_days * 86_400, 5.0), reading(NOW_S - 7200, 5.0, asset="brug-2")
    digests = []
    for span_days in (0, 31, *either((), long=(90,))):
        pipeline = open_site(tmp_path / str(span_days), rows, policy=WALL, assets=("brug-1", "brug-2"))
        take(pipeline, old, fresh)
        closed = []
        while count := pipeline.close(now_ns=NOW_NS, span_ns=span_days * 86_400 * NS):
            closed.append(count)
            if len(closed) == 2:
                take(pipeline, reading(NOW_S - 300, 6.0, asset="brug-2"))  # live readings go on between slices
        if not span_days:
            take(pipeline, reading(NOW_S - 300, 6.0, asset="brug-2"))
        assert sum(closed) >= back_days
        assert not span_days or max(closed) <= span_days + 2
        pipeline.journal.close()
        pipeline = open_chain(tmp_path / str(span_days), policy=WALL)  # the same from the journal alone
        digests.append(pipeline.live.digest())
    assert len(set(digests)) == 1


def arriving(hour: int, *, late_s: float = 2.0, **flags: bool) -> Message:
    """Give a reading of an hour that arrives so many seconds after its device time."""
    message = reading(NOW_S + 3600 * hour, 10.0, received_ns=(NOW_S + 3600 * hour) * NS + round(late_s * NS))
    return message._replace(payload=json.dumps(json.loads(message.payload) | flags).encode())


def test_a_clock_that_jumps_is_an_alarm_with_a_name_and_its_skew_is_served(tmp_path: Path) -> None:
    """By the wall's clock: an hour lost at a restart of the sensor, and found again."""
    pipeline = open_site(tmp_path, policy=WALL)
    hour = 0

    def send(count: int, late_s: float, **flags: bool) -> None:
        nonlocal hour
        for _ in range(count):
            take(pipeline, arriving(hour, late_s=late_s, **flags), now_ns=(NOW_S + 3600 * hour + 7200) * NS)
            hour += 1

    send(8, 2.0)
    send(3, 250_000.0, is_backfill=True)  # buffered, and said so: tells nothing of the clock
    assert pipeline.live.skew_by_gateway() == {"gw-1": 2.0}
    send(4, 3602.0)
    pipeline.save()
    pipeline.journal.close()
    pipeline = open_chain(tmp_path, policy=WALL)
    assert pipeline.live.skew_by_gateway() == {"gw-1": 3602.0}
    raised = [alarm for outcome in outcomes(pipeline) for alarm in outcome.alarms if alarm.kind == "clock.jump"]
    assert [(alarm.subject, alarm.reasons[0].facts["jump_s"]) for alarm in raised] == [("klimaat", 3600)]
    send(4, 2.0)
    project(tmp_path, pipeline)
    engine = open_database(sqlite_address(tmp_path / "operational.sqlite"))
    store = SqlAdvisoryStore(engine)
    alarm = store.alarm(raised[0].id)
    assert alarm is not None
    assert alarm.state == "cleared"
    skews = {str(status.sensor): status.skew_s for status in store.sensors(asset=AssetId("brug-1"))}
    assert skews["klimaat"] == 2.0
    assert skews["acc1"] is None
    engine.dispose()
    assert balanced(pipeline)["readings_stored"] == hour
    pipeline.journal.close()
    again = open_chain(tmp_path, policy=WALL)
    for mine, other in zip(again.live.skews.columns(), pipeline.live.skews.columns(), strict=True):
        assert np.array_equal(mine, other, equal_nan=True)


@pytest.mark.parametrize(
    ("quantity", "unit", "kinds"), [("vibration_rms", "mm/s", []), ("temperature", "Cel", ["clock.jump"])]
)
def test_a_drive_that_stops_early_has_no_clock_that_fell_behind(
    tmp_path: Path, quantity: str, unit: str, kinds: list[str]
) -> None:
    """Its hours come once a day, and end when it rests: three short days in a row were an alarm."""
    rows = f"brug-1,tandwiel,{quantity},{unit},,gw-1,,3600\nbrug-1,tandwiel,motor_temperature,Cel,,gw-1,,3600\n"
    pipeline = open_site(tmp_path, rows, policy=WALL)
    begin = NOW_S - NOW_S % 86_400
    for day in range(24):
        last = 19 if day < 20 else 14
        hours = [begin + 86_400 * day + 3600 * hour for hour in range(6, last)]
        values = [{quantity: {"value": 2.0 + place % 3, "unit": unit}} for place in range(len(hours))]
        gathered = [
            {"v": 1, "sensor": "tandwiel", "t": hour, "values": value}
            for hour, value in zip(hours, values, strict=True)
        ]
        at_ns = (begin + 86_400 * (day + 1)) * NS
        topic = "infra/v1/gw-1/brug-1/tandwiel/reading"
        take(pipeline, Message(topic, json.dumps(gathered).encode(), at_ns, retained=False), now_ns=at_ns)
    assert len(stored(pipeline)) == 20 * 13 + 4 * 8
    raised = [
        alarm.kind for outcome in outcomes(pipeline) for alarm in outcome.alarms if alarm.kind.startswith("clock")
    ]
    assert raised == kinds


def test_a_clock_that_runs_into_the_future_is_named_and_its_readings_are_kept(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path, policy=WALL)
    for hour in range(4):
        take(pipeline, arriving(hour), now_ns=(NOW_S + 3600 * hour) * NS)
    for hour in range(4, 8):
        future = arriving(hour, late_s=-86_400.0)
        take(pipeline, future, now_ns=(NOW_S + 3600 * hour - 86_400) * NS)
    found = [alarm for outcome in outcomes(pipeline) for alarm in outcome.alarms]
    assert [(alarm.kind, alarm.subject) for alarm in found] == [("clock.impossible", "klimaat")]
    assert (stored(pipeline).flags[-4:] == ReadingFlag.BAD_CLOCK).all()
    pipeline.save()
    pipeline.journal.close()
    pipeline = open_chain(tmp_path, policy=WALL)
    take(pipeline, arriving(9), now_ns=(NOW_S + 3600 * 9) * NS)
    assert [change.id for change in outcomes(pipeline)[-1].alarm_changes] == [found[0].id]


@pytest.mark.parametrize(("value", "kinds"), [(12.0, ["clock.jump"]), (10.0, [])])
def test_a_clock_that_says_hours_again_is_named_and_old_messages_sent_again_are_not(
    tmp_path: Path, value: float, kinds: list[str]
) -> None:
    """A clock set back by a day or a month stamped readings with hours that were known, and passed for silence."""
    pipeline = open_site(tmp_path, policy=WALL)
    for hour in range(40):
        take(pipeline, arriving(hour), now_ns=(NOW_S + 3600 * hour + 7200) * NS)
    for hour in range(40, 46):
        again = reading(NOW_S + 3600 * (hour - 24), value, received_ns=(NOW_S + 3600 * hour + 2) * NS)
        take(pipeline, again, now_ns=(NOW_S + 3600 * hour + 7200) * NS)
    raised = [alarm for outcome in outcomes(pipeline) for alarm in outcome.alarms if alarm.kind.startswith("clock")]
    assert [alarm.kind for alarm in raised] == kinds
    if raised:
        assert raised[0].reasons[0].facts["jump_s"] == 86_400
        assert raised[0].raised_at_ns <= (NOW_S + 3600 * 46) * NS


def test_a_replay_tells_nothing_of_clocks(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    feed(pipeline, days(0, 3))
    assert pipeline.live.skew_by_gateway() == {}
