"""The register: assets, their channels, and works announced beforehand, as the owner gave them.

A channel row carries what the wire needs (unit, gateway), what the models need (role, direction of
harm, failure threshold, interval) and where the sensor hangs. Defaults are filled in when the
register is read (`ingest.register`), so whatever stands here is final.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from domain.identifiers import AssetId, ChannelKey, ChannelName, GatewayId, SensorId

__all__ = [
    "FALSE_ALARMS_PER_YEAR",
    "LAST_END_NS",
    "WAVEFORM_CHANNELS",
    "Asset",
    "AssetType",
    "Channel",
    "Direction",
    "Register",
    "Role",
    "Works",
]


class AssetType(StrEnum):
    """Kinds of structure; the failure modes and their default thresholds hang on them."""

    BRIDGE = "bridge"
    ROAD = "road"
    TUNNEL = "tunnel"
    LOCK = "lock"
    QUAY = "quay"
    OTHER = "other"


class Role(StrEnum):
    """What a channel is for: it shows the condition, or explains it."""

    CONDITION = "condition"
    ENVIRONMENT = "environment"
    OPERATION = "operation"


class Direction(StrEnum):
    """The way a condition indicator goes when the asset gets worse."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


# Alarm budget of an asset where the owner set none: about what such structures are measured to raise (docs/adr/0049).
FALSE_ALARMS_PER_YEAR: Final = 0.03

# Works that end later, as those that are written down until 2299 or 9999, have no end that a time of ours (64
# bits of nanoseconds) could reach: the first of January 2262.
LAST_END_NS: Final = 9_214_646_400 * 1_000_000_000

# What ingest computes from a raw waveform, as channel name (before the axis) and unit; None: the unit of the waveform.
WAVEFORM_CHANNELS: Final[tuple[tuple[str, str | None], ...]] = (
    ("vibration_rms", None),
    ("vibration_peak", None),
    ("crest_factor", "1"),
    ("kurtosis", "1"),
    ("dominant_frequency", "Hz"),
)


@dataclass(frozen=True, slots=True)
class Asset:
    """One structure under watch.

    Attributes
    ----------
    lat, lon : float or None
        WGS 84 degrees.
    planned_repair_cost_eur, emergency_repair_cost_eur : float or None
        Euros; where one is missing, or 0, the emergency cost is taken for three times the planned one when the
        register is read.
    closure_hours : float or None
        Hours of closure that an unplanned failure costs.
    condition_inspected : int or None
        NEN 2767 score 1 (new) to 6 (worst) from the last inspection.
    inspected_on : str or None
        ISO date of that inspection.
    external_ids : dict of str to str
        The owner's own identifiers and columns, unchanged.
    organisation : str
        Which authority it belongs to, where several share the service; empty: the first.
    """

    id: AssetId
    name: str
    type: AssetType
    lat: float | None = None
    lon: float | None = None
    built_year: int | None = None
    planned_repair_cost_eur: float | None = None
    emergency_repair_cost_eur: float | None = None
    closure_hours: float | None = None
    closure_cost_eur_per_hour: float | None = None
    crew_lead_days: float | None = None
    condition_inspected: int | None = None
    inspected_on: str | None = None
    external_ids: dict[str, str] = field(default_factory=dict)
    organisation: str = ""


class _Keyed:
    """Room for a key that was made once; it is no field, so neither compared nor written."""

    __slots__ = ("_key",)

    _key: ChannelKey


@dataclass(frozen=True, slots=True)
class Channel(_Keyed):
    """One quantity of one sensor on one axis.

    Attributes
    ----------
    channel : ChannelName
        Quantity, with `.axis` behind it where there is one.
    unit : str
        Canonical unit that stored values have.
    interval_s : float
        Expected seconds between readings.
    failure_threshold : float or None
        The owner's own failure level, absolute and in `unit`; None: the default of the asset's type.
    derived : bool
        True when ingest computes it from a waveform and no reading of its own arrives.
    """

    asset: AssetId
    sensor: SensorId
    channel: ChannelName
    unit: str
    gateway: GatewayId
    interval_s: float
    role: Role
    direction: Direction
    position: str = ""
    failure_threshold: float | None = None
    derived: bool = False

    @property
    def key(self) -> ChannelKey:
        """Asset, sensor and channel: unique in a register."""
        try:
            return self._key
        except AttributeError:
            # A start asks each of 50,000 channels for its key fifteen times.
            key = ChannelKey(self.asset, self.sensor, self.channel)
            object.__setattr__(self, "_key", key)
            return key

    @property
    def quantity(self) -> str:
        """Channel name without its axis."""
        return self.channel.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Works:
    """Something announced beforehand that explains a change: an annotation, not an excuse.

    Attributes
    ----------
    kind : str
        Open list: diversion, resurfacing, lubrication, sensor swap, schedule change.
    sensor : SensorId or None
        The one sensor concerned; None: the whole asset.
    start_ns, end_ns : int
        Unix nanoseconds, UTC; `end_ns` is exclusive.
    """

    asset: AssetId
    kind: str
    start_ns: int
    end_ns: int
    sensor: SensorId | None = None


@dataclass(frozen=True, slots=True)
class Register:
    """All that is known beforehand: sorted by identifier, each key once.

    Attributes
    ----------
    budgets : dict of str to float
        False alarms that an asset may raise a year, by organisation; the empty name holds for all others.
    """

    assets: tuple[Asset, ...] = ()
    channels: tuple[Channel, ...] = ()
    works: tuple[Works, ...] = ()
    budgets: dict[str, float] = field(default_factory=dict)

    def false_alarms_per_year(self, organisation: str) -> float:
        """Give the budget of an asset of an organisation."""
        return self.budgets.get(organisation, self.budgets.get("", FALSE_ALARMS_PER_YEAR))
