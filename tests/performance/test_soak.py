"""The short form of `make soak`, in a process of its own so that its memory is its own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from tests.performance.soak import Sample, SoakReport


@pytest.mark.slow
def test_three_days_of_a_small_fleet_leave_memory_and_files_as_planned() -> None:
    """A smaller fleet fills so few pages that one more is a growth; in two days they have not turned over once."""
    command = [sys.executable, "-m", "tests.performance.soak", "--assets", "30", "--hours", "72", "--per-hour", "1"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "8640 readings of 72 hours" in run.stdout


def flat(hours: int = 72) -> list[Sample]:
    return [Sample(hour, 100_000_000, 5_000_000, 9_000_000, 6.0, 12.0, 24.0) for hour in range(hours)]


def test_what_is_flat_passes() -> None:
    assert SoakReport(samples=flat()).faults() == []


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("resident", "memory grew by 1."),
        ("journal_bytes", "journal_bytes grew"),
        ("series_bytes", "series_bytes grew"),
    ],
)
def test_what_grows_is_told(name: str, told: str) -> None:
    share = 0.0005 if name == "resident" else 0.003
    samples = [replace(s, **{name: round(getattr(s, name) * (1 + share * s.hour))}) for s in flat()]
    assert told in " ".join(SoakReport(samples=samples).faults())


@pytest.mark.parametrize("name", ["oldest_kept_h", "oldest_reading_h", "oldest_hop_h"])
def test_what_is_kept_too_long_is_told(name: str) -> None:
    old: dict[str, Any] = {name: 60.0}
    samples = [replace(sample, **old) for sample in flat()]
    assert [fault for fault in SoakReport(samples=samples).faults() if name in fault]
