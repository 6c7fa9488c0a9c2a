"""When deviations become an alarm: agreement, materiality, persistence, and one dial.

Each pair of asset and failure mode runs a sequential test on what the second stage left of its deviations
(`models.fleet`: shares of the failure level, without the common shock, with the spread of like assets). Once a day, the
first three by `models.witnesses`:

1. each witness (quantities that count as one, `models.thresholds`) gives its largest score towards harm, ``residual /
   spread``, within each sensor and over the whole pair: what one machine shows belongs together; what a drift of its
   instrument can make up gives none (`models.opposed`). A spread is cautious: where sound severities of the mode
   scatter by a third of it (`models.usual_scatter`), a score counts three times, up to an alarm in two days;
2. *agreement*: the scores of the best two or more witnesses are added, as of normal variables that correlate by a
   half (weather and load move all quantities of a structure); or a *lone* quantity counts with what is left after
   subtracting what its instrument or a change of load could do (less, where it is its mode's only witness and outruns
   an instrument, `models.lone_quantities`); a quantity that follows load counts with what is left in agreement too;
   what tells of another failure mode of the structure may agree as well, where it shows more;
3. *materiality*: below a share of the failure level no score counts for more than noise; of quantities that agree the
   share is less where the budget allows for more false alarms than usual: wandering of weeks, of which the test below
   knows nothing, reaches small shares often and large ones seldom. For the same reason no alarm is raised below a
   quarter of the way by a lone quantity, and a fifth where some agree, however much evidence there is: it waits, and
   chances go on without an alarm (docs/adr/0054);
4. the logarithm of the likelihood ratio of a shift is added, for the most likely of a few sizes, a day's part of what
   one independent draw is worth; it never falls below zero. Days that nobody saw (an outage, works) count for no more
   than both their ends show, and so does the first day behind more than a few of them: its level is one day's weather;
5. *persistence* follows: at three standard deviations an alarm takes two weeks, at twelve a day. Only quantities
   that agree on a level past failure raise it at once, where no single one of them makes it, and quantities that agree
   for a second day on a level that *rose* within two weeks that were seen, by more than wandering does, count three
   times as fast: damage of a month leaves no time for more.

Levels wander over weeks, so a draw is independent of another only after `DRAW_DAYS`. Were the scores then at most
standard normal under health, the mean time between false alarms would be at least exp(threshold) draws (Lorden,
Ann. Math. Stat. 42 (1971) 1897-1908; the choice among sizes costs a small factor): the threshold is the logarithm of
the run length that is asked for, shared among the asset's modes, and more where people dismissed such
alarms (`models.precision`). Longer memory than that makes alarms more frequent, materiality and agreement make them
rarer, so what is asked for is calibrated: three times what is promised, by what came on fleets of several physics
(docs/adr/0049). The achieved rate, from what people dismissed, stands beside the promise. An alarm clears after two
calm weeks.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FloatArray, IndexArray, TimeArray
from models.catalogue import HOUR_NS, Catalogue
from models.layout import PAST_DAYS
from models.memory import ModelState, with_columns
from models.witnesses import CALM_STRENGTH, part_of_pairs, strongest_witnesses

__all__ = [
    "DRAW_DAYS",
    "alarm_severity",
    "alarm_threshold",
    "allowed_per_year",
    "days_to_evidence",
    "fast_days",
    "weigh_evidence",
]

_DAY_NS: Final = 24 * HOUR_NS
DRAW_DAYS: Final = 8.0
# What rose by so many spreads within so many days is no wandering of weeks; a storm, or works of a day, is still told
# from it by the days that follow.
_RISE_SPREADS: Final = 3.0
_RISE_DAYS: Final = 14
_RISEN_DRAW_DAYS: Final = DRAW_DAYS / 3.0
# More days than this that nobody saw are a gap.
_GAP_NS: Final = 3 * _DAY_NS
# False alarms that the test alone may allow for each that is promised.
_ALLOWED_PER_PROMISED: Final = 10.0 / 3.0
_SHIFTS: Final = (2.5, 5.0, 10.0)
# Different quantities that agree so strongly on a level past failure are not made to persist, where no more than this
# part of the level is made by one of them: a gale shakes a viaduct beyond all bounds, and moves the rest a little.
_URGENT_SCORE: Final = 4.0
_MOST_OF_ONE: Final = 0.9
# Shares of the way to failure from which an alarm is raised, at the usual budget: by one quantity, and by some.
_ALARM_LONE: Final = 0.25
_ALARM_AGREED: Final = 0.2
_STRENGTH_DAYS: Final = 3.0
_CALM_NS: Final = 14 * _DAY_NS
_MOST_EVIDENCE: Final = 2.0


def allowed_per_year(catalogue: Catalogue) -> FloatArray:
    """float64[A]: false alarms a year that a test by itself may allow each asset, so that what is promised comes."""
    return np.asarray(_ALLOWED_PER_PROMISED * catalogue.false_alarms_per_year)


def alarm_threshold(catalogue: Catalogue, doubt: FloatArray) -> FloatArray:
    """Give the evidence that an alarm takes.

    Parameters
    ----------
    doubt : float64[P]
        What it takes more because people dismissed such alarms, not negative.

    Returns
    -------
    float64[P]
        Natural logarithm of the mean run length, in draws, that is asked of each of the asset's modes, and the doubt.
    """
    pairs = catalogue.pairs_of_asset[catalogue.pair_asset]
    draws_per_year = 365.25 / DRAW_DAYS
    budget = allowed_per_year(catalogue)[catalogue.pair_asset]
    return np.asarray(np.log(np.maximum(draws_per_year * pairs / budget, 2.0)) + doubt)


def alarm_severity(catalogue: Catalogue, is_agreed: BoolArray) -> FloatArray:
    """float64[P]: from what share of the way to failure on an alarm is raised, less where more false ones may come.

    Parameters
    ----------
    is_agreed : bool[P]
        Whether two quantities at least agree.
    """
    return np.asarray(np.where(is_agreed, _ALARM_AGREED, _ALARM_LONE) * part_of_pairs(catalogue))


def fast_days(state: ModelState) -> npt.NDArray[np.int64]:
    """int64[P]: for how many days behind the last one evidence counts as of what rose, were they all like it."""
    # What a level that stays is compared with on the first coming day, on the second, and so on.
    places = np.arange(_RISE_DAYS - 1, 0, -1)[np.newaxis, :]
    seen = np.minimum(places, _days_since(state.evidence_ns, state.resumed_ns)[:, np.newaxis])
    compared = np.take_along_axis(state.severity_past, seen, axis=1)
    still_risen = _has_risen(
        state.severity[:, np.newaxis], state.severity_sd[:, np.newaxis], compared, state.is_agreed[:, np.newaxis]
    )
    return np.asarray(np.sum(np.cumprod(still_risen, axis=1), axis=1), np.int64)


def days_to_evidence(missing: float, strength: float, fast: int) -> float | None:
    """Tell how many days bring some evidence; None where they never do.

    Parameters
    ----------
    missing : float
        Evidence that is still to come; what is not positive takes no days.
    strength : float
        Standard score of each of those days.
    fast : int
        How many of them count as of what rose together (`fast_days`).
    """
    gain = float(_gain(np.asarray(strength)))
    if missing <= 0.0:
        return 0.0
    if gain <= 0.0:
        return None
    draws = missing / gain
    quick = min(float(fast), draws * _RISEN_DRAW_DAYS)
    return quick + (draws - quick / _RISEN_DRAW_DAYS) * DRAW_DAYS


def _has_risen(severity: FloatArray, severity_sd: FloatArray, before: FloatArray, is_agreed: BoolArray) -> BoolArray:
    """Tell where quantities agree on a level that is beyond wandering above what it was two weeks before."""
    return np.asarray(is_agreed & (severity - before >= _RISE_SPREADS * severity_sd), np.bool_)


def _days_since(now_ns: TimeArray, then_ns: TimeArray) -> npt.NDArray[np.int64]:
    """int64[P]: whole days, at most as many as are remembered."""
    return np.asarray(np.clip((now_ns - then_ns) // _DAY_NS, 0, PAST_DAYS - 1), np.int64)


def _gain(strength: FloatArray) -> FloatArray:
    """Evidence that one independent draw of each score brings."""
    return np.asarray(np.max([shift * strength - shift**2 / 2 for shift in _SHIFTS], axis=0))


def _with_days(
    evidence: FloatArray, days: FloatArray, strength: FloatArray, lasting: FloatArray, draw_days: FloatArray
) -> FloatArray:
    """Add what a day brings, and before it what the days since the last one do, which nobody saw.

    Parameters
    ----------
    days : float64[P]
        Since the last day that was heard, this one with them; not negative.
    strength, lasting : float64[P]
        Standard scores: what this day counts for, and what the days before it do.
    draw_days : float64[P]
        Days that an independent draw takes.

    Returns
    -------
    float64[P]
        Not negative.
    """
    seen = np.minimum(days, 1.0)
    carried = np.maximum(evidence + (days - seen) / draw_days * _gain(lasting), 0.0)
    return np.maximum(carried + seen / draw_days * _gain(strength), 0.0)


def _largest_part(catalogue: Catalogue, weight: FloatArray) -> FloatArray:
    """float64[P]: tell what part of a severity one quantity makes at most, by the weights of the judged, float64[J]."""
    largest = np.zeros(len(catalogue.pair_asset))
    np.maximum.at(largest, catalogue.pair_of_judged, weight)
    return largest


def weigh_evidence(
    catalogue: Catalogue, state: ModelState, active: BoolArray, day_end_ns: int
) -> tuple[ModelState, IndexArray, IndexArray]:
    """Fold one day's residuals into evidence, and decide about alarms.

    Parameters
    ----------
    active : bool[J]
        Channels with a residual of this day; a pair none of whose channels has one stays as it is.
    day_end_ns : int
        End of the day.

    Returns
    -------
    ModelState
        With new pair columns, `forgiven` and `severity_weight`; the one passed in is not changed.
    raised, cleared : int32[...]
        Pairs whose alarm was raised or cleared.
    """
    direction = catalogue.direction[catalogue.judged]
    towards = np.where(direction == 0.0, np.abs(state.residual), state.residual)
    forgiven = np.where(active, np.minimum(state.forgiven, np.maximum(towards, 0.0)), state.forgiven)
    heard = np.zeros(len(catalogue.pair_asset), np.bool_)
    heard[catalogue.pair_of_judged[active]] = True
    found = strongest_witnesses(catalogue, state, active, towards, forgiven)

    now = np.full(len(heard), day_end_ns, np.int64)
    gap = np.where(state.evidence_ns > 0, now - state.evidence_ns, _DAY_NS)
    days = np.clip(gap / _DAY_NS, 0.0, DRAW_DAYS)
    threshold = alarm_threshold(catalogue, state.doubt)
    resumed = np.where((state.evidence_ns > 0) & (gap > _GAP_NS), now, state.resumed_ns)
    is_first = resumed == now
    # The last day stands first, so the first of some days that were seen stands one place before their number.
    place = np.clip(_days_since(now, resumed) - 1, 0, _RISE_DAYS - 1)
    before = np.take_along_axis(state.severity_past, place[:, np.newaxis], axis=1)[:, 0]
    # A storm of one day rose too.
    risen = _has_risen(state.severity, state.severity_sd, before, state.is_agreed)
    risen &= _has_risen(found.severity, found.severity_sd, before, found.is_agreed) & ~is_first
    lasting = np.minimum(found.strength, state.strength)
    told = np.where(is_first, lasting, found.strength)
    evidence = _with_days(state.evidence, days, told, lasting, np.where(risen, _RISEN_DRAW_DAYS, DRAW_DAYS))
    evidence = np.minimum(evidence, _MOST_EVIDENCE * threshold)
    since = np.where(evidence > 0.0, np.where(state.evidence > 0.0, state.since_ns, now - _DAY_NS), 0)
    smooth = state.strength - np.expm1(-days / _STRENGTH_DAYS) * (found.strength - state.strength)
    is_open = state.raised_ns > 0
    is_past = found.is_agreed & (found.severity >= 1.0) & (found.strength >= _URGENT_SCORE)
    beyond = is_past & (_largest_part(catalogue, found.weight) <= _MOST_OF_ONE)
    is_far = found.severity >= alarm_severity(catalogue, found.is_agreed)
    raised = heard & ~is_open & found.is_material & is_far & ((evidence >= threshold) | beyond)
    # Whatever was calm before an alarm was raised does not count towards its end.
    is_calm = (smooth < CALM_STRENGTH) & ~raised
    calm = np.where(is_calm, np.where(state.calm_ns > 0, state.calm_ns, now), 0)
    cleared = heard & is_open & (calm > 0) & (now - calm >= _CALM_NS)

    whole_days = np.where(state.evidence_ns > 0, np.clip(gap // _DAY_NS, 0, PAST_DAYS), 1)
    fresh = {
        "evidence": np.where(cleared, 0.0, evidence),
        "strength": smooth,
        "since_ns": np.where(cleared, 0, since),
        "raised_ns": np.where(raised, now, np.where(cleared, 0, state.raised_ns)),
        "calm_ns": calm,
        "evidence_ns": now,
        "resumed_ns": resumed,
        "severity": found.severity,
        "severity_sd": found.severity_sd,
        "agreeing": found.agreeing,
        "is_agreed": found.is_agreed,
        "other_mode": found.other_mode,
    }
    columns = {name: np.where(heard, values, getattr(state, name)) for name, values in fresh.items()}
    past = _remember(state.severity_past, np.where(heard, whole_days, 0), found.severity)
    weight = np.where(heard[catalogue.pair_of_judged], found.weight, state.severity_weight)
    return (
        with_columns(state, forgiven=forgiven, severity_weight=weight, severity_past=past, **columns),
        np.flatnonzero(raised).astype(np.int32),
        np.flatnonzero(cleared).astype(np.int32),
    )


def _remember(past: FloatArray, days: npt.NDArray[np.int64], severity: FloatArray) -> FloatArray:
    """Move the daily severities on by some days, filling a gap with the last one; the newest stands first."""
    width = past.shape[1]
    place = np.arange(width)[np.newaxis, :] - days[:, np.newaxis]
    moved = np.take_along_axis(past, np.maximum(place, 0), axis=1)
    moved[:, 0] = np.where(days > 0, severity, moved[:, 0])
    return moved
