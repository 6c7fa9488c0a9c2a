"""What explains a change without damage: temperature, frost, humidity, traffic, operation, wind and rain.

Each asset has at most one value a driver (`models.drivers.DRIVERS`): the mean of the channels that carry it
and spoke in this hop, kept with its age. Quantities of one kind carry it: the first in the order of
`Catalogue.driver_order` that ever could. In summer a road's surface and its base are ten kelvins apart, so their mean
would jump whenever one of them is not heard; nor does another kind stand in for one that falls silent, as its value
there and then would be a guess. From these come the regressors of `models.layout.REGRESSORS`. A
structure follows the weather behind its thermal inertia, so temperature enters now and with an exponential
memory of a day, frost is a bend of the remembered temperature at freezing, and the sun is what deck and air
differ by. Each regressor is scaled so that one unit is a usual change, and 0 stands for a driver that the
asset never had. A driver that was there and is silent is *stale*: its effect is unknown, not zero. The best guess of a
humidity that is silent is what it was about before, over its memory, that of a temperature the same with what the hour
adds to it as a rule (`models.warm_hours`), and that of traffic what is usual at that hour (`models.usual_load`); of
what has no memory it is what was usual while the channel was commissioned (`Explained.is_unknown`). A winter's
temperature is no guess for a day in summer. Either way the guess is uncertain by `models.deviation.STALE_SPREAD`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FeatureTable, FloatArray, IndexArray, TimeArray
from models.catalogue import FRESH_INTERVALS, FRESH_NS, HOUR_NS, Catalogue
from models.drivers import DRIVERS
from models.layout import AIR_NOW, FROST, REGRESSORS
from models.machine_duty import DUTY_MEMORY_S, DUTY_REGRESSORS, MachineDuty
from models.memory import ModelState, scatter, with_columns
from models.regressor_groups import Group, groups_of
from models.usual_load import LOAD_OFFSET, UsualLoad, counters_of, follow_load, is_uncounted, look_at_load, usual_course
from models.warm_hours import follow_warm_hours, usual_warmth
from models.warmth import MILD_DEGC, frost_of, warmth_of

__all__ = ["Environment", "Explained", "climate_ns", "explain", "has_climate", "update_environment"]

# Thermal and moisture inertia of concrete and asphalt decks: the damped wave of a day lags by hours.
# Wetness stays in the ground for days, and what works is warm for hours afterwards.
_MEMORY_S: Final = np.array([86400.0, 86400.0, 4 * 86400.0, DUTY_MEMORY_S])
# Which of them is of rain, and what falls in a mean hour, in mm/h: 850 mm in a year (KNMI, normals of 1991 to 2020).
_IS_RAIN: Final = np.array([False, False, True, False])
_MEAN_RAIN: Final = 0.1
_CLIMATE_MEMORY_S: Final = 3 * 86400.0

_AIR, _DECK, _HUMIDITY, _LOAD, _PACE, _WIND, _RAIN = range(len(DRIVERS))
# Which driver each regressor needs; temperature (air, or deck where there is no air) has its own place.
_TEMPERATURE: Final = len(DRIVERS)
_NEEDS: Final = (
    _TEMPERATURE,
    _TEMPERATURE,
    _TEMPERATURE,
    _HUMIDITY,
    _DECK,
    _LOAD,
    _LOAD,
    _LOAD,
    _PACE,
    _WIND,
    _RAIN,
)

# Of a driver that is silent: the regressors that are guessed by its memory, and those that are left at it.
_BY_MEMORY: Final = tuple(
    (REGRESSORS.index(now), REGRESSORS.index(memory))
    for now, memory in (("air_now", "air_lagged"), ("load", "load_lagged"))
)
_NOW_BY_LOAD: Final = REGRESSORS.index("load")
_IDLE: Final = REGRESSORS.index("idle")
# Logarithm of one and as many an hour as may be none by chance.
_SOME_PASS: Final = float(np.log(4.0))
_NO_FROST_DEGC: Final = 8.0
_SEASON_NS: Final = 30 * 24 * HOUR_NS
_HELD: Final = np.isin(
    REGRESSORS, ["air_now", "air_lagged", "frost", "humidity_lagged", "load", "load_lagged", "rain_lagged"]
)


@dataclass(frozen=True, slots=True, eq=False)
class Environment:
    """The regressors of one hop.

    Attributes
    ----------
    regressors : float64[A, K]
        In the order of `REGRESSORS`, the first one 1.
    stale : bool[A, K]
        True where the asset has the driver but it has been silent for too long; of frost only where there may be some.
    met, newly_met : bool[A, K]
        True where the driver was ever heard, and where it spoke for the first time in this hop.
    temperature_degc : float64[A]
        Air or deck temperature now; NaN where stale or never met.
    load : UsualLoad
        The counts of this hop beside what is usual.
    counter : int64[A]
        Row of the channel that they are from, the first of several; -1 for none.
    """

    regressors: FloatArray
    stale: BoolArray
    met: BoolArray
    newly_met: BoolArray
    temperature_degc: FloatArray
    load: UsualLoad
    counter: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Explained:
    """What explains the values of some judged channels in a hop.

    Attributes
    ----------
    regressors : float64[R, K]
        As in `Environment`.
    stale, met : bool[R, K]
        Likewise; the level is never stale and always met.
    """

    regressors: FloatArray
    stale: BoolArray
    met: BoolArray

    @cached_property
    def is_unknown(self) -> BoolArray:
        """bool[R, K]: stale, with no guess but what was usual in commissioning."""
        return self.stale & ~_HELD

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The channels sorted by what they have met; a hop is worked on by them three times."""
        return tuple(groups_of(self.met))

    def take(self, which: BoolArray | npt.NDArray[np.intp]) -> Explained:
        """Choose some of the channels, by flag, bool[R], or by position, ascending."""
        if len(which) == len(self.met) and (which.dtype != np.bool_ or which.all()):
            return self
        return Explained(self.regressors[which], self.stale[which], self.met[which])


