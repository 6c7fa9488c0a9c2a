"""`score_file`: the table that goes in, the table that comes out, and what is said when it is none."""

from __future__ import annotations

import csv
import gzip
import math
from pathlib import Path

import numpy as np
import pytest

from domain.errors import ConfigurationError, SchouwError
from service.score import ScoreInputError, score_file


def _write(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def _table(rows: int, seed: int = 1) -> list[str]:
    generator = np.random.default_rng(seed)
    cells = generator.normal(size=(rows, 2)) + 5.0
    return ["t,a,b", *(f"{index * 60},{a:.6f},{b:.6f}" for index, (a, b) in enumerate(cells))]


def test_every_row_comes_back_in_order_with_the_agreed_columns(tmp_path: Path) -> None:
    source = _write(tmp_path / "in.csv", _table(300))
    rows = score_file(source, tmp_path / "out.csv", time="t", values=["a", "b"], commission=100)
    out = _read(tmp_path / "out.csv")
    assert rows == len(out) == 300
    wanted = ["time", "novelty", "p_value", "alarm", "expected_a", "residual_a", "expected_b", "residual_b"]
    assert list(out[0]) == wanted
    assert [row["time"] for row in out] == [str(60 * index) for index in range(300)]
    for row, given in zip(out, _read(source), strict=True):
        assert math.isfinite(float(row["novelty"]))
        assert 0.0 < float(row["p_value"]) <= 1.0
        assert row["alarm"] in {"0", "1"}
        if row["expected_a"]:
            total = float(row["expected_a"]) + float(row["residual_a"])
            assert total == pytest.approx(float(given["a"]), abs=1e-6)


def test_gzip_is_told_by_its_bytes_and_gives_the_same_answer(tmp_path: Path) -> None:
    lines = _table(200)
    plain = _write(tmp_path / "in.csv", lines)
    packed = tmp_path / "looks_plain.csv"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    score_file(plain, tmp_path / "one.csv", time="t", values=["a", "b"])
    score_file(packed, tmp_path / "two.csv.gz", time="t", values=["a", "b"])
    assert gzip.decompress((tmp_path / "two.csv.gz").read_bytes()) == (tmp_path / "one.csv").read_bytes()


def test_interleaved_groups_are_streams_of_their_own(tmp_path: Path) -> None:
    one, two = _table(200, seed=1)[1:], _table(200, seed=2)[1:]
    mixed = [f"{name},{line}" for pair in zip(one, two, strict=True) for name, line in zip("xy", pair, strict=True)]
    source = _write(tmp_path / "mixed.csv", ["g,t,a,b", *mixed])
    alone = _write(tmp_path / "alone.csv", ["t,a,b", *one])
    score_file(source, tmp_path / "mixed_out.csv", time="t", values=["a", "b"], group="g")
    score_file(alone, tmp_path / "alone_out.csv", time="t", values=["a", "b"])
    assert _read(tmp_path / "mixed_out.csv")[::2] == _read(tmp_path / "alone_out.csv")


def test_times_may_be_iso_with_or_without_zone_or_numbers(tmp_path: Path) -> None:
    """A minute after a minute, however it is written: the daily profile must see the same times."""
    generator = np.random.default_rng(3)
    values = [f"{value:.4f}" for value in generator.normal(size=200)]
    forms = {
        "blank": [f"1970-01-01 {index // 60:02d}:{index % 60:02d}:00" for index in range(200)],
        "zone": [f"1970-01-01T{1 + index // 60:02d}:{index % 60:02d}:00+01:00" for index in range(200)],
        "zulu": [f"1970-01-01T{index // 60:02d}:{index % 60:02d}:00Z" for index in range(200)],
        "number": [str(60 * index) for index in range(200)],
    }
    answers = []
    for name, times in forms.items():
        source = _write(tmp_path / f"{name}.csv", ["t,v", *map(",".join, zip(times, values, strict=True))])
        score_file(source, tmp_path / f"{name}_out.csv", time="t", values=["v"])
        answers.append([row["novelty"] for row in _read(tmp_path / f"{name}_out.csv")])
    assert all(answer == answers[0] for answer in answers)


def test_an_index_is_not_read_as_a_time(tmp_path: Path) -> None:
    source = _write(tmp_path / "in.csv", ["t,v", *(f"row {index},{index % 3}" for index in range(150))])
    assert score_file(source, tmp_path / "out.csv", time="t", values=["v"], time_unit="index") == 150
    assert _read(tmp_path / "out.csv")[0]["time"] == "row 0"


@pytest.mark.parametrize("unit", [1e-3, 1e-6, 1e-9])
def test_milliseconds_and_finer_are_told_by_their_size(tmp_path: Path, unit: float) -> None:
    """Taken for seconds they leave no time of day: a usual value at an unusual hour was not strange."""
    generator = np.random.default_rng(5)
    seconds = 1_700_000_000 + 600 * np.arange(2500)
    values = 100.0 + 40.0 * np.sin(2.0 * np.pi * seconds / 86_400.0) + 3.0 * generator.normal(size=2500)
    values[2300:2330] = values[2300 + 72 : 2330 + 72]
    novelty = []
    for name, times in (("s", seconds), ("finer", np.round(seconds / unit).astype(np.int64))):
        lines = ["t,a", *[f"{time},{value:.3f}" for time, value in zip(times.tolist(), values.tolist(), strict=True)]]
        score_file(_write(tmp_path / name, lines), tmp_path / "out.csv", time="t", values=["a"])
        novelty.append([float(row["novelty"]) for row in _read(tmp_path / "out.csv")])
    assert max(novelty[0][2300:2330]) > 3.0
    assert novelty[1] == pytest.approx(novelty[0], abs=1e-6)


@pytest.mark.parametrize("cell", ["", "nan", "NaN", "NA", "null", "None", "inf", "-Infinity"])
def test_missing_values_are_no_evidence(tmp_path: Path, cell: str) -> None:
    lines = _table(200)
    lines[150] = f"9000,{cell},{cell}"
    score_file(_write(tmp_path / "in.csv", lines), tmp_path / "out.csv", time="t", values=["a", "b"])
    row = _read(tmp_path / "out.csv")[149]
    assert (row["novelty"], row["p_value"], row["alarm"], row["residual_a"]) == ("0", "1", "0", "")


def test_a_quiet_environment_column_is_taken_and_a_step_is_found(tmp_path: Path) -> None:
    generator = np.random.default_rng(4)
    temperature = 10.0 + 8.0 * np.sin(np.arange(400) / 58.0) + generator.normal(size=400)
    values = 3.9 - 0.002 * temperature + 0.004 * generator.normal(size=400)
    values[300:] -= 0.02
    days = [f"{86400 * index},{f:.6f},{t:.3f}" for index, (f, t) in enumerate(zip(values, temperature, strict=True))]
    source = _write(tmp_path / "in.csv", ["t,f,deck", *days])
    out = tmp_path / "out.csv"
    score_file(source, out, time="t", values=["f"], environment=["deck"], commission=100)
    alarm = [row["alarm"] == "1" for row in _read(out)]
    assert not any(alarm[:300])
    assert all(alarm[305:])


@pytest.mark.parametrize(
    ("lines", "says", "row", "column"),
    [
        (["t,a", "0,1", "60,warm"], r"line 3, column 'a': got 'warm', expected a number", 3, "a"),
        (["t,a", "0,1", "noon,2"], r"line 3, column 't': got 'noon', expected an ISO 8601 time", 3, "t"),
        (["t,a", "0,1", "60,1_000"], r"line 3, column 'a': got '1_000', expected a number", 3, "a"),
        (["t,a", "0,1", "6_0,2"], r"line 3, column 't': got '6_0', expected an ISO 8601 time or a number", 3, "t"),
        (["t, a,a", "0,1,2"], r"line 1: got 2 columns 'a'", 1, "a"),
        (["t,a,b ", "0,1"], r"line 2, column 'b': got 2 columns, expected 3", 2, "b"),
        (["t,a", "0,1", "nan,2"], r"line 3, column 't': got 'nan', expected a number of seconds", 3, "t"),
        (["t,a", "0,1", "60,1,9"], r"line 3: got 3 columns, expected 2", 3, ""),
        (["t,a,b", "0,1,2", "60"], r"line 3, column 'a': got 1 columns, expected 3", 3, "a"),
        (["t,a", '0,"1'], r"line 2: got text that is not CSV", 2, ""),
        (["t,a", "0,1", '60,"1', *["120,1"] * 50], r"line 3: got text that is not CSV", 3, ""),
        (["t,a", "0,1", '60,"1"2'], r"line 3: got text that is not CSV", 3, ""),
        (["t,b", "0,1"], r"line 1: got no column 'a' among \['t', 'b'\]", 1, "a"),
        (["t,a,a", "0,1,2"], r"line 1: got 2 columns 'a'", 1, "a"),
        (["t;a", "0;1"], r"cells are separated by commas", 1, "t"),
        ([""], r"line 1: got an empty line or file", 1, ""),
        (["sep=;", "t;a", "0;1"], r"line 1: got the line 'sep=;', by which Excel names the separator", 1, ""),
        (["sep=,", "t,a", "0,1"], r"line 1: got the line 'sep=,', by which .*; remove the line, and save", 1, ""),
    ],
)
def test_a_malformed_table_is_told_by_row_and_column_and_leaves_nothing(
    tmp_path: Path, lines: list[str], says: str, row: int, column: str
) -> None:
    source = _write(tmp_path / "in.csv", lines)
    with pytest.raises(ScoreInputError, match=says) as caught:
        score_file(source, tmp_path / "out.csv", time="t", values=["a"])
    assert (caught.value.row, caught.value.column) == (row, column)
    assert isinstance(caught.value, SchouwError)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


@pytest.mark.parametrize(
    ("content", "row", "column"),
    [
        (b"t,a\n0,1\n60,\xe9\n120,1\n", 3, "a"),
        (b"t,a,place\n0,1,caf\xc3\xa9\n60,1,caf\xe9\n", 3, "place"),
        (b"t,\xe9\n0,1\n", 1, ""),
    ],
)
def test_bytes_that_are_no_text_are_told_by_row_and_column(
    tmp_path: Path, content: bytes, row: int, column: str
) -> None:
    source = tmp_path / "in.csv"
    source.write_bytes(content)
    with pytest.raises(ScoreInputError, match=f"line {row}.* with bytes that are no text") as caught:
        score_file(source, tmp_path / "out.csv", time="t", values=["a"])
    assert (caught.value.row, caught.value.column) == (row, column)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_bytes_that_are_no_text_and_half_a_gzip_are_told(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    for content in (b"t,a\n0,\xff\xfe\n", gzip.compress(b"t,a\n" + b"0,1\n" * 5000)[:-20], b"\x1f\x8bno gzip at all"):
        source.write_bytes(content)
        with pytest.raises(ScoreInputError, match="expected UTF-8 text, plain or gzip"):
            score_file(source, tmp_path / "out.csv", time="t", values=["a"])
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_fault_keeps_the_answer_that_was_there_before(tmp_path: Path) -> None:
    source = _write(tmp_path / "in.csv", ["t,a", "0,x"])
    target = _write(tmp_path / "out.csv", ["earlier"])
    with pytest.raises(ScoreInputError):
        score_file(source, target, time="t", values=["a"])
    assert target.read_text(encoding="utf-8") == "earlier\n"


def test_a_header_alone_gives_a_header_alone(tmp_path: Path) -> None:
    assert score_file(_write(tmp_path / "in.csv", ["t,a"]), tmp_path / "out.csv", time="t", values=["a"]) == 0
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == "time,novelty,p_value,alarm,expected_a,residual_a\n"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"values": []}, "got no value columns"),
        ({"values": ["a"], "environment": ["a"]}, r"got columns \['a'\] twice"),
        ({"values": ["a"], "commission": -1}, "got --commission -1"),
        ({"values": ["a"], "expected_run_length": 1.0}, r"got --expected-run-length 1\.0"),
        ({"values": ["a"], "expected_run_length": math.nan}, "got --expected-run-length nan"),
        ({"values": ["a"], "time_unit": "ms"}, "got --time-unit 'ms', expected one of s, index"),
    ],
)
def test_options_that_mean_nothing_are_refused(tmp_path: Path, options: dict[str, object], says: str) -> None:
    source = _write(tmp_path / "in.csv", ["t,a", "0,1"])
    with pytest.raises(ConfigurationError, match=says):
        score_file(source, tmp_path / "out.csv", time="t", **options)  # type: ignore[arg-type]  # wrong on purpose


