"""Map, matrix, sensors, explanation and reports: what stands there, and what does not."""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape, unescape

import pytest

from api.edge import PAGE_POLICY
from api.examples import EXPLANATION
from api.languages import Language
from api.pages.asset import register_facts
from api.pages.places import gathered
from api.terms import alarm_title
from domain.identifiers import AssetId, GatewayId
from domain.measurements import DataQuality
from domain.records import AlarmState, RiskState
from tests.unit.api.client import Client
from tests.unit.api.memory_overview import MemoryOverview
from tests.unit.api.samples import HOUR_NS, NOW_NS, make_alarm, make_asset, make_risk, make_status
from tests.unit.api.test_pages import Outline
from tests.unit.api.test_problems import broken_app
from tests.unit.api.town import SETTINGS, Town

PAGES = ["/map", "/matrix", "/alarms", "/alarms?view=alarms", "/alarms?view=decisions", "/work", "/sensors", "/about"]
PAGES += ["/report", "/assets/brug-042/report", "/assets/kade-3/report", "/alarms/brug-042.condition.settlement.12"]


@pytest.mark.slow
@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_each_page_is_sound_html_with_one_heading(client: Client, path: str, language: str) -> None:
    answer = client.get(f"{path}{'&' if '?' in path else '?'}lang={language}")
    assert answer.status == 200
    page = Outline(answer.text)
    names = [tag for tag, _ in page.tags]
    assert names.count("h1") == 1
    assert "style" not in names
    identifiers = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(identifiers)) == len(identifiers)


def test_the_policy_of_pages_allows_nothing_inline(client: Client) -> None:
    for path in PAGES:
        policy = client.get(path).headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "img-src 'self';" in policy


def test_only_the_map_may_load_tiles_and_from_one_place(town: Town) -> None:
    town.settings = replace(SETTINGS, map_tiles_url="https://tiles.example/{z}/{x}/{y}.png", map_attribution="© X")
    policy = town.client().get("/map").headers["content-security-policy"]
    assert policy.endswith("img-src 'self' https://tiles.example")
    assert policy.count("img-src") == 1
    assert "tiles.example" not in town.client().get("/").headers["content-security-policy"]


def place_assets(town: Town) -> None:
    spots = {"brug-042": (52.0, 5.0), "sluis-7": (52.0001, 5.0001), "weg-12": (52.0002, 5.0), "tunnel-1": (53.0, 6.0)}
    town.store.asset_rows = [
        replace(asset, lat=spots[asset.id][0], lon=spots[asset.id][1]) if asset.id in spots else asset
        for asset in town.store.asset_rows
    ]


def test_signs_are_gathered_in_the_state_of_the_worst(town: Town) -> None:
    place_assets(town)
    placed = [place for place in MemoryOverview(town.store).places() if place.lat is not None]
    far = gathered(placed, 5, Language.ENGLISH)
    assert [(sign.count, sign.state) for sign in far] == [(3, "act"), (1, "ok")]
    assert far[0].label == "3 structures: 1 Act, 1 Watch, 1 Not enough data"
    near = gathered(placed, 19, Language.ENGLISH)
    assert sorted(sign.id for sign in near) == ["brug-042", "sluis-7", "tunnel-1", "weg-12"]


def test_a_view_of_the_map_holds_what_lies_in_it(town: Town) -> None:
    place_assets(town)
    client = town.client()
    view = "south=51.9&west=4.9&north=52.1&east=5.1&zoom=19&lang=en"
    assert len(client.get(f"/map/places?{view}").json()["items"]) == 3
    assert client.get("/map/places?south=91").status == 400
    html = client.get("/map?lang=en").text
    assert "1 structure has no coordinates" in html
    assert 'data-bounds="52.0,5.0,53.0,6.0"' in html
    assert "Havenkade &lt;noord&gt;" in html


