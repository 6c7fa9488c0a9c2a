"""What a scenario says: assets, damage, events, sensor faults, transport, and a seed.

These records hold the file's content and nothing derived from it. Times are in days since the start of
the scenario, so that the same story can begin on any date. `simulator.scenario_file` reads and checks them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

from domain.errors import ConfigurationError

__all__ = [
    "DAY_NS",
    "FIRST_YEARS",
    "HOUR_NS",
    "AssetPlan",
    "Damage",
    "Event",
    "Scenario",
    "SensorFault",
    "Site",
    "Transport",
    "fingerprint",
    "first_day",
    "start_at",
]

HOUR_NS: Final = 3_600 * 10**9
DAY_NS: Final = 24 * HOUR_NS
# Years in which a scenario may begin. Times are nanoseconds since 1970 in int64, which ends in 2262: a century of
# history and eleven years of a clock that is ahead fit behind the last of them.
FIRST_YEARS: Final = range(1970, 2100)

_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Site:
    """Where the assets stand: one weather for all of them.

    Attributes
    ----------
    latitude_deg, longitude_deg : float
        WGS 84.
    mean_temperature_degc : float
        Yearly mean of the air.
    """

    latitude_deg: float = 52.09
    longitude_deg: float = 5.12
    mean_temperature_degc: float = 10.5


@dataclass(frozen=True, slots=True)
class AssetPlan:
    """One asset as the owner planned it.

    Attributes
    ----------
    id, name : str
        Identifier in topics, and the name people use.
    kind : str
        One of `simulator.structures.KINDS`.
    gateway : str
        Publishes for this asset.
    per_day : float
        Vehicles, or openings of a lock, on an average day.
    waveform_every_h : int
        Hours between waveform blocks of a bridge; 0: none.
    has_tilt_meter : bool
        True for a bridge with a tilt meter on a pier.
    planned_repair_cost_eur, closure_hours, closure_cost_eur_per_hour, crew_lead_days : float
        What the owner reckons with.
    condition_inspected : int or None
        NEN 2767 score of the last inspection, held `inspected_days_before` days before the start.
    """

    id: str
    name: str
    kind: str
    gateway: str
    per_day: float
    lat: float
    lon: float
    built_year: int
    planned_repair_cost_eur: float
    closure_hours: float
    closure_cost_eur_per_hour: float
    crew_lead_days: float
    waveform_every_h: int = 0
    has_tilt_meter: bool = False
    condition_inspected: int | None = None
    inspected_days_before: int = 300


@dataclass(frozen=True, slots=True)
class Damage:
    """One failure mode that grows in one component.

    Attributes
    ----------
    onset_day, failure_day : float
        When it begins, and when it reaches the failure level; the latter may lie beyond the run.
    growth : float
        Severity is the elapsed share of that time to this power: above 1 it accelerates.
    step : float
        Severity reached at once at the onset, in [0, 1): scour by a flood, a sudden settlement.
    """

    asset: str
    mode: str
    component: str
    onset_day: float
    failure_day: float
    growth: float
    step: float = 0.0


@dataclass(frozen=True, slots=True)
class Event:
    """Something harmless that changes the readings.

    Attributes
    ----------
    kind : str
        `storm`, `heat_wave`, `frost_spell` (whole site); `diversion`, `works`, `resurfacing`, `sensor_swap` (one
        asset).
    asset, sensor : str
        Empty where it concerns all.
    strength : float
        Storm: wind in m/s; heat and frost: K; diversion: factor on traffic; works: vibration in mm/s that machines
        beside the asset add by day; sensor swap: factor on its gain.
    announced : bool
        True when the owner wrote it into works.csv beforehand.
    """

    kind: str
    start_day: float
    days: float
    strength: float
    asset: str = ""
    sensor: str = ""
    announced: bool = False


@dataclass(frozen=True, slots=True)
class SensorFault:
    """An instrument or its message at fault, see `simulator.sensor_faults`.

    Attributes
    ----------
    strength : float
        In the unit of its kind; 0 where the kind has none.
    """

    kind: str
    asset: str
    sensor: str
    start_day: float
    days: float
    strength: float = 0.0


@dataclass(frozen=True, slots=True)
class Transport:
    """What happens to messages on their way, as shares of all messages, in [0, 0.5].

    Attributes
    ----------
    duplicate_rate : float
        Sent a second time a little later.
    disorder_rate : float
        Sent up to `disorder_messages` places late, within the same day.
    garbage_rate : float
        Extra messages that no decoder can read, on topics of real sensors.
    """

    duplicate_rate: float = 0.0
    disorder_rate: float = 0.0
    disorder_messages: int = 8
    garbage_rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """A simulated municipality over a number of days, in hourly readings.

    Attributes
    ----------
    seed : int
        The same seed gives the same bytes.
    start_ns : int
        Midnight UTC of the first day, Unix nanoseconds.
    days : int
        Length of the history.
    """

    name: str
    seed: int
    start_ns: int
    days: int
    assets: tuple[AssetPlan, ...]
    site: Site = field(default_factory=Site)
    damage: tuple[Damage, ...] = ()
    events: tuple[Event, ...] = ()
    sensor_faults: tuple[SensorFault, ...] = ()
    transport: Transport = field(default_factory=Transport)

    @property
    def end_ns(self) -> int:
        """End of the history, exclusive."""
        return self.start_ns + self.days * DAY_NS

    @property
    def gateways(self) -> tuple[str, ...]:
        """All gateways, sorted."""
        return tuple(sorted({asset.gateway for asset in self.assets}))


def start_at(scenario: Scenario, start_ns: int) -> Scenario:
    """Move a scenario to another first day, see `first_day`.

    Examples
    --------
    >>> start_at(Scenario("s", 1, 0, 10, ()), 3 * DAY_NS + 5).end_ns == 13 * DAY_NS
    True
    """
    return replace(scenario, start_ns=first_day(start_ns))


def first_day(start_ns: int) -> int:
    """Give the midnight, UTC, of the day on which a scenario is to begin.

    Raises
    ------
    ConfigurationError
        If its year is none of `FIRST_YEARS`.

    Examples
    --------
    >>> first_day(3 * DAY_NS + 5) == 3 * DAY_NS
    True
    """
    day = start_ns // DAY_NS
    try:
        moment = _EPOCH + timedelta(days=day)
    except OverflowError:
        moment = None
    if moment is None or moment.year not in FIRST_YEARS:
        got = f"the day {day} days from 1970-01-01" if moment is None else moment.isoformat()
        raise ConfigurationError(
            f"got {got} as the first day, expected one in a year from {FIRST_YEARS.start} to "
            f"{FIRST_YEARS.stop - 1}; give another with --start"
        )
    return day * DAY_NS


def fingerprint(scenario: Scenario) -> str:
    """Name a scenario's content but for its first day, as 16 hexadecimal digits."""
    return hashlib.sha256(repr(replace(scenario, start_ns=0)).encode()).hexdigest()[:16]
