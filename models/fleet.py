"""What like assets do together: the second stage, once for each day of event time.

A watched level moves with weather that nobody measured, and by an amount that four days of commissioning cannot
show. Like assets tell both. Channels of one quantity, failure mode and type of asset are a *group*; a day's rows
of a group give

- the *common shock*, the median of their deviations. It is subtracted as far as there are enough of them, from
  each channel relative to the shock on the day its reference was made, so that an asset that joins later is
  compared with what happened since;
- the *spread* of what is left, by the median and by those further out, over weeks. Weighed against a prior worth four
  channels it is what a sound channel deviates by, whatever its own short noise says; to it comes what the channel
  did before and took back (`models.healing`).

Each structure feels a frost differently. So what stays where it was while its like move away from harm is off by less
than an alarm takes, where thermometers of its own explain it.

What a channel shows of itself in calm months is used too (`models.settling`): where it lies beside its reference is
taken off, and how much it wanders there is weighed against what its group does.

Only those speak that are near the most likely common shock (`models.common_shock`): damage is no weather, though it
be on most of a group.

What warmth does beyond what the first stage explains is taken off each level first (`models.bends`).

An asset without a temperature sensor borrows the weather of like assets: it is compared with what their levels would
have done had nobody compensated for temperature. What warmth does to it more or less than to them is learnt from the
warmth of the neighbourhood (`models.borrowed_weather`), like a bend. How much they differ in that is the spread it is
judged by, until it has shown its own.

The stage works on rows that were stored when a day ended (`service.day_rows`), never on the first stage's state as
it is now, and it writes only `FLEET_COLUMNS`, which the first stage never reads. So the first stage of an asset
depends on that asset alone, and a shard on its own assets alone (docs/adr/0007-second-stage-over-a-shard.md). A day's
context is kept: rows that come later, of an asset replayed behind the others, meet the same context.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FloatArray
from models.bends import Bends, bend_effect, feel_warmth, learn_bends
from models.borrowed_weather import lend_warmth, with_warmth
from models.catalogue import HOUR_NS, Catalogue
from models.common_shock import choose_speakers
from models.day_tables import padded, table_before, with_table
from models.deviation import unmeasured_variance
from models.environment import has_climate
from models.faults import is_silent, is_stuck
from models.fleet_memory import FleetMemory
from models.healing import Healing, remember_healing
from models.layout import REGRESSORS
from models.like_groups import group_name
from models.lost_sensitivity import is_lost
from models.medians import MEDIAN_TO_SD, grouped_median, grouped_upper
from models.memory import ModelState, with_columns
from models.opposed import is_opposed
from models.plausibility import may_speak
from models.settling import Settling, learn_settling, place_variance, taught_share, wander_variance
from models.thresholds import MODES
from models.warmth import MILD_DEGC, frost_of, warmth_of

__all__ = ["believable", "compare_with_fleet", "group_names"]

_DAY_NS: Final = 24 * HOUR_NS
# A median of two is the half of each: fewer channels than this are no fleet.
_LEAST_GROUP: Final = 3
_LEAST_SPEAKERS: Final = 2
# How far weather that nobody measured moves a level, before it has; and the variance of a median over that of a mean.
_SHOCK_START: Final = 0.1
_MEDIAN_VARIANCE: Final = 1.57
# Channels that the prior of the spread is worth.
_SPREAD_PRIOR: Final = 4.0
# How far a sound level wanders in a season, in shares of the failure level, before like assets have shown it.
_SPREAD_START: Final = 0.07
_SPREAD_DAYS: Final = 15.0
# Assets differ in what weather does to them, so the median of the deviations says too little of the sound ones that are
# furthest: this share of them counts as well, by where it lies in a normal distribution.
_OUTER_SHARE: Final = 0.85
_OUTER_TO_SD: Final = 1.44
_WITH_WEATHER: Final = " with weather"
# A channel that stands out is no example of health.
_OUTLIER_SCORE: Final = 3.0
_OUTLIER_SHARE: Final = 0.12

_MEDIAN, _SPREAD, _NUMBER, _UNCERTAINTY = range(4)
# What has thermometers of its own, and stays where it was while its like move away from harm, as in a frost that
# stiffens them, is off by no more of the way to failure than this: less than an alarm takes (`models.evidence`).
_ABOVE_LEVEL: Final = 0.15
# Of a group that is new: no shock, the prior's spread, nobody in it.
_NEW_GROUP: Final[FloatArray] = np.array([0.0, _SPREAD_START**2, 0.0, 0.0])


def group_names(catalogue: Catalogue) -> list[str]:
    """Name the group of each judged channel; length J."""
    return [
        group_name(
            catalogue.details[asset].type,
            MODES[catalogue.pair_mode[pair]],
            catalogue.channels[channel],
            is_own=bool(catalogue.has_own_group[channel]),
        )
        for channel, asset, pair in zip(
            catalogue.judged.tolist(),
            catalogue.asset_of_judged.tolist(),
            catalogue.pair_of_judged.tolist(),
            strict=True,
        )
    ]


def temperature_effect(catalogue: Catalogue, state: ModelState) -> FloatArray:
    """float64[J]: what temperature does to each level by the channel's own effects, since its reference was made.

    In the model's unit; 0 where the asset has no temperature sensor. The temperature of the last day stands for now.
    """
    lagged = np.nan_to_num(state.lagged[catalogue.asset_of_judged, 0], nan=MILD_DEGC)
    now = {
        "air_now": warmth_of(lagged),
        "air_lagged": warmth_of(lagged),
        "frost": frost_of(lagged),
    }
    usual = np.sum(state.block_regressors, axis=1, dtype=np.float64) / np.maximum(state.count, 1)[:, np.newaxis]
    effect = np.zeros(len(catalogue.judged))
    for name, regressor in now.items():
        column = REGRESSORS.index(name)
        effect = effect + state.coefficients[:, column] * (regressor - usual[:, column - 1])
    return np.where(has_climate(state)[catalogue.asset_of_judged], effect, 0.0)


def believable(catalogue: Catalogue, state: ModelState, day_end_ns: int) -> BoolArray:
    """bool[J]: tell which judged channels have a deviation of this day that no fault of a value speaks against."""
    judged = catalogue.judged
    end_ns = np.full(len(catalogue.assets), day_end_ns, np.int64)
    end = end_ns[catalogue.asset_of_judged]
    patience = np.maximum(_DAY_NS, catalogue.interval_ns[judged] + catalogue.interval_ns[judged] // 2)
    spoke = (state.updated_ns > 0) & (end - state.updated_ns < patience)
    sound = ~is_stuck(catalogue, state)[judged] & ~is_silent(catalogue, state, end_ns)[judged]
    known = np.isfinite(state.deviation) & state.is_commissioned(catalogue)
    sound_values = may_speak(state, end) & (state.noisy_ns[judged] == 0)
    return np.asarray(spoke & sound & known & (state.settle == 0) & sound_values)


def compare_with_fleet(
    catalogue: Catalogue, state: ModelState, memory: FleetMemory, heard: BoolArray, day_end_ns: int
) -> tuple[ModelState, BoolArray]:
    """Turn a day's deviations into what is left without the common shock, and how much of that is usual.

    Parameters
    ----------
    catalogue, state
        The assets that have a row of this day, as they were at its end.
    memory : FleetMemory
        Changed in place: a context for the day, unless there is one.
    heard : bool[J]
        Channels with a deviation of this day (`believable`).
    day_end_ns : int
        End of the day.

    Returns
    -------
    ModelState
        With new `shock_start`, `weather_start`, `shock`, `residual`, `residual_sd`, `stands_out`, `harm_*`,
        `settled*`, `bend_*`, `bent` and `placed`.
    active : bool[J]
        Channels with a residual of this day.
    """
    own_group, weather_group = _groups(catalogue, memory)
    groups = len(memory.names)
    active = heard & ~is_lost(catalogue, state)
    direction = catalogue.direction[catalogue.judged]
    sign = np.where(direction == 0.0, 1.0, direction)
    distance = np.where(active, state.distance, 1.0)
    share = np.where(active, sign * state.deviation / distance, 0.0)
    weather = np.where(active, sign * temperature_effect(catalogue, state) / distance, 0.0)
    uncertainty = np.where(active, (state.deviation_sd / distance) ** 2, 0.0)
    bends = _bends_of(state)
    memory.warmth = with_warmth(memory.warmth, state, day_end_ns)
    felt = feel_warmth(state.bend_felt, lend_warmth(memory.warmth, state.lagged[:, 0], day_end_ns))
    warmth = felt[catalogue.asset_of_judged]
    bent, unsure = (np.where(active, column, 0.0) for column in bend_effect(bends, warmth))
    settling = Settling(state.settled, state.settled_days, state.settled_square)
    straight = share - bent - settling.place
    compensated = has_climate(state)[catalogue.asset_of_judged]
    borrows = active & ~compensated & np.isfinite(warmth[:, 0])
    # What warmth that is borrowed does is known as far as the bends are, once calm days have borne them out.
    unmeasured = np.where(borrows, taught_share(settling) * unmeasured_variance(state) / distance**2, 0.0)
    uncertainty = np.maximum(uncertainty - unmeasured, 0.0) + unsure + place_variance(settling)
    rough = share + weather - settling.place

    before = padded(table_before(memory.context, day_end_ns), groups, _NEW_GROUP)
    known = np.isfinite(state.deviation)
    fresh = active & np.isnan(state.shock_start)
    origin = np.where(known, np.where(fresh, before[own_group, _MEDIAN], state.shock_start), np.nan)
    weather_origin = np.where(known, np.where(fresh, before[weather_group, _MEDIAN], state.weather_start), np.nan)
    is_alarmed = state.raised_ns[catalogue.pair_of_judged] > 0
    # Every channel speaks for its group with the weather in it; those that compensate also for the one without.
    rows = _Rows(
        group=np.concatenate([own_group, weather_group]),
        value=np.concatenate([straight + np.nan_to_num(origin), rough + np.nan_to_num(weather_origin)]),
        uncertainty=np.concatenate([uncertainty, np.zeros(len(share))]),
        active=np.concatenate([active & compensated, active]),
        stood_out=np.concatenate([state.stands_out, state.stands_out]),
        is_alarmed=np.concatenate([is_alarmed, is_alarmed]),
        is_two_sided=np.concatenate([direction == 0.0, direction == 0.0]),
    )
    context = memory.context.get(day_end_ns)
    if context is None:
        context = _learn_day(memory, rows, before)
        memory.context = with_table(memory.context, day_end_ns, context)
    context = padded(context, groups, _NEW_GROUP)

    group = np.where(compensated, own_group, weather_group)
    start = np.nan_to_num(np.where(compensated, origin, weather_origin))
    shock = _shrunk(context[group], context[group, _MEDIAN] - start)
    beyond = _beyond_limit(catalogue, state)
    held = np.where(compensated, _held(shock, straight, direction), shock)
    residual = np.where(beyond, np.maximum(straight - held, 1.0), straight - held)
    spread = _sound_spread(context, group, uncertainty, settling, beyond=beyond, by_weather=~compensated & ~borrows)
    towards = np.where(direction == 0.0, np.abs(residual), residual)
    healing, usual = remember_healing(
        Healing(state.harm_recent, state.harm_peak, state.harm_healed), towards, spread, active
    )
    bends = learn_bends(bends, warmth, share - shock, active)
    nothing = (state.evidence == 0.0) & (state.raised_ns == 0)
    calm = active & ~beyond & ~state.stands_out & nothing[catalogue.pair_of_judged] & ~is_opposed(catalogue, state)
    learnt = learn_settling(settling, residual, usual, calm)
    out = active & (towards > _OUTLIER_SCORE * spread) & (towards > _OUTLIER_SHARE)
    return (
        with_columns(
            state,
            shock_start=origin,
            weather_start=weather_origin,
            shock=np.where(active, held, state.shock),
            residual=np.where(active, residual, state.residual),
            residual_sd=np.where(active, np.where(beyond, spread, usual), state.residual_sd),
            harm_recent=healing.recent,
            harm_peak=healing.peak,
            harm_healed=healing.healed,
            settled=learnt.place,
            settled_days=learnt.days,
            settled_square=learnt.square,
            bend_felt=felt,
            **{f"bend_{name}": column for name, column in bends._asdict().items()},
            bent=np.where(active, bent, state.bent),
            placed=np.where(active, settling.place, state.placed),
            stands_out=np.where(active, out, state.stands_out),
        ),
        active,
    )


def _held(shock: FloatArray, straight: FloatArray, direction: FloatArray) -> FloatArray:
    """float64[J]: what like structures share, held so that no residual is much further towards harm than its level.

    Parameters
    ----------
    straight : float64[J]
        The level without it.
    direction : float64[J]
        Of harm; 0 for either.
    """
    # Harm is at most `_ABOVE_LEVEL` further on than the level is, so that the shock is at least so much below it.
    own = np.where(direction == 0.0, np.abs(straight), np.maximum(straight, 0.0))
    most = np.where(direction == 0.0, straight + own + _ABOVE_LEVEL, np.inf)
    return np.asarray(np.clip(shock, straight - own - _ABOVE_LEVEL, most))


def _sound_spread(
    context: FloatArray,
    group: npt.NDArray[np.intp],
    uncertainty: FloatArray,
    settling: Settling,
    *,
    beyond: BoolArray,
    by_weather: BoolArray,
) -> FloatArray:
    """float64[J]: what a sound level deviates by, as share of the way to failure.

    Parameters
    ----------
    context : float64[G, ...]
        Of the day.
    group : intp[J]
        Whose spread counts for each channel.
    uncertainty : float64[J]
        Variance of the level itself.
    beyond : bool[J]
        Past the owner's own limit.
    by_weather : bool[J]
        Explained by nothing but the weather of its like, not even by warmth that is borrowed.
    """
    number = context[:, _NUMBER]
    variance = _pooled_spread(number, context[:, _SPREAD])
    # What all of a group are unsure of is in its spread already, as far as there is a group.
    enough = number >= _LEAST_SPEAKERS
    shared = np.where(enough, number / (_SPREAD_PRIOR + number), 0.0)
    own = np.maximum(uncertainty - shared[group] * context[group, _UNCERTAINTY], 0.0)
    own = np.where(by_weather & enough[group], (1.0 - shared[group]) * uncertainty, own)
    # Past the owner's own limit is past it, however uncertain the way there was.
    return np.asarray(np.where(beyond, _SPREAD_START, np.sqrt(wander_variance(settling, variance[group]) + own)))


def _bends_of(state: ModelState) -> Bends:
    return Bends(*(getattr(state, f"bend_{name}") for name in Bends._fields))


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """What channels say of their groups on one day, N of them: group, deviation, uncertainty, and who may speak."""

    group: npt.NDArray[np.intp]
    value: FloatArray
    uncertainty: FloatArray
    active: BoolArray
    stood_out: BoolArray
    is_alarmed: BoolArray
    is_two_sided: BoolArray


def _groups(catalogue: Catalogue, memory: FleetMemory) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """intp[J] twice: the numbers of each channel's group, without and with weather; new ones are added."""
    place = {name: number for number, name in enumerate(memory.names)}
    names = group_names(catalogue)
    for name in names:
        for variant in (name, name + _WITH_WEATHER):
            if variant not in place:
                place[variant] = len(memory.names)
                memory.names.append(variant)
    added = len(memory.names) - len(memory.spread)
    memory.spread = np.concatenate([memory.spread, np.full(added, _SPREAD_START**2)])
    own = np.array([place[name] for name in names], np.intp)
    return own, np.array([place[name + _WITH_WEATHER] for name in names], np.intp)


