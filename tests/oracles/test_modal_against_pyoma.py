"""Modes found here against pyOMA-2's frequency domain decomposition on the same signals.

pyOMA-2 is told near which frequencies to look, since its FDD does not choose by itself; ours is told nothing. Two
sensors see the bridge's modes in different proportions.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from domain.arrays import FloatArray
from models.modal_peaks import find_modes
from simulator.bridges import draw_bridge, modal_state
from simulator.conditions import steady_conditions
from simulator.randomness import random_stream
from simulator.waveforms import WAVEFORM_SCALE_M_S2, quantise, synthesise_acceleration
from tests.modal_signals import RATE_HZ, SAMPLES, average_of

BLOCKS = 48
# Shares of the modes at midspan and at the quarter span.
SHAPES = np.array([[1.0, 0.35, 0.7], [0.7, 1.0, 0.7]])


def two_sensors(seed: int) -> tuple[FloatArray, FloatArray]:
    """Make acceleration of one bridge at two places, float64[2, N], and its true frequencies."""
    state = modal_state(draw_bridge(random_stream(seed, "bridge")), steady_conditions(), {})
    frequency = state.frequency_hz[:, 0]
    parts = [
        synthesise_acceleration(
            random_stream(seed, "waveform", str(mode)),
            frequency_hz=frequency[[mode]],
            damping_ratio=state.damping_ratio[[mode], 0],
            velocity_mm_s=np.array([0.3]),
            kurtosis=3.0,
            sampling_rate_hz=RATE_HZ,
            samples=BLOCKS * SAMPLES,
        )
        for mode in range(3)
    ]
    signals = np.einsum("sm,mn->sn", SHAPES, np.stack(parts))
    return np.asarray(quantise(signals, WAVEFORM_SCALE_M_S2) * WAVEFORM_SCALE_M_S2, np.float64), frequency


@pytest.mark.parametrize("seed", [4, 9, 12])
def test_modes_agree_with_those_of_pyoma_2(seed: int) -> None:
    signals, truth = two_sensors(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries that pyOMA-2 draws with
        from pyoma2.algorithms.fdd import FDD  # noqa: PLC0415 -- see above
        from pyoma2.setup.single import SingleSetup  # noqa: PLC0415 -- see above

        setup = SingleSetup(signals.T, fs=RATE_HZ)
        fdd = FDD(name="fdd", nxseg=SAMPLES, method_SD="per")
        setup.add_algorithms(fdd)
        setup.run_by_name("fdd")
        setup.mpe("fdd", sel_freq=truth.tolist(), DF=0.5)
    assert fdd.result is not None
    theirs = np.asarray(fdd.result.Fn, np.float64)
    blocks = signals.reshape(2 * BLOCKS, SAMPLES)
    found = find_modes(average_of(blocks))
    bin_hz = RATE_HZ / SAMPLES
    assert len(found) == len(truth)
    # FDD answers with a bin, and its highest one lies within the peak's scatter, not always on its middle.
    apart = np.abs(found.frequency_hz - theirs)
    assert (apart < bin_hz + found.width_hz).all()
    assert np.abs(found.frequency_hz - truth).max() <= np.abs(theirs - truth).max()
    assert np.abs((found.frequency_hz - truth) / found.frequency_sd_hz).max() < 3.5
    assert found.frequency_hz == pytest.approx(truth, rel=0.005)
