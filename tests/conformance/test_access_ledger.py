"""Keys, sessions and the audit trail on both databases, and what organisations see of the operational store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine

from domain.access import ROLE_RIGHTS, Role
from domain.identifiers import AssetId, ChannelName, GatewayId, SensorId
from domain.measurements import DataQuality, DeadLetter
from domain.records import Alarm, AlarmState, FailureProbability, RiskAssessment, RiskState
from domain.register import Asset, AssetType, Channel, Direction, Register
from domain.register import Role as ChannelRole
from storage.access import AccessStore, AuditRow, Session
from storage.access_tables import access_metadata
from storage.advisory import SqlAdvisoryStore
from storage.database import (
    migrations_pending,
    open_database,
    upgrade_access_schema,
    upgrade_schema,
)
from storage.entries import Outcome, QuarantineChange
from storage.journal import Entry
from storage.overview import SqlOverview
from storage.overview_rows import ListFilter
from storage.projection import OperationalProjection
from tests.conformance.operational import EMPTY

NOW = 1_790_000_000_000_000_000


@pytest.fixture
def engine(address: str) -> Iterator[Engine]:
    """Give one database that holds both kinds of tables."""
    made = open_database(address)
    upgrade_access_schema(made)
    upgrade_schema(made)
    upgrade_access_schema(made)
    yield made
    made.dispose()


def test_both_kinds_of_tables_share_a_database_without_meeting(engine: Engine) -> None:
    assert not migrations_pending(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "alembic_version_access"})
        changes = compare_metadata(context, access_metadata)
    own = {table.name for table in access_metadata.sorted_tables}
    assert [change for change in changes if change[0] not in {"remove_table", "remove_index"}] == []
    assert not {change[1].name for change in changes if change[0] == "remove_table"} & own


def test_a_key_is_found_by_its_secret_alone(engine: Engine) -> None:
    ledger = AccessStore(engine)
    secret, key = ledger.create_key(
        name="x", organisation="oost", role=Role.VIEWER, rights=ROLE_RIGHTS[Role.VIEWER], now_ns=NOW, expires_at_ns=None
    )
    assert len(secret) > 43
    found = ledger.find_key(secret, now_ns=NOW)
    assert found is not None
    assert found.id == key.id
    for wrong in (secret[:-1], secret + "x", secret.upper(), key.id, "schouw_", "\ud800", "schouw_\ud800"):
        assert ledger.find_key(wrong, now_ns=NOW) is None
    assert ledger.revoke_key(key.id, now_ns=NOW)
    assert not ledger.revoke_key(key.id, now_ns=NOW)
    assert ledger.find_key(secret, now_ns=NOW) is None


def test_a_session_that_is_ended_is_forgotten(engine: Engine) -> None:
    ledger = AccessStore(engine)
    session = Session(
        person="p",
        name="P",
        organisation="o",
        role=Role.PLANNER,
        created_at_ns=NOW,
        expires_at_ns=NOW + 9,
        last_used_ns=NOW,
    )
    secret = ledger.start_session(session)
    assert ledger.find_session(secret, now_ns=NOW, idle_ns=10) == session
    assert ledger.find_session(secret, now_ns=NOW + 9, idle_ns=100) is None
    ledger.end_session(secret)
    assert ledger.find_session(secret, now_ns=NOW, idle_ns=10) is None


def test_the_trail_is_paged_and_pruned(engine: Engine) -> None:
    ledger = AccessStore(engine)
    row = AuditRow(
        at_ns=NOW,
        organisation="o",
        caller_kind="key",
        caller_id="k",
        address="::1",
        method="POST",
        path="/" * 999,
        status=201,
    )
    for n in range(5):
        ledger.record(replace(row, at_ns=NOW + n, organisation="oost" if n % 2 else "west"))
    first = ledger.audit(limit=2)
    assert [item.at_ns - NOW for item in first] == [4, 3]
    assert [item.at_ns - NOW for item in ledger.audit(before_id=first[-1].id)] == [2, 1, 0]
    assert [item.at_ns - NOW for item in ledger.audit(organisation="oost")] == [3, 1]
    assert ledger.prune_audit(before_ns=NOW + 3) == 3
    assert len(ledger.audit()[0].path) == 512


def risk(name: str) -> RiskAssessment:
    return RiskAssessment(
        assessment_id=f"{name}@1", asset=AssetId(name), assessed_at_ns=10, provisional=False, state=RiskState.ACT,
        data_quality=DataQuality.HIGH, probability_of_failure=(FailureProbability(90, 0.1, 0.05, 0.2),),
        remaining_life=None, failure_mode=None, health_index=None, indicative_condition=None,
        expected_cost_of_waiting_eur=None, advice="none", reasons=(), model_version="1",
    )  # fmt: skip


@pytest.fixture
def shared(engine: Engine) -> Engine:
    """Two organisations with an asset each, a gateway each, and one gateway that serves both."""
    owners = {"a-oost": "oost", "b-west": "west", "c-none": ""}
    gateways = {"a-oost": ("gw-o", "gw-both"), "b-west": ("gw-w", "gw-both"), "c-none": ("gw-n",)}
    assets = tuple(Asset(AssetId(name), name, AssetType.BRIDGE, organisation=owner) for name, owner in owners.items())
    channels = tuple(
        Channel(
            AssetId(name), SensorId(gateway), ChannelName("tilt"), "mrad", GatewayId(gateway), 60.0,
            ChannelRole.CONDITION, Direction.UP,
        )
        for name, found in gateways.items()
        for gateway in found
    )  # fmt: skip
    all_gateways = ("gw-o", "gw-w", "gw-both", "gw-n", "gw-unknown")
    outcome = Outcome(
        register=Register(assets, channels),
        register_numbers=list(range(len(channels))),
        assessments=[risk(name) for name in owners],
        current=[risk(name) for name in owners],
        alarms=[Alarm(f"{name}.alarm", AssetId(name), "condition.x", 5, None, AlarmState.OPEN) for name in owners],
        dead_letters=[DeadLetter(f"l-{g}", "t", GatewayId(g), "empty", "r", b"", 1) for g in all_gateways],
        quarantine=[QuarantineChange(g, "x", "s", 1, 1, 1, "r", "e") for g in all_gateways],
    )
    OperationalProjection(engine).project([Entry(1, "batch", EMPTY, outcome)])
    return engine


@pytest.mark.parametrize(
    ("names", "own", "gateways"),
    [(("", "oost"), ["a-oost", "c-none"], ["gw-n", "gw-o"]), (("west",), ["b-west"], ["gw-w"]), (("zuid",), [], [])],
)
def test_an_organisation_sees_its_own_and_nothing_else(
    shared: Engine, names: tuple[str, ...], own: list[str], gateways: list[str]
) -> None:
    store = SqlAdvisoryStore(shared).of(names)
    assert [asset.id for asset in store.assets()] == own
    assert [row[1].id for row in store.risks()] == own
    assert sorted(alarm.asset for alarm in store.alarms()) == own
    assert sorted({status.asset for status in store.sensors()}) == own
    assert sorted(letter.gateway for letter in store.dead_letters()) == gateways
    assert sorted(sender.gateway for sender in store.quarantine()) == gateways
    for name in ("a-oost", "b-west", "c-none"):
        asset, mine = AssetId(name), name in own
        assert (store.asset(asset) is not None) == mine
        assert (store.risk(asset) is not None) == mine
        assert (len(store.risk_history(asset)) > 0) == mine
        assert (store.assessment(f"{name}@1") is not None) == mine
        assert (store.alarm(f"{name}.alarm") is not None) == mine
    overview = SqlOverview(shared).of(names)
    assert [row[1].id for row in overview.ranked(ListFilter())] == own
    assert [place.id for place in overview.places()] == own
    assert sorted(overview.earlier([AssetId(name) for name in ("a-oost", "b-west", "c-none")], 20)) == own
    tally = overview.tally()
    assert (tally.assets, tally.open_condition_alarms, tally.quarantined) == (len(own), len(own), len(gateways))


def test_without_an_organisation_everything_is_seen(shared: Engine) -> None:
    store = SqlAdvisoryStore(shared)
    assert len(store.assets()) == 3
    assert len(store.dead_letters()) == 5
    assert SqlOverview(shared).tally().assets == 3