def test_the_list_below_the_map_comes_in_pages_by_state_and_name(town: Town) -> None:
    town.store.asset_rows += [make_asset(f"a{number:03}", f"Brug {number}") for number in range(150)]
    client = town.client()
    first = client.get("/map?lang=en").text
    assert first.count('<li><a href="/assets/') == 60
    assert (
        first.index("Brug over de Dommel")
        < first.index(">Brug 0<")
        < first.index(">Brug 9<")
        < first.index(">Brug 10<")
    )
    assert "1 to 60 of 155" in first
    assert 'href="/map?lang=en&amp;page=2#list" rel="next"' in first
    assert 'rel="prev"' not in first
    last = client.get("/map?lang=en&page=99").text
    assert "121 to 155 of 155" in last
    assert ">Brug 149<" in last
    assert 'rel="next"' not in last
    narrowed = client.get("/map?lang=en&state=act").text
    assert narrowed.count('<li><a href="/assets/') == 1
    assert 'href="/map?lang=en&amp;state=act#list" aria-current="true"' in narrowed
    assert client.get("/map?page=0").status == 400


def test_no_data_is_never_called_healthy_on_the_map_or_in_the_matrix(town: Town) -> None:
    place_assets(town)
    never = {
        place.id: sign
        for place in MemoryOverview(town.store).places()
        for sign in gathered([place], 19, Language.ENGLISH)
    }
    assert never[AssetId("kade-3")].state == "insufficient-data"
    blind = replace(town.store.newest[AssetId("tunnel-1")], data_quality=DataQuality.NONE)
    town.store.newest[AssetId("tunnel-1")] = blind
    places = [place for place in MemoryOverview(town.store).places() if place.id == "tunnel-1"]
    assert gathered(places, 19, Language.ENGLISH)[0].state == "insufficient-data"
    html = town.client().get("/matrix?lang=en").text
    table, unknown = html.split("Not in the matrix: no data")
    assert "Stationstunnel" not in table
    assert "Stationstunnel" in unknown


def test_the_matrix_has_chance_and_cost_and_both_conditions(town: Town) -> None:
    town.store.asset_rows[0] = replace(town.store.asset_rows[0], emergency_repair_cost_eur=300_000.0)
    html = town.client().get("/matrix?lang=en").text
    row = html[html.index("10% to 50%") :]
    assert row.index("Brug over de Dommel") < row.index("</tr>")
    assert "indicative condition </span>4 / " in row
    assert "raised risk" in row[: row.index("Brug over de Dommel")]
    assert "10% tot 50%" in town.client().get("/matrix?lang=nl").text


@pytest.mark.slow
def test_a_cell_of_the_matrix_is_listed_in_full_in_pages(town: Town) -> None:
    for place in range(450):
        asset = make_asset(f"b{place:03}", f"Brug {place}")
        town.store.asset_rows.append(replace(asset, emergency_repair_cost_eur=2_000_000.0))
        town.store.newest[asset.id] = make_risk(asset.id, RiskState.WATCH, 1.0)
    client = town.client()
    html = client.get("/matrix?lang=en").text
    (cell,) = set(re.findall(r'href="(/matrix\?lang=en&amp;cell=[^"]+)">and 446 more', html))
    names: list[str] = []
    target = unescape(cell).removesuffix("#cell")
    for _ in range(3):
        page = client.get(target).text
        listed = page[page.index('<h2 id="cell"') :]
        names += re.findall(r'/assets/(b\d+)\?lang=en"', listed)
        target = unescape((re.findall(r'href="([^"]+)#cell" rel="next"', listed) or [""])[0])
    assert names == [f"b{place:03}" for place in range(450)]
    assert "more than €\u00a01,000,000" in listed
    assert target == ""
    unknown = client.get("/matrix?lang=en&cell=none").text
    assert "Ringweg Oost" in unknown[unknown.index('<h2 id="cell"') :]
    assert client.get("/matrix?cell=9-9").status == 400


def test_a_channel_that_fell_silent_is_not_good_any_more(town: Town) -> None:
    town.store.statuses = [
        make_status("brug-042", "old", "tilt.x", last_time_ns=NOW_NS - 30 * HOUR_NS),
        make_status("brug-042", "slow", "tilt.y", last_time_ns=NOW_NS - 30 * HOUR_NS, interval_s=30_000.0),
    ]
    html = town.client().get("/sensors?lang=en").text
    attention = html[html.index("Channels that need attention") : html.index('id="gateways"')]
    assert "old" in attention
    assert "silent" in attention
    assert "slow" not in attention
    assert ">silent<" in town.client().get("/assets/brug-042?lang=en").text


