"""The benchmarks run and say what they should; speed itself is not judged here, on machines that do other work."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.performance import api_rates
from tests.performance.end_to_end import CHAIN, measure
from tests.performance.latency import publish_to_visible
from tests.performance.load import Load
from tests.performance.receivers import BARE
from tests.servers import NatsBroker


@pytest.mark.slow
def test_the_chain_and_a_bare_loop_take_every_message_of_the_same_load(tmp_path: Path) -> None:
    for receiver in (CHAIN, BARE):
        broker = NatsBroker(tmp_path / f"broker-{receiver[:4]}")
        found = measure(receiver, broker, Load("waveform", 100, 100), tmp_path / receiver.replace(" ", "-"))
        assert found.messages >= 10_000
        assert found.rate > 0
        assert found.cpu_us > 0


@pytest.mark.slow
def test_readings_become_visible_at_half_load_and_the_wait_is_told() -> None:
    found = publish_to_visible(rate=100.0, seconds=2.0, sensors=100)
    assert found["probes"] >= 1
    assert 0.0 < found["p50_s"] <= found["p99_s"] <= found["worst_s"]


@pytest.mark.slow
def test_figures_are_printed_and_kept_as_json(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    command = [sys.executable, "-m", "tests.performance.bench", "--short", "--out", str(out)]
    command += ["recovery", "growth", "core"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=200)
    figures = json.loads(out.read_text())
    assert figures["machine"]["cores"] >= 1
    assert [row["sensors"] for row in figures["growth"]] == [100, 1000]
    assert all(row["block_us"] > 0 and row["sensor_kb"] > 0 for row in figures["growth"])
    # Unlike time, memory is about the same on every machine; of a thousand sensors each has less of what all share.
    assert 8.0 < figures["growth"][-1]["sensor_kb"] < 13.5
    assert figures["recovery"]["seconds"] > 0
    assert {row["what"].split()[0] for row in figures["core"]} == {
        "features",
        "models",
        "like",
        "risk,",
        "river",
        "PySAD",
    }
    assert all(row["microseconds"] > 0 for row in figures["core"])
    assert "kB a sensor" in done.stdout


@pytest.mark.slow
def test_polling_beside_ingest_is_measured_and_its_promises_are_told() -> None:
    found = api_rates.measure(slices=1, slice_s=0.3, pollers=5, poll_s=0.5, assets=60, share=0.5, messages=2_000)
    assert (found["assets"], found["poll_errors"]) == (60, 0)
    assert found["polls"] >= found["polls_304"] > 0
    assert found["list_changes"] >= 1
    assert (
        min(found[f"{kind}_{figure}"] for kind in ("bare", "list", "unchanged") for figure in ("per_s", "cpu_us")) > 0
    )
    rows = api_rates.table(found)
    assert sum(row.endswith(("| yes |", "| no |")) for row in rows) == len(api_rates.PROMISES)
