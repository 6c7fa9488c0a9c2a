"""The pages: what stands where, in which language, safe for any name, and sound HTML."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from api.app import PartState, Readiness
from domain.measurements import DataQuality
from domain.records import DecisionVerb, FailureProbability, RiskState
from storage.protocols import DecisionDraft
from tests.unit.api.client import Client
from tests.unit.api.memory_overview import MemoryOverview
from tests.unit.api.samples import DAY_NS, NOW_NS, make_asset, make_risk
from tests.unit.api.town import SETTINGS, Town, make_town

VOID = {"meta", "link", "img", "br", "input"}


class Outline(HTMLParser):
    """Collects what a page is made of and checks that every element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def row(html: str, name: str) -> str:
    match = re.search(
        rf'<tr role="row" class="[^"]*">\n<th scope="row"[^\n]*>{re.escape(name)}.*?</tr>', html, re.DOTALL
    )
    assert match is not None
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", match[0]))


@pytest.mark.parametrize("path", ["/?lang=nl", "/?lang=en", "/assets/brug-042?lang=nl", "/assets/weg-12?lang=en"])
def test_a_page_is_sound_and_accessible_html(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-language"] == path[-2:]
    page = Outline(answer.text)
    assert ("html", {"lang": path[-2:]}) in page.tags
    names = [tag for tag, _ in page.tags]
    assert names.count("h1") == 1
    assert names.count("caption") == names.count("table")
    assert "style" not in names
    assert all(str(attributes.get("src")).startswith("/static/") for tag, attributes in page.tags if tag == "script")
    identifiers = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(identifiers)) == len(identifiers)
    for tag, attributes in page.tags:
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        if tag == "th":
            assert attributes["scope"] in {"col", "row"}
        if tag == "img":
            assert "alt" in attributes
        if "aria-labelledby" in attributes:
            assert attributes["aria-labelledby"] in identifiers


def test_every_row_says_what_a_planner_needs(client: Client) -> None:
    text = row(client.get("/?lang=en").text, "Brug over de Dommel")
    for part in (
        "Bridge",
        "▲ Act",
        "Inspect within two weeks",
        "An alarm has been open for 12 days",
        "31% 18% to 47%, uncertain",
        "6 months 2 to 14 months",
        "€\u00a041,500".replace("\u00a0", " "),
        "4 indicative 2 inspected 4 May 2024",
        "Good 1 hour old",
    ):
        assert part in text


def test_no_data_has_a_state_of_its_own(client: Client) -> None:
    text = row(client.get("/?lang=nl").text, "Ringweg Oost")
    assert "? Geen gegevens" in text
    assert "nog niet bekend" in text
    assert "niet te bepalen" in text
    assert "zonder metingen" in text
    assert "zeker" not in text
    assert "In orde" not in text


def test_poor_data_do_not_say_that_there_is_nothing_to_do(town: Town) -> None:
    risk = make_risk("brug-042", RiskState.OK, 1.0)
    checked = "Laat de sensoren nakijken: hun gegevens zijn slecht."
    for quality, is_poor in ((DataQuality.HIGH, False), (DataQuality.LOW, True)):
        town.store.newest[risk.asset] = replace(risk, data_quality=quality, advice="none")
        client = town.client()
        assert (checked in client.get("/?lang=nl").text) is is_poor
        page = client.get("/assets/brug-042?lang=nl").text
        assert (checked in page) is is_poor
        assert ("Niets te doen." in page) is not is_poor
        told = client.get("/v1/assets/brug-042/risk?lang=nl").json()["advice"]
        assert told.startswith(checked if is_poor else "Niets te doen.")


def test_provisional_is_marked(client: Client) -> None:
    html = client.get("/?lang=nl").text
    assert "voorlopig" in row(html, "Sluis Zeven")
    assert "voorlopig" not in row(html, "Brug over de Dommel")


def test_an_asset_that_was_never_assessed_is_listed_and_not_called_healthy(client: Client) -> None:
    html = client.get("/?lang=en").text
    assert "Not assessed yet" in html
    assert html.index("Not assessed yet") < html.index("Havenkade")
    page = client.get("/assets/kade-3?lang=en").text
    assert "<strong>Not assessed yet.</strong> That says nothing about its condition." in page
    assert 'class="state ok"' not in page


