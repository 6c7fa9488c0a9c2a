"""Remaining life of units of which cells are missing: silenced units get a wider answer, others the same as ever."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domain.arrays import BoolArray
from models.life_features import AGE_FEATURE
from models.life_forecast import LifeForecast, LifeForecaster, forecast_life, forecast_lives
from models.life_interval import spread_statement
from models.life_learning import predict_life
from models.life_map import LifeCourse, map_course
from models.life_silence import is_silenced
from tests.unit.models.test_life_learning import HORIZON, cut, learned, lives

# The columns are the setting and six sensors; one tells nothing, one is constant.
COLUMNS = 7


@pytest.fixture(scope="module")
def fleet() -> LifeForecaster:
    return learned(lives(40, seed=1))


def running() -> list[tuple[LifeCourse, int]]:
    """Units that none has seen, cut at any age, and how many rows before their failure."""
    rng = np.random.default_rng(4)
    lefts = [(course, int(rng.integers(1, len(course.elapsed) - 10))) for course in lives(80, seed=3)]
    return [(cut(course, left), left) for course, left in lefts]


def silenced(course: LifeCourse, missing: str) -> LifeCourse:
    """The course with cells taken away."""
    values = course.values.copy()
    rng = np.random.default_rng(len(values))
    match missing:
        case "two of three strong sensors":
            values[:, [1, 4]] = np.nan
        case "last 5 rows":
            values[-5:] = np.nan
        case "last 20 rows":
            values[-20:] = np.nan
        case "first 25 rows":
            values[:25] = np.nan
        case "a hole":
            values[-30:-5] = np.nan
        case "nine of ten cells":
            values[rng.random(values.shape) < 0.9] = np.nan
        case "everything":
            values[:] = np.nan
    return replace(course, values=values)


def widths(forecasts: list[LifeForecast]) -> float:
    return float(np.mean([forecast.quantile_90 - forecast.quantile_10 for forecast in forecasts]))


@pytest.mark.parametrize(
    "missing",
    [
        "two of three strong sensors",
        "last 5 rows",
        "last 20 rows",
        "first 25 rows",
        "a hole",
        "nine of ten cells",
        "everything",
    ],
)
def test_four_of_five_lives_are_inside_whatever_is_missing(fleet: LifeForecaster, missing: str) -> None:
    """Bridged, with everything missing, the interval held one life in three and was narrower than with every cell."""
    what = running()
    true = np.array([min(left, HORIZON) for _, left in what])
    forecasts = forecast_lives(fleet, [silenced(course, missing) for course, _ in what])
    inside = [said.quantile_10 <= life <= said.quantile_90 for said, life in zip(forecasts, true, strict=True)]
    late = np.array([said.remaining_life for said in forecasts]) - true
    assert 0.7 <= np.mean(inside) <= 0.92
    assert -HORIZON / 12 < np.mean(late) < HORIZON / 24
    assert widths(forecasts) < HORIZON * 0.8


def test_the_longer_the_silence_the_wider_the_answer(fleet: LifeForecaster) -> None:
    courses = [course for course, _ in running()[:30]]
    found = [
        widths(forecast_lives(fleet, [silenced(course, missing) for course in courses]))
        for missing in ("nothing", "last 5 rows", "last 20 rows", "everything")
    ]
    assert found == sorted(found)
    assert found[-1] > 1.5 * found[0]


def test_with_every_cell_the_answer_is_that_of_the_committee_to_the_bit(fleet: LifeForecaster) -> None:
    """Also where another unit of the same table is silenced."""
    courses = [course for course, _ in running()[:12]]
    silent = silenced(courses[0], "everything")
    for course, said in zip(courses, forecast_lives(fleet, [silent, *courses])[1:], strict=True):
        features = map_course(fleet.life_map, course)[-1:]
        predicted = float(predict_life(fleet.committee, features)[0])
        point, (low, middle, high) = spread_statement(fleet.statements, predicted, float(features[0, AGE_FEATURE]))
        assert said == LifeForecast(point * HORIZON, low * HORIZON, middle * HORIZON, high * HORIZON)


def test_a_silenced_unit_does_not_depend_on_others(fleet: LifeForecaster) -> None:
    courses = [silenced(course, "nine of ten cells") for course, _ in running()[:3]]
    assert forecast_lives(fleet, courses) == [forecast_life(fleet, course) for course in courses]


def test_single_missing_cells_are_bridged_as_ever(fleet: LifeForecaster) -> None:
    course = running()[2][0]
    gaps, held = replace(course, values=course.values.copy()), replace(course, values=course.values.copy())
    for row, column in ((7, 1), (20, 3), (len(course.values) - 1, 2)):
        gaps.values[row, column] = np.nan
        held.values[row, column] = held.values[row - 1, column]
    assert forecast_life(fleet, gaps) == forecast_life(fleet, held)


def test_what_tells_nothing_may_be_missing(fleet: LifeForecaster) -> None:
    course = running()[2][0]
    gaps = replace(course, values=course.values.copy())
    gaps.values[:, [0, 6]] = np.nan
    assert forecast_life(fleet, gaps) == forecast_life(fleet, course)


def test_without_any_cell_age_alone_tells(fleet: LifeForecaster) -> None:
    """The histories last 60 to 160 rows."""
    young, old = (
        forecast_life(fleet, silenced(LifeCourse(np.arange(rows), np.ones((int(rows), COLUMNS))), "everything"))
        for rows in (10.0, 120.0)
    )
    assert young.quantile_10 > 40.0
    assert old.quantile_90 < young.quantile_50
    assert old.remaining_life < 30.0


def test_a_silenced_unit_that_outlived_all_histories_gets_the_whole_range(fleet: LifeForecaster) -> None:
    forecast = forecast_life(fleet, LifeCourse(np.arange(400.0), np.full((400, COLUMNS), np.nan)))
    assert (forecast.quantile_10, forecast.quantile_90) == (0.0, HORIZON)
    assert forecast.remaining_life <= HORIZON / 2


def test_values_that_no_instrument_has_do_not_spoil_a_silenced_answer(fleet: LifeForecaster) -> None:
    course = silenced(running()[2][0], "last 5 rows")
    course.values[10, 2], course.values[11, 3] = 1e308, -1e308
    with np.errstate(over="ignore", invalid="ignore"):
        forecast = forecast_life(fleet, course)
    assert 0.0 <= forecast.quantile_10 <= forecast.quantile_50 <= forecast.quantile_90 <= HORIZON
    assert 0.0 <= forecast.remaining_life <= HORIZON


def test_a_setting_that_falls_silent_leaves_the_regimes_to_the_sensors() -> None:
    six = learned(lives(20, seed=10, regimes=6))
    what = [(cut(course, left), left) for course in lives(15, seed=11, regimes=6) for left in (5, 20, 40)]
    for course, _ in what:
        course.values[:, 0] = np.nan
    late = [
        said.remaining_life - left
        for said, (_, left) in zip(forecast_lives(six, [c for c, _ in what]), what, strict=True)
    ]
    assert np.sqrt(np.mean(np.square(late))) < 12.0


def cells(*missing: tuple[slice, int]) -> BoolArray:
    """Two columns of forty rows."""
    heard = np.ones((40, 2), np.bool_)
    for rows, column in missing:
        heard[rows, column] = False
    return heard


@pytest.mark.parametrize(
    ("heard", "silent"),
    [
        (cells(), False),
        (cells((slice(39, 40), 0)), False),
        (cells((slice(38, 40), 0)), True),
        (cells((slice(30, 31), 0), (slice(34, 35), 1)), False),
        (cells((slice(0, 3), 1)), False),
        (cells((slice(0, 10), 1)), True),
        (cells((slice(1, 40, 2), 0)), True),
    ],
)
def test_a_unit_is_silenced_once_a_memory_lacks_a_fifth_of_a_column(heard: BoolArray, *, silent: bool) -> None:
    assert is_silenced(heard, np.ones(2)) == silent


def test_a_column_that_histories_lack_as_much_is_bridged_as_theirs() -> None:
    assert not is_silenced(cells((slice(1, 40, 2), 0)), np.array([0.5, 1.0]))
