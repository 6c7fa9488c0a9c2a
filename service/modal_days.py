"""Spectra of blocks on their way from a batch to the modes of a structure, and what a day's end tells of them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

import numpy as np

from domain.arrays import FloatArray, ReadingColumns, ReadingFlag
from domain.identifiers import AssetId
from models.explanation import temperature_of
from models.modal import AssetModes, BlockSpectrum, ModalPeriod, end_day
from service.day_rows import DayBlock
from storage.modal_entries import ModePeriod, ModeValue, SpectrumNote

__all__ = ["block_spectra", "close_modes", "modes_digest", "new_spectra"]

_NOT_BELIEVED = np.uint8(ReadingFlag.BAD_CLOCK | ReadingFlag.CLAIMED)


def new_spectra(spectra: Sequence[SpectrumNote], accepted: ReadingColumns) -> list[SpectrumNote]:
    """Keep the spectra of blocks whose readings were new and whose time is believed, each once."""
    if not spectra:
        return []
    mine = np.isin(accepted.channel, [note.channel for note in spectra])
    believed = accepted.take(mine & ((accepted.flags & _NOT_BELIEVED) == 0))
    left = set(zip(believed.channel.tolist(), believed.time_ns.tolist(), strict=True))
    kept = []
    for note in spectra:
        key = (note.channel, note.time_ns)
        if key in left:
            left.remove(key)
            kept.append(note)
    return kept


def block_spectra(
    notes: Sequence[SpectrumNote], owners: Sequence[AssetId | None]
) -> dict[AssetId, list[BlockSpectrum]]:
    """Sort spectra by structure; those of no structure are left out."""
    found: dict[AssetId, list[BlockSpectrum]] = {}
    for note, owner in zip(notes, owners, strict=True):
        if owner is not None:
            shares = np.frombuffer(note.shares, "<f2").astype(np.float16, copy=False)
            block = BlockSpectrum(note.time_ns, note.sampling_rate_hz, note.samples, note.kurtosis, shares)
            found.setdefault(owner, []).append(block)
    return found


def close_modes(
    modes: Mapping[AssetId, AssetModes], changed: dict[AssetId, AssetModes], block: DayBlock, day_end_ns: int
) -> list[ModePeriod]:
    """Close a day of the structures whose day ended.

    Parameters
    ----------
    modes : mapping of AssetId to AssetModes
        As they are; not changed.
    changed : dict of AssetId to AssetModes
        What the plan has changed so far; written into.
    block : DayBlock
        The structures, and the first stage as it was at the day's end.

    Returns
    -------
    list of ModePeriod
    """
    told = []
    for row, asset in enumerate(block.catalogue.assets):
        state = changed.get(asset) or modes.get(asset)
        if state is None or not state.waits:
            continue
        # Silent thermometers explain nothing; the day's memory is what the rest of the chain goes by.
        known = math.isfinite(temperature_of(block.state, row, day_end_ns))
        temperature_degc = float(block.state.lagged[row, 0]) if known else math.nan
        changed[asset], periods = end_day(state, end_ns=day_end_ns, temperature_degc=temperature_degc)
        told += [_told(asset, period) for period in periods]
    return told


def modes_digest(modes: Mapping[AssetId, AssetModes]) -> str:
    """Give one hash over the modes of all structures."""
    whole = hashlib.sha256()
    for asset in sorted(modes):
        whole.update(asset.encode() + b"\n" + modes[asset].encode())
    return whole.hexdigest()


def _told(asset: AssetId, period: ModalPeriod) -> ModePeriod:
    return ModePeriod(
        asset=asset,
        sampling_rate_hz=period.sampling_rate_hz,
        start_ns=period.start_ns,
        end_ns=period.end_ns,
        blocks=period.blocks,
        temperature_degc=_known(period.temperature_degc),
        bin_hz=period.bin_hz,
        density=_packed(period.density),
        reference=_packed(period.reference),
        reference_periods=period.reference_periods,
        tones_hz=period.peaks.tones_hz.tolist(),
        modes=[
            ModeValue(
                number=mode.number,
                frequency_hz=mode.frequency_hz,
                frequency_sd_hz=mode.frequency_sd_hz,
                compensated_hz=mode.compensated_hz,
                compensated_sd_hz=mode.compensated_sd_hz,
                damping_ratio=mode.damping_ratio,
                damping_sd=mode.damping_sd,
                share=mode.share,
                reference_hz=_known(mode.reference_hz),
                reference_sd_hz=_known(mode.reference_sd_hz),
                first_ns=mode.first_ns,
                periods=mode.periods,
            )
            for mode in period.modes
        ],
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _packed(values: FloatArray) -> bytes:
    return values.astype("<f4").tobytes()