def test_a_list_of_never_assessed_structures_says_how_many_it_leaves_out(town: Town) -> None:
    """It gave fifty of any number, and said nothing about the rest."""
    town.store.asset_rows += [make_asset(f"n{place:03}", f"Nieuw {place}") for place in range(49)]
    client = town.client()
    assert "not shown here" not in client.get("/?lang=en").text
    town.store.asset_rows += [make_asset(f"o{place:03}", f"Oud {place}") for place in range(70)]
    assert "70 more are not shown here; search by name, identifier or type." in client.get("/?lang=en").text
    assert "20 more are not shown here" in client.get("/?lang=en&q=oud").text
    town.store.asset_rows = town.store.asset_rows[:55]
    assert "Nog 1 staat hier niet; zoek op naam, nummer of type." in client.get("/?lang=nl").text


def test_names_from_outside_are_escaped(client: Client) -> None:
    html = client.get("/").text
    assert "Havenkade &lt;noord&gt;" in html
    assert "<noord>" not in html


def test_both_rules_of_the_ranking_stand_on_the_page(client: Client) -> None:
    assert "wachten kost meer dan een vast deel van de geplande reparatie" in client.get("/?lang=nl").text
    assert "signs of damage are growing" in client.get("/?lang=en").text


def test_the_browser_chooses_the_language_and_dutch_is_the_default(client: Client) -> None:
    assert client.get("/").headers["content-language"] == "nl"
    assert client.get("/", Accept_Language="en-GB").headers["content-language"] == "en"
    assert 'href="/?lang=en"' in client.get("/").text


def test_a_chosen_language_stays_while_walking(client: Client) -> None:
    html = client.get("/?lang=en").text
    assert 'href="/assets/brug-042?lang=en"' in html
    assert '<input type="hidden" name="lang" value="en">' in html
    assert "lang=" not in re.sub(r'<html lang="nl">|hreflang="en" lang="en"|\?lang=en', "", client.get("/").text)


def test_a_demo_has_a_banner_on_every_page(town: Town) -> None:
    assert "nagebootst" not in town.client().get("/?lang=nl").text
    town.settings = replace(SETTINGS, demo=True)
    for path in ("/?lang=nl", "/assets/brug-042?lang=nl"):
        assert "nagebootst" in town.client().get(path).text


def test_a_part_that_is_away_is_said_on_top(town: Town) -> None:
    town.readiness = Readiness(False, (PartState("broker", False, "away since noon", NOW_NS),))
    html = town.client().get("/?lang=en").text
    assert "Part of the service is away" in html
    assert "Message broker, since 21 Sept 2026 16:13. New readings do not come in for now" in html
    assert '<span lang="en">away since noon</span>' in html
    dutch = town.client().get("/?lang=nl").text
    assert "Berichtendienst (broker), sinds 21 sep 2026 16:13. Nieuwe metingen komen nu niet binnen." in dutch
    assert 'Voor de beheerder: <span lang="en">away since noon</span>' in dutch


@pytest.mark.parametrize(
    ("store", "english", "dutch"),
    [
        (
            "time series",
            "Updating of charts, since 21 Sept 2026 16:13. Charts stand still for now; they are caught up later.",
            "Bijwerken van grafieken, sinds 21 sep 2026 16:13. Grafieken worden nu niet bijgewerkt.",
        ),
        (
            "operational store",
            "Updating of assessments and alarms, since 21 Sept 2026 16:13. Assessments and alarms stand still for now;",
            "Bijwerken van beoordelingen en alarmen, sinds 21 sep 2026 16:13. Beoordelingen en alarmen worden nu niet",
        ),
    ],
)
def test_a_store_that_stopped_is_said_on_every_page_that_is_still_served(
    town: Town, store: str, english: str, dutch: str
) -> None:
    """The service is ready, since what is there can be read; so /readyz alone said that it was no longer renewed."""
    parts = (PartState("journal", True, "readable", None), PartState(f"projection: {store}", False, "refused", NOW_NS))
    town.readiness = Readiness(True, parts)
    client = town.client()
    for path in ("/", "/map", "/matrix", "/alarms", "/work", "/sensors", "/report", "/assets/brug-042"):
        for language, said in (("en", english), ("nl", dutch)):
            html = client.get(f"{path}?lang={language}").text
            assert said in html, path
            assert html.count('<div class="banner trouble"') == 1, path


