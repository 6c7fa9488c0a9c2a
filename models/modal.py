"""The modes of one structure: blocks in, natural frequencies out, day by day.

Blocks of sensors that sample alike are averaged together, so that a sensor on a node of one mode costs nothing. A
period is as many whole days (UTC) as it takes to gather a few blocks: a day for hourly blocks, some days for rare
ones. At its end modes are looked for in the average (`models.modal_peaks`) and followed (`models.modal_tracks`). The
days that still wait are kept apart, so that blocks may come in any order until their day is closed; one that comes
later is not used. Sampling rates are followed apart from each other; a gateway that changes the length of its blocks
begins a new average and keeps the modes.

State is a frozen value: a step gives a new one, and a plan that is not carried out leaves no trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from domain.arrays import FloatArray
from models.modal_peaks import ModalPeaks, find_modes_of
from models.modal_spectra import HalfArray, SpectrumSum, bins_of
from models.modal_state import AssetModes, RateGroup
from models.modal_tracks import TrackedMode, follow_modes

__all__ = ["AssetModes", "BlockSpectrum", "ModalPeriod", "end_day", "end_days", "renew_reference", "take_blocks"]

_DAY_NS: Final = 86_400_000_000_000
_ENOUGH_BLOCKS: Final = 8
_LONGEST_PERIOD_DAYS: Final = 14
# A period that took so long is used with fewer blocks, and below these dropped.
_FEWEST_BLOCKS: Final = 4
_REFERENCE_PERIODS: Final = 30
# Bounds of memory: days that wait, and kinds of blocks, of one structure. Live, a day or two wait; in a replay as many
# as one batch spans, or a channel is waited for. 16 kB each, so 1.6 MB at the very most.
_MOST_DAYS: Final = 100
_MOST_RATES: Final = 4
# Structures whose peaks are fitted in one call: enough to share its overhead, and a few megabytes.
_TOGETHER: Final = 64


class BlockSpectrum(NamedTuple):
    """One block as it is averaged.

    Attributes
    ----------
    start_ns : int
        Time of the first sample.
    sampling_rate_hz : float
    samples : int
    kurtosis : float
    shares : float16[F]
        As `models.modal_spectra.block_shares` gives them.
    """

    start_ns: int
    sampling_rate_hz: float
    samples: int
    kurtosis: float
    shares: HalfArray


@dataclass(frozen=True, slots=True, eq=False)
class ModalPeriod:
    """What one period showed.

    Attributes
    ----------
    sampling_rate_hz : float
    start_ns, end_ns : int
    blocks : int
        Averaged.
    temperature_degc : float
        Mean of its days; NaN where unknown.
    modes : tuple of TrackedMode
        Confirmed modes that were seen, by number.
    peaks : ModalPeaks
        All that was found, candidates and machinery included.
    bin_hz : float
        Width of a bin of the densities; the first is at 0 Hz.
    density, reference : float64[F]
        Share of a block's power per hertz: this period, and the mean of the first ones.
    reference_periods : int
        Periods behind the reference, at most 30; then it stays as it is.
    """

    sampling_rate_hz: float
    start_ns: int
    end_ns: int
    blocks: int
    temperature_degc: float
    modes: tuple[TrackedMode, ...]
    peaks: ModalPeaks
    bin_hz: float
    density: FloatArray
    reference: FloatArray
    reference_periods: int


def take_blocks(state: AssetModes, blocks: Iterable[BlockSpectrum]) -> AssetModes:
    """Add blocks of any sensors of one structure to the days they began in.

    Parameters
    ----------
    state : AssetModes
        Not changed.
    blocks : iterable of BlockSpectrum
        In any order. Those of a closed day, too short ones, and those beyond the bounds of memory are left out.

    Returns
    -------
    AssetModes
    """
    by_kind: dict[tuple[float, int, int], list[BlockSpectrum]] = {}
    for block in blocks:
        day = block.start_ns // _DAY_NS
        if day >= state.closed_day and len(block.shares) == bins_of(block.samples) > 0:
            by_kind.setdefault((block.sampling_rate_hz, day, block.samples), []).append(block)
    groups = {group.sampling_rate_hz: group for group in state.groups}
    for (rate_hz, day, samples), members in sorted(by_kind.items(), key=lambda item: item[0]):
        if rate_hz not in groups and len(groups) >= _MOST_RATES:
            continue
        group = groups[rate_hz] if rate_hz in groups else RateGroup(rate_hz)
        waiting = {(number, one.samples): one for number, one in group.waiting}
        if (day, samples) not in waiting and len(waiting) >= _MOST_DAYS:
            continue
        total = waiting.get((day, samples)) or SpectrumSum.empty(rate_hz, samples)
        waiting[day, samples] = total.add(
            np.stack([block.shares for block in members]), np.array([block.kurtosis for block in members])
        )
        ordered = tuple((number, waiting[number, length]) for number, length in sorted(waiting))
        groups[rate_hz] = replace(group, waiting=ordered)
    return replace(state, groups=tuple(groups[rate_hz] for rate_hz in sorted(groups)))


def end_day(state: AssetModes, *, end_ns: int, temperature_degc: float) -> tuple[AssetModes, list[ModalPeriod]]:
    """Close the days of one structure up to a moment, and look for modes where a period is complete.

    Parameters
    ----------
    state : AssetModes
        Not changed.
    end_ns : int
        End of a day (UTC); days come in order.
    temperature_degc : float
        Of the structure at the end of the day with a day's memory; NaN where unknown.

    Returns
    -------
    AssetModes
    list of ModalPeriod
        One for each sampling rate whose period ended.
    """
    return end_days([state], end_ns=[end_ns], temperature_degc=[temperature_degc])[0]


def end_days(
    states: Sequence[AssetModes], *, end_ns: Sequence[int], temperature_degc: Sequence[float]
) -> list[tuple[AssetModes, list[ModalPeriod]]]:
    """Close the days of many structures, each as `end_day` does, to the bit; peaks are fitted in one call for all."""
    moved: list[list[RateGroup]] = []
    due: list[tuple[int, int, SpectrumSum]] = []
    for row, state in enumerate(states):
        closed_day = end_ns[row] // _DAY_NS
        groups = [_close(group, closed_day, temperature_degc[row]) for group in state.groups]
        for place, group in enumerate(groups):
            if group.period is None or not _is_complete(group.period, group.begun_ns, end_ns[row]):
                continue
            if group.period.blocks >= _FEWEST_BLOCKS:
                due.append((row, place, group.period))
            else:
                groups[place] = _begin(group)
        moved.append(groups)
    told: list[list[ModalPeriod]] = [[] for _ in states]
    for first in range(0, len(due), _TOGETHER):
        some = due[first : first + _TOGETHER]
        for (row, place, average), peaks in zip(some, find_modes_of([item[2] for item in some]), strict=True):
            moved[row][place], period = _follow(moved[row][place], average, peaks, end_ns[row])
            told[row].append(period)
    return [
        (AssetModes(tuple(groups), max(end // _DAY_NS, state.closed_day)), periods)
        for state, groups, end, periods in zip(states, moved, end_ns, told, strict=True)
    ]


def renew_reference(state: AssetModes) -> AssetModes:
    """Begin new references: it is another structure from now on, or a person has accepted what it has become."""
    return replace(
        state,
        groups=tuple(
            replace(
                group,
                tracks=group.tracks.without_reference(),
                reference=np.empty(0),
                reference_periods=0,
                reference_samples=0,
            )
            for group in state.groups
        ),
    )


def _close(group: RateGroup, closed_day: int, temperature_degc: float) -> RateGroup:
    """Put the days that ended into the period."""
    ended = [item for item in group.waiting if item[0] < closed_day]
    if not ended:
        return group
    lengths: dict[int, int] = {}
    for _, one in ended:
        lengths[one.samples] = lengths.get(one.samples, 0) + one.blocks
    # One length of block at a time: the one that most blocks have, and of those the longest.
    samples = max(lengths, key=lambda length: (lengths[length], length))
    period, begun_ns, warmth, warm_days = group.period, group.begun_ns, group.warmth, group.warm_days
    if period is None or period.samples != samples:
        period, warmth, warm_days = SpectrumSum.empty(group.sampling_rate_hz, samples), 0.0, 0
        begun_ns = min(day for day, one in ended if one.samples == samples) * _DAY_NS
    for _, one in ended:
        if one.samples == samples:
            period = period.join(one)
    if np.isfinite(temperature_degc):
        warmth, warm_days = warmth + temperature_degc, warm_days + 1
    waiting = tuple(item for item in group.waiting if item[0] >= closed_day)
    return replace(group, waiting=waiting, period=period, begun_ns=begun_ns, warmth=warmth, warm_days=warm_days)


def _is_complete(period: SpectrumSum, begun_ns: int, end_ns: int) -> bool:
    return period.blocks >= _ENOUGH_BLOCKS or end_ns - begun_ns >= _LONGEST_PERIOD_DAYS * _DAY_NS


def _begin(group: RateGroup) -> RateGroup:
    """Begin the next period."""
    return replace(group, period=None, begun_ns=0, warmth=0.0, warm_days=0)


def _follow(group: RateGroup, average: SpectrumSum, peaks: ModalPeaks, end_ns: int) -> tuple[RateGroup, ModalPeriod]:
    """Follow the modes of a complete period, and begin the next."""
    temperature_degc = group.warmth / group.warm_days if group.warm_days else float("nan")
    tracks, modes = follow_modes(group.tracks, peaks, time_ns=end_ns, temperature_degc=temperature_degc)
    density = average.density_per_hz()
    reference, periods = group.reference, group.reference_periods
    if group.reference_samples != average.samples:
        reference, periods = np.zeros(len(density)), 0
    if periods < _REFERENCE_PERIODS:
        periods += 1
        reference = reference + (density - reference) / periods
    begun = replace(
        _begin(group),
        tracks=tracks,
        reference=reference,
        reference_periods=periods,
        reference_samples=average.samples,
    )
    return begun, ModalPeriod(
        sampling_rate_hz=group.sampling_rate_hz,
        start_ns=group.begun_ns,
        end_ns=end_ns,
        blocks=average.blocks,
        temperature_degc=temperature_degc,
        modes=tuple(modes),
        peaks=peaks,
        bin_hz=average.bin_hz,
        density=density,
        reference=reference,
        reference_periods=periods,
    )
