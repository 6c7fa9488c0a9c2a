"""From the outlook of each failure mode to chance, remaining life and cost of an asset.

Modes, the rate of failures that no sensor sees (`models.consequence`) and damage that has not begun yet join as
independent causes: chances of survival multiply. How often damage begins is what the fleet has shown, shrunk towards
the rate of the asset's class, age and inspection; the life of one that begins is exponential with the mean that the
degradation model takes for usual (`models.degradation`), so a damage of tomorrow hardly fails within a month and may
well within a year. Repairing now averts none of it, so neither the plan nor the cost of waiting counts it.

Nothing here looks at the models' state, so that a stored basis (`models.basis`) gives the same numbers as the state
did.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FloatArray, IndexArray
from domain.records import HORIZONS_DAYS, PLANNING_HORIZON_DAYS
from models.axes import place_in_group
from models.degradation import USUAL_LIFE_DAYS
from models.life_book import stretched
from models.prognosis import LIFE_DAYS, Outlook

__all__ = ["DAYS", "Joined", "begins_per_year", "indicative_conditions", "join_modes", "life_quantiles"]

_YEAR_DAYS: Final = 365.25
# A rate by class, age and inspection is known within this factor; watched assets have a third of it unseen.
_RATE_FACTOR: Final = 5.0
_UNSEEN_SHARE: Final = 1.0 / 3.0
# What the class says of how often damage begins is worth so many years of watched assets; known within a factor of two.
_CLASS_YEARS: Final = 30.0
_BEGIN_FACTOR: Final = 2.0
# Levels of the lives' distribution that are stated as 10, 50 and 90 %. Its upper side is cautious, since its errors are
# those of sound assets: on two fleets of foreign physics, with 15 to 150 days left, 8 to 14 in a hundred statements saw
# the failure come after the level of 80 %, and 9 to 27 before that of 20 %.
_LIFE_QUANTILES: Final = (0.1, 0.5, 0.75)
# What the interval of a remaining life is wider by at either end, in days. The level at which a component fails is
# known to some per cent of the way only, and near failure that is days, whatever the life was.
_LEVEL_DAYS: Final = 4.0
# Severity from which the indicative condition is 2, 3, 4, 5 and 6.
_CONDITION_BOUNDS: Final = np.array([0.10, 0.25, 0.45, 0.65, 0.85])
_TINY: Final = float(np.finfo(np.float64).tiny)

# Times that an outlook is asked for: the grid of remaining lives, then the horizons.
DAYS: Final[FloatArray] = np.concatenate([LIFE_DAYS, np.array(HORIZONS_DAYS, np.float64)])
# Days of each of those spans on which a damage could begin and still fail within it, on average over lives.
_FAILS_OF_DAYS: Final[FloatArray] = DAYS + USUAL_LIFE_DAYS * np.expm1(-DAYS / USUAL_LIFE_DAYS)


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """What the modes of each asset come to.

    Attributes
    ----------
    known : bool[A]
        True where a mode has a history.
    probability : float64[A, H, 3]
        Chance of failure within `HORIZONS_DAYS`: value, low and high of the 80 % interval.
    life_days : float64[A, 3]
        Stated quantiles 10, 50 and 90 % of the remaining life by what is there now; NaN where no mode has a history or
        the first is beyond ten years.
    severity : float64[A]
        Of the worst mode, in [0, 1].
    unseen_per_day : float64[A]
        Rate of failures by causes that no sensor sees.
    avertable_90 : float64[A]
        Chance of failure within 90 days by what a repair now would avert, and by causes that no sensor sees.
    later : float64[A, T]
        Chance of failure by damage that has not begun, within `DAYS`.
    """

    known: BoolArray
    probability: FloatArray
    life_days: FloatArray
    severity: FloatArray
    unseen_per_day: FloatArray
    avertable_90: FloatArray
    later: FloatArray


def begins_per_year(rate_per_year: FloatArray, relative_rate: FloatArray, fleet_shown: FloatArray) -> FloatArray:
    """float64[A]: how often damage that sensors see begins, by class and by what the fleet has shown.

    Parameters
    ----------
    rate_per_year, relative_rate : float64[A]
        Failures a year by class, age and inspection, and the asset beside others of its class.
    fleet_shown : float64[A, 2]
        Condition alarms raised, and years of assets watched.
    """
    alarms, years = fleet_shown[:, 0], fleet_shown[:, 1]
    seen = (1.0 - _UNSEEN_SHARE) * rate_per_year
    return np.asarray((seen * _CLASS_YEARS + relative_rate * alarms) / (_CLASS_YEARS + years), np.float64)


def join_modes(
    view: Outlook,
    pair_asset: IndexArray,
    rate_per_year: FloatArray,
    begins: FloatArray | float = 0.0,
    stretch: FloatArray | None = None,
) -> Joined:
    """Join the modes of each asset.

    Parameters
    ----------
    view : Outlook
        Asked for `DAYS`.
    pair_asset : int32[P]
        Asset of each pair, ascending.
    rate_per_year : float64[A]
        Failures a year by class, age and inspection.
    begins : float64[A] or float
        How often damage begins, a year; counts where a mode has a history.
    stretch : float64[A] or None
        How much wider the interval of a damage's remaining life is, as recorded ends showed; None: not at all.

    Notes
    -----
    Where damage is more likely than not, or an alarm stands, the remaining life is that of the worst damage given that
    it is one: a mixture with the years of a sound asset would say nothing to who must plan. The chances of failure
    keep both.
    """
    assets = len(rate_per_year)
    known = np.zeros(assets, np.bool_)
    known[pair_asset[view.known]] = True
    rate_day = rate_per_year / _YEAR_DAYS * np.where(known, _UNSEEN_SHARE, 1.0)
    later = (np.where(known, begins, 0.0) / _YEAR_DAYS)[:, np.newaxis] * _FAILS_OF_DAYS
    chance, present = np.empty((3, assets, len(DAYS))), np.empty((3, assets, len(DAYS)))
    in_turn = _in_turn(pair_asset)
    factors = ((1.0, 1.0), (1 / _RATE_FACTOR, 1 / _BEGIN_FACTOR), (_RATE_FACTOR, _BEGIN_FACTOR))
    for which, (modes, (factor, begun)) in enumerate(zip(view.failed, factors, strict=True)):
        survival = np.exp(-rate_day[:, np.newaxis] * factor * DAYS)
        counted = np.where(view.known[:, np.newaxis], 1.0 - modes, 1.0)
        for rows in in_turn:
            survival[pair_asset[rows]] *= counted[rows]
        present[which] = np.clip(1.0 - survival, 0.0, 1.0)
        chance[which] = np.clip(1.0 - survival * np.exp(-later * begun), 0.0, 1.0)
    chance[1] = np.minimum(chance[1], chance[0])
    chance[2] = np.maximum(chance[2], chance[0])

    given = np.zeros((assets, len(LIFE_DAYS)))
    doubt = np.where(view.is_acted_on, np.maximum(view.damaged, _TINY), np.inf)
    given_mode = view.failed[0][:, : len(LIFE_DAYS)] / doubt[:, np.newaxis]
    for rows in in_turn:
        given[pair_asset[rows]] = np.maximum(given[pair_asset[rows]], given_mode[rows])
    acted_on = np.zeros(assets, np.bool_)
    acted_on[pair_asset[view.is_acted_on]] = True
    now = present[0][:, : len(LIFE_DAYS)]
    life = life_quantiles(np.where(acted_on[:, np.newaxis], np.maximum(now, np.minimum(given, 1.0)), now))
    life[acted_on, 0] = np.maximum(life[acted_on, 0] - _LEVEL_DAYS, 0.0)
    life[acted_on, 2] = np.minimum(life[acted_on, 2] + _LEVEL_DAYS, LIFE_DAYS[-1])
    if stretch is not None:
        life = np.minimum(stretched(life, np.where(acted_on, stretch, 1.0)), LIFE_DAYS[-1])
    told = known & (life[:, 0] < LIFE_DAYS[-1])

    worst = np.full(assets, -np.inf)
    np.maximum.at(worst, pair_asset[view.known], view.level[view.known])
    return Joined(
        known=known,
        probability=np.ascontiguousarray(chance[:, :, len(LIFE_DAYS) :].transpose(1, 2, 0)),
        life_days=np.where(told[:, np.newaxis], life, np.nan),
        severity=np.where(known, np.clip(worst, 0.0, 1.0), 0.0),
        unseen_per_day=rate_day,
        avertable_90=present[0][:, len(LIFE_DAYS) + HORIZONS_DAYS.index(PLANNING_HORIZON_DAYS)],
        later=-np.expm1(-later),
    )


def _in_turn(pair_asset: IndexArray) -> list[npt.NDArray[np.intp]]:
    """Give the first pair of every asset that has one, then the second, and so on.

    An asset has a few, so this takes a third of the time of numpy's `ufunc.at`, in the same order.
    """
    place = place_in_group(pair_asset)
    return [np.flatnonzero(place == number) for number in range(place.max(initial=-1) + 1)]


def indicative_conditions(known: BoolArray, severity: FloatArray) -> npt.NDArray[np.int8]:
    """int8[A]: indicative condition 1 to 6 of what is known, and 0 for none."""
    condition = 1 + np.searchsorted(_CONDITION_BOUNDS, severity, side="right")
    return np.where(known, condition, 0).astype(np.int8)


def life_quantiles(distribution: FloatArray) -> FloatArray:
    """float64[A, 3]: days at which the chance of failure, float64[A, T] over `LIFE_DAYS`, passes each quantile."""
    quantiles = np.empty((len(distribution), len(_LIFE_QUANTILES)))
    rows = np.arange(len(distribution))
    for which, level in enumerate(_LIFE_QUANTILES):
        after = np.sum(distribution < level, axis=-1)
        reached = after < len(LIFE_DAYS)
        upper = np.minimum(after, len(LIFE_DAYS) - 1)
        lower = np.maximum(upper - 1, 0)
        low, high = distribution[rows, lower], distribution[rows, upper]
        rise = high - low
        share = np.where(rise > 0.0, (level - low) / np.where(rise > 0.0, rise, 1.0), 0.0)
        between = LIFE_DAYS[lower] + np.clip(share, 0.0, 1.0) * (LIFE_DAYS[upper] - LIFE_DAYS[lower])
        quantiles[:, which] = np.where(reached, between, LIFE_DAYS[-1])
    return np.maximum.accumulate(quantiles, axis=-1)