@dataclass(frozen=True, slots=True, eq=False)
class _Drivers:
    """What the drivers of all assets say in one hop; behind the D drivers stands temperature, of air or else of deck.

    Attributes
    ----------
    value : float64[A, D]
        What explains now, be it heard, remembered or usual.
    heard_ns : int64[A, D]
        End of the hop in which each was heard last.
    spoke, met, met_before, fresh : bool[A, D + 1]
        Heard in this hop; ever; ever before it; lately enough to explain.
    temperature, in_hour_k : float64[A]
        In degrees Celsius; and what the hour adds to the remembered one as a rule, NaN where that is not known.
    silent_ns : int64[A]
        For how long temperature has not been heard.
    uncounted : intp[U]
        Assets whose traffic is felt and not counted.
    load, counter
        As in `Environment`.
    """

    value: FloatArray
    heard_ns: TimeArray
    spoke: BoolArray
    met: BoolArray
    met_before: BoolArray
    fresh: BoolArray
    temperature: FloatArray
    in_hour_k: FloatArray
    silent_ns: TimeArray
    uncounted: npt.NDArray[np.intp]
    load: UsualLoad
    counter: npt.NDArray[np.int64]


def update_environment(
    catalogue: Catalogue, state: ModelState, features: FeatureTable, usable: BoolArray, *, is_usual: BoolArray
) -> tuple[ModelState, Environment]:
    """Take in one hop of the drivers.

    Parameters
    ----------
    usable : bool[C]
        Channels whose value of this hop may be believed.
    is_usual : bool[A]
        Assets whose counts tell the course of a usual week.

    Returns
    -------
    ModelState
        With new `driver_*`, `has_explained`, `lagged`, `warm_hours`, `climate_*` and usual load; the one passed in is
        not changed.
    Environment
    """
    state, drivers = _hear(catalogue, state, features, usable, is_usual)
    elapsed_s = np.maximum(features.end_ns - state.stepped_ns, 0) / 1e9
    lagged = _remember(state, drivers, elapsed_s, features.hop_ns / 1e9)
    warm_hours = follow_warm_hours(
        state.warm_hours,
        features.start_ns,
        features.hop_ns,
        beyond=drivers.temperature - lagged[:, 0],
        spoke=drivers.spoke[:, _TEMPERATURE],
    )
    low, high = _widen_climate(state, lagged[:, 0], elapsed_s)
    state = with_columns(
        state,
        driver_value=drivers.value,
        driver_ns=drivers.heard_ns,
        lagged=lagged,
        warm_hours=warm_hours,
        climate_low=low,
        climate_high=high,
    )
    needs = np.array(_NEEDS)
    never = np.zeros((len(lagged), 1), np.bool_)
    return state, Environment(
        regressors=_regressors(drivers, lagged),
        stale=_stale(drivers, lagged[:, 0]),
        met=np.concatenate([~never, drivers.met[:, needs]], axis=1),
        newly_met=np.concatenate([never, (drivers.met & ~drivers.met_before)[:, needs]], axis=1),
        temperature_degc=np.where(drivers.fresh[:, _TEMPERATURE], drivers.temperature, np.nan),
        load=drivers.load,
        counter=drivers.counter,
    )


