"""Questions about the whole fleet: the answers from SQL are those of a plain walk over the same rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine

from domain.identifiers import AssetId
from domain.measurements import DataQuality
from domain.records import RiskAssessment, RiskState
from domain.register import Asset, AssetType
from storage.advisory import rank_key
from storage.overview import SqlOverview
from storage.overview_rows import ListFilter
from storage.protocols import RankKey
from storage.tables import alarm_table, assessment_table, asset_table, channel_table, gateway_table, risk_table
from tests.unit.api.memory_overview import MemoryOverview
from tests.unit.api.samples import DAY_NS, HOUR_NS, NOW_NS, make_alarm, make_asset
from tests.unit.api.sql_town import SqlTown
from tests.unit.api.town import Town, make_town

YEAR_NS = 365.25 * DAY_NS
FILTERS = [
    ListFilter(),
    ListFilter(states=(RiskState.ACT, RiskState.OK)),
    ListFilter(types=(AssetType.LOCK, AssetType.QUAY)),
    ListFilter(qualities=(DataQuality.NONE,)),
    ListFilter(advices=("inspect_soon", "none")),
    ListFilter(text="BRUG"),
    ListFilter(text="Élandsbrug"),
    ListFilter(text="ÉLANDSBRUG"),
    ListFilter(text="élandsbrug"),
    ListFilter(text="_/%"),
    ListFilter(text="%"),
    ListFilter(text="dommel", states=(RiskState.WATCH,)),
]


@pytest.fixture
def town() -> Town:
    made = make_town()
    made.store.asset_rows.append(make_asset("brug-100", "Brug 100% nieuw"))
    made.store.asset_rows.append(make_asset("brug-101", "Élandsbrug (a_/%b)"))
    made.store.alarm_rows += [make_alarm("sluis-7", 11), make_alarm("sluis-7", 13), make_alarm("tunnel-1", 12)]
    return made


@pytest.fixture
def overview(town: Town, engine: Engine) -> SqlOverview:
    store = town.store
    with engine.begin() as db:
        for asset in store.asset_rows:
            db.execute(asset_table.insert().values(id=asset.id, detail=msgspec.to_builtins(asset), revision=1))
        for risk in store.newest.values():
            place = rank_key(risk)
            db.execute(
                risk_table.insert().values(
                    asset=risk.asset,
                    state_rank=place.state_rank,
                    negative_cost_eur=place.negative_cost_eur,
                    assessed_at_ns=risk.assessed_at_ns,
                    provisional=risk.provisional,
                    detail=msgspec.to_builtins(risk),
                    revision=risk.revision,
                )
            )
        for risk in store.history:
            values = {"id": risk.assessment_id, "asset": risk.asset, "assessed_at_ns": risk.assessed_at_ns}
            db.execute(assessment_table.insert().values(detail=msgspec.to_builtins(risk), revision=1, **values))
        for alarm in store.alarm_rows:
            row = msgspec.to_builtins(alarm)
            db.execute(alarm_table.insert().values({column.name: row[column.name] for column in alarm_table.c}))
        for number, status in enumerate(store.statuses):
            row = msgspec.to_builtins(status) | {"number": number}
            db.execute(channel_table.insert().values({column.name: row[column.name] for column in channel_table.c}))
        db.execute(gateway_table.insert().values(id="gw-9", state="offline", since_ns=5, received_at_ns=6, revision=1))
    return SqlOverview(engine)


@pytest.mark.parametrize("wanted", FILTERS, ids=repr)
def test_lists_are_those_of_a_plain_walk(town: Town, overview: SqlOverview, wanted: ListFilter) -> None:
    plain = MemoryOverview(town.store)
    assert list(overview.ranked(wanted)) == list(plain.ranked(wanted))
    assert list(overview.unassessed(wanted)) == list(plain.unassessed(wanted))
    assert overview.unassessed_count(wanted) == plain.unassessed_count(wanted)


def test_pages_of_a_filtered_list_neither_skip_nor_repeat(overview: SqlOverview) -> None:
    whole = overview.ranked(ListFilter(text="u"))
    key: RankKey | None = None
    found: list[tuple[RankKey, Asset, RiskAssessment]] = []
    while page := overview.ranked(ListFilter(text="u"), after=key, limit=1):
        key = page[-1][0]
        found.extend(page)
    assert found == list(whole)
    assert len(found) > 2


def test_counts_and_places_are_those_of_a_plain_walk(town: Town, overview: SqlOverview) -> None:
    plain = MemoryOverview(town.store)
    counted = overview.tally()
    assert counted.asset_years == pytest.approx(4 * DAY_NS / 24 / YEAR_NS)
    assert replace(counted, asset_years=0.0) == replace(plain.tally(), quarantined=0)
    assert (counted.expired_alarms, counted.false_alarms) == (1, 1)
    assert list(overview.places()) == list(plain.places())


def test_the_assessment_before_a_time_is_the_last_one_there(town: Town, overview: SqlOverview) -> None:
    assets = [asset.id for asset in town.store.asset_rows]
    for before_ns in (NOW_NS, NOW_NS - 3 * 3_600_000_000_000, 0):
        assert overview.earlier(assets, before_ns) == MemoryOverview(town.store).earlier(assets, before_ns)
    assert overview.earlier([], NOW_NS) == {}


def test_a_day_is_shown_by_its_last_assessment(town: Town, overview: SqlOverview) -> None:
    plain = MemoryOverview(town.store)
    for start_ns in (0, NOW_NS - 3 * 3_600_000_000_000):
        bridge = town.store.asset_rows[0].id
        assert list(overview.daily(bridge, start_ns)) == list(plain.daily(bridge, start_ns))
    assert overview.daily(town.store.asset_rows[0].id, 0)


@pytest.mark.parametrize(("first", "then"), [("a", "z"), ("z", "a")])
def test_a_day_that_was_scored_again_is_shown_once_as_revised(
    town: Town, overview: SqlOverview, first: str, then: str
) -> None:
    """Such a day had two points in a chart, and which of them stood for it elsewhere was a matter of chance."""
    said = replace(town.store.history[0], assessment_id=first, assessed_at_ns=7 * DAY_NS, advice="none")
    revised = replace(said, assessment_id=then, revised=True, replaces=first, advice="inspect_soon")
    rows = [(said, 1), (revised, 2)]
    with overview._engine.begin() as db:
        db.execute(assessment_table.delete())
        for risk, revision in sorted(rows, key=lambda row: row[0].assessment_id):
            values = {"id": risk.assessment_id, "asset": risk.asset, "assessed_at_ns": risk.assessed_at_ns}
            db.execute(assessment_table.insert().values(detail=msgspec.to_builtins(risk), revision=revision, **values))
    assert [risk.advice for risk in overview.daily(said.asset, 0)] == ["inspect_soon"]
    assert overview.earlier([said.asset], NOW_NS)[said.asset].advice == "inspect_soon"


def test_grades_and_gateways_are_those_of_a_plain_walk(town: Town, overview: SqlOverview) -> None:
    """At three times: all heard lately, some fallen silent, all silent."""
    plain = MemoryOverview(town.store, states={"gw-9": ("offline", 5)})
    for now_ns in (NOW_NS, NOW_NS + 23 * HOUR_NS + 1, NOW_NS + 30 * DAY_NS):
        assert overview.grades(now_ns) == plain.grades(now_ns)
        assert list(overview.troubled(now_ns)) == list(plain.troubled(now_ns))
        assert list(overview.gateways(now_ns)) == list(plain.gateways(now_ns))
    assert overview.grades(NOW_NS + 30 * DAY_NS).keys() == {DataQuality.NONE}


def test_alarms_shared_with_others_are_those_of_a_plain_walk(town: Town, overview: SqlOverview) -> None:
    plain = MemoryOverview(town.store)
    own = AssetId("brug-042")
    for within_ns in (0, 2 * DAY_NS, 400 * DAY_NS):
        assert overview.elsewhere(own, within_ns) == plain.elsewhere(own, within_ns)
    shared = overview.elsewhere(own, 2 * DAY_NS)
    assert list(shared.values()) == [2]
    assert SqlOverview(overview._engine, ("nobody",)).elsewhere(own, 400 * DAY_NS) == {}


def test_the_revision_grows_with_what_is_written(town: Town, overview: SqlOverview) -> None:
    assert overview.revision() == max(risk.revision for risk in town.store.newest.values())


def test_statements_of_whole_days_are_those_of_a_plain_walk(town: Town, tmp_path: Path) -> None:
    midnight = NOW_NS // DAY_NS * DAY_NS
    first = replace(town.store.history[0], assessment_id="first", assessed_at_ns=midnight)
    again = replace(first, assessment_id="first.r9", revised=True, model_version="2", probability_of_failure=())
    town.store.history += [again, first, replace(first, assessment_id="other", assessed_at_ns=midnight - DAY_NS)]
    sql = SqlTown(tmp_path, town)
    sql.project(history=[replace(again, assessment_id="first.r10")])
    expected = MemoryOverview(town.store).stated(DAY_NS)
    assert len(expected) == 2
    assert sql.rooms.overview.stated(DAY_NS) == expected
    assert sql.rooms.overview.of(["west"]).stated(DAY_NS) == []


def test_an_advice_begins_behind_the_last_day_without_it(town: Town, overview: SqlOverview) -> None:
    """By hours from two days back; a day counts by its beginning, and of a time that was scored again any row."""
    midnight = NOW_NS // DAY_NS * DAY_NS
    said = {
        # Since an hour of the first day, away for some hours of the second.
        "brug-042": "none " * 5 + "inspect_soon " * 25 + "none " * 3 + "inspect_soon " * 15,
        # Away at a midnight: anew from the hour behind it.
        "sluis-7": "inspect_soon " * 24 + "none " * 2 + "inspect_soon " * 22,
        "tunnel-1": "inspect_soon " * 48,
        "weg-12": "none " * 48,
    }
    sample = town.store.history[0]
    town.store.history = [
        replace(
            sample,
            assessment_id=f"{asset}@{hour}",
            asset=AssetId(asset),
            assessed_at_ns=midnight + (hour - 48) * HOUR_NS,
            advice=advice,
        )
        for asset, advices in said.items()
        for hour, advice in enumerate(advices.split())
    ]
    again = [risk for risk in town.store.history if risk.assessment_id == "tunnel-1@24"]
    town.store.history += [replace(again[0], assessment_id="tunnel-1@24.r1", revised=True, advice="none")]
    with overview._engine.begin() as db:
        db.execute(assessment_table.delete())
        for risk in town.store.history:
            values = {"id": risk.assessment_id, "asset": risk.asset, "assessed_at_ns": risk.assessed_at_ns}
            db.execute(assessment_table.insert().values(detail=msgspec.to_builtins(risk), revision=1, **values))
    assets = [*map(AssetId, said), AssetId("kade-3")]
    first = midnight - 48 * HOUR_NS
    assert overview.advised_since("inspect_soon", assets) == {
        "brug-042": first + 5 * HOUR_NS,
        "sluis-7": first + 26 * HOUR_NS,
        "tunnel-1": first + 25 * HOUR_NS,
    }
    for advice in ("inspect_soon", "none", "plan_repair"):
        assert overview.advised_since(advice, assets) == MemoryOverview(town.store).advised_since(advice, assets)
    assert overview.advised_since("inspect_soon", []) == {}
    assert overview.advised_since("inspect_soon", [AssetId("sluis-7")]) == {"sluis-7": first + 26 * HOUR_NS}
    assert overview.of(["nobody"]).advised_since("inspect_soon", assets) == {}


def test_an_asset_is_alarmed_since_the_oldest_alarm_about_it_that_stands(town: Town, overview: SqlOverview) -> None:
    since = overview.alarmed_since()
    assert since == MemoryOverview(town.store).alarmed_since()
    assert since == {
        "brug-042": NOW_NS - 12 * DAY_NS, "sluis-7": NOW_NS - 13 * DAY_NS, "tunnel-1": NOW_NS - 12 * DAY_NS
    }  # fmt: skip
    assert overview.of(["nobody"]).alarmed_since() == {}
