"""What people found when they inspected, beside what the register says: of a structure the later of both holds.

A person records a score with the decision `correct-condition`. It stands in the log; the register's own entry stays as
its owner gave it, so that an import of an older export does not take back what was found since. What holds follows from
both: the newest such decision where the register names no day of inspection or an earlier one, or the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from domain.identifiers import AssetId
from domain.records import Decision, DecisionVerb
from domain.register import Asset, Register

__all__ = ["Finding", "finding_of", "inspected", "with_findings"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Finding:
    """A NEN 2767 score from 1 to 6, and the day (UTC, ISO 8601) on which it was recorded."""

    condition: int
    found_on: str


def finding_of(decision: Decision) -> Finding | None:
    """Give what an inspection found; None for a decision that tells no score of one."""
    if decision.verb is not DecisionVerb.CORRECT_CONDITION or decision.condition is None:
        return None
    day = _EPOCH + timedelta(microseconds=decision.decided_at_ns // 1000)
    return Finding(decision.condition, day.date().isoformat())


def inspected(asset: Asset, finding: Finding | None) -> Asset:
    """Give an asset with the later of its register's inspection and a finding.

    Examples
    --------
    >>> from domain.register import AssetType
    >>> bridge = Asset(AssetId("b1"), "Brug", AssetType.BRIDGE, condition_inspected=2, inspected_on="2024-05-01")
    >>> inspected(bridge, Finding(4, "2026-03-01")).condition_inspected
    4
    >>> inspected(bridge, Finding(4, "2023-03-01")).condition_inspected
    2
    """
    known_on = asset.inspected_on if asset.condition_inspected is not None else None
    if finding is None or (known_on is not None and known_on > finding.found_on):
        return asset
    return replace(asset, condition_inspected=finding.condition, inspected_on=finding.found_on)


def with_findings(register: Register, found: Mapping[AssetId, Finding]) -> Register:
    """Give a register with what was found since."""
    if not found:
        return register
    return replace(register, assets=tuple(inspected(asset, found.get(asset.id)) for asset in register.assets))
