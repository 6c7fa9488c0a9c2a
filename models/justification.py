"""Why an assessment says what it says: its reasons, most telling first, and its advice."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import Final

import numpy as np

from domain.measurements import DataQuality
from domain.records import DecisionVerb, Reason, RiskState
from models.catalogue import HOUR_NS, Catalogue
from models.consequence import Consequence
from models.explanation import pair_reasons
from models.frequency_changes import change_bases, change_reason
from models.lost_sensitivity import times_from_harm
from models.memory import ModelState
from models.opposed import opposed_facts
from models.prognosis import Outlook
from models.signs import Signs
from models.thresholds import MODES

__all__ = ["Finding", "advice_of", "reasons_of"]

_DAY_NS: Final = 24 * HOUR_NS
_MOST_REASONS: Final = 5
_TELLING_SEVERITY: Final = 0.1
_TELLING_EVIDENCE: Final = 0.25
_CHANCE_NOW: Final = 0.2
_CLIMATE_MARGIN_K: Final = 2.0
_CLASSES_APART: Final = 1
# The slowest channels take a hundred days to be commissioned.
_RENEWAL_NS: Final = 180 * _DAY_NS
_RENEWALS: Final = {DecisionVerb.REPAIR: "repaired", DecisionVerb.ACCEPT_NORMAL: "normal_accepted"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What has been found about one asset and is to be explained.

    Attributes
    ----------
    asset, pair : int
        Positions; pair -1 for none.
    waiting_costs_more : bool
        True when waiting 90 days is expected to cost more than `waiting_share` of the planned repair.
    chance_30 : float
        Chance of failure within 30 days.
    condition : int
        Indicative condition 1 to 6; 0 for none.
    """

    asset: int
    pair: int
    at_ns: int
    state: RiskState
    quality: DataQuality
    waiting_eur: float
    waiting_costs_more: bool
    waiting_share: float
    chance_30: float
    condition: int


def advice_of(catalogue: Catalogue, signs: Signs, finding: Finding) -> str:
    """Choose one code of `models.reasons.ADVICE`."""
    asset = finding.asset
    if signs.is_alarmed[asset]:
        return "inspect_now" if finding.chance_30 >= _CHANCE_NOW else "inspect_soon"
    if finding.state is RiskState.ACT:
        return "plan_repair"
    if finding.state is RiskState.WATCH:
        return "keep_watching" if finding.chance_30 < _CHANCE_NOW else "plan_inspection"
    if finding.state is RiskState.OK and _worse_than_inspected(catalogue, finding):
        return "plan_inspection"
    if finding.state is RiskState.INSUFFICIENT_DATA:
        if not signs.judged[asset]:
            return "rely_on_inspection"
        is_learning = signs.known[asset] < signs.judged[asset] and finding.quality is not DataQuality.NONE
        return "wait_for_commissioning" if is_learning else "restore_data"
    return "look_at_inspection" if signs.is_changed[asset] else "none"


def reasons_of(
    catalogue: Catalogue,
    state: ModelState,
    *,
    view: Outlook,
    consequence: Consequence,
    signs: Signs,
    finding: Finding,
) -> tuple[Reason, ...]:
    """Collect at most five reasons, most telling first, with facts as `models.reasons.REASONS` lists them."""
    asset, at_ns = finding.asset, finding.at_ns
    reasons = _alarms(catalogue, state, asset, at_ns) if signs.is_alarmed[asset] else []
    if finding.waiting_costs_more:
        cost_eur = float(round(finding.waiting_eur))
        facts: dict[str, str | float | int] = {"cost_eur": cost_eur, "share": finding.waiting_share}
        reasons.append(Reason("waiting_costs_more", facts))
    urgent = bool(reasons)
    if urgent:
        reasons.extend(_disagreement(catalogue, finding))
    reasons.extend(_silence(catalogue, signs, asset, at_ns))
    reasons.extend(_suspicion(catalogue, state, view, signs, finding))
    if signs.is_changed[asset]:
        reasons.extend(change_reason(basis) for basis in change_bases(catalogue, state, asset))
    reasons.extend(_works(signs, asset))
    faults = _faults(catalogue, state, signs, asset, at_ns) if signs.is_troubled[asset] else []
    # Under works no thermometer explains, and none is silent for it, but under those that last for weeks.
    is_deaf = asset in signs.sensor_works or (asset in signs.works and not signs.is_judged_under_works[asset])
    climate = [] if is_deaf else _climate(state, signs, asset, at_ns)
    reasons.extend(faults[:1])
    if finding.pair < 0:
        reasons.extend(_prior(catalogue, consequence, asset))
    elif not reasons:
        reasons.append(Reason("all_as_expected", {"channels": int(signs.known[asset])}))
    if not urgent:
        reasons.extend(_disagreement(catalogue, finding))
    reasons.extend(climate)
    reasons.extend(faults[1:])
    if consequence.has_default_costs[asset]:
        planned, emergency = float(consequence.planned_eur[asset]), float(consequence.emergency_eur[asset])
        reasons.append(Reason("default_costs", {"planned_eur": planned, "emergency_eur": emergency}))
    return tuple(reasons[:_MOST_REASONS])


