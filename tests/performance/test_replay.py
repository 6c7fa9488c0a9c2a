"""A replay says what the full run said, as long as the second stage is the same."""

from __future__ import annotations

import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from domain.errors import ConfigurationError
from models.layout import FLEET_COLUMNS, LAYOUT
from tests.performance.replay.cadence import asked_seldom
from tests.performance.replay.fleets import Fleet
from tests.performance.replay.judging import catalogue_of, replay
from tests.performance.replay.recording import Recording, record, recorded_columns


@pytest.mark.slow
def test_a_replay_repeats_alarms_chances_and_lives_to_the_bit(tmp_path: Path) -> None:
    fleet = Fleet.named("small:3")
    said = record(fleet, tmp_path / "small.days").record
    again = replay(Recording(tmp_path / "small.days"), catalogue_of(fleet.register), fleet.truth)
    assert np.isfinite(said.chance_90).sum() > 200
    assert np.isfinite(said.life_days).any()
    np.testing.assert_array_equal(again.chance_90, said.chance_90)
    np.testing.assert_array_equal(again.life_days, said.life_days)
    condition = [alarm for alarm in said.alarms if alarm.is_condition]
    assert condition
    assert [alarm for alarm in again.alarms if alarm.is_condition] == condition


def test_what_an_owners_limit_is_held_against_is_recorded() -> None:
    """Without the commissioned level every channel that has such a limit stood past it from its first day on."""
    assert "block_value" in recorded_columns()


@pytest.mark.slow
def test_the_command_records_and_judges(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.performance.replay", "--jobs", "1"]
    made = subprocess.run(
        [*command, "record", "small:7", "--to", str(tmp_path)], capture_output=True, text=True, timeout=300, check=False
    )
    assert made.returncode == 0, made.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["small-7.days"]
    done = subprocess.run(
        [*command, "judge", str(tmp_path / "small-7.days")], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "false alarms" in done.stdout
    assert "knows all damage" in done.stdout


def test_a_column_that_was_not_recorded_is_what_every_row_starts_with(tmp_path: Path) -> None:
    catalogue = catalogue_of(Fleet.named("small:7").register)
    body = BytesIO()
    np.savez(body, assets=np.array(catalogue.assets[:2]), heard_ns=np.full(1, 5))
    path = tmp_path / "old.days"
    with ZipFile(path, "w") as archive:
        archive.writestr("00000.86400000000000.npz", body.getvalue())
    ((day, rows, block),) = Recording(path).days(catalogue)
    assert (day, rows.tolist()) == (86_400_000_000_000, [0, 1])
    assert block.state.heard_ns.tolist() == [5]
    assert np.all(block.state.roughness == LAYOUT["roughness"].fill)
    assert len(block.state.noise) == len(block.catalogue.judged) > 0


def test_what_is_left_out_is_the_first_stages_alone() -> None:
    assert set(recorded_columns()).isdisjoint(FLEET_COLUMNS)
    assert {"residual", "evidence", "covariance"}.isdisjoint(recorded_columns())
    assert {"deviation", "deviation_sd", "heard_ns"} <= set(recorded_columns())


@pytest.mark.parametrize("name", ["demanding", "other:x", ":3"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="expected demanding:3"):
        Fleet.named(name)


def test_a_fleet_that_is_asked_seldom_keeps_every_so_many_hours() -> None:
    def reading(hour: int) -> str:
        return f'{{"v":1,"sensor":"s","t":"2024-01-01T{hour:02d}:00:00Z","values":{{}}}}'

    day = [
        ("infra/v1/g/a/s/reading", f"[{','.join(reading(hour) for hour in range(24))}]".encode()),
        ("infra/v1/g/a/s/reading", reading(7).encode()),
        ("infra/v1/g/a/s/reading", b"no reading"),
        ("infra/v1/g/a/w/waveform", b"{}"),
    ]
    (kept,) = asked_seldom([day], 6)
    assert [topic.rpartition("/")[2] for topic, _ in kept] == ["reading", "reading", "waveform"]
    assert [json.loads(kept[0][1])[place]["t"][11:13] for place in range(4)] == ["00", "06", "12", "18"]
    assert kept[1:] == day[2:]
    (once,) = asked_seldom([day], 24)
    assert [row["t"][11:13] for row in json.loads(once[0][1])] == ["06"]


def test_its_register_says_so_too() -> None:
    hourly, seldom = Fleet.named("small:7"), Fleet.named("small:7@6")
    assert {channel.interval_s for channel in hourly.register.channels if not channel.derived} == {3600.0}
    assert {channel.interval_s for channel in seldom.register.channels if not channel.derived} == {21_600.0}
    assert seldom.truth == hourly.truth


@pytest.mark.parametrize("name", ["demanding:3@1", "demanding:3@25", "other:10@six"])
def test_a_cadence_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="@2 to @24"):
        Fleet.named(name)