def test_a_start_is_not_told_as_something_that_is_away(town: Town) -> None:
    starting = PartState("ingest", False, "loads the state of 10,000 sensors", NOW_NS, starts=True)
    town.readiness = Readiness(False, (starting, PartState("broker", False, "not asked", NOW_NS, starts=True)))
    html = town.client().get("/?lang=en").text
    assert "Part of the service is starting" in html
    assert "Intake of readings, since 21 Sept 2026 16:13. It loads what it knew." in html
    assert '<span lang="en">loads the state of 10,000 sensors</span>' in html
    assert "Een deel van de dienst start op" in town.client().get("/?lang=nl").text
    town.readiness = Readiness(False, (starting, PartState("journal", False, "gone", NOW_NS)))
    assert "Part of the service is away" in town.client().get("/?lang=en").text


def test_an_empty_list_does_not_look_healthy(town: Town) -> None:
    town.store.newest.clear()
    assert "That says nothing about their condition" in town.client().get("/?lang=en").text
    assert "No structure fits this choice" in town.client().get("/?lang=en&state=ok").text


def test_the_list_is_searched_and_narrowed(client: Client) -> None:
    html = client.get("/?lang=en&q=DOMMEL").text
    assert row(html, "Brug over de Dommel")
    assert "Sluis Zeven" not in html
    locks = client.get("/?lang=en&type=lock&q=&data=").text
    assert row(locks, "Sluis Zeven")
    assert "Brug over de Dommel" not in locks
    blind = client.get("/?lang=en&data=none").text
    assert row(blind, "Ringweg Oost")
    assert "Havenkade" in blind  # never assessed, so without data too
    assert "Sluis Zeven" not in blind
    assert client.get("/?type=castle").status == 400


def test_what_no_name_has_is_refused_before_the_store_is_asked(client: Client) -> None:
    """PostgreSQL takes no NUL in a text: the page was a fault of the service there."""
    for sought in ("%00", "a%00b", "%E2%80%AE"):
        assert client.get(f"/?q={sought}").status == 400
    assert client.get(f"/?q={'a' * 101}").status == 400
    assert row(client.get("/?lang=en&q=%09Brug%C2%A0over%20").text, "Brug over de Dommel")


def test_key_figures_stand_above_the_list(client: Client) -> None:
    html = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", client.get("/?lang=en").text))
    assert "Open alarms about the condition 1 and 1 about sensors and data" in html
    assert "False alarms per structure per year not known yet promised: about 0.03" in html
    assert "Structures without data 2 of 5, 40%; not the same as healthy" in html
    assert "Saved to date nothing recorded yet" in html