def _hear(
    catalogue: Catalogue, state: ModelState, features: FeatureTable, usable: BoolArray, is_usual: BoolArray
) -> tuple[ModelState, _Drivers]:
    """Gather what the drivers say in a hop; the state returned knows who explained, and the usual load."""
    end_ns = features.end_ns
    rows = np.flatnonzero(usable & (catalogue.driver >= 0))
    converted = catalogue.in_driver_unit(rows, features.value[rows])
    has_explained = state.has_explained.copy()
    has_explained[rows] = True
    carries = _carries(catalogue, has_explained)
    rows, converted = rows[carries[rows]], converted[carries[rows]]
    total, number = _sums_by_driver(catalogue, rows, converted)
    spoke = number > 0
    counter = counters_of(catalogue, rows)
    counts = total[:, _LOAD] / np.maximum(number[:, _LOAD], 1)
    load = look_at_load(state, features.start_ns, counts, counter >= 0)
    met_before = state.driver_ns > 0
    # The course of traffic that is felt is that of before this hop's counts.
    uncounted, course = _felt_course(catalogue, state, features)
    said = np.log1p(np.maximum(counts, 0.0))
    state = follow_load(state, features.start_ns, features.hop_ns, said, load.learns & is_usual)
    met_before[uncounted, _LOAD] = True
    spoke[:, _LOAD] &= load.is_believed
    value = np.where(spoke, total / np.maximum(number, 1), state.driver_value)
    value_ns = np.where(spoke, end_ns[:, np.newaxis], state.driver_ns)
    heard_ns = value_ns.copy()
    value[uncounted, _LOAD], value_ns[uncounted, _LOAD] = np.expm1(course), end_ns[uncounted]
    met = value_ns > 0
    fresh = met & (end_ns[:, np.newaxis] - value_ns <= _fresh_ns(catalogue, carries))
    fresh[:, _LOAD] &= load.is_believed
    has_air = met[:, _AIR]

    def with_temperature(flags: BoolArray) -> BoolArray:
        chosen = np.where(has_air, flags[:, _AIR], flags[:, _DECK])
        return np.concatenate([flags, chosen[:, np.newaxis]], axis=1)

    return with_columns(state, has_explained=has_explained), _Drivers(
        value=value,
        heard_ns=heard_ns,
        spoke=with_temperature(spoke),
        met=with_temperature(met),
        met_before=with_temperature(met_before),
        fresh=with_temperature(fresh),
        temperature=np.where(has_air, value[:, _AIR], value[:, _DECK]),
        in_hour_k=usual_warmth(state.warm_hours, features.start_ns),
        silent_ns=end_ns - np.where(has_air, value_ns[:, _AIR], value_ns[:, _DECK]),
        uncounted=uncounted,
        load=load,
        counter=counter,
    )


def _remember(state: ModelState, drivers: _Drivers, elapsed_s: FloatArray, hop_s: FloatArray) -> FloatArray:
    """float64[A, 4]: move the exponential memories on for float64[A] seconds by what speaks.

    Traffic that is not counted goes on as usual, and so does that which nobody counts. Warmth that is not heard goes on
    by what its hour adds.
    """
    value, usual = drivers.value, drivers.load.log_count
    guessed = drivers.met[:, _LOAD] & ~drivers.spoke[:, _LOAD] & np.isfinite(usual)
    guessed[drivers.uncounted] = False
    passing = np.where(guessed, np.expm1(usual), value[:, _LOAD])
    is_guessed = ~drivers.spoke[:, _TEMPERATURE] & np.isfinite(drivers.in_hour_k)
    temperature = np.where(is_guessed, state.lagged[:, 0] + drivers.in_hour_k, drivers.temperature)
    sources = np.stack([temperature, value[:, _HUMIDITY], value[:, _RAIN], passing], axis=1)
    speaking = drivers.spoke[:, [_TEMPERATURE, _HUMIDITY, _RAIN, _LOAD]]
    speaking[:, 0] |= is_guessed
    speaking[:, -1] |= guessed
    speaking[drivers.uncounted, -1] = True
    apart_s = np.repeat(elapsed_s[:, np.newaxis], len(_MEMORY_S), axis=1)
    # One hour's share says nothing of the hours since an asset was last heard.
    apart_s[is_guessed, 0] = np.minimum(elapsed_s, hop_s)[is_guessed]
    weight = -np.expm1(-apart_s / _MEMORY_S)
    # One hour of rain says nothing of the days before; an hour's warmth, dampness or traffic says something.
    first = np.where(_IS_RAIN, _MEAN_RAIN, sources)
    weight = np.where(_IS_RAIN & np.isnan(state.lagged), -np.expm1(-hop_s[:, np.newaxis] / _MEMORY_S), weight)
    before = np.where(np.isnan(state.lagged), first, state.lagged)
    return np.where(speaking, before + weight * (sources - before), state.lagged)


