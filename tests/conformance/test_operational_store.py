"""What the operational store promises, whichever database it is on: projected once, ranked, paged."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, delete

from domain.identifiers import AssetId, GatewayId
from domain.measurements import DataQuality, DeadLetter
from domain.records import (
    Alarm,
    AlarmState,
    Decision,
    DecisionVerb,
    FailureProbability,
    Reason,
    RiskAssessment,
    RiskState,
)
from domain.register import Register
from storage.database import migrations_pending
from storage.entries import (
    AlarmChange,
    DecisionBody,
    Outcome,
    QuarantineChange,
    RegisterBody,
    SensorChange,
    SensorColumns,
)
from storage.journal import Entry
from storage.protocols import RankKey, Revisions, TimedKey
from storage.tables import metadata, projection_table
from tests.conformance.operational import EMPTY, Store, make_asset, make_channel, make_register


def risk(
    name: str, state: RiskState, cost: float | None, *, at_ns: int = 10, provisional: bool = False
) -> RiskAssessment:
    return RiskAssessment(
        assessment_id=f"{name}.{at_ns}{'.p' if provisional else ''}",
        asset=AssetId(name),
        assessed_at_ns=at_ns,
        provisional=provisional,
        state=state,
        data_quality=DataQuality.HIGH,
        probability_of_failure=(FailureProbability(90, 0.1, 0.05, 0.2),),
        remaining_life=None,
        failure_mode=None,
        health_index=None,
        indicative_condition=None,
        expected_cost_of_waiting_eur=cost,
        advice="keep_watching",
        reasons=(Reason("all_as_expected", {"channels": 2}),),
        model_version="1",
    )


def alarm(name: str = "a1", *, raised_ns: int = 5) -> Alarm:
    return Alarm(name, AssetId("brug-1"), "condition.x", raised_ns, None, AlarmState.OPEN, reasons=(Reason("r"),))


def test_tables_are_what_the_migrations_make(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    assert not migrations_pending(engine)


def test_the_position_moves_with_the_rows(store: Store) -> None:
    assert store.writer.position() == 0
    store.project(make_register("brug-1"), Outcome(alarms=[alarm()]))
    assert store.writer.position() == 2
    found = store.reader.alarm("a1")
    assert found is not None
    assert (found.revision, found.reasons) == (2, (Reason("r"),))


def test_writing_entries_again_changes_nothing(store: Store) -> None:
    entries = [
        Entry(1, "register", EMPTY, make_register("brug-1")),
        Entry(2, "batch", EMPTY, Outcome(alarms=[alarm()], current=[risk("brug-1", RiskState.OK, 5.0)])),
    ]
    for _ in range(2):
        store.writer.project(entries)
    assert len(store.reader.alarms()) == 1
    assert len(store.reader.risks()) == 1


def test_the_ranking_is_state_then_cost_and_pages_neither_skip_nor_repeat(store: Store) -> None:
    names = [f"brug-{n}" for n in range(1, 10)]
    states = [RiskState.OK, RiskState.ACT, RiskState.WATCH, RiskState.INSUFFICIENT_DATA] * 3
    risks = [risk(name, states[n], [100.0, None, 50.0][n % 3]) for n, name in enumerate(names)]
    store.project(make_register(*names), Outcome(current=risks))
    whole = [key for key, _, _ in store.reader.risks(limit=50)]
    assert whole == sorted(whole)
    assert [key.state_rank for key in whole] == sorted(key.state_rank for key in whole)
    paged: list[RankKey] = []
    while page := store.reader.risks(after=paged[-1] if paged else None, limit=2):
        paged += [key for key, _, _ in page]
    assert paged == whole
    only = store.reader.risks(states=[RiskState.ACT])
    assert {item.state for _, _, item in only} == {RiskState.ACT}


def test_a_revision_of_each_kind_grows_with_its_rows_alone(store: Store) -> None:
    assert store.reader.revisions() == Revisions(0, 0, 0)
    store.project(make_register("brug-1"))
    assert store.reader.revisions() == Revisions(1, 1, 1)
    store.project(Outcome(), Outcome(current=[risk("brug-1", RiskState.OK, 5.0)]), Outcome())
    assert store.reader.revisions() == Revisions(4, 3, 1)
    store.project(Outcome(alarms=[alarm("a1")]))
    assert store.reader.revisions() == Revisions(5, 3, 5)
    store.project(Outcome(alarm_changes=[AlarmChange("a1", cleared_at_ns=9)]))
    assert [store.reader.revisions().of(kind) for kind in ("rows", "risks", "alarms")] == [6, 3, 6]


def test_a_store_of_an_older_version_has_one_revision_for_all(store: Store, engine: Engine) -> None:
    store.project(make_register("brug-1"))
    with engine.begin() as db:
        db.execute(delete(projection_table).where(projection_table.c.name != "operational"))
    assert store.reader.revisions() == Revisions(1, 1, 1)
    store.project(Outcome(current=[risk("brug-1", RiskState.OK, 5.0)]), Outcome())
    assert store.reader.revisions() == Revisions(3, 2, 3)


def test_an_assessment_comes_back_as_it_was(store: Store) -> None:
    given = risk("brug-1", RiskState.WATCH, 12.5)
    store.project(make_register("brug-1"), Outcome(assessments=[given], current=[given]))
    found = store.reader.assessment(given.assessment_id)
    assert found is not None
    assert (found.probability_of_failure, found.reasons, found.journal_seq) == (
        given.probability_of_failure,
        given.reasons,
        2,
    )
    assert store.reader.risk_history(AssetId("brug-1"))[0] == found


def test_history_runs_from_new_to_old_and_pages(store: Store) -> None:
    items = [risk("brug-1", RiskState.OK, 1.0, at_ns=n) for n in range(7)]
    store.project(Outcome(assessments=items))
    seen: list[int] = []
    after: TimedKey | None = None
    while page := store.reader.risk_history(AssetId("brug-1"), after=after, limit=3):
        seen += [item.assessed_at_ns for item in page]
        after = TimedKey(page[-1].assessed_at_ns, page[-1].assessment_id)
    assert seen == [6, 5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 20])
def test_what_replaces_stands_before_what_it_replaces(store: Store, limit: int) -> None:
    """Of one time the order went by identifiers, so which of the two came first was a matter of chance."""
    said = [replace(risk("brug-1", RiskState.OK, 1.0, at_ns=n), assessment_id=f"first-{97 * n % 7}") for n in range(7)]
    revised = [
        replace(item, assessment_id=f"{'a' if n % 2 else 'z'}{n}", revised=True, replaces=item.assessment_id)
        for n, item in enumerate(said)
    ]
    store.project(Outcome(assessments=said), Outcome(assessments=revised))
    seen: list[str] = []
    after: TimedKey | None = None
    while page := store.reader.risk_history(AssetId("brug-1"), after=after, limit=limit):
        seen += [item.assessment_id for item in page]
        after = TimedKey(page[-1].assessed_at_ns, page[-1].assessment_id)
    pairs = zip(reversed(revised), reversed(said), strict=True)
    assert seen == [item.assessment_id for pair in pairs for item in pair]
    at_three = store.reader.risk_history(AssetId("brug-1"), after=TimedKey(3, ""), limit=1)
    assert [item.assessed_at_ns for item in at_three] == [2]


def test_an_alarm_clears_but_what_a_person_said_of_it_stays(store: Store) -> None:
    store.project(Outcome(alarms=[alarm("a1"), alarm("a2")]))
    store.project(Outcome(alarm_changes=[AlarmChange("a1", state=AlarmState.CONFIRMED)]))
    store.project(Outcome(alarm_changes=[AlarmChange("a1", cleared_at_ns=9), AlarmChange("a2", cleared_at_ns=9)]))
    found = {item.id: item for item in store.reader.alarms()}
    assert (found["a1"].state, found["a1"].cleared_at_ns) == (AlarmState.CONFIRMED, 9)
    assert (found["a2"].state, found["a2"].cleared_at_ns) == (AlarmState.CLEARED, 9)
    assert [item.id for item in store.reader.alarms(states=[AlarmState.CONFIRMED])] == ["a1"]


def test_a_new_register_keeps_what_channels_last_sent(store: Store) -> None:
    store.project(make_register("brug-1", "brug-2"))
    store.project(Outcome(sensors=SensorColumns.of([SensorChange(1, 77, 11.5, DataQuality.HIGH)])))
    store.project(make_register("brug-1", "brug-3"))
    rows = {row.asset: row for row in store.reader.sensors()}
    assert set(rows) == {"brug-1", "brug-3"}
    assert (rows[AssetId("brug-1")].last_time_ns, rows[AssetId("brug-1")].last_value) == (77, 11.5)
    assert [item.id for item in store.reader.assets()] == ["brug-1", "brug-3"]
    found = store.reader.asset(AssetId("brug-1"))
    assert found == make_asset("brug-1")


def test_alarms_of_an_asset_that_left_the_register_are_cleared(store: Store) -> None:
    store.project(make_register("brug-1", "brug-2"), Outcome(alarms=[alarm("a1"), alarm("a2")]))
    store.project(Outcome(alarm_changes=[AlarmChange("a2", state=AlarmState.CONFIRMED)]))
    gone = make_register("brug-2")
    assert gone.register is not None
    store.project(gone, body=RegisterBody(register=gone.register, at_ns=42))
    found = {item.id: item for item in store.reader.alarms()}
    assert (found["a1"].state, found["a1"].cleared_at_ns) == (AlarmState.CLEARED, 42)
    assert found["a2"].state is AlarmState.CONFIRMED


def test_the_newest_of_several_entries_counts(store: Store) -> None:
    changes = [Outcome(sensors=SensorColumns.of([SensorChange(1, n, float(n), DataQuality.HIGH)])) for n in range(3)]
    risks = [Outcome(current=[risk("brug-1", RiskState.OK, float(n), at_ns=n)]) for n in range(3)]
    store.project(make_register("brug-1"), *changes, *risks)
    assert store.reader.sensors()[0].last_time_ns == 2
    newest = store.reader.risk(AssetId("brug-1"))
    assert newest is not None
    assert newest.assessed_at_ns == 2


def test_quarantine_counts_up_and_down_to_nothing(store: Store) -> None:
    def change(messages: int) -> Outcome:
        return Outcome(quarantine=[QuarantineChange("gw", "a", "s", messages, 1, 2, "unknown", "{}")])

    store.project(change(3), change(2))
    assert store.reader.quarantine()[0].messages == 5
    store.project(change(-4))
    assert (store.reader.quarantine()[0].messages, store.reader.quarantine()[0].reason) == (1, "unknown")
    store.project(change(-1))
    assert store.reader.quarantine() == []


def test_a_provisional_assessment_that_was_decided_on_is_kept(store: Store) -> None:
    now = risk("brug-1", RiskState.ACT, 5.0, provisional=True)
    store.project(make_register("brug-1"), Outcome(current=[now]))
    decision = Decision(
        "d3", 3, AssetId("brug-1"), DecisionVerb.CONFIRM, "A. Planner", "seen", 1, None, now.assessment_id
    )
    store.project(Outcome(), body=DecisionBody(decision=decision, alarm_kind=None))
    store.project(Outcome(current=[risk("brug-1", RiskState.OK, 1.0, at_ns=99)]))
    kept = store.reader.assessment(now.assessment_id)
    assert kept is not None
    assert kept.state is RiskState.ACT


def test_dead_letters_keep_their_first_bytes(store: Store) -> None:
    letter = DeadLetter("1-0", "infra/v1/gw/x", GatewayId("gw"), "not_json", "got '{'", b"{\xff", 5)
    store.project(Outcome(dead_letters=[letter]))
    assert store.reader.dead_letters()[0].head == b"{\xff"


def test_lists_run_in_the_order_of_bytes_whatever_the_database_thinks_of_letters(store: Store) -> None:
    names = ["brug-1", "Brug-2", "BRUG-10", "brug_3", "b-4", "_5"]
    assets, channels = tuple(map(make_asset, names)), tuple(map(make_channel, names))
    store.project(Outcome(register=Register(assets, channels), register_numbers=list(range(6))))
    paged: list[str] = []
    while page := store.reader.assets(after=paged[-1] if paged else None, limit=2):
        paged += [item.id for item in page]
    assert paged == sorted(names)
    assert [item.asset for item in store.reader.sensors()] == sorted(names)


def test_what_a_gateway_sends_cannot_stop_the_projection(store: Store) -> None:
    """PostgreSQL holds no zero bytes in texts, and cuts none short by itself."""
    letter = DeadLetter("1-0", "infra/v1/gw/" + "x" * 2000, GatewayId("gw"), "not_json", "got 'a\0b'" * 500, b"\0", 5)
    held = QuarantineChange("gw", "a", "s", 1, 1, 2, "unknown\0" * 500, '{"v":\0}' * 500)
    store.project(Outcome(dead_letters=[letter], quarantine=[held]))
    found, waiting = store.reader.dead_letters()[0], store.reader.quarantine()[0]
    assert (found.head, len(found.topic), found.reason[:9]) == (b"\0", 1024, "got 'a\N{REPLACEMENT CHARACTER}b'")
    assert waiting.example.startswith('{"v":\N{REPLACEMENT CHARACTER}}')


@pytest.mark.slow
def test_more_rows_than_one_statement_holds(store: Store) -> None:
    names = [f"brug-{n}" for n in range(2500)]
    store.project(make_register(*names), Outcome(current=[risk(name, RiskState.OK, 1.0) for name in names]))
    store.project(
        Outcome(sensors=SensorColumns.of([SensorChange(n, n, n / 3, DataQuality.HIGH) for n in range(0, 2500, 2)]))
    )
    found = {row.asset: (row.last_time_ns, row.last_value) for row in store.reader.sensors(limit=5000)}
    assert [found[AssetId(name)] for name in names] == [(n, n / 3) if n % 2 == 0 else (None, None) for n in range(2500)]
    assert len(store.reader.risks(limit=5000)) == 2500


def test_of_rows_with_one_key_the_last_counts(store: Store) -> None:
    store.project(Outcome(assessments=[risk("brug-1", RiskState.OK, 1.0), risk("brug-1", RiskState.ACT, 2.0)]))
    assert [item.state for item in store.reader.risk_history(AssetId("brug-1"))] == [RiskState.ACT]
