"""The chain under whatever may arrive: cutting, ordering, gaps, outliers, silence, odd values."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.arrays import FeatureTable
from domain.identifiers import AssetId, ChannelName, GatewayId, SensorId
from domain.records import DecisionVerb, RiskAssessment
from domain.register import Asset, AssetType, Channel, Direction, Register, Role, Works
from models.catalogue import HOUR_NS, Catalogue
from models.chain import apply_decision, assess, risk_records, step_fleet, step_hop
from models.compiling import compile_catalogue
from models.features import waveform_features
from models.fleet_memory import FleetMemory
from models.layout import COLUMNS
from models.state import (
    ModelState,
    decode_state,
    encode_state,
    initial_state,
    put_state,
    state_digest,
    take_state,
)
from tests.lengths import either

START_NS = 472_224 * HOUR_NS
DAY_NS = 24 * HOUR_NS
# Quantities of each asset: several, one, none that tells of condition, none at all.
CHANNELS = {
    "a1": ["natural_frequency_1", "natural_frequency_2", "temperature", "humidity", "vibration_rms"],
    "a2": ["motor_temperature", "cycles"],
    "a3": ["temperature"],
    "a4": [],
    "a5": ["strain", "tilt", "deck_temperature", "sag", "surface_temperature"],
}
ROLES = {
    "temperature": (Role.ENVIRONMENT, "Cel", Direction.BOTH),
    "deck_temperature": (Role.ENVIRONMENT, "Cel", Direction.BOTH),
    "surface_temperature": (Role.ENVIRONMENT, "Cel", Direction.BOTH),
    "humidity": (Role.ENVIRONMENT, "%RH", Direction.BOTH),
    "cycles": (Role.OPERATION, "1/h", Direction.BOTH),
    "natural_frequency_1": (Role.CONDITION, "Hz", Direction.DOWN),
    "natural_frequency_2": (Role.CONDITION, "Hz", Direction.DOWN),
    "vibration_rms": (Role.CONDITION, "mm/s", Direction.UP),
    "motor_temperature": (Role.CONDITION, "Cel", Direction.UP),
    "strain": (Role.CONDITION, "um/m", Direction.BOTH),
    "tilt": (Role.CONDITION, "mrad", Direction.BOTH),
    "sag": (Role.CONDITION, "furlong", Direction.UP),
}


def make_catalogue() -> Catalogue:
    assets = tuple(Asset(AssetId(name), name, AssetType.BRIDGE) for name in CHANNELS)
    channels = tuple(
        Channel(
            AssetId(asset),
            SensorId("s1" if place < 2 else "s2"),
            ChannelName(name),
            ROLES[name][1],
            GatewayId("g"),
            3600.0,
            ROLES[name][0],
            ROLES[name][2],
        )
        for asset, names in CHANNELS.items()
        for place, name in enumerate(names)
    )
    works = (
        Works(AssetId("a1"), "resurfacing", START_NS + 130 * HOUR_NS, START_NS + 140 * HOUR_NS),
        Works(AssetId("a5"), "diversion", START_NS + 150 * HOUR_NS, START_NS + 160 * HOUR_NS),
    )
    numbers = {channel.key: 10 + place for place, channel in enumerate(channels)}
    return compile_catalogue(Register(assets, channels, works), numbers)


CATALOGUE = make_catalogue()


def life(seed: int, hours: int, *, silent: float, outliers: float, step: float) -> tuple[Any, Any]:
    """Values and validity, [hours, C]: correlated noise, gaps, outliers and a step of everything."""
    rng = np.random.default_rng(seed)
    channels = len(CATALOGUE.channels)
    base = rng.uniform(1.0, 50.0, size=channels)
    values = base * np.exp(rng.normal(scale=0.02, size=(hours, channels)))
    values[hours // 2 :] *= 1.0 + step
    odd = rng.random(values.shape) < outliers
    values = np.where(odd, values * rng.choice([-1e6, 0.0, 1e-9, 1e9], size=values.shape), values)
    return values, rng.random(values.shape) >= silent


def table(catalogue: Catalogue, values: Any, valid: Any, hour: int) -> FeatureTable:
    starts = np.full(len(catalogue.assets), START_NS + hour * HOUR_NS, np.int64)
    return FeatureTable.of_single(starts, catalogue.hop_ns, values, valid)


def check_record(record: RiskAssessment) -> None:
    for chance in record.probability_of_failure:
        assert 0.0 <= chance.low <= chance.value <= chance.high <= 1.0
    values = [chance.value for chance in record.probability_of_failure]
    assert values == sorted(values)
    if record.remaining_life is not None:
        life_days = (record.remaining_life.q10_days, record.remaining_life.q50_days, record.remaining_life.q90_days)
        assert np.all(np.isfinite(life_days))
        assert 0.0 <= life_days[0] <= life_days[1] <= life_days[2]
    assert record.health_index is None or 0.0 <= record.health_index <= 1.0
    assert record.indicative_condition is None or 1 <= record.indicative_condition <= 6
    assert record.expected_cost_of_waiting_eur is not None
    assert np.isfinite(record.expected_cost_of_waiting_eur)
    assert record.reasons
    for reason in record.reasons:
        for fact in reason.facts.values():
            assert type(fact) in {str, int, float}
            assert isinstance(fact, str) or np.isfinite(fact)


lives = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**16),
        "silent": st.sampled_from([0.0, 0.2, 0.9]),
        "outliers": st.sampled_from([0.0, 0.02, 0.5]),
        "step": st.sampled_from([0.0, -0.2, 0.3, 20.0]),
    }
)


@pytest.mark.slow
@settings(max_examples=either(3, long=4), deadline=None)
@given(lives, st.integers(0, 3))
def test_subsets_and_restarts_change_no_bit(odds: dict[str, Any], cut: int) -> None:
    """Stepping some assets by take and put, in parts, with the state through bytes, equals stepping all."""
    hours = 170
    values, valid = life(hours=hours, **odds)
    whole, parts = initial_state(CATALOGUE), initial_state(CATALOGUE)
    groups = ([0], [1, 4], [2, 3]) if cut % 2 else ([0, 2, 4], [1, 3])
    rows = [np.array(group, np.int32) for group in groups]
    smaller = [(CATALOGUE.take(group), np.flatnonzero(np.isin(CATALOGUE.asset_of_channel, group))) for group in rows]
    for hour in range(hours):
        whole, scores, changes = step_hop(CATALOGUE, whole, table(CATALOGUE, values[hour], valid[hour], hour))
        found = []
        for group, (few, mine) in zip(rows, smaller, strict=True):
            part = take_state(CATALOGUE, parts, group)
            features = table(few, values[hour][mine], valid[hour][mine], hour)
            part, part_scores, part_changes = step_hop(few, part, features)
            put_state(CATALOGUE, parts, group, part)
            for name in ("novelty", "p_value", "expected", "band"):
                assert np.array_equal(getattr(part_scores, name), getattr(scores, name)[mine], equal_nan=True)
            found += [
                (int(group[change.asset]), change.kind, change.subject, change.reasons) for change in part_changes
            ]
        expected = [(change.asset, change.kind, change.subject, change.reasons) for change in changes]
        assert sorted(found, key=repr) == sorted(expected, key=repr)
        if hour == 40 * cut:
            again = initial_state(CATALOGUE)
            for asset, blob in enumerate(encode_state(CATALOGUE, parts, np.arange(5, dtype=np.int32))):
                decode_state(CATALOGUE, again, asset, blob)
            parts = again
    assert state_digest(CATALOGUE, parts) == state_digest(CATALOGUE, whole)


@pytest.mark.slow
@settings(max_examples=either(5, long=8), deadline=None)
@given(lives, st.lists(st.sampled_from(list(DecisionVerb)), max_size=3))
def test_records_are_sound_whatever_arrives(odds: dict[str, Any], verbs: list[DecisionVerb]) -> None:
    """No NaN, bounds and order kept, in every state; scores finite or absent; inputs as they were."""
    hours = 192
    values, valid = life(hours=hours, **odds)
    state, memory = initial_state(CATALOGUE), FleetMemory()
    for hour in range(hours):
        features = table(CATALOGUE, values[hour], valid[hour], hour)
        if hour % 50 == 49:
            before = state_digest(CATALOGUE, state)
            kept = [getattr(features, column.name).copy() for column in fields(FeatureTable)]
        new, scores, _ = step_hop(CATALOGUE, state, features)
        if hour % 50 == 49:
            assert state_digest(CATALOGUE, state) == before
            for column, old in zip(fields(FeatureTable), kept, strict=True):
                assert np.array_equal(getattr(features, column.name), old)
        state = new
        if hour % 24 == 23:
            state, _ = step_fleet(CATALOGUE, state, memory, START_NS + (hour + 1) * HOUR_NS)
        scored = np.isfinite(scores.novelty)
        assert np.all(np.isfinite(scores.expected[scored]))
        assert np.all(scores.band[scored] > 0.0)
        assert np.all((scores.p_value[scored] >= 0.0) & (scores.p_value[scored] <= 1.0))
        if hour % 25 == 0 or hour == hours - 1:
            check_all(state, START_NS + (hour + 1) * HOUR_NS)
    for place, verb in enumerate(verbs):
        state, changes = apply_decision(CATALOGUE, state, place, verb, START_NS + hours * HOUR_NS, None)
        assert all(not change.raised for change in changes)
    check_all(state, START_NS + hours * HOUR_NS + 400 * DAY_NS)


def check_all(state: ModelState, now_ns: int) -> None:
    at_ns = np.full(len(CATALOGUE.assets), now_ns, np.int64)
    columns = assess(CATALOGUE, state, at_ns)
    everyone = np.arange(len(CATALOGUE.assets), dtype=np.int32)
    for record in risk_records(CATALOGUE, columns, everyone, provisional=False):
        check_record(record)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**16), st.integers(1, 300), st.integers(1, 9))
def test_features_of_a_block_do_not_depend_on_its_batch(seed: int, length: int, blocks: int) -> None:
    waves = np.random.default_rng(seed).normal(size=(blocks, length)) * 10.0 ** np.arange(blocks)[:, np.newaxis]
    together = waveform_features(waves, 200.0)
    assert np.all(np.isfinite(together))
    for block in range(blocks):
        assert np.array_equal(waveform_features(waves[[block]], 200.0)[0], together[block])


def test_every_column_of_the_state_is_compared_above() -> None:
    assert {column.name for column in fields(ModelState)} == set(COLUMNS)