def _alarms(catalogue: Catalogue, state: ModelState, asset: int, at_ns: int) -> list[Reason]:
    """Name the alarms of condition that stand."""
    reasons = []
    for pair in range(int(catalogue.first_pair[asset]), int(catalogue.first_pair[asset + 1])):
        if state.raised_ns[pair] > 0:
            days = (at_ns - int(state.raised_ns[pair])) / _DAY_NS
            kind = f"condition.{MODES[catalogue.pair_mode[pair]]}"
            reasons.append(Reason("alarm_open", {"kind": kind, "days": round(days, 1)}))
    return reasons


def _silence(catalogue: Catalogue, signs: Signs, asset: int, at_ns: int) -> list[Reason]:
    """Say why there may be nothing to go by."""
    if not signs.judged[asset]:
        return [Reason("no_condition_indicator")]
    heard_ns = int(signs.heard_ns[asset])
    if heard_ns == 0:
        return [Reason("never_heard")]
    reasons = []
    if signs.is_silent[asset]:
        reasons.append(Reason("no_recent_data", {"days": round((at_ns - heard_ns) / _DAY_NS, 2)}))
    if asset in signs.learning:
        reasons.extend(_renewal(catalogue, asset, at_ns))
        channels, values, needed = signs.learning[asset]
        reasons.append(Reason("commissioning", {"channels": channels, "values": values, "needed": needed}))
    return reasons


def _renewal(catalogue: Catalogue, asset: int, at_ns: int) -> list[Reason]:
    """Name the decision for which all is learnt anew; of another year it is not what is learnt now."""
    renewal = catalogue.renewed.get(catalogue.assets[asset])
    if renewal is None or not 0 <= at_ns - renewal.at_ns <= _RENEWAL_NS:
        return []
    day = str(np.datetime64(renewal.at_ns, "ns").astype("datetime64[D]"))
    return [Reason(_RENEWALS[renewal.verb], {"since": day})]


def _suspicion(catalogue: Catalogue, state: ModelState, view: Outlook, signs: Signs, finding: Finding) -> list[Reason]:
    """Say what points towards failure by the dominating mode."""
    pair = finding.pair
    if pair < 0:
        return []
    mode = MODES[catalogue.pair_mode[pair]]
    share = float(state.evidence[pair] / signs.threshold[pair])
    is_open = state.raised_ns[pair] > 0
    reasons = []
    if share >= _TELLING_EVIDENCE and not is_open:
        # An alarm takes both: evidence, and a level that is worth it.
        far = float(np.nan_to_num(state.severity[pair]) / signs.alarm_severity[pair])
        told = round(max(min(share, far, 1.0), 0.0), 2)
        reasons.append(Reason("evidence_growing", {"mode": mode, "share_of_alarm": told}))
    if is_open or share >= _TELLING_EVIDENCE or view.level[pair] >= _TELLING_SEVERITY:
        reasons.extend(pair_reasons(catalogue, state, pair, float(signs.temperature_degc[finding.asset])))
        facts: dict[str, str | float | int] = {
            "mode": mode,
            "severity": round(float(view.level[pair]), 3),
            "per_30_days": round(30.0 * float(view.growth[pair]), 4),
        }
        reasons.append(Reason("trend_to_threshold", facts))
    return reasons


def _works(signs: Signs, asset: int) -> list[Reason]:
    """Say that announced works last or are being settled."""
    if asset in signs.works and not signs.is_judged_under_works[asset]:
        return [Reason("works_active", {"kind": signs.works[asset]})]
    reasons = [Reason("works_lasting", {"kind": signs.works[asset]})] if asset in signs.works else []
    for sensor, kind in signs.sensor_works.get(asset, []):
        reasons.append(Reason("works_on_sensor", {"kind": kind, "sensor": sensor}))
    settling = int(signs.settling[asset])
    return reasons or ([Reason("works_settling", {"channels": settling})] if settling else [])


