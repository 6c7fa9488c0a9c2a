"""Modes followed over months: which peak of today is which mode of yesterday.

A mode is expected where its own slopes put it at today's temperature, with an uncertainty that grows while it is not
seen (`models.modal_filter`); temperature has a day's memory, as in the rest of the chain (`models.environment`). So
identities last through gaps, and through crossings of modes that answer differently. Peaks are given to modes all at
once, by the cheapest assignment; strength and damping count where frequencies leave it open. A frequency that jumped is
believed when nothing else explains the peak, and the mode stays itself.

A new peak is a candidate until it was seen again often enough; a mode that is not seen rests and may return.
*Compensated* is the measured frequency at 10 degrees Celsius: weather is taken out, damage is not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import FloatArray
from models.modal_filter import learn, predict, regressors, starting_state
from models.modal_memory import CONFIRMED_SEEN, LEVEL, SLOPE, ModeTracks
from models.modal_peaks import ModalPeaks
from models.warmth import MILD_DEGC

__all__ = ["MOST_TRACKS", "TrackedMode", "follow_modes"]

MOST_TRACKS: Final = 16
# What an averaged spectrum says beyond its own scatter: temperature within the period, traffic's mass.
_MODEL_SD: Final = 5e-4
# Without a thermometer today, temperature is as far from 10 degrees as it usually is, in tens of kelvins.
_USUAL_WARMTH: Final = 0.7

# A peak may be this many standard deviations or this share away and still be the mode.
_GATE_SD: Final = 5.0
# Frost unmeasured and damage both take a mode several per cent away; so far only if strength and damping are its own.
_GATE_SHARE: Final = 0.06
# A candidate has no name to lose, and noise must not look like one that moves.
_CANDIDATE_GATE_SHARE: Final = 0.01
_LOG_SHARE_SD: Final = 0.5
_LOG_DAMPING_SD: Final = 0.4
_MOST_CHARACTER: Final = 8.0
_UNASSIGNED: Final = 14.0
# Memory of strength and damping, in periods.
_MEMORY: Final = 0.1

_CANDIDATE_MISSES: Final = 3
_REFERENCE_SEEN: Final = 20


@dataclass(frozen=True, slots=True)
class TrackedMode:
    """One confirmed mode as one period showed it.

    Attributes
    ----------
    number : int
    frequency_hz, frequency_sd_hz : float
        Measured in this period, and its standard uncertainty.
    compensated_hz, compensated_sd_hz : float
        The same at 10 degrees Celsius, with what is not known of the slopes.
    damping_ratio, damping_sd : float
    share : float
        Of the blocks' power.
    reference_hz, reference_sd_hz : float
        Compensated level when the mode was first well known; NaN before.
    first_ns, last_ns : int
        Ends of the first and of this period.
    periods : int
        With this mode so far.
    """

    number: int
    frequency_hz: float
    frequency_sd_hz: float
    compensated_hz: float
    compensated_sd_hz: float
    damping_ratio: float
    damping_sd: float
    share: float
    reference_hz: float
    reference_sd_hz: float
    first_ns: int
    last_ns: int
    periods: int


def follow_modes(
    tracks: ModeTracks, peaks: ModalPeaks, *, time_ns: int, temperature_degc: float
) -> tuple[ModeTracks, list[TrackedMode]]:
    """Give the peaks of one period to the modes, and learn from them.

    Parameters
    ----------
    tracks : ModeTracks
        Not changed.
    peaks : ModalPeaks
        Of this period's averaged spectrum.
    time_ns : int
        End of the period; periods come in order.
    temperature_degc : float
        With a day's memory; NaN where unknown.

    Returns
    -------
    ModeTracks
    list of TrackedMode
        Confirmed modes that were seen, by number.
    """
    observed = np.log(peaks.frequency_hz)
    variance = (peaks.frequency_sd_hz / peaks.frequency_hz) ** 2 + _MODEL_SD**2
    tracks = predict(tracks, time_ns)
    warm = bool(np.isfinite(temperature_degc))
    row = regressors(temperature_degc if warm else MILD_DEGC)
    expected = tracks.mean @ row
    spread = np.einsum("i,mij,j->m", row, tracks.covariance, row)
    unknown = np.zeros(len(tracks))
    if not warm:
        # A structure that never had a thermometer shows weather in its noise; one whose is silent now does not.
        unknown = np.where(tracks.warmth_seen > 0, (_USUAL_WARMTH * tracks.mean[:, SLOPE]) ** 2, 0.0)
    mode, peak = _assign(tracks, expected, spread + unknown, observed, variance, peaks)
    own = variance[peak] * np.maximum(tracks.noise[mode], 1.0)
    more = _blur(tracks, expected, mode, peak, peaks) + unknown[mode]
    tracks = learn(tracks, mode, observed[peak] - expected[mode], own + more, spread[mode], row)
    tracks = _confirm(_take_note(tracks, mode, peak, peaks, time_ns, warm=warm))
    told = _tell(tracks, mode, peak, peaks, own, more, row, time_ns)
    tracks = _forget(_births(tracks, peak, peaks, time_ns, row, warm=warm))
    return replace(tracks, time_ns=time_ns), told


def _assign(
    tracks: ModeTracks,
    expected: FloatArray,
    spread: FloatArray,
    observed: FloatArray,
    variance: FloatArray,
    peaks: ModalPeaks,
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Give peaks to modes so that all of them together are the least surprising."""
    if not len(tracks) or not len(observed):
        nothing = np.empty(0, np.intp)
        return nothing, nothing
    apart = observed - expected[:, np.newaxis]
    total = spread[:, np.newaxis] + variance * np.maximum(tracks.noise, 1.0)[:, np.newaxis]
    # Heavy tails: a mode that jumped is still likelier than one that vanished beside one that appeared.
    cost = 5.0 * np.log1p(apart**2 / total / 4.0) + np.log(total / total.min())
    character = ((np.log(peaks.share) - tracks.log_share[:, np.newaxis]) / _LOG_SHARE_SD) ** 2
    uncertain = _LOG_DAMPING_SD**2 + (peaks.damping_sd / peaks.damping_ratio) ** 2
    character += (np.log(peaks.damping_ratio) - tracks.log_damping[:, np.newaxis]) ** 2 / uncertain
    cost = cost + np.minimum(character, _MOST_CHARACTER)
    # Candidates stand behind modes.
    cost += np.where(tracks.number > 0, 0.0, 2.0)[:, np.newaxis]
    is_mode = (tracks.number > 0)[:, np.newaxis]
    known = np.maximum(_GATE_SD * np.sqrt(total), _GATE_SHARE)
    far = np.abs(apart) > np.where(is_mode, known, _CANDIDATE_GATE_SHARE)
    limit = 2.0 * _UNASSIGNED
    cost = np.where(far, limit, np.minimum(cost, limit))
    from scipy import optimize  # noqa: PLC0415 -- as in `models.modal_peaks`

    mode, peak = optimize.linear_sum_assignment(cost)
    kept = cost[mode, peak] < limit
    return mode[kept], peak[kept]


