"""What a decision says of the alarms that it ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from domain.identifiers import AssetId
from domain.records import AlarmState, DecisionVerb
from models.state import state_digest
from storage.decisions import JournalDecisionLog
from storage.protocols import DecisionDraft
from tests.unit.service.site import NOW_NS, open_site, outcomes


@pytest.mark.parametrize(
    ("verb", "said"), [(DecisionVerb.REPAIR, [None, AlarmState.CONFIRMED]), (DecisionVerb.ACCEPT_NORMAL, [None])]
)
def test_a_repair_confirms_the_alarms_that_it_ends(
    tmp_path: Path, verb: DecisionVerb, said: list[AlarmState | None]
) -> None:
    """They clear, and what clears without a word counts as a false alarm."""
    pipeline = open_site(tmp_path)
    live = pipeline.live
    before = state_digest(live.catalogue, live.state)
    raised_ns = live.state.raised_ns.copy()
    raised_ns[0] = NOW_NS
    live.state = replace(live.state, raised_ns=raised_ns)
    draft = DecisionDraft(AssetId("brug-1"), verb, "A. Smit", "bearing replaced", None, None, None, None)
    JournalDecisionLog(pipeline.journal, lambda _: None).append(draft, decided_at_ns=NOW_NS)
    assert pipeline.catch_up() == 1
    changes = outcomes(pipeline)[-1].alarm_changes
    assert [change.state for change in changes] == said
    assert len({change.id for change in changes}) == 1
    assert changes[0].cleared_at_ns is not None
    assert state_digest(live.catalogue, live.state) == before
