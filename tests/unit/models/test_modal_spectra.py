from __future__ import annotations

import numpy as np
import pytest

from domain.errors import ShapeError
from models.features import analyse_waveforms, waveform_features
from models.modal_spectra import LEAST_SAMPLES, MOST_BINS, SpectrumSum, bins_of, block_shares
from tests.modal_signals import average_of, make_blocks

MODES = ((3.2, 5.4, 9.1), (0.014, 0.012, 0.011))


def test_features_and_spectrum_come_from_one_transform() -> None:
    blocks = make_blocks(np.random.default_rng(1), 3, *MODES)
    features, magnitude = analyse_waveforms(blocks, 100.0)
    assert np.array_equal(features, waveform_features(blocks, 100.0))
    highest_hz = (1 + np.argmax(magnitude[:, 1:], axis=-1)) * 100.0 / 2000
    assert np.abs(features[:, 4] - highest_hz).max() <= 0.025


def test_order_and_batches_change_no_bit_of_an_average() -> None:
    blocks = make_blocks(np.random.default_rng(2), 12, *MODES) * np.logspace(-4, 4, 12)[:, np.newaxis]
    whole = average_of(blocks)
    shuffled = average_of(blocks[np.random.default_rng(3).permutation(12)])
    cut = average_of(blocks[:5]).join(average_of(blocks[5:6])).join(average_of(blocks[6:]))
    assert whole.encode() == shuffled.encode() == cut.encode()


def test_a_sum_comes_back_to_the_bit() -> None:
    whole = average_of(make_blocks(np.random.default_rng(4), 3, *MODES))
    assert SpectrumSum.decode(whole.encode()).encode() == whole.encode()
    with pytest.raises(ShapeError, match="averaged spectrum"):
        SpectrumSum.decode(whole.encode()[:-1])


def test_a_strong_block_counts_no_more_than_a_weak_one() -> None:
    generator = np.random.default_rng(5)
    weak, strong = make_blocks(generator, 1, (4.0,), (0.02,)), make_blocks(generator, 1, (8.0,), (0.02,))
    density = average_of(np.concatenate([weak, 1000.0 * strong])).density_per_hz()
    assert density.sum() * 0.05 == pytest.approx(1.0, abs=1e-3)
    assert density[60:100].sum() == pytest.approx(density[140:180].sum(), rel=0.2)


@pytest.mark.parametrize("level", [0.0, 7.5, 1e300])
def test_a_block_at_rest_has_no_shares(level: float) -> None:
    _, magnitude = analyse_waveforms(np.full((2, 300), level), 100.0)
    shares, moves = block_shares(magnitude)
    assert not moves.any()
    assert not shares.any()


def test_a_spectrum_that_is_not_finite_has_no_shares() -> None:
    magnitude = np.ones((3, 151))
    magnitude[0, 40] = np.nan
    magnitude[1, 40] = 1e200
    with np.errstate(over="ignore"):
        shares, moves = block_shares(magnitude)
    assert moves.tolist() == [False, False, True]
    assert np.isfinite(shares.astype(np.float64)).all()


def test_the_number_of_bins_is_bounded() -> None:
    assert [bins_of(samples) for samples in (0, 100, LEAST_SAMPLES, 2000, 20_000)] == [0, 0, 129, 1001, MOST_BINS]


def test_noise_scatters_by_its_size_and_a_tone_does_not() -> None:
    generator = np.random.default_rng(6)
    time_s = np.arange(2000) / 100.0
    tone = np.sin(2 * np.pi * 23.4 * time_s + generator.uniform(0, 7, (200, 1)))
    average = average_of(generator.normal(size=(200, 2000)) + tone)
    scatter = average.scatter()
    assert np.median(scatter[2:-1]) == pytest.approx(1.0, abs=0.1)
    assert scatter[468] < 0.1


def test_blocks_of_another_length_are_refused() -> None:
    with pytest.raises(ShapeError, match="one length"):
        SpectrumSum.empty(100.0, 300).add(np.zeros((1, 7), np.float16), np.full(1, 3.0))
