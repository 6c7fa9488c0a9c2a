"""The alarms inbox and the work list: one cause, one case, and what is advised or planned until it is done."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from datetime import date, timedelta
from html import unescape

from icalendar import Calendar

from api.languages import Language
from api.pages.work_items import work_items
from domain.identifiers import AssetId
from domain.records import AlarmState, DecisionVerb, RiskState
from storage.protocols import DecisionDraft
from tests.unit.api.client import Client
from tests.unit.api.samples import DAY_NS, NOW_NS, make_alarm, make_asset, make_risk
from tests.unit.api.town import Town


def test_alarms_with_one_cause_are_one_case(town: Town) -> None:
    for number in range(3):
        town.store.alarm_rows.append(
            make_alarm("weg-12", number, id=f"s{number}", kind="data.silent", subject=f"m{number}")
        )
    html = town.client().get("/alarms?lang=en").text
    assert "3 cases" in html
    assert "m2, m1, m0" in html
    assert "3 alarms" in html
    assert html.index("Signs of settlement") < html.index("Data problem")


def test_the_figures_of_an_alarm_are_told_as_those_of_its_beginning(town: Town) -> None:
    """A card said "has been silent for 9 hours" for weeks, and 45 % of a way of which 86 % was gone by then."""
    town.store.alarm_rows[:] = [make_alarm("weg-12", 1, id="s1")]
    client = town.client()
    assert "When it was raised:</span> " in client.get("/alarms?lang=en").text
    assert "Toen het begon:</span> " in client.get("/alarms?lang=nl").text
    assert "These figures are of the moment the alarm was raised" in client.get("/alarms/s1?lang=en").text


def test_an_event_at_many_structures_is_one_case_and_one_list(town: Town) -> None:
    town.store.asset_rows += [make_asset(f"a{number:03}", f"Brug {number}") for number in range(30)]
    before = town.client().get("/alarms?lang=en").text.count('<li class="case')
    struck = [
        make_alarm(f"a{number:03}", 3, id=f"x{number:02}", kind="data.silent", event_id="x00", is_echo=number > 0)
        for number in range(30)
    ]
    town.store.alarm_rows += struck
    client = town.client()
    html = client.get("/alarms?lang=en").text
    assert html.count('<li class="case') == before + 1
    case = html[html.index("One event at 30 structures") :]
    assert case.count('href="/alarms/x') == 21  # twenty of them, and the first once more to decide on
    assert "and 10 more" in case
    assert "Eén gebeurtenis bij 30 objecten" in client.get("/alarms?lang=nl").text
    found = client.get("/v1/alarms?event=x00&pageSize=7").json()
    assert [item["eventId"] for item in found["items"]] == ["x00"] * 7
    assert {item["asset"] for item in client.get("/v1/alarms?event=x00&pageSize=100").json()["items"]} == {
        alarm.asset for alarm in struck
    }
    # The cursor of a list and that of an event's do not fit each other.
    assert client.get(f"/v1/alarms?pageSize=7&cursor={found['next']}").status == 400
    assert client.get(f"/v1/alarms?event=x00&pageSize=7&cursor={found['next']}").status == 200
    assert client.get(f"/v1/alarms/{town.store.alarm_rows[0].id}").json()["eventId"] is None
    # No event is no name, and a database takes no NUL.
    assert [client.get(f"/v1/alarms?event={name}").status for name in ("", "x%00", "x%201")] == [400] * 3
    assert client.get("/v1/alarms?event=x01").json()["items"] == []


def test_a_storm_that_did_different_things_is_named_by_none_of_them(town: Town) -> None:
    town.store.asset_rows += [make_asset(f"a{number:03}", f"Brug {number}") for number in range(4)]
    kinds = ["condition.scour", "condition.wall_movement"] * 2
    town.store.alarm_rows = [
        make_alarm(f"a{number:03}", 3, id=f"x{number}", kind=kind, event_id="x0") for number, kind in enumerate(kinds)
    ]
    html = town.client().get("/alarms?lang=en").text
    assert "Signs of damage of several kinds" in html
    assert html.count('<li class="case condition') == 1


def test_five_hundred_alarms_come_in_pages(town: Town) -> None:
    town.store.asset_rows += [make_asset(f"a{number:03}", f"Brug {number}") for number in range(500)]
    town.store.alarm_rows = [make_alarm(f"a{number:03}", number % 9, id=f"x{number}") for number in range(500)]
    client = town.client()
    first = client.get("/alarms?lang=en")
    assert "500 cases" in first.text
    assert first.text.count('<li class="case') == 50
    assert len(first.content) < 150_000
    assert client.get("/alarms?lang=en&page=10").text.count('<li class="case') == 50
    assert 'rel="next"' not in client.get("/alarms?lang=en&page=10").text


def test_a_page_of_cases_that_is_no_more_shows_the_last_one(town: Town) -> None:
    """It said "Nothing waits for a decision" to who was on page 2 while colleagues closed cases."""
    town.store.asset_rows += [make_asset(f"a{number:03}", f"Brug {number}") for number in range(120)]
    town.store.alarm_rows = [make_alarm(f"a{number:03}", number % 9, id=f"x{number}") for number in range(120)]
    client = town.client()
    second = client.get("/alarms?lang=en&page=2").text
    assert "51 to 100 of 120" in second
    for place, relation in ((1, "prev"), (3, "next")):
        assert f'href="/alarms?lang=en&amp;view=inbox&amp;page={place}" rel="{relation}"' in second
    last = client.get("/alarms?lang=en&page=1000").text
    assert "101 to 120 of 120" in last
    assert last.count('<li class="case') == 20
    town.store.alarm_rows = town.store.alarm_rows[:3]
    left = client.get("/alarms?lang=en&page=2").text
    assert left.count('<li class="case') == 3
    assert "Nothing waits" not in left


def test_what_was_decided_leaves_the_inbox_and_stays_in_the_history(town: Town) -> None:
    town.store.alarm_rows = [replace(alarm, state=AlarmState.DISMISSED) for alarm in town.store.alarm_rows]
    html = town.client().get("/alarms?lang=en").text
    assert "Nothing waits for a decision" in html
    assert "Signs of settlement" in town.client().get("/alarms?lang=en&view=alarms").text
    assert "Kraan is vrij" in town.client().get("/alarms?lang=en&view=decisions").text


def test_a_pilot_in_the_log_is_no_work(town: Town, client: Client) -> None:
    """Its links are about `pilot.<name>` with the verb `plan`: it was work of an asset that is not there."""
    pilot = AssetId("pilot.sluizen-2027")
    draft = DecisionDraft(pilot, DecisionVerb.PLAN, "A. Planner", "pilot begins", due_on="2027-07-01")
    town.decisions.append(draft, decided_at_ns=NOW_NS)
    assert {plan["asset"] for plan in client.get("/v1/plans").json()["items"]} == {"brug-042"}
    places = client.get("/v1/ogc/collections/plans/items").json()["features"]
    assert {place["properties"]["asset"] for place in places} == {"brug-042"}
    assert pilot not in client.get("/work?lang=en").text
    assert pilot not in client.get("/work-list?kind=csv").text
    log = client.get("/alarms?lang=en&view=decisions").text
    assert "pilot begins" in log
    assert f'href="/assets/{pilot}' not in log
    assert (
        client.get(f"/v1/decisions?asset={pilot}").json()["errors"][0]["expected"] == "pattern '^[A-Za-z0-9_-]{1,64}$'"
    )


def test_an_asset_that_left_the_register_takes_its_plans_along(town: Town, client: Client) -> None:
    """They stood for ever, for no decision is taken about what is not there; the pages linked to where nothing is."""
    left = AssetId("brug-042")
    alarm = town.store.alarm_rows[0]
    assert alarm.asset == left
    assert [plan["asset"] for plan in client.get("/v1/plans").json()["items"]] == [left]
    town.store.asset_rows = [asset for asset in town.store.asset_rows if asset.id != left]
    asked = {"verb": "repair", "decidedBy": "A", "reason": "demolished"}
    assert client.post(f"/v1/assets/{left}/decisions", asked).status == 404
    assert client.get("/v1/plans").json()["items"] == []
    assert client.get("/v1/ogc/collections/plans/items").json()["features"] == []
    assert "Kraan is vrij" not in client.get("/work?lang=en").text
    log = client.get("/alarms?lang=en&view=decisions").text
    assert "Kraan is vrij" in log
    assert f'href="/assets/{left}"' not in log + client.get(f"/alarms/{alarm.id}").text


def test_the_work_list_has_weeks_plans_and_advice(client: Client) -> None:
    html = client.get("/work?lang=en").text
    assert "Week 39, from 21 Sept 2026" in html
    week = html[html.index("Week 41, from 5 Oct 2026") :]
    assert week.index("Kraan is vrij") < week.index("</section>")
    assert "advised, not planned" not in html  # the advice for this structure was planned


def test_advice_that_nobody_planned_is_on_the_work_list_until_a_repair(town: Town) -> None:
    town.decisions.links.clear()
    assert "by 23 Sept 2026" in town.client().get("/work?lang=en").text
    bridge = AssetId("brug-042")
    plan = DecisionDraft(bridge, DecisionVerb.PLAN, "A", "soon", due_on="2026-09-01")
    town.decisions.append(plan, decided_at_ns=NOW_NS)
    assert "Overdue" in town.client().get("/work?lang=en").text
    town.decisions.append(DecisionDraft(bridge, DecisionVerb.REPAIR, "A", "done"), decided_at_ns=NOW_NS)
    assert "Overdue" not in town.client().get("/work?lang=en").text


def test_no_structure_falls_off_the_work_list_behind_others_that_nothing_is_advised_for(town: Town) -> None:
    """The first 200 of the ranking were read, and those without a day dropped afterwards."""
    bridges = [make_asset(f"b{number:03}", f"Brug {number}") for number in range(900)]
    town.store.asset_rows = [make_asset("brug-042", "Brug 42"), *bridges]
    town.store.newest = {
        asset.id: make_risk(asset.id, RiskState.WATCH, 9e5 - place, advice="keep_watching")
        if place < 250
        else make_risk(asset.id, RiskState.OK, 9e5 - place, advice="plan_inspection")
        for place, asset in enumerate(bridges)
    }
    client = town.client()
    rows = list(csv.reader(io.StringIO(client.get("/work-list?lang=en").content.decode("utf-8-sig"))))
    assert {row[2] for row in rows[1:]} == {f"b{number:03}" for number in range(250, 900)} | {"brug-042"}
    html = client.get("/work?lang=en").text
    assert "650 items" in html
    assert html.count("Plan an inspection within three months.") == 50
    assert "600 more are not shown here; the files above have all." in html
    assert "Nog 600 staan hier niet; de bestanden hierboven hebben alles." in client.get("/work?lang=nl").text


def advised(town: Town) -> tuple[date | None, str]:
    """Give the day of the only advice, and what it says."""
    (item,) = work_items(town.rooms(), Language.ENGLISH)
    assert not item.is_planned
    return item.due, item.what


def test_what_an_alarm_asks_for_comes_nearer_and_is_overdue_in_the_end(town: Town) -> None:
    """It was two weeks away on each new day."""
    town.decisions.links.clear()
    raised = date(2026, 9, 9)
    assert advised(town)[0] == raised + timedelta(days=14)
    town.now_ns += DAY_NS
    assert advised(town)[0] == raised + timedelta(days=14)
    assert "Overdue" not in town.client().get("/work?lang=en").text
    town.now_ns += 2 * DAY_NS
    overdue = town.client().get("/work?lang=en").text
    assert overdue.index("Overdue") < overdue.index("by 23 Sept 2026") < overdue.index("Week 39")
    (event,) = Calendar.from_ical(town.client().get("/work-list?kind=ics").content.decode()).walk("VEVENT")
    assert event.decoded("dtstart") == raised + timedelta(days=14)


def test_that_failure_became_likely_brings_an_inspection_nearer_and_never_puts_it_off(town: Town) -> None:
    town.decisions.links.clear()
    bridge = AssetId("brug-042")
    town.store.newest[bridge] = replace(town.store.newest[bridge], advice="inspect_now")
    assert advised(town) == (date(2026, 9, 23), "Inspect now and prepare measures: failure within 30 days is likely.")
    town.store.alarm_rows[0] = replace(town.store.alarm_rows[0], raised_at_ns=NOW_NS - 13 * DAY_NS)
    assert advised(town)[0] == date(2026, 9, 22)


def test_advice_without_an_alarm_counts_from_when_it_began(town: Town) -> None:
    town.decisions.links.clear()
    town.store.alarm_rows.clear()
    midnight = NOW_NS // DAY_NS * DAY_NS
    bridge = AssetId("brug-042")
    town.store.newest[bridge] = replace(town.store.newest[bridge], advice="plan_repair")
    assert advised(town)[0] == date(2026, 12, 20), "nothing is known of earlier: ninety days from now"
    town.store.history = [
        make_risk(
            "brug-042",
            RiskState.ACT,
            1.0,
            assessment_id=f"d{days}",
            assessed_at_ns=midnight - days * DAY_NS,
            advice="plan_repair" if days <= 100 else "plan_inspection",
        )
        for days in range(120)
    ]
    begun = date(2026, 9, 21) - timedelta(days=100)
    assert advised(town)[0] == begun + timedelta(days=90)
    assert "Overdue" in town.client().get("/work?lang=en").text


def test_advice_that_stays_after_somebody_was_there_counts_anew(town: Town) -> None:
    """The inspection is told; the alarm still stands, and is no reason to call the structure overdue at once."""
    town.decisions.links.clear()
    bridge = AssetId("brug-042")
    seen = DecisionDraft(bridge, DecisionVerb.CORRECT_CONDITION, "A", "Seen up close", condition=3)
    town.decisions.append(seen, decided_at_ns=NOW_NS - 2 * DAY_NS)
    assert advised(town)[0] == date(2026, 10, 3)
    # In a replay the wall is ahead of the stream.
    town.decisions.append(seen, decided_at_ns=NOW_NS + 500 * DAY_NS)
    assert advised(town)[0] == date(2026, 10, 5)
    acknowledged = DecisionDraft(bridge, DecisionVerb.ACKNOWLEDGE, "A", "I know", alarm_id=town.store.alarm_rows[0].id)
    town.decisions.links.clear()
    town.decisions.append(acknowledged, decided_at_ns=NOW_NS)
    assert advised(town)[0] == date(2026, 9, 23)


def test_an_empty_work_list_does_not_look_healthy_where_no_sensor_sees(town: Town) -> None:
    town.decisions.links.clear()
    town.store.newest.clear()
    html = unescape(town.client().get("/work?lang=en").text)
    assert "Nothing is planned and nothing is advised." in html
    assert f"{len(town.store.asset_rows)} structures have no usable data." in html
    town.store.asset_rows = [make_asset("brug-1", "Brug")]
    town.store.newest = {AssetId("brug-1"): make_risk("brug-1", RiskState.OK, 0.0, advice="none")}
    assert "usable data" not in town.client().get("/work?lang=en").text


def test_an_inspection_is_on_the_work_list_until_it_is_told_what_it_found(town: Town) -> None:
    """It stood there for good, and kept the advice of later away from the list."""
    town.decisions.links.clear()
    bridge = AssetId("brug-042")
    for verb, reason in ((DecisionVerb.PLAN, "The crane is free"), (DecisionVerb.INSPECT, "Have a look")):
        town.decisions.append(DecisionDraft(bridge, verb, "A", reason, due_on="2026-09-21"), decided_at_ns=NOW_NS)
    html = town.client().get("/work?lang=en").text
    assert "Have a look" in html
    assert "The crane is free" in html
    found = DecisionDraft(bridge, DecisionVerb.CORRECT_CONDITION, "A", "Seen up close", condition=3)
    town.decisions.append(found, decided_at_ns=NOW_NS)
    html = town.client().get("/work?lang=en").text
    assert "Have a look" not in html
    assert "The crane is free" in html


def test_the_work_list_leaves_as_table_and_calendar(town: Town) -> None:
    town.decisions.append(
        DecisionDraft(AssetId("sluis-7"), DecisionVerb.INSPECT, "A", '=HYPERLINK("http://x")'), decided_at_ns=NOW_NS
    )
    client = town.client()
    answer = client.get("/work-list?kind=csv&lang=en")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0][:3] == ["Day", "Structure", "Identifier"]
    assert rows[1][:4] == ["2026-10-05", "Brug over de Dommel", "brug-042", "Plan"]
    assert rows[2][5].startswith("'=HYPERLINK")
    dutch = client.get("/work-list?kind=csv&lang=nl").content.decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(dutch), delimiter=";"))[1] == [*rows[1][:3], "Plannen", "gepland", *rows[1][5:]]
    book = client.get("/work-list?kind=xlsx&lang=en")
    sheet = zipfile.ZipFile(io.BytesIO(book.content)).read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet
    (event,) = Calendar.from_ical(client.get("/work-list?kind=ics&lang=en").content.decode()).walk("VEVENT")
    assert str(event["summary"]) == "Brug over de Dommel: Plan"
    assert event.decoded("dtstart") == date(2026, 10, 5)
    assert "dtend" not in event


def test_a_plan_for_the_last_day_there_is_leaves_the_calendar_to_everybody(town: Town) -> None:
    """The log keeps for good what was written before such days were refused."""
    far = DecisionDraft(AssetId("sluis-7"), DecisionVerb.PLAN, "A", "some day", due_on="9999-12-31")
    town.decisions.append(far, decided_at_ns=NOW_NS)
    for kind in ("ics", "csv", "xlsx"):
        assert town.client().get(f"/work-list?kind={kind}").status == 200
    events = Calendar.from_ical(town.client().get("/work-list?kind=ics").content.decode()).walk("VEVENT")
    assert date(9999, 12, 31) in [event.decoded("dtstart") for event in events]


def test_the_oldest_alarm_of_a_case_gives_its_address(town: Town) -> None:
    town.store.alarm_rows.append(make_alarm("brug-042", 2, id="younger", raised_at_ns=NOW_NS - DAY_NS))
    html = town.client().get("/alarms?lang=en").text
    assert "/alarms/brug-042.condition.settlement.12" in html
    assert "/alarms/younger" not in html