def _learn_day(memory: FleetMemory, rows: _Rows, before: FloatArray) -> FloatArray:
    """float64[G, 4]: the context of a new day; moves the remembered spreads."""
    groups = len(memory.names)
    heard = np.flatnonzero(rows.active)
    among = np.bincount(rows.group[heard], minlength=groups)
    usual_spread = _pooled_spread(before[:, _NUMBER], memory.spread)
    speaks = choose_speakers(
        rows.group[heard],
        rows.value[heard],
        usual_spread[rows.group[heard]] + rows.uncertainty[heard],
        stood_out=rows.stood_out[heard],
        is_alarmed=rows.is_alarmed[heard],
        is_two_sided=rows.is_two_sided[heard],
        groups=groups,
    )
    typical = heard[speaks]
    group, value = rows.group[typical], rows.value[typical]
    number = np.bincount(group, minlength=groups).astype(np.float64)
    # Two that are left of a group speak for it; two that are all of it are no group.
    number = np.where(among >= _LEAST_GROUP, number, 0.0)
    median = grouped_median(group, value, groups)
    median = np.where(np.isnan(median), before[:, _MEDIAN], median)
    usual = np.nan_to_num(grouped_median(group, rows.uncertainty[typical], groups))
    apart = np.abs(value - median[group])
    middle = MEDIAN_TO_SD * grouped_median(group, apart, groups)
    outer = grouped_upper(group, apart, groups, _OUTER_SHARE) / _OUTER_TO_SD
    left = np.sqrt(0.5 * (middle**2 + np.fmax(middle, outer) ** 2))
    learnt = ~np.isnan(left) & (number >= _LEAST_GROUP)
    moved = memory.spread - np.expm1(-1.0 / _SPREAD_DAYS) * (np.nan_to_num(left) ** 2 - memory.spread)
    memory.spread = np.where(learnt, moved, memory.spread)
    return np.stack([median, memory.spread, number, usual], axis=1)


