"""The pipeline in process: what becomes of messages that are not simply good readings."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from domain.arrays import ReadingFlag
from ingest.batch import Message
from service.clock_policy import ClockPolicy
from service.pipeline import Pipeline
from service.register_commands import import_assets
from storage.entries import BatchBody, decode_readings
from storage.journal import JournalMovedError
from tests.chain import DAY_NS, NS, STREAM, open_chain

NOW_NS = 1_750_000_000 * NS
HOUR_NS = 3600 * NS
WALL = replace(STREAM, by_stream=False, lateness_ns=900 * NS, earliest_ns=1_420_000_000 * NS)

ASSETS = "id,name,type,lat,lon,built_year,planned_repair_cost_eur,emergency_repair_cost_eur,closure_hours\n"
SENSORS = "asset,sensor,channel,unit,axis,gateway,position,interval_s\n"


def chain(folder: Path, *, policy: ClockPolicy = STREAM) -> Pipeline:
    pipeline = open_chain(folder, policy=policy)
    register(pipeline, folder, "brug-1,klimaat,temperature,Cel,,gw-1,,3600\nbrug-1,acc1,waveform,m/s2,z,gw-1,,3600\n")
    return pipeline


def register(pipeline: Pipeline, folder: Path, rows: str) -> None:
    (folder / "assets.csv").write_text(ASSETS + "brug-1,Eerste brug,bridge,52.1,5.1,1970,40000,,8\n")
    (folder / "sensors.csv").write_text(SENSORS + rows)
    import_assets(pipeline.journal, [folder / "assets.csv", folder / "sensors.csv"], at_ns=NOW_NS)
    pipeline.catch_up()


def reading(time: object, value: float, *, sensor: str = "klimaat", received_ns: int = NOW_NS) -> Message:
    payload = {"v": 1, "sensor": sensor, "t": time, "values": {"temperature": {"value": value, "unit": "Cel"}}}
    return Message(f"infra/v1/gw-1/brug-1/{sensor}/reading", json.dumps(payload).encode(), received_ns, retained=False)


def part(number: int, *, parts: int = 3, burst: str = "b1", length: int = 8, received_ns: int = NOW_NS) -> Message:
    samples = (np.arange(length) * number).astype("<i2").tobytes()
    payload = {
        "v": 1, "id": burst, "sensor": "acc1", "axis": "z", "t0": NOW_NS // NS, "fs_hz": 100.0, "n": length,
        "unit": "m/s2", "enc": "i16le", "scale": 0.001, "part": number, "parts": parts,
        "data": base64.b64encode(samples).decode(),
    }  # fmt: skip
    return Message("infra/v1/gw-1/brug-1/acc1/waveform", json.dumps(payload).encode(), received_ns, retained=False)


def take(pipeline: Pipeline, *messages: Message, now_ns: int = NOW_NS) -> dict[str, int]:
    pipeline.take(list(messages), now_ns=now_ns)
    pipeline.assess_waiting()
    return balanced(pipeline)


def balanced(pipeline: Pipeline) -> dict[str, int]:
    """Give the counts after checking that every message and reading is accounted for."""
    tally = dict.fromkeys(("messages_waiting", "messages_dead_lettered", "readings_stored"), 0)
    tally |= pipeline.journal.tally()
    kinds = ("decoded", "duplicate", "dead_lettered", "quarantined", "waiting")
    assert tally["messages_received"] == sum(tally.get(f"messages_{kind}", 0) for kind in kinds)
    accepted = ("stored", "duplicate", "refused")
    assert tally.get("readings_decoded", 0) == sum(tally.get(f"readings_{kind}", 0) for kind in accepted)
    return tally


def stored_flags(pipeline: Pipeline) -> list[int]:
    bodies = [entry.body for entry in pipeline.journal.entries(after=0)]
    return [flag for body in bodies if isinstance(body, BatchBody) for flag in decode_readings(body.readings).flags]


def test_parts_of_a_waveform_wait_until_they_are_whole(tmp_path: Path) -> None:
    pipeline = chain(tmp_path)
    assert take(pipeline, part(2))["messages_waiting"] == 1
    assert take(pipeline, part(2), part(1))["messages_waiting"] == 2
    pipeline.journal.close()
    pipeline = open_chain(tmp_path)  # a restart between parts loses none
    tally = take(pipeline, part(3))
    assert (tally["messages_waiting"], tally["messages_decoded"], tally["messages_duplicate"]) == (0, 3, 1)
    assert tally["readings_stored"] == 5  # the five features of one waveform of 24 samples
    again = take(pipeline, part(1), part(3))
    assert (again["messages_waiting"], again["messages_duplicate"], again["readings_stored"]) == (0, 3, 5)


def test_parts_that_stay_away_are_given_up_in_words(tmp_path: Path) -> None:
    pipeline = chain(tmp_path)
    take(pipeline, part(1), part(3))
    assert pipeline.expire_parts(now_ns=NOW_NS + 30 * NS).rejected == ()
    assert pipeline.expire_parts(now_ns=NOW_NS + 61 * NS).tally["messages_dead_lettered"] == 2
    tally = balanced(pipeline)
    assert (tally["messages_waiting"], tally["messages_dead_lettered"]) == (0, 2)
    letters = pipeline.journal.entries(after=0)[-1].outcome.dead_letters
    assert "got parts 1, 3 within a minute" in letters[0].reason


def test_a_part_that_contradicts_its_burst_is_refused_alone(tmp_path: Path) -> None:
    pipeline = chain(tmp_path)
    tally = take(pipeline, part(1), part(2, parts=4), part(2), part(3))
    assert (tally["messages_dead_lettered"], tally["messages_decoded"], tally["readings_stored"]) == (1, 3, 5)


def test_a_reading_without_a_usable_time_is_stored_once_and_never_scored(tmp_path: Path) -> None:
    pipeline = chain(tmp_path)
    take(pipeline, reading("not a time", 11.5))
    tally = take(pipeline, reading("not a time", 11.5, received_ns=NOW_NS + 5 * NS))
    assert (tally["readings_stored"], tally["readings_duplicate"]) == (1, 1)
    assert stored_flags(pipeline) == [ReadingFlag.BAD_CLOCK]
    assert pipeline.live.tracker.open_count() == 0


@pytest.mark.parametrize("time_s", [NOW_NS // NS + 3600, 1_000_000_000])
def test_by_the_wall_clock_times_ahead_or_long_gone_are_flagged(tmp_path: Path, time_s: int) -> None:
    pipeline = chain(tmp_path, policy=WALL)
    take(pipeline, reading(time_s, 11.5), reading(NOW_NS // NS - 60, 12.0))
    assert sorted(stored_flags(pipeline)) == [0, ReadingFlag.BAD_CLOCK]


def test_by_the_wall_clock_a_hop_closes_after_its_end_and_the_allowance(tmp_path: Path) -> None:
    pipeline = chain(tmp_path, policy=WALL)
    begin = NOW_NS - NOW_NS % HOUR_NS
    take(pipeline, reading(begin // NS + 60, 11.0), now_ns=begin + 120 * NS)
    assert pipeline.close(now_ns=begin + HOUR_NS + 899 * NS) == 0
    assert pipeline.close(now_ns=begin + HOUR_NS + 900 * NS) == 1


def test_a_late_reading_is_stored_flagged_and_recognised_when_it_comes_again(tmp_path: Path) -> None:
    pipeline = chain(tmp_path, policy=WALL)
    begin = NOW_NS - NOW_NS % HOUR_NS
    take(pipeline, reading(begin // NS + 60, 11.0))
    pipeline.close(now_ns=begin + 2 * HOUR_NS)
    state = pipeline.live.digest()
    tally = take(pipeline, reading(begin // NS + 120, 12.0), now_ns=begin + 2 * HOUR_NS)
    assert tally["readings_stored"] == 2
    assert stored_flags(pipeline)[-1] == ReadingFlag.LATE | ReadingFlag.REVISES
    again = take(pipeline, reading(begin // NS + 120, 12.0), reading(begin // NS + 60, 11.0))
    assert (again["readings_stored"], again["readings_duplicate"]) == (2, 2)
    assert pipeline.live.digest() == state


def test_the_first_value_of_a_key_stays_and_the_conflict_is_counted(tmp_path: Path) -> None:
    pipeline = chain(tmp_path)
    tally = take(pipeline, reading(NOW_NS // NS, 11.0), reading(NOW_NS // NS, 12.0))
    assert (tally["readings_stored"], tally["readings_duplicate"], tally["readings_conflicting"]) == (1, 1, 1)


def test_quarantine_is_released_scored_and_accounted_for(tmp_path: Path) -> None:
    pipeline = chain(tmp_path)
    hours = [reading(NOW_NS // NS + hour * 3600, 10.0 + hour, sensor="nieuw") for hour in range(30)]
    tally = take(pipeline, *hours, hours[0])
    assert (tally["messages_quarantined"], tally["messages_duplicate"]) == (30, 1)
    assert pipeline.release_held(now_ns=NOW_NS) == 0
    register(pipeline, tmp_path, "brug-1,nieuw,temperature,Cel,,gw-1,,3600\n")
    assert pipeline.release_held(now_ns=NOW_NS) == 30
    tally = balanced(pipeline)
    assert (tally["messages_quarantined"], tally["readings_stored"]) == (0, 30)
    assert pipeline.close(now_ns=NOW_NS, lateness_ns=0) > 20


def test_entries_of_other_processes_are_applied_before_the_next_batch(tmp_path: Path) -> None:
    pipeline = chain(tmp_path)
    import_assets(pipeline.journal, [tmp_path / "assets.csv", tmp_path / "sensors.csv"], at_ns=NOW_NS)
    with pytest.raises(JournalMovedError, match="apply what came in between first"):
        take(pipeline, reading(NOW_NS // NS, 11.0))
    assert "messages_received" not in pipeline.journal.tally()
    assert pipeline.catch_up() == 1
    assert take(pipeline, reading(NOW_NS // NS, 11.0))["readings_stored"] == 1


def test_a_source_years_ahead_of_all_others_moves_no_clock(tmp_path: Path) -> None:
    pipeline = chain(tmp_path)
    rows = "".join(f"brug-1,s{n},temperature,Cel,,gw-{n},,3600\n" for n in range(4))
    register(pipeline, tmp_path, rows)
    start = NOW_NS // NS
    take(pipeline, *(reading(start + 3600 * hour, 9.0, sensor=f"s{n}") for hour in range(5) for n in range(4)))
    take(pipeline, reading(start + 10 * 365 * 86_400, 9.0, sensor="s0"))
    assert stored_flags(pipeline)[-1] == ReadingFlag.BAD_CLOCK
    assert pipeline.live.tracker.clock.latest_ns.max() < NOW_NS + DAY_NS
