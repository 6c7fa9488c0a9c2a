"""The simulated bridge before an independent judge: pyOMA-2's stochastic subspace identification.

It gets waveforms as a gateway would send them, quantised and driven by traffic, and must find the modes that were
put in.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from simulator.bridges import draw_bridge, modal_state
from simulator.conditions import steady_conditions
from simulator.randomness import random_stream
from simulator.waveforms import WAVEFORM_SCALE_M_S2, quantise, synthesise_acceleration

RATE_HZ = 100.0
SECONDS = 1200.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [4, 9])
def test_pyoma_finds_frequency_within_1_and_damping_within_20_percent(seed: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries that pyOMA-2 draws with
        from pyoma2.algorithms.ssi import SSI  # noqa: PLC0415 -- see above
        from pyoma2.setup.single import SingleSetup  # noqa: PLC0415 -- see above

        bridge = draw_bridge(random_stream(seed, "bridge"))
        state = modal_state(bridge, steady_conditions(), {})
        frequency, damping = state.frequency_hz[:, 0], state.damping_ratio[:, 0]
        signal = synthesise_acceleration(
            random_stream(seed, "waveform"),
            frequency_hz=frequency,
            damping_ratio=damping,
            velocity_mm_s=np.full(3, 0.4),
            kurtosis=float(state.kurtosis[0]),
            sampling_rate_hz=RATE_HZ,
            samples=int(SECONDS * RATE_HZ),
        )
        block = quantise(signal, WAVEFORM_SCALE_M_S2) * WAVEFORM_SCALE_M_S2
        # Two channels, as the library asks for more than one: the sensor and a weaker one beside it.
        beside = 0.7 * block + 1e-4 * np.random.default_rng(seed).standard_normal(len(block))
        setup = SingleSetup(np.stack([block, beside], axis=1), fs=RATE_HZ)
        setup.decimate_data(q=3)
        algorithm = SSI(name="judge", method="cov", br=60, ordmax=30)
        setup.add_algorithms(algorithm)
        setup.run_by_name("judge")
        setup.mpe("judge", sel_freq=frequency.tolist(), order_in="find_min")
    assert algorithm.result is not None
    assert algorithm.result.Fn == pytest.approx(frequency, rel=0.01)
    assert algorithm.result.Xi == pytest.approx(damping, rel=0.20)