def test_files_that_are_away_or_the_same_are_refused(tmp_path: Path) -> None:
    source = _write(tmp_path / "in.csv", ["t,a", "0,1"])
    with pytest.raises(ConfigurationError, match="expected a CSV file that is there"):
        score_file(tmp_path / "none.csv", tmp_path / "out.csv", time="t", values=["a"])
    with pytest.raises(ConfigurationError, match="expected two different files"):
        score_file(source, source, time="t", values=["a"])
    with pytest.raises(ConfigurationError, match="expected a folder that may be written to"):
        score_file(source, tmp_path / "no" / "out.csv", time="t", values=["a"])
    assert source.read_text(encoding="utf-8") == "t,a\n0,1\n"


def test_a_byte_order_mark_and_windows_line_ends_are_borne(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_bytes(b"\xef\xbb\xbft,a\r\n0,1\r\n60,2\r\n\r\n")
    assert score_file(source, tmp_path / "out.csv", time="t", values=["a"]) == 2


def test_space_around_a_name_is_no_part_of_it(tmp_path: Path) -> None:
    """`t, a` was refused here and taken by `schouw prognose`."""
    plain, spaced = tmp_path / "plain.csv", tmp_path / "spaced.csv"
    score_file(_write(tmp_path / "a.csv", ["t,a,b", "0,1,2", "60,2,3"]), plain, time="t", values=["a"], group="b")
    source = _write(tmp_path / "b.csv", [" t, a ,\tb", "0,1,2", "60,2,3"])
    score_file(source, spaced, time="t", values=["a"], group="b")
    assert spaced.read_bytes() == plain.read_bytes()
    # As it had to be asked for before.
    score_file(source, spaced, time=" t", values=["a"], group="\tb")
    assert spaced.read_bytes() == plain.read_bytes()


def test_a_table_whose_columns_speak_in_turn_is_judged(tmp_path: Path) -> None:
    """Joined from two loggers, it had the deck in one row and the frequency in the next, and no row was judged."""
    rng = np.random.default_rng(11)
    lines = ["t,f,deck"]
    for row in range(1200):
        frequency = f"{3.0 + 0.01 * rng.normal() - (0.2 if row > 1000 else 0.0):.5f}"
        lines.append(f"{row * 60},{frequency if row % 2 else ''},{'' if row % 2 else f'{10 + rng.normal():.3f}'}")
    source = _write(tmp_path / "in.csv", lines)
    told: list[str] = []
    score_file(source, tmp_path / "out.csv", time="t", values=["f"], environment=["deck"], told=told.append)
    verdicts = _read(tmp_path / "out.csv")
    alarms = [row for row, verdict in enumerate(verdicts) if verdict["alarm"] == "1"]
    assert alarms[0] in range(1001, 1020)
    assert told == []


def test_a_column_that_was_never_judged_is_told(tmp_path: Path) -> None:
    lines = ["t,a,b,deck", *(f"{60 * row},{row % 7},,{'' if row else 5}" for row in range(300))]
    source = _write(tmp_path / "in.csv", lines)
    told: list[str] = []
    score_file(source, tmp_path / "out.csv", time="t", values=["a", "b"], told=told.append)
    assert told == ["Column b was never judged: that takes rows with a value, more of them than there were."]
    told.clear()
    score_file(source, tmp_path / "out.csv", time="t", values=["a"], environment=["deck"], told=told.append)
    assert told == ["Column a was never judged: that takes rows that also have deck, more of them than there were."]
