"""Whether a natural frequency has changed: the detector of `schouw score`, once a day, on the means of its days.

The first stage asks every hour whether a structure is on its way to fail. Here the question is the other one, whether
a frequency is what it was, apart from temperature: the one that `models.stream_detector` answers, with a bend whose
place is found. It costs half a millisecond and 33 kB a frequency, which once a day is little; the detectors of all
frequencies are stepped together. Its answer is a statement beside the assessment and never an alarm: it moves no
evidence, no severity and no chance (docs/adr/0028-a-frequency-is-asked-once-a-day.md).

The first stage adds up what it believes of a day: readings of a faulty sensor, held values and hours under works are
not in it. When the day has ended the second stage gives the day's mean to the detector, with the mean of the asset's
deck temperature, or of the air's where no deck is measured. Each detector begins with a hundred days that are taken for
healthy, and begins anew where the first stage does: after a repair, an accepted normal, or works that leave another
level behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, expm1, isfinite, sinh
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import FeatureTable, FloatArray
from domain.basis import ChangeBasis
from domain.explanations import FrequencyChange
from domain.records import Reason
from models.catalogue import DRIVERS, HOUR_NS, Catalogue
from models.memory import ModelState, with_columns
from models.stream_detector import StreamDetector, StreamVerdict, step_together
from models.stream_memory import decode_detector, encode_detector

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
_DAY_S: Final = 86400.0
_DAYS_PER_YEAR: Final = 365.25
_AIR, _DECK = DRIVERS.index("air"), DRIVERS.index("deck")
# A change has been there since the evidence for it was half of what an alarm of the detector takes. Frost and thaw do
# that for some days; what lasts a week is none of them.
_RISING_SHARE: Final = 0.5
_LASTING_NS: Final = 7 * _DAY_NS
# Days without a value widen what the level may be; two years of them have said it all.
_MOST_MISSED_DAYS: Final = 730
# Detectors that are awake at once, 33 kB each.
_TOGETHER: Final = 64
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
    driver = _drivers(catalogue)
    temperature = state.driver_value[asset, driver]
    spoke = (driver >= 0) & (state.driver_ns[asset, driver] == features.end_ns[asset])
    day = features.start_ns[asset] // _DAY_NS
    terms = np.stack(
        [np.nan_to_num(frequency), np.isfinite(frequency), np.where(spoke, temperature, 0.0), spoke], axis=1
    )
    kept = np.where((day == state.day_number)[:, np.newaxis], state.day_sums, 0.0)
    return with_columns(state, day_number=day, day_sums=kept + terms)


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
    memory = state.change_memory.copy()
    memory[mine] = b""
    return with_columns(
        state,
        day_sums=np.where(mine[:, np.newaxis], 0.0, state.day_sums),
        change_memory=memory,
        change_ns=np.where(mine, 0, state.change_ns),
        rising_ns=np.where(mine, 0, state.rising_ns),
        change=np.where(mine, np.nan, state.change),
        change_sd=np.where(mine, np.nan, state.change_sd),
        change_novelty=np.where(mine, 0.0, state.change_novelty),
    )


def without_detectors(state: ModelState) -> ModelState:
    """Give a state without the detectors' memories."""
    return with_columns(state, change_memory=np.full(len(state.change_memory), b"", np.object_))


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
    value, temperature = _day_means(state, today)
    driver = _drivers(catalogue)
    number = np.bincount(catalogue.asset_of_frequency, minlength=len(catalogue.assets))
    run_days = _DAYS_PER_YEAR * (number / catalogue.false_alarms_per_year)[catalogue.asset_of_frequency]
    run_days = np.maximum(run_days, 2.0)
    anew = (state.change_begun_ns != state.renewed_ns) | (state.change_driver != driver)
    before = [_remembered(state, row, is_new=is_new) for row, is_new in enumerate(anew.tolist())]
    spoke = np.isfinite(value) & np.isfinite(temperature)
    asked = np.flatnonzero(
        (driver >= 0) & (spoke | np.array([bool(known.change_memory) for known in before], np.bool_))
    )
    after = [_Followed()] * len(before)
    direction = catalogue.direction[catalogue.judged[catalogue.frequency]]
    for begin in range(0, len(asked), _TOGETHER):
        rows = asked[begin : begin + _TOGETHER].tolist()
        detectors = [_awakened(before[row], today, float(run_days[row])) for row in rows]
        day = value[rows, np.newaxis], temperature[rows, np.newaxis]
        verdicts = step_together(detectors, _DAY_S * today, *day)
        for row, detector, verdict in zip(rows, detectors, verdicts, strict=True):
            after[row] = _followed(
                before[row], detector, verdict, today, spoke=bool(spoke[row]), direction=float(direction[row])
            )
    found = {name: getattr(state, name).copy() for name in _WRITTEN}
    for name, kept in found.items():
        for row, known in enumerate(after):
            kept[row] = getattr(known, name)
    return with_columns(state, **found, change_begun_ns=state.renewed_ns.copy(), change_driver=driver.astype(np.int8))


