"""The modes of all structures as entries of the journal change them, and what the end of a day tells of them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from domain.arrays import FloatArray, ReadingColumns, ReadingFlag
from domain.identifiers import AssetId, ChannelKey
from domain.measurements import DataQuality
from domain.register import Register
from models.explanation import temperature_of
from models.hop_clock import NEVER_NS
from models.hops import HopTracker, Round
from models.modal import AssetModes, BlockSpectrum, ModalPeriod, end_days, renew_reference, take_blocks
from service.mode_feeds import ModeFeeds
from service.outcomes import DAY_NS
from service.stepping import Stepper
from storage.entries import SensorChange
from storage.modal_entries import ModePeriod, ModeValue, SpectrumNote

__all__ = ["ModeBook", "ModePlan", "new_spectra"]

_NOT_BELIEVED: Final = np.uint8(ReadingFlag.BAD_CLOCK | ReadingFlag.CLAIMED)


class ModeBook:
    """What is known of the modes of each structure, and which channels of the register ask for them.

    Parameters
    ----------
    register : Register
    numbers : mapping of ChannelKey to int
        The journal's lasting number of every channel of the register.
    states : mapping of AssetId to AssetModes, optional
        What is known already; those that are not in the register are left out.
    """

    def __init__(
        self,
        register: Register,
        numbers: Mapping[ChannelKey, int],
        states: Mapping[AssetId, AssetModes] | None = None,
    ) -> None:
        kept = {asset.id for asset in register.assets}
        self.states: dict[AssetId, AssetModes] = {
            asset: state for asset, state in (states or {}).items() if asset in kept
        }
        self.feeds = ModeFeeds(register, numbers)

    def take(self, tracker: HopTracker, spectra: Sequence[SpectrumNote]) -> None:
        """Add the spectra of accepted blocks to the days of their structures; a closed day is closed."""
        rows = tracker.rows_of(np.asarray([note.channel for note in spectra], np.int32)).tolist()
        blocks: dict[int, list[BlockSpectrum]] = {}
        for note, row in zip(spectra, rows, strict=True):
            if row >= 0:
                blocks.setdefault(int(tracker.catalogue.asset_of_channel[row]), []).append(_block(note))
        for place, members in blocks.items():
            asset = tracker.catalogue.assets[place]
            closed_day = max(int(tracker.frontier_ns[place]) // DAY_NS, 0)
            self.states[asset] = take_blocks(self.states.get(asset, AssetModes(closed_day=closed_day)), members)

    def plan(self) -> ModePlan:
        """Begin to plan a closing; nothing changes yet."""
        return ModePlan(self)

    def carry_out(self, plan: ModePlan) -> None:
        """Apply a closing as it was planned."""
        self.states |= plan.changed

    def renew(self, asset: AssetId) -> None:
        """Begin new references: a person has said that it is another structure now, or normal as it is."""
        if asset in self.states:
            self.states[asset] = renew_reference(self.states[asset])

    def encode(self, asset: AssetId) -> bytes:
        """Write the state of one structure; nothing where there is none."""
        state = self.states.get(asset)
        return b"" if state is None else state.encode()

    def restore(self, asset: AssetId, data: bytes) -> None:
        """Read what `encode` wrote."""
        if data:
            self.states[asset] = AssetModes.decode(data)

    def digest(self) -> str:
        """Give one hash over the modes of all structures."""
        whole = hashlib.sha256()
        for asset in sorted(self.states):
            whole.update(asset.encode() + b"\n" + self.states[asset].encode())
        return whole.hexdigest()


@dataclass(slots=True)
class ModePlan:
    """What a closing does to the modes.

    Attributes
    ----------
    changed : dict of AssetId to AssetModes
    periods : list of ModePeriod
        That ended.
    measured : list of SensorChange
        Frequencies that became readings.
    """

    book: ModeBook
    changed: dict[AssetId, AssetModes] = field(default_factory=dict)
    periods: list[ModePeriod] = field(default_factory=list)
    measured: list[SensorChange] = field(default_factory=list)

    def meet(self, closed: Round, stepper: Stepper, tracker: HopTracker) -> Round:
        """Look for modes of the structures whose day ends with a round, before it is stepped.

        Returns
        -------
        Round
            With the frequencies that the register asks for among its readings.
        """
        found = self._end_days(closed, stepper, tracker) if self.book.states else []
        self.periods += found
        if not found or not self.book.feeds:
            return closed
        readings = self.book.feeds.readings(found)
        # What the gateway sends itself is its own.
        readings = readings.take(tracker.clock.latest_ns[tracker.rows_of(readings.channel)] == NEVER_NS)
        if not len(readings):
            return closed
        rows = zip(readings.channel.tolist(), readings.time_ns.tolist(), readings.value.tolist(), strict=True)
        self.measured += [SensorChange(number, time_ns, value, DataQuality.HIGH) for number, time_ns, value in rows]
        return tracker.joined(closed, readings)

    def _end_days(self, closed: Round, stepper: Stepper, tracker: HopTracker) -> list[ModePeriod]:
        """Close the day of the structures whose day ends with a round, all in one call."""
        assets: list[AssetId] = []
        states: list[AssetModes] = []
        ends_ns: list[int] = []
        temperatures_degc: list[float] = []
        for row, end_ns in zip(closed.assets.tolist(), closed.features.end_ns.tolist(), strict=True):
            if end_ns % DAY_NS:
                continue
            asset = tracker.catalogue.assets[row]
            state = self.changed.get(asset) or self.book.states.get(asset)
            if state is None or not state.waits:
                continue
            local = int(np.searchsorted(stepper.assets, row))
            # Silent thermometers explain nothing; the day's memory is what the rest of the chain goes by.
            is_fresh = math.isfinite(temperature_of(stepper.state, local, end_ns))
            assets.append(asset)
            states.append(state)
            ends_ns.append(end_ns)
            temperatures_degc.append(float(stepper.state.lagged[local, 0]) if is_fresh else math.nan)
        told = []
        for asset, (state, periods) in zip(
            assets, end_days(states, end_ns=ends_ns, temperature_degc=temperatures_degc), strict=True
        ):
            self.changed[asset] = state
            told += [_told(asset, period) for period in periods]
        return told


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


def _block(note: SpectrumNote) -> BlockSpectrum:
    shares = np.frombuffer(note.shares, "<f2").astype(np.float16, copy=False)
    return BlockSpectrum(note.time_ns, note.sampling_rate_hz, note.samples, note.kurtosis, shares)


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
