"""What the API answers about natural frequencies and spectra."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.schemas import Answer, Time

__all__ = ["ModeItem", "SpectrumItem"]


class ModeItem(Answer):
    """One mode of one asset in one period of whole days; uncertainties are standard uncertainties (one sigma)."""

    mode: Annotated[
        str,
        Field(
            description="Lasting name within the asset: sampling rate in hertz, and number of the mode, which is "
            "followed over the years.",
            examples=["100-1"],
        ),
    ]
    start: Annotated[Time, Field(description="Start of the period, event time, UTC.")]
    end: Annotated[Time, Field(description="End of the period, exclusive.")]
    blocks: Annotated[int, Field(description="Waveforms of all sensors that were averaged.")]
    temperature_degc: Annotated[
        float | None, Field(description="Of the structure, mean of the period's days, in °C; null: not known.")
    ]
    frequency_hz: Annotated[float, Field(description="Natural frequency as measured, in Hz.")]
    frequency_uncertainty_hz: Annotated[float, Field(description="Its standard uncertainty, in Hz.")]
    compensated_hz: Annotated[
        float, Field(description="The same at 10 °C by what was learned of this mode: weather taken out, damage not.")
    ]
    compensated_uncertainty_hz: Annotated[float, Field(description="Its standard uncertainty, in Hz.")]
    reference_hz: Annotated[
        float | None,
        Field(description="Compensated level once it was well known, or since a person renewed it; null: not yet."),
    ]
    reference_uncertainty_hz: Annotated[float | None, Field(description="Its standard uncertainty, in Hz.")]
    damping_ratio: Annotated[float, Field(description="Share of critical damping, between 0 and 1.")]
    damping_uncertainty: Annotated[float, Field(description="Its standard uncertainty.")]
    share: Annotated[float, Field(description="Share of the waveforms' power in this mode, between 0 and 1.")]
    first_seen: Annotated[Time, Field(description="End of the first period that showed this mode.")]
    periods: Annotated[int, Field(description="Periods that showed it so far.")]
    data_age_seconds: Annotated[float, Field(description="The service's now minus `end`.")]


class SpectrumItem(Answer):
    """The newest averaged spectrum of an asset's waveforms of one sampling rate, beside its first ones."""

    sampling_rate_hz: Annotated[float, Field(description="Of the waveforms, in Hz.")]
    start: Annotated[Time, Field(description="Start of the period, event time, UTC.")]
    end: Annotated[Time, Field(description="End of the period, exclusive.")]
    blocks: Annotated[int, Field(description="Waveforms of all sensors that were averaged.")]
    temperature_degc: Annotated[
        float | None, Field(description="Of the structure, mean of the period's days, in °C; null: not known.")
    ]
    bin_hz: Annotated[float, Field(description="Width of a bin in Hz; the first is at 0 Hz.")]
    density_per_hz: Annotated[
        list[float],
        Field(description="Share of a waveform's power in each hertz, by bin; every waveform counts alike."),
    ]
    reference_per_hz: Annotated[
        list[float], Field(description="Mean of the same over the first periods, or since a person renewed it.")
    ]
    reference_periods: Annotated[int, Field(description="Periods behind the reference, at most 30.")]
    tones_hz: Annotated[list[float], Field(description="Lines that were taken for machinery or mains, not for modes.")]
    data_age_seconds: Annotated[float, Field(description="The service's now minus `end`.")]
