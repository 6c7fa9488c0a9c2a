"""Onboarding from the pages: held messages into proposed rows, confirmed rows into the register.

The messages are read by ingest's own decoders, so what is proposed is what ingest will look for; the rows by the same
code as `sensors.csv`, so the same defaults and the same complaints hold. Ingest sees the new register in the journal
and fills in what the sender sent so far.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from api.onboarding import ChannelRow, OnboardingFault, Proposal
from domain.errors import PayloadError
from domain.identifiers import AssetId, GatewayId, SensorId
from domain.register import Asset, AssetType
from ingest.fields import Faults, Fields, shortened
from ingest.formats.project import QuantityKey, channel_name, decode_readings, decode_waveform
from ingest.sensors import read_channels
from ingest.topics import TopicKind, parse_topic
from service.register_commands import add_assets, current_register
from storage.journal import Journal

__all__ = ["JournalOnboarding"]

_LOOKED_AT: Final = 50
_ROW: Final = "row "
_NS_PER_S: Final = 1e9
_USUAL_INTERVAL_S: Final = 3600


class JournalOnboarding:
    """Onboarding on one journal.

    Parameters
    ----------
    now_ns : callable
        The wall clock, Unix nanoseconds.
    """

    def __init__(self, journal: Journal, now_ns: Callable[[], int]) -> None:
        self._journal = journal
        self._now_ns = now_ns

    def propose(self, gateway: GatewayId, asset: AssetId, sensor: SensorId) -> Proposal:
        """Read the held messages of a sender into rows."""
        known = any(item.id == asset for item in current_register(self._journal).assets)
        rows: dict[tuple[str, str], ChannelRow] = {}
        times: dict[tuple[str, str], list[int]] = {}
        for message in self._journal.held([(asset, sensor)], limit=_LOOKED_AT):
            for row, time_ns in _rows_of(message.topic, message.payload):
                key = (row.channel, row.axis)
                rows.setdefault(key, row)
                if time_ns is not None:
                    times.setdefault(key, []).append(time_ns)
        filled = tuple(replace(row, interval_s=str(_interval_s(times.get(key, [])))) for key, row in rows.items())
        return Proposal(gateway, asset, sensor, known, filled)

    def accept(
        self, proposal: Proposal, *, name: str, asset_type: str, organisation: str, rows: Sequence[ChannelRow]
    ) -> list[OnboardingFault]:
        """Write the asset, where it is new, and the channels; give what is wrong, then nothing is written."""
        notes = _Notes()
        assets: list[Asset] = []
        if not proposal.is_known_asset:
            if asset_type not in set(AssetType):
                notes.add("type", asset_type, "one of {choices}", choices=tuple(AssetType))
            else:
                made = Asset(
                    proposal.asset, name.strip() or proposal.asset, AssetType(asset_type), organisation=organisation
                )
                assets.append(made)
        if not rows:
            notes.add("channels", "", "at least one channel")
        fields = [
            Fields(
                f"{_ROW}{number}",
                {
                    "asset": proposal.asset,
                    "sensor": proposal.sensor,
                    "gateway": proposal.gateway,
                    "channel": row.channel,
                    "axis": row.axis,
                    "unit": row.unit,
                    "interval_s": row.interval_s,
                    "role": row.role,
                },
                notes,
                decimal_comma=True,
            )
            for number, row in enumerate(rows, start=1)
        ]
        channels = read_channels(fields, {proposal.asset})
        if not notes.found:
            add_assets(self._journal, assets, channels, at_ns=self._now_ns())
        return notes.places


@dataclass(slots=True)
class _Notes(Faults):
    """Complaints with their place in the form: the row, from 1, and the column."""

    places: list[OnboardingFault] = field(default_factory=list)

    def add(self, where: str, got: object, expected: str, /, **facts: object) -> None:
        """Note one fault of the form."""
        row, _, column = where.removeprefix(_ROW).rpartition(", column ")
        if "where" in facts:
            facts["where"] = int(str(facts["where"]).removeprefix(_ROW))
        shown = "" if got in {None, ""} else shortened(got)
        self.places.append(OnboardingFault(int(row or 0), column, shown, expected, facts))
        self.found.append(where)


def _rows_of(topic: str, payload: bytes) -> list[tuple[ChannelRow, int | None]]:
    """Read the channels of one message as ingest will; nothing of a message that it will refuse."""
    try:
        named = parse_topic(topic)
        if named.sensor is None:
            return []
        if named.kind is TopicKind.WAVEFORM:
            block = decode_waveform(payload, named.sensor)
            return [(ChannelRow("waveform", block.axis, block.unit), block.start_ns)]
        readings, _ = decode_readings(payload, named.sensor)
    except PayloadError:
        return []
    return [(_row(key), reading.time_ns) for reading in readings for key in reading.keys]


def _row(key: QuantityKey) -> ChannelRow:
    """Give the row of one value; its axis may stand in its name."""
    quantity, axis, unit = key
    name, _, axis = channel_name(quantity, axis).partition(".")
    return ChannelRow(name, axis, unit)


def _interval_s(times_ns: Sequence[int]) -> int:
    """Give the usual distance between readings in whole seconds; an hour where there are too few to tell."""
    steps = sorted(after - before for before, after in itertools.pairwise(sorted(set(times_ns))))
    return max(round(steps[len(steps) // 2] / _NS_PER_S), 1) if steps else _USUAL_INTERVAL_S
