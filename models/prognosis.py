"""From the history of severities to the chance of failure over time, for each failure mode.

The degradation model is a grid of lives weighed by Bayes (`models.degradation`). Here it meets the prior of its
asset: how often damage begins on a watched asset, as the fleet has shown so far (`models.fleet`), moved by the
asset's class, age and last inspection (`models.consequence`). Since its last severity a damage has gone on unseen: a
failure within 90 days is one within 90 days and as long as it was silent, so that silence never lowers a chance.
Beside it stands the rate of failures by modes that no sensor sees.

Terms are those of ISO 13381-1: failure mode, horizon, interval, confidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import BoolArray, FloatArray, TimeArray
from models.catalogue import HOUR_NS, Catalogue
from models.degradation import LAGS, weigh_lives
from models.memory import ModelState
from models.opposed import may_be_made_up
from models.usual_scatter import UsualScatter
from models.witnesses import instrument_sd

__all__ = [
    "LIFE_DAYS",
    "History",
    "Outlook",
    "history_of",
    "learn_scatter",
    "look_ahead",
    "outlook",
]

_DAY_NS: Final = 24 * HOUR_NS
# What a severity may have moved unseen, a square root of a day.
_UNSEEN_PER_SQRT_DAY: Final = 0.01
_LEAST_DEVIATION: Final = 0.03
# A damage departs from the courses of the grid by a share of how far it has come. Judgement: a tenth gave surer chances
# on fleets whose damages keep to their courses, and worse ones elsewhere.
_COURSE_SHARE: Final = 0.15
# Joined witnesses are taken to correlate by a half, which is cautious: on simulated fleets their errors were smaller.
_DEVIATION_SHARE: Final = 0.9
# The interval of a chance: were all lives longer, or shorter, by this factor.
_LIFE_FACTOR: Final = 1.5
# Chance of damage from which it is taken for damage, also without an alarm.
_LIKELY_DAMAGE: Final = 0.5
# Each severity that is looked at is a mean of so many days: of single days, what is stated of a life jumped by a tenth
# from one to the next. Three gave less sure chances on simulated fleets.
_SEEN_DAYS: Final = 2
# Growth is what the last four weeks brought.
_GROWTH_LAG: Final = LAGS.index(28)

# Grid of remaining lives: ten years, finer near.
LIFE_DAYS: Final[FloatArray] = np.concatenate([[0.0], np.geomspace(0.5, 3652.5, 120)])


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """What each pair's history says about its future.

    Attributes
    ----------
    known : bool[P]
        True where a severity was ever measured; the rest of a row is 0 where not.
    level, level_sd : float64[P]
        Severity, shrunk by the chance that there is damage, and the standard deviation of a measured one.
    growth : float64[P]
        Severity gained a day.
    damaged : float64[P]
        Chance that there is damage.
    is_acted_on : bool[P]
        True where damage is more likely than not, or an alarm stands: who plans then takes it for damage.
    failed : float64[3, P, T]
        Chance of failure within each time: value, low, high of the 80 % interval; not falling with time.
    """

    known: BoolArray
    level: FloatArray
    level_sd: FloatArray
    growth: FloatArray
    damaged: FloatArray
    is_acted_on: BoolArray
    failed: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What the degradation model looks at, for each pair.

    Attributes
    ----------
    known : bool[P]
        True where a severity was ever measured.
    severity, severity_sd : float64[P]
        Newest severity, and what a sound one deviates by, of a lone quantity with its instrument.
    instrument : float64[P]
        How far its instrument can move the lone quantity that the severity is; 0 where it is joined of several.
    seen : float64[P, L]
        Severities at `models.degradation.LAGS`, each the mean of that day and the one before.
    silent_days : float64[P]
        Since the newest severity.
    onsets_per_day : float64[P]
        How often damage of this mode begins here.
    is_open : bool[P]
        True while an alarm of this mode stands.
    scatter : float64[P]
        How far sound severities of this mode scatter, as a share of their spread (`models.usual_scatter`); at most 1.
    """

    known: BoolArray
    severity: FloatArray
    severity_sd: FloatArray
    instrument: FloatArray
    seen: FloatArray
    silent_days: FloatArray
    onsets_per_day: FloatArray
    is_open: BoolArray
    scatter: FloatArray


def outlook(
    catalogue: Catalogue, state: ModelState, at_ns: TimeArray, *, relative_rate: FloatArray, days: FloatArray
) -> Outlook:
    """Look ahead from each pair's history.

    Parameters
    ----------
    at_ns : int64[A]
        Event time.
    relative_rate : float64[A]
        How often damage begins on this asset, relative to others of its class.
    days : float64[T]
        Ascending times from `at_ns`.
    """
    return look_ahead(history_of(catalogue, state, at_ns, relative_rate), days)


