"""Pages without data, pages of a broken store, and errors: each says so in the reader's language."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Guarded, Watched
from tests.browser.looking import PATHS, look_closely, named, schemes_in, spoken
from tests.installation import Installation

pytestmark = pytest.mark.slow


def test_an_empty_service_says_so_on_every_page_and_a_broken_one_too(
    empty: Installation, watched: Watched, shots: Path
) -> None:
    """Nothing runs but the pages: the banner says what is away; then the store is damaged under them."""
    empty.until("an answer", lambda: empty.get("/livez") is not None, seconds=90)
    page = watched.open(empty.address, "/?lang=nl")
    wrong: list[str] = []
    banner = {"nl": "Een deel van de dienst werkt nu niet", "en": "Part of the service is away"}
    for path, language in itertools.product(PATHS, banner):
        page.goto(spoken(path, language))
        expect(page.get_by_role("status").filter(has_text=banner[language])).to_be_visible()
        wrong += look_closely(page, shots, f"empty-{named(path)}-{language}", schemes_in(language))
    assert not wrong, "\n".join(wrong)
    watched.expected_statuses = {500, 503}
    away = {"nl": "De gegevens zijn nu niet te bereiken", "en": "The data cannot be reached for now"}
    wrong_here = {"nl": "Er ging iets mis", "en": "Something went wrong"}
    for ruin, path, status, told in (
        ("DROP TABLE risk", "/", 503, away),
        ("INSERT INTO asset (id, detail, revision) VALUES ('a', '[]', 1)", "/assets/a", 500, wrong_here),
    ):
        with contextlib.closing(sqlite3.connect(empty.folder / "operational.sqlite", isolation_level=None)) as db:
            db.execute(ruin)
        for language, heading in told.items():
            answer = page.goto(f"{path}?lang={language}")
            assert answer is not None
            assert answer.status == status
            expect(page.get_by_role("heading", level=1)).to_have_text(heading)
            assert look_closely(page, shots, f"error-{status}-{language}", schemes_in(language)) == []


@pytest.mark.parametrize("language", ["nl", "en"])
def test_an_error_is_a_page_in_the_readers_language(
    guarded: Guarded, watched: Watched, shots: Path, language: str
) -> None:
    cookie = {"name": "schouw", "value": guarded.secrets["viewer"], "url": guarded.address}
    page = watched.open(guarded.address, f"/?lang={language}", cookies=[cookie])
    errors = [("/?state=high", 400), ("/login/oost", 401), ("/sensors/onboard?gateway=g&asset=a&sensor=s", 403)]
    errors += [("/nowhere", 404)]
    watched.expected_statuses = {status for _, status in errors}
    headings = set()
    for path, status in errors:
        answer = page.goto(spoken(path, language))
        assert answer is not None
        assert answer.status == status
        assert page.locator("html").get_attribute("lang") == language
        headings.add(page.get_by_role("heading", level=1).inner_text())
        assert look_closely(page, shots, f"error-{status}-{language}", schemes_in(language)) == []
    assert len(headings) == len(errors)
