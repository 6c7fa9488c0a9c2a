from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from models.modal_memory import ModeTracks
from models.modal_peaks import find_modes, find_modes_of
from models.modal_spectra import SpectrumSum
from models.modal_tracks import follow_modes
from tests.modal_signals import average_of, make_blocks

DAY_NS = 86_400_000_000_000
TRUE_HZ = np.array([3.2, 5.4, 9.1])
TRUE_DAMPING = np.array([0.014, 0.012, 0.011])


@pytest.mark.parametrize(("blocks", "kurtosis", "seeds"), [(8, 3.0, 30), (24, 3.9, 20)])
def test_known_modes_are_found_within_their_stated_uncertainty(blocks: int, kurtosis: float, seeds: int) -> None:
    """Coverage of the 95 % interval over seeds: with 60 to 90 tries, fewer than 85 % would be about 1 in 1,000."""
    off, sd, damping_off = [], [], []
    for seed in range(seeds):
        waves = make_blocks(
            np.random.default_rng(seed), blocks, TRUE_HZ.tolist(), TRUE_DAMPING.tolist(), kurtosis=kurtosis
        )
        found = find_modes(average_of(waves))
        assert len(found) == len(TRUE_HZ), seed
        off.append((found.frequency_hz - TRUE_HZ) / found.frequency_sd_hz)
        sd.append(found.frequency_sd_hz / TRUE_HZ)
        damping_off.append((found.damping_ratio - TRUE_DAMPING) / TRUE_DAMPING)
    assert (np.abs(off) < 1.96).mean() >= 0.85
    assert 0.75 < np.std(off) < 1.3
    # A wide interval would cover as well: with four times the blocks it is half as wide.
    assert np.mean(sd) < 0.007 / np.sqrt(blocks) * np.sqrt(kurtosis / 3.0) * 1.3
    assert np.abs(np.median(damping_off, axis=0)).max() < 0.35


def test_noise_alone_has_no_modes() -> None:
    generator = np.random.default_rng(7)
    found = [len(find_modes(average_of(generator.normal(size=(12, 2000))))) for _ in range(60)]
    assert sum(found) == 0


def test_coloured_noise_makes_a_peak_now_and_then_and_never_a_mode() -> None:
    """One of a thousand spectra is promised to make a peak, where noise is white; more than one of sixty is not."""
    generator = np.random.default_rng(8)
    tracks, found = ModeTracks.empty(), 0
    for day in range(60):
        noise = signal.lfilter([1.0], [1.0, -0.95], generator.normal(size=(24, 2000)), axis=1)
        peaks = find_modes(average_of(noise))
        found += len(peaks)
        tracks, _ = follow_modes(tracks, peaks, time_ns=(day + 1) * DAY_NS, temperature_degc=10.0)
    assert found <= 1
    assert tracks.given == 0


def test_a_shaft_and_its_multiples_are_no_modes() -> None:
    generator = np.random.default_rng(9)
    time_s = np.arange(2000) / 100.0
    waves = make_blocks(generator, 24, TRUE_HZ.tolist(), TRUE_DAMPING.tolist())
    for frequency_hz in (12.34, 24.68, 37.02):
        phase = generator.uniform(0.0, 2 * np.pi, (24, 1))
        waves += 0.01 * np.sin(2 * np.pi * frequency_hz * time_s + phase)
    found = find_modes(average_of(waves))
    assert found.frequency_hz == pytest.approx(TRUE_HZ, rel=0.02)
    assert found.tones_hz == pytest.approx([12.34, 24.68, 37.02], abs=0.05)


def test_a_hum_of_the_mains_is_no_mode_however_it_comes_and_goes() -> None:
    generator = np.random.default_rng(14)
    time_s = np.arange(4000) / 400.0
    strength = generator.exponential(0.5, (24, 1))
    hum = np.sin(2 * np.pi * 50.01 * time_s) + 0.5 * np.sin(2 * np.pi * 100.02 * time_s)
    found = find_modes(average_of(strength * hum + generator.normal(size=(24, 4000)), 400.0))
    assert len(found) == 0
    assert found.tones_hz == pytest.approx([50.01, 100.02], abs=0.05)


def test_two_modes_half_a_hertz_apart_are_two() -> None:
    waves = make_blocks(np.random.default_rng(10), 48, (4.0, 4.5), (0.012, 0.012), velocity_mm_s=(0.3, 0.3))
    found = find_modes(average_of(waves))
    assert found.frequency_hz == pytest.approx([4.0, 4.5], abs=4 * float(found.frequency_sd_hz.max()))


def test_a_structure_that_rings_weakly_beside_a_strong_mode_is_found() -> None:
    waves = make_blocks(np.random.default_rng(11), 48, (3.0, 12.0), (0.012, 0.012), velocity_mm_s=(0.5, 0.01))
    assert find_modes(average_of(waves)).frequency_hz == pytest.approx([3.0, 12.0], rel=0.01)


@pytest.mark.parametrize("samples", [256, 257, 300, 4096, 20_000])
def test_any_length_of_block_is_looked_at(samples: int) -> None:
    found = find_modes(average_of(np.random.default_rng(12).normal(size=(9, samples)), 500.0))
    assert np.isfinite(found.frequency_hz).all()
    assert (found.frequency_hz < 250.0).all()


@pytest.mark.parametrize("blocks", [0, 1])
def test_fewer_than_two_blocks_show_nothing(blocks: int) -> None:
    average = SpectrumSum.empty(100.0, 300).add(np.ones((blocks, 151), np.float16), np.full(blocks, 3.0))
    assert len(find_modes(average)) == 0


def test_blocks_that_are_all_the_same_show_nothing_that_is_not_finite() -> None:
    one = make_blocks(np.random.default_rng(13), 1, (4.0,), (0.012,))
    found = find_modes(average_of(np.repeat(one, 9, axis=0)))
    assert np.isfinite(found.frequency_sd_hz).all()
    assert (found.frequency_sd_hz > 0.0).all()


def test_many_spectra_at_once_give_the_same_bits_as_one_by_one() -> None:
    generator = np.random.default_rng(15)
    averages = [
        average_of(make_blocks(generator, 8, (frequency, 2.1 * frequency), (0.012, 0.02)))
        for frequency in (1.9, 3.3, 4.7, 6.2, 8.8)
    ]
    averages.insert(2, average_of(generator.normal(size=(9, 2000))))
    together = find_modes_of(averages)
    assert [len(found) for found in together] == [2, 2, 0, 2, 2, 2]
    for average, found in zip(averages, together, strict=True):
        alone = find_modes(average)
        for column in ("frequency_hz", "frequency_sd_hz", "damping_ratio", "damping_sd", "share", "prominence"):
            assert np.array_equal(getattr(found, column), getattr(alone, column)), column
