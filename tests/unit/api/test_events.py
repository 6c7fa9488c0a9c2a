"""The timeline of a structure: everything stored that happened to it, each kind with a sign of its own."""

from __future__ import annotations

import re
from dataclasses import replace

from api.charts.timeline import MARKS
from api.languages import Language
from api.pages.events import event_rows
from domain.identifiers import AssetId
from domain.records import DecisionVerb
from storage.protocols import DecisionDraft
from tests.unit.api.samples import DAY_NS, HOUR_NS, NOW_NS, make_alarm, make_asset
from tests.unit.api.town import Town

BRIDGE = AssetId("brug-042")


def rows_of(town: Town) -> dict[str, tuple[str, str]]:
    """Give the title and the detail of the newest event of each group."""
    rooms, asset = town.rooms(), town.store.asset_rows[0]
    events = event_rows(
        rooms, asset, rooms.store.alarms(asset=BRIDGE), rooms.decisions.decisions(asset=BRIDGE), Language.ENGLISH
    )
    assert [event.time_ns for event in events] == sorted((event.time_ns for event in events), reverse=True)
    return {event.group: (event.title, event.detail) for event in reversed(events)}


def test_an_alarm_of_several_structures_at_once_is_told_from_one_of_its_own(town: Town) -> None:
    """A storm or a gateway strikes many: three others within a day; the same kind a week later does not count."""
    town.store.alarm_rows = [make_alarm("brug-042", 12, kind="gateway.offline", id="own")]
    for number in range(5):
        other = f"a{number}"
        town.store.asset_rows.append(make_asset(other, other))
        raised_ns = NOW_NS - 12 * DAY_NS + (number * HOUR_NS if number < 2 else 8 * DAY_NS)
        town.store.alarm_rows.append(make_alarm(other, 0, kind="gateway.offline", id=other, raised_at_ns=raised_ns))
    assert rows_of(town)["alarm"] == ("Gateway problem: offline", "within a day at 2 other structures too")
    town.store.alarm_rows[-1] = replace(town.store.alarm_rows[-1], raised_at_ns=NOW_NS - 12 * DAY_NS - HOUR_NS)
    found = rows_of(town)
    assert found["shared"] == ("Gateway problem: offline", "within a day at 3 other structures too")
    assert "alarm" not in found


def test_works_swaps_decisions_and_the_inspection_stand_beside_alarms(town: Town) -> None:
    swapped_ns = NOW_NS - 7 * DAY_NS
    town.works[BRIDGE] = (
        (NOW_NS - 9 * DAY_NS, NOW_NS - 8 * DAY_NS, "resurfacing", ""),
        (swapped_ns, swapped_ns + HOUR_NS, "sensor swap", "tilt_1"),
    )
    draft = DecisionDraft(BRIDGE, DecisionVerb.INSPECT, "J. de Vries", "Scheur gemeld")
    town.decisions.append(draft, decided_at_ns=NOW_NS - DAY_NS)
    found = rows_of(town)
    assert found["works"][0] == "Resurfacing"
    assert found["swap"][0] == "Sensor swap (tilt_1)"
    assert found["decision"] == ("Inspect", "J. de Vries: Scheur gemeld")
    assert found["inspection"] == ("Condition 2", "")
    assert found["alarm"][0] == "Signs of settlement"
    html = town.client().get("/assets/brug-042?lang=en").text
    listed = html[html.index('<ol class="log events"') :]
    listed = listed[: listed.index("</ol>")]
    assert set(re.findall(r'<span aria-hidden="true">(.)</span>', listed)) == {
        MARKS[group].sign for group in found if group in MARKS
    }


def test_an_inspection_without_a_readable_day_is_left_out(town: Town) -> None:
    town.store.asset_rows[0] = replace(town.store.asset_rows[0], inspected_on="voorjaar 2024")
    assert "inspection" not in rows_of(town)