def _faults(catalogue: Catalogue, state: ModelState, signs: Signs, asset: int, at_ns: int) -> list[Reason]:
    """Name the sensors in trouble, longest first."""
    first, last = int(catalogue.first_channel[asset]), int(catalogue.first_channel[asset + 1])
    found: list[tuple[float, Reason]] = []
    troubled = signs.silent[first:last] | signs.stuck[first:last] | signs.lost[first:last] | signs.held[first:last]
    for sensor in np.unique(catalogue.sensor_of_channel[first:last][signs.drifting[first:last]]).tolist():
        days = (at_ns - int(state.opposed_alarm_ns[sensor])) / _DAY_NS
        whole: dict[str, str | float | int] = {"sensor": catalogue.channels[sensor].sensor, "channel": ""}
        found.append((days, Reason("sensor_opposed", whole | opposed_facts(catalogue, state, sensor))))
    for row in (first + np.flatnonzero(troubled)).tolist():
        key = catalogue.channels[row]
        facts: dict[str, str | float | int] = {"sensor": key.sensor, "channel": key.channel}
        if signs.silent[row]:
            since_ns = int(state.heard_ns[row]) or int(state.started_ns[asset])
            days = round((at_ns - since_ns) / _DAY_NS, 2)
            found.append((days, Reason("sensor_silent", facts | {"days": days})))
        elif signs.lost[row]:
            days = (at_ns - int(state.drift_ns[row])) / _DAY_NS
            found.append(
                (days, Reason("sensor_far_from_harm", facts | {"times": times_from_harm(catalogue, state, row)}))
            )
        elif signs.held[row]:
            days = round((at_ns - _held_since_ns(catalogue, state, row)) / _DAY_NS, 2)
            found.append((days, Reason("sensor_not_counted", facts | {"days": days})))
        else:
            hours = round((int(state.heard_ns[row]) - int(state.same_since_ns[row])) / HOUR_NS, 1)
            value = float(state.last_value[row])
            found.append((hours / 24.0, Reason("sensor_stuck", facts | {"value": value, "hours": hours})))
    found.sort(key=lambda pair: -pair[0])
    return [reason for _, reason in found]


def _held_since_ns(catalogue: Catalogue, state: ModelState, row: int) -> int:
    """Give when the oldest of a condition indicator's faults was named for which its values do not count."""
    judged = int(np.searchsorted(catalogue.judged, row))
    named = (int(state.fault_ns[judged]), int(state.noisy_ns[row]), int(state.impossible_ns[row]))
    return min(since_ns for since_ns in named if since_ns > 0)


def _worse_than_inspected(catalogue: Catalogue, finding: Finding) -> bool:
    inspected = catalogue.details[finding.asset].condition_inspected
    return inspected is not None and finding.condition - inspected > _CLASSES_APART


def _disagreement(catalogue: Catalogue, finding: Finding) -> list[Reason]:
    """Say that sensors and the last inspection are more than a class apart: an inspection tells which is right."""
    details = catalogue.details[finding.asset]
    inspected = details.condition_inspected
    if inspected is None or not finding.condition or abs(finding.condition - inspected) <= _CLASSES_APART:
        return []
    facts: dict[str, str | float | int] = {
        "indicative": finding.condition,
        "condition": inspected,
        "inspected_on": details.inspected_on or "",
    }
    return [Reason("condition_disagrees", facts)]


def _climate(state: ModelState, signs: Signs, asset: int, at_ns: int) -> list[Reason]:
    """Say that weather is not measured (and that others' stands in), not any more, or outside what was met."""
    met_ns = int(signs.met_ns[asset])
    if met_ns == 0:
        is_lent = bool(np.isfinite(state.bend_felt[asset, 0]))
        code = "climate_borrowed" if is_lent else "climate_not_measured"
        return [Reason(code)] if state.stepped_ns[asset] > 0 else []
    if at_ns - met_ns > _DAY_NS:
        return [Reason("climate_sensor_lost", {"days": round((at_ns - met_ns) / _DAY_NS, 1)})]
    lagged, low, high = float(state.lagged[asset, 0]), float(state.climate_low[asset]), float(state.climate_high[asset])
    if lagged < low - _CLIMATE_MARGIN_K or lagged > high + _CLIMATE_MARGIN_K:
        facts: dict[str, str | float | int] = {
            "temperature_degc": round(lagged, 1),
            "low_degc": round(low, 1),
            "high_degc": round(high, 1),
        }
        return [Reason("outside_climate_seen", facts)]
    return []


def _prior(catalogue: Catalogue, consequence: Consequence, asset: int) -> list[Reason]:
    """Say what the prior rests on."""
    details = catalogue.details[asset]
    age = float(consequence.age_years[asset])
    facts: dict[str, str | float | int] = {"asset_type": details.type.value}
    reasons = [
        Reason("prior_by_class", facts) if isnan(age) else Reason("prior_by_age", facts | {"age_years": int(age)})
    ]
    if details.condition_inspected is not None:
        facts = {"condition": details.condition_inspected, "inspected_on": details.inspected_on or ""}
        reasons.append(Reason("prior_by_inspection", facts))
    return reasons
