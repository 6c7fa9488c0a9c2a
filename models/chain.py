"""The models in two stages: an hour of one asset, and a day of the fleet.

`step_hop`, the first stage: faults, environment, plausibility, baseline, deviation. It takes the state of some assets
and one closed hop of each, and gives the new state, the scores of the hop's values and the sensors' alarms that
changed. It is called in event-time order per asset, and not for every silent hop: everything that takes time
uses the time since the asset's last step. Announced works suspend learning and evidence while they last, unless that is
for weeks (`models.long_works`); when their kind leaves another level behind, the reference afterwards is moved by the
step across them, so that evidence from before stays, unless they put the structure back (`models.put_back`).
`look_at_hop` is the same while the hop is open, without learning.

`step_fleet`, the second stage (`models.fleet_day`), takes the rows of all assets whose day has ended, as they were at
that moment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import special

from domain.arrays import BoolArray, FeatureTable, FloatArray, TimeArray
from domain.errors import ShapeError
from models.alarms import AlarmChange
from models.baseline import forget_reference, learn, meet_drivers
from models.catalogue import HOUR_NS, Catalogue
from models.clipping import find_clipping
from models.counter_trust import weigh_counts
from models.decisions import apply_decision
from models.deviation import Expectation, expect, in_unit, is_suspect, measure_deviation
from models.drift import remember_slowly
from models.driver_screen import hold_impossible, screen_drivers
from models.environment import Environment, Explained, explain, update_environment
from models.faults import find_faults
from models.fleet_day import step_fleet
from models.frequency_changes import add_to_day, renew_by_works
from models.layout import LEVEL_VARIANCE
from models.long_works import Works, add_to_step, follow_long_works, is_made_under_works, step_of, works_of
from models.lost_sensitivity import goes_too_far
from models.machine_duty import DUTY_REGRESSORS, MachineDuty, follow_duty
from models.memory import ModelState, check_lengths, scatter, with_columns
from models.own_hours import learn_own_hours, own_hours
from models.plausibility import screen
from models.put_back import is_eased_by_works, put_back_by_works
from models.recommissioning import begin_reference
from models.risk import RiskColumns, assess, risk_records
from models.state import MODEL_VERSION
from models.usual_load import course_is_known, learn_course, renew_load
from models.watch import watch

__all__ = [
    "MODEL_VERSION",
    "AlarmChange",
    "HopScores",
    "RiskColumns",
    "apply_decision",
    "assess",
    "look_at_hop",
    "risk_records",
    "step_fleet",
    "step_hop",
]

# Behind one that was so much off it stays so for days: what is left of that is no weather.
_FAR_SHARE: Final = 0.2
_STILL_NS: Final = 3 * 24 * HOUR_NS
# What a machine shakes by while its counter says that it rests tells nothing of it. But it works, whatever a counter
# says, where it shakes by no less than its level, to this share of the way to failure.
_HUM_SHARE: Final = 0.5
# Values after works until the reference is moved by the step across them.
_SETTLE_VALUES: Final = 24
# Degrees of freedom of a score whose scale rests on nine blocks' worth of evidence.
_DEGREES_OF_FREEDOM: Final = 9.0


@dataclass(frozen=True, slots=True, eq=False)
class HopScores:
    """How a hop's values compare with what was normal before they were learnt.

    Attributes
    ----------
    novelty : float64[C]
        Standard deviations from the expected value, positive in the direction of harm (above the expected one
        where either harms); NaN where there is none.
    p_value : float64[C]
        Chance of a value at least as far towards harm from a healthy channel, by Student's t; NaN likewise.
    expected, band : float64[C]
        Expected value and half the width of its 80 % band, in the channel's unit; NaN likewise.
    """

    novelty: FloatArray
    p_value: FloatArray
    expected: FloatArray
    band: FloatArray


def step_hop(
    catalogue: Catalogue, state: ModelState, features: FeatureTable
) -> tuple[ModelState, HopScores, list[AlarmChange]]:
    """Fold one closed hop of every asset of the catalogue into the models.

    Parameters
    ----------
    catalogue : Catalogue
        Of exactly the assets stepped, see `Catalogue.take`.
    state : ModelState
        Of the same assets; not changed.
    features : FeatureTable
        One hop an asset; hops of different assets may start at different times, those of one asset must come in
        order of event time.

    Returns
    -------
    ModelState
    HopScores
    list of AlarmChange
        By asset, subject and kind; positions are the catalogue's.

    Raises
    ------
    ShapeError
        If state or features do not have the catalogue's rows.
    """
    state, judged, changes = _score_hop(catalogue, state, features)
    state = _learn_hop(catalogue, state, features, judged)
    return state, judged.scores, changes


def look_at_hop(catalogue: Catalogue, state: ModelState, features: FeatureTable) -> ModelState:
    """Score the hops of `step_hop` while they are open: all of it but learning, which waits until they close.

    Returns
    -------
    ModelState
        To assess from, and to be thrown away: what the values say is in it, levels and deviations are as they were.

    Raises
    ------
    ShapeError
        As for `step_hop`.
    """
    return _score_hop(catalogue, state, features)[0]


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """The scores of a hop, and what may be learnt from it.

    Attributes
    ----------
    scores : HopScores
    rows : intp[R]
        Rows of the judged channels that may be learnt from.
    value : float64[R]
        In the model's unit.
    explained, expectation : Explained, Expectation
        Of these values.
    on_top : float64[R]
        What their own hours and long works add to what weather and load explain.
    under_works : bool[R]
        Where long works last, which tell no usual course of a week.
    """

    scores: HopScores
    rows: npt.NDArray[np.intp]
    value: FloatArray
    explained: Explained
    expectation: Expectation
    on_top: FloatArray
    under_works: BoolArray

    def take(self, which: BoolArray) -> _Judged:
        """Choose some of what may be learnt from, bool[R]; the scores stay."""
        return _Judged(
            self.scores,
            self.rows[which],
            self.value[which],
            self.explained.take(which),
            self.expectation.take(which),
            self.on_top[which],
            self.under_works[which],
        )


def _score_hop(
    catalogue: Catalogue, state: ModelState, features: FeatureTable
) -> tuple[ModelState, _Judged, list[AlarmChange]]:
    """Do all of `step_hop` but learning from the judged channels."""
    check_lengths(catalogue, state)
    if len(features.start_ns) != len(catalogue.assets) or len(features.value) != len(catalogue.channels):
        msg = (
            f"features have {len(features.start_ns)} assets and {len(features.value)} channels, expected "
            f"{len(catalogue.assets)} and {len(catalogue.channels)}; take both from one catalogue"
        )
        raise ShapeError(msg)
    started_ns = np.where(state.started_ns > 0, state.started_ns, features.start_ns)
    state, heard, rests, changes = find_faults(catalogue, with_columns(state, started_ns=started_ns), features)
    works = works_of(catalogue, features)
    state, clipping = find_clipping(catalogue, state, features, works.at_work)
    state, features, believed, mistaken = screen_drivers(catalogue, state, features, heard)
    state, believed, impossible = hold_impossible(catalogue, state, features, heard=heard, believed=believed)
    state, watched = watch(catalogue, state, features, believed, rests)
    state = remember_slowly(catalogue, state, features, believed)
    believed = believed & (state.noisy_ns == 0)
    explains = believed & (~works.at_work | works.drawn_out)
    state, environment = update_environment(catalogue, state, features, explains, is_usual=works.changed_ns == 0)
    state, duty = follow_duty(catalogue, state, features, explains)
    state, judged, found = _judge(
        catalogue, state, features, environment, duty, believed=believed, works=works, rests=rests
    )
    changes = sorted(
        changes + clipping + watched + mistaken + impossible + found,
        key=lambda row: (row.asset, row.subject, row.kind, row.raised),
    )
    return with_columns(state, stepped_ns=np.maximum(features.end_ns, state.stepped_ns)), judged, changes


def _judge(
    catalogue: Catalogue,
    state: ModelState,
    features: FeatureTable,
    environment: Environment,
    duty: MachineDuty,
    *,
    believed: BoolArray,
    works: Works,
    rests: BoolArray,
) -> tuple[ModelState, _Judged, list[AlarmChange]]:
    """Score this hop's values of the judged channels, and find out which of them can be learnt from."""
    judged, asset = catalogue.judged, catalogue.asset_of_judged
    explained = explain(catalogue, features, environment, duty, believed)
    at_work, moving = works.at_work, works.moving
    state = renew_load(catalogue, state, moving)
    newly_met = environment.newly_met[asset]
    if len(duty.rows):
        newly_met[np.ix_(duty.rows, DUTY_REGRESSORS)] = duty.newly_met[:, np.newaxis]
    state = meet_drivers(catalogue, state, explained.regressors, newly_met)
    state, moved = follow_long_works(catalogue, state, works)
    state = _enter_works(catalogue, state, moving[judged] | moved, works.easing[judged] & ~moved)
    state = renew_by_works(catalogue, state, features, moving[judged])
    raw = features.value[judged]
    is_log = catalogue.is_log[judged]
    possible = ~is_log | (raw > 0.0)
    rows = np.flatnonzero(believed[judged] & possible)
    channel = judged[rows]
    value = np.where(is_log, np.log(np.where(possible & is_log, raw, 1.0)), raw)[rows]
    explained = explained.take(rows)
    expectation = expect(catalogue, state, rows, explained)
    hums = (rests & catalogue.felt_at_work)[channel]
    if hums.any():
        hums &= ~(value > expectation.expected + state.deviation[rows] - _HUM_SHARE * state.distance[rows])
        rows, channel, value = rows[~hums], channel[~hums], value[~hums]
        explained, expectation = explained.take(~hums), expectation.take(~hums)
    under_works, step = step_of(catalogue, state, rows, works, features.start_ns)
    on_top = own_hours(catalogue, state, rows, features.start_ns) + step
    expectation = replace(expectation, expected=expectation.expected + on_top)
    state = with_columns(
        state,
        measured=scatter(state.measured, rows, value),
        expected=scatter(state.expected, rows, expectation.expected),
        spread=scatter(state.spread, rows, expectation.spread),
    )
    scores = _score(catalogue, channel, value, expectation.expected, expectation.spread)

    state, screened = screen(
        catalogue,
        state,
        value,
        rows,
        expectation=expectation,
        end_ns=features.end_ns[asset[rows]],
        at_work=at_work[channel],
        is_explained=np.asarray(~explained.stale.any(axis=1)),
    )
    tells = ~at_work[channel] & (catalogue.duty_of_judged[rows] < 0)
    state, miscounting = weigh_counts(
        catalogue,
        state,
        environment.load,
        rows[tells],
        value[tells],
        expectation.take(tells),
        counter=environment.counter,
        end_ns=features.end_ns,
    )
    begins = works.drawn_out[channel] & ~under_works & screened.believed
    beyond = screened.value - expectation.expected - state.deviation[rows]
    state = add_to_step(state, rows[begins], beyond[begins])
    working = (~at_work[channel] | under_works) & screened.believed
    learnable = _Judged(scores, rows, screened.value, explained, expectation, on_top, under_works).take(working)
    return state, learnable, screened.changes + miscounting


