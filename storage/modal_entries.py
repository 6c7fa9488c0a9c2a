"""What the journal says of modes: with a batch the spectra of its blocks, with a day's end what they show."""

from __future__ import annotations

import msgspec

from domain.identifiers import AssetId

__all__ = ["ModePeriod", "ModeValue", "SpectrumNote"]


class SpectrumNote(msgspec.Struct, array_like=True, frozen=True):
    """The spectrum of one accepted block.

    Attributes
    ----------
    channel : int
        The journal's number of one channel that is computed from the block.
    time_ns : int
        Of its first sample.
    sampling_rate_hz : float
    samples : int
    kurtosis : float
    shares : bytes
        float16, see `models.modal_spectra.block_shares`.
    """

    channel: int
    time_ns: int
    sampling_rate_hz: float
    samples: int
    kurtosis: float
    shares: bytes


class ModeValue(msgspec.Struct, frozen=True, kw_only=True):
    """One mode in one period, see `models.modal_tracks.TrackedMode`."""

    number: int
    frequency_hz: float
    frequency_sd_hz: float
    compensated_hz: float
    compensated_sd_hz: float
    damping_ratio: float
    damping_sd: float
    share: float
    reference_hz: float | None
    reference_sd_hz: float | None
    first_ns: int
    periods: int


class ModePeriod(msgspec.Struct, frozen=True, kw_only=True):
    """What the blocks of one sampling rate showed of one structure, see `models.modal.ModalPeriod`.

    `density` and `reference` are float32, a bin each from 0 Hz on.
    """

    asset: AssetId
    sampling_rate_hz: float
    start_ns: int
    end_ns: int
    blocks: int
    temperature_degc: float | None
    bin_hz: float
    density: bytes
    reference: bytes
    reference_periods: int
    tones_hz: list[float]
    modes: list[ModeValue]
