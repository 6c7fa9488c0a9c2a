"""Recorded sessions come back to the byte, and a broken line is named with its number."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from domain.errors import ConfigurationError
from service.replay import ReplayColumn, ReplayPlan, read_table
from service.session_file import RecordedMessage, is_session, open_session, read_session, session_line

MESSAGES = [
    RecordedMessage("infra/v1/gw/brug-1/acc1/reading", b'{"v":1}', retain=False, received_ns=17),
    RecordedMessage("infra/v1/gw/status", bytes(range(256)), retain=True, received_ns=None),
    RecordedMessage("infra/v1/gw/brug-1/acc1/reading", b"", retain=False, received_ns=18),
]


@pytest.mark.parametrize("name", ["s.jsonl", "s.jsonl.gz"])
def test_a_session_comes_back_to_the_byte(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with open_session(path, "w") as file:
        file.writelines(session_line(message) for message in MESSAGES)
    assert list(read_session(path)) == MESSAGES
    assert is_session(path)
    assert not is_session(tmp_path / "s.csv")


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"topic": "a"}', '{"topic": 1, "payload": "", "retain": true}',
     '{"topic": "a", "payload": "%", "retain": false}', '{"topic": "a", "payload": "", "retain": 0}'],
)  # fmt: skip
def test_a_broken_line_is_named_with_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(session_line(MESSAGES[0]) + line + "\n")
    with pytest.raises(ConfigurationError, match=r"s\.jsonl:2: got no recorded message"):
        list(read_session(path))


def test_a_session_cut_off_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl.gz"
    with open_session(path, "w") as file:
        file.writelines(session_line(message) for message in MESSAGES)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ConfigurationError, match="cannot be read"):
        list(read_session(path))


def test_a_wide_parquet_table_reads_like_the_same_csv(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("time,f1\n2020-01-01T00:00:00.5Z,3.25\n2020-01-01T01:00:00Z,\n")
    columns = {
        "time": pa.array([1_577_836_800_500_000, 1_577_840_400_000_000], pa.timestamp("us", "UTC")),
        "f1": pa.array([3.25, None], pa.float64()),
    }
    parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    plan = ReplayPlan("b", "s", "g", "time", "auto", 0, (ReplayColumn("f1", "tilt", "mrad"),), 24)
    tables = [read_table(tmp_path / name, plan) for name in ("t.csv", "t.parquet")]
    assert tables[0].time_ns == tables[1].time_ns
    assert str(tables[0].values) == str(tables[1].values)
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    with pytest.raises(ConfigurationError, match="cannot be read as a table"):
        read_table(tmp_path / "bad.parquet", plan)