def _learn_hop(catalogue: Catalogue, state: ModelState, features: FeatureTable, judged: _Judged) -> ModelState:
    """Learn from the values of a hop, and measure the deviations behind it."""
    state, begins = _learn_week(catalogue, state, features, judged.take(~judged.under_works))
    rows = judged.rows
    settling = state.settle[rows] > 0
    end_ns = features.end_ns[catalogue.asset_of_judged[rows]]
    state, suspect = _suspect(state, rows, end_ns)
    beside_works = judged.under_works & ~is_made_under_works(state, rows) & state.is_commissioned(catalogue)[rows]
    state = learn(
        catalogue,
        state,
        judged.value - judged.on_top,
        rows,
        explained=judged.explained,
        expectation=judged.expectation,
        frozen=suspect | settling | beside_works,
        commissioning=~settling,
        end_ns=end_ns,
    )
    state = _settle(catalogue, measure_deviation(catalogue, state, rows, judged.explained), rows, features.end_ns)
    return begin_reference(state, begins, keep_effects=False)


def _suspect(state: ModelState, rows: npt.NDArray[np.intp], end_ns: TimeArray) -> tuple[ModelState, BoolArray]:
    """bool[R]: tell which channels are off, or were far off of late; the state returned remembers which are."""
    off = np.abs(state.deviation[rows])
    suspect = is_suspect(state, rows, off)
    far_off_ns = np.where(suspect & (off > _FAR_SHARE * state.distance[rows]), end_ns, state.far_off_ns[rows])
    suspect |= (far_off_ns > 0) & (end_ns - far_off_ns < _STILL_NS)
    return with_columns(state, far_off_ns=scatter(state.far_off_ns, rows, far_off_ns)), suspect