def _regressors(drivers: _Drivers, lagged: FloatArray) -> FloatArray:
    """float64[A, K]: the regressors, of a driver that is silent by the best guess there is."""
    met, usual = drivers.met, drivers.load.log_count
    is_lost = met & ~drivers.fresh
    regressors = np.zeros((len(lagged), len(REGRESSORS)))
    regressors[:, 0] = 1.0
    columns = _columns(drivers.value, met[:, _AIR], drivers.temperature, lagged)
    for which, (need, column) in enumerate(zip(_NEEDS, columns, strict=True), start=1):
        regressors[:, which] = np.where(met[:, need], column, 0.0)
    for which, memory in _BY_MEMORY:
        regressors[:, which] = np.where(is_lost[:, _NEEDS[which - 1]], regressors[:, memory], regressors[:, which])
    warmer = np.where(is_lost[:, _TEMPERATURE], warmth_of(MILD_DEGC + np.nan_to_num(drivers.in_hour_k)), 0.0)
    regressors[:, AIR_NOW] += warmer
    goes_on = is_lost[:, _LOAD] & np.isfinite(usual)
    regressors[:, _NOW_BY_LOAD] = np.where(goes_on, usual - LOAD_OFFSET, regressors[:, _NOW_BY_LOAD])
    return regressors


def _stale(drivers: _Drivers, lagged_degc: FloatArray) -> BoolArray:
    """bool[A, K]: tell which regressors are not known, as their driver has been silent for too long."""
    silent = (drivers.met & ~drivers.fresh)[:, np.array(_NEEDS)]
    stale = np.concatenate([np.zeros((len(silent), 1), np.bool_), silent], axis=1)
    # It does not freeze unseen within a month of a day as warm as this.
    stale[:, FROST] &= (lagged_degc < _NO_FROST_DEGC) | (drivers.silent_ns > _SEASON_NS)
    # Where something passes at this hour as a rule nothing rests.
    stale[:, _IDLE] &= ~(drivers.load.log_count > _SOME_PASS)
    return stale


def _felt_course(
    catalogue: Catalogue, state: ModelState, features: FeatureTable
) -> tuple[npt.NDArray[np.intp], FloatArray]:
    """intp[R], float64[R]: find the assets whose traffic is felt and not counted, and give its course now."""
    felt = catalogue.asset_of_channel[catalogue.feels_traffic]
    assets = np.asarray(felt[is_uncounted(state, felt)], np.intp)
    course = usual_course(state, features.start_ns, assets)
    known = np.isfinite(course)
    return assets[known], course[known]


