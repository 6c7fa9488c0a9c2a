"""The scoreboard: what it says without its data, and its made-up bridges."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from domain.errors import ConfigurationError
from service.evaluation import bench_ablation, bench_halves
from service.evaluation.bench_quality import BenchFigure, bench_json, bench_table, main, run_bench
from service.evaluation.benchmark_runs import _score_bridge
from service.evaluation.bridge_record import make_bridge_record


def test_a_folder_without_data_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "score").mkdir()
    with pytest.raises(ConfigurationError, match=r"expected a folder 'nab' in it; the data are not shipped"):
        run_bench(tmp_path)


def test_the_program_ends_in_a_sentence_without_its_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.startswith("bench-quality: got ")


def test_figures_are_written_as_a_table_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    figures = [BenchFigure("data", "score", 1.25, "1", "2", "them 1.1"), BenchFigure("data", "delay", None, "", "", "")]
    bench_table(figures, Console(width=120))
    shown = capsys.readouterr().out
    assert "1.25" in shown
    assert "none" in shown
    assert json.loads(bench_json(figures))[0]["ours"] == 1.25


def test_a_made_up_bridge_bends_at_frost_and_loses_what_it_should() -> None:
    record = make_bridge_record(np.random.default_rng(1), noise=0.0, step=0.0)
    damaged = make_bridge_record(np.random.default_rng(1), noise=0.0, step=0.003)
    ratio = damaged.natural_frequency_hz / record.natural_frequency_hz
    assert np.all(ratio[: damaged.step_day] == 1.0)
    assert ratio[damaged.step_day :] == pytest.approx(0.997)
    slope = np.polyfit(record.temperature_degc, record.natural_frequency_hz, 1)[0]
    cold, warm = record.temperature_degc < -4.0, record.temperature_degc > 6.0
    assert slope < 0.0
    assert record.natural_frequency_hz[cold].mean() > record.natural_frequency_hz[warm].mean()


def test_a_made_up_bridge_with_gaps_is_the_same_on_the_days_it_has() -> None:
    whole = make_bridge_record(np.random.default_rng(1))
    gaps = make_bridge_record(np.random.default_rng(1), has_gaps=True)
    seen = np.isfinite(gaps.natural_frequency_hz)
    assert 0.7 < seen.mean() < 0.95
    assert np.array_equal(gaps.natural_frequency_hz[seen], whole.natural_frequency_hz[seen])
    assert np.isfinite(gaps.temperature_degc).all()
    assert gaps.step_day == whole.step_day


@pytest.mark.slow
@pytest.mark.skipif(
    "SCHOUW_TEST_BENCH_DATA" not in os.environ, reason="SCHOUW_TEST_BENCH_DATA names no folder of benchmark data"
)
def test_the_figures_asked_for_are_reached_where_the_data_are() -> None:
    ours = {(row.data, row.figure): row.ours for row in run_bench(Path(os.environ["SCHOUW_TEST_BENCH_DATA"]))}
    assert (ours["NAB dev", "standard score (higher)"] or 0.0) >= 64.0
    assert (ours["SKAB dev", "F1, best threshold (higher)"] or 0.0) >= 0.80
    assert (ours["SKAB dev", "false alarms, best threshold, % (lower)"] or 100.0) <= 23.0
    assert 50.0 <= (ours["bearing, four channels", "first alarm, % of life"] or 0.0) <= 60.0
    assert (ours["made-up bridges, noise 0.12 % a day", "mean AUC of a 0.3 % step (higher)"] or 0.0) >= 0.99


@pytest.mark.slow
def test_a_step_of_two_and_a_half_deviations_of_a_day_is_found_within_five_days() -> None:
    """On seeds that no figure is taken from; without a mean over the last days it takes longer."""
    delays = []
    for seed in range(500, 512):
        record = make_bridge_record(np.random.default_rng(seed), noise=0.0012)
        _, alarm = _score_bridge(record, is_compensated=True)
        assert alarm[: record.step_day].mean() <= 0.02
        raised = np.flatnonzero(alarm[record.step_day :])
        delays.append(int(raised[0]) if len(raised) else 999)
    assert np.median(delays) <= 5


def test_a_part_that_was_switched_off_is_there_again_afterwards() -> None:
    for part in bench_ablation._PARTS:
        whole = getattr(part.module, part.attribute)
        with bench_ablation._switched_off(part):
            assert getattr(part.module, part.attribute) is part.instead
        assert getattr(part.module, part.attribute) is whole


def test_random_halves_share_no_file_and_leave_none_out(tmp_path: Path) -> None:
    data = tmp_path / "set"
    data.mkdir()
    (data / "split.json").write_text(json.dumps({"dev": list("abcdefg"), "heldout": []}))
    (data / "data.csv").write_text("x")
    (tmp_path / "work").mkdir()
    folders = bench_halves._split(data, tmp_path / "work")
    assert len(folders) == 10
    for folder in folders:
        split = json.loads((folder / "split.json").read_text())
        assert sorted(split["dev"] + split["heldout"]) == list("abcdefg")
        assert (folder / "data.csv").read_text() == "x"


@pytest.mark.parametrize(
    ("change", "second"),
    [
        (bench_halves._turn, {"t": "2024-01-01 00:05:00", "a": "986.0"}),
        (bench_halves._delay, {"t": "2024-01-01 05:05:00", "a": "2"}),
        (bench_halves._thin, {"t": "2024-01-01 00:05:00", "a": "2"}),
    ],
)
def test_copies_of_the_data_are_changed_as_they_say(
    tmp_path: Path, change: bench_halves.Change, second: dict[str, str]
) -> None:
    (tmp_path / "in.csv").write_text("t,a\n2024-01-01 00:00:00,1\n2024-01-01 00:05:00,2\n")
    bench_halves._changed(tmp_path / "in.csv", tmp_path / "out.csv", ["a"], "t", change)
    with (tmp_path / "out.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert rows[1] == second
    assert (rows[0]["a"] == "") is (change is bench_halves._thin)
