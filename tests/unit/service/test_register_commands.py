"""The register on the command line: replaced whole, nothing taken from a file with a fault."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from domain.errors import RegisterError
from domain.identifiers import AssetId
from domain.register import Asset, AssetType
from service.register_commands import (
    add_assets,
    current_register,
    import_assets,
    import_works,
    keep_budgets,
    withdraw_works,
)
from storage.journal import Journal
from tests.unit.service.site import ACCELEROMETER, THERMOMETER, write_register

WORKS = "asset,kind,sensor,start,end\n"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal.sqlite")
    yield made
    made.close()


def works_file(folder: Path, *rows: str) -> Path:
    path = folder / "works.csv"
    path.write_text(WORKS + "".join(f"{row}\n" for row in rows))
    return path


def test_an_empty_journal_has_an_empty_register(journal: Journal) -> None:
    assert current_register(journal).assets == ()


def test_a_register_takes_the_place_of_the_one_before(tmp_path: Path, journal: Journal) -> None:
    import_assets(journal, write_register(tmp_path, THERMOMETER + ACCELEROMETER), at_ns=1)
    second = import_assets(journal, write_register(tmp_path, THERMOMETER), at_ns=2).register
    assert current_register(journal) == second
    assert [channel.channel for channel in second.channels] == ["temperature"]
    assert len(journal.newest("register", limit=9)) == 2


def test_an_inspection_that_is_still_to_come_is_none(tmp_path: Path, journal: Journal) -> None:
    """A slip such as 2062 for 2026 was shown as the last inspection, and counted, for decades."""
    paths = write_register(tmp_path, THERMOMETER)
    head, row = paths[0].read_text().splitlines()
    for day, is_taken in (("2026-03-01", True), ("2026-03-02", False), ("2062-03-01", False)):
        paths[0].write_text(f"{head},condition_inspected,inspected_on\n{row},4,{day}\n")
        if is_taken:
            import_assets(journal, paths, at_ns=1, today=date(2026, 3, 1))
            continue
        with pytest.raises(RegisterError, match=f"column inspected_on: got '{day}', expected a day that has come"):
            import_assets(journal, paths, at_ns=1, today=date(2026, 3, 1))
    assert current_register(journal).assets[0].inspected_on == "2026-03-01"


def test_works_stay_with_assets_that_stay(tmp_path: Path, journal: Journal) -> None:
    both = ("brug-1", "brug-2")
    import_assets(journal, write_register(tmp_path, THERMOMETER, assets=both), at_ns=1)
    rows = [f"{name},resurfacing,,2025-03-01,2025-03-08" for name in both]
    import_works(journal, works_file(tmp_path, *rows), at_ns=2)
    import_works(journal, works_file(tmp_path, *rows), at_ns=3)  # the same once more
    assert [item.asset for item in current_register(journal).works] == ["brug-1", "brug-2"]
    after = import_assets(journal, write_register(tmp_path, THERMOMETER), at_ns=4).register
    assert [item.asset for item in after.works] == ["brug-1"]


def test_works_that_are_put_off_are_taken_back_and_nothing_else(tmp_path: Path, journal: Journal) -> None:
    """Works could only be added: those put off by a week went on counting in the week in which nothing was done."""
    import_assets(journal, write_register(tmp_path, THERMOMETER), at_ns=1)
    first, other = "brug-1,resurfacing,,2025-03-01,2025-03-08", "brug-1,diversion,,2025-03-01,2025-03-08"
    import_works(journal, works_file(tmp_path, first, other), at_ns=2)
    with pytest.raises(RegisterError, match=r"got 'resurfacing' on brug-1, expected works of the register"):
        withdraw_works(journal, works_file(tmp_path, other, "brug-1,resurfacing,,2025-03-02,2025-03-08"), at_ns=3)
    assert [item.kind for item in current_register(journal).works] == ["diversion", "resurfacing"]
    withdraw_works(journal, works_file(tmp_path, first), at_ns=4)
    assert [item.kind for item in current_register(journal).works] == ["diversion"]


def test_assets_alone_keep_the_channels_of_those_that_stay(tmp_path: Path, journal: Journal) -> None:
    """A table of assets alone took every channel out of the register, and all that was learnt of them."""
    both = THERMOMETER + THERMOMETER.replace("brug-1", "brug-2")
    before = import_assets(journal, write_register(tmp_path, both, assets=("brug-1", "brug-2")), at_ns=1)
    assert (before.kept, before.assets_gone, before.channels_gone) == (None, (), ())
    assets, _ = write_register(tmp_path, "", assets=("brug-1", "brug-3"))
    after = import_assets(journal, [assets], at_ns=2)
    assert current_register(journal) == after.register
    assert [asset.id for asset in after.register.assets] == ["brug-1", "brug-3"]
    assert after.register.channels == before.register.channels[:1]
    assert (after.kept, after.assets_gone) == (1, ("brug-2",))
    assert [key.asset for key in after.channels_gone] == ["brug-2"]


def test_a_table_without_a_sensor_in_it_takes_them_out(tmp_path: Path, journal: Journal) -> None:
    import_assets(journal, write_register(tmp_path, THERMOMETER), at_ns=1)
    after = import_assets(journal, write_register(tmp_path, ""), at_ns=2)
    assert (after.register.channels, after.kept) == ((), None)
    assert [key.channel for key in after.channels_gone] == ["temperature"]


@pytest.mark.parametrize(("sensors", "left"), [({}, 1), ({"sensors": None}, 1), ({"sensors": []}, 0)])
def test_a_map_that_says_nothing_of_sensors_keeps_them(
    tmp_path: Path, journal: Journal, sensors: dict[str, object], left: int
) -> None:
    import_assets(journal, write_register(tmp_path, THERMOMETER), at_ns=1)
    properties = {"id": "brug-1", "type": "bridge"} | sensors
    feature = {"type": "Feature", "geometry": None, "properties": properties}
    path = tmp_path / "assets.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    assert len(import_assets(journal, [path], at_ns=2).register.channels) == left


def test_sensors_alone_are_refused_and_change_nothing(tmp_path: Path, journal: Journal) -> None:
    _, sensors = write_register(tmp_path, THERMOMETER)
    with pytest.raises(RegisterError, match=r"sensors without assets in .*; give assets\.csv and sensors"):
        import_assets(journal, [sensors], at_ns=1)
    assert journal.last_seq() == 0


def test_a_fault_in_a_file_changes_nothing_and_names_its_line(tmp_path: Path, journal: Journal) -> None:
    import_assets(journal, write_register(tmp_path, THERMOMETER), at_ns=1)
    broken = write_register(tmp_path, THERMOMETER + "brug-9,klimaat,temperature,Cel,,gw-1,,3600\n")
    with pytest.raises(RegisterError, match=r"sensors\.csv, line 3"):
        import_assets(journal, broken, at_ns=2)
    with pytest.raises(RegisterError, match=r"works\.csv, line 2"):
        import_works(journal, works_file(tmp_path, "brug-9,resurfacing,,2025-03-01,2025-03-08"), at_ns=3)
    assert journal.last_seq() == 1


def test_what_is_added_does_not_touch_what_is_there(tmp_path: Path, journal: Journal) -> None:
    first = import_assets(journal, write_register(tmp_path, THERMOMETER), at_ns=1).register
    other = replace(first.assets[0], name="Another name")
    new = Asset(AssetId("brug-0"), "Nieuw", AssetType.BRIDGE)
    after = add_assets(journal, [other, new], [replace(first.channels[0], asset=new.id)], at_ns=2)
    assert [(asset.id, asset.name) for asset in after.assets] == [("brug-0", "Nieuw"), ("brug-1", "Brug-1")]
    assert [channel.asset for channel in after.channels] == ["brug-0", "brug-1"]
    assert add_assets(journal, [other, new], [], at_ns=3) == after
    assert journal.last_seq() == 2  # nothing new, nothing written


def test_a_changed_budget_is_an_entry_and_outlives_the_next_register(tmp_path: Path, journal: Journal) -> None:
    import_assets(journal, write_register(tmp_path, THERMOMETER), at_ns=1)
    assert not keep_budgets(journal, {"": 0.03}, at_ns=2)  # the default of the service: nothing to write down
    assert keep_budgets(journal, {"": 0.1, "oost": 0.02}, at_ns=3)
    assert not keep_budgets(journal, {"": 0.1, "oost": 0.02}, at_ns=4)
    assert len(journal.newest("register", limit=9)) == 2
    after = import_assets(journal, write_register(tmp_path, THERMOMETER + ACCELEROMETER), at_ns=5).register
    assert (after.false_alarms_per_year("oost"), after.false_alarms_per_year("")) == (0.02, 0.1)
    assert keep_budgets(journal, {"": 0.1}, at_ns=6)
    assert current_register(journal).false_alarms_per_year("oost") == 0.1
