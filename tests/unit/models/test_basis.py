"""An assessment's numbers follow from its stored basis, and its parts add up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from domain.records import RiskAssessment
from models.basis import days_to_alarm, recompute, shares_of_risk
from models.catalogue import HOUR_NS
from models.chain import assess, risk_records
from tests.lengths import either

SOUND_DAYS, LOSING_DAYS = either((10, 25), long=(20, 40))


def last_record(run: Any) -> RiskAssessment:
    at_ns = np.full(1, run.now_ns, np.int64)
    columns = assess(run.catalogue, run.state, at_ns)
    return risk_records(run.catalogue, columns, np.array([0], np.int32), provisional=False)[0]


@pytest.fixture(scope="module")
def lossy(request: pytest.FixtureRequest) -> Any:
    """A bridge that loses 6 % of both frequencies within weeks."""
    tools = request.getfixturevalue("fleet_tools")
    run = tools.start(["natural_frequency_1", "natural_frequency_2", "temperature"], assets=1)
    rng = np.random.default_rng(9)
    hours = (SOUND_DAYS + LOSING_DAYS) * 24
    loss = 1.0 - 0.06 * np.clip((np.arange(hours) / 24 - SOUND_DAYS) / LOSING_DAYS, 0.0, 1.0)
    return run.feed(
        {
            "natural_frequency_1": 3.0 * loss * np.exp(rng.normal(scale=0.003, size=hours)),
            "natural_frequency_2": 5.0 * loss * np.exp(rng.normal(scale=0.003, size=hours)),
            "temperature": 12.0 + 4.0 * np.sin(np.arange(hours) * 2 * np.pi / 24),
        }
    )


def test_the_same_numbers_come_back_after_a_year_as_text(lossy: Any) -> None:
    record = last_record(lossy)
    again = msgspec.json.decode(msgspec.json.encode(record), type=RiskAssessment)
    assert again == record
    assert again.basis is not None
    numbers = recompute(again.basis)
    told = [[chance.value, chance.low, chance.high] for chance in record.probability_of_failure]
    assert numbers.probability.tolist() == told
    assert numbers.life == record.remaining_life
    assert record.health_index == 1.0 - numbers.severity


@pytest.mark.slow
def test_what_the_instrument_of_a_lone_quantity_can_do_is_stored_and_counts_again(request: Any, lossy: Any) -> None:
    """A strain gauge without a witness, that goes two thirds of the way within weeks."""
    run = request.getfixturevalue("fleet_tools").start(["strain", "temperature"], assets=1)
    hours = np.arange((SOUND_DAYS + LOSING_DAYS) * 24)
    noise = np.random.default_rng(9).normal(scale=2.0, size=len(hours))
    wave = np.sin(hours * 2 * np.pi / 24)
    way = np.clip((hours / 24 - SOUND_DAYS) / LOSING_DAYS, 0.0, 1.0)
    run.feed({"strain": 50.0 + noise + 200.0 * way, "temperature": 12.0 + 4.0 * wave})
    record = last_record(run)
    assert record.basis is not None
    (mode,) = record.basis.modes
    assert mode.instrument == 0.3
    numbers = recompute(record.basis)
    assert numbers.probability[:, 0].tolist() == [chance.value for chance in record.probability_of_failure]
    assert numbers.life == record.remaining_life
    believed = replace(record.basis, modes=(replace(mode, instrument=0.0, severity_sd=0.05),))
    assert numbers.damaged[0] < recompute(believed).damaged[0]
    witnessed = last_record(lossy).basis
    assert witnessed is not None
    assert [mode.instrument for mode in witnessed.modes] == [0.0]


@pytest.mark.parametrize("stretch", [0.6, 1.7])
def test_a_life_is_as_wide_as_failures_elsewhere_ask_for(lossy: Any, stretch: float) -> None:
    plain = last_record(lossy)
    run = replace(lossy, state=replace(lossy.state, life_stretch=np.array([stretch])))
    record = last_record(run)
    assert record.basis is not None
    assert recompute(record.basis).life == record.remaining_life
    assert record.probability_of_failure == plain.probability_of_failure
    assert plain.remaining_life is not None
    assert record.remaining_life is not None
    before, after = plain.remaining_life, record.remaining_life
    assert after.q10_days <= after.q50_days == before.q50_days <= after.q90_days
    assert (after.q90_days < before.q90_days, after.q10_days > before.q10_days) == (stretch < 1.0, stretch < 1.0)


@pytest.mark.slow
def test_lives_under_a_standing_alarm_are_noted_once_a_week_as_they_are_without_a_stretch(lossy: Any) -> None:
    (notes,) = lossy.memory.lives.stated.values()
    days = [note.at_ns // (24 * HOUR_NS) for note in notes]
    assert days
    assert [day % 7 for day in days] == [0] * len(days)
    assert days == sorted(set(days))
    raised_ns = min(change.at_ns for change in lossy.changes if change.raised)
    assert notes[0].at_ns >= raised_ns
    assert all(note.low_days <= note.middle_days <= note.high_days for note in notes)


def test_contributions_add_up_to_the_severity_and_shares_to_one(lossy: Any) -> None:
    basis = last_record(lossy).basis
    assert basis is not None
    (mode,) = basis.modes
    assert mode.severity > 0.3
    assert sum(channel.contribution for channel in basis.channels) == pytest.approx(mode.severity, rel=1e-9)
    for channel in basis.channels:
        parts = channel.common_shock + channel.bent + channel.placed + channel.residual
        assert channel.deviation == pytest.approx(parts)
    shares = shares_of_risk(basis, recompute(basis))
    assert [cause for cause, _, _ in shares] == ["stiffness_loss", "later", "unseen"]
    assert sum(part for _, _, part in shares) == pytest.approx(1.0)
    assert all(0.0 <= part <= 1.0 for _, _, part in shares)


def test_what_is_not_known_yet_is_listed_and_gives_the_prior(start_run: Callable[..., Any]) -> None:
    run = start_run(["natural_frequency_1"]).feed({"natural_frequency_1": np.full(30, 3.0)})
    record = last_record(run)
    assert record.basis is not None
    assert record.basis.modes == ()
    assert record.basis.missing == ("s-natural_frequency_1/natural_frequency_1",)
    numbers = recompute(record.basis)
    assert numbers.probability[1, 0] == record.probability_of_failure[1].value
    assert shares_of_risk(record.basis, numbers)[-1][2] == 1.0


def test_growing_evidence_says_when_it_would_alarm(lossy: Any) -> None:
    basis = last_record(lossy).basis
    assert basis is not None
    assert days_to_alarm(basis.modes[0]) == 0.0
    assert basis.modes[0].raised_at_ns is not None
    assert basis.modes[0].raised_at_ns % (24 * HOUR_NS) == 0


@pytest.mark.parametrize(("inspected", "told"), [(1, True), (2, False), (6, True), (None, False)])
def test_sensors_and_inspection_more_than_a_class_apart_ask_for_an_inspection(
    lossy: Any, inspected: int | None, *, told: bool
) -> None:
    details = replace(lossy.catalogue.details[0], condition_inspected=inspected, inspected_on="2023-05-01")
    at_ns = np.full(1, lossy.now_ns, np.int64)
    catalogue = replace(lossy.catalogue, details=(details,))
    columns = assess(catalogue, lossy.state, at_ns)
    columns = replace(columns, condition=np.array([3], np.int8))
    record = risk_records(catalogue, columns, np.array([0], np.int32), provisional=False)[0]
    found = [reason for reason in record.reasons if reason.code == "condition_disagrees"]
    assert bool(found) == told
    if told:
        assert found[0].facts == {"indicative": 3, "condition": inspected, "inspected_on": "2023-05-01"}