def history_of(catalogue: Catalogue, state: ModelState, at_ns: TimeArray, relative_rate: FloatArray) -> History:
    """Give what the degradation model looks at; arguments are those of `outlook`."""
    pair_asset = catalogue.pair_asset
    known = (state.evidence_ns > 0) & np.isfinite(state.severity)
    silent_days = np.where(known, np.maximum(at_ns[pair_asset] - state.evidence_ns, 0) / _DAY_NS, 0.0)
    # What a drifting instrument may have made up before that was known fades.
    faded = np.where(_is_made_up(catalogue, state), _unseen(silent_days), 0.0)
    return History(
        known=known,
        severity=np.where(known, state.severity, 0.0),
        severity_sd=np.where(known, np.hypot(state.severity_sd, faded), 1.0),
        instrument=np.where(known, _lone_instruments(catalogue, state), 0.0),
        seen=np.where(known[:, np.newaxis], _seen(state.severity_past), 0.0),
        silent_days=silent_days,
        onsets_per_day=state.onsets_per_year[pair_asset]
        * relative_rate[pair_asset]
        / catalogue.pairs_of_asset[pair_asset]
        / 365.25,
        is_open=state.raised_ns > 0,
        scatter=state.scatter,
    )


def _seen(severity_past: FloatArray) -> FloatArray:
    """float64[P, L]: severities as the degradation model looks at them, of the daily ones, today's first."""
    last = severity_past.shape[1] - 1
    days = [severity_past[:, [min(lag + day, last) for lag in LAGS]] for day in range(_SEEN_DAYS)]
    return np.asarray(sum(days) / _SEEN_DAYS, np.float64)


def _unseen(silent_days: FloatArray) -> FloatArray:
    """float64[P]: what a severity may have moved unseen."""
    return np.asarray(_UNSEEN_PER_SQRT_DAY * np.sqrt(silent_days))


def _is_made_up(catalogue: Catalogue, state: ModelState) -> BoolArray:
    """bool[P]: tell which pairs' severities come from channels alone that an instrument's drift may have moved."""
    speaks = state.severity_weight > 0.0
    pairs = len(catalogue.pair_asset)
    made_up = np.bincount(catalogue.pair_of_judged[speaks & may_be_made_up(catalogue, state)], minlength=pairs)
    return np.asarray((made_up > 0) & (made_up == np.bincount(catalogue.pair_of_judged[speaks], minlength=pairs)))


def _lone_instruments(catalogue: Catalogue, state: ModelState) -> FloatArray:
    """float64[P]: how far the instrument of a pair whose severity is that of one quantity alone can move it.

    As a share of the failure level, a change of load included; 0 where several quantities agree.
    """
    alone = state.severity_weight == 1.0
    share = np.zeros(len(catalogue.pair_asset))
    share[catalogue.pair_of_judged[alone]] = catalogue.drift_share[catalogue.judged[alone]]
    return share


def learn_scatter(catalogue: Catalogue, state: ModelState, scatter: UsualScatter, day_end_ns: int) -> UsualScatter:
    """Give what is known of sound severities' scatter after a day of evidence."""
    counts = (state.evidence_ns == day_end_ns) & (state.raised_ns == 0) & np.isfinite(state.severity)
    spread = _stated_spread(state.severity, state.severity_sd, _lone_instruments(catalogue, state))
    return scatter.learnt(catalogue, state.severity, spread, counts, day_end_ns)


def _stated_spread(severity: FloatArray, severity_sd: FloatArray, instrument: FloatArray) -> FloatArray:
    """float64[P]: what a sound structure's severity is stated to deviate by, but for its instrument; positive."""
    drift = instrument_sd(severity, instrument)
    steady = np.sqrt(np.maximum(severity_sd**2 - drift**2, 0.0))
    return np.asarray(np.maximum(_DEVIATION_SHARE * steady, _LEAST_DEVIATION))


def look_ahead(history: History, days: FloatArray) -> Outlook:
    """Look ahead from histories as they were stored, by so many days, float64[H]: all that `outlook` says follows."""
    spread = _stated_spread(history.severity, history.severity_sd, history.instrument)
    furthest = np.clip(np.max(history.seen, axis=-1), 0.0, 1.0)
    deviation = np.minimum(np.hypot(history.scatter * spread, _COURSE_SHARE * furthest), spread)
    times = np.concatenate([days, days / _LIFE_FACTOR, days * _LIFE_FACTOR])
    known = np.flatnonzero(history.known)
    damaged, failed = np.zeros(len(history.known)), np.zeros((len(history.known), len(times)))
    damaged[known], failed[known] = weigh_lives(
        history.seen[known],
        deviation[known],
        history.instrument[known],
        history.onsets_per_day[known],
        times + history.silent_days[known, np.newaxis],
    )
    growth = (history.seen[:, 0] - history.seen[:, _GROWTH_LAG]) / LAGS[_GROWTH_LAG]
    return Outlook(
        known=history.known,
        level=np.maximum(history.severity, 0.0) * damaged,
        level_sd=np.where(history.known, np.hypot(spread, _unseen(history.silent_days)), 0.0),
        growth=np.where(history.known, growth, 0.0),
        damaged=damaged,
        is_acted_on=history.known & ((damaged >= _LIKELY_DAMAGE) | history.is_open),
        failed=failed.reshape(len(history.known), 3, len(days)).transpose(1, 0, 2),
    )
