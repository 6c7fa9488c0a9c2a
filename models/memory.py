"""Everything the models remember, as a struct of arrays.

Every column belongs to one axis of the catalogue (`asset`, `channel`, `judged`, `frequency`, `shaken` or `pair`, see
`models.axes`), said in the table of `models.layout`, so that selecting, scattering, carrying and writing
(`models.state`) are one loop over the columns.

Times are int64 Unix nanoseconds of event time, 0 for never. Values of judged channels are in the model's
unit: the logarithm of the value where effects multiply, else the value itself (`Catalogue.is_log`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FloatArray, IndexArray, TimeArray
from domain.errors import ShapeError
from models.axes import axis_length
from models.catalogue import Catalogue
from models.layout import LAYOUT

__all__ = ["ByteRows", "ModelState", "begun_anew", "check_lengths", "initial_state", "scatter", "with_columns"]

# One piece of bytes, of any length, in each row.
ByteRows = npt.NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class ModelState:
    """The models' memory; `D` drivers, `K` regressors, `G` blocks of commissioning.

    Attributes
    ----------
    started_ns, stepped_ns : int64[A]
        Start of the first hop and end of the last one stepped.
    driver_value, driver_ns : float64[A, D], int64[A, D]
        Last value of each driver and the end of the hop it is from.
    lagged : float64[A, 4]
        Exponential memory of temperature, humidity, rain and load, in their units; NaN before the first value.
    warm_hours : float32[A, 24]
        What each hour of a day adds to the remembered temperature as a rule, in kelvins; NaN until it was heard.
    climate_low, climate_high : float64[A]
        Range of lagged temperature met so far; a new extreme counts after some days. NaN before.
    heard_ns : int64[C]
        End of the last hop with a valid value.
    missed_ns : int64[C]
        For how long its machine has worked since then; 0 for what is on none.
    last_value, same_since_ns, same_count : float64[C], int64[C], int32[C]
        That value in the channel's unit, since when it has not changed by one bit, over how many hops.
    still_spells : float32[C]
        How often it stood still for so long that it seemed stuck, and moved again, of about the last 672 values.
    spoken_ns, gap_share, gap_count, gaps_ns : int64[C], float32[C], float32[C], int64[C]
        Of a sensor, on its first channel: until when its readings last; the share of the time that they leave out and
        the gaps that makes, of about two days of hourly values; when the alarm was raised. 0 for never.
    recent, recent_ns : float64[C, 2], int64[C]
        The last two values as `models.watch` compares them, newest first, NaN for none; end of the newest's hop.
    usual_change, changes : float64[C], int32[C]
        What a value usually differs by from the mean of its neighbours, NaN before the first, and how many taught it.
    roughness : float64[C]
        Mean of recent changes over the usual one: 1 is usual.
    spikes : float64[C]
        Single values far from their neighbours, in about ten days.
    range_end, end_visits, beside_end : float32[C], int8[C], float32[C, 3]
        A value that the range may end at (`models.clipping`), NaN for none; how often it came to stay there, at most
        100; and which shares of its other values lay above it, below it, and repeated the one before.
    clipped_share, clipping_ns : float32[C], int64[C]
        Share of the last values that were clipped; on the first channel of a sensor, when the alarm was raised, 0 for
        none.
    miscount_ns : int64[C]
        Of a counter: when the alarm was raised that it counts what the structure does not feel; 0 for none.
    good_value, good_ns : float64[C], int64[C]
        Of what explains: the last believed value in the driver's unit, and the end of its hop.
    has_explained : bool[C]
        True once a value of it could be used to explain.
    mistake, mistaken_ns, mistake_ns : int8[C], int64[C], int64[C]
        Position of the unit it is mistaken for in `models.driver_screen`, -1 for none; since when every value is odd,
        or, negative, since when none is; when the alarm was raised. 0 for never.
    beyond_ns, impossible_ns : int64[C]
        Of what explains: since when every value is one that cannot be, or, negative, since when none is; when the alarm
        was raised. 0 for never.
    busiest, calmest, busy_values : float64[C], float64[C], int32[C]
        Of counters: the most and the least they counted in an hour, in the driver's unit, the latter NaN before the
        first; and of how many values, at most 168.
    noisy_ns, spiky_ns : int64[C]
        When the open alarm of that kind was raised, 0 for none.
    passed : float32[C]
        How many of them have ended by themselves, in about a year.
    slow, slow_ns : float64[C], int64[C]
        Of what is compared with like instruments (`models.drift`): mean of the last days in the driver's unit, NaN
        before the first value, and the end of the newest hop in it.
    reference, like_reference, reference_days : float64[C], float64[C], int32[C]
        What that mean and the median of like instruments were when the channel began, and over how many days.
    apart, apart_ns, drift_ns : float64[C], int64[C], int64[C]
        How far they went apart since then; since when it is too far; when the alarm was raised. 0 for never.
    like_moved, stirred : float64[C], float64[C, 2]
        What like instruments moved by since then, and how much the last weeks stirred: mean square of what it moved
        apart by within days, and of what they moved by.
    opposed_ns, opposed_last_ns, opposed_way, opposed_alarm_ns : int64[C], int64[C], int8[C], int64[C]
        Of the first channel of a sensor: since when its quantities oppose each other (`models.opposed`), and the last
        day on which they did; 1 where all read more than they should, -1 less; when the alarm about it was raised. 0
        for never, and for none.
    hours_level : float64[S]
        Mean over a week of what counts leave over of a vibration, without its own hours, see `models.own_hours`.
    hours_mean, hours_values : float32[S, 48], uint8[S, 48]
        By how much it is more at each hour of a weekday and of the weekend, and of how many values that is the mean, up
        to 14.
    hours_use : int8[S]
        1 where those hours explain, -1 where they do not differ, 0 before a week has told.
    load_usual, load_hours : float32[A, 48]
        What the traffic's counter counts at each hour of a weekday and of a day of the weekend (`models.usual_load`):
        mean of ``log(1 + count)``, NaN before the first, and hours that taught it, at most 14.
    load_doubt, doubted_ns : float32[A], int64[A]
        What the structure says against the counter, as the logarithm of a ratio of likelihoods, and since when that is
        too much for it to explain anything; 0 for not now.
    onsets_per_year : float64[A]
        How often damage begins on a watched asset, as the fleet showed when the second stage last looked.
    fleet_shown : float64[A, 2]
        What it showed: condition alarms raised, and years of assets watched.
    life_stretch : float64[A]
        How much wider than the degradation model says the remaining life is stated (`models.life_book`).
    stuck_ns, silent_ns, sensor_silent_ns : int64[C]
        When the open alarm of that kind was raised, 0 for none; the last on the first channel of a sensor.
    lost_ns, sensor_lost_ns : int64[C]
        End of the last hop in which it was silent for too long, and in which its whole sensor was, likewise.
    coefficients : float64[J, K]
        Level and effects of the regressors, in the model's unit.
    covariance : float64[J, K (K + 1) / 2]
        Their uncertainty, as a lower triangle (`models.triangles`).
    noise : float64[J]
        Variance of one hop's value around level and effects.
    behind : float64[J]
        How far values of late lie from the level, in the model's unit: what it lags behind.
    far_off_ns : int64[J]
        End of the last hop in which the channel was suspect and far off; 0 for never.
    scale : float64[J]
        Distance to failure that sets the priors; NaN before the first value.
    updated_ns : int64[J]
        End of the last hop folded in.
    count : int32[J]
        Values in the commissioning blocks; the channel is commissioned when it reaches its catalogue's count.
    block_value, block_regressors : float64[J, G], float32[J, G, K - 1]
        Sums of values and regressors in each block of commissioning.
    offset : float64[J]
        What announced works moved the reference by.
    duty, duty_ns : float64[J, 2], int64[J]
        Openings in 1/h of the machine that a channel is on, where traffic is counted too: now, and remembered over
        hours, NaN before the first; end of the newest's hop.
    before_works : float64[J]
        Deviation when works that move the reference began; NaN when none are being settled.
    put_back_ns : int64[J]
        When works were found to have put the channel back to its first normal (`models.put_back`); 0 for never.
    eased : bool[J]
        Whether those works do no more than grease.
    settle : int32[J]
        Values still to come until the reference is moved; 0 for none.
    works_since_ns, works_values, works_step : int64[J], int32[J], float64[J]
        Since when the same long works last, 0 for none; the values that told what they do, -1 where the reference was
        made or moved under them; and what that is (`models.long_works`).
    fault : int8[J]
        Position in `models.plausibility.FAULTS` of the fault whose alarm is open, or -1.
    fault_ns, fault_ended_ns, odd_ns : int64[J]
        When that alarm was raised; when the last one ended; since when every value is impossible for the structure, or,
        negative, since when none is. 0 for never.
    odd_share : float64[J]
        How many of the impossible values of late a wrong unit explains, 0 to 1.
    forgiven : float64[J]
        Residual that a person dismissed, in shares of the failure level; only what exceeds it is evidence.
    shock_start, weather_start : float64[J]
        Common shock of like assets, without and with the weather they compensate for, when the reference was
        made; NaN before.
    shock : float64[J]
        What was subtracted last for what like assets do together, in shares of the failure level.
    residual, residual_sd : float64[J]
        Deviation without the common shock, bends and its own place, positive towards harm, and what is usual; in
        shares of the failure level, NaN before the first.
    stands_out : bool[J]
        True where the residual is far from like assets'.
    long_share : float64[J]
        Mean of the residual over the last months (`models.opposed`), NaN before the first.
    settled, settled_days, settled_square : float64[J]
        Where the level lies beside its reference in good health, in shares of the failure level, positive towards harm;
        calm days that taught it; and the mean square of what it wanders by there (`models.settling`).
    harm_recent, harm_peak, harm_healed : float64[J]
        Residual towards harm of about a week, the highest that was, and how far it fell from there by itself, in shares
        of the failure level (`models.healing`); the first is NaN before there was one.
    bend_felt : float64[A, 3]
        Warmth of the asset beyond each bend (`models.bends`), as levels follow it; NaN before the first.
    bend_start, bend_slow, bend_level, bend_effect, bend_learnt, bend_error : float64[J, 3] or float64[J]
        What is remembered of each channel's bends, see `models.bends.Bends`; `bend_learnt` is float64[J, 6].
    bent : float64[J]
        What was taken off last for what warmth does beyond its bends, in shares of the failure level.
    placed : float64[J]
        What was taken off last for where the level lies beside its reference in good health, likewise.
    severity_weight : float64[J]
        Part of the channel in the severity of its pair; the parts of a pair add up to 1.
    deviation, deviation_sd, distance : float64[J]
        Level minus reference after the last value, its uncertainty, and the distance to failure; NaN before
        commissioning.
    measured, expected, spread : float64[J]
        Last value, what was normal at that environment, and its standard deviation; NaN before the first.
    evidence, strength : float64[P]
        Logarithm of the sequential test, and the smoothed standard score behind it.
    since_ns, raised_ns, calm_ns : int64[P]
        Start of the running evidence, of the open alarm, and of the calm since.
    evidence_ns : int64[P]
        End of the last hop counted as evidence.
    resumed_ns : int64[P]
        End of the first day that was heard behind the last gap of days; 0 where there was none.
    severity, severity_sd : float64[P]
        Share of the way to failure and its uncertainty; NaN before commissioning.
    agreeing : int32[P]
        Witnesses that point towards harm now.
    is_agreed : bool[P]
        True where quantities agreed on harm, one strongly and one fairly, on the last day of evidence.
    other_mode : int8[P]
        Failure mode a quantity of which agreed then, where it is another one: its place in `MODES` from 1 on.
    severity_past : float64[P, 113]
        Severity of each day, the newest first; 0 from before the reference was made.
    doubt, verdicts : float64[P], int32[P, 4]
        How much more evidence an alarm takes since people dismissed such alarms, and how many they dismissed and judged
        on this asset and in its class, as of the last day of the second stage (`models.precision`).
    scatter : float64[P]
        How far sound severities of the pair's mode scatter in the fleet, as a share of their spread
        (`models.usual_scatter`).
    day_number, day_sums : int64[F], float64[F, 6]
        Day of event time that was last heard, counted since 1970, and its sums: of the frequency in the model's unit
        and how many values that were, of the asset's temperature in degrees Celsius and how many, and of its humidity
        in % and how many.
    renewed_ns : int64[F]
        End of the last hop of works that leave another level behind; 0 for none.
    change_memory : bytes[F]
        The detector of the frequency's days (`models.stream_memory`); empty before the first day.
    damp_memory : bytes[F]
        The one that humidity explains to as well; empty where humidity was not known from the beginning.
    damp, damp_day : float64[F], int64[F]
        Humidity in %, as a mean of weeks, and the last day it was heard, 0 for never.
    change_begun_ns, change_driver, change_day : int64[F], int8[F], int64[F]
        What `renewed_ns` was when it began, the temperature that explains it, and the last day it was given.
    change_ns, rising_ns : int64[F]
        Since when a change is stated, and since when half of the evidence for it has been there; 0 for never.
    change, change_sd : float64[F]
        How far the level is from that of the first hundred days, and its standard error, in the model's unit; NaN
        before.
    change_novelty : float64[F]
        Minus the decimal logarithm of the chance of the last day under health.
    """

    started_ns: TimeArray
    stepped_ns: TimeArray
    driver_value: FloatArray
    driver_ns: TimeArray
    lagged: FloatArray
    warm_hours: FloatArray
    climate_low: FloatArray
    climate_high: FloatArray
    hours_level: FloatArray
    hours_mean: npt.NDArray[np.float32]
    hours_values: npt.NDArray[np.uint8]
    hours_use: npt.NDArray[np.int8]
    load_usual: npt.NDArray[np.float32]
    load_hours: npt.NDArray[np.float32]
    load_doubt: npt.NDArray[np.float32]
    doubted_ns: TimeArray
    onsets_per_year: FloatArray
    fleet_shown: FloatArray
    life_stretch: FloatArray
    heard_ns: TimeArray
    missed_ns: TimeArray
    last_value: FloatArray
    same_since_ns: TimeArray
    same_count: IndexArray
    still_spells: npt.NDArray[np.float32]
    stuck_ns: TimeArray
    silent_ns: TimeArray
    sensor_silent_ns: TimeArray
    lost_ns: TimeArray
    sensor_lost_ns: TimeArray
    spoken_ns: TimeArray
    gap_share: npt.NDArray[np.float32]
    gap_count: npt.NDArray[np.float32]
    gaps_ns: TimeArray
    recent: FloatArray
    recent_ns: TimeArray
    usual_change: FloatArray
    changes: IndexArray
    roughness: FloatArray
    spikes: FloatArray
    noisy_ns: TimeArray
    spiky_ns: TimeArray
    passed: npt.NDArray[np.float32]
    range_end: npt.NDArray[np.float32]
    end_visits: npt.NDArray[np.int8]
    beside_end: npt.NDArray[np.float32]
    clipped_share: npt.NDArray[np.float32]
    clipping_ns: TimeArray
    miscount_ns: TimeArray
    good_value: FloatArray
    good_ns: TimeArray
    has_explained: BoolArray
    mistake: npt.NDArray[np.int8]
    mistaken_ns: TimeArray
    mistake_ns: TimeArray
    beyond_ns: TimeArray
    impossible_ns: TimeArray
    busiest: FloatArray
    calmest: FloatArray
    busy_values: IndexArray
    slow: FloatArray
    slow_ns: TimeArray
    reference: FloatArray
    like_reference: FloatArray
    reference_days: IndexArray
    apart: FloatArray
    like_moved: FloatArray
    stirred: FloatArray
    apart_ns: TimeArray
    drift_ns: TimeArray
    opposed_ns: TimeArray
    opposed_last_ns: TimeArray
    opposed_way: npt.NDArray[np.int8]
    opposed_alarm_ns: TimeArray
    coefficients: FloatArray
    covariance: FloatArray
    noise: FloatArray
    behind: FloatArray
    far_off_ns: TimeArray
    scale: FloatArray
    updated_ns: TimeArray
    count: IndexArray
    block_value: FloatArray
    block_regressors: npt.NDArray[np.float32]
    offset: FloatArray
    duty: FloatArray
    duty_ns: TimeArray
    before_works: FloatArray
    put_back_ns: TimeArray
    eased: BoolArray
    settle: IndexArray
    works_since_ns: TimeArray
    works_values: IndexArray
    works_step: FloatArray
    fault: npt.NDArray[np.int8]
    fault_ns: TimeArray
    fault_ended_ns: TimeArray
    odd_ns: TimeArray
    odd_share: FloatArray
    forgiven: FloatArray
    shock_start: FloatArray
    weather_start: FloatArray
    shock: FloatArray
    residual: FloatArray
    residual_sd: FloatArray
    stands_out: BoolArray
    long_share: FloatArray
    settled: FloatArray
    settled_days: FloatArray
    settled_square: FloatArray
    harm_recent: FloatArray
    harm_peak: FloatArray
    harm_healed: FloatArray
    bend_felt: FloatArray
    bend_start: FloatArray
    bend_slow: FloatArray
    bend_level: FloatArray
    bend_effect: FloatArray
    bend_learnt: FloatArray
    bend_error: FloatArray
    bent: FloatArray
    placed: FloatArray
    severity_weight: FloatArray
    deviation: FloatArray
    deviation_sd: FloatArray
    distance: FloatArray
    measured: FloatArray
    expected: FloatArray
    spread: FloatArray
    evidence: FloatArray
    strength: FloatArray
    since_ns: TimeArray
    raised_ns: TimeArray
    calm_ns: TimeArray
    evidence_ns: TimeArray
    resumed_ns: TimeArray
    severity: FloatArray
    severity_sd: FloatArray
    agreeing: IndexArray
    is_agreed: BoolArray
    other_mode: npt.NDArray[np.int8]
    severity_past: FloatArray
    doubt: FloatArray
    verdicts: IndexArray
    scatter: FloatArray
    day_number: TimeArray
    day_sums: FloatArray
    renewed_ns: TimeArray
    change_memory: ByteRows
    damp_memory: ByteRows
    damp: FloatArray
    damp_day: TimeArray
    change_begun_ns: TimeArray
    change_driver: npt.NDArray[np.int8]
    change_day: TimeArray
    change_ns: TimeArray
    rising_ns: TimeArray
    change: FloatArray
    change_sd: FloatArray
    change_novelty: FloatArray

    def is_commissioned(self, catalogue: Catalogue) -> BoolArray:
        """bool[J]: tell which judged channels have their reference."""
        return self.count >= catalogue.commission_count[catalogue.judged]


def initial_state(catalogue: Catalogue) -> ModelState:
    """Give the state of a catalogue from which nothing was heard yet."""
    return ModelState(
        **{
            name: np.full((axis_length(catalogue, layout.axis), *layout.shape), layout.fill, layout.dtype)
            for name, layout in LAYOUT.items()
        }
    )


def check_lengths(catalogue: Catalogue, state: ModelState) -> None:
    """Refuse a state that does not have the catalogue's rows.

    Raises
    ------
    ShapeError
        With both lengths.
    """
    for name, axis in (("stepped_ns", "asset"), ("heard_ns", "channel"), ("noise", "judged"), ("evidence", "pair")):
        got, expected = len(getattr(state, name)), axis_length(catalogue, axis)
        if got != expected:
            msg = f"the state has {got} rows along {axis}, the catalogue {expected}; use the state's own catalogue"
            raise ShapeError(msg)


def scatter(column: npt.NDArray[Any], rows: npt.NDArray[np.intp], values: npt.NDArray[Any]) -> Any:
    """Copy a column with some of its rows, intp[R], replaced by values with R rows."""
    copy = column.copy()
    copy[rows] = values
    return copy


def begun_anew(state: ModelState, names: Sequence[str], rows: npt.NDArray[np.intp]) -> ModelState:
    """Give a state with some rows, intp[R], of some columns as every row starts (`models.layout.LAYOUT`)."""
    if not len(rows):
        return state
    fresh = {name: scatter(getattr(state, name), rows, np.asarray(LAYOUT[name].fill)) for name in names}
    return with_columns(state, **fresh)


def with_columns(state: ModelState, **columns: npt.NDArray[Any]) -> ModelState:
    """Give a state with some columns of its own and all others of another: `dataclasses.replace`, thirty times as fast.

    Raises
    ------
    TypeError
        If a column is unknown.
    """
    made = object.__new__(ModelState)
    vars(made).update(vars(state))
    if columns.keys() - vars(made).keys():
        msg = f"a state has no columns {sorted(columns.keys() - vars(made).keys())}; see models.layout"
        raise TypeError(msg)
    vars(made).update(columns)
    return made
