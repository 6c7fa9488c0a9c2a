"""The decision log as one organisation sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from domain.access import Organisation
from domain.identifiers import AssetId
from domain.records import Decision
from storage.protocols import AdvisoryStore, DecisionDraft, DecisionLog, OnceKey

__all__ = ["OrganisationDecisions"]

_SCAN: Final = 500


@dataclass(frozen=True, slots=True)
class OrganisationDecisions:
    """Writes decisions under an organisation's name, and gives only its own.

    A decision belongs to the organisation it was made for; older ones, which name none, to the owner of their asset.
    """

    log: DecisionLog
    store: AdvisoryStore
    organisation: Organisation
    _owned: dict[AssetId, bool] = field(default_factory=dict)

    def append(self, draft: DecisionDraft, *, decided_at_ns: int, once: OnceKey | None = None) -> Decision:
        """Write one decision as the next link and return it."""
        own = replace(draft, organisation=self.organisation.id)
        return self.log.append(own, decided_at_ns=decided_at_ns, once=once)

    def append_all(
        self, drafts: Sequence[DecisionDraft], *, decided_at_ns: int, once: OnceKey | None = None
    ) -> Sequence[Decision]:
        """Write decisions about the alarms of one event, all or none."""
        own = [replace(draft, organisation=self.organisation.id) for draft in drafts]
        return self.log.append_all(own, decided_at_ns=decided_at_ns, once=once)

    def repeated(self, once: OnceKey) -> Sequence[Decision]:
        """Give what a key, which names the organisation, led to before."""
        return self.log.repeated(once)

    def decisions(
        self, *, asset: AssetId | None = None, before_seq: int | None = None, limit: int = 100
    ) -> Sequence[Decision]:
        """List decisions newest first, those with a sequence below `before_seq`."""
        found: list[Decision] = []
        before = before_seq
        while len(found) < limit:
            links = self.log.decisions(asset=asset, before_seq=before, limit=_SCAN)
            found.extend(link for link in links if self._is_own(link))
            if len(links) < _SCAN:
                break
            before = links[-1].seq
        return found[:limit]

    def decisions_after(self, seq: int, *, asset: AssetId | None = None, limit: int = 100) -> Sequence[Decision]:
        """List decisions oldest first, those with a sequence above `seq`."""
        found: list[Decision] = []
        after = seq
        while len(found) < limit:
            links = self.log.decisions_after(after, asset=asset, limit=_SCAN)
            found.extend(link for link in links if self._is_own(link))
            if len(links) < _SCAN:
                break
            after = links[-1].seq
        return found[:limit]

    def _is_own(self, decision: Decision) -> bool:
        if decision.organisation:
            return decision.organisation == self.organisation.id
        if decision.asset not in self._owned:
            self._owned[decision.asset] = self.store.asset(decision.asset) is not None
        return self._owned[decision.asset]
