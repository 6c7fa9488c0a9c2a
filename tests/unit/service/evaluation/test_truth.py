from __future__ import annotations

from dataclasses import replace

from service.evaluation.truth import DAY_NS, Life, day_ends, lives_of
from tests.unit.service.evaluation.cases import asset, damage, truth


def days_of(life: Life) -> tuple[float, float, float | None, float | None]:
    onset = None if life.onset_ns is None else life.onset_ns / DAY_NS
    failure = None if life.failure_ns is None else life.failure_ns / DAY_NS
    return life.start_ns / DAY_NS, life.end_ns / DAY_NS, onset, failure


def test_a_life_ends_at_its_failure_and_a_sound_one_with_the_run() -> None:
    lives = lives_of(truth(damage("a", 50, 120), damage("b", 60, 300)))
    assert [days_of(life) for life in lives] == [(0, 120, 50, 120), (0, 200, 60, 300), (0, 200, None, None)]
    assert [life.has_failed for life in lives] == [True, False, False]
    assert [life.healthy_end_ns // DAY_NS for life in lives] == [50, 60, 200]


def test_of_two_damages_the_first_onset_ends_health_and_the_first_failure_ends_life() -> None:
    lives = lives_of(truth(damage("a", 50, 190, "settlement"), damage("a", 80, 120)))
    assert days_of(lives[0]) == (0, 120, 50, 120)
    assert lives[0].mode == "stiffness_loss"


def test_a_repair_begins_another_life_and_time_under_repair_belongs_to_none() -> None:
    repaired = truth(damage("a", 50, 120), damage("a", 150, 180), repairs=[("a", 130, 140)])
    assert [days_of(life) for life in lives_of(repaired)[:2]] == [(0, 120, 50, 120), (140, 180, 150, 180)]


def test_a_damage_before_the_run_leaves_no_healthy_time() -> None:
    (life, *_) = lives_of(truth(damage("a", -20, 60)))
    assert life.healthy_end_ns == life.start_ns


def test_an_asset_without_condition_indicators_has_no_life() -> None:
    blind = replace(asset("a"), is_monitored=False)
    assert lives_of(truth(assets=[blind])) == ()


def test_days_end_at_midnight_inside_the_run() -> None:
    assert (day_ends(0, 3 * DAY_NS) // DAY_NS).tolist() == [1, 2, 3]
    assert (day_ends(DAY_NS // 2, 3 * DAY_NS + 5) // DAY_NS).tolist() == [2, 3]