def _pooled_spread(number: FloatArray, spread: FloatArray) -> FloatArray:
    """float64[G]: the variance of sound channels, weighed against the prior's."""
    return np.asarray((_SPREAD_PRIOR * _SPREAD_START**2 + number * spread) / (_SPREAD_PRIOR + number))


def _shrunk(context: FloatArray, moved: FloatArray) -> FloatArray:
    """float64[J]: how far a median that moved is believed to be a common shock, given each channel's own group."""
    number = np.maximum(context[:, _NUMBER], 1.0)
    error = _MEDIAN_VARIANCE * context[:, _SPREAD] / number
    signal = np.maximum(moved**2, _SHOCK_START**2)
    return np.where(context[:, _NUMBER] >= _LEAST_SPEAKERS, moved * signal / (signal + error), 0.0)


def _beyond_limit(catalogue: Catalogue, state: ModelState) -> BoolArray:
    """bool[J]: tell which levels are past the owner's own limit, even when they were there at commissioning.

    They must be there in today's weather, where they are measured, as in that of commissioning. What is far from either
    is told by effects of the weather, which may have been learnt wrongly; and a wet week that is past it is no damage.
    """
    limit, direction = catalogue.limit[catalogue.judged], catalogue.direction[catalogue.judged]
    start = np.sum(state.block_value, axis=-1) / np.maximum(state.count, 1) + state.offset
    level = start + np.nan_to_num(state.deviation)
    today = np.nan_to_num(state.expected) + np.nan_to_num(state.deviation)
    known = np.isfinite(limit) & np.isfinite(state.deviation) & (direction != 0.0)
    least = np.minimum(direction * level, direction * today)
    return np.asarray(known & (least >= direction * np.nan_to_num(limit)))
