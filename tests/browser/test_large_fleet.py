"""Ten thousand structures with long names: pages that fit, are accessible, keep their budgets and print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.browser.budgets import measured
from tests.browser.conftest import Large, Watched
from tests.browser.looking import COLOURS, named, overflow, settle, sheets, spoken, violations

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("path", ["/", "/alarms", "/map", "/matrix?cell=1-3", "/sensors", "/report", "/assets/a00001"])
def test_a_large_fleet_with_long_names_fits_and_is_accessible(
    large: Large, watched: Watched, shots: Path, path: str
) -> None:
    page = watched.open(large.address, spoken(path, "nl"), viewport={"width": 320, "height": 700})
    for language in ("nl", "en"):
        page.goto(spoken(path, language))
        settle(page)
        page.set_viewport_size({"width": 320, "height": 700})
        assert overflow(page) == 0
        page.set_viewport_size({"width": 1280, "height": 900})
        assert overflow(page) == 0
        page.screenshot(path=shots / f"large-{named(path)}-{language}.png", full_page=True)
        assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page, COLOURS) == []


def test_the_list_keeps_its_budget_with_ten_thousand_structures(large: Large, shots: Path) -> None:
    """First page at most 150 kB with all it loads and 300 ms of the server; a structure 500 ms.

    Processor time counts, because others use the machine; waiting stands beside it, with the screenshots. The first
    pages warm the engine up.
    """
    files = [f"/static/{name}" for name in ("tokens.css", "schouw.css", "schouw.js", "schouw.svg")]
    loaded = measured(large.address, large.pid, files)["bytes"] * len(files)
    measured(large.address, large.pid, ["/?lang=nl"])
    first = measured(large.address, large.pid, ["/?lang=nl"] * 10)
    of_many = measured(large.address, large.pid, [f"/assets/a0{number:04}?lang=nl" for number in range(1, 6)])
    figures = {"first_page": first | {"with_files_bytes": first["bytes"] + loaded}, "structure_of_many": of_many}
    (shots / "budgets-large.json").write_text(json.dumps(figures, indent=1))
    assert first["bytes"] + loaded <= 150_000
    assert first["processor_s"] <= 0.3
    assert of_many["processor_s"] <= 0.5


@pytest.mark.parametrize("language", ["nl", "en"])
def test_a_report_of_a_hundred_that_want_action_prints_on_one_sheet(
    large: Large, watched: Watched, shots: Path, language: str
) -> None:
    for path in ("/report", "/assets/a00001/report"):
        page = watched.open(large.address, spoken(path, language))
        assert sheets(page, shots / f"large-{named(path)}-{language}.pdf") == 1, path
