"""`schouw explain` over what the chain stored: the same numbers again, and a change is found out."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner

from service.cli import app
from service.settings import load_settings
from simulator.scenario_file import load_scenario
from storage.database import open_database, upgrade_schema
from storage.projection import OperationalProjection
from storage.tables import assessment_table
from tests.chain import feed, finish, open_chain, simulated_messages

pytestmark = pytest.mark.slow


def call(folder: Path, *words: str) -> tuple[int, str]:
    answer = CliRunner().invoke(app, ["explain", *words, "--data-dir", str(folder)])
    return answer.exit_code, answer.output


def test_every_stored_assessment_comes_out_again_and_an_altered_one_does_not(tmp_path: Path) -> None:
    scenario = load_scenario("small")
    messages = simulated_messages(scenario, tmp_path, days=9)
    pipeline = open_chain(tmp_path, scenario)
    feed(pipeline, messages, batch=80)
    finish(pipeline)
    engine = open_database(load_settings({"data_dir": str(tmp_path)}).database_address)
    upgrade_schema(engine)
    OperationalProjection(engine).project(pipeline.journal.entries(after=0, limit=1_000_000))
    with engine.connect() as db:
        rows = db.execute(select(assessment_table.c.id, assessment_table.c.detail)).all()
    told = {row.id: row.detail for row in rows if row.detail["basis"]["modes"]}
    assert told
    for name in [*told][:3]:
        code, text = call(tmp_path, name, "--verify")
        assert (code, text) == (0, "Opnieuw berekend uit wat bewaard is: gelijk tot op de laatste bit.\n")
    name = next(iter(told))
    code, text = call(tmp_path, name, "--lang", "en")
    assert code == 0
    assert "chance of failure within 90 days" in text
    assert text.endswith("Computed again from what is stored: the same to the last bit.\n")
    altered = msgspec.json.decode(msgspec.json.encode(told[name]))
    altered["probability_of_failure"][1]["value"] += 0.001
    with engine.begin() as db:
        db.execute(update(assessment_table).where(assessment_table.c.id == name).values(detail=altered))
    code, text = call(tmp_path, name, "--verify")
    assert (code, "de cijfers wijken" in text) == (1, True), text
    engine.dispose()
    pipeline.journal.close()
