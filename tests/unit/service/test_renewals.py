"""A structure that was repaired, or whose normal was accepted, says so while it learns again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from domain.identifiers import AssetId
from domain.records import DecisionVerb, Reason
from ingest.batch import Message
from service.pipeline import Pipeline
from service.register_commands import import_works
from storage.decisions import JournalDecisionLog
from storage.protocols import DecisionDraft
from tests.chain import DAY_NS, NS, open_chain
from tests.unit.service.site import HOUR_NS, NOW_NS, open_site, take

BEGIN_NS = NOW_NS // DAY_NS * DAY_NS


def tilt(hour: int) -> Message:
    values = {"tilt": {"value": 1.0 + hour % 7 / 100, "unit": "mrad", "axis": "x"}}
    payload = {"v": 1, "sensor": "tlt1", "t": (BEGIN_NS + hour * HOUR_NS) // NS, "values": values}
    return Message("infra/v1/gw-1/brug-1/tlt1/reading", json.dumps(payload).encode(), NOW_NS, retained=False)


def hours(pipeline: Pipeline, first: int, last: int) -> None:
    """Take in some hours of the only condition indicator."""
    take(pipeline, *map(tilt, range(first, last)))
    pipeline.close(now_ns=NOW_NS, lateness_ns=0)


def said(pipeline: Pipeline) -> Sequence[Reason]:
    """Give the reasons of the newest assessment of the only structure."""
    told = [item for entry in pipeline.journal.entries(after=0, limit=10_000) for item in entry.outcome.current]
    return told[-1].reasons


@pytest.mark.parametrize(
    ("verb", "code"), [(DecisionVerb.REPAIR, "repaired"), (DecisionVerb.ACCEPT_NORMAL, "normal_accepted")]
)
@pytest.mark.parametrize("saved", [False, True])
def test_the_decision_is_the_reason_for_learning_again(
    tmp_path: Path, verb: DecisionVerb, code: str, *, saved: bool
) -> None:
    """History began anew, and all that was told was how many measurements had come since."""
    pipeline = open_site(tmp_path, "brug-1,tlt1,tilt,mrad,x,gw-1,,3600\n")
    hours(pipeline, 0, 50)
    assert not {"repaired", "normal_accepted"} & {reason.code for reason in said(pipeline)}
    draft = DecisionDraft(AssetId("brug-1"), verb, "A. Planner", "done")
    JournalDecisionLog(pipeline.journal, lambda _: None).append(draft, decided_at_ns=NOW_NS + 400 * DAY_NS)
    pipeline.catch_up()
    # The day in event time: the decision was made by another clock.
    expected = Reason(code, {"since": "2025-06-17"})
    assert expected in said(pipeline)
    if saved:
        pipeline.save()
    pipeline.journal.close()
    again = open_chain(tmp_path)
    hours(again, 50, 60)
    assert expected in said(again)
    (tmp_path / "works.csv").write_text("asset,kind,sensor,start,end\nbrug-1,lubrication,,2024-01-01,2024-01-02\n")
    import_works(again.journal, tmp_path / "works.csv", at_ns=NOW_NS)
    again.catch_up()
    assert expected in said(again)
    hours(again, 60, 60 + 24 * 5)
    assert expected not in said(again)
    assert "commissioning" not in {reason.code for reason in said(again)}
    again.journal.close()
