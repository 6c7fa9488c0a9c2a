"""What rows carry as JSON, as columns of text and made into records at once.

By way of a dictionary, as SQLAlchemy would give it, a list of a hundred costs several times as much.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import msgspec
from sqlalchemy import Label, Text, cast

from domain.records import RiskAssessment
from domain.register import Asset
from storage.tables import asset_table, risk_table

__all__ = ["asset_from", "asset_text", "risk_from", "risk_text"]

_asset: Final = msgspec.json.Decoder(Asset)
_risk: Final = msgspec.json.Decoder(RiskAssessment)


def asset_text() -> Label[str]:
    """Ask for the text of an asset, as `asset_detail`."""
    return cast(asset_table.c.detail, Text).label("asset_detail")


def risk_text() -> Label[str]:
    """Ask for the text of a newest assessment, as `detail`; its revision is asked for beside it."""
    return cast(risk_table.c.detail, Text).label("detail")


def asset_from(row: Any) -> Asset:
    """Make the asset of a row with `asset_text`."""
    return _asset.decode(row.asset_detail)


def risk_from(row: Any) -> RiskAssessment:
    """Make the assessment of a row with `risk_text` and its revision."""
    risk = _risk.decode(row.detail)
    return risk if risk.revision == row.revision else replace(risk, revision=row.revision)
