"""What an inspection found and a person recorded holds from then on, like the register's own score."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.identifiers import AssetId
from domain.records import DecisionVerb, RiskAssessment
from domain.register import Asset
from service.pipeline import Pipeline
from service.register_commands import import_assets
from storage.advisory import SqlAdvisoryStore
from storage.database import open_database, sqlite_address
from storage.decisions import JournalDecisionLog
from storage.protocols import DecisionDraft
from tests.chain import DAY_NS, open_chain
from tests.unit.service.site import NOW_NS, project

BRUG, KADE = AssetId("brug-1"), AssetId("kade-1")
HEADER = "id,name,type,built_year,planned_repair_cost_eur,condition_inspected,inspected_on\n"
# NOW_NS is on 15 June 2025.
REGISTER = "brug-1,Brug,bridge,1970,40000,2,2024-05-01\nkade-1,Kade,quay,1960,90000,,\n"
SENSORS = "asset,sensor,channel,unit,axis,gateway,position,interval_s\nbrug-1,t1,temperature,Cel,,gw-1,,3600\n"


def register(pipeline: Pipeline, folder: Path, assets: str = REGISTER) -> None:
    paths = [folder / "assets.csv", folder / "sensors.csv"]
    paths[0].write_text(HEADER + assets)
    paths[1].write_text(SENSORS)
    import_assets(pipeline.journal, paths, at_ns=NOW_NS)
    pipeline.catch_up()


def opened(folder: Path, assets: str = REGISTER) -> Pipeline:
    pipeline = open_chain(folder)
    register(pipeline, folder, assets)
    return pipeline


def find(pipeline: Pipeline, condition: int, *, asset: AssetId = BRUG, at_ns: int = NOW_NS) -> RiskAssessment | None:
    """Record what an inspection found, and give what is said of the structure then."""
    draft = DecisionDraft(asset, DecisionVerb.CORRECT_CONDITION, "I. Nspector", "seen", condition=condition)
    JournalDecisionLog(pipeline.journal, lambda _: None).append(draft, decided_at_ns=at_ns)
    pipeline.catch_up()
    return next(iter(pipeline.journal.entries(after=0, limit=1000)[-1].outcome.current), None)


def known(pipeline: Pipeline, asset: AssetId = BRUG) -> tuple[int | None, str | None]:
    row = pipeline.live.row_of(asset)
    assert row is not None
    details = pipeline.live.catalogue.details[row]
    assert details in pipeline.live.register.assets
    return details.condition_inspected, details.inspected_on


def stored(folder: Path, pipeline: Pipeline, asset: AssetId = BRUG) -> Asset:
    project(folder, pipeline)
    engine = open_database(sqlite_address(folder / "operational.sqlite"))
    found = SqlAdvisoryStore(engine).asset(asset)
    engine.dispose()
    assert found is not None
    return found


def test_what_was_found_moves_the_chance_and_is_shown_with_its_day(tmp_path: Path) -> None:
    """The decision stood in the log and did nothing: the score of years ago went on counting and being shown."""
    pipeline = opened(tmp_path)
    said = [find(pipeline, condition) for condition in (2, 5)]
    chances = [item.probability_of_failure[2].value for item in said if item is not None]
    # Class, age and inspection are all that is known here: condition 5 for 2 is 14 times the rate.
    assert chances[1] == pytest.approx(14.0 * chances[0], rel=0.05)
    assert said[1] is not None
    facts = {reason.code: reason.facts for reason in said[1].reasons}
    assert facts["prior_by_inspection"] == {"condition": 5, "inspected_on": "2025-06-15"}
    asset = stored(tmp_path, pipeline)
    assert (asset.condition_inspected, asset.inspected_on, asset.built_year) == (5, "2025-06-15", 1970)
    pipeline.journal.close()


@pytest.mark.parametrize("saved", [False, True])
def test_it_outlasts_a_restart_and_an_import_of_what_was_known_before(tmp_path: Path, *, saved: bool) -> None:
    pipeline = opened(tmp_path)
    find(pipeline, 4)
    find(pipeline, 3, asset=KADE)
    if saved:
        pipeline.save()
    pipeline.journal.close()
    again = open_chain(tmp_path)
    assert (known(again), known(again, KADE)) == ((4, "2025-06-15"), (3, "2025-06-15"))
    register(again, tmp_path)
    assert (known(again), known(again, KADE)) == ((4, "2025-06-15"), (3, "2025-06-15"))
    assert stored(tmp_path, again, KADE).condition_inspected == 3
    again.save()
    again.journal.close()
    third = open_chain(tmp_path)
    assert known(third, KADE) == (3, "2025-06-15")
    third.journal.close()


def test_a_later_inspection_of_the_register_holds_and_so_does_a_later_decision(tmp_path: Path) -> None:
    pipeline = opened(tmp_path)
    find(pipeline, 4)
    find(pipeline, 5)
    assert known(pipeline) == (5, "2025-06-15")  # two scores on one day: the last that was recorded
    register(pipeline, tmp_path, REGISTER.replace("2,2024-05-01", "3,2025-06-16"))
    assert known(pipeline) == (3, "2025-06-16")
    find(pipeline, 6, at_ns=NOW_NS - 30 * DAY_NS)
    assert known(pipeline) == (3, "2025-06-16")
    find(pipeline, 1, at_ns=NOW_NS + DAY_NS)
    assert known(pipeline) == (1, "2025-06-16")
    pipeline.journal.close()


def test_what_was_found_of_a_structure_that_comes_into_the_register_later_counts_there(tmp_path: Path) -> None:
    pipeline = opened(tmp_path, REGISTER.splitlines(keepends=True)[0])
    assert find(pipeline, 5, asset=KADE) is None
    register(pipeline, tmp_path)
    assert known(pipeline, KADE) == (5, "2025-06-15")
    assert stored(tmp_path, pipeline, KADE).inspected_on == "2025-06-15"
    pipeline.journal.close()
