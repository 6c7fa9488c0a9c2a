"""What failure costs and how often it comes unseen: the priors and defaults by class of asset.

Rates of failure are of the kind "needs an unplanned repair", not collapse. They and the default costs are orders
of magnitude from judgement, so that an asset without sensors or costs still has a place in the ranking; the interval
around them is a factor of five either way, and reasons say when they were used. Owners' own figures always win.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import BoolArray, FloatArray, TimeArray
from domain.register import AssetType
from models.catalogue import Catalogue

__all__ = ["Consequence", "consequences"]


@dataclass(frozen=True, slots=True)
class _Class:
    rate_per_year: float
    design_life_years: float
    planned_eur: float


_CLASSES: Final[dict[AssetType, _Class]] = {
    AssetType.BRIDGE: _Class(0.004, 80.0, 150_000.0),
    AssetType.ROAD: _Class(0.020, 40.0, 60_000.0),
    AssetType.TUNNEL: _Class(0.004, 100.0, 250_000.0),
    AssetType.LOCK: _Class(0.015, 50.0, 200_000.0),
    AssetType.QUAY: _Class(0.005, 60.0, 180_000.0),
    AssetType.OTHER: _Class(0.010, 50.0, 80_000.0),
}
_EMERGENCY_FACTOR: Final = 3.0
# Inspected condition 1 (new) to 6 (worst, NEN 2767) moves the rate.
_BY_CONDITION: Final = {1: 0.3, 2: 0.5, 3: 1.0, 4: 2.5, 5: 7.0, 6: 20.0}
# Ageing: the rate grows with the square of the share of design life, within bounds.
_AGE_SHARE_BOUNDS: Final = (0.3, 2.0)
# Age and inspection say less about what sensors will find than about the class as a whole.
_RELATIVE_BOUNDS: Final = (0.5, 2.0)


@dataclass(frozen=True, slots=True, eq=False)
class Consequence:
    """Prior rate and costs of each asset.

    Attributes
    ----------
    rate_per_year : float64[A]
        Failures a year by class, age and inspection; positive.
    relative_rate : float64[A]
        How often damage begins here, relative to others of its class: the root of what age and inspection say.
    planned_eur, failure_eur : float64[A]
        Cost of a planned repair; of an emergency repair with its closure, at least the planned one.
    emergency_eur : float64[A]
        The emergency repair without closure.
    has_default_costs : bool[A]
        True where the register gives no planned cost, or 0.
    age_years : float64[A]
        NaN where the year of building is unknown.
    """

    rate_per_year: FloatArray
    relative_rate: FloatArray
    planned_eur: FloatArray
    emergency_eur: FloatArray
    failure_eur: FloatArray
    has_default_costs: BoolArray
    age_years: FloatArray


def consequences(catalogue: Catalogue, at_ns: TimeArray) -> Consequence:
    """Collect prior rates and costs, with defaults where the register is silent.

    A repair that costs nothing does not exist: exports write 0 for a cost that nobody knows, and any wait would cost
    more than a share of it. A closure may well cost nothing.

    Parameters
    ----------
    at_ns : int64[A]
        Event time, for the age.
    """
    years = at_ns.astype("datetime64[ns]").astype("datetime64[Y]").astype(np.int64) + 1970
    classes = [_CLASSES[asset.type] for asset in catalogue.details]
    built = np.array([np.nan if row.built_year is None else row.built_year for row in catalogue.details], np.float64)
    age = np.maximum(years - built, 0.0)
    life = np.array([row.design_life_years for row in classes], np.float64)
    share = np.where(np.isnan(age), 1.0, np.clip(age / life, *_AGE_SHARE_BOUNDS))
    condition = [_BY_CONDITION.get(row.condition_inspected or 0, 1.0) for row in catalogue.details]
    relative = share**2 * np.array(condition, np.float64)
    rate = np.array([row.rate_per_year for row in classes], np.float64) * relative

    planned = _column([row.planned_repair_cost_eur for row in catalogue.details])
    given = _is_given(planned)
    planned = np.where(given, planned, np.array([row.planned_eur for row in classes], np.float64))
    emergency = _column([row.emergency_repair_cost_eur for row in catalogue.details])
    emergency = np.where(_is_given(emergency), emergency, _EMERGENCY_FACTOR * planned)
    hours = np.maximum(np.nan_to_num(_column([row.closure_hours for row in catalogue.details])), 0.0)
    hourly = np.maximum(np.nan_to_num(_column([row.closure_cost_eur_per_hour for row in catalogue.details])), 0.0)
    return Consequence(
        rate_per_year=rate,
        relative_rate=np.clip(np.sqrt(relative), *_RELATIVE_BOUNDS),
        planned_eur=planned,
        emergency_eur=emergency,
        failure_eur=np.maximum(emergency, planned) + hours * hourly,
        has_default_costs=~given,
        age_years=age,
    )


def _is_given(cost_eur: FloatArray) -> BoolArray:
    """Tell which costs of a repair the register gives; bool[A]."""
    return np.asarray(np.isfinite(cost_eur) & (cost_eur > 0.0), np.bool_)


def _column(values: list[float | None]) -> FloatArray:
    return np.array([np.nan if value is None else value for value in values], np.float64)
