"""What the operational store promises, whichever database it is on: projected once, ranked, paged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, delete

from domain.identifiers import AssetId, ChannelName, GatewayId, SensorId
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
from domain.register import Asset, AssetType, Channel, Direction, Register, Role
from storage.advisory import SqlAdvisoryStore
from storage.database import migrations_pending, open_database, sqlite_address, upgrade_schema
from storage.entries import (
    AlarmChange,
    BatchBody,
    DecisionBody,
    EntryBody,
    Outcome,
    PackedReadings,
    QuarantineChange,
    RegisterBody,
    SensorChange,
    SensorColumns,
)
from storage.journal import Entry
from storage.projection import OperationalProjection
from storage.protocols import RankKey, Revisions, TimedKey
from storage.tables import metadata, projection_table
from tests.servers import PostgresServer

HOUR_NS = 3600 * 10**9
EMPTY = BatchBody(readings=PackedReadings(b"", b"", b"", b""))


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give an empty database of each kind."""
    if request.param == "sqlite":
        return sqlite_address(tmp_path / "operational.sqlite")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.database()


@pytest.fixture
def engine(address: str) -> Iterator[Engine]:
    made = open_database(address)
    assert migrations_pending(made)
    upgrade_schema(made)
    yield made
    made.dispose()


class Store:
    """Both sides of one database."""

    def __init__(self, engine: Engine) -> None:
        self.writer = OperationalProjection(engine)
        self.reader = SqlAdvisoryStore(engine)

    def project(self, *outcomes: Outcome, body: EntryBody = EMPTY) -> None:
        first = self.writer.position() + 1
        self.writer.project([Entry(first + n, "batch", body, outcome) for n, outcome in enumerate(outcomes)])


@pytest.fixture
def store(engine: Engine) -> Store:
    return Store(engine)


def asset(name: str) -> Asset:
    return Asset(AssetId(name), name.title(), AssetType.BRIDGE, external_ids={"GUID": "{x}"})


def channel(owner: str, name: str = "temperature") -> Channel:
    where = (AssetId(owner), SensorId("s1"), ChannelName(name))
    return Channel(*where, "Cel", GatewayId("gw-1"), 3600.0, Role.ENVIRONMENT, Direction.BOTH)


def register(*names: str) -> Outcome:
    channels = tuple(channel(name) for name in names)
    numbers = [int(name.removeprefix("brug-")) for name in names]
    return Outcome(register=Register(tuple(map(asset, names)), channels), register_numbers=numbers)


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
    store.project(register("brug-1"), Outcome(alarms=[alarm()]))
    assert store.writer.position() == 2
    found = store.reader.alarm("a1")
    assert found is not None
    assert (found.revision, found.reasons) == (2, (Reason("r"),))


