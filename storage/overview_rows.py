"""What pages ask about all assets at once: the rows, and the protocol that stores answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from domain.identifiers import AssetId
from domain.measurements import DataQuality, SensorStatus
from domain.rates import Rate, counted_rate
from domain.records import FailureProbability, RiskAssessment, RiskState
from domain.register import Asset, AssetType
from storage.protocols import RankKey

__all__ = [
    "SILENT_INTERVALS",
    "SILENT_LEAST_S",
    "FleetTally",
    "GatewayRow",
    "ListFilter",
    "Overview",
    "PlaceRow",
    "StatedChance",
    "grade_now",
]


# A channel that missed this many of its intervals, and at least this long, is silent: its grade says nothing now.
# A day, because what is felt on a machine comes only when the machine works.
SILENT_INTERVALS: Final = 4
SILENT_LEAST_S: Final = 86_400.0


def grade_now(status: SensorStatus, now_ns: int) -> DataQuality:
    """Give the grade of a channel as it is now: without data when it has been silent for too long."""
    allowed_ns = max(status.interval_s * SILENT_INTERVALS, SILENT_LEAST_S) * 1e9
    if status.last_time_ns is None or now_ns - status.last_time_ns > allowed_ns:
        return DataQuality.NONE
    return status.quality


@dataclass(frozen=True, slots=True)
class ListFilter:
    """Which assets a list shows; what is empty lets everything through.

    Attributes
    ----------
    advices : tuple of str
        Codes of `models.reasons.ADVICE`; what was never assessed has none.
    text : str
        Part of the name or identifier, in any case.
    """

    states: tuple[RiskState, ...] = ()
    types: tuple[AssetType, ...] = ()
    qualities: tuple[DataQuality, ...] = ()
    advices: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class FleetTally:
    """Counts over all assets.

    Attributes
    ----------
    without_data : int
        Assessed, but without any reading to go by.
    open_condition_alarms, open_other_alarms : int
        Open, acknowledged or confirmed; the others are about sensors, data, gateways and clocks.
    dismissed_alarms, expired_alarms : int
        Alarms about the condition that a person dismissed, and that went away before anybody had confirmed them or
        repaired anything.
    asset_years : float
        How long assets were watched, added up; years of event time.
    quarantined : int
        Unknown senders that wait for onboarding.
    """

    assets: int
    states: Mapping[RiskState, int] = field(default_factory=dict)
    unassessed: int = 0
    without_data: int = 0
    open_condition_alarms: int = 0
    open_other_alarms: int = 0
    dismissed_alarms: int = 0
    expired_alarms: int = 0
    asset_years: float = 0.0
    quarantined: int = 0

    @property
    def unseen(self) -> int:
        """Count the assets of which no sensor says anything, whether they were ever assessed or not."""
        return self.without_data + self.unassessed

    @property
    def false_alarms(self) -> int:
        """Count the alarms taken for false: to leave out those that nobody judged would flatter the detector."""
        return self.dismissed_alarms + self.expired_alarms

    @property
    def false_alarm_rate(self) -> Rate | None:
        """Give them per asset and year, with the interval of the true rate; None before anything was watched."""
        return counted_rate(self.false_alarms, self.asset_years)


@dataclass(frozen=True, slots=True)
class GatewayRow:
    """One gateway; `state` is what it last said of itself, None when it never did.

    Attributes
    ----------
    channels, silent : int
        Channels of the register that come through it, and how many of them have no data.
    """

    id: str
    state: str | None
    since_ns: int | None
    channels: int
    silent: int


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """One asset as a map and a matrix need it; `state` is None where it was never assessed."""

    id: AssetId
    name: str
    type: AssetType
    lat: float | None
    lon: float | None
    emergency_repair_cost_eur: float | None
    condition_inspected: int | None
    state: RiskState | None
    data_quality: DataQuality
    indicative_condition: int | None
    chances: tuple[FailureProbability, ...]


@dataclass(frozen=True, slots=True)
class StatedChance:
    """What was stated about an asset at a time: its chance of failure within 90 days, and by which model."""

    asset: AssetId
    at_ns: int
    chance_90: float
    model_version: str


class Overview(Protocol):
    """Questions about all assets at once; one or two statements each."""

    def of(self, organisations: Sequence[str]) -> Overview:
        """Give the same questions as one organisation may ask them."""

    def ranked(
        self, wanted: ListFilter, *, after: RankKey | None = None, limit: int = 100
    ) -> Sequence[tuple[RankKey, Asset, RiskAssessment]]:
        """List newest assessments in the order of the ranking, those that pass a filter."""

    def unassessed(self, wanted: ListFilter, *, limit: int = 100) -> Sequence[Asset]:
        """List assets of the register that were never assessed, by identifier."""

    def unassessed_count(self, wanted: ListFilter) -> int:
        """Count what `unassessed` lists without a limit."""

    def earlier(self, assets: Sequence[AssetId], before_ns: int) -> Mapping[AssetId, RiskAssessment]:
        """Give each asset's last final assessment at or before a time; those without one are left out."""

    def daily(self, asset: AssetId, start_ns: int) -> Sequence[RiskAssessment]:
        """Give an asset's last final assessment of each day (UTC) from a time on, oldest first."""

    def stated(self, every_ns: int) -> Sequence[StatedChance]:
        """Give the first final statement about each asset at every whole multiple of a span, by asset and time."""

    def elsewhere(self, asset: AssetId, within_ns: int) -> Mapping[str, int]:
        """Give for each alarm of an asset how many other assets got one of its kind within some time of it.

        Alarms that no other asset shares are left out.
        """

    def alarmed_since(self) -> Mapping[AssetId, int]:
        """Give each asset when the oldest alarm about its condition that stands was raised; others are left out."""

    def advised_since(self, advice: str, assets: Sequence[AssetId]) -> Mapping[AssetId, int]:
        """Give since when assets have had an advice: its first final assessment behind the last day without it.

        A day (UTC) is as it began: an advice that is away for some hours in between is the same one. Assets without
        a final assessment with the advice are left out.
        """

    def tally(self) -> FleetTally:
        """Count what stands above the list."""

    def revision(self) -> int:
        """Give the newest revision of any assessment or alarm: the same as before means that nothing changed."""

    def places(self) -> Sequence[PlaceRow]:
        """List every asset with where it lies and how it stands, by identifier."""

    def grades(self, now_ns: int) -> Mapping[DataQuality, int]:
        """Count the channels of each grade, as `grade_now` gives it."""

    def troubled(self, now_ns: int, *, limit: int = 100) -> Sequence[SensorStatus]:
        """List channels without data and of low grade, the worst first, then by asset, sensor and channel."""

    def gateways(self, now_ns: int) -> Sequence[GatewayRow]:
        """List the gateways that the register names or that were heard, by identifier."""
