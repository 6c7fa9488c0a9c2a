import numpy as np
import pytest
from scipy.signal import welch

from simulator.randomness import random_stream
from simulator.waveforms import quantise, synthesise_acceleration

RATE_HZ = 100.0


def one_mode(
    frequency_hz: float, damping_ratio: float, *, seconds: float, kurtosis: float = 3.0, seed: int = 1
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return synthesise_acceleration(
        random_stream(seed, "waveform"),
        frequency_hz=np.array([frequency_hz]),
        damping_ratio=np.array([damping_ratio]),
        velocity_mm_s=np.array([10.0]),
        kurtosis=kurtosis,
        sampling_rate_hz=RATE_HZ,
        samples=int(seconds * RATE_HZ),
    )


@pytest.mark.parametrize(("frequency_hz", "damping_ratio"), [(2.8, 0.02), (4.2, 0.015), (9.5, 0.03)])
def test_spectrum_has_the_natural_frequency_and_the_half_power_width(frequency_hz: float, damping_ratio: float) -> None:
    signal = one_mode(frequency_hz, damping_ratio, seconds=20_000.0)
    grid_hz, power = welch(signal, RATE_HZ, nperseg=2**14)
    near = np.abs(grid_hz - frequency_hz) < 6 * damping_ratio * frequency_hz
    # Of an oscillator's acceleration, f^4 / power is f^4 + (4 z^2 - 2) f0^2 f^2 + f0^4 times a constant.
    squared = (grid_hz[near] / frequency_hz) ** 2
    inverse = squared**2 / power[near]
    highest, middle, lowest = np.polyfit(squared - 1.0, inverse, 2, w=1.0 / inverse)
    root = 1.0 - middle / (2.0 * highest)
    half_width = np.sqrt(lowest / highest - (1.0 - root) ** 2) / 2.0
    assert grid_hz[np.argmax(power)] == pytest.approx(frequency_hz, rel=0.02)
    assert frequency_hz * np.sqrt(root) == pytest.approx(frequency_hz, rel=0.01)
    assert half_width / root == pytest.approx(damping_ratio, rel=0.2)


@pytest.mark.parametrize("damping_ratio", [0.01, 0.03])
def test_free_decay_in_the_autocorrelation_has_the_damping(damping_ratio: float) -> None:
    """Random decrement: the autocorrelation of a mode under white force is its free vibration."""
    frequency_hz = 3.0
    signal = one_mode(frequency_hz, damping_ratio, seconds=20_000.0)
    spectrum = np.abs(np.fft.rfft(signal, 2 * len(signal))) ** 2
    decay = np.fft.irfft(spectrum)[: int(8 * RATE_HZ / frequency_hz)]
    peaks = np.flatnonzero((decay[1:-1] > decay[:-2]) & (decay[1:-1] > decay[2:])) + 1
    decrement = -np.polyfit(np.arange(len(peaks)), np.log(decay[peaks]), 1)[0]
    assert decrement / (2 * np.pi) == pytest.approx(damping_ratio, rel=0.2)


def test_rms_follows_the_velocity_of_the_mode() -> None:
    signal = one_mode(3.0, 0.02, seconds=5_000.0)
    # 10 mm/s at 3 Hz is 0.1885 m/s2.
    assert signal.std() == pytest.approx(0.01 * 2 * np.pi * 3.0, rel=0.05)


def test_kurtosis_follows_the_passages() -> None:
    def kurtosis(asked: float) -> float:
        signals = [one_mode(8.0, 0.05, seconds=2_000.0, kurtosis=asked, seed=seed) for seed in range(4)]
        signal = np.concatenate(signals)
        return float(np.mean(signal**4) / np.mean(signal**2) ** 2)

    assert kurtosis(3.0) == pytest.approx(3.0, abs=0.15)
    assert kurtosis(4.5) == pytest.approx(4.5, abs=0.7)


def test_the_signal_is_stationary_from_its_first_sample() -> None:
    starts = [one_mode(3.0, 0.01, seconds=0.5, seed=seed) for seed in range(1500)]
    power = (np.stack(starts) ** 2).mean(axis=0)
    assert power[:5].mean() == pytest.approx(power.mean(), rel=0.15)
    assert np.sqrt(power.mean()) == pytest.approx(0.01 * 2 * np.pi * 3.0, rel=0.05)


def test_samples_hold_at_the_limit_of_the_converter() -> None:
    assert quantise(np.array([0.0, 1e-3, 9.0, -9.0]), 1e-4).tolist() == [0, 10, 32767, -32768]
