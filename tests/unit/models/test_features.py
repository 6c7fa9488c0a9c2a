from __future__ import annotations

import numpy as np
import pytest

from domain.errors import ShapeError
from domain.register import WAVEFORM_CHANNELS
from models.features import FEATURES, waveform_features


def test_features_are_in_the_order_of_the_register() -> None:
    assert tuple(name for name, _ in WAVEFORM_CHANNELS) == FEATURES


def test_a_sine_with_offset_gives_its_textbook_features() -> None:
    time_s = np.arange(2000) / 1000.0
    wave = 9.81 + 0.4 * np.sin(2 * np.pi * 37.3 * time_s)
    rms, peak, crest, kurtosis, frequency_hz = waveform_features(wave[np.newaxis], 1000.0)[0]
    assert rms == pytest.approx(0.4 / np.sqrt(2), rel=1e-3)
    assert peak == pytest.approx(0.4, rel=1e-2)
    assert crest == pytest.approx(np.sqrt(2), rel=1e-2)
    assert kurtosis == pytest.approx(1.5, rel=1e-2)
    assert frequency_hz == pytest.approx(37.3, abs=0.02)


def test_a_knock_raises_crest_factor_and_kurtosis() -> None:
    rng = np.random.default_rng(1)
    quiet = rng.normal(size=4096)
    knocking = quiet.copy()
    knocking[::512] += 12.0
    features = waveform_features(np.stack([quiet, knocking]), 1000.0)
    assert features[0, 3] == pytest.approx(3.0, abs=0.2)
    assert features[1, 2] > 1.5 * features[0, 2]
    assert features[1, 3] > 1.5 * features[0, 3]


@pytest.mark.parametrize("level", [0.0, -3.25, 1e-300, 1e300])
@pytest.mark.parametrize("length", [1, 2, 3, 4, 100])
def test_a_constant_waveform_is_at_rest(level: float, length: int) -> None:
    features = waveform_features(np.full((1, length), level), 100.0)
    assert features.tolist() == [[0.0, 0.0, 1.0, 1.0, 0.0]]


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e150])
def test_features_scale_with_the_signal(scale: float) -> None:
    wave = np.random.default_rng(2).normal(size=(1, 256))
    plain, scaled = waveform_features(wave, 100.0)[0], waveform_features(wave * scale, 100.0)[0]
    assert scaled[:2] == pytest.approx(plain[:2] * scale, rel=1e-12)
    assert scaled[2:] == pytest.approx(plain[2:], rel=1e-9)


@pytest.mark.parametrize(
    ("samples", "rate_hz", "text"),
    [
        (np.zeros(5), 10.0, "expected [B, N]"),
        (np.zeros((2, 0)), 10.0, "expected [B, N]"),
        (np.zeros((1, 4)), 0.0, "sampling rate is 0.0 Hz"),
        (np.zeros((1, 4)), float("nan"), "sampling rate is nan Hz"),
    ],
)
def test_impossible_blocks_are_refused(
    samples: np.ndarray[tuple[int, ...], np.dtype[np.float64]], rate_hz: float, text: str
) -> None:
    with pytest.raises(ShapeError) as caught:
        waveform_features(samples, rate_hz)
    assert text in str(caught.value)


def test_no_blocks_give_no_rows() -> None:
    assert waveform_features(np.empty((0, 16)), 10.0).shape == (0, 5)