def _blur(
    tracks: ModeTracks,
    expected: FloatArray,
    mode: npt.NDArray[np.intp],
    peak: npt.NDArray[np.intp],
    peaks: ModalPeaks,
) -> FloatArray:
    """Variance for peaks in which another mode may hide: one that is expected within the peak and got none itself."""
    hidden = np.setdiff1d(np.flatnonzero((tracks.number > 0) & ~tracks.rests), mode)
    if not len(hidden) or not len(peak):
        return np.zeros(len(peak))
    width = (peaks.width_hz / peaks.frequency_hz)[peak]
    near = np.abs(expected[hidden][np.newaxis, :] - expected[mode][:, np.newaxis]) < 2.0 * width[:, np.newaxis]
    return np.where(near.any(axis=1), width**2, 0.0)


def _take_note(
    tracks: ModeTracks,
    mode: npt.NDArray[np.intp],
    peak: npt.NDArray[np.intp],
    peaks: ModalPeaks,
    time_ns: int,
    *,
    warm: bool,
) -> ModeTracks:
    """Remember who was seen, how strong and how damped."""
    seen, missed, last_ns = tracks.seen.copy(), tracks.missed + 1, tracks.last_ns.copy()
    log_share, log_damping = tracks.log_share.copy(), tracks.log_damping.copy()
    warmth_seen = tracks.warmth_seen.copy()
    settled = tracks.settled.copy()
    seen[mode] += 1
    settled[mode] += 1
    missed[mode] = 0
    last_ns[mode] = time_ns
    warmth_seen[mode] += int(warm)
    share = np.maximum(1.0 / seen[mode], _MEMORY)
    log_share[mode] += share * (np.log(peaks.share[peak]) - log_share[mode])
    log_damping[mode] += share * (np.log(peaks.damping_ratio[peak]) - log_damping[mode])
    well = mode[(tracks.number[mode] > 0) & (settled[mode] >= _REFERENCE_SEEN) & np.isnan(tracks.reference[mode])]
    reference, reference_sd = tracks.reference.copy(), tracks.reference_sd.copy()
    reference[well] = tracks.mean[well, LEVEL]
    reference_sd[well] = np.sqrt(tracks.covariance[well, LEVEL, LEVEL])
    return replace(
        tracks,
        seen=seen,
        missed=missed,
        last_ns=last_ns,
        warmth_seen=warmth_seen,
        settled=settled,
        log_share=log_share,
        log_damping=log_damping,
        reference=reference,
        reference_sd=reference_sd,
    )


