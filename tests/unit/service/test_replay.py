"""Tables of history become messages that ingest takes, whatever a spreadsheet made of them."""

from __future__ import annotations

import gzip
import math
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import ConfigurationError
from ingest.formats.project import decode_readings
from service.replay import ReplayColumn, ReplayPlan, messages_of, parse_column, read_table

NS = 1_000_000_000
START_NS = 1_577_836_800 * NS  # 2020-01-01
PLAN = ReplayPlan(
    "brug-1", "replay", "replay", "time", "auto", START_NS, (ReplayColumn("f1", "natural_frequency_1", "Hz"),), 2
)


def table(folder: Path, text: str) -> Path:
    path = folder / "history.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("unit", "cell", "expected_ns"),
    [
        ("auto", "2020-01-01 00:00:01", START_NS + NS),
        ("auto", "2020-01-01T01:00:01+01:00", START_NS + NS),
        ("auto", "2020-01-01T00:00:00.000001Z", START_NS + 1000),
        ("auto", "1577836801.5", START_NS + 3 * NS // 2),
        ("auto", "-1", -NS),
        ("s", "1.5", START_NS + 3 * NS // 2),
        ("ms", "7", START_NS + 7_000_000),
        ("minutes", "2", START_NS + 120 * NS),
        ("hours", "2", START_NS + 7200 * NS),
        ("days", "0.5", START_NS + 43_200 * NS),
        ("index", "ignored", START_NS),
    ],
)
def test_times_are_read_in_every_unit(tmp_path: Path, unit: str, cell: str, expected_ns: int) -> None:
    path = table(tmp_path, f"time,f1\n{cell},1.5\n")
    assert read_table(path, replace(PLAN, time_unit=unit)).time_ns == (expected_ns,)  # type: ignore[arg-type]  # closed by the parameters


def test_what_is_published_is_what_ingest_reads(tmp_path: Path) -> None:
    path = table(tmp_path, "time,other,f1\n0,x,1.5\n3600,y,\n7200,z,1.25\n10800,z,1.0\n")
    content = read_table(path, PLAN)
    messages = list(messages_of(content, PLAN))
    assert [time_ns for time_ns, _, _ in messages] == [0, 10_800 * NS]
    assert {topic for _, topic, _ in messages} == {"infra/v1/replay/brug-1/replay/reading"}
    found = [(item.time_ns, item.values) for _, _, body in messages for item in decode_readings(body, "replay")[0]]
    assert found == [(0, [1.5]), (7200 * NS, [1.25]), (10_800 * NS, [1.0])]
    assert content.interval_s() == 3600
    assert math.isnan(content.values[1][0])


def test_plain_and_packed_files_with_a_mark_are_the_same(tmp_path: Path) -> None:
    text = "\ufefftime,f1\r\n0,1.5\r\n"
    plain = read_table(table(tmp_path, text), PLAN)
    packed = tmp_path / "history.csv.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert read_table(packed, PLAN) == plain


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("time,f2\n0,1\n", "got columns time, f2, expected also f1; check the names"),
        ("", "got columns none, expected also f1, time; check"),
        ("sep=;\ntime;f1\n0;1\n", r"history\.csv, line 1: got the line 'sep=;', by which Excel .*; remove the line"),
        ("time,f1\n0,1\nyesterday,1\n", "line 3: column time: got 'yesterday', expected ISO 8601"),
        ("time,f1\n0,a lot\n,2\n", r"line 2: column f1: got 'a lot'.*; line 3: column time: got ''"),
        ("time,f1\n0,inf\n", "expected a finite number"),
        ("time,f1\n0,1_0\n", "column f1: got '1_0', expected a number"),
        ("time,f1\n1e15,1\n", "expected a time from 1700 to 2200"),
        ("time,f1\nnan,1\n", "got 'nan'"),
        ('time,f1\n0,"' + "x" * 200_000 + '"\n', "cannot be read as a table"),
    ],
)
def test_what_is_wrong_with_a_table_is_one_sentence(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        read_table(table(tmp_path, text), PLAN)


def test_faults_are_listed_until_they_repeat_themselves(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_table(table(tmp_path, "time,f1\n" + "x,1\n" * 50), PLAN)
    assert str(caught.value).count("line ") == 10


@pytest.mark.parametrize("content", [b"time,f1\n0,\xe9\n", b"\x1f\x8b broken"])
def test_a_file_in_another_encoding_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ("history.csv.gz" if content.startswith(b"\x1f") else "history.csv")
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="save it as CSV in UTF-8, plain or gzip"):
        read_table(path, PLAN)


def test_a_file_that_is_not_there_and_a_name_that_cannot_travel_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="expected a CSV file that is there"):
        read_table(tmp_path / "nowhere.csv", PLAN)
    with pytest.raises(ConfigurationError, match=r"got identifier 'brug 1'"):
        read_table(table(tmp_path, "time,f1\n"), replace(PLAN, asset="brug 1"))


@pytest.mark.parametrize("text", ["f1", "f1=x", "=x:Hz", "f1=:Hz", "f1=x:"])
def test_a_column_mapped_by_half_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"expected COLUMN=CHANNEL:UNIT"):
        parse_column(text)
