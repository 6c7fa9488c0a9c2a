from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from domain.errors import ConfigurationError
from service.prognose import prognose_file
from service.run_table import read_runs

VALUES = ("load", "heat", "noise")


def table(units: int, seed: int, *, failed: bool = True, prefix: str = "pump-") -> list[list[str]]:
    """A header and rows of pumps that get hot and loud over 30 to 60 days."""
    rng = np.random.default_rng(seed)
    rows = [["pump", "day", *VALUES]]
    for number in range(units):
        life = int(rng.integers(30, 60))
        for day in range(life if failed else life // 2):
            worn = np.exp(4.0 * (day / (life - 1) - 1.0)) + 0.05 * rng.normal(size=2)
            values = f"{rng.normal():.4f}", f"{20 + 8 * worn[0]:.4f}", f"{3 - worn[1]:.4f}"
            rows.append([f"{prefix}{number}", str(day + 1), *values])
    return rows


def write(path: Path, rows: list[list[str]]) -> Path:
    path.write_text("\n".join(",".join(row) for row in rows) + "\n", encoding="utf-8")
    return path


class Prognose:
    """The command on tables of one test's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write(folder / "runs.csv", table(12, seed=1))
        write(folder / "units.csv", table(5, seed=2, failed=False, prefix="new "))

    def __call__(
        self,
        *,
        history: Path | str = "runs.csv",
        running: Path | str = "units.csv",
        values: Sequence[str] = VALUES,
        horizon: float | None = 40.0,
        out: Path | str = "out.csv",
    ) -> list[dict[str, str]]:
        """Run it, and read what it wrote."""
        count = prognose_file(
            self.folder / history,
            self.folder / running,
            unit="pump",
            time="day",
            values=values,
            horizon=horizon,
            out=self.folder / out,
        )
        with (self.folder / out).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == count
        return rows


@pytest.fixture
def prognose(tmp_path: Path) -> Prognose:
    return Prognose(tmp_path)


def test_each_running_unit_gets_one_row_in_the_order_of_the_file(prognose: Prognose, tmp_path: Path) -> None:
    rows = prognose()
    assert [row["unit"] for row in rows] == [f"new {number}" for number in range(5)]
    assert list(rows[0]) == ["unit", "rul", "rul_q10", "rul_q50", "rul_q90"]
    for row in rows:
        low, middle, high = (float(row[name]) for name in ("rul_q10", "rul_q50", "rul_q90"))
        assert 0.0 <= low <= middle <= high <= 40.0
        assert 0.0 <= float(row["rul"]) <= 40.0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "runs.csv", "units.csv"]


def test_gzip_is_read_by_its_content_whatever_its_name(prognose: Prognose, tmp_path: Path) -> None:
    plain = prognose()
    (tmp_path / "packed.csv").write_bytes(gzip.compress((tmp_path / "runs.csv").read_bytes()))
    assert prognose(history=tmp_path / "packed.csv") == plain


def test_an_answer_is_gzip_where_its_name_says_so(prognose: Prognose, tmp_path: Path) -> None:
    """Under such a name it was plain text, which no reader of `.gz` opens."""
    prognose()
    with pytest.raises(UnicodeDecodeError):
        prognose(out="out.csv.gz")
    assert gzip.decompress((tmp_path / "out.csv.gz").read_bytes()) == (tmp_path / "out.csv").read_bytes()


def test_mixed_and_unsorted_rows_mean_the_same(prognose: Prognose, tmp_path: Path) -> None:
    plain = prognose()
    rows = table(5, seed=2, failed=False, prefix="new ")
    body = [rows[index] for index in np.random.default_rng(3).permutation(np.arange(1, len(rows)))]
    mixed = prognose(running=write(tmp_path / "mixed.csv", [rows[0], *body]))
    assert {row["unit"]: row for row in mixed} == {row["unit"]: row for row in plain}


def test_another_unit_in_the_table_changes_no_forecast(prognose: Prognose, tmp_path: Path) -> None:
    one = write(tmp_path / "one.csv", table(1, seed=2, failed=False, prefix="new "))
    assert prognose(running=one) == prognose()[:1]


def test_without_a_horizon_the_longest_life_is_the_horizon(prognose: Prognose) -> None:
    days = [int(row[1]) for row in table(12, seed=1)[1:]]
    highest = max(float(row["rul_q90"]) for row in prognose(horizon=None))
    assert highest <= max(days) - 1


def test_iso_times_give_seconds(prognose: Prognose, tmp_path: Path) -> None:
    def dated(rows: list[list[str]]) -> list[list[str]]:
        first = np.datetime64("2024-01-01")
        return [
            rows[0],
            *([row[0], f"{first + np.timedelta64(int(row[1]), 'D')}T06:00:00Z", *row[2:]] for row in rows[1:]),
        ]

    days = prognose()
    seconds = prognose(
        history=write(tmp_path / "dated.csv", dated(table(12, seed=1))),
        running=write(tmp_path / "now.csv", dated(table(5, seed=2, failed=False, prefix="new "))),
        horizon=40.0 * 86_400,
    )
    for day, second in zip(days, seconds, strict=True):
        assert float(second["rul"]) == pytest.approx(float(day["rul"]) * 86_400, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["", " ", "NaN", "NA", "null", "-"])
def test_missing_cells_and_single_rows_get_an_answer(prognose: Prognose, tmp_path: Path, cell: str) -> None:
    rows = table(2, seed=4, failed=False)
    rows[3][3] = cell
    rows.append(["fresh", "1", cell, cell, cell])
    forecasts = prognose(running=write(tmp_path / "gaps.csv", rows))
    assert [row["unit"] for row in forecasts] == ["pump-0", "pump-1", "fresh"]
    assert all(np.isfinite(float(row["rul"])) for row in forecasts)


def test_a_silent_unit_gets_a_wide_answer_and_changes_no_other(prognose: Prognose, tmp_path: Path) -> None:
    """Bridged, it was told as long a life as a new one, in an interval as narrow as that of a unit with every cell."""
    plain = prognose()
    rows = table(5, seed=2, failed=False, prefix="new ")
    for row in rows[1:]:
        if row[0] == "new 0":
            row[2:] = ["", "", ""]
    first, *others = prognose(running=write(tmp_path / "silent.csv", rows))
    assert others == plain[1:]
    assert float(first["rul_q90"]) - float(first["rul_q10"]) > 15.0


@pytest.mark.parametrize("is_history", [True, False])
def test_values_that_no_instrument_has_still_give_an_answer(
    prognose: Prognose, tmp_path: Path, *, is_history: bool
) -> None:
    rows = table(12, seed=1) if is_history else table(5, seed=2, failed=False, prefix="new ")
    rows[7][3], rows[9][3] = "1e300", "-1e308"
    huge = write(tmp_path / "huge.csv", rows)
    forecasts = prognose(history=huge) if is_history else prognose(running=huge)
    for row in forecasts:
        lives = [float(row[name]) for name in ("rul_q10", "rul_q50", "rul_q90")]
        assert np.isfinite([float(row["rul"]), *lives]).all()
        assert 0.0 <= lives[0] <= lives[1] <= lives[2] <= 40.0


def test_histories_of_one_row_are_left_out(prognose: Prognose, tmp_path: Path) -> None:
    stray = [*table(12, seed=1), ["stray", "1", "0", "20", "3"]]
    assert prognose(history=write(tmp_path / "stray.csv", stray)) == prognose()


def with_cell(line: int, column: int, cell: str) -> list[list[str]]:
    rows = table(3, seed=1)
    rows[line - 1][column] = cell
    return rows


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (with_cell(7, 3, "warm"), r"line 7, column 'heat': got 'warm', expected a number, or an empty cell"),
        (with_cell(7, 3, "inf"), r"line 7, column 'heat': got 'inf', expected a finite number, or an empty cell"),
        (with_cell(7, 3, "1_0"), r"line 7, column 'heat': got '1_0', expected a number, or an empty cell"),
        (with_cell(2, 1, "1_0"), r"line 2, column 'day': got '1_0', expected a number or an ISO 8601 time$"),
        (with_cell(9, 1, "1_0"), r"line 9, column 'day': got '1_0', expected a finite number, as in the first row"),
        (with_cell(2, 1, "soon"), r"line 2, column 'day': got 'soon', expected a number or an ISO 8601 time$"),
        (with_cell(9, 1, "2024-01-01"), r"line 9, column 'day': got '2024-01-01', expected a finite number, as in the"),
        (with_cell(9, 1, "nan"), r"line 9, column 'day': got 'nan', expected a finite number"),
        (with_cell(5, 0, " "), r"line 5, column 'pump': got ' ', expected the name of a unit"),
        (with_cell(5, 1, "2"), r"line 5, column 'day': unit 'pump-0' has this time already in line 3"),
        (
            [*table(3, seed=1), ["pump-9", "1", "0"]],
            r"line \d+, column 'heat': got 3 cells, expected 5 as",
        ),
        ([*table(3, seed=1), ['"pump-9', "1", "0", "1", "2"]], r"line \d+: not readable as CSV"),
        (table(3, seed=1)[:1], r"got a header and no rows"),
        (
            [["pump", "day", "load", "heat"]],
            r"line 1: got 0 columns 'noise', expected one; the columns are 'pump', 'day'",
        ),
        ([["pump", "day", "load", "heat", "noise", "heat"]], r"line 1: got 2 columns 'heat', expected one"),
        ([[""]], r"line 1: got 0 columns 'pump', expected one; the columns are none"),
        ([["sep=;"], *table(3, seed=1)], r"line 1: got the line 'sep=;', by which Excel names .*; remove the line"),
        ([["pump", "day", *VALUES], ["a", "1", "1", "2", "3"], ["b", "1", "1", "2", "3"]], r"got 2 units with one row"),
    ],
)
def test_a_faulty_history_is_refused_with_line_and_column(
    prognose: Prognose, tmp_path: Path, rows: list[list[str]], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        prognose(history=write(tmp_path / "faulty.csv", rows))
    assert not list(tmp_path.glob("out.csv*"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the columns are none"),
        (b"\xff\xfe\x00", r"broken\.csv, line 1: not UTF-8 text"),
        (b"pump,day,load\na,1,2\nb,1,\xe9\n", r"line 3, column 'load': not UTF-8 text"),
        (b"pump,day,load\na,1,2\n\xe9,1,2\n", r"line 3, column 'pump': not UTF-8 text"),
        (b'pump,day,load,heat,noise\na,1,2,3,4\na,"2,2,3,4\n' + b"a,3,2,3,4\n" * 9, "line 3: not readable as CSV"),
        (gzip.compress(b"pump,day\n" * 99, mtime=0)[:-9], "the gzip file is cut short or damaged"),
        (b"\x1f\x8bnot gzip", "the gzip file is cut short or damaged"),
    ],
)
def test_a_file_that_is_no_table_is_refused(prognose: Prognose, tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "broken.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        prognose(running=path)


def test_a_file_that_is_not_there_is_named(prognose: Prognose, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gone\.csv: cannot be read"):
        prognose(history=tmp_path / "gone.csv")


def test_times_of_two_kinds_are_refused(prognose: Prognose, tmp_path: Path) -> None:
    rows = [["pump", "day", *VALUES], ["a", "2024-01-01", "1", "2", "3"]]
    with pytest.raises(ConfigurationError, match=r"as a number in .* and as ISO 8601 in"):
        prognose(running=write(tmp_path / "dated.csv", rows))


@pytest.mark.parametrize(
    ("values", "horizon", "message"),
    [
        (VALUES, 0.0, r"got --horizon 0\.0"),
        (VALUES, float("nan"), r"got --horizon nan"),
        ((), 40.0, r"got no --values"),
        (("heat", "heat"), 40.0, r"got column 'heat' more than once"),
        (("heat", "pump"), 40.0, r"got column 'pump' as --unit and again"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    prognose: Prognose, values: tuple[str, ...], horizon: float, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        prognose(values=values, horizon=horizon)


def test_a_table_to_read_is_never_written_over(prognose: Prognose, tmp_path: Path) -> None:
    before = (tmp_path / "runs.csv").read_bytes()
    with pytest.raises(ConfigurationError, match="as --out, which is a table to read"):
        prognose(out=tmp_path / "runs.csv")
    assert (tmp_path / "runs.csv").read_bytes() == before


def test_an_out_that_cannot_be_written_leaves_nothing_behind(prognose: Prognose, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        prognose(out=tmp_path / "taken")
    assert not list(tmp_path.glob("*part-*"))
    with pytest.raises(ConfigurationError, match="cannot be written"):
        prognose(out=tmp_path / "nowhere" / "out.csv")


def test_space_around_a_name_is_no_part_of_it(prognose: Prognose, tmp_path: Path) -> None:
    rows = table(12, seed=1)
    spaced = [[f" {name} " for name in rows[0]], *rows[1:]]
    assert prognose(history=write(tmp_path / "spaced.csv", spaced)) == prognose()


def test_names_and_quotes_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "quoted.csv"
    path.write_text('\ufeffpump, day ,load\n"brug, oud",1,0.5\n\n007,1,1e3\n', encoding="utf-8")
    runs = read_runs(path, unit="pump", time="day", values=["load"])
    assert runs.units == ("brug, oud", "007")
    assert [course.values.tolist() for course in runs.courses] == [[[0.5]], [[1000.0]]]
