"""The pipeline in process: everything accounted for, nothing in memory that the journal does not have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.arrays import ReadingFlag
from domain.errors import StorageUnavailable
from domain.measurements import DataQuality
from ingest.batch import Message
from service.pipeline import Pipeline
from service.register_commands import import_assets
from storage.journal import Journal, SnapshotRow
from tests.chain import DAY_NS, NS, open_chain
from tests.unit.service.site import (
    HOUR_NS,
    NOW_NS,
    THERMOMETER,
    WALL,
    balanced,
    letters,
    onboard,
    open_site,
    outcomes,
    part,
    reading,
    stored,
    take,
    write_register,
)

NOW_S = NOW_NS // NS
TOPIC = "infra/v1/gw-1/brug-1/klimaat/reading"
GARBAGE = [
    b"",
    b"{",
    b"\xff\xfe\x00",
    b"[" * 2000,
    b'{"v":9,"sensor":"klimaat","t":1,"values":{}}',
    b'{"v":1,"sensor":"other","t":1,"values":{"temperature":{"value":1,"unit":"Cel"}}}',
    b'{"v":1,"sensor":"klimaat","t":1,"values":{"temperature":{"value":"NaN","unit":"Cel"}}}',
    b'{"v":1,"sensor":"klimaat","t":1,"values":{"temperature":{"value":1,"unit":"furlong"}}}',
    b'{"v":1,"sensor":"klimaat","t":1,"values":{"colour":{"value":1,"unit":"Cel"}}}',
]


def message(payload: bytes, topic: str = TOPIC, *, retained: bool = False) -> Message:
    return Message(topic, payload, NOW_NS, retained)


def tilt(time_s: int, value: float, sensor: str) -> Message:
    values = {"tilt": {"value": value, "unit": "mrad", "axis": "x"}}
    payload = json.dumps({"v": 1, "sensor": sensor, "t": time_s, "values": values}).encode()
    return message(payload, f"infra/v1/gw-1/brug-1/{sensor}/reading")


def newest(pipeline: Pipeline) -> list[tuple[int, float, DataQuality]]:
    return [(item.time_ns, item.value, item.quality) for item in outcomes(pipeline)[-1].sensors.rows()]


def test_every_tenth_message_garbage_costs_the_others_nothing(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    mixed = [
        message(GARBAGE[number // 10 % len(GARBAGE)]) if number % 10 == 0 else reading(NOW_S + 60 * number, number)
        for number in range(10_000)
    ]
    for first in range(0, len(mixed), 500):
        take(pipeline, *mixed[first : first + 500])
    tally = balanced(pipeline)
    assert tally["messages_received"] == 10_000
    assert (tally["messages_decoded"], tally["messages_dead_lettered"]) == (9000, 1000)
    assert tally["readings_stored"] == len(stored(pipeline)) == 9000
    assert len(letters(pipeline)) == 1000
    assert len({letter.id for letter in letters(pipeline)}) == 1000


def test_whatever_kind_of_message_comes_the_account_balances(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    good = reading(NOW_S)
    two = {"temperature": {"value": 3.0, "unit": "Cel"}, "humidity": {"value": 3.0, "unit": "%RH"}}
    half = json.dumps({"v": 1, "sensor": "klimaat", "t": NOW_S + 60, "values": two}).encode()
    status = b'{"v":1,"state":"online","since":"2025-06-15T15:00:00Z","session":7}'
    tally = take(
        pipeline,
        good,
        good,
        good._replace(retained=True),
        message(half),
        message(status, "infra/v1/gw-1/status", retained=True),
        message(b"x", "infra/v1/gw-1/brug-1/klimaat/oddity"),
        reading(NOW_S, asset="unknown"),
        part(1),
    )
    found = {name.removeprefix("messages_"): count for name, count in tally.items() if name.startswith("messages_")}
    assert found == {
        "received": 8,
        "decoded": 3,
        "duplicate": 2,
        "dead_lettered": 1,
        "quarantined": 1,
        "waiting": 1,
    }
    assert (tally["readings_stored"], tally["readings_refused"], tally["readings_duplicate"]) == (2, 1, 1)
    assert [(item.gateway, item.session) for item in outcomes(pipeline)[-1].gateways] == [("gw-1", 7)]


@pytest.mark.parametrize(
    ("topic", "gateway"),
    [
        ("shard/3/infra/v1/gw-1/brug-1/klimaat/reading", "gw-1"),
        ("infra/v1/gw-1/brug-1/klimaat/oddity", "gw-1"),
        ("infra/v1/gw 1/brug-1/klimaat/reading", ""),
        ("elsewhere", ""),
    ],
)
def test_a_dead_letter_names_a_gateway_only_where_there_is_one(tmp_path: Path, topic: str, gateway: str) -> None:
    """A gateway that cannot stand in a topic cannot be told either: the notice to it stopped the process."""
    pipeline = open_site(tmp_path)
    take(pipeline, message(b"{", topic))
    assert [letter.gateway for letter in letters(pipeline)] == [gateway]


def test_readings_without_a_time_out_of_quarantine_are_stored_once(tmp_path: Path) -> None:
    """They were taken for copies of themselves and lost, because the held message carries the same hash."""
    pipeline = open_site(tmp_path)
    odd = reading("no time", 7.0, sensor="nieuw")
    take(pipeline, odd)
    onboard(pipeline, tmp_path, THERMOMETER.replace("klimaat", "nieuw"))
    take(pipeline, odd)  # the broker sends it again before it is released
    assert pipeline.release_held(now_ns=NOW_NS) == 1
    tally = balanced(pipeline)
    assert (tally["messages_decoded"], tally["messages_duplicate"], tally["messages_quarantined"]) == (1, 1, 0)
    assert (stored(pipeline).value.tolist(), stored(pipeline).flags.tolist()) == ([7.0], [ReadingFlag.BAD_CLOCK])


def test_readings_without_a_time_are_released_when_nobody_sends_them_again(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    take(pipeline, *(reading("no time", value, sensor="nieuw") for value in (7.0, 8.0)))
    onboard(pipeline, tmp_path, THERMOMETER.replace("klimaat", "nieuw"))
    assert pipeline.release_held(now_ns=NOW_NS) == 2
    assert stored(pipeline).value.tolist() == [7.0, 8.0]
    assert pipeline.release_held(now_ns=NOW_NS) == 0


def test_an_older_reading_does_not_take_the_place_of_the_newest(tmp_path: Path) -> None:
    """One that was sent late made its sensor look as if it had gone silent then."""
    pipeline = open_site(tmp_path)
    take(pipeline, reading(NOW_S, 1.0), reading(NOW_S - 60, 2.0))
    assert newest(pipeline) == [(NOW_NS, 1.0, DataQuality.HIGH)]
    take(pipeline, reading(NOW_S - 7200, 3.0))
    assert newest(pipeline) == []
    take(pipeline, reading("no time", 4.0))
    assert newest(pipeline) == []
    take(pipeline, reading(NOW_S + 1, 5.0))
    assert newest(pipeline) == [(NOW_NS + NS, 5.0, DataQuality.HIGH)]


def test_a_sensor_that_never_knows_the_time_is_heard_but_not_trusted(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    take(pipeline, reading("no time", 4.0), reading("no time", 5.0))
    assert newest(pipeline) == [(NOW_NS + 2, 5.0, DataQuality.LOW)]
    # A replay's time may lie long before that of arrival; a first message alone is not believed yet.
    take(pipeline, reading(NOW_S - DAY_NS // NS, 6.0))
    assert newest(pipeline) == [(NOW_NS - DAY_NS, 6.0, DataQuality.LOW)]
    take(pipeline, reading(NOW_S - DAY_NS // NS + 60, 6.0))
    assert newest(pipeline) == [(NOW_NS - DAY_NS + 60 * NS, 6.0, DataQuality.HIGH)]


@pytest.mark.slow
def test_a_sensor_that_is_stuck_is_heard_with_a_low_grade_until_it_moves(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    grades = []
    for hour in range(120):
        value = 11.5 if hour < 85 else 11.5 + hour % 7
        take(pipeline, reading(NOW_S + 3600 * hour, value))
        grades += [quality for _, _, quality in newest(pipeline)]
        pipeline.close(now_ns=NOW_NS + hour * HOUR_NS)
    # The first time by itself is not believed yet, and hops close a day behind.
    assert set(grades[1:48]) == set(grades[-5:]) == {DataQuality.HIGH}
    assert set(grades[80:85]) == {DataQuality.LOW}


def test_what_another_process_wrote_reaches_the_projections_after_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Applied in memory, its outcome was never written: the API would not have seen the new register."""
    pipeline = open_site(tmp_path)
    import_assets(pipeline.journal, write_register(tmp_path, THERMOMETER), at_ns=NOW_NS)

    def full(*_: object, **__: object) -> None:
        raise StorageUnavailable("disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(pipeline.journal, "record_outcome", full)
        with pytest.raises(StorageUnavailable):
            pipeline.catch_up()
        with pytest.raises(StorageUnavailable):
            take(pipeline, reading(NOW_S))
    take(pipeline, reading(NOW_S))
    registers = [outcome.register for outcome in outcomes(pipeline) if outcome.register is not None]
    assert [len(register.channels) for register in registers] == [6, 1]
    assert pipeline.journal.applied_seq() == pipeline.journal.last_seq() == pipeline.live.applied_seq


def test_assets_that_left_the_register_are_not_assessed(tmp_path: Path) -> None:
    """Rows of the old register were remembered, and pointed past the end of the new one."""
    rows = "".join(f"brug-{n},klimaat,temperature,Cel,,gw-1,,3600\n" for n in (1, 2, 3))
    pipeline = open_site(tmp_path, rows, assets=("brug-1", "brug-2", "brug-3"))
    take(pipeline, *(reading(NOW_S, asset=f"brug-{n}") for n in (2, 3)))
    onboard(pipeline, tmp_path, "brug-2,klimaat,temperature,Cel,,gw-1,,3600\n", assets=("brug-2",))
    take(pipeline, reading(NOW_S + 60, asset="brug-2"), look=True)
    assert [item.asset for item in outcomes(pipeline)[-1].current] == ["brug-2"]


def test_closing_can_leave_the_open_hop_to_the_next_look(tmp_path: Path) -> None:
    rows = "".join(f"brug-{n},klimaat,temperature,Cel,,gw-1,,3600\n" for n in (1, 2))
    pipeline = open_site(tmp_path, rows, assets=("brug-1", "brug-2"), policy=WALL)
    begin = NOW_NS - NOW_NS % HOUR_NS - HOUR_NS
    for hour in range(2):
        messages = [reading((begin + hour * HOUR_NS) // NS, asset=f"brug-{n}") for n in (1, 2)]
        take(pipeline, *messages)
    assert pipeline.close(now_ns=begin + HOUR_NS, lateness_ns=0) == 2
    assert outcomes(pipeline)[-1].current == []
    assert pipeline.assess_waiting() is False
    current = outcomes(pipeline)[-1].current
    assert [(item.asset, item.provisional, item.assessed_at_ns) for item in current] == [
        ("brug-1", True, begin + HOUR_NS),
        ("brug-2", True, begin + HOUR_NS),
    ]
    assert pipeline.assess_waiting() is None


def test_what_was_heard_in_any_open_hop_is_not_called_silent(tmp_path: Path) -> None:
    """Of hops open for a day only the newest was looked at: four waveforms a day were "silent for 1 day"."""
    rows = "brug-1,klimaat,temperature,Cel,,gw-1,,3600\n" + "".join(
        f"brug-1,{sensor},tilt,mrad,x,gw-1,,21600\n" for sensor in ("speaks", "fell-silent")
    )
    pipeline = open_site(tmp_path, rows)
    begin = NOW_S - NOW_S % 86_400
    for hour in range(6 * 24 + 12):
        messages = [reading(begin + hour * 3600)]
        if hour % 6 == 0:
            speaking = ["speaks"] if hour > 4 * 24 else ["speaks", "fell-silent"]
            messages += [tilt(begin + hour * 3600, 0.1 * (hour % 5), sensor) for sensor in speaking]
        take(pipeline, *messages)
        pipeline.close(now_ns=NOW_NS)
    take(pipeline, reading(begin + (6 * 24 + 12) * 3600), look=True)
    (current,) = outcomes(pipeline)[-1].current
    assert current.provisional
    assert [item.facts["sensor"] for item in current.reasons if item.code == "sensor_silent"] == ["fell-silent"]


def test_where_a_silent_asset_stands_survives_a_restart(tmp_path: Path) -> None:
    """Only assets with closed readings were saved, so a late reading of another one was scored after a restart."""
    rows = "".join(f"brug-{n},klimaat,temperature,Cel,,gw-1,,3600\n" for n in (1, 2))
    pipeline = open_site(tmp_path, rows, assets=("brug-1", "brug-2"), policy=WALL)
    begin = NOW_NS - NOW_NS % HOUR_NS
    take(pipeline, *(reading(begin // NS, asset=f"brug-{n}") for n in (1, 2)))
    pipeline.close(now_ns=begin + 2 * HOUR_NS)
    pipeline.save()
    take(pipeline, reading(begin // NS + 3 * 3600), now_ns=begin + 4 * HOUR_NS)
    pipeline.close(now_ns=begin + 5 * HOUR_NS)
    pipeline.save()
    late = reading(begin // NS + 3600 + 60, asset="brug-2")
    pipeline.journal.close()
    again = open_chain(tmp_path, policy=WALL)
    assert again.live.tracker.frontier_ns.tolist() == pipeline.live.tracker.frontier_ns.tolist()
    take(again, late, now_ns=begin + 5 * HOUR_NS)
    assert stored(again).flags.tolist() == [0, 0, 0, ReadingFlag.LATE | ReadingFlag.REVISES]


def test_a_batch_is_all_or_nothing(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    take(pipeline, reading(NOW_S))
    before = (balanced(pipeline), pipeline.live.applied_seq, pipeline.live.tracker.open_count())
    pages = pipeline.journal._db.execute("PRAGMA page_count").fetchone()[0]
    pipeline.journal._db.execute(f"PRAGMA max_page_count={pages}")
    odd = [reading(NOW_S + n, n, asset="unknown") for n in range(300)]
    with pytest.raises(StorageUnavailable, match="full"):
        take(pipeline, reading(NOW_S + 60), *odd)
    assert (balanced(pipeline), pipeline.live.applied_seq, pipeline.live.tracker.open_count()) == before
    pipeline.journal._db.execute("PRAGMA max_page_count=1000000")
    tally = take(pipeline, reading(NOW_S + 60), *odd)
    assert (tally["readings_stored"], tally["messages_quarantined"]) == (2, 300)


@pytest.mark.parametrize("failing", ["add_snapshots", "use_snapshots"])
def test_a_save_that_cannot_be_written_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    pipeline = open_site(tmp_path)
    take(pipeline, reading(NOW_S))

    def full(*_: object, **__: object) -> None:
        raise StorageUnavailable("disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(pipeline.journal, failing, full)
        with pytest.raises(StorageUnavailable):
            pipeline.save()
        assert not pipeline.is_saving
    assert pipeline.journal.snapshots() == (0, [])
    assert pipeline.save() is True
    assert pipeline.save() is False
    found = [(row.asset, row.part) for row in pipeline.journal.snapshots()[1]]
    assert found == [("", "clock"), ("", "fleet"), ("brug-1", "models"), ("brug-1", "readings")]


def test_a_state_that_is_saved_while_it_is_read_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by `schouw doctor` beside a running ingest: entries that were still to be applied may be gone."""
    pipeline = open_site(tmp_path)
    take(pipeline, reading(NOW_S))
    pipeline.save()
    take(pipeline, reading(NOW_S + 60))
    read = Journal.snapshots
    reads: list[int] = []

    def read_while_saving(journal: Journal) -> tuple[int, list[SnapshotRow]]:
        found = read(journal)
        reads.append(found[0])
        if pipeline.save():
            pipeline.journal.prune(upto=pipeline.live.applied_seq)
        return found

    monkeypatch.setattr(Journal, "snapshots", read_while_saving)
    again = open_chain(tmp_path)
    assert reads == [2, 3]
    assert again.live.digest() == pipeline.live.digest()
    assert again.live.tracker.open_count() == pipeline.live.tracker.open_count()
