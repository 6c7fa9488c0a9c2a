"""Whether a natural frequency has changed: the detector of `schouw score`, once a day, on the means of its days.

The first stage asks every hour whether a structure is on its way to fail. Here the question is the other one, whether
a frequency is what it was, apart from temperature: the one that `models.stream_detector` answers, with a bend whose
place is found. Where humidity is measured a second detector is asked whether damp explains the change
(`models.frequency_detectors`). The answer is a statement beside the assessment and never an alarm: it moves no
evidence, no severity and no chance (docs/adr/0028-a-frequency-is-asked-once-a-day.md).

The first stage adds up what it believes of a day: readings of a faulty sensor, held values and hours under works are
not in it. When the day has ended the second stage gives the day's mean to the detector, with the mean of the asset's
deck temperature, or of the air's where no deck is measured, and humidity as a mean of weeks. Each detector begins with
a hundred days that are taken for healthy, and begins anew where the first stage does: after a repair, an accepted
normal, or works that leave another level behind. It costs half a millisecond a day and 33 kB a frequency, with humidity
a whole one and 77 kB.
"""

from __future__ import annotations

from math import exp, expm1, isfinite, sinh
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import FeatureTable, FloatArray, TimeArray
from domain.basis import ChangeBasis
from domain.explanations import FrequencyChange
from domain.records import Reason
from models.catalogue import HOUR_NS, Catalogue
from models.evidence import allowed_per_year
from models.frequency_detectors import FollowedFrequency, FrequencyDay, follow_day
from models.memory import ModelState, with_columns

__all__ = [
    "CHANGE_CODES",
    "add_to_day",
    "begin_anew",
    "change_bases",
    "change_reason",
    "computed_change",
    "follow_changes",
    "renew_by_works",
    "without_detectors",
]

_DAY_NS: Final = 24 * HOUR_NS
_DAYS_PER_YEAR: Final = 365.25
# Concrete takes up the damp of weeks. A hygrometer that is silent for longer than a week has nothing to say.
_DAMP_DAYS: Final = 14.0
_DAMP_HOLDS_DAYS: Final = 7
# From this share of the way to failure on a lone quantity can be material (`models.evidence`).
_MATERIAL_SHARE: Final = 0.10
CHANGE_CODES: Final = frozenset({"frequency_changed", "frequency_changed_early", "frequency_changed_far"})
_QUANTILE_80: Final = 1.2815515655446004


def add_to_day(
    catalogue: Catalogue, state: ModelState, features: FeatureTable, rows: npt.NDArray[np.intp], value: FloatArray
) -> ModelState:
    """Add one hop to the sums of its day.

    Parameters
    ----------
    rows : intp[R]
        Rows of judged channels whose value is believed and no works touch.
    value : float64[R]
        In the model's unit.
    """
    if not len(catalogue.frequency):
        return state
    asset = catalogue.asset_of_frequency
    of_judged = np.full(len(catalogue.judged), np.nan)
    of_judged[rows] = value
    frequency = of_judged[catalogue.frequency]
    terms = [np.nan_to_num(frequency), np.isfinite(frequency)]
    for driver in (catalogue.warmth_of_frequency, catalogue.damp_of_frequency):
        spoke = (driver >= 0) & (state.driver_ns[asset, driver] == features.end_ns[asset])
        terms += [np.where(spoke, state.driver_value[asset, driver], 0.0), spoke]
    day = features.start_ns[asset] // _DAY_NS
    kept = np.where((day == state.day_number)[:, np.newaxis], state.day_sums, 0.0)
    return with_columns(state, day_number=day, day_sums=kept + np.stack(terms, axis=1))


