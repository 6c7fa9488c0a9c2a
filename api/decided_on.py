"""Which assessment a decision rests on, over HTTP, on the pages and from the command line alike."""

from __future__ import annotations

from api.questions import known_item
from domain.identifiers import AssetId, names_provisional
from storage.protocols import AdvisoryStore

__all__ = ["assessment_decided_on"]


def assessment_decided_on(store: AdvisoryStore, asset: AssetId, named: str | None) -> str | None:
    """Give the assessment that is written down with a decision.

    A provisional assessment is current, but not among the kept ones. Where a newer one has followed the one that was
    named, nothing of it is kept and its name would lead an auditor nowhere: the newest is written down then.

    Parameters
    ----------
    named : str or None
        By whoever decides; None for the newest.

    Returns
    -------
    str or None
        None where nothing was named and there is none yet.

    Raises
    ------
    LookupError
        If what was named is no assessment of this asset.
    """
    newest = store.risk(asset)
    if named is None or (newest is not None and newest.assessment_id == named):
        return None if newest is None else newest.assessment_id
    found = store.assessment(named) if known_item(named) else None
    if found is not None and found.asset == asset:
        return named
    if found is None and newest is not None and names_provisional(named, asset):
        return newest.assessment_id
    raise LookupError(named)