def _learn_week(
    catalogue: Catalogue, state: ModelState, features: FeatureTable, usual: _Judged
) -> tuple[ModelState, BoolArray]:
    """Learn the hours of a week, and the day, from usual values; bool[J] says whose reference begins with that."""
    rows, expectation = usual.rows, usual.expectation
    from_running = (usual.value - expectation.expected - state.deviation[rows]) / expectation.spread
    guessed = course_is_known(catalogue, state)
    state = learn_course(catalogue, state, features, rows, usual.value, from_running)
    taught = course_is_known(catalogue, state) & ~guessed
    state, begins = learn_own_hours(
        catalogue, state, rows, features.start_ns, value=usual.value, explained=usual.explained, off=from_running
    )
    state = add_to_day(catalogue, state, features, rows, usual.value)
    return state, taught[catalogue.asset_of_judged] | begins


def _enter_works(catalogue: Catalogue, state: ModelState, moving: BoolArray, easing: BoolArray) -> ModelState:
    """Remember where the deviation stood when works that move the reference began; start unfinished ones anew."""
    if not np.any(moving):
        return state
    commissioned = state.is_commissioned(catalogue)
    is_first = np.isnan(state.before_works)
    entering = moving & commissioned & is_first & np.isfinite(state.deviation)
    again = moving & commissioned & (entering | (state.settle > 0))
    covariance = state.covariance.copy()
    # Whatever the level was, it may be anywhere now.
    anywhere = np.where(np.isfinite(state.scale[again]), state.scale[again], 0.0)
    covariance[again, LEVEL_VARIANCE] += anywhere**2
    state = with_columns(
        state,
        before_works=np.where(entering, state.deviation, state.before_works),
        eased=np.where(moving, easing & (is_first | state.eased), state.eased),
        settle=np.where(again, _SETTLE_VALUES, state.settle).astype(np.int32),
        covariance=covariance,
    )
    return forget_reference(state, np.flatnonzero(moving & ~commissioned))