def test_channels_that_need_attention_name_their_structure_as_other_pages_do(town: Town) -> None:
    """A link read "weg-010" there and "Oosterlaan" everywhere else; one that left the register keeps its identifier."""
    town.store.statuses = [
        make_status(asset, "s1", "tilt.x", quality=DataQuality.NONE) for asset in ("brug-042", "gone-7")
    ]
    html = town.client().get("/sensors?lang=en").text
    name = town.store.asset(AssetId("brug-042")).name  # type: ignore[union-attr]  # the town has it
    assert f'<a href="/assets/brug-042?lang=en">{escape(name)}</a>' in html
    assert '<a href="/assets/gone-7?lang=en">gone-7</a>' in html


def test_a_channel_that_needs_attention_says_which_alarms_stand_about_it(town: Town) -> None:
    """It said "poor" and not why."""
    town.store.statuses = [
        make_status("brug-042", "s7", channel, quality=DataQuality.LOW) for channel in ("tilt.x", "tilt.y")
    ]
    town.store.alarm_rows = [
        make_alarm("brug-042", 1, id="a1", kind="sensor.units", subject="s7/tilt.x"),
        make_alarm("brug-042", 2, id="a2", kind="sensor.units", subject="s7/tilt.x"),
        make_alarm("brug-042", 3, id="a3", kind="sensor.drift", subject="s7"),
        make_alarm("brug-042", 4, id="a4", kind="sensor.stuck", subject="s7/tilt.x", state=AlarmState.DISMISSED),
        make_alarm("brug-042", 5, id="a5", kind="sensor.noisy", subject="s70"),
        make_alarm("brug-042", 6, id="a6"),
    ]
    html = town.client().get("/sensors?lang=en").text
    rows = re.findall(r'<th scope="row" role="rowheader">s7</th>.*?</tr>', html, re.DOTALL)
    assert [re.findall(r"/alarms/(\w+)", row) for row in rows] == [["a1", "a3"], ["a3"]]
    assert alarm_title("sensor.drift", Language.ENGLISH) in rows[1]


def test_the_sensors_page_shows_refusals_and_unknown_senders(client: Client) -> None:
    html = client.get("/sensors?lang=en").text
    for part in ("brug-99", "got b&#39;\\xff&#39;", "gw-1", "never heard"):
        assert part in html


def test_what_is_well_and_what_is_further_down_is_folded_on_the_sensors_page(town: Town) -> None:
    """On a narrow screen eleven gateways and ten refusals made a page of 7,000 pixels."""
    town.store.statuses = [make_status("brug-042", f"s{n:02}", "tilt.x", quality=DataQuality.NONE) for n in range(11)]
    town.store.statuses.append(make_status("brug-042", "well", "tilt.x", gateway=GatewayId("gw-well")))
    town.store.letters *= 2
    html = town.client().get("/sensors?lang=en").text
    folded = re.findall(r'<details data-key="(\w+)">\s*<summary>(.*?)</summary>(.*?)</details>', html, re.DOTALL)
    assert [row[:2] for row in folded] == [
        ("troubled", "Further channels: 3"),
        ("gateways", "Gateways without trouble: 1"),
        ("letters", "Earlier ones: 3"),
    ]
    inside = dict(zip(("troubled", "gateways", "letters"), (row[2] for row in folded), strict=True))
    assert [f">s{n:02}<" in inside["troubled"] for n in range(11)] == [False] * 8 + [True] * 3
    assert "gw-well" in inside["gateways"]
    assert "gw-1" not in inside["gateways"]
    assert all(name in html for name in ("s00", "gw-1", "s10"))


@pytest.mark.parametrize("path", ["/sensors", "/alarms?view=alarms", "/report", "/about", "/assets/brug-042"])
def test_a_table_that_becomes_cards_names_each_value_and_stays_a_table(client: Client, path: str) -> None:
    """A browser may take the roles of a table away with its look; so they are written out, and cells carry labels."""
    html = client.get(path).text
    tables = re.findall(r'<table class="cards.*?</table>', html, re.DOTALL)
    assert tables
    for table in tables:
        assert 'role="table"' in table
        assert not re.search(r"<(thead|tbody|tr|th|td)(?![^>]*role=)", table)
        heads = [re.sub(r"<.*?>", "", head) for head in re.findall(r"<th scope=\"col\".*?</th>", table)]
        for row in table.split('<tr role="row">')[2:]:
            labels = re.findall(r'<td [^>]*data-label="([^"]+)"', row)
            assert labels == heads[1 : len(labels) + 1]
            unnamed = row.count("<td ") - len(labels)
            assert unnamed == row.count('class="button"')


