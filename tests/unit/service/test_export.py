"""CSV that a spreadsheet can be trusted with."""

from __future__ import annotations

import pytest

from service.export import _safe, _time


@pytest.mark.parametrize("cell", ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1"])
def test_text_that_would_run_as_a_formula_is_quoted(cell: str) -> None:
    assert _safe(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["-0.25", "+1", "-1e-09", "brug-1", "", "2025-06-15", -3.5, 0, False])
def test_numbers_and_plain_text_stay_as_they_are(cell: object) -> None:
    assert _safe(cell) == cell


def test_nothing_is_an_empty_cell() -> None:
    assert _safe(None) == ""
    assert _time(None) == ""


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (1_750_000_000_500_000_000, "2025-06-15T15:06:40.500000000Z"),
    ],
)
def test_times_are_in_utc_to_the_nanosecond(time_ns: int, text: str) -> None:
    assert _time(time_ns) == text
