"""Averaged spectra of simulated structures, and peaks as if found in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from domain.arrays import FloatArray
from models.features import analyse_waveforms
from models.modal_peaks import ModalPeaks
from models.modal_spectra import SpectrumSum, block_shares
from simulator.waveforms import synthesise_acceleration

__all__ = ["average_of", "make_blocks", "make_peaks", "weather_of"]

RATE_HZ = 100.0
SAMPLES = 2000
# Widest curves that are still two peaks lie this many widths apart.
_MERGE_WIDTHS = 1.2


def make_blocks(
    generator: np.random.Generator,
    blocks: int,
    frequency_hz: Sequence[float],
    damping_ratio: Sequence[float],
    *,
    kurtosis: float = 3.0,
    velocity_mm_s: Sequence[float] = (0.34, 0.18, 0.13),
) -> FloatArray:
    """Make blocks of 20 s of acceleration, float64[B, 2000]."""
    return np.stack(
        [
            synthesise_acceleration(
                generator,
                frequency_hz=np.array(frequency_hz),
                damping_ratio=np.array(damping_ratio),
                velocity_mm_s=np.array(velocity_mm_s[: len(frequency_hz)]),
                kurtosis=kurtosis,
                sampling_rate_hz=RATE_HZ,
                samples=SAMPLES,
            )
            for _ in range(blocks)
        ]
    )


def average_of(blocks: FloatArray, sampling_rate_hz: float = RATE_HZ) -> SpectrumSum:
    """Average blocks as the chain does."""
    features, magnitude = analyse_waveforms(blocks, sampling_rate_hz)
    shares, moves = block_shares(magnitude)
    return SpectrumSum.empty(sampling_rate_hz, blocks.shape[1]).add(shares[moves], features[moves, 3])


def weather_of(generator: np.random.Generator, days: int) -> FloatArray:
    """Give a temperature a day, in degrees Celsius: a season from anywhere, and weather that lasts some days."""
    start = generator.uniform(0.0, 365.25)
    weather = np.zeros(days)
    for day in range(1, days):
        weather[day] = 0.8 * weather[day - 1] + generator.normal(0.0, 2.2)
    return np.asarray(11.0 - 9.0 * np.cos(2.0 * np.pi * (np.arange(days) + start) / 365.25) + weather)


def make_peaks(
    generator: np.random.Generator,
    frequency_hz: FloatArray,
    share: FloatArray,
    damping_ratio: FloatArray,
    *,
    relative_sd: float = 0.002,
) -> tuple[ModalPeaks, list[list[int]]]:
    """Make peaks as they would be found, modes too close together merged into one.

    Returns
    -------
    ModalPeaks
        By frequency.
    list of list of int
        The modes that each peak is of.
    """
    measured = frequency_hz * (1.0 + relative_sd * generator.normal(size=len(frequency_hz)))
    width = np.hypot(frequency_hz * damping_ratio, 0.04)
    parts: list[list[int]] = []
    for mode in np.argsort(measured).tolist():
        if parts and measured[mode] - measured[parts[-1][-1]] < _MERGE_WIDTHS * width[mode]:
            parts[-1].append(mode)
        else:
            parts.append([mode])
    place = np.array([np.average(measured[part], weights=share[part]) for part in parts])
    strength = np.array([share[part].sum() for part in parts]) * np.exp(0.3 * generator.normal(size=len(parts)))
    first = [part[0] for part in parts]
    damping = damping_ratio[first] * np.exp(0.25 * generator.normal(size=len(parts)))
    peaks = ModalPeaks(
        frequency_hz=place,
        frequency_sd_hz=relative_sd * place,
        damping_ratio=damping,
        damping_sd=0.25 * damping,
        share=strength,
        prominence=np.full(len(parts), 20.0),
        width_hz=width[first],
        tones_hz=np.empty(0),
    )
    return peaks, parts
