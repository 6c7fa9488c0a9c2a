import csv
from pathlib import Path

import numpy as np
import pytest

from domain.units import is_known_unit
from simulator.damage import WORST_SEVERITY, severity
from simulator.owner_files import write_register, write_truth
from simulator.scenario import DAY_NS, Damage, Scenario, start_at
from simulator.scenario_file import load_scenario


@pytest.fixture(scope="module")
def municipality() -> Scenario:
    return load_scenario("municipality")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_severity_is_zero_before_onset_one_at_failure_and_bounded_after() -> None:
    damage = Damage("a", "bearing_wear", "drive", 20.0, 60.0, 1.8)
    days = np.array([0.0, 20.0, 40.0, 60.0, 9999.0])
    np.testing.assert_allclose(severity(damage, days), [0.0, 0.0, 0.5**1.8, 1.0, WORST_SEVERITY])


def test_the_register_has_every_asset_and_channel_in_known_units(municipality: Scenario, tmp_path: Path) -> None:
    write_register(municipality, tmp_path / "register")
    assets, sensors = rows(tmp_path / "register/assets.csv"), rows(tmp_path / "register/sensors.csv")
    assert [row["id"] for row in assets] == [asset.id for asset in municipality.assets]
    assert {row["type"] for row in assets} == {"bridge", "road", "tunnel", "lock", "quay", "other"}
    assert all(float(row["planned_repair_cost_eur"]) > 0 for row in assets)
    assert all(is_known_unit(row["unit"]) for row in sensors)
    keys = [(row["asset"], row["sensor"], row["channel"], row["axis"]) for row in sensors]
    assert len(set(keys)) == len(keys) > 200
    without = {row["id"] for row in assets} - {row["asset"] for row in sensors}
    assert without == {"brug-016"}
    waveforms = {row["asset"]: row["interval_s"] for row in sensors if row["channel"] == "waveform"}
    assert waveforms == {"brug-001": "21600", "brug-003": "21600", "brug-010": "21600"}


def test_works_hold_what_was_announced_and_nothing_else(municipality: Scenario, tmp_path: Path) -> None:
    write_register(municipality, tmp_path)
    works = rows(tmp_path / "works.csv")
    assert {(row["asset"], row["kind"]) for row in works} == {
        ("brug-006", "diversion"),
        ("weg-009", "resurfacing"),
        ("brug-013", "sensor swap"),
    }
    assert works[0]["start"] == "2025-08-25T00:00:00Z"
    assert works[0]["end"] == "2025-09-18T00:00:00Z"


def test_truth_says_when_each_failure_comes_and_how_far_it_is_at_the_end(
    municipality: Scenario, tmp_path: Path
) -> None:
    write_truth(municipality, tmp_path)
    truth = {row["asset"]: row for row in rows(tmp_path / "truth.csv")}
    assert len(truth) == 6
    severities = [float(row["severity_at_end"]) for row in truth.values()]
    assert min(severities) >= 0.6
    assert max(severities) <= 1.0
    assert truth["brug-003"]["onset"] == "2025-05-21T00:00:00Z"
    assert truth["brug-003"]["failure_time"] == ""
    assert truth["brug-003"]["projected_failure_time"] == "2026-01-11T00:00:00Z"
    events = rows(tmp_path / "events.csv")
    assert {row["kind"] for row in events} == {
        "storm", "diversion", "resurfacing", "sensor_swap", "stuck_sensor", "dropout",
    }  # fmt: skip
    assert [row["announced"] for row in events if row["kind"] == "diversion"] == ["true", "false"]


def test_truth_names_a_failure_within_the_run_and_moves_with_the_first_day(tmp_path: Path) -> None:
    scenario = start_at(load_scenario("small"), 20_000 * DAY_NS)
    write_truth(scenario, tmp_path)
    failed = {row["asset"]: row["failure_time"] for row in rows(tmp_path / "truth.csv")}
    assert failed == {"brug-1": "2024-12-01T00:00:00Z", "sluis-1": ""}


def test_files_are_the_same_bytes_each_time_and_leave_nothing_half_written(tmp_path: Path) -> None:
    scenario = load_scenario("small")
    for folder in ("a", "b"):
        write_register(scenario, tmp_path / folder)
        write_truth(scenario, tmp_path / folder)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["assets.csv", "events.csv", "own-events.csv", "sensors.csv", "truth.csv", "works.csv"]
    assert all((tmp_path / "a" / n).read_bytes() == (tmp_path / "b" / n).read_bytes() for n in names)
