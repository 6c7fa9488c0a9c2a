"""Wrong clocks by the stream's own clock: one bad time costs its own reading and nothing else."""

from __future__ import annotations

from pathlib import Path

from domain.arrays import ReadingFlag
from ingest.batch import Message
from service.pipeline import Pipeline
from tests.chain import NS, open_chain
from tests.unit.service.site import HOUR_NS, NOW_NS, THERMOMETER, balanced, open_site, reading, stored, take

NOW_S = NOW_NS // NS - NOW_NS // NS % 3600
FAR_S = 9_214_646_400  # 2262-01-01T00:00Z


def days(first: int, last: int) -> list[Message]:
    return [reading(NOW_S + 3600 * hour, 10.0 + hour % 24) for hour in range(24 * first, 24 * last)]


def feed(pipeline: Pipeline, messages: list[Message]) -> None:
    for first in range(0, len(messages), 50):
        take(pipeline, *messages[first : first + 50], provisional=False)
        pipeline.close(now_ns=NOW_NS)


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


def test_a_restart_in_the_middle_of_a_claim_changes_nothing(tmp_path: Path) -> None:
    """Months later, the same source goes on: believed with its third message, whatever happened in between."""
    digests = []
    gap_s = 100 * 86_400
    later = [reading(NOW_S + gap_s + 3600 * hour, 12.0) for hour in range(60)]
    for name, saves in (("whole", None), ("saved", True), ("killed", False)):
        pipeline = open_site(tmp_path / name)
        feed(pipeline, days(0, 3))
        for place, message in enumerate(later):
            take(pipeline, message, provisional=False)
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


def test_history_of_one_asset_after_another_goes_through_at_full_speed(tmp_path: Path) -> None:
    """One asset's history begins years after another's has ended, or before it began."""
    rows = "".join(f"brug-{n},klimaat,temperature,Cel,,gw-1,,3600\n" for n in (1, 2, 3))
    pipeline = open_site(tmp_path, rows, assets=("brug-1", "brug-2", "brug-3"))
    for asset, year in (("brug-1", 0), ("brug-2", 1), ("brug-3", -2)):
        start_s = NOW_S + year * 365 * 86_400
        feed(pipeline, [reading(start_s + 86_400 * day, 5.0, asset=asset) for day in range(150)])
    pipeline.close(now_ns=NOW_NS, lateness_ns=0)
    assert not ((stored(pipeline).flags & ReadingFlag.LATE) != 0).any()
    tracker = pipeline.live.tracker
    assert tracker.claims.held_count() == 0
    assert (tracker.clock.latest_ns - tracker.frontier_ns < HOUR_NS).all()


def test_a_sensor_that_never_spoke_holds_nothing_up(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path, THERMOMETER + THERMOMETER.replace("klimaat", "stil"))
    feed(pipeline, days(0, 3))
    assert pipeline.live.tracker.frontier_ns[0] == NOW_S * NS + 47 * HOUR_NS
