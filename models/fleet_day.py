"""The second stage: a day of the fleet.

`step_fleet` goes on from what the first stage of each asset left when the day ended: like assets, drifting instruments,
evidence, alarms of condition, and what is said of changed frequencies.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from domain.records import Reason
from models.alarms import AlarmChange, about_condition
from models.catalogue import HOUR_NS, Catalogue
from models.drift import compare_instruments
from models.evidence import weigh_evidence
from models.explanation import pair_reasons, temperature_of
from models.fleet import believable, compare_with_fleet
from models.fleet_memory import FleetMemory
from models.frequency_changes import follow_changes
from models.life_book import LifeBook
from models.lost_sensitivity import find_lost_sensitivity
from models.memory import ModelState, check_lengths, with_columns
from models.opposed import find_opposed, may_be_made_up
from models.prognosis import learn_scatter
from models.put_back import forget_put_back
from models.risk import assess
from models.state import take_state
from models.thresholds import MODES

__all__ = ["step_fleet"]

_DAY_NS: Final = 24 * HOUR_NS
# How often the remaining life under a standing alarm is noted: what failures are compared with.
_NOTED_EVERY_DAYS: Final = 7


def step_fleet(
    catalogue: Catalogue, state: ModelState, memory: FleetMemory, day_end_ns: int
) -> tuple[ModelState, list[AlarmChange]]:
    """Fold one day of the fleet into evidence, and decide about alarms of condition.

    Parameters
    ----------
    catalogue : Catalogue
        Of the assets that have a row of this day.
    state : ModelState
        Their rows: the first stage as it was when the day ended, `FLEET_COLUMNS` as they are now. Not changed.
    memory : FleetMemory
        Changed in place.
    day_end_ns : int
        End of the day. Days of one asset must come in order.

    Returns
    -------
    ModelState
    list of AlarmChange
        By asset, subject and kind; positions are the catalogue's.
    """
    check_lengths(catalogue, state)
    state, put_back = forget_put_back(catalogue, state, day_end_ns)
    before = state.raised_ns
    heard = believable(catalogue, state, day_end_ns)
    state, lost = find_lost_sensitivity(catalogue, state, heard, day_end_ns)
    state, active = compare_with_fleet(catalogue, state, memory, heard, day_end_ns)
    state, opposed = find_opposed(catalogue, state, active, day_end_ns)
    believed = active & ~may_be_made_up(catalogue, state)
    state, drifted = compare_instruments(catalogue, state, memory.drift, day_end_ns)
    doubt, verdicts = memory.precision.doubts(catalogue, day_end_ns)
    state = with_columns(state, doubt=doubt, verdicts=verdicts)
    state, raised, cleared = weigh_evidence(catalogue, state, believed, day_end_ns)
    counts = (state.evidence_ns == day_end_ns) & (state.raised_ns > 0) & np.isfinite(state.severity)
    memory.roughness = memory.roughness.learnt(state.severity_past, counts, day_end_ns)
    memory.alarms += len(raised)
    memory.watched_days += len(np.unique(catalogue.asset_of_judged[believed]))
    shown = np.tile(np.array([memory.alarms, memory.watched_days / 365.25], np.float64), (len(catalogue.assets), 1))
    state = with_columns(
        state,
        onsets_per_year=np.full(len(catalogue.assets), memory.onsets_per_year),
        fleet_shown=shown,
        life_stretch=memory.lives.stretches(catalogue, day_end_ns, usual=memory.roughness.stretch(day_end_ns)),
    )
    memory.scatter = learn_scatter(catalogue, state, memory.scatter, day_end_ns)
    state = with_columns(state, scatter=memory.scatter.of_pairs(catalogue, day_end_ns))
    state = follow_changes(catalogue, state, day_end_ns)
    if (day_end_ns // _DAY_NS) % _NOTED_EVERY_DAYS == 0:
        memory.lives = _noted(catalogue, state, memory.lives, day_end_ns)
    changes = put_back + lost + opposed + drifted
    for pair in raised.tolist():
        asset = int(catalogue.pair_asset[pair])
        reasons = pair_reasons(catalogue, state, pair, float(temperature_of(state, asset, day_end_ns)))
        changes.append(about_condition(catalogue, pair, *reasons, at_ns=day_end_ns))
    for pair in cleared.tolist():
        days = (day_end_ns - int(state.calm_ns[pair])) / (24 * HOUR_NS)
        facts: dict[str, str | float | int] = {"mode": MODES[catalogue.pair_mode[pair]], "days": round(days, 1)}
        reason = Reason("returned_to_normal", facts)
        changes.append(about_condition(catalogue, pair, reason, at_ns=day_end_ns, raised_ns=int(before[pair])))
    changes.sort(key=lambda row: (row.asset, row.subject, row.kind, row.raised))
    return state, changes


def _noted(catalogue: Catalogue, state: ModelState, lives: LifeBook, day_end_ns: int) -> LifeBook:
    """Note the lives of assets with an alarm, as the degradation model alone says them."""
    asked = np.zeros(len(catalogue.assets), np.bool_)
    asked[catalogue.pair_asset[state.raised_ns > 0]] = True
    rows = np.flatnonzero(asked).astype(np.int32)
    life_days = np.full((len(asked), 3), np.nan)
    if len(rows):
        part = take_state(catalogue, with_columns(state, life_stretch=np.ones(len(asked))), rows)
        life_days[rows] = assess(catalogue.take(rows), part, np.full(len(rows), day_end_ns, np.int64)).life_days
    return lives.with_notes(catalogue.assets, life_days, asked, day_end_ns)