def _births(
    tracks: ModeTracks,
    peak: npt.NDArray[np.intp],
    peaks: ModalPeaks,
    time_ns: int,
    row: FloatArray,
    *,
    warm: bool,
) -> ModeTracks:
    """Put the peaks that nobody claims behind the modes, as candidates."""
    new = np.setdiff1d(np.arange(len(peaks)), peak)
    if not len(new):
        return tracks
    count = len(new)
    variance = (peaks.frequency_sd_hz[new] / peaks.frequency_hz[new]) ** 2 + _MODEL_SD**2
    mean, covariance = starting_state(peaks.frequency_hz[new], variance, row)
    born = ModeTracks(
        number=np.zeros(count, np.int64),
        mean=mean,
        covariance=covariance,
        noise=np.ones(count),
        log_share=np.log(peaks.share[new]),
        log_damping=np.log(peaks.damping_ratio[new]),
        warmth_seen=np.full(count, int(warm), np.int64),
        seen=np.ones(count, np.int64),
        missed=np.zeros(count, np.int64),
        first_ns=np.full(count, time_ns, np.int64),
        last_ns=np.full(count, time_ns, np.int64),
        settled=np.ones(count, np.int64),
        reference=np.full(count, np.nan),
        reference_sd=np.full(count, np.nan),
    )
    return tracks.joined(born)


def _forget(tracks: ModeTracks) -> ModeTracks:
    """Let go of candidates that did not come back, and of the weakest when there are too many."""
    candidate = tracks.number == 0
    kept = ~(candidate & ((tracks.missed >= _CANDIDATE_MISSES) | (tracks.missed > tracks.seen)))
    rank = np.lexsort((np.arange(len(tracks)), -tracks.seen, tracks.missed, candidate))
    rank = rank[kept[rank]][:MOST_TRACKS]
    kept = np.zeros(len(tracks), np.bool_)
    kept[rank] = True
    if kept.all():
        return tracks
    return tracks.only(kept)


def _confirm(tracks: ModeTracks) -> ModeTracks:
    """Give numbers to candidates that were seen often enough, by frequency."""
    due = np.flatnonzero((tracks.number == 0) & (tracks.seen >= CONFIRMED_SEEN))
    if not len(due):
        return tracks
    due = due[np.argsort(tracks.mean[due, LEVEL], kind="stable")]
    number = tracks.number.copy()
    number[due] = tracks.given + 1 + np.arange(len(due))
    return replace(tracks, number=number, given=tracks.given + len(due))


def _tell(
    tracks: ModeTracks,
    mode: npt.NDArray[np.intp],
    peak: npt.NDArray[np.intp],
    peaks: ModalPeaks,
    own: FloatArray,
    more: FloatArray,
    row: FloatArray,
    time_ns: int,
) -> list[TrackedMode]:
    """Say what the period showed of each confirmed mode."""
    slopes = tracks.mean[mode, SLOPE:] @ row[SLOPE:]
    of_slopes = np.einsum("i,mij,j->m", row[SLOPE:], tracks.covariance[mode][:, SLOPE:, SLOPE:], row[SLOPE:])
    frequency = peaks.frequency_hz[peak]
    compensated = np.exp(np.log(frequency) - slopes)
    compensated_sd = compensated * np.sqrt(own + more + of_slopes)
    told = [
        TrackedMode(
            number=int(tracks.number[one]),
            frequency_hz=float(frequency[place]),
            frequency_sd_hz=float(frequency[place] * np.sqrt(own[place])),
            compensated_hz=float(compensated[place]),
            compensated_sd_hz=float(compensated_sd[place]),
            damping_ratio=float(peaks.damping_ratio[peak[place]]),
            damping_sd=float(peaks.damping_sd[peak[place]]),
            share=float(peaks.share[peak[place]]),
            reference_hz=float(np.exp(tracks.reference[one])),
            reference_sd_hz=float(np.exp(tracks.reference[one]) * tracks.reference_sd[one]),
            first_ns=int(tracks.first_ns[one]),
            last_ns=time_ns,
            periods=int(tracks.seen[one]),
        )
        for place, one in enumerate(mode.tolist())
        if tracks.number[one] > 0
    ]
    return sorted(told, key=lambda row: row.number)
