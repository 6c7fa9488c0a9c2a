"""Modes followed over months: which peak of today is which mode of yesterday, and what temperature does to it.

Each mode is a Kalman filter on the logarithm of its natural frequency. Its level wanders, its rate of change fades
within two months, and two slopes say how it answers to temperature, above and below freezing, with a day's memory as
in the rest of the chain (`models.environment`). So a mode is expected where its own slopes put it at today's
temperature, with an uncertainty that grows while it is not seen: identities last through gaps, and through crossings of
modes that answer differently. Peaks are given to modes all at once, by the cheapest assignment; strength and damping
count where frequencies leave it open. A frequency that jumped is believed when nothing else explains the peak: the
level is let go, so that the slopes do not take damage for weather, and the mode stays itself.

A new peak is a candidate until it was seen again often enough; a mode that is not seen rests and may return. Noise
beyond the peaks' own uncertainty is learned from each mode's innovations, so that what is served is as uncertain as it
proved to be. *Compensated* is the measured frequency at 10 degrees Celsius: weather is taken out, damage is not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import optimize

from domain.arrays import BoolArray, FloatArray
from domain.errors import ShapeError
from models.modal_peaks import ModalPeaks

__all__ = ["MOST_TRACKS", "ModeTracks", "TrackedMode", "follow_modes"]

MOST_TRACKS: Final = 16
_DAY_S: Final = 86_400.0

# The filter's state: logarithm of the level at 10 degrees, its rate a day, slopes per 10 K and per 5 K of frost.
_STATES: Final = 4
_LEVEL, _RATE, _SLOPE, _FROST = range(_STATES)
# Frequencies move by up to 0.2 % a kelvin, and by several percent when asphalt freezes (Peeters and De Roeck, Earthq.
# Eng. Struct. Dyn. 30, 2001, 149-171).
_SLOPE_SD: Final = np.array([0.02, 0.02])
_RATE_SD_DAY: Final = 5e-5
_RATE_MEMORY_DAYS: Final = 60.0
_WANDER_PER_DAY: Final = 4e-4
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
_JUMP_SD: Final = 4.0
_LOG_SHARE_SD: Final = 0.5
_LOG_DAMPING_SD: Final = 0.4
_MOST_CHARACTER: Final = 8.0
_UNASSIGNED: Final = 14.0
# Memory of strength, damping and noise, in periods.
_MEMORY: Final = 0.1
_INNOVATION_MEMORY: Final = 0.04
_LARGEST_INNOVATION: Final = 9.0

_CONFIRMED_SEEN: Final = 4
_CANDIDATE_MISSES: Final = 3
_RESTS_AFTER: Final = 5
_REFERENCE_SEEN: Final = 20


@dataclass(frozen=True, slots=True, eq=False)
class ModeTracks:
    """The modes of one structure, `M` rows, confirmed or not.

    Attributes
    ----------
    number : int64[M]
        Lasting number of a confirmed mode, from 1; 0 for a candidate.
    mean, covariance : float64[M, 4], float64[M, 4, 4]
        Of the filter: logarithm of the level in Hz, rate a day, slopes.
    noise : float64[M]
        Mean square of the standardised innovations, at least 1 where it is used.
    log_share, log_damping : float64[M]
        Usual strength and damping ratio.
    warmth_seen : int64[M]
        Periods with a thermometer.
    seen, missed : int64[M]
        Periods with this mode, and periods without it since the last.
    first_ns, last_ns : int64[M]
        Ends of the first and the last period with it.
    settled : int64[M]
        Periods with it since a reference was asked for.
    reference, reference_sd : float64[M]
        Level when it was first well known, and its standard uncertainty; NaN before.
    time_ns : int
        End of the last period; 0 before the first.
    given : int
        Numbers given so far.
    """

    number: npt.NDArray[np.int64]
    mean: FloatArray
    covariance: FloatArray
    noise: FloatArray
    log_share: FloatArray
    log_damping: FloatArray
    warmth_seen: npt.NDArray[np.int64]
    seen: npt.NDArray[np.int64]
    missed: npt.NDArray[np.int64]
    first_ns: npt.NDArray[np.int64]
    last_ns: npt.NDArray[np.int64]
    settled: npt.NDArray[np.int64]
    reference: FloatArray
    reference_sd: FloatArray
    time_ns: int = 0
    given: int = 0

    @classmethod
    def empty(cls) -> ModeTracks:
        """Give no modes."""
        whole: dict[str, Any] = {name: np.zeros((0, *shape), dtype) for name, (dtype, shape) in _COLUMNS.items()}
        return cls(**whole)

    def __len__(self) -> int:
        return len(self.number)

    @property
    def rests(self) -> BoolArray:
        """bool[M]: not seen for some periods."""
        return np.asarray(self.missed >= _RESTS_AFTER)

    def without_reference(self) -> ModeTracks:
        """Give the same modes, whose reference level is still to be found."""
        unknown = np.full(len(self), np.nan)
        return replace(self, reference=unknown, reference_sd=unknown, settled=np.zeros(len(self), np.int64))

    def encode(self) -> bytes:
        """Write the tracks, little-endian."""
        head = np.array([len(self), self.time_ns, self.given], "<i8").tobytes()
        return head + b"".join(
            np.ascontiguousarray(getattr(self, name)).astype(dtype.newbyteorder("<")).tobytes()
            for name, (dtype, _) in _COLUMNS.items()
        )

    @classmethod
    def decode(cls, data: bytes) -> ModeTracks:
        """Read what `encode` wrote, to the bit.

        Raises
        ------
        ShapeError
            If the bytes are not as long as their head says.
        """
        width = sum(dtype.itemsize * int(np.prod(shape)) for dtype, shape in _COLUMNS.values())
        count, time_ns, given = np.frombuffer(data[:24], "<i8").tolist() if len(data) >= 24 else (-1, 0, 0)  # noqa: PLR2004
        if len(data) != 24 + count * width:
            raise ShapeError(f"got {len(data)} bytes of modes, expected 24 and {width} a mode")
        columns: dict[str, Any] = {}
        offset = 24
        for name, (dtype, shape) in _COLUMNS.items():
            size = dtype.itemsize * count * int(np.prod(shape))
            part = np.frombuffer(data[offset : offset + size], dtype.newbyteorder("<"))
            columns[name] = part.astype(dtype).reshape(count, *shape)
            offset += size
        return cls(**columns, time_ns=time_ns, given=given)


_FLOAT: Final = np.dtype(np.float64)
_INTEGER: Final = np.dtype(np.int64)
_COLUMNS: Final[dict[str, tuple[np.dtype[Any], tuple[int, ...]]]] = {
    "number": (_INTEGER, ()),
    "mean": (_FLOAT, (_STATES,)),
    "covariance": (_FLOAT, (_STATES, _STATES)),
    "noise": (_FLOAT, ()),
    "log_share": (_FLOAT, ()),
    "log_damping": (_FLOAT, ()),
    "warmth_seen": (_INTEGER, ()),
    "seen": (_INTEGER, ()),
    "missed": (_INTEGER, ()),
    "first_ns": (_INTEGER, ()),
    "last_ns": (_INTEGER, ()),
    "settled": (_INTEGER, ()),
    "reference": (_FLOAT, ()),
    "reference_sd": (_FLOAT, ()),
}


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
    tracks = _predict(tracks, time_ns)
    warm = bool(np.isfinite(temperature_degc))
    row = _regressors(temperature_degc if warm else 10.0)
    expected = tracks.mean @ row
    spread = np.einsum("i,mij,j->m", row, tracks.covariance, row)
    unknown = np.zeros(len(tracks))
    if not warm:
        # A structure that never had a thermometer shows weather in its noise; one whose is silent now does not.
        unknown = np.where(tracks.warmth_seen > 0, (_USUAL_WARMTH * tracks.mean[:, _SLOPE]) ** 2, 0.0)
    mode, peak = _assign(tracks, expected, spread + unknown, observed, variance, peaks)
    own = variance[peak] * np.maximum(tracks.noise[mode], 1.0)
    more = _blur(tracks, expected, mode, peak, peaks) + unknown[mode]
    tracks = _learn(tracks, mode, observed[peak] - expected[mode], own + more, spread[mode], row)
    tracks = _confirm(_take_note(tracks, mode, peak, peaks, time_ns, warm=warm))
    told = _tell(tracks, mode, peak, peaks, own, more, row, time_ns)
    tracks = _forget(_births(tracks, peak, peaks, time_ns, row, warm=warm))
    return replace(tracks, time_ns=time_ns), told


def _regressors(temperature_degc: float) -> FloatArray:
    return np.array([1.0, 0.0, (temperature_degc - 10.0) / 10.0, min(temperature_degc, 0.0) / 5.0])


def _predict(tracks: ModeTracks, time_ns: int) -> ModeTracks:
    """Move the filters on to the end of the period."""
    days = max(time_ns - tracks.time_ns, 0) / 1e9 / _DAY_S if tracks.time_ns else 0.0
    if not days or not len(tracks):
        return tracks
    fades = float(np.exp(-days / _RATE_MEMORY_DAYS))
    step = np.eye(_STATES)
    step[_RATE, _RATE] = fades
    # A rate that fades moves the level by its integral.
    step[_LEVEL, _RATE] = _RATE_MEMORY_DAYS * (1.0 - fades)
    covariance = step @ tracks.covariance @ step.T
    covariance[:, _RATE, _RATE] += _RATE_SD_DAY**2 * (1.0 - fades**2)
    covariance[:, _LEVEL, _LEVEL] += _WANDER_PER_DAY**2 * days
    return replace(tracks, mean=tracks.mean @ step.T, covariance=covariance)


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


def _learn(
    tracks: ModeTracks,
    mode: npt.NDArray[np.intp],
    innovation: FloatArray,
    measured: FloatArray,
    spread: FloatArray,
    row: FloatArray,
) -> ModeTracks:
    """Fold the peaks into the filters of their modes."""
    if not len(mode):
        return tracks
    mean, covariance, noise = tracks.mean.copy(), tracks.covariance.copy(), tracks.noise.copy()
    jumped = innovation**2 > _JUMP_SD**2 * (spread + measured)
    covariance[mode, _LEVEL, _LEVEL] += np.where(jumped, innovation**2, 0.0)
    reach = covariance[mode] @ row
    total = reach @ row + measured
    gain = reach / total[:, np.newaxis]
    mean[mode] += gain * innovation[:, np.newaxis]
    after = covariance[mode] - gain[:, :, np.newaxis] * reach[:, np.newaxis, :]
    covariance[mode] = 0.5 * (after + after.transpose(0, 2, 1))
    # Against the peaks' own uncertainty, as the filter knows its own.
    square = np.minimum(innovation**2 / (spread + measured), _LARGEST_INNOVATION)
    wanted = np.maximum(tracks.noise[mode], 1.0) * square
    settled = (tracks.seen[mode] > _CONFIRMED_SEEN) & ~jumped
    noise[mode] += np.where(settled, _INNOVATION_MEMORY * (wanted - noise[mode]), 0.0)
    return replace(tracks, mean=mean, covariance=covariance, noise=noise)


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
    reference[well] = tracks.mean[well, _LEVEL]
    reference_sd[well] = np.sqrt(tracks.covariance[well, _LEVEL, _LEVEL])
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
    covariance = np.zeros((count, _STATES, _STATES))
    level = (peaks.frequency_sd_hz[new] / peaks.frequency_hz[new]) ** 2 + _MODEL_SD**2
    slopes = row[_SLOPE:]
    # The level at 10 degrees is as uncertain as the slopes are at today's temperature, and goes with them.
    covariance[:, _LEVEL, _LEVEL] = level + np.sum((_SLOPE_SD * slopes) ** 2)
    covariance[:, _LEVEL, _SLOPE:] = covariance[:, _SLOPE:, _LEVEL] = -(_SLOPE_SD**2) * slopes
    covariance[:, _RATE, _RATE] = _RATE_SD_DAY**2
    covariance[:, [_SLOPE, _FROST], [_SLOPE, _FROST]] = _SLOPE_SD**2
    mean = np.zeros((count, _STATES))
    mean[:, _LEVEL] = np.log(peaks.frequency_hz[new])
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
    joined: dict[str, Any] = {name: np.concatenate([getattr(tracks, name), getattr(born, name)]) for name in _COLUMNS}
    return replace(tracks, **joined)


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
    left: dict[str, Any] = {name: getattr(tracks, name)[kept] for name in _COLUMNS}
    return replace(tracks, **left)


def _confirm(tracks: ModeTracks) -> ModeTracks:
    """Give numbers to candidates that were seen often enough, by frequency."""
    due = np.flatnonzero((tracks.number == 0) & (tracks.seen >= _CONFIRMED_SEEN))
    if not len(due):
        return tracks
    due = due[np.argsort(tracks.mean[due, _LEVEL], kind="stable")]
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
    slopes = tracks.mean[mode, _SLOPE:] @ row[_SLOPE:]
    of_slopes = np.einsum("i,mij,j->m", row[_SLOPE:], tracks.covariance[mode][:, _SLOPE:, _SLOPE:], row[_SLOPE:])
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