def test_an_empty_register_is_not_all_well() -> None:
    """It said that all channels send good readings, and that no structure needs action."""
    client = Town().client()
    for path, told, untold in (
        ("/sensors", "The register names no sensors.", "send good readings"),
        ("/report", "The register is empty.", "No structure needs action"),
        ("/map", "The register is empty.", "fits this choice"),
        ("/", "schouw assets import assets.csv sensors.csv", "That says nothing about their condition"),
    ):
        html = client.get(f"{path}?lang=en").text
        assert told in html
        assert untold not in html


def test_the_explanation_makes_no_claim_without_figures(town: Town) -> None:
    html = town.client().get("/about?lang=en").text
    assert "not known yet" in html
    assert "none yet" in html
    town.store.alarm_rows = [replace(alarm, state=AlarmState.CONFIRMED) for alarm in town.store.alarm_rows]
    assert "2: 2 confirmed, 0 dismissed" in town.client().get("/about?lang=en").text


@pytest.mark.parametrize(
    ("state", "health", "told"),
    [
        (RiskState.OK, 0.98, "geen einde in zicht"),
        (RiskState.OK, None, "nog niet bekend"),
        (RiskState.INSUFFICIENT_DATA, 0.98, "nog niet bekend"),
        (RiskState.OK, 0.9, "nog niet bekend"),
    ],
)
def test_a_structure_that_is_measured_and_sound_has_no_unknown_life(
    town: Town, state: RiskState, health: float | None, told: str
) -> None:
    """It read "not known yet", and that a forecast needs a sensor and time to learn, where both were there."""
    quality = DataQuality.LOW if health == 0.9 else DataQuality.HIGH
    risk = make_risk("brug-042", state, 1.0, health_index=health, remaining_life=None, data_quality=quality)
    town.store.newest[risk.asset] = risk
    client = town.client()
    for path in ("/assets/brug-042", "/assets/brug-042/report"):
        html = client.get(f"{path}?lang=nl").text
        assert re.search(f"Resterende levensduur</dt><dd><strong[^>]*>{told}</strong>", html)
    html = client.get("/assets/brug-042?lang=nl").text
    assert ("Niets van wat we nu meten wijst op een einde" in html) == (told == "geen einde in zicht")
    assert ("Er is geen voorspelling." in html) == (told != "geen einde in zicht")


def test_the_page_shows_all_that_the_plan_is_computed_with(town: Town) -> None:
    """Closure and the crew's lead move the cheapest week, and stood nowhere."""
    place = [asset.id for asset in town.store.asset_rows].index(AssetId("brug-042"))
    bridge = replace(
        town.store.asset_rows[place], closure_hours=36.0, closure_cost_eur_per_hour=1500.0, crew_lead_days=21.0
    )
    town.store.asset_rows[place] = bridge
    facts = [name + value for name, value in register_facts(bridge, Language.DUTCH)]
    assert {"Afsluiting na falen36 uur, €\N{NO-BREAK SPACE}1.500 per uur", "Ploeg ter plaatse na21 dagen"} <= {*facts}
    assert "Ploeg ter plaatse na" in town.client().get("/assets/brug-042?lang=nl").text
    for hours, said in ((0.5, "0,5"), (2.5, "2,5"), (1.0, "1"), (36.4, "36")):
        short = dict(register_facts(replace(bridge, closure_hours=hours), Language.DUTCH))
        assert short["Afsluiting na falen"].startswith(f"{said} uur, "), "half an hour was 0 hours"
    free = replace(bridge, closure_hours=0.0, crew_lead_days=None)
    assert not any("Afsluiting" in name or "Ploeg" in name for name, _ in register_facts(free, Language.DUTCH))


def test_the_council_hears_what_is_unknown(client: Client) -> None:
    html = client.get("/report?lang=en").text
    assert "We watch 5 structures. Not enough data does not mean that all is well" in html
    groups = re.findall(r'<span class="state [a-z-]+">.*?</span> ([^<]+)</span></dt><dd><strong>(\d+)</strong>', html)
    assert groups == [("Act", "1"), ("Watch", "1"), ("Not enough data", "2"), ("OK", "1")]
    assert "Brug over de Dommel" in html
    assert "Stationstunnel" not in html


