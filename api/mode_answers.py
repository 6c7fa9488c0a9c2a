"""Stored modes and spectra turned into answers."""

from __future__ import annotations

from api.answers import age_seconds
from api.schemas_modes import ModeItem, SpectrumItem
from api.times import rfc3339
from domain.modes import AveragedSpectrum, ModePoint

__all__ = ["mode_item", "spectrum_item"]

# A spectrum scatters by several per cent; more digits would only be sent.
_DIGITS = 5


def mode_item(point: ModePoint, now_ns: int) -> ModeItem:
    """Answer with one mode in one period."""
    return ModeItem(
        mode=point.mode,
        start=rfc3339(point.start_ns),
        end=rfc3339(point.end_ns),
        blocks=point.blocks,
        temperature_degc=point.temperature_degc,
        frequency_hz=point.frequency_hz,
        frequency_uncertainty_hz=point.frequency_sd_hz,
        compensated_hz=point.compensated_hz,
        compensated_uncertainty_hz=point.compensated_sd_hz,
        reference_hz=point.reference_hz,
        reference_uncertainty_hz=point.reference_sd_hz,
        damping_ratio=point.damping_ratio,
        damping_uncertainty=point.damping_sd,
        share=point.share,
        first_seen=rfc3339(point.first_ns),
        periods=point.periods,
        data_age_seconds=age_seconds(point.end_ns, now_ns),
    )


def spectrum_item(spectrum: AveragedSpectrum, now_ns: int) -> SpectrumItem:
    """Answer with one averaged spectrum."""
    return SpectrumItem(
        sampling_rate_hz=spectrum.sampling_rate_hz,
        start=rfc3339(spectrum.start_ns),
        end=rfc3339(spectrum.end_ns),
        blocks=spectrum.blocks,
        temperature_degc=spectrum.temperature_degc,
        bin_hz=spectrum.bin_hz,
        density_per_hz=[_rounded(value) for value in spectrum.density],
        reference_per_hz=[_rounded(value) for value in spectrum.reference],
        reference_periods=spectrum.reference_periods,
        tones_hz=list(spectrum.tones_hz),
        data_age_seconds=age_seconds(spectrum.end_ns, now_ns),
    )


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
