from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from domain.figures import Figure
from service.evaluation.intervals import over_lives, rate, share


@pytest.mark.parametrize("events", [0, 1, 7, 240])
def test_the_interval_of_a_rate_holds_five_percent_in_each_tail(events: int) -> None:
    figure = rate(events, 2.0)
    assert figure.low is not None
    assert figure.high is not None
    assert stats.poisson.cdf(events, 2.0 * figure.high) == pytest.approx(0.05)
    if events:
        assert stats.poisson.sf(events - 1, 2.0 * figure.low) == pytest.approx(0.05)
    else:
        assert figure.low == 0.0


@pytest.mark.parametrize(("hits", "count"), [(0, 5), (3, 5), (5, 5), (40, 53)])
def test_the_interval_of_a_share_is_that_of_clopper_and_pearson(hits: int, count: int) -> None:
    exact = stats.binomtest(hits, count).proportion_ci(0.9, method="exact")
    figure = share(hits, count)
    assert figure.low == pytest.approx(exact.low)
    assert figure.high == pytest.approx(exact.high)
    assert (figure.value, figure.count) == (hits / count, count)


def test_without_exposure_or_cases_there_is_no_figure() -> None:
    assert rate(0, 0.0).value is None
    assert share(0, 0).value is None
    assert over_lives(0, lambda weight: float(weight.sum())).value is None


def test_the_interval_over_lives_is_that_of_a_mean() -> None:
    values = np.random.default_rng(3).normal(10.0, 2.0, 400)
    figure = over_lives(400, lambda weight: float(np.sum(weight * values) / np.sum(weight)))
    assert figure.value == pytest.approx(values.mean())
    assert figure.low == pytest.approx(values.mean() - 1.645 * 0.1, abs=0.03)
    assert figure.high == pytest.approx(values.mean() + 1.645 * 0.1, abs=0.03)


def test_one_life_has_a_value_and_no_interval() -> None:
    assert over_lives(1, lambda weight: float(weight[0])) == Figure(1.0, None, None, 1)
