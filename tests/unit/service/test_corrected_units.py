"""A channel in another unit: only where its readings were in it all along, and the models begin anew with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from domain.errors import RegisterError
from domain.identifiers import AssetId
from models.hop_clock import NEVER_NS
from models.layout import COLUMNS, axis_of
from models.state import initial_state
from service.alarm_book import AssetBook, KnownAlarm
from service.pipeline import Pipeline
from service.register_commands import current_register, import_assets
from storage.database import open_database, sqlite_address
from storage.journal import Journal
from storage.tables import channel_table
from tests.chain import NS, open_chain
from tests.unit.service.site import NOW_NS, THERMOMETER, open_site, project, reading, take, write_register

HYGROMETER = "brug-1,klimaat,humidity,%,,gw-1,,3600\n"
BOTH = THERMOMETER + HYGROMETER + "brug-1,acc1,vibration_rms,mm/s,z,gw-1,,3600\n"
OTHER = BOTH.replace(",Cel,", ",degF,")
BEGIN_S = NOW_NS // NS - 3 * 86_400
BRUG = AssetId("brug-1")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal.sqlite")
    import_assets(made, write_register(tmp_path, BOTH), at_ns=1)
    yield made
    made.close()


def heard(pipeline: Pipeline, hours: range) -> None:
    take(pipeline, *(reading(BEGIN_S + 3600 * hour, 10.0 + hour / 8) for hour in hours))
    pipeline.close(now_ns=NOW_NS, lateness_ns=0)


def correct(pipeline: Pipeline, folder: Path) -> None:
    import_assets(pipeline.journal, write_register(folder, OTHER), at_ns=NOW_NS, may_correct_units=True)
    pipeline.catch_up()


def test_another_unit_is_refused_in_words_and_changes_nothing(tmp_path: Path, journal: Journal) -> None:
    """The stored history was told in the new unit without a word, and hours later an alarm said the unit was wrong."""
    with pytest.raises(RegisterError) as refused:
        import_assets(journal, write_register(tmp_path, OTHER), at_ns=2)
    assert str(refused.value) == (
        "got brug-1/klimaat/temperature in 'degF' instead of 'Cel', expected the units of the register, in which all "
        "that was said is stored; leave them as they are, for a gateway may send any unit that converts, or import "
        "with --correct-units if the readings were in the new units all along"
    )
    assert journal.last_seq() == 1


def test_the_first_few_of_many_are_named(tmp_path: Path, journal: Journal) -> None:
    rows = "".join(f"brug-1,s{number},temperature,Cel,,gw-1,,3600\n" for number in range(5))
    import_assets(journal, write_register(tmp_path, rows), at_ns=2)
    with pytest.raises(RegisterError, match=r"brug-1/s2/temperature in 'K' instead of 'Cel' and 2 more, expected"):
        import_assets(journal, write_register(tmp_path, rows.replace("Cel", "K")), at_ns=3)


def test_a_unit_is_corrected_where_that_is_asked_for(tmp_path: Path, journal: Journal) -> None:
    done = import_assets(journal, write_register(tmp_path, OTHER), at_ns=2, may_correct_units=True)
    assert [key.channel for key in done.corrected] == ["temperature"]
    assert {channel.unit for channel in current_register(journal).channels} == {"degF", "%", "mm/s"}


def test_another_name_for_a_unit_needs_no_correction(tmp_path: Path, journal: Journal) -> None:
    done = import_assets(journal, write_register(tmp_path, BOTH.replace(",%,", ",%RH,")), at_ns=2)
    assert done.corrected == ()


def test_a_channel_in_another_unit_begins_anew_and_all_others_go_on(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path, BOTH)
    heard(pipeline, range(48))
    before = pipeline.live.state
    place = [str(key.channel) for key in pipeline.live.catalogue.channels].index("temperature")
    assert before.last_value[place] > 0.0
    correct(pipeline, tmp_path)
    after, fresh = pipeline.live.state, initial_state(pipeline.live.catalogue)
    assert (after.last_value[place], after.good_value[place], after.same_count[place]) == (0.0, 0.0, 0)
    assert after.heard_ns[place] == before.heard_ns[place]  # or the sensor would seem silent since its first day
    others = np.arange(len(fresh.heard_ns)) != place
    for name in COLUMNS:
        if axis_of(name) == "channel":
            assert np.array_equal(getattr(after, name)[others], getattr(before, name)[others], equal_nan=True)


@pytest.mark.parametrize("is_saved", [False, True])
def test_the_same_holds_after_a_restart(tmp_path: Path, *, is_saved: bool) -> None:
    pipeline = open_site(tmp_path, BOTH)
    heard(pipeline, range(30))
    pipeline.save()
    heard(pipeline, range(30, 40))
    corrected_ns = int(pipeline.live.tracker.frontier_ns[0])
    correct(pipeline, tmp_path)
    if is_saved:
        pipeline.save()
    heard(pipeline, range(40, 60))
    again = open_chain(tmp_path)
    assert again.live.digest() == pipeline.live.digest()
    assert again.live.anew_ns.tolist() == pipeline.live.anew_ns.tolist()
    assert int(again.live.anew_ns[0]) == corrected_ns


def test_the_number_that_is_shown_stays_and_has_the_unit_that_it_was_in(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path, BOTH)
    heard(pipeline, range(3))
    correct(pipeline, tmp_path)
    project(tmp_path, pipeline)
    engine = open_database(sqlite_address(tmp_path / "operational.sqlite"))
    columns = channel_table.c
    with engine.connect() as db:
        shown = db.execute(select(columns.last_value, columns.unit).where(columns.channel == "temperature")).one()
    engine.dispose()
    assert tuple(shown) == (10.25, "degF")


def test_alarms_about_its_values_end_and_others_stand(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path, BOTH)
    heard(pipeline, range(48))
    frontier_ns = int(pipeline.live.tracker.frontier_ns[0])
    known = [
        KnownAlarm("sensor.units", "klimaat/temperature", "wrong", 5),
        KnownAlarm("sensor.units", "klimaat/humidity", "other channel", 5),
        KnownAlarm("data.silent", "klimaat/temperature", "silent", 5),
        KnownAlarm("condition.fatigue", "", "damage", 5),
    ]
    pipeline.live.books[BRUG] = AssetBook(tuple(known))
    import_assets(pipeline.journal, write_register(tmp_path, OTHER), at_ns=NOW_NS, may_correct_units=True)
    pipeline.catch_up()
    (entry,) = pipeline.journal.newest("register")
    assert [(change.id, change.cleared_at_ns) for change in entry.outcome.alarm_changes] == [("wrong", frontier_ns)]
    assert [item.id for item in pipeline.live.books[BRUG].alarms if item.cleared_ns is None] == [
        "other channel",
        "silent",
        "damage",
    ]


def test_what_was_said_before_is_not_scored_again_in_the_new_unit(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path, BOTH)
    heard(pipeline, range(30))
    assert pipeline.live.anew_ns.tolist() == [NEVER_NS]
    correct(pipeline, tmp_path)
    heard(pipeline, range(30, 60))
    before = pipeline.live.digest()
    take(pipeline, reading(BEGIN_S + 5 * 3600 + 60, 12.0))
    assert pipeline.live.revisions_waiting() == 1
    pipeline.rescore()
    assert (pipeline.live.revisions_waiting(), pipeline.live.digest()) == (0, before)
    take(pipeline, reading(BEGIN_S + 50 * 3600 + 60, 12.0))
    pipeline.rescore()
    assert pipeline.live.digest() != before
