"""What a running installation said in a span of time, from its stores: alarms and daily risk as people saw them."""

from __future__ import annotations

from typing import Final

import numpy as np

from domain.identifiers import AssetId
from service.evaluation.chain_listener import DETECTOR
from service.evaluation.truth import DAY_NS, HORIZON_PLACE, RaisedAlarm, RunRecord, Truth, day_ends
from storage.protocols import AdvisoryStore, TimedKey

__all__ = ["record_of_store"]

_PAGE: Final = 500


def record_of_store(store: AdvisoryStore, truth: Truth) -> RunRecord:
    """Gather alarms and final assessments of the truth's assets within its span."""
    at_ns = day_ends(truth.start_ns, truth.end_ns)
    shape = (len(truth.assets), len(at_ns))
    chance, life = np.full(shape, np.nan), np.full((*shape, 3), np.nan)
    for row, asset in enumerate(truth.assets):
        after: TimedKey | None = None
        while page := store.risk_history(AssetId(asset.id), after=after, limit=_PAGE):
            for item in page:
                day = (item.assessed_at_ns - truth.start_ns) // DAY_NS - 1
                if item.revised or item.assessed_at_ns % DAY_NS or not 0 <= day < len(at_ns):
                    continue
                chance[row, day] = item.probability_of_failure[HORIZON_PLACE].value
                if item.remaining_life is not None:
                    left = item.remaining_life
                    life[row, day] = (left.q10_days, left.q50_days, left.q90_days)
            after = TimedKey(page[-1].assessed_at_ns, page[-1].assessment_id)
            if page[-1].assessed_at_ns < truth.start_ns:
                break
    return RunRecord(DETECTOR, _alarms(store, truth), at_ns, chance, life)


def _alarms(store: AdvisoryStore, truth: Truth) -> tuple[RaisedAlarm, ...]:
    names = {asset.id for asset in truth.assets}
    found = []
    after: TimedKey | None = None
    while page := store.alarms(after=after, limit=_PAGE):
        found += [
            RaisedAlarm(alarm.asset, alarm.kind, alarm.subject, alarm.raised_at_ns, alarm.cleared_at_ns)
            for alarm in page
            if alarm.asset in names and truth.start_ns <= alarm.raised_at_ns < truth.end_ns
        ]
        after = TimedKey(page[-1].raised_at_ns, page[-1].id)
        if page[-1].raised_at_ns < truth.start_ns:
            break
    return tuple(reversed(found))
