import numpy as np
import pytest

from simulator.randomness import HOURS_PER_YEAR, random_stream, relaxed_noise, wander


def test_a_stream_depends_on_seed_and_path_alone() -> None:
    first = random_stream(3, "noise", "brug-1", 4).standard_normal(5)
    random_stream(3, "noise", "brug-2", 4).standard_normal(5)
    assert np.array_equal(first, random_stream(3, "noise", "brug-1", 4).standard_normal(5))
    assert not np.array_equal(first, random_stream(4, "noise", "brug-1", 4).standard_normal(5))


def test_more_years_leave_the_earlier_ones_as_they_were() -> None:
    short = relaxed_noise(1, "front", years=1, time_constant_h=70.0)
    long = relaxed_noise(1, "front", years=3, time_constant_h=70.0)
    assert np.array_equal(short, long[:HOURS_PER_YEAR])


@pytest.mark.parametrize("time_constant_h", [5.0, 70.0])
def test_relaxed_noise_has_unit_variance_and_the_autocorrelation_asked_for(time_constant_h: float) -> None:
    series = relaxed_noise(2, "front", years=40, time_constant_h=time_constant_h)
    lag = int(time_constant_h)
    assert series.std() == pytest.approx(1.0, abs=0.05)
    correlation = float(np.corrcoef(series[:-lag], series[lag:])[0, 1])
    assert correlation == pytest.approx(np.exp(-lag / time_constant_h), abs=0.04)


def test_wander_is_a_function_of_time_with_unit_variance() -> None:
    hours = np.arange(0.0, 2000.0)
    whole = wander(random_stream(1, "a"), hours, shortest_h=5.0, longest_h=500.0)
    part = wander(random_stream(1, "a"), hours[700:800], shortest_h=5.0, longest_h=500.0)
    np.testing.assert_allclose(part, whole[700:800], rtol=0, atol=1e-12)
    spread = [wander(random_stream(s, "a"), hours[:1], shortest_h=5.0, longest_h=500.0)[0] for s in range(1500)]
    assert np.std(spread) == pytest.approx(1.0, abs=0.06)
    assert np.mean(spread) == pytest.approx(0.0, abs=0.08)
