"""What people come to do, walked through in a real browser on a running service."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.browser.conftest import Guarded, Site, Watched
from tests.browser.looking import SCHEMES, look_closely, overflow, violations
from tests.browser.service import DAYS, START_NS, asset_of
from tests.installation import publish

pytestmark = pytest.mark.slow


def test_from_the_morning_list_to_a_decision_in_the_log(site: Site, watched: Watched, shots: Path) -> None:
    page = watched.open(site.address, "/", locale="nl-NL")
    expect(page.get_by_role("heading", level=1)).to_have_text("Hier eerst naar kijken")
    page.locator("table.ranking tbody th a").first.click()
    expect(page.get_by_role("heading", name="Waarom", exact=True)).to_be_visible()
    assert page.locator("ol.reasons li").count() > 0
    page.get_by_label("Wat besluit u?").select_option("inspect")
    page.get_by_label("Waarom?").fill("Morgen gaat de inspecteur kijken.")
    page.get_by_label("Uw naam").fill("J. de Vries")
    page.get_by_role("button", name="Leg het besluit vast").click()
    expect(page.get_by_role("status").filter(has_text="Vastgelegd.")).to_be_visible()
    page.get_by_role("link", name="Alarmen en besluiten").click()
    page.get_by_role("link", name="Alle besluiten").click()
    expect(page.get_by_text("Morgen gaat de inspecteur kijken.")).to_be_visible()
    page.get_by_role("link", name="Werklijst").click()
    expect(page.get_by_text("Morgen gaat de inspecteur kijken.")).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="Van meting tot afloop").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Logboek van een besluit")
    assert look_closely(page, shots, "decision-log-nl") == []
    page.goto(f"{page.url}?lang=en")
    expect(page.get_by_role("heading", level=1)).to_have_text("Log of one decision")
    assert look_closely(page, shots, "decision-log-en") == []


def test_an_alarm_is_seen_within_two_seconds(site: Site, shots: Path) -> None:
    """Measured while the demo ran: from the row in the store to the page that was open, for every open alarm."""
    assert site.seen_after_s
    (shots / "alarms.json").write_text(json.dumps(site.seen_after_s, indent=1))
    assert max(site.seen_after_s.values()) < 2.0
    assert site.never_seen == set()


def test_the_language_is_the_browsers_until_it_is_chosen_and_then_stays(site: Site, watched: Watched) -> None:
    page = watched.open(site.address, "/work", locale="en-GB")
    expect(page.get_by_role("heading", level=1)).to_have_text("Work list")
    page.get_by_role("link", name="Nederlands").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Werklijst")
    page.get_by_role("link", name="Kaart").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Kaart")


def test_everything_but_the_map_works_without_scripts(site: Site, watched: Watched) -> None:
    page = watched.open(site.address, "/?lang=en", java_script_enabled=False)
    page.get_by_label("Name or identifier").fill("testbrug")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("table.ranking tbody tr")).to_have_count(1)
    page.locator("table.ranking tbody th a").click()
    page.get_by_label("Why?").fill("Without a script")
    page.get_by_label("What do you decide?").select_option("plan")
    page.get_by_label("Your name").fill("A. Planner")
    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_text("Fill in the day of the planned work.")).to_be_visible()
    expect(page.get_by_label("Why?")).to_have_value("Without a script")
    page.goto("/map?lang=en")
    expect(page.get_by_role("link", name="Testbrug")).to_be_visible()


def test_the_keyboard_is_enough(site: Site, watched: Watched) -> None:
    page = watched.open(site.address, "/?lang=en")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('table.ranking th a')"):
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/assets/"))


def test_what_is_typed_survives_an_update(site: Site, watched: Watched) -> None:
    asset = asset_of(site.installation)
    page = watched.open(site.address, f"/assets/{asset}?lang=en")
    page.get_by_label("Why?").fill("Half a sentence that must not")
    other = watched.open(site.address, f"/assets/{asset}?lang=en")
    alarm = site.installation.get(f"/v1/alarms?asset={asset}")["items"][0]
    other.goto(f"/alarms/{alarm['id'].replace('/', '%2F')}?lang=en")
    other.get_by_label("What do you decide?").select_option("acknowledge")
    other.get_by_label("Why?").fill("Seen in the other window")
    other.get_by_label("Your name").fill("B. Planner")
    other.get_by_role("button", name="Record the decision").click()
    expect(page.locator("[data-live=decisions]").get_by_text("Seen in the other window")).to_be_visible(timeout=5000)
    expect(page.get_by_label("Why?")).to_have_value("Half a sentence that must not")


def test_an_update_moves_neither_the_focus_nor_the_page(site: Site, watched: Watched) -> None:
    """An update every second took the focus from all that is no link, and scrolled back to a link that had it."""
    asset = asset_of(site.installation)
    page = watched.open(
        site.address, "/sensors?lang=en", viewport={"width": 760, "height": 500}, reduced_motion="reduce"
    )
    summary = page.locator("details[data-key=letters] > summary")
    links = page.locator("[data-live=sensors] a")
    page.evaluate("document.getElementById('made').textContent = 'long ago'")
    for held in (summary, links.last):
        held.focus()
        if held is summary:
            page.keyboard.press("Enter")
        page.evaluate("window.scrollTo({ top: 0, behavior: 'instant' })")
        page.evaluate("document.querySelector('[data-live=sensors] h2').append(' (old)')")
        decision = {"verb": "inspect", "reason": "Makes the pages look again", "decidedBy": "C. Planner"}
        answer = page.request.post(f"{site.address}/v1/assets/{asset}/decisions", data=decision)
        assert answer.status == 201
        expect(page.get_by_text("(old)")).to_have_count(0, timeout=10_000)
        expect(held).to_be_focused()
        assert page.evaluate("window.scrollY") == 0
    expect(page.locator("details[data-key=letters]")).to_have_attribute("open", "")
    expect(page.locator("#made")).to_contain_text("Made at")


def test_a_form_that_came_back_stays_up_to_date(site: Site, watched: Watched) -> None:
    """It asked the address of the form whether something changed, got an error, and said that updates were away."""
    asset = asset_of(site.installation)
    page = watched.open(site.address, f"/assets/{asset}?lang=en")
    page.get_by_label("Why?").fill("Without a day")
    page.get_by_label("What do you decide?").select_option("plan")
    page.get_by_label("Your name").fill("D. Planner")
    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_text("Fill in the day of the planned work.")).to_be_visible()
    decision = {"verb": "inspect", "reason": "Seen beside the form", "decidedBy": "E. Planner"}
    assert page.request.post(f"{site.address}/v1/assets/{asset}/decisions", data=decision).status == 201
    expect(page.locator("[data-live=decisions]").get_by_text("Seen beside the form")).to_be_visible(timeout=10_000)
    expect(page.locator("#stale")).to_be_hidden()
    expect(page.get_by_label("Why?")).to_have_value("Without a day")
    page.get_by_role("link", name="Nederlands").click()
    expect(page.get_by_role("heading", name="Besluit nemen")).to_be_visible()


def test_what_changed_before_the_page_could_listen_comes_to_it(site: Site, watched: Watched) -> None:
    """What changed while the stream was still being opened stayed away until something else changed."""
    asset = asset_of(site.installation)
    page = watched.open(site.address, "/about?lang=en")
    held: list[Route] = []
    page.route(re.compile("/live"), lambda route: held.append(route))  # noqa: PLW0108 -- it gets an attribute
    page.goto(f"{site.address}/assets/{asset}?lang=en")
    site.installation.until("stream", lambda: bool(page.title() and held), seconds=10)
    decision = {"verb": "inspect", "reason": "Before it listens", "decidedBy": "F. Planner"}
    assert page.request.post(f"{site.address}/v1/assets/{asset}/decisions", data=decision).status == 201
    seen = f'data-seen="{page.locator("#live-texts").get_attribute("data-seen")}"'
    anew = f"{site.address}/assets/{asset}"
    site.installation.until("change", lambda: seen not in page.request.get(anew).text(), seconds=10)
    held[0].continue_()
    expect(page.locator("[data-live=decisions]").get_by_text("Before it listens")).to_be_visible(timeout=10_000)
    expect(page.locator("#stale")).to_be_hidden()


def until_labels(site: Site, labels: Locator, whole: list[str], *, same: bool) -> None:
    """Wait until the labels along the axes are those of the whole chart, or are no longer."""
    site.installation.until("labels", lambda: (sorted(labels.all_text_contents()) == whole) == same, seconds=10)


def test_a_chart_can_be_pointed_at_and_zoomed_into_without_a_mouse(site: Site, watched: Watched) -> None:
    """Vega comes when asked for, under the same policy; a slider says in words what the drawing shows there."""
    page = watched.open(site.address, "/assets/brug-1?lang=en")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    assert not [url for url in asked if "vega" in url]
    for code in ("measured", "timeline", "frequency-1"):
        chart = page.locator(f"figure[data-chart={code}]")
        button = chart.get_by_role("button", name=re.compile("Interactive"))
        button.press("Enter")
        slider = chart.get_by_role("slider")
        expect(slider).to_be_visible(timeout=30_000)
        newest = slider.input_value()  # not its words: two decisions of one minute have the same
        slider.press("ArrowLeft")
        expect(slider).not_to_have_value(newest)
        expect(chart.locator(".tip")).to_have_text(slider.get_attribute("aria-valuetext") or "-")
        labels = chart.locator(".live .role-axis-label text")
        whole = sorted(labels.all_text_contents())
        chart.get_by_role("button", name="Zoom in").press("Enter")
        chart.get_by_role("button", name="Zoom in").press("Enter")
        until_labels(site, labels, whole, same=False)
        chart.get_by_role("button", name="Show all").press("Enter")
        until_labels(site, labels, whole, same=True)
        chart.locator(".live").hover(position={"x": 200, "y": 80})
        expect(slider).not_to_have_value(newest)
    assert violations(page) == []
    page.set_viewport_size({"width": 320, "height": 700})
    assert overflow(page) == 0
    button.press("Enter")
    expect(slider).to_have_count(0)
    expect(chart.locator(".drawing")).to_be_visible()


def test_a_spectrum_of_waveforms_names_its_modes_and_can_be_gone_along(site: Site, watched: Watched) -> None:
    page = watched.open(site.address, "/assets/brug-2?lang=en")
    chart = page.locator("figure[data-chart^=spectrum]")
    expect(chart.locator("figcaption")).to_contain_text(re.compile(r"Natural frequencies in it: [\d.]+ Hz"))
    chart.get_by_text("Show as a table").click()
    expect(chart.get_by_role("row").nth(1)).to_contain_text("Hz")
    chart.get_by_role("button", name=re.compile("Interactive")).press("Enter")
    slider = chart.get_by_role("slider")
    expect(slider).to_be_visible(timeout=30_000)
    said = slider.get_attribute("aria-valuetext") or ""
    slider.press("ArrowLeft")
    expect(slider).not_to_have_attribute("aria-valuetext", said)
    assert violations(page) == []


def test_who_wants_no_motion_gets_none(site: Site, watched: Watched) -> None:
    for wish, kind in (("reduce", "hide"), ("no-preference", "animated")):
        page = watched.open(site.address, "/map?lang=en", reduced_motion=wish)
        page.locator(".sign").first.wait_for()
        assert page.locator(f".sign.leaflet-zoom-{kind}").count() == page.locator(".sign").count()
        smooth = page.evaluate("getComputedStyle(document.documentElement).scrollBehavior")
        assert smooth == ("auto" if wish == "reduce" else "smooth")


def test_an_unknown_sensor_is_onboarded_in_two_clicks(site: Site, watched: Watched, shots: Path) -> None:
    """A sensor that nobody registered sends; a click on its row, one on the button, and its values are there."""
    values = {"temperature": {"value": 11.5, "unit": "Cel"}}
    messages = []
    for hour in range(3):
        payload = {"v": 1, "sensor": "new9", "t": START_NS // 10**9 + (DAYS * 24 - 3 + hour) * 3600, "values": values}
        messages.append(("infra/v1/gw-a/brug-1/new9/reading", json.dumps(payload).encode()))
    publish(site.installation.mqtt_port, messages)
    page = watched.open(site.address, "/sensors?lang=en")
    row = page.get_by_role("row").filter(has_text="new9")
    site.installation.until("the sender", lambda: page.reload() is not None and row.count() > 0, seconds=20)
    row.get_by_role("link", name="Onboard new9").click()
    expect(page.get_by_label("Measures 1")).to_have_value("temperature")
    expect(page.get_by_label("Seconds between readings 1")).to_have_value("3600")
    form = page.url
    for language in ("nl", "en"):
        page.goto(form.replace("lang=en", f"lang={language}"))
        assert look_closely(page, shots, f"onboard-{language}") == []
    page.get_by_label("Unit 1").fill("furlong")
    page.get_by_role("button", name="Add to the register").click()
    expect(page.get_by_role("alert")).to_contain_text("Row 1, Unit: it says 'furlong', expected is a unit")
    expect(page.get_by_label("Unit 1")).to_have_attribute("aria-invalid", "true")
    assert look_closely(page, shots, "onboard-fault") == []
    page.get_by_label("Unit 1").fill("Cel")
    page.get_by_role("button", name="Add to the register").click()
    expect(page.get_by_text("new9 is in the register")).to_be_visible()
    shown = page.get_by_role("row").filter(has_text="new9").filter(has_text="11.5")
    page.goto("/assets/brug-1?lang=en")
    site.installation.until("its values", lambda: page.reload() is not None and shown.count() > 0, seconds=30)


def test_a_server_that_restarts_is_told_and_forgiven(site: Site, watched: Watched) -> None:
    """Kill the API: a banner says so, `schouw run` starts it again, the banner goes, and typed text is still there."""
    page = watched.open(site.address, f"/assets/{asset_of(site.installation)}?lang=en")
    page.get_by_label("Why?").fill("Typed before the restart")
    expect(page.locator("#fresh")).to_contain_text("Updated")
    os.kill(site.api_pid(), signal.SIGKILL)
    expect(page.locator("#stale")).to_be_visible(timeout=15_000)
    site.installation.until("the API again", lambda: site.installation.get("/livez") is not None, seconds=60)
    expect(page.locator("#stale")).to_be_hidden(timeout=20_000)
    expect(page.get_by_label("Why?")).to_have_value("Typed before the restart")
    watched.complaints = [text for text in watched.complaints if "ERR_" not in text]  # the outage itself


@pytest.mark.parametrize("role", ["viewer", "planner"])
def test_a_role_without_rights_sees_what_it_may_and_no_more(guarded: Guarded, watched: Watched, role: str) -> None:
    cookie = {"name": "schouw", "value": guarded.secrets[role], "url": guarded.address}
    page = watched.open(guarded.address, "/assets/a00000?lang=en", cookies=[cookie])
    expect(page.get_by_role("heading", level=1)).to_contain_text("Fietsbrug")
    expect(page.get_by_role("button", name="Record the decision")).to_have_count(int(role == "planner"))
    page.goto("/sensors?lang=en")
    expect(page.get_by_role("heading", name="Refused messages")).to_have_count(0)
    page.goto("/about?lang=en")
    expect(page.get_by_role("heading", level=1)).to_have_text("How it works")
    expect(page.get_by_role("link", name="Alarms and decisions")).to_be_visible()


@pytest.mark.parametrize("language", ["nl", "en"])
def test_a_stranger_comes_to_the_login_and_to_how_it_works(
    guarded: Guarded, watched: Watched, shots: Path, language: str
) -> None:
    page = watched.open(guarded.address, f"/?lang={language}")
    expect(page).to_have_url(re.compile("/login"))
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=shots / f"login-{language}-{scheme}.png", full_page=True)
        assert violations(page) == []
    page.goto(f"/about?lang={language}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("Alarm"))).to_have_count(0)


def test_a_planner_names_the_organisation_logs_in_there_and_comes_back(
    guarded: Guarded, watched: Watched, shots: Path
) -> None:
    """The form leads to another host, which a policy for forms would forbid a mere redirect."""
    page = watched.open(guarded.address, "/assets/a00000?lang=nl")
    name = page.get_by_label("Korte naam van uw organisatie")
    name.fill("nergens")
    page.get_by_role("button", name="Inloggen").click()
    expect(page.get_by_role("alert")).to_contain_text("geen login voor een organisatie met deze korte naam")
    page.screenshot(path=shots / "login-unknown-nl.png", full_page=True)
    assert violations(page) == []
    name.fill("oost")
    page.get_by_role("button", name="Inloggen").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Fietsbrug")
    expect(page).to_have_url(re.compile("/assets/a00000"))
    expect(page.get_by_text("P. Planner").first).to_be_visible()
    expect(page.get_by_text("Gemeente Oost").first).to_be_visible()
    page.get_by_role("button", name="Uitloggen").click()
    expect(page).to_have_url(re.compile("/login"))
    watched.complaints = [text for text in watched.complaints if not text.startswith(guarded.provider.issuer)]
