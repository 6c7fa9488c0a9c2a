"""The modes of one structure from its blocks, day by day."""

from __future__ import annotations

import numpy as np
import pytest

from domain.errors import ShapeError
from models.features import analyse_waveforms
from models.modal import AssetModes, BlockSpectrum, ModalPeriod, end_day, renew_reference, take_blocks
from models.modal_spectra import block_shares
from tests.modal_signals import make_blocks

DAY_NS = 86_400_000_000_000
FIRST_DAY = 20_000
MODES = ((3.2, 5.4, 9.1), (0.014, 0.012, 0.011))


def blocks_of(generator: np.random.Generator, day: int, count: int, factor: float = 1.0) -> list[BlockSpectrum]:
    """Make the blocks of a day, spread over it."""
    waves = make_blocks(generator, count, [factor * frequency for frequency in MODES[0]], MODES[1])
    features, magnitude = analyse_waveforms(waves, 100.0)
    shares, _ = block_shares(magnitude)
    return [
        BlockSpectrum(
            (FIRST_DAY + day) * DAY_NS + row * DAY_NS // count, 100.0, 2000, float(features[row, 3]), shares[row]
        )
        for row in range(count)
    ]


def close(state: AssetModes, day: int, temperature_degc: float = 10.0) -> tuple[AssetModes, list[ModalPeriod]]:
    return end_day(state, end_ns=(FIRST_DAY + day + 1) * DAY_NS, temperature_degc=temperature_degc)


def test_hourly_blocks_give_modes_each_day_from_the_fourth() -> None:
    generator = np.random.default_rng(1)
    state = AssetModes()
    numbers = []
    for day in range(8):
        state, (period,) = close(take_blocks(state, blocks_of(generator, day, 12)), day)
        assert (period.start_ns, period.end_ns) == ((FIRST_DAY + day) * DAY_NS, (FIRST_DAY + day + 1) * DAY_NS)
        assert period.blocks == 12
        numbers.append([mode.number for mode in period.modes])
    assert numbers == [[], [], [], *[[1, 2, 3]] * 5]
    assert [mode.frequency_hz for mode in period.modes] == pytest.approx(MODES[0], rel=0.01)
    assert [mode.damping_ratio for mode in period.modes] == pytest.approx(MODES[1], rel=0.7)
    assert period.reference_periods == 8
    assert period.density.sum() * period.bin_hz == pytest.approx(1.0, abs=0.01)


def test_rare_blocks_are_gathered_over_days() -> None:
    generator = np.random.default_rng(2)
    state, spans = AssetModes(), []
    for day in range(12):
        state, told = close(take_blocks(state, blocks_of(generator, day, 2)), day)
        spans += [((period.end_ns - period.start_ns) // DAY_NS, period.blocks) for period in told]
    assert spans == [(4, 8)] * 3


def test_too_few_blocks_in_two_weeks_are_dropped() -> None:
    generator = np.random.default_rng(3)
    state = take_blocks(AssetModes(), blocks_of(generator, 0, 3))
    for day in range(14):
        state, told = close(state, day)
        assert told == []
    assert not state.waits


def test_order_of_arrival_and_batches_change_no_bit() -> None:
    generator = np.random.default_rng(4)
    days = [blocks_of(generator, day, 8) for day in range(3)]
    in_order, mixed = AssetModes(), AssetModes()
    for blocks in days:
        for block in blocks:
            in_order = take_blocks(in_order, [block])
    everything = [block for blocks in days for block in blocks]
    order = np.random.default_rng(5).permutation(len(everything))
    mixed = take_blocks(mixed, [everything[place] for place in order])
    assert in_order.encode() == mixed.encode()
    for day in range(3):
        in_order, one = close(in_order, day)
        mixed, other = close(mixed, day)
        assert [period.modes for period in one] == [period.modes for period in other]
    assert in_order.encode() == mixed.encode()


def test_state_comes_back_to_the_bit_and_goes_on_the_same() -> None:
    generator = np.random.default_rng(6)
    state = AssetModes()
    for day in range(5):
        state, _ = close(take_blocks(state, blocks_of(generator, day, 5)), day)
    state = take_blocks(state, blocks_of(generator, 5, 5))
    again = AssetModes.decode(state.encode())
    assert again.encode() == state.encode()
    (state, told), (again, told_again) = close(state, 5), close(again, 5)
    assert again.encode() == state.encode()
    assert [period.modes for period in told] == [period.modes for period in told_again]
    with pytest.raises(ShapeError, match="state of modes"):
        AssetModes.decode(state.encode()[:-3])
    with pytest.raises(ShapeError, match="at the head"):
        AssetModes.decode(b"????")


def test_a_block_of_a_closed_day_is_not_used() -> None:
    generator = np.random.default_rng(7)
    late = blocks_of(generator, 0, 4)
    state, _ = close(take_blocks(AssetModes(), blocks_of(generator, 0, 8)), 0)
    assert take_blocks(state, late).encode() == state.encode()


def test_a_new_length_of_block_begins_a_new_average_and_keeps_the_modes() -> None:
    generator = np.random.default_rng(8)
    state = AssetModes()
    for day in range(6):
        state, _ = close(take_blocks(state, blocks_of(generator, day, 8)), day)
    halves = []
    for block in range(9):
        wave = make_blocks(generator, 1, *MODES)[:, :1500]
        features, magnitude = analyse_waveforms(wave, 100.0)
        shares, _ = block_shares(magnitude)
        halves.append(BlockSpectrum((FIRST_DAY + 6) * DAY_NS + block, 100.0, 1500, float(features[0, 3]), shares[0]))
    state, (period,) = close(take_blocks(state, halves), 6)
    assert [mode.number for mode in period.modes] == [1, 2, 3]
    assert period.reference_periods == 1


def test_memory_is_bounded_whatever_comes() -> None:
    shares = np.ones(129, np.float16)
    state = AssetModes()
    for rate in range(6):
        for day in range(130):
            block = BlockSpectrum((FIRST_DAY + day) * DAY_NS, 100.0 + rate, 256, 3.0, shares)
            state = take_blocks(state, [block])
    assert len(state.groups) == 4
    assert all(len(group.waiting) == 100 for group in state.groups)
    too_short = BlockSpectrum(FIRST_DAY * DAY_NS, 100.0, 100, 3.0, np.ones(51, np.float16))
    assert take_blocks(AssetModes(), [too_short]).groups == ()


def test_a_renewed_reference_starts_over_and_the_modes_go_on() -> None:
    generator = np.random.default_rng(9)
    state = AssetModes()
    for day in range(6):
        state, _ = close(take_blocks(state, blocks_of(generator, day, 8)), day)
    state = renew_reference(state)
    state, (period,) = close(take_blocks(state, blocks_of(generator, 6, 8, factor=0.99)), 6)
    assert [mode.number for mode in period.modes] == [1, 2, 3]
    assert period.reference_periods == 1
    assert np.array_equal(period.reference, period.density)