def renew_by_works(
    catalogue: Catalogue, state: ModelState, features: FeatureTable, moving: npt.NDArray[np.bool_]
) -> ModelState:
    """Note the judged channels, bool[J], under works that leave another level behind: they are begun with anew."""
    of_frequency = moving[catalogue.frequency]
    if not of_frequency.any():
        return state
    end_ns = features.end_ns[catalogue.asset_of_frequency]
    return with_columns(
        state,
        renewed_ns=np.where(of_frequency, end_ns, state.renewed_ns),
        day_sums=np.where(of_frequency[:, np.newaxis], 0.0, state.day_sums),
    )


def begin_anew(catalogue: Catalogue, state: ModelState, asset: int) -> ModelState:
    """Forget what is known of the frequencies of one asset: it is another structure, or has another normal."""
    mine = catalogue.asset_of_frequency == asset
    memories = {name: getattr(state, name).copy() for name in ("change_memory", "damp_memory")}
    for memory in memories.values():
        memory[mine] = b""
    return with_columns(
        state,
        day_sums=np.where(mine[:, np.newaxis], 0.0, state.day_sums),
        **memories,
        change_ns=np.where(mine, 0, state.change_ns),
        rising_ns=np.where(mine, 0, state.rising_ns),
        change=np.where(mine, np.nan, state.change),
        change_sd=np.where(mine, np.nan, state.change_sd),
        change_novelty=np.where(mine, 0.0, state.change_novelty),
    )


def without_detectors(state: ModelState) -> ModelState:
    """Give a state without the detectors' memories."""
    nothing = np.full(len(state.change_memory), b"", np.object_)
    return with_columns(state, change_memory=nothing, damp_memory=nothing)


def follow_changes(catalogue: Catalogue, state: ModelState, day_end_ns: int) -> ModelState:
    """Give the day that ended to the detector of each frequency.

    Parameters
    ----------
    catalogue, state
        The assets that have a row of this day: the first stage as it was at its end.
    day_end_ns : int
        End of the day. Days of one asset must come in order.

    Returns
    -------
    ModelState
        With new `change*` and `rising_ns`; the one passed in is not changed.
    """
    if not len(catalogue.frequency):
        return state
    today = day_end_ns // _DAY_NS - 1
    value, temperature, humidity = _day_means(state, today).T
    damp, damp_day = _follow_damp(state, humidity, today)
    warmth = catalogue.warmth_of_frequency
    number = np.bincount(catalogue.asset_of_frequency, minlength=len(catalogue.assets))
    run_days = _DAYS_PER_YEAR * (number / allowed_per_year(catalogue))[catalogue.asset_of_frequency]
    anew = (state.change_begun_ns != state.renewed_ns) | (state.change_driver != warmth)
    before = [_remembered(state, row, is_new=is_new) for row, is_new in enumerate(anew.tolist())]
    spoke = np.isfinite(value) & np.isfinite(temperature)
    awake = np.array([bool(known.change_memory) for known in before], np.bool_)
    asked = np.flatnonzero((warmth >= 0) & (spoke | awake))
    day = FrequencyDay(
        number=today,
        run_days=np.maximum(run_days, 2.0)[asked],
        direction=catalogue.direction[catalogue.judged[catalogue.frequency]][asked],
        value=value[asked],
        temperature=temperature[asked],
        damp=np.where(today - damp_day <= _DAMP_HOLDS_DAYS, damp, np.nan)[asked],
    )
    after = [FollowedFrequency()] * len(before)
    for row, followed in zip(asked.tolist(), follow_day(day, [before[row] for row in asked.tolist()]), strict=True):
        after[row] = followed
    found = {name: getattr(state, name).copy() for name in _WRITTEN}
    for name, kept in found.items():
        for row, known in enumerate(after):
            kept[row] = getattr(known, name)
    found |= {"damp": damp, "damp_day": damp_day, "change_driver": warmth.astype(np.int8)}
    return with_columns(state, **found, change_begun_ns=state.renewed_ns.copy())


_MEMORY: Final = ("change_memory", "damp_memory", "change_day", "change_ns", "rising_ns")
_WRITTEN: Final = (*_MEMORY, "change", "change_sd", "change_novelty")