def _sums_by_driver(
    catalogue: Catalogue, rows: npt.NDArray[np.intp], value: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """float64[A, D], int64[A, D]: add up and count the values of this hop that each driver of an asset has."""
    shape = len(catalogue.assets), len(DRIVERS)
    slot, slots = _slots(catalogue, rows), shape[0] * shape[1]
    total = np.asarray(np.bincount(slot, weights=value, minlength=slots), np.float64)
    return total.reshape(shape), np.bincount(slot, minlength=slots).reshape(shape)


def _columns(value: FloatArray, has_air: BoolArray, temperature: FloatArray, lagged: FloatArray) -> list[FloatArray]:
    """float64[A] each: scale all regressors but the constant to sizes near 1, in the order of `REGRESSORS`."""
    lagged_temperature, lagged_humidity, lagged_rain, lagged_load = np.nan_to_num(lagged).T
    return [
        warmth_of(temperature),
        warmth_of(lagged_temperature),
        frost_of(lagged_temperature),
        (lagged_humidity - 75.0) / 20.0,
        np.where(has_air, (value[:, _DECK] - value[:, _AIR]) / 10.0, 0.0),
        np.log1p(np.maximum(value[:, _LOAD], 0.0)) - LOAD_OFFSET,
        np.log1p(np.maximum(lagged_load, 0.0)) - LOAD_OFFSET,
        np.where(value[:, _LOAD] <= 0.0, 1.0, 0.0),
        value[:, _PACE] / 50.0 - 1.0,
        np.log1p(np.maximum(value[:, _WIND], 0.0)) - 1.0,
        np.log1p(np.maximum(lagged_rain, 0.0)),
    ]


def explain(
    catalogue: Catalogue, features: FeatureTable, environment: Environment, duty: MachineDuty, usable: BoolArray
) -> Explained:
    """Give what explains each judged channel: its asset's, with pace and duty of its own machine where those are known.

    Parameters
    ----------
    duty : MachineDuty
        Of this hop.
    usable : bool[C]
        Channels whose value of this hop may be believed.

    Returns
    -------
    Explained
        Of all `J` judged channels.
    """
    asset, channel = catalogue.asset_of_judged, catalogue.pace_of_judged
    regressors, met, stale = environment.regressors[asset], environment.met[asset], environment.stale[asset]
    pace = REGRESSORS.index("pace")
    met[:, pace] |= channel >= 0
    own = np.flatnonzero((channel >= 0) & usable[channel])
    value = catalogue.in_driver_unit(channel[own], features.value[channel[own]])
    regressors[own, pace] = value / 50.0 - 1.0
    if len(duty.rows):
        on_machine = np.ix_(duty.rows, DUTY_REGRESSORS)
        regressors[on_machine] = duty.regressors
        met[on_machine], stale[on_machine] = duty.met[:, np.newaxis], duty.stale[:, np.newaxis]
    return Explained(regressors, stale, met)


def has_climate(state: ModelState, assets: slice | IndexArray = slice(None)) -> BoolArray:
    """bool[A]: tell which assets, of some or of all, have ever heard a temperature of their own."""
    return np.asarray(climate_ns(state, assets) > 0)


def climate_ns(state: ModelState, assets: int | slice | IndexArray = slice(None)) -> TimeArray:
    """int64[...]: end of the hop of the newest temperature that explains, of one, some or all assets; 0 for none.

    That of the air, or of the deck where no air was ever heard.
    """
    spoke_ns = state.driver_ns[assets]
    return np.where(spoke_ns[..., _AIR] > 0, spoke_ns[..., _AIR], spoke_ns[..., _DECK])


def _widen_climate(state: ModelState, lagged_degc: FloatArray, elapsed_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Widen the range of temperatures met: a new extreme counts as met after some days, not at once."""
    weight = -np.expm1(-elapsed_s / _CLIMATE_MEMORY_S)
    low = np.where(np.isnan(state.climate_low), lagged_degc, state.climate_low)
    high = np.where(np.isnan(state.climate_high), lagged_degc, state.climate_high)
    beneath, above = np.fmin(lagged_degc - low, 0.0), np.fmax(lagged_degc - high, 0.0)
    return low + weight * beneath, high + weight * above


def _carries(catalogue: Catalogue, has_explained: BoolArray) -> BoolArray:
    """bool[C]: tell which channels carry their driver: those of the asset's first kind that ever explained."""
    rows = np.flatnonzero(has_explained & (catalogue.driver >= 0))
    slot, order = _slots(catalogue, rows), catalogue.driver_order[rows]
    first = np.full(len(catalogue.assets) * len(DRIVERS), np.iinfo(np.int8).max, np.int8)
    np.minimum.at(first, slot, order)
    return np.asarray(scatter(np.zeros_like(has_explained), rows, order == first[slot]))


def _fresh_ns(catalogue: Catalogue, carries: BoolArray) -> TimeArray:
    """int64[A, D]: how long each driver's last value explains."""
    fresh_ns = np.full(len(catalogue.assets) * len(DRIVERS), FRESH_NS, np.int64)
    rows = np.flatnonzero(carries)
    np.maximum.at(fresh_ns, _slots(catalogue, rows), FRESH_INTERVALS * catalogue.interval_ns[rows])
    return fresh_ns.reshape(len(catalogue.assets), len(DRIVERS))


def _slots(catalogue: Catalogue, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    """int64[R]: where the drivers of some channels stand in a table of assets and drivers, row by row."""
    return catalogue.asset_of_channel[rows].astype(np.int64) * len(DRIVERS) + catalogue.driver[rows]