def test_writing_entries_again_changes_nothing(store: Store) -> None:
    entries = [
        Entry(1, "register", EMPTY, register("brug-1")),
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
    store.project(register(*names), Outcome(current=risks))
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
    store.project(register("brug-1"))
    assert store.reader.revisions() == Revisions(1, 1, 1)
    store.project(Outcome(), Outcome(current=[risk("brug-1", RiskState.OK, 5.0)]), Outcome())
    assert store.reader.revisions() == Revisions(4, 3, 1)
    store.project(Outcome(alarms=[alarm("a1")]))
    assert store.reader.revisions() == Revisions(5, 3, 5)
    store.project(Outcome(alarm_changes=[AlarmChange("a1", cleared_at_ns=9)]))
    assert [store.reader.revisions().of(kind) for kind in ("rows", "risks", "alarms")] == [6, 3, 6]


def test_a_store_of_an_older_version_has_one_revision_for_all(store: Store, engine: Engine) -> None:
    store.project(register("brug-1"))
    with engine.begin() as db:
        db.execute(delete(projection_table).where(projection_table.c.name != "operational"))
    assert store.reader.revisions() == Revisions(1, 1, 1)
    store.project(Outcome(current=[risk("brug-1", RiskState.OK, 5.0)]), Outcome())
    assert store.reader.revisions() == Revisions(3, 2, 3)


def test_an_assessment_comes_back_as_it_was(store: Store) -> None:
    given = risk("brug-1", RiskState.WATCH, 12.5)
    store.project(register("brug-1"), Outcome(assessments=[given], current=[given]))
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


def test_an_alarm_clears_but_what_a_person_said_of_it_stays(store: Store) -> None:
    store.project(Outcome(alarms=[alarm("a1"), alarm("a2")]))
    store.project(Outcome(alarm_changes=[AlarmChange("a1", state=AlarmState.CONFIRMED)]))
    store.project(Outcome(alarm_changes=[AlarmChange("a1", cleared_at_ns=9), AlarmChange("a2", cleared_at_ns=9)]))
    found = {item.id: item for item in store.reader.alarms()}
    assert (found["a1"].state, found["a1"].cleared_at_ns) == (AlarmState.CONFIRMED, 9)
    assert (found["a2"].state, found["a2"].cleared_at_ns) == (AlarmState.CLEARED, 9)
    assert [item.id for item in store.reader.alarms(states=[AlarmState.CONFIRMED])] == ["a1"]


def test_a_new_register_keeps_what_channels_last_sent(store: Store) -> None:
    store.project(register("brug-1", "brug-2"))
    store.project(Outcome(sensors=SensorColumns.of([SensorChange(1, 77, 11.5, DataQuality.HIGH)])))
    store.project(register("brug-1", "brug-3"))
    rows = {row.asset: row for row in store.reader.sensors()}
    assert set(rows) == {"brug-1", "brug-3"}
    assert (rows[AssetId("brug-1")].last_time_ns, rows[AssetId("brug-1")].last_value) == (77, 11.5)
    assert [item.id for item in store.reader.assets()] == ["brug-1", "brug-3"]
    found = store.reader.asset(AssetId("brug-1"))
    assert found == asset("brug-1")


def test_alarms_of_an_asset_that_left_the_register_are_cleared(store: Store) -> None:
    store.project(register("brug-1", "brug-2"), Outcome(alarms=[alarm("a1"), alarm("a2")]))
    store.project(Outcome(alarm_changes=[AlarmChange("a2", state=AlarmState.CONFIRMED)]))
    gone = register("brug-2")
    assert gone.register is not None
    store.project(gone, body=RegisterBody(register=gone.register, at_ns=42))
    found = {item.id: item for item in store.reader.alarms()}
    assert (found["a1"].state, found["a1"].cleared_at_ns) == (AlarmState.CLEARED, 42)
    assert found["a2"].state is AlarmState.CONFIRMED


def test_the_newest_of_several_entries_counts(store: Store) -> None:
    changes = [Outcome(sensors=SensorColumns.of([SensorChange(1, n, float(n), DataQuality.HIGH)])) for n in range(3)]
    risks = [Outcome(current=[risk("brug-1", RiskState.OK, float(n), at_ns=n)]) for n in range(3)]
    store.project(register("brug-1"), *changes, *risks)
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
    store.project(register("brug-1"), Outcome(current=[now]))
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
    assets, channels = tuple(map(asset, names)), tuple(map(channel, names))
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
    store.project(register(*names), Outcome(current=[risk(name, RiskState.OK, 1.0) for name in names]))
    store.project(
        Outcome(sensors=SensorColumns.of([SensorChange(n, n, n / 3, DataQuality.HIGH) for n in range(0, 2500, 2)]))
    )
    found = {row.asset: (row.last_time_ns, row.last_value) for row in store.reader.sensors(limit=5000)}
    assert [found[AssetId(name)] for name in names] == [(n, n / 3) if n % 2 == 0 else (None, None) for n in range(2500)]
    assert len(store.reader.risks(limit=5000)) == 2500


def test_of_rows_with_one_key_the_last_counts(store: Store) -> None:
    store.project(Outcome(assessments=[risk("brug-1", RiskState.OK, 1.0), risk("brug-1", RiskState.ACT, 2.0)]))
    assert [item.state for item in store.reader.risk_history(AssetId("brug-1"))] == [RiskState.ACT]


def struck(number: int, raised_ns: int, *, kind: str = "data.silent") -> Alarm:
    """Give an alarm of the asset `brug-<number>`."""
    name = f"brug-{number}.{kind}.{raised_ns}"
    return Alarm(name, AssetId(f"brug-{number}"), kind, raised_ns, None, AlarmState.OPEN)


def events(store: Store) -> dict[str, list[tuple[str, bool]]]:
    """Give the assets of each event in the order of raising, and whether another alarm spoke for them."""
    found: dict[str, list[tuple[str, bool]]] = {}
    for item in reversed(store.reader.alarms(limit=5000)):
        if item.event_id:
            found.setdefault(item.event_id, []).append((item.asset, item.is_echo))
    return found


def test_what_strikes_many_structures_within_hours_is_one_event(store: Store) -> None:
    """Two were told by themselves before it showed; what comes with the others and after them is their echo."""
    start = 1000 * HOUR_NS
    store.project(register(*(f"brug-{n}" for n in range(12))), Outcome(alarms=[struck(0, start), struck(1, start + 1)]))
    assert events(store) == {}
    store.project(Outcome(alarms=[struck(n, start + HOUR_NS) for n in (2, 3, 4)]))
    name = f"brug-0.data.silent.{start}"
    echoes = [(f"brug-{n}", n > 1) for n in range(5)]
    assert events(store) == {name: echoes}
    assert {item.revision for item in store.reader.alarms()} == {3}
    late, other = struck(5, start + 7 * HOUR_NS), struck(6, start + HOUR_NS, kind="sensor.noisy")
    store.project(Outcome(alarms=[late, struck(7, start + 14 * HOUR_NS), other]))
    assert events(store) == {name: [*echoes, ("brug-5", True)]}
    assert [item.asset for item in store.reader.alarms(event=name)] == [f"brug-{n}" for n in (5, 4, 3, 2, 1, 0)]
    assert {item.revision for item in store.reader.alarms(event=name)} == {3, 4}


def test_a_storm_is_one_event_whatever_it_did(store: Store) -> None:
    day = 24 * HOUR_NS
    kinds = ["condition.scour", "condition.stiffness_loss", "condition.wall_movement", "condition.scour"]
    alarms = [struck(n, (100 + n % 2) * day, kind=kind) for n, kind in enumerate(kinds)]
    store.project(register(*(f"brug-{n}" for n in range(4))), Outcome(alarms=alarms))
    assert [len(members) for members in events(store).values()] == [4]


@pytest.mark.parametrize("again", [1, 2])
def test_an_event_is_the_same_when_its_entries_are_written_again(store: Store, again: int) -> None:
    start = 1000 * HOUR_NS
    entries = [
        Entry(1, "register", EMPTY, register(*(f"brug-{n}" for n in range(9)))),
        Entry(2, "batch", EMPTY, Outcome(alarms=[struck(n, start + n) for n in range(3)])),
        Entry(3, "batch", EMPTY, Outcome(alarms=[struck(n, start + n) for n in range(3, 6)])),
        Entry(4, "batch", EMPTY, Outcome(alarms=[struck(n, start + n) for n in range(6, 9)])),
    ]
    store.writer.project(entries)
    before = events(store)
    store.writer.project(entries[-again:])
    assert events(store) == before
    assert [len(members) for members in before.values()] == [9]


@pytest.mark.slow
def test_many_sensors_of_few_structures_and_the_usual_number_are_no_event(store: Store) -> None:
    start = 10_000 * HOUR_NS
    names = [f"brug-{n}" for n in range(40)]
    one_asset = [struck(0, start + n) for n in range(20)]
    store.project(register(*names), Outcome(alarms=one_asset))
    assert events(store) == {}
    # Ninety days with an alarm of this kind every hour: six within six hours are usual, twenty-five are not.
    usual = [struck(n % 40, start + n * HOUR_NS, kind="sensor.noisy") for n in range(90 * 24)]
    for first in range(0, len(usual), 200):
        store.project(Outcome(alarms=usual[first : first + 200]))
    last = start + 90 * 24 * HOUR_NS
    early = {name for name in events(store) if int(name.rpartition(".")[2]) > start + 30 * 24 * HOUR_NS}
    assert early == set()
    store.project(Outcome(alarms=[struck(n, last + n, kind="sensor.noisy") for n in range(25)]))
    assert any(int(name.rpartition(".")[2]) > last - 7 * HOUR_NS for name in events(store))


def test_organisations_have_events_of_their_own(store: Store) -> None:
    names = [f"brug-{n}" for n in range(6)]
    assets = tuple(replace(asset(name), organisation="oost" if n < 3 else "west") for n, name in enumerate(names))
    start = 1000 * HOUR_NS
    store.project(
        Outcome(register=Register(assets, ()), register_numbers=[]),
        Outcome(alarms=[struck(n, start + n) for n in range(6)]),
    )
    assert events(store) == {}


def about(subject: str, raised_ns: int, *, kind: str = "sensor.stuck", asset: str = "brug-1") -> Alarm:
    """Give an alarm about a channel, or about a sensor."""
    name = f"{asset}.{kind}.{subject}.{raised_ns}"
    return Alarm(name, AssetId(asset), kind, raised_ns, None, AlarmState.OPEN, subject)


def spoken(store: Store) -> dict[str, bool]:
    """Give for each alarm, by what it is about and oldest first, whether another spoke for it."""
    return {item.subject: item.is_echo for item in reversed(store.reader.alarms(limit=100))}


def test_channels_of_one_instrument_with_one_fault_speak_once(store: Store) -> None:
    """Others of its sensor are no echo where the kind, the sensor or the asset differs, or where nothing stood."""
    store.project(
        register("brug-1", "brug-2"),
        Outcome(alarms=[about("gnd1/base_moisture", 10), about("gnd1/base_temperature", 10), about("gnd2/x", 10)]),
        Outcome(
            alarms=[
                about("gnd1/rut", 20),
                about("gnd1", 20, kind="data.silent"),
                about("gnd1/y", 20, asset="brug-2"),
                about("gnd1/tilt", 20, kind="condition.scour"),
                about("gnd1/strain", 20, kind="condition.scour"),
            ]
        ),
        Outcome(alarm_changes=[AlarmChange(id=about("gnd2/x", 10).id, cleared_at_ns=25)]),
        Outcome(alarms=[about("gnd2/z", 30), about("gnd1/kurtosis", 20, kind="data.silent")]),
    )
    assert spoken(store) == {
        "gnd1/base_moisture": False,
        "gnd1/base_temperature": True,
        "gnd2/x": False,
        "gnd1": False,
        "gnd1/kurtosis": True,
        "gnd1/rut": True,
        "gnd1/y": False,
        "gnd1/tilt": False,
        "gnd1/strain": False,
        "gnd2/z": False,
    }


@pytest.mark.parametrize("again", [1, 2, 3])
@pytest.mark.parametrize(
    "ends",
    [
        AlarmChange(id="", cleared_at_ns=30),
        AlarmChange(id="", state=AlarmState.DISMISSED),
        AlarmChange(id="", cleared_at_ns=30, state=AlarmState.CONFIRMED),
    ],
)
def test_an_echo_speaks_when_nothing_else_stands_of_its_instrument(store: Store, ends: AlarmChange, again: int) -> None:
    """Its revision is that of the entry that ended the other, whatever is written again."""
    first, second, third = (about(f"gnd1/{name}", 10 + n) for n, name in enumerate("abc"))
    entries = [
        Entry(1, "register", EMPTY, register("brug-1")),
        Entry(2, "batch", EMPTY, Outcome(alarms=[first, second])),
        Entry(3, "batch", EMPTY, Outcome(alarms=[third])),
        Entry(4, "batch", EMPTY, Outcome(alarm_changes=[msgspec.structs.replace(ends, id=first.id)])),
    ]
    store.writer.project(entries)
    for _ in range(2):
        assert spoken(store) == {"gnd1/a": False, "gnd1/b": False, "gnd1/c": True}
        assert [item.revision for item in store.reader.alarms() if item.subject == "gnd1/b"] == [4]
        store.writer.project(entries[-again:])
    store.project(Outcome(alarm_changes=[AlarmChange(id=third.id, cleared_at_ns=40)]))
    assert spoken(store) == {"gnd1/a": False, "gnd1/b": False, "gnd1/c": True}


def test_an_alarm_is_no_echo_of_one_that_was_dismissed_and_none_speaks_while_another_does(store: Store) -> None:
    first, second, third = (about(f"gnd1/{name}", 10 + n) for n, name in enumerate("abc"))
    dismissed = AlarmChange(id=first.id, state=AlarmState.DISMISSED)
    store.project(register("brug-1"), Outcome(alarms=[first]), Outcome(alarm_changes=[dismissed]))
    store.project(Outcome(alarms=[second, third]))
    assert spoken(store) == {"gnd1/a": False, "gnd1/b": False, "gnd1/c": True}
    store.project(Outcome(alarm_changes=[AlarmChange(id=third.id, state=AlarmState.ACKNOWLEDGED)]))
    assert [item.revision for item in store.reader.alarms(limit=100)] == [5, 4, 3], "no other is told again"


def test_an_echo_of_an_event_stays_one_whatever_a_person_says_of_it(store: Store) -> None:
    alarms = [about("s1/a", 10 + n, asset=f"brug-{n}") for n in range(5)]
    store.project(register(*(f"brug-{n}" for n in range(5))), Outcome(alarms=alarms))
    store.project(Outcome(alarm_changes=[AlarmChange(id=alarms[3].id, state=AlarmState.ACKNOWLEDGED)]))
    assert events(store) == {alarms[0].id: [(f"brug-{n}", n > 0) for n in range(5)]}
