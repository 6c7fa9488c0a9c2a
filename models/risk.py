"""Risk: chance of failure times what it costs, the state of each asset, and the record that says so.

The chance of failure of an asset joins its modes and the rate of failures that no sensor sees
(`models.prognosis`, `models.consequence`) as independent causes. An asset without condition indicators has that
rate alone, with a wide interval. States, in the order of the ranking:

- *act*: a condition alarm is open, or waiting 90 days is expected to cost more than a fifth of the planned repair;
- *watch*: evidence has reached a quarter of what an alarm takes, or a quarter of the way to failure is gone;
- *insufficient-data*: no condition indicator is commissioned, none was heard for a day and five intervals, or those
  that were have lost their sensitivity, drift, or say what does not count. An open alarm outlasts silence;
- *ok*: otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FloatArray, IndexArray, TimeArray
from domain.basis import AssessmentBasis
from domain.measurements import DataQuality
from domain.records import HORIZONS_DAYS, FailureProbability, RemainingLife, RiskAssessment, RiskState
from models.axes import count_flags
from models.basis import bases_of
from models.catalogue import HOUR_NS, Catalogue
from models.consequence import Consequence, consequences
from models.environment import has_climate
from models.grades import QUALITIES, channel_grades
from models.joining import DAYS, begins_per_year, indicative_conditions, join_modes
from models.justification import Finding, advice_of, reasons_of
from models.memory import ModelState
from models.prognosis import Outlook, outlook
from models.signs import Signs, collect_signs
from models.state import MODEL_VERSION
from models.thresholds import MODES

__all__ = ["STATES", "WAITING_SHARE", "RiskColumns", "assess", "risk_records"]

STATES: Final = (RiskState.ACT, RiskState.WATCH, RiskState.INSUFFICIENT_DATA, RiskState.OK)
_ACT, _WATCH, _INSUFFICIENT, _OK = range(len(STATES))

_DAY_NS: Final = 24 * HOUR_NS
_DIGEST_DIGITS: Final = 10
_WATCH_EVIDENCE: Final = 0.25
_WATCH_SEVERITY: Final = 0.25
# Share of the planned repair that waiting 90 days may cost.
WAITING_SHARE: Final = 0.2
_INSUFFICIENT_NS: Final = 24 * HOUR_NS
_INSUFFICIENT_INTERVALS: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class RiskColumns:
    """Risk of each asset at a time.

    Attributes
    ----------
    at_ns : int64[A]
    probability : float64[A, H, 3]
        Chance of failure within `HORIZONS_DAYS`: value, low and high of the 80 % interval.
    life_days : float64[A, 3]
        Quantiles 10, 50 and 90 % of the remaining life, at most ten years; NaN where nothing is commissioned or
        the 10 % quantile is beyond ten years.
    health_index : float64[A]
        1 healthy, 0 at the failure level; NaN where nothing is commissioned.
    pair : int32[A]
        The pair that dominates; -1 where nothing is commissioned.
    condition : int8[A]
        Indicative condition 1 to 6; 0 for none.
    waiting_eur : float64[A]
        Expected extra cost of waiting 90 days.
    waiting_costs_more : bool[A]
        Whether that is more than `WAITING_SHARE` of the planned repair.
    state, quality : int8[A]
        Positions in `STATES` and `QUALITIES`.
    consequence : Consequence
    view : Outlook
    signs : Signs
    source : ModelState
        What it was computed from; make the records before its rows are scattered over.
    """

    at_ns: TimeArray
    probability: FloatArray
    life_days: FloatArray
    health_index: FloatArray
    pair: IndexArray
    condition: npt.NDArray[np.int8]
    waiting_eur: FloatArray
    waiting_costs_more: BoolArray
    state: npt.NDArray[np.int8]
    quality: npt.NDArray[np.int8]
    consequence: Consequence
    view: Outlook
    signs: Signs
    source: ModelState


def assess(catalogue: Catalogue, state: ModelState, at_ns: TimeArray) -> RiskColumns:
    """Assess every asset of the catalogue.

    Parameters
    ----------
    at_ns : int64[A]
        Event time of the assessment, not before the asset's last hop.

    Returns
    -------
    RiskColumns
        All finite but for the NaN that its attributes name.
    """
    at_ns = np.asarray(at_ns, np.int64)
    consequence = consequences(catalogue, at_ns)
    view = outlook(catalogue, state, at_ns, relative_rate=consequence.relative_rate, days=DAYS)
    begins = begins_per_year(consequence.rate_per_year, consequence.relative_rate, state.fleet_shown)
    joined = join_modes(view, catalogue.pair_asset, consequence.rate_per_year, begins, state.life_stretch)
    probability, severity, known_asset = joined.probability, joined.severity, joined.known
    pair = _dominant_pair(catalogue, view)

    signs = collect_signs(catalogue, state, at_ns)
    waiting = joined.avertable_90 * (consequence.failure_eur - consequence.planned_eur)
    costs_more = waiting > WAITING_SHARE * consequence.planned_eur
    return RiskColumns(
        at_ns=at_ns,
        probability=probability,
        life_days=joined.life_days,
        health_index=np.where(known_asset, 1.0 - severity, np.nan),
        pair=pair,
        condition=indicative_conditions(known_asset, severity),
        waiting_eur=waiting,
        waiting_costs_more=costs_more,
        state=_states(catalogue, state, signs, at_ns, severity, waiting_costs_more=costs_more),
        quality=_qualities(catalogue, state, signs),
        consequence=consequence,
        view=view,
        signs=signs,
        source=state,
    )


def _dominant_pair(catalogue: Catalogue, view: Outlook) -> IndexArray:
    """int32[A]: the commissioned pair with the highest severity a year ahead; -1 for none."""
    ahead = view.level + np.maximum(view.growth, 0.0) * 365.0
    rows = np.flatnonzero(view.known)
    order = rows[np.lexsort((rows, -ahead[rows], catalogue.pair_asset[rows]))]
    asset, first = np.unique(catalogue.pair_asset[order], return_index=True)
    pair = np.full(len(catalogue.assets), -1, np.int32)
    pair[asset] = order[first]
    return pair


def _states(
    catalogue: Catalogue,
    state: ModelState,
    signs: Signs,
    at_ns: TimeArray,
    severity: FloatArray,
    *,
    waiting_costs_more: BoolArray,
) -> npt.NDArray[np.int8]:
    judged, asset = catalogue.judged, catalogue.asset_of_judged
    patience = np.maximum(_INSUFFICIENT_INTERVALS * catalogue.interval_ns[judged], _INSUFFICIENT_NS)
    heard = state.heard_ns[judged]
    lately = (heard > 0) & (at_ns[asset] - heard <= patience) & ~signs.stuck[judged]
    lately &= ~signs.lost[judged] & ~signs.drifting[judged] & ~signs.held[judged]
    sufficient = count_flags(catalogue, asset, lately & np.isfinite(state.deviation)) > 0
    growing = state.evidence >= _WATCH_EVIDENCE * signs.threshold
    watched = (count_flags(catalogue, catalogue.pair_asset, growing) > 0) | (severity >= _WATCH_SEVERITY)
    return np.select(
        [signs.is_alarmed, ~sufficient, waiting_costs_more, watched], [_ACT, _INSUFFICIENT, _ACT, _WATCH], _OK
    ).astype(np.int8)


def _qualities(catalogue: Catalogue, state: ModelState, signs: Signs) -> npt.NDArray[np.int8]:
    """Grade the data: all sound; most, or some with trouble; few; no condition indicator that speaks."""
    grades = channel_grades(catalogue, state, np.arange(len(catalogue.channels)))
    sound = ~signs.silent & ~signs.stuck & (state.heard_ns > 0)
    judged, asset = catalogue.judged, catalogue.asset_of_judged
    speaking = count_flags(catalogue, asset, sound[judged])
    usable = (sound & (grades != QUALITIES.index(DataQuality.LOW)))[judged] & np.isfinite(state.deviation)
    useful = count_flags(catalogue, asset, usable)
    troubled = count_flags(catalogue, catalogue.asset_of_channel, grades != QUALITIES.index(DataQuality.HIGH)) > 0
    explaining_lost = count_flags(catalogue, catalogue.asset_of_channel, ~sound & ~catalogue.is_judged) > 0
    grade = np.select(
        [
            speaking == 0,
            2 * useful < signs.judged,
            (useful < signs.judged) | explaining_lost | ~has_climate(state) | troubled,
        ],
        [3, 2, 1],
        0,
    )
    return grade.astype(np.int8)


def risk_records(
    catalogue: Catalogue, columns: RiskColumns, rows: IndexArray, *, provisional: bool
) -> list[RiskAssessment]:
    """Write the assessments of some assets as records.

    Parameters
    ----------
    rows : int32[R]
        Positions of assets, in the order wanted.

    Returns
    -------
    list of RiskAssessment
        Without NaN or infinity; at most five reasons each.
    """
    bases = bases_of(
        catalogue,
        columns.source,
        rows.tolist(),
        columns.at_ns,
        consequence=columns.consequence,
        threshold=columns.signs.threshold,
        alarm_severity=columns.signs.alarm_severity,
    )
    told = zip(
        _findings(columns, rows),
        columns.probability[rows].tolist(),
        columns.life_days[rows].tolist(),
        columns.health_index[rows].tolist(),
        np.datetime_as_string(columns.at_ns[rows].view("datetime64[ns]"), unit="s").tolist(),
        bases,
        strict=True,
    )
    return [_record(catalogue, columns, *numbers, provisional=provisional) for numbers in told]


def _findings(columns: RiskColumns, rows: IndexArray) -> Iterator[Finding]:
    """Give what has been found about some assets."""
    told = zip(
        rows.tolist(),
        columns.pair[rows].tolist(),
        columns.at_ns[rows].tolist(),
        columns.state[rows].tolist(),
        columns.quality[rows].tolist(),
        columns.waiting_eur[rows].tolist(),
        columns.waiting_costs_more[rows].tolist(),
        columns.probability[rows, 0, 0].tolist(),
        columns.condition[rows].tolist(),
        strict=True,
    )
    for asset, pair, at_ns, state, quality, waiting_eur, more, chance_30, condition in told:
        yield Finding(
            asset=asset,
            pair=pair,
            at_ns=at_ns,
            state=STATES[state],
            quality=QUALITIES[quality],
            waiting_eur=waiting_eur,
            waiting_costs_more=more,
            waiting_share=WAITING_SHARE,
            chance_30=chance_30,
            condition=condition,
        )


def _record(
    catalogue: Catalogue,
    columns: RiskColumns,
    finding: Finding,
    chances: list[list[float]],
    life: list[float],
    health: float,
    time: str,
    basis: AssessmentBasis,
    *,
    provisional: bool,
) -> RiskAssessment:
    """Write one record; times are UTC to the second, `2026-11-27T05:00:00`."""
    asset = catalogue.assets[finding.asset]
    # All of them in the order of the record, since its name rests on how they are written one after the other.
    fields: dict[str, Any] = {
        "assessment_id": "",
        "asset": asset,
        "assessed_at_ns": finding.at_ns,
        "provisional": provisional,
        "state": finding.state,
        "data_quality": finding.quality,
        "probability_of_failure": tuple(
            FailureProbability(horizon, *chance) for horizon, chance in zip(HORIZONS_DAYS, chances, strict=True)
        ),
        "remaining_life": RemainingLife(*life) if all(map(isfinite, life)) else None,
        "failure_mode": None if finding.pair < 0 else MODES[catalogue.pair_mode[finding.pair]],
        "health_index": health if isfinite(health) else None,
        "indicative_condition": finding.condition or None,
        "expected_cost_of_waiting_eur": finding.waiting_eur,
        "advice": advice_of(catalogue, columns.signs, finding),
        "reasons": reasons_of(
            catalogue,
            columns.source,
            view=columns.view,
            consequence=columns.consequence,
            signs=columns.signs,
            finding=finding,
        ),
        "model_version": MODEL_VERSION,
        "basis": basis,
        "journal_seq": 0,
        "revision": 0,
        "revised": False,
        "replaces": None,
    }
    # Another content under the same name would make two statements one: the name carries a digest of what is said.
    digest = hashlib.sha256(msgspec.msgpack.encode(fields)).hexdigest()[:_DIGEST_DIGITS]
    stamp = time.replace("-", "").replace(":", "")
    fields["assessment_id"] = f"{asset}.{stamp}Z{'.p' if provisional else ''}.{digest}"
    return RiskAssessment(**fields)
