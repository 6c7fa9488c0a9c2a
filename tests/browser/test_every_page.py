"""Every page, both languages, both themes: no violation that axe-core finds, nothing cut off, pictures to look at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.budgets import measured
from tests.browser.conftest import Site, Watched
from tests.browser.looking import PATHS, look_closely, named, overflow, schemes_in, settle, sheets, spoken
from tests.browser.service import asset_of

pytestmark = pytest.mark.slow

DRAWN = ["brug-1", "brug-2", "weg-1", "sluis-1"]


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_page_is_accessible_in_both_themes_and_fits(
    site: Site, watched: Watched, shots: Path, language: str
) -> None:
    asset = asset_of(site.installation)
    alarm = site.installation.get("/v1/alarms")["items"][0]["id"]
    paths = [*PATHS, f"/assets/{asset}", f"/assets/{asset}/report", f"/alarms/{alarm.replace('/', '%2F')}"]
    page = watched.open(site.address, f"/?lang={language}", locale="en-GB")
    wrong: list[str] = []
    for path in paths:
        page.set_viewport_size({"width": 1280, "height": 900})  # a map is as wide as it was when it was loaded
        page.goto(spoken(path, language))
        settle(page)
        assert page.locator("html").get_attribute("lang") == language
        wrong += look_closely(page, shots, f"{named(path)}-{language}", schemes_in(language))
    assert not wrong, "\n".join(wrong)


def test_a_structure_keeps_its_budget(site: Site, shots: Path) -> None:
    """With its charts 500 ms of the server, 250 ms when they were drawn before.

    Processor time counts, because others use the machine; waiting stands beside it, with the screenshots. A neighbour
    on the same core makes processor time longer too: the shorter of two rounds counts.
    """
    rounds = [
        measured(site.address, site.api_pid(), [f"/assets/{name}?lang={language}" for name in DRAWN])
        for language in ("en", "nl")  # no chart is kept from one language to the other
    ]
    drawn = min(rounds, key=lambda one: one["processor_s"])
    kept = measured(site.address, site.api_pid(), ["/assets/brug-1?lang=en"] * 10)
    (shots / "budgets.json").write_text(json.dumps({"structure": drawn, "again": kept}, indent=1))
    assert drawn["processor_s"] <= 0.5
    assert kept["processor_s"] <= 0.25


def test_any_page_can_be_printed(site: Site, watched: Watched) -> None:
    """Paper cannot be scrolled or pressed: the matrix and wide charts were cut off, and choices stood between them."""
    page = watched.open(site.address, viewport={"width": 688, "height": 980})  # A4 without its margins
    page.emulate_media(media="print")
    for path in (*PATHS, f"/assets/{asset_of(site.installation)}"):
        page.goto(spoken(path, "nl"))
        cut_off = "[...document.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth).length"
        assert (overflow(page), page.evaluate(cut_off)) == (0, 0), path
        pressed = page.locator("button, select, input, textarea, .chart summary").filter(visible=True)
        assert pressed.all_inner_texts() == [], path
        expect(page.locator("#fresh")).to_be_hidden()


def test_on_a_phone_the_newest_of_a_chart_is_in_view(site: Site, watched: Watched) -> None:
    """The start of the month stood there, and today to the right of the screen."""
    page = watched.open(site.address, "/assets/brug-1?lang=nl", viewport={"width": 360, "height": 740})
    for code in ("measured", "timeline"):
        box = page.locator(f"figure[data-chart={code}] .drawing")
        assert box.evaluate("(box) => box.scrollWidth > box.clientWidth"), "what is tried here does not happen"
        hidden = "(box) => box.querySelector('svg').getBoundingClientRect().right - box.getBoundingClientRect().right"
        assert box.evaluate(hidden) < 1


@pytest.mark.parametrize("language", ["nl", "en"])
def test_a_report_prints_on_one_sheet(site: Site, watched: Watched, shots: Path, language: str) -> None:
    for path in ("/report", "/assets/brug-1/report"):
        page = watched.open(site.address, spoken(path, language))
        assert sheets(page, shots / f"demo-{named(path)}-{language}.pdf") == 1, path