_MEMORY: Final = ("change_memory", "change_day", "change_ns", "rising_ns")
_WRITTEN: Final = (*_MEMORY, "change", "change_sd", "change_novelty")


@dataclass(frozen=True, slots=True)
class _Followed:
    """What is remembered of one frequency, in columns of the state."""

    change_memory: bytes = b""
    change_day: int = 0
    change_ns: int = 0
    rising_ns: int = 0
    change: float = np.nan
    change_sd: float = np.nan
    change_novelty: float = 0.0


def _remembered(state: ModelState, row: int, *, is_new: bool) -> _Followed:
    return _Followed() if is_new else _Followed(*(getattr(state, name)[row] for name in _MEMORY))


def _awakened(before: _Followed, today: int, run_days: float) -> StreamDetector:
    """Give the detector of a frequency as it is on the evening before today."""
    if not before.change_memory:
        return StreamDetector(channels=1, environments=1, expected_run_length=run_days)
    detector = decode_detector(before.change_memory)
    detector.promise(run_days)
    for day in range(max(int(before.change_day) + 1, today - _MOST_MISSED_DAYS), today):
        detector.step(_DAY_S * day, np.full(1, np.nan), np.full(1, np.nan))
    return detector


def _followed(
    before: _Followed, detector: StreamDetector, verdict: StreamVerdict, today: int, *, spoke: bool, direction: float
) -> _Followed:
    """Say what is remembered after a day; a change away from harm is not stated."""
    (change,), (error,) = detector.shifts()
    now_ns = (today + 1) * _DAY_NS
    rising_ns = int(before.rising_ns)
    if verdict.share_of_alarm >= _RISING_SHARE:
        rising_ns = rising_ns or now_ns
    elif spoke:
        rising_ns = 0
    lasts = rising_ns > 0 and now_ns - rising_ns >= _LASTING_NS
    is_told = verdict.alarm and (direction == 0.0 or direction * float(change) > 0.0)
    return _Followed(
        change_memory=encode_detector(detector),
        change_day=today,
        change_ns=(int(before.change_ns) or (rising_ns if lasts else 0)) if is_told else 0,
        rising_ns=rising_ns,
        change=float(change),
        change_sd=float(error),
        change_novelty=verdict.novelty,
    )


def _drivers(catalogue: Catalogue) -> npt.NDArray[np.intp]:
    """intp[F]: what explains each frequency: the deck's temperature where its asset has that, else the air's, or -1."""
    has = np.zeros((len(catalogue.assets), len(DRIVERS)), np.bool_)
    carries = np.flatnonzero(catalogue.driver >= 0)
    has[catalogue.asset_of_channel[carries], catalogue.driver[carries]] = True
    chosen = np.where(has[:, _DECK], _DECK, np.where(has[:, _AIR], _AIR, -1))
    return np.asarray(chosen[catalogue.asset_of_frequency], np.intp)


def _day_means(state: ModelState, today: int) -> tuple[FloatArray, FloatArray]:
    """float64[F] twice: mean frequency and temperature of a day, NaN where nothing came."""
    sums = np.where((state.day_number == today)[:, np.newaxis], state.day_sums, 0.0)
    number = sums[:, 1::2]
    mean = np.where(number > 0.0, sums[:, ::2] / np.maximum(number, 1.0), np.nan)
    return mean[:, 0], mean[:, 1]


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
