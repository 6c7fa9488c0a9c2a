"""Waveforms in parts: each part counted once, each waveform decoded once, whatever comes between."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

import service.bursts
from domain.errors import StorageUnavailable
from ingest.batch import Message
from service.pipeline import Pipeline
from tests.chain import NS, open_chain
from tests.unit.service.site import ACCELEROMETER, NOW_NS, THERMOMETER, balanced, letters, onboard, part, reading, take
from tests.unit.service.site import open_site as opened
from tests.unit.service.site import stored as stored_readings

FEATURES = 5
FLOATS = base64.b64encode(bytes(32)).decode()


def counts(tally: dict[str, int]) -> dict[str, int]:
    """Give where the messages are, without what is nought."""
    kinds = ("decoded", "duplicate", "dead_lettered", "quarantined", "waiting")
    return {kind: tally[f"messages_{kind}"] for kind in kinds if tally[f"messages_{kind}"]}


def values_of(messages: Sequence[Message], folder: Path) -> list[float]:
    folder.mkdir()
    pipeline = opened(folder)
    take(pipeline, *messages)
    values: list[float] = stored_readings(pipeline).value.tolist()
    return values


def test_parts_in_one_batch_make_one_waveform(tmp_path: Path) -> None:
    pipeline = opened(tmp_path)
    tally = take(pipeline, part(2), part(1), part(3))
    assert counts(tally) == {"decoded": 3}
    assert tally["readings_stored"] == FEATURES
    assert pipeline.journal.parts("infra/v1/gw-1/brug-1/acc1/waveform", "z\nb1") == []


def test_however_parts_are_cut_and_ordered_the_waveform_is_the_same(tmp_path: Path) -> None:
    expected = values_of([part(1), part(2), part(3)], tmp_path / "whole")
    generator = random.Random(5)
    for trial in range(4):
        order = [part(number) for number in (1, 2, 3)] + [part(generator.randint(1, 3))]
        generator.shuffle(order)
        folder = tmp_path / str(trial)
        folder.mkdir()
        pipeline = opened(folder)
        for message in order:
            take(pipeline, message)
            if generator.random() < 0.5:
                pipeline.journal.close()
                pipeline = open_chain(folder)
        assert counts(balanced(pipeline)) == {"decoded": 3, "duplicate": 1}
        assert stored_readings(pipeline).value.tolist() == expected


def test_a_waveform_in_parts_equals_the_same_in_one_block(tmp_path: Path) -> None:
    in_parts = values_of([part(1), part(1, 1, burst="b2")], tmp_path / "one")
    assert len(in_parts) == FEATURES  # the part waits, the block does not
    twice = [part(1, parts=2, burst="b3"), part(2, parts=2, burst="b3", keys={"data": part_data(1)})]
    whole = part(1, 1, keys={"n": 16, "data": part_data(1, copies=2)})
    assert values_of(twice, tmp_path / "two") == values_of([whole], tmp_path / "three")


def part_data(number: int, copies: int = 1) -> str:
    """Give the samples of a part as base64, repeated; 16 bytes are not a multiple of three."""
    data: str = json.loads(part(number).payload)["data"]
    return base64.b64encode(base64.b64decode(data) * copies).decode()


def test_a_part_written_differently_but_sent_twice_is_a_duplicate(tmp_path: Path) -> None:
    """It was counted as waiting a second time, and no account could be settled after that."""
    pipeline = opened(tmp_path)
    assert counts(take(pipeline, part(1))) == {"waiting": 1}
    other = part(1)._replace(payload=json.dumps(json.loads(part(1).payload), indent=1).encode())
    assert counts(take(pipeline, other, other)) == {"waiting": 1, "duplicate": 2}
    assert counts(take(pipeline, part(2), part(3))) == {"decoded": 3, "duplicate": 2}


def test_parts_of_a_finished_waveform_open_no_new_one(tmp_path: Path) -> None:
    pipeline = opened(tmp_path)
    take(pipeline, part(1), part(2), part(3), part(2))
    tally = take(pipeline, part(3))
    assert counts(tally) == {"decoded": 3, "duplicate": 2}


def test_the_same_waveform_under_another_name_counts_as_duplicate(tmp_path: Path) -> None:
    pipeline = opened(tmp_path)
    take(pipeline, part(1), part(2), part(3))
    tally = take(pipeline, *(part(number, burst="again") for number in (1, 2, 3)))
    assert counts(tally) == {"decoded": 3, "duplicate": 3}
    assert tally["readings_duplicate"] == FEATURES


def test_a_name_may_be_used_again_at_once(tmp_path: Path) -> None:
    pipeline = opened(tmp_path)
    take(pipeline, part(1))
    later = {"t0": NOW_NS // NS + 10}
    tally = take(pipeline, part(2), part(3), part(1, keys=later), part(3, keys=later))
    assert counts(tally) == {"decoded": 3, "waiting": 2}
    assert counts(take(pipeline, part(2, keys=later))) == {"decoded": 6}


@pytest.mark.parametrize("odd", [{"fs_hz": 200.0}, {"parts": 4}, {"t0": NOW_NS // NS + 1}, {"unit": "g"}])
@pytest.mark.parametrize("number", [1, 2])
def test_a_part_that_contradicts_the_others_is_refused_alone(
    tmp_path: Path, odd: dict[str, object], number: int
) -> None:
    pipeline = opened(tmp_path)
    take(pipeline, part(1))
    tally = take(pipeline, part(number, keys=odd), part(2), part(3))
    assert counts(tally) == {"decoded": 3, "dead_lettered": 1}
    assert "give another burst another id" in letters(pipeline)[0].reason


def test_parts_that_stay_away_are_given_up_in_one_letter(tmp_path: Path) -> None:
    pipeline = opened(tmp_path)
    take(pipeline, part(1, 5), part(4, 5))
    take(pipeline, part(1, burst="young", received_ns=NOW_NS + 30 * NS))
    assert pipeline.expire_parts(now_ns=NOW_NS + 60 * NS).rejected == ()
    report = pipeline.expire_parts(now_ns=NOW_NS + 61 * NS)
    assert [letter.reason for letter in report.rejected] == [
        "waveform 'b1': got parts 1, 4 within a minute, expected also 2, 3, 5 of 5; send all parts of a block together"
    ]
    assert letters(pipeline) == list(report.rejected)
    assert (letters(pipeline)[0].gateway, letters(pipeline)[0].received_at_ns) == ("gw-1", NOW_NS)
    assert letters(pipeline)[0].head == part(1, 5).payload[:64]
    assert counts(balanced(pipeline)) == {"dead_lettered": 2, "waiting": 1}


def test_what_was_given_up_may_be_sent_again(tmp_path: Path) -> None:
    pipeline = opened(tmp_path)
    take(pipeline, part(1), part(2))
    pipeline.expire_parts(now_ns=NOW_NS + 61 * NS)
    tally = take(pipeline, part(1), part(2), part(3))
    assert counts(tally) == {"decoded": 3, "dead_lettered": 2}


def test_a_gateway_that_finishes_nothing_does_not_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.bursts, "KEPT_BYTES", 4000)
    pipeline = opened(tmp_path)
    messages = [part(1, burst=f"b{n}", received_ns=NOW_NS + n, length=500) for n in range(4)]
    take(pipeline, *messages)
    report = pipeline.expire_parts(now_ns=NOW_NS + 10)
    assert [letter.received_at_ns - NOW_NS for letter in report.rejected] == [0, 1]  # the oldest go
    assert counts(balanced(pipeline)) == {"dead_lettered": 2, "waiting": 2}


def test_a_restart_between_expiry_and_the_next_part_changes_nothing(tmp_path: Path) -> None:
    pipeline = opened(tmp_path)
    take(pipeline, part(1), reading(NOW_NS // NS))
    pipeline.expire_parts(now_ns=NOW_NS + 61 * NS)
    digest, seq = pipeline.live.digest(), pipeline.live.applied_seq
    pipeline.journal.close()
    again = open_chain(tmp_path)
    assert (again.live.digest(), again.live.applied_seq) == (digest, seq)


def test_a_full_disk_in_mid_waveform_loses_and_doubles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = opened(tmp_path)
    take(pipeline, part(1))

    def full(_commit: object) -> int:
        raise StorageUnavailable("disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(pipeline.journal, "commit", full)
        with pytest.raises(StorageUnavailable):
            take(pipeline, part(2), part(3))
    assert counts(balanced(pipeline)) == {"waiting": 1}
    assert counts(take(pipeline, part(2), part(3))) == {"decoded": 3}


def test_parts_out_of_quarantine_become_a_waveform(tmp_path: Path) -> None:
    """They were taken for copies of themselves, because they were still on the list of held messages."""
    pipeline = opened(tmp_path, THERMOMETER)
    assert counts(take(pipeline, part(1), part(2), part(3))) == {"quarantined": 3}
    onboard(pipeline, tmp_path, THERMOMETER + ACCELEROMETER)
    assert pipeline.release_held(now_ns=NOW_NS) == 3
    tally = balanced(pipeline)
    assert counts(tally) == {"decoded": 3}
    assert tally["readings_stored"] == FEATURES


def test_a_waveform_that_no_longer_fits_the_register_is_refused_whole(tmp_path: Path) -> None:
    pipeline = opened(tmp_path)
    take(pipeline, part(1), part(2, keys={"enc": "f32le", "data": FLOATS}))
    assert counts(balanced(pipeline)) == {"waiting": 1, "dead_lettered": 1}  # another encoding contradicts the first
    infinite = {"enc": "f32le", "n": 2, "data": "AAAAAAAAgH8="}
    tally = take(pipeline, *(part(number, burst="inf", keys=infinite) for number in (1, 2, 3)))
    assert counts(tally) == {"waiting": 1, "dead_lettered": 4}
    assert "not finite" in letters(pipeline)[-1].reason


def test_parts_of_several_sensors_do_not_mix(tmp_path: Path) -> None:
    pipeline: Pipeline = opened(tmp_path, ACCELEROMETER + ACCELEROMETER.replace(",z,", ",x,"))
    tally = take(pipeline, *(part(number, keys={"axis": axis}) for number in (1, 2, 3) for axis in ("x", "z")))
    assert counts(tally) == {"decoded": 6}
    assert tally["readings_stored"] == 2 * FEATURES