def test_the_promised_rate_stands_beside_the_achieved_one_and_how_sure_that_is(
    town: Town, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two in twenty years: by the exact Poisson interval between 0.018 and 0.315 a year."""
    tally = replace(MemoryOverview(town.store).tally(), dismissed_alarms=1, expired_alarms=1, asset_years=20.0)
    monkeypatch.setattr(MemoryOverview, "tally", lambda _: tally)
    html = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", client.get("/?lang=en").text))
    assert "0.10 90% interval 0.02 to 0.31; promised: about 0.03; 2 dismissed or gone by themselves in 20" in html
    assert "Tot nu toe: 0,10 (90%-interval 0,02 tot 0,31)." in client.get("/report?lang=nl").text
    assert (
        "0.10 per structure per year (90% interval 0.02 to 0.31), over 20.0 structure-years"
        in client.get("/about?lang=en").text
    )
    figures = client.get("/v1/algorithm").json()["modelCard"]["figures"]
    assert (figures["falseAlarmsPerYearLow"], figures["falseAlarmsPerYearHigh"]) == (0.018, 0.315)


def test_savings_count_repairs_after_confirmed_alarms(town: Town) -> None:
    town.store.asset_rows[0] = replace(town.store.asset_rows[0], emergency_repair_cost_eur=500_000.0)
    bridge = town.store.asset_rows[0].id
    town.decisions.append(DecisionDraft(bridge, DecisionVerb.REPAIR, "A", "routine"), decided_at_ns=NOW_NS)
    assert "nothing recorded yet" in town.client().get("/?lang=en").text
    for verb in (DecisionVerb.CONFIRM, DecisionVerb.REPAIR, DecisionVerb.REPAIR):
        town.decisions.append(DecisionDraft(bridge, verb, "A", "seen"), decided_at_ns=NOW_NS)
    assert "€\u00a0320,000" in town.client().get("/?lang=en").text


def test_a_rising_chance_says_what_it_was(town: Town) -> None:
    was = replace(town.store.history[0], assessed_at_ns=NOW_NS - 40 * DAY_NS)
    town.store.history.append(replace(was, probability_of_failure=(FailureProbability(90, 0.1, 0.05, 0.2),)))
    assert "↗ 30 days ago 10%" in row(town.client().get("/?lang=en").text, "Brug over de Dommel")


def test_a_long_list_has_a_next_page_that_keeps_the_filter() -> None:
    town = make_town()
    town.settings = replace(SETTINGS, page_size_default=1)
    client = town.client()
    html = client.get("/?lang=en&state=act&state=watch").text
    match = re.search(r'rel="next" href="([^"]+)"', html)
    assert match is not None
    following = client.get(match[1].replace("&amp;", "&")).text
    assert row(following, "Sluis Zeven")
    assert "Brug over de Dommel" not in following
    assert 'rel="next"' not in following


def test_the_asset_page_tells_the_whole_story(client: Client) -> None:
    html = client.get("/assets/brug-042?lang=en").text
    for part in ("within 365 days", "Signs of settlement", "Cleared", "tilt (x)", "0.432\u00a0mrad", "11.5\u00a0°C"):
        assert part in html
    for part in ("J. de Vries", "Kraan is vrij", "due 5 Oct 2026", "NL.IMBOR.42/a", "€\u00a0180,000", "1972"):
        assert part in html
    assert "/v1/assets/brug-042/risk" in html


def test_a_name_of_any_length_is_shown(town: Town) -> None:
    town.store.asset_rows.append(make_asset("lang", "x" * 5000))
    assert "x" * 5000 in town.client().get("/").text


def test_the_style_sheet_is_kept_and_revalidated(client: Client) -> None:
    first = client.get("/static/schouw.css")
    assert first.headers["content-type"] == "text/css; charset=utf-8"
    assert "url(" not in first.text
    assert "http" not in first.text
    assert client.get("/static/schouw.css", If_None_Match=first.headers["etag"]).status == 304
    assert client.get("/static/schouw.svg").headers["content-type"] == "image/svg+xml"


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.slow
def test_text_has_enough_contrast_in_both_themes(client: Client) -> None:
    """WCAG 2.2 success criterion 1.4.3 asks for 4.5 to 1."""
    css = client.get("/static/tokens.css").text
    light, dark = (dict(re.findall(r"--([\w-]+): (#\w{6})", part)) for part in css.split("@media", 2)[:2])
    pairs = [("ink", "paper"), ("ink-soft", "paper"), ("ink-soft", "surface"), ("link", "paper"), ("link", "surface")]
    pairs += [(f"{name}-ink", f"{name}-paper") for name in ("act", "watch", "unknown", "ok", "demo")]
    pairs += [("accent-ink", "accent"), ("act-ink", "surface"), ("ink", "page"), ("ink-soft", "page"), ("link", "page")]
    for theme in (light, dark):
        for ink, paper in pairs:
            bright, dim = sorted((luminance(theme[ink]), luminance(theme[paper])), reverse=True)
            assert (bright + 0.05) / (dim + 0.05) >= 4.5, (ink, paper)


def test_the_work_list_of_a_replay_counts_from_the_time_of_its_readings(town: Town) -> None:
    before = town.client().get("/work?lang=en").text
    town.wall_clock_ns += 400 * 86_400 * 1_000_000_000
    weeks = re.compile(r"Week \d+, from [^<]+")
    assert weeks.findall(before)
    assert weeks.findall(town.client().get("/work?lang=en").text) == weeks.findall(before)
    town.now_ns += 70 * 86_400 * 1_000_000_000
    assert weeks.findall(town.client().get("/work?lang=en").text) != weeks.findall(before)
