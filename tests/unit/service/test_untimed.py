"""Readings without a time keep a key each, however the messages of one read of the socket fall into batches."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.batch import Message
from service.clock_policy import ClockPolicy
from service.pipeline import Pipeline
from storage.series import SqliteSeries
from tests.chain import NS, STREAM
from tests.unit.service.site import NOW_NS, THERMOMETER, WALL, onboard, open_site, project, reading, stored, take

BURST = tuple(reading(None, 11.0 + number) for number in range(6))


def counted(folder: Path, pipeline: Pipeline) -> tuple[int, int, int]:
    """Give the readings that were accepted, that the series has, and that it has no row for."""
    project(folder, pipeline)
    series = SqliteSeries(folder / "series.sqlite")
    rows = series.reading_count(), series.gone_count()
    series.close()
    return pipeline.journal.tally()["readings_stored"], *rows


@pytest.mark.parametrize("policy", [STREAM, WALL])
def test_a_batch_that_ends_within_a_burst_costs_no_reading(tmp_path: Path, policy: ClockPolicy) -> None:
    """Each batch counted on from the same time of arrival, and of two readings with one key the series had one."""
    pipeline = open_site(tmp_path, policy=policy)
    take(pipeline, reading(None, 11.0))
    take(pipeline, reading(None, 12.0))
    assert counted(tmp_path, pipeline) == (2, 2, 0)


@pytest.mark.parametrize("cuts", [(1, 2, 3, 4, 5), (3,), (2, 5)])
def test_stamps_do_not_depend_on_where_a_burst_is_cut(tmp_path: Path, cuts: tuple[int, ...]) -> None:
    whole, cut = open_site(tmp_path / "whole"), open_site(tmp_path / "cut")
    take(whole, *BURST)
    for first, last in zip((0, *cuts), (*cuts, len(BURST)), strict=True):
        take(cut, *BURST[first:last])
    assert stored(cut).time_ns.tolist() == stored(whole).time_ns.tolist()
    assert stored(whole).time_ns.tolist() == [NOW_NS + 1 + number for number in range(len(BURST))]


def test_stamps_go_on_after_a_restart(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    take(pipeline, *BURST[:2])
    pipeline.journal.close()
    pipeline = open_site(tmp_path)
    take(pipeline, *BURST[2:])
    assert counted(tmp_path, pipeline) == (6, 6, 0)


def test_what_is_sent_again_takes_no_stamp(tmp_path: Path) -> None:
    """After a kill behind the commit the first messages come again, at another time, with those that follow."""
    pipeline = open_site(tmp_path)
    take(pipeline, *BURST[:2])
    tally = take(pipeline, *(message._replace(resent=True, received_ns=NOW_NS + NS) for message in BURST))
    assert (tally["readings_stored"], tally["readings_duplicate"]) == (6, 2)
    times = [NOW_NS + 1, NOW_NS + 2, *(NOW_NS + NS + number for number in range(1, 5))]
    assert stored(pipeline).time_ns.tolist() == times
    assert counted(tmp_path, pipeline) == (6, 6, 0)


def test_a_burst_that_comes_behind_another_stays_at_its_own_time(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    take(pipeline, *BURST[:2], reading(None, 7.0, received_ns=NOW_NS + NS))
    take(pipeline, reading(None, 8.0, received_ns=NOW_NS + NS), reading(None, 9.0, received_ns=NOW_NS + 2 * NS))
    assert stored(pipeline).time_ns.tolist() == [
        NOW_NS + 1, NOW_NS + 2, NOW_NS + NS + 1, NOW_NS + NS + 2, NOW_NS + 2 * NS + 1,
    ]  # fmt: skip


def test_bursts_a_nanosecond_apart_do_not_meet(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    take(pipeline, *(message._replace(received_ns=NOW_NS + number // 3) for number, message in enumerate(BURST)))
    assert stored(pipeline).time_ns.tolist() == [NOW_NS + 1 + number for number in range(len(BURST))]


def test_a_burst_out_of_quarantine_in_parts_keeps_all_its_readings(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    held: list[Message] = [reading(None, 7.0 + number, sensor="nieuw") for number in range(4)]
    take(pipeline, *held)
    onboard(pipeline, tmp_path, THERMOMETER + THERMOMETER.replace("klimaat", "nieuw"))
    while pipeline.release_held(now_ns=NOW_NS + NS, limit=1):
        take(pipeline, reading(None, 100.0 + pipeline.live.applied_seq, sensor="nieuw", received_ns=NOW_NS + 2 * NS))
    accepted, there, known = counted(tmp_path, pipeline)
    assert (accepted, there, known) == (8, 8, 0)
