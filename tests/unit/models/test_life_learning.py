"""Remaining life from complete histories, on small fleets whose wear is known."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from domain.arrays import FloatArray
from domain.errors import ShapeError
from models.life_forecast import LifeForecaster, forecast_life, learn_lives
from models.life_map import LifeCourse, commission_map, map_course
from models.operating_regimes import find_regimes, normalise_by_regime, regime_of

HORIZON = 80.0
TURBOFANS = Path(__file__).parents[3].parent / "shared" / "data" / "cmapss"


def lives(units: int, seed: int, *, regimes: int = 1, settings: bool = True) -> list[LifeCourse]:
    """Machines that wear to one at a time of their own, seen by six sensors, one of them constant.

    With more regimes the same machines are in one of them at random in each row, which moves and stretches every
    sensor; a column tells the setting, unless left out.
    """
    rng, choice = np.random.default_rng(seed), np.random.default_rng(seed + 1000)
    fixed = np.random.default_rng(99)
    response = np.array([1.0, -0.7, 0.5, 0.9, 0.0, 0.0])
    offset, gain = fixed.normal(0.0, 30.0, (regimes, 6)), fixed.uniform(0.6, 1.6, (regimes, 6))
    courses = []
    for _ in range(units):
        life = int(rng.integers(60, 160))
        cycle = np.arange(life, dtype=np.float64)
        wear = 0.1 * rng.normal() + np.exp(4.0 * (cycle / (life - 1) - 1.0))
        sensors = wear[:, np.newaxis] * response + 0.05 * rng.normal(size=(life, 6))
        sensors[:, 5] = 0.0
        regime = choice.integers(0, regimes, life)
        sensors = offset[regime] + gain[regime] * sensors
        columns = [regime[:, np.newaxis] * 10.0, sensors] if settings else [sensors]
        courses.append(LifeCourse(cycle, np.concatenate(columns, axis=1)))
    return courses


def cut(course: LifeCourse, left: int) -> LifeCourse:
    """The course as it was some rows before failure."""
    rows = len(course.elapsed) - left
    return LifeCourse(course.elapsed[:rows], course.values[:rows])


def learned(courses: list[LifeCourse], horizon: float = HORIZON) -> LifeForecaster:
    return learn_lives(courses, horizon=horizon, generator=np.random.default_rng(1))


def root_mean_square(forecaster: LifeForecaster, courses: list[LifeCourse], lefts: tuple[int, ...]) -> float:
    errors = [
        forecast_life(forecaster, cut(course, left)).remaining_life - left for course in courses for left in lefts
    ]
    return float(np.sqrt(np.mean(np.square(errors))))


@pytest.fixture(scope="module")
def fleet() -> LifeForecaster:
    return learned(lives(40, seed=1))


@pytest.fixture(scope="module")
def twelve() -> LifeForecaster:
    return learned(lives(12, seed=8))


def test_forecasts_come_close_for_units_never_seen(fleet: LifeForecaster) -> None:
    assert root_mean_square(fleet, lives(30, seed=2), (5, 20, 40)) < 8.0


def test_four_of_five_lives_are_inside_the_interval(fleet: LifeForecaster) -> None:
    inside, widths = [], []
    for course in lives(60, seed=3):
        for left in (5, 15, 30, 45):
            forecast = forecast_life(fleet, cut(course, left))
            inside.append(forecast.quantile_10 <= left <= forecast.quantile_90)
            widths.append(forecast.quantile_90 - forecast.quantile_10)
    assert 0.68 <= np.mean(inside) <= 0.92
    assert np.mean(widths) < HORIZON / 3


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 2, 3, 19, 20, 21, 60])
def test_quantiles_are_ordered_and_within_the_horizon_at_any_age(fleet: LifeForecaster, rows: int) -> None:
    for course in lives(5, seed=5):
        forecast = forecast_life(fleet, LifeCourse(course.elapsed[:rows], course.values[:rows]))
        assert 0.0 <= forecast.quantile_10 <= forecast.quantile_50 <= forecast.quantile_90 <= HORIZON
        assert 0.0 <= forecast.remaining_life <= HORIZON


@pytest.mark.parametrize("value", [np.nan, 0.0, 1e12, -1e12])
def test_values_never_seen_give_an_answer_all_the_same(fleet: LifeForecaster, value: float) -> None:
    forecast = forecast_life(fleet, LifeCourse(np.arange(30.0), np.full((30, 7), value)))
    assert 0.0 <= forecast.quantile_10 <= forecast.quantile_50 <= forecast.quantile_90 <= HORIZON
    assert np.isfinite(forecast.remaining_life)


def test_a_forecast_does_not_depend_on_later_rows(fleet: LifeForecaster) -> None:
    course = lives(1, seed=6)[0]
    spoiled = replace(course, values=course.values.copy())
    spoiled.values[40:] = 1e6
    whole = map_course(fleet.life_map, course)
    assert np.array_equal(whole[:40], map_course(fleet.life_map, spoiled)[:40])
    assert np.allclose(whole[:40], map_course(fleet.life_map, cut(course, len(course.elapsed) - 40)), atol=1e-12)


@pytest.mark.slow
def test_the_same_histories_and_seed_give_the_same_forecast_bit_for_bit(fleet: LifeForecaster) -> None:
    """Also where they come from an iterator that is read once."""
    again = learn_lives(iter(lives(40, seed=1)), horizon=HORIZON, generator=np.random.default_rng(1))
    for course in lives(3, seed=7):
        assert forecast_life(fleet, cut(course, 12)) == forecast_life(again, cut(course, 12))


@pytest.mark.slow
def test_the_unit_of_time_changes_nothing_but_the_unit(twelve: LifeForecaster) -> None:
    scale = 3600.0
    slow = [replace(course, elapsed=course.elapsed * scale) for course in lives(12, seed=8)]
    course = cut(lives(1, seed=9)[0], 10)
    hours = forecast_life(twelve, course)
    seconds = forecast_life(learned(slow, horizon=HORIZON * scale), replace(course, elapsed=course.elapsed * scale))
    assert seconds.remaining_life == pytest.approx(hours.remaining_life * scale, rel=1e-6)
    assert seconds.quantile_90 == pytest.approx(hours.quantile_90 * scale, rel=1e-6)


@pytest.fixture(scope="module")
def error_in_one_regime() -> float:
    return root_mean_square(learned(lives(30, seed=10)), lives(20, seed=11), (5, 20, 40))


@pytest.mark.slow
@pytest.mark.parametrize("settings", [True, False], ids=["settings told", "settings not told"])
def test_six_operating_regimes_cost_little(error_in_one_regime: float, *, settings: bool) -> None:
    six = learned(lives(30, seed=10, regimes=6, settings=settings))
    assert len(six.life_map.regimes.centre) == 6
    assert (
        root_mean_square(six, lives(20, seed=11, regimes=6, settings=settings), (5, 20, 40))
        < 1.25 * error_in_one_regime
    )


@pytest.mark.slow
def test_two_ways_of_wearing_are_learned_side_by_side() -> None:
    def mirrored(courses: list[LifeCourse]) -> list[LifeCourse]:
        for course in courses[::2]:
            course.values[:, 3:5] = 2 * course.values[:5, 3:5].mean(axis=0) - course.values[:, 3:5]
        return courses

    forecaster = learned(mirrored(lives(50, seed=12)))
    assert root_mean_square(forecaster, mirrored(lives(20, seed=13)), (5, 20, 40)) < 9.0


def test_constant_columns_change_nothing(twelve: LifeForecaster) -> None:
    def padded(courses: list[LifeCourse]) -> list[LifeCourse]:
        return [
            replace(course, values=np.concatenate([np.full((len(course.elapsed), 3), 518.67), course.values], axis=1))
            for course in courses
        ]

    course = cut(lives(1, seed=15)[0], 10)
    with_constants = forecast_life(learned(padded(lives(12, seed=8))), padded([course])[0])
    assert with_constants.remaining_life == pytest.approx(forecast_life(twelve, course).remaining_life, rel=1e-9)


def test_only_constant_columns_leave_age_as_the_one_sign_of_wear() -> None:
    blind = [replace(course, values=np.ones((len(course.elapsed), 2))) for course in lives(30, seed=16)]
    forecaster = learned(blind)
    young = forecast_life(forecaster, LifeCourse(np.arange(10.0), np.ones((10, 2))))
    old = forecast_life(forecaster, LifeCourse(np.arange(140.0), np.ones((140, 2))))
    assert young.remaining_life > old.remaining_life


@pytest.mark.parametrize("units", [1, 2, 4])
def test_few_histories_give_the_whole_range_as_interval(units: int) -> None:
    forecast = forecast_life(learned(lives(units, seed=17)), cut(lives(1, seed=18)[0], 20))
    assert (forecast.quantile_10, forecast.quantile_90) == (0.0, HORIZON)


def test_missing_cells_are_bridged_by_the_last_value() -> None:
    full = lives(1, seed=19)[0]
    gaps = replace(full, values=full.values.copy())
    gaps.values[30:33, 2] = np.nan
    held = replace(full, values=full.values.copy())
    held.values[30:33, 2] = held.values[29, 2]
    life_map = commission_map(lives(10, seed=20))
    assert np.array_equal(map_course(life_map, gaps), map_course(life_map, held))


def test_a_column_missing_from_all_histories_is_left_out() -> None:
    def without(courses: list[LifeCourse]) -> list[LifeCourse]:
        for course in courses:
            course.values[:, 4] = np.nan
        return courses

    forecaster = learned(without(lives(12, seed=21)))
    assert not forecaster.life_map.regimes.varies[4]
    assert np.isfinite(forecast_life(forecaster, cut(lives(1, seed=22)[0], 10)).remaining_life)


def test_one_regime_stays_one_however_it_wears() -> None:
    courses = lives(20, seed=23, settings=False)
    unit = np.repeat(np.arange(20, dtype=np.int32), [len(course.elapsed) for course in courses])
    regimes = find_regimes(np.concatenate([course.values for course in courses]), unit)
    assert len(regimes.centre) == 1


def test_within_its_regime_a_column_has_mean_nought_and_spread_one() -> None:
    courses = lives(20, seed=24, regimes=3)
    rows: FloatArray = np.concatenate([course.values for course in courses])
    unit = np.repeat(np.arange(20, dtype=np.int32), [len(course.elapsed) for course in courses])
    regimes = find_regimes(rows, unit)
    assert len(regimes.centre) == 3
    normal = normalise_by_regime(regimes, rows, regime_of(regimes, rows))
    assert regimes.varies.tolist() == [False, True, True, True, True, True, False]
    for setting in (0.0, 10.0, 20.0):
        here = normal[rows[:, 0] == setting]
        assert np.allclose(here.mean(axis=0), 0.0, atol=1e-9)
        assert np.allclose(here.std(axis=0), 1.0, atol=1e-9)


def test_nothing_to_learn_from_is_refused() -> None:
    with pytest.raises(ShapeError, match="got no history"):
        learned([])
    with pytest.raises(ShapeError, match=r"got horizon 0\.0"):
        learned(lives(2, seed=25), horizon=0.0)


def test_other_columns_than_those_learned_are_refused(fleet: LifeForecaster) -> None:
    with pytest.raises(ShapeError, match="got 3 columns, expected 7"):
        forecast_life(fleet, LifeCourse(np.arange(4.0), np.ones((4, 3))))
    odd = [*lives(2, seed=26), LifeCourse(np.arange(4.0), np.ones((4, 3)))]
    with pytest.raises(ShapeError, match="got 3 columns, expected 7"):
        learned(odd)


@pytest.mark.parametrize(("times", "shape"), [(3, (4, 2)), (0, (0, 2)), (3, (3,))])
def test_a_course_without_matching_rows_is_refused(times: int, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="LifeCourse got times"):
        LifeCourse(np.arange(float(times)), np.ones(shape))


@pytest.mark.slow
@pytest.mark.skipif(not TURBOFANS.exists(), reason="no ../shared/data/cmapss: the turbofan histories are not shipped")
def test_real_turbofans_held_out_are_forecast_as_documented() -> None:
    with gzip.open(TURBOFANS / "train_FD001.csv.gz", "rt") as file:
        table = np.loadtxt(file, delimiter=",", skiprows=1)
    engines = [LifeCourse(rows[:, 1] - 1, rows[:, 2:]) for rows in (table[table[:, 0] == u] for u in range(1, 101))]
    forecaster = learned(engines[:80], horizon=125.0)
    errors, inside = [], []
    for engine in engines[80:]:
        for left in range(10, 125, 15):
            if len(engine.elapsed) - left >= 20:
                forecast = forecast_life(forecaster, cut(engine, left))
                errors.append(forecast.remaining_life - left)
                inside.append(forecast.quantile_10 <= left <= forecast.quantile_90)
    assert np.sqrt(np.mean(np.square(errors))) < 11.0
    assert 0.7 <= np.mean(inside) <= 0.9
