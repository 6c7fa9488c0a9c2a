"""`schouw score` through the command line: its options, its faults, and that cutting a file changes nothing before."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from service.cli import main

Score = Callable[..., int]


@pytest.fixture
def score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Score:
    """Run `schouw score` in a folder of the test and give its exit code."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["schouw", "score", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code if isinstance(ended.value.code, int) else 0

    return run


def bridges(days: int = 320) -> list[str]:
    """Two bridges whose frequency follows deck and air, one of which loses a hundredth of it on day 250."""
    generator = np.random.default_rng(1)
    lines = ["asset,time,f1,deck,air"]
    for day in range(days):
        for name in ("a", "b"):
            air = 10.0 + 9.0 * np.sin(day / 58.0) + generator.normal()
            deck = air + generator.normal()
            f1 = 3.9 - 0.004 * deck + 0.001 * air + 0.004 * generator.normal()
            f1 *= 0.99 if name == "b" and day >= 250 else 1.0
            time = np.datetime64("2024-01-01") + np.timedelta64(day, "D")
            lines.append(f"{name},{time}T00:00:00Z,{f1:.6f},{deck:.3f},{air:.3f}")
    return lines


def verdicts(path: str) -> list[dict[str, str]]:
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", newline="") as handle:
        return list(csv.DictReader(handle))


OPTIONS = ("--time", "time", "--values", "f1", "--environment", "deck,air", "--group", "asset", "--commission", "100")


def test_groups_and_environment_find_the_one_that_changed(score: Score) -> None:
    Path("in.csv.gz").write_bytes(gzip.compress("\n".join(bridges()).encode()))
    assert score("in.csv.gz", "out.csv.gz", *OPTIONS) == 0
    rows = verdicts("out.csv.gz")
    assert len(rows) == 640
    alarm = {name: [row["alarm"] == "1" for row in rows[at::2]] for at, name in enumerate("ab")}
    assert not any(alarm["a"])
    assert not any(alarm["b"][:250])
    assert all(alarm["b"][260:])


@pytest.mark.slow
@pytest.mark.parametrize("cut", [1, 37, 101, 400, 555])
def test_cutting_the_file_changes_no_byte_before_the_cut(score: Score, cut: int) -> None:
    lines = bridges()
    Path("in.csv").write_text("\n".join(lines) + "\n")
    Path("cut.csv").write_text("\n".join(lines[: cut + 1]) + "\n")
    assert score("in.csv", "out.csv", *OPTIONS) == 0
    assert score("cut.csv", "part.csv", *OPTIONS) == 0
    assert Path("out.csv").read_bytes().startswith(Path("part.csv").read_bytes())


def test_an_index_needs_no_times(score: Score) -> None:
    Path("in.csv").write_text("n,x,y\n" + "".join(f"row {at},{at % 7},{at % 5}\n" for at in range(200)))
    assert score("in.csv", "out.csv", "--time", "n", "--values", "x,y", "--time-unit", "index") == 0
    assert len(verdicts("out.csv")) == 200


def test_a_wrong_cell_names_row_and_column_and_leaves_no_file(score: Score, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in.csv").write_text("t,x\n" + "".join(f"{at},1\n" for at in range(50)) + "50,warm\n")
    assert score("in.csv", "out.csv", "--time", "t", "--values", "x") == 2
    assert "line 52, column 'x': got 'warm'" in capsys.readouterr().err
    assert sorted(path.name for path in Path().iterdir()) == ["in.csv"]


def test_a_table_without_a_row_is_an_answer_that_says_so(score: Score, capsys: pytest.CaptureFixture[str]) -> None:
    """It said nothing but "Wrote 0 verdicts", which a script that reads the exit code never hears."""
    Path("in.csv").write_text("t,x\n\n")
    assert score("in.csv", "out.csv", "--time", "t", "--values", "x", "--commission", "10") == 0
    assert Path("out.csv").read_text() == "time,novelty,p_value,alarm,expected_x,residual_x\n"
    said = capsys.readouterr()
    assert said.err == "in.csv has a header and no row below it, so out.csv is a header alone; check the export.\n"
    assert said.out == "Wrote 0 verdicts to out.csv.\n"


def test_an_option_out_of_range_is_one_sentence(score: Score, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in.csv").write_text("t,x\n0,1\n")
    assert score("in.csv", "out.csv", "--time", "t", "--values", "x", "--expected-run-length", "0") == 2
    assert "got --expected-run-length 0.0" in capsys.readouterr().err
