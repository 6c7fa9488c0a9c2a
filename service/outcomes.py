"""From what the models say to the rows that are stored: hops, alarms, assessments."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import msgspec
import numpy as np

from domain.arrays import BoolArray, FloatArray, IndexArray, ReadingColumns, TimeArray
from domain.identifiers import AssetId
from domain.records import RiskAssessment
from models.catalogue import Catalogue
from models.chain import AlarmChange, HopScores
from models.hops import Round
from storage.entries import PackedReadings, decode_readings, encode_readings
from storage.hop_columns import HopArrays, HopColumns
from storage.journal import CheckpointRow, HopRow

__all__ = ["DAY_NS", "HopCollector", "alarm_id", "pack", "unpack"]

DAY_NS: Final = 86_400_000_000_000

_PACKED = msgspec.msgpack.Decoder(PackedReadings)


def pack(readings: ReadingColumns) -> bytes:
    """Put the readings of one closed hop into bytes."""
    return msgspec.msgpack.encode(encode_readings(readings))


def unpack(body: bytes) -> ReadingColumns:
    """Read the readings of one closed hop; the inverse of `pack`."""
    return decode_readings(_PACKED.decode(body))


def alarm_id(asset: AssetId, kind: str, subject: str, raised_at_ns: int) -> str:
    """Name an alarm by what it is about and the event time it was raised: the same readings, the same name."""
    raised = datetime.fromtimestamp(raised_at_ns // 1_000_000_000, UTC)
    about = "." + subject.replace("/", ".") if subject else ""  # an identifier is one segment of a path
    return f"{asset}.{kind}{about}.{raised:%Y%m%dT%H%M%SZ}"


@dataclass(slots=True)
class HopCollector:
    """What rounds of hops leave behind, in the order they came."""

    hop_rows: list[HopRow] = field(default_factory=list)
    changes: list[tuple[AssetId, AlarmChange]] = field(default_factory=list)
    checkpoints: list[CheckpointRow] = field(default_factory=list)
    assessments: list[RiskAssessment] = field(default_factory=list)
    _channel: list[IndexArray] = field(default_factory=list)
    _start: list[TimeArray] = field(default_factory=list)
    _columns: list[tuple[FloatArray, IndexArray, FloatArray, FloatArray, FloatArray]] = field(default_factory=list)

    def add_scores(self, catalogue: Catalogue, closed: Round, scores: HopScores, told: BoolArray) -> None:
        """Take in one round's summaries and what was expected of them, of the assets that are told."""
        valid = np.flatnonzero(closed.features.valid & told[catalogue.asset_of_channel])
        owner = catalogue.asset_of_channel[valid]
        self._channel.append(catalogue.channel_number[valid])
        self._start.append(closed.features.start_ns[owner])
        self._columns.append(
            (
                closed.features.value[valid],
                closed.features.count[valid],
                scores.expected[valid],
                scores.band[valid],
                scores.novelty[valid],
            )
        )

    def add_readings(self, assets: Sequence[AssetId], closed: Round) -> None:
        """Keep the readings of one round as the memory of their keys.

        Parameters
        ----------
        assets : sequence of AssetId
            Of the whole catalogue, which `closed.reading_asset` points into.
        """
        owner = closed.reading_asset
        if not len(owner):
            return
        cuts = np.flatnonzero(np.diff(owner)) + 1
        edges = [0, *cuts.tolist(), len(owner)]
        start_of = dict(zip(closed.assets.tolist(), closed.features.start_ns.tolist(), strict=True))
        for first, last in itertools.pairwise(edges):
            asset = int(owner[first])
            body = pack(closed.readings.take(slice(first, last)))
            self.hop_rows.append(HopRow(assets[asset], start_of[asset], body))

    def hop_columns(self) -> HopColumns:
        """Give all scored hops as bytes."""
        if not self._channel:
            return HopColumns()
        channel, start_ns = np.concatenate(self._channel), np.concatenate(self._start)
        return HopColumns.of(
            HopArrays(channel, start_ns, *(np.concatenate(part) for part in zip(*self._columns, strict=True)))
        )
