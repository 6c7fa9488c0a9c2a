"""Fitting one mode to a peak of an averaged spectrum."""

from __future__ import annotations

import numpy as np

from models.modal_fit import HALF_WINDOW, fit_peaks


def test_a_peak_near_zero_frequency_is_fitted_without_a_division_by_zero() -> None:
    """The window reaches below 0 Hz there, to twice the distance of the peak, where the model had a pole."""
    bins = np.arange(-HALF_WINDOW, HALF_WINDOW + 1)
    power = 0.1 + 1.0 / (1.0 + ((bins - 0.2) / 1.5) ** 2)
    used = bins[np.newaxis] + 8 > 0
    ones = np.ones(1)
    with np.errstate(divide="raise", invalid="raise"):
        fit = fit_peaks(np.where(used, power, 0.0), np.array([8], np.int32), used, 100.0 * ones, ones)
    # The model leans towards higher frequencies, this peak does not.
    assert abs(fit.place[0] - 8.2) < 1.0
    assert 0.0 < fit.place_sd[0] < 0.5