def _settle(catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp], end_ns: TimeArray) -> ModelState:
    """Count values after works, and move the reference by the step across them when there are enough.

    Parameters
    ----------
    rows : intp[R]
        Rows of the judged channels that spoke.
    end_ns : int64[A]
        End of the hop.
    """
    settling = rows[state.settle[rows] > 0]
    if not len(settling):
        return state
    left = state.settle[settling] - 1
    done = settling[left == 0]
    # No structure was so far from harm: its instrument was lost, and what is there now is read as the first one was.
    kept = np.where(goes_too_far(catalogue, state, state.before_works), state.deviation, state.before_works)[done]
    at_ns = end_ns[catalogue.asset_of_judged[done]]
    kept = np.where(is_eased_by_works(catalogue, state, done), state.deviation[done], kept)
    is_back, at_normal = put_back_by_works(catalogue, state, done, at_ns)
    kept = np.where(is_back, at_normal, kept)
    return with_columns(
        state,
        settle=scatter(state.settle, settling, left),
        offset=scatter(state.offset, done, state.offset[done] + (state.deviation[done] - kept)),
        deviation=scatter(state.deviation, done, kept),
        before_works=scatter(state.before_works, done, np.full(len(done), np.nan)),
        put_back_ns=scatter(state.put_back_ns, done, np.where(is_back, at_ns, state.put_back_ns[done])),
    )


def _score(
    catalogue: Catalogue,
    channel: np.ndarray[Any, np.dtype[np.int32]],
    value: FloatArray,
    expected: FloatArray,
    spread: FloatArray,
) -> HopScores:
    """Express the distance from the expectation in standard deviations and in the channel's unit."""
    columns = {name: np.full(len(catalogue.channels), np.nan) for name in ("novelty", "p_value", "expected", "band")}
    direction = catalogue.direction[channel]
    novelty = np.where(direction < 0.0, -1.0, 1.0) * (value - expected) / spread
    tail = special.stdtr(_DEGREES_OF_FREEDOM, -np.where(direction == 0.0, np.abs(novelty), novelty))
    back, band = in_unit(catalogue.is_log[channel], expected, spread)
    columns["novelty"][channel] = novelty
    columns["p_value"][channel] = np.where(direction == 0.0, 2.0 * tail, tail)
    columns["expected"][channel] = back
    columns["band"][channel] = band
    return HopScores(**columns)
