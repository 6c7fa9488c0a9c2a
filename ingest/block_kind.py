"""Where a waveform goes, and what its blocks have in common: plain records."""

from __future__ import annotations

from typing import NamedTuple

from domain.identifiers import AssetId, SensorId
from ingest.formats.project import SampleEncoding

__all__ = ["BlockKind", "WaveformSlot"]


class WaveformSlot(NamedTuple):
    """Where the features of one sensor's waveform on one axis go.

    Attributes
    ----------
    unit : str
        Unit that the samples are decoded into; empty: as they come, since no channel asks for it.
    numbers : bytes
        int32: the journal's channel number for each of `domain.register.WAVEFORM_CHANNELS`; -1 where the register
        does not have that one. As bytes they take a quarter of what a tuple does, and join at once.
    factors : tuple of float
        What each feature, computed from samples in `unit`, is multiplied by to be in its register's unit.
    """

    asset: AssetId
    sensor: SensorId
    axis: str
    unit: str
    numbers: bytes
    factors: tuple[float, ...]


class BlockKind(NamedTuple):
    """What blocks of one sensor have in common from one to the next, with their place in the register.

    Attributes
    ----------
    factor, offset : float
        From raw samples to `slot.unit`.
    flags : int
        `ReadingFlag` bits that all of them have.
    clipped : bool
        The gateway itself said so.
    """

    slot: WaveformSlot
    encoding: SampleEncoding
    length: int
    sampling_rate_hz: float
    factor: float
    offset: float
    flags: int
    clipped: bool
