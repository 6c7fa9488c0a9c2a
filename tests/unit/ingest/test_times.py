from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats.times import format_time, parse_time
from tests.unit.ingest.room import T0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-23T09:00:00Z", T0),
        ("2026-11-23t09:00:00z", T0),
        ("2026-11-23 09:00:00Z", T0),
        ("2026-11-23T09:00:00+00:00", T0),
        ("2026-11-23T10:00:00+01:00", T0),
        ("2026-11-23T03:30:00-05:30", T0),
        ("2026-11-23T09:00:00.5Z", T0 + 500_000_000),
        ("2026-11-23T09:00:00.123456789Z", T0 + 123_456_789),
        ("2026-11-23T10:00:00.000000001+01:00", T0 + 1),
        ("2026-11-23T08:59:60Z", T0),
        ("1969-12-31T23:59:59.999Z", -1_000_000),
        (1_795_424_400, T0),
        (1_795_424_400.25, T0 + 250_000_000),
        (1_795_424_400_000, T0),
        (1_795_424_400_000_000, T0),
        (1_795_424_400_000_000_001, T0 + 1),
        (0, 0),
        (-1, -1_000_000_000),
    ],
)
def test_a_time_is_kept_to_the_nanosecond(value: Any, expected: int) -> None:
    assert parse_time(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "",
        "now",
        "2026-11-23",
        "2026-11-23T09:00:00",
        "2026-11-23T09:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T09:60:00Z",
        "2026-11-23T09:00:61Z",
        "2026-02-30T09:00:00Z",
        "2026-W48-1T09:00:00Z",
        "2026-11-23T09-00:09Z",
        "2026-11-23T09:00+00Z",
        "2026-11-23T090000.5Z",
        "2026-11-23T09:00:00.Z",
        "2026-11-23T09:00:00.1234567890Z",
        "2026-11-23T09:00:00+24:00",
        "２026-11-23T09:00:00Z",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
        "1795424400",
        " 2026-11-23T09:00:00Z",
        float("nan"),
        float("inf"),
        2**63,
        9_223_372_036_854_776,
        9_223_372_036_854_776.0,
        10**400,
        [],
        {},
    ],
)
def test_what_is_no_usable_time_is_none_and_no_error(value: Any) -> None:
    assert parse_time(value) is None


def test_the_short_way_and_the_long_way_read_the_same() -> None:
    for seconds in range(-(2**33), 2**33, 86_399_977):
        text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        assert parse_time(text + "Z") == parse_time(text + "+00:00") == seconds * 1_000_000_000


@pytest.mark.parametrize("time_ns", [0, T0, T0 + 1, T0 + 1_000, T0 + 500_000_000, -1, 2**63 - 1, -(2**63)])
def test_a_time_that_is_written_is_read_back(time_ns: int) -> None:
    assert parse_time(format_time(time_ns)) == time_ns


@given(st.text("0123456789T:-+.,WZ ", max_size=3), st.integers(0, 19))
@settings(max_examples=1000, deadline=None)
def test_what_stands_before_the_letter_of_utc_is_read_as_before_an_offset(noise: str, at: int) -> None:
    text = "2026-11-23T09:00:09"
    text = text[:at] + noise + text[at + len(noise) :]
    assert parse_time(text + "Z") == parse_time(text + "+00:00")
