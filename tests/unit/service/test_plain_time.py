"""What loggers and spreadsheets write as a time is read the same by every command and every version of Python."""

from __future__ import annotations

import pytest

from service.plain_time import plain_time

HALF_PAST_ONE = 1_774_747_800.0  # 2026-03-29, when clocks in Europe are put forward


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-29T01:30:00Z",
        "2026-03-29t01:30:00z",
        " 2026-03-29 01:30 ",
        "20260329T013000Z",
        "2026-W13-7T01:30",
        "2026-088T01:30:00",
        "2026088T0130",
        "2026-03-29 03:30:00+02:00",
        "2026-03-29T01:29:60Z",
        "2026-03-29T01:30:00.000000000Z",
        "2026-03-29T01:30:00,000Z",
    ],
)
def test_one_time_in_all_its_forms(text: str) -> None:
    assert plain_time(text).timestamp() == HALF_PAST_ONE


@pytest.mark.parametrize("text", ["2026-12-31T24:00", "2026-12-31 24:00:00.0Z", "20261231T240000Z", "2026-365T24Z"])
def test_the_end_of_a_day_is_the_beginning_of_the_next(text: str) -> None:
    assert plain_time(text).isoformat() == "2027-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    "text", ["", "noon", "29-03-2026 01:30", "2026-03-29T24:30", "2026-366", "2026-000", "9999-12-31T24:00", "T24:00"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- whatever it says, who calls says where the cell is
        plain_time(text)