def _remembered(state: ModelState, row: int, *, is_new: bool) -> FollowedFrequency:
    return FollowedFrequency() if is_new else FollowedFrequency(*(getattr(state, name)[row] for name in _MEMORY))


def _day_means(state: ModelState, today: int) -> FloatArray:
    """float64[F, 3]: mean frequency, temperature and humidity of a day, NaN where nothing came."""
    sums = np.where((state.day_number == today)[:, np.newaxis], state.day_sums, 0.0)
    number = sums[:, 1::2]
    return np.where(number > 0.0, sums[:, ::2] / np.maximum(number, 1.0), np.nan)


def _follow_damp(state: ModelState, humidity: FloatArray, today: int) -> tuple[FloatArray, TimeArray]:
    """float64[F], int64[F]: how damp each structure is as of today, in %, and the last day that tells of it."""
    heard = np.isfinite(humidity)
    share = -np.expm1((state.damp_day - today) / _DAMP_DAYS)
    known = np.where(state.damp_day > 0, state.damp + share * (humidity - state.damp), humidity)
    return np.where(heard, known, state.damp), np.where(heard, today, state.damp_day)


def change_bases(catalogue: Catalogue, state: ModelState, asset: int) -> tuple[ChangeBasis, ...]:
    """Collect the changes that are stated of one asset's frequencies."""
    found = []
    for row in range(int(catalogue.first_frequency[asset]), int(catalogue.first_frequency[asset + 1])):
        numbers = (state.change[row], state.change_sd[row])
        if state.change_ns[row] == 0 or not np.all(np.isfinite(numbers)):
            continue
        judged = int(catalogue.frequency[row])
        channel = int(catalogue.judged[judged])
        key, distance = catalogue.channels[channel], float(state.distance[judged])
        found.append(
            ChangeBasis(
                sensor=key.sensor,
                channel=key.channel,
                since_ns=int(state.change_ns[row]),
                change=float(state.change[row]),
                change_sd=float(state.change_sd[row]),
                direction=float(catalogue.direction[channel]),
                distance=distance if isfinite(distance) else None,
            )
        )
    return tuple(found)


def computed_change(basis: ChangeBasis) -> FrequencyChange:
    """Compute what is told of a change from what is stored of it."""
    towards = abs(basis.change) if basis.direction == 0.0 else basis.direction * basis.change
    share = None if basis.distance is None else max(towards, 0.0) / basis.distance
    return FrequencyChange(
        sensor=basis.sensor,
        channel=basis.channel,
        since_ns=basis.since_ns,
        change_share=expm1(basis.change),
        band_share=exp(basis.change) * sinh(_QUANTILE_80 * basis.change_sd),
        share_of_failure=share,
        is_material=share is not None and share >= _MATERIAL_SHARE,
    )


def change_reason(basis: ChangeBasis) -> Reason:
    """Say what has changed, since when, by how much, and whether that is material.

    Examples
    --------
    >>> basis = ChangeBasis("a1", "natural_frequency_1", 1_700_000_000_000_000_000, -0.003, 0.0005, -1.0, 0.1)
    >>> found = change_reason(basis)
    >>> found.code, found.facts["percent"], found.facts["band"], found.facts["severity"]
    ('frequency_changed', -0.3, 0.064, 0.03)
    """
    told = computed_change(basis)
    since = str(np.datetime64(basis.since_ns - 1, "ns").astype("datetime64[D]"))
    facts: dict[str, str | float | int] = {
        "sensor": basis.sensor,
        "channel": basis.channel,
        "since": since,
        "percent": round(100.0 * told.change_share, 3),
        "band": round(100.0 * told.band_share, 3),
    }
    if told.share_of_failure is None:
        return Reason("frequency_changed_early", facts)
    facts["severity"] = round(told.share_of_failure, 3)
    return Reason("frequency_changed_far" if told.is_material else "frequency_changed", facts)
