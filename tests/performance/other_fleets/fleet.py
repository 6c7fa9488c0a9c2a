"""A fleet of sixty assets for two years: its register, its truth, and its messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from domain.identifiers import AssetId, ChannelName, GatewayId, SensorId
from domain.register import Asset, AssetType, Channel, Register, Works
from ingest.channels import channel_defaults
from ingest.formats.project import OutgoingReading, encode_readings
from service.evaluation.truth import DAY_NS, TrueDamage, TrueEvent, Truth, true_assets
from tests.performance.other_fleets.assets import DrawnAsset, draw_asset
from tests.performance.other_fleets.instruments import HOUR_NS, Instrument, Trace
from tests.performance.other_fleets.story import FAULT_KINDS
from tests.performance.other_fleets.structures import FLEET
from tests.performance.other_fleets.weather import draw_weather

__all__ = ["OtherFleet", "draw_fleet"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ASSETS_PER_GATEWAY: Final = 5
_RESENT_SHARE: Final = 0.003


@dataclass(frozen=True, slots=True, eq=False)
class OtherFleet:
    """A drawn fleet.

    Attributes
    ----------
    instruments : tuple of (gateway, asset, Instrument)
    """

    register: Register
    truth: Truth
    instruments: tuple[tuple[str, str, Instrument], ...]
    seed: int

    def days(self) -> Iterator[list[tuple[str, bytes]]]:
        """Make the messages of each day, an instrument's day in each, in the order in which they arrive."""
        chance = np.random.default_rng([self.seed, 1])
        days = (self.truth.end_ns - self.truth.start_ns) // DAY_NS
        for day in range(days):
            messages = []
            for gateway, asset, instrument in self.instruments:
                sent = np.flatnonzero(instrument.held_until // 24 == day)
                readings = [
                    OutgoingReading(int(instrument.time_ns[hour]), values, is_backfill=bool(hour // 24 < day))
                    for hour in sent.tolist()
                    if (values := _values(instrument, hour))
                ]
                if readings:
                    message = encode_readings(gateway, asset, instrument.name, readings)
                    messages.extend([message] * (1 + int(chance.random() < _RESENT_SHARE)))
            yield messages


def _values(instrument: Instrument, hour: int) -> dict[str, tuple[float, str]]:
    return {
        trace.name: (value, trace.unit)
        for trace, value in zip(instrument.traces, instrument.values[:, hour].tolist(), strict=True)
        if np.isfinite(value)
    }


def draw_fleet(seed: int, *, days: int = 730, share: float = 1.0) -> OtherFleet:
    """Draw a fleet: the same bytes for the same seed.

    Parameters
    ----------
    days : int
        Length of the run.
    share : float
        Share of the sixty assets, for a short look.
    """
    chance = np.random.default_rng([seed, 0])
    start = datetime(2019, 1, 1, tzinfo=UTC) + timedelta(days=int(chance.integers(0, 1500)))
    start_ns = int((start - _EPOCH).total_seconds()) * 1_000_000_000
    weather = draw_weather(chance, 24 * days, 24.0 * start.timetuple().tm_yday)
    told = _Told(start_ns)
    told.events += [
        TrueEvent("", "storm", "", start_ns + first * HOUR_NS, start_ns + (first + length) * HOUR_NS, False, False)
        for first, length in weather.storms
    ]
    assets: list[Asset] = []
    channels: list[Channel] = []
    instruments: list[tuple[str, str, Instrument]] = []
    for kind, count in FLEET.items():
        for number in range(1, max(round(share * count), 1) + 1):
            name, gateway = f"{kind.value}-{number}", f"gw{len(assets) // _ASSETS_PER_GATEWAY}"
            drawn = draw_asset(kind, weather, 24 * start.weekday(), days, chance)
            assets.append(_asset(name, kind, start, chance))
            told.add(name, drawn)
            for instrument in drawn.instruments:
                channels += [_channel(name, gateway, instrument.name, trace) for trace in instrument.traces]
                timed = replace(instrument, time_ns=instrument.time_ns + start_ns)
                instruments.append((gateway, name, timed))
    register = Register(
        tuple(sorted(assets, key=lambda asset: asset.id)),
        tuple(sorted(channels, key=lambda channel: channel.key)),
        tuple(sorted(told.works, key=lambda item: (item.asset, item.start_ns))),
    )
    truth = Truth(
        name=f"other seed {seed}",
        start_ns=start_ns,
        end_ns=start_ns + days * DAY_NS,
        assets=true_assets(register),
        damages=tuple(told.damages),
        events=tuple(told.events),
    )
    return OtherFleet(register, truth, tuple(instruments), seed)


@dataclass(slots=True, eq=False)
class _Told:
    """What happened, as the truth and the owner's announcements have it."""

    start_ns: int
    damages: list[TrueDamage] = field(default_factory=list)
    events: list[TrueEvent] = field(default_factory=list)
    works: list[Works] = field(default_factory=list)

    def add(self, asset: str, drawn: DrawnAsset) -> None:
        """Take in what was drawn for an asset."""
        for happening in (*drawn.happenings, *drawn.faults):
            first, last = self._at(happening.first_day), self._at(happening.last_day)
            is_fault = happening.kind in FAULT_KINDS
            event = TrueEvent(asset, happening.kind, happening.sensor, first, last, happening.is_announced, is_fault)
            self.events.append(event)
            if happening.is_announced:
                sensor = SensorId(happening.sensor) if happening.sensor else None
                self.works.append(Works(AssetId(asset), happening.kind.replace("_", " "), first, last, sensor))
        if drawn.damage is not None:
            onset, failure = self._at(drawn.damage.onset_day), self._at(drawn.damage.failure_day)
            self.damages.append(TrueDamage(asset, drawn.damage.mode, drawn.damage.component, onset, failure))

    def _at(self, day: float) -> int:
        return self.start_ns + round(day * DAY_NS)


def _asset(name: str, kind: AssetType, start: datetime, chance: np.random.Generator) -> Asset:
    return Asset(
        AssetId(name),
        name,
        kind,
        built_year=int(chance.integers(1930, 2015)),
        planned_repair_cost_eur=float(chance.integers(15, 250) * 1000),
        crew_lead_days=float(chance.choice([14.0, 21.0, 28.0, 42.0])),
        condition_inspected=int(chance.integers(1, 5)),
        inspected_on=start.date().isoformat(),
    )


def _channel(asset: str, gateway: str, sensor: str, trace: Trace) -> Channel:
    known = channel_defaults(trace.name.partition(".")[0])
    if known is None:
        raise ValueError(f"got channel {trace.name!r}, expected a name that ingest.channels knows")
    return Channel(
        AssetId(asset), SensorId(sensor), ChannelName(trace.name), trace.unit, GatewayId(gateway), 3600.0,
        known.role, known.direction,
    )  # fmt: skip
