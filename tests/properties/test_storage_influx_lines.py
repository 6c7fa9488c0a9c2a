"""Lines of ours against those of InfluxDB's own client, and numbers to the bit."""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from influxdb_client.client.write.point import Point

from domain.arrays import ReadingColumns
from storage.entries import BatchBody, Outcome, encode_readings
from storage.influx_lines import ChannelTags, entry_lines, line
from storage.journal import Entry

NOTHING = Outcome()
WORDS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)
NAMES = WORDS.filter(lambda text: text and not text.startswith("#"))
TIMES = st.integers(-(2**63) + 2, 2**63 - 2)
VALUES = st.none() | st.floats() | WORDS


def library_point(measurement: str, time_ns: int) -> Any:
    untyped: Any = Point
    return untyped(measurement).time(time_ns)


@given(NAMES, st.dictionaries(NAMES, WORDS, max_size=5), st.dictionaries(NAMES, VALUES, max_size=5), TIMES)
def test_a_line_is_what_the_library_writes(
    measurement: str, tags: dict[str, str], fields: dict[str, float | str | None], time_ns: int
) -> None:
    point = library_point(measurement, time_ns)
    for name, value in tags.items():
        point.tag(name, value)
    for name, field in fields.items():
        point.field(name, field)
    assert line(measurement, tags, fields, time_ns) == point.to_line_protocol()


@given(
    st.lists(st.tuples(st.floats(allow_nan=False, allow_infinity=False), TIMES, st.integers(0, 255)), max_size=20),
    st.tuples(NAMES, NAMES, NAMES, WORDS),
)
def test_readings_are_what_the_library_writes_and_come_back_to_the_bit(
    rows: list[tuple[float, int, int]], names: tuple[str, str, str, str]
) -> None:
    tags = ChannelTags(*names)
    readings = ReadingColumns(
        np.full(len(rows), 7, np.int32),
        np.array([time_ns for _, time_ns, _ in rows], np.int64),
        np.array([value for value, _, _ in rows], np.float64),
        np.array([flags for _, _, flags in rows], np.uint8),
    )
    written = list(entry_lines({7: tags}, Entry(1, "batch", BatchBody(readings=encode_readings(readings)), NOTHING)))
    expected = []
    for value, time_ns, flags in rows:
        point = library_point("reading", time_ns)
        point.field("value", value).field("flags", float(flags) if flags else None)
        for name, text in tags._asdict().items():
            point.tag(name, text)
        expected.append(point.to_line_protocol())
    assert written == expected
    for text, (value, _, _) in zip(written, rows, strict=True):
        assert struct.pack("<d", float(text.rpartition("value=")[2].split()[0])) == struct.pack("<d", value)


@given(st.sampled_from([math.nan, math.inf, -math.inf]))
def test_what_is_no_number_makes_no_line(value: float) -> None:
    assert line("reading", {"asset": "a"}, {"value": value, "band": None}, 1) == ""