def test_a_report_of_a_structure_holds_state_reasons_and_decisions(client: Client) -> None:
    html = client.get("/assets/brug-042/report?lang=en").text
    for part in ("Inspect within two weeks", "An alarm has been open for 12 days", "Kraan is vrij", "<svg"):
        assert part in html
    assert "Not assessed yet" in client.get("/assets/kade-3/report?lang=en").text


def test_the_page_of_a_structure_explains_and_prices_the_weeks(town: Town) -> None:
    risk = town.store.newest[AssetId("brug-042")]
    town.explanations[risk.assessment_id] = EXPLANATION
    html = town.client().get("/assets/brug-042?lang=en").text
    for part in (
        "The best week begins about 12 Oct 2026; repairing then is expected to cost €\u00a0192,000.",
        "A week later costs about €\u00a04,000 more.",
        "An inspection beforehand is worth up to €\u00a01,200.",
        "what no sensor sees: type, age, inspection",
        "Settlement: the alarm ends after two calm weeks",
        "Computed again just now from what was stored: the same numbers.",
    ):
        assert part in html
    row = html[html.index("Channels that drove it</h3>") :]
    for cell in ("tilt-1", "1.930\u00a0mrad", "0.440 ± 0.030\u00a0mrad", "32%"):
        assert cell in row
    town.explanations[risk.assessment_id] = replace(EXPLANATION, difference=0.1)
    assert "the numbers differ from those told" in town.client().get("/assets/brug-042?lang=en").text


@pytest.mark.slow
def test_without_a_basis_no_week_is_priced(client: Client) -> None:
    html = client.get("/assets/brug-042?lang=en").text
    assert "The cost per week is not known here" in html
    assert "What adds up to this" not in html


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/assets/nowhere?lang=en", 404, "This is not here"),
        ("/nowhere", 404, "Deze pagina bestaat niet"),
        ("/alarms/nothing?lang=en", 404, "This is not here"),
        ("/?state=xyz&lang=en", 400, "This address cannot be read"),
        ("/?state=xyz", 400, "Er klopt iets niet in het adres."),
        ("/assets/brug-042?days=no&nope=1&lang=en", 400, "nope: got &#39;1&#39;, expected no such field"),
    ],
)
def test_a_browser_gets_an_error_as_a_page_and_a_system_as_a_problem(
    client: Client, path: str, status: int, told: str
) -> None:
    page = client.get(path, Accept="text/html")
    assert (page.status, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert told in page.text
    assert Outline(page.text).tags
    assert client.get(path).headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("language", ["nl", "en"])
def test_what_nobody_foresaw_is_a_page_in_the_readers_language(town: Town, language: str) -> None:
    """The edge answers it, outside the frame and all handlers; the insides stay inside."""
    client = Client(broken_app(town, RuntimeError("secret")))
    page = client.get("/", Accept="text/html,*/*", Accept_Language=language)
    assert (page.status, page.headers["content-type"]) == (500, "text/html; charset=utf-8")
    assert {"nl": "Er ging iets mis", "en": "Something went wrong"}[language] in page.text
    assert f'<html lang="{language}">' in page.text
    assert "secret" not in page.text
    assert "operator" not in page.text
    assert page.headers["content-security-policy"] == PAGE_POLICY
    assert client.get("/").headers["content-type"] == "application/problem+json"
    foreign = client.send("GET", "/", headers={"Accept": "text/html"}, host="evil.example")
    assert (foreign.status, foreign.headers["content-type"]) == (400, "text/html; charset=utf-8")


def test_an_owner_puts_own_colours_and_sign(town: Town) -> None:
    assert "theme.css" not in town.client().get("/").text
    town.settings = replace(SETTINGS, theme_css=b":root{--accent:#600}", logo=b"PNG", logo_type="image/png")
    client = town.client()
    html = client.get("/").text
    assert html.index("tokens.css") < html.index("theme.css") < html.index("schouw.css")
    assert '<img src="/static/logo"' in html
    assert client.get("/static/theme.css").content == b":root{--accent:#600}"
    logo = client.get("/static/logo")
    assert (logo.content, logo.headers["content-type"]) == (b"PNG", "image/png")
