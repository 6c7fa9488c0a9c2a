"""Natural frequencies and spectra as they are stored and served."""

from __future__ import annotations

from dataclasses import dataclass

from domain.identifiers import AssetId

__all__ = ["AveragedSpectrum", "ModePoint"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModePoint:
    """One mode of one structure in one period, which is one or more whole days (UTC).

    Attributes
    ----------
    mode : str
        Lasting name within the asset: sampling rate and number, such as `100-1`.
    start_ns, end_ns : int
        Of the period; the end is exclusive.
    blocks : int
        Waveforms that were averaged.
    temperature_degc : float or None
        Mean of the days; None where unknown.
    frequency_hz, compensated_hz : float
        Natural frequency as measured, and at 10 degrees Celsius.
    reference_hz : float or None
        Compensated level when the mode was first well known, or a person last renewed it; None before.
    damping_ratio : float
        In (0, 1).
    share : float
        Of the power of the waveforms.
    first_ns : int
        End of the first period that showed the mode.
    periods : int
        That showed it so far.
    """

    asset: AssetId
    mode: str
    start_ns: int
    end_ns: int
    blocks: int
    temperature_degc: float | None
    frequency_hz: float
    frequency_sd_hz: float
    compensated_hz: float
    compensated_sd_hz: float
    reference_hz: float | None
    reference_sd_hz: float | None
    damping_ratio: float
    damping_sd: float
    share: float
    first_ns: int
    periods: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AveragedSpectrum:
    """The newest averaged spectrum of one structure from one sampling rate.

    Attributes
    ----------
    start_ns, end_ns : int
        Of the period; the end is exclusive.
    blocks : int
        Waveforms that were averaged.
    temperature_degc : float or None
        Mean of the days; None where unknown.
    bin_hz : float
        Width of a bin; the first is at 0 Hz.
    density, reference : tuple of float
        Share of a waveform's power per hertz: this period, and the mean of the first ones.
    reference_periods : int
        Periods behind the reference.
    tones_hz : tuple of float
        Lines that were taken for machinery.
    """

    asset: AssetId
    sampling_rate_hz: float
    start_ns: int
    end_ns: int
    blocks: int
    temperature_degc: float | None
    bin_hz: float
    density: tuple[float, ...]
    reference: tuple[float, ...]
    reference_periods: int
    tones_hz: tuple[float, ...]
