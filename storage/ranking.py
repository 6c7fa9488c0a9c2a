"""The ranked list as one question, which the lists of the API and of the pages both narrow further."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, select, tuple_

from domain.records import RiskAssessment
from domain.register import Asset
from storage.details import asset_from, asset_text, risk_from, risk_text
from storage.ownership import Organisations, own_row
from storage.protocols import RankKey
from storage.tables import asset_table, risk_table

__all__ = ["ranked_row", "ranking"]


def ranking(organisations: Organisations, *, after: RankKey | None, limit: int) -> Select[Any]:
    """Ask for newest assessments with their assets, in the order of the ranking, behind `after`."""
    table = risk_table.c
    query = (
        select(
            table.state_rank,
            table.negative_cost_eur,
            table.asset,
            risk_text(),
            table.revision,
            asset_text(),
        )
        .join(asset_table, asset_table.c.id == table.asset)
        .where(own_row(organisations, walked=True))
        .order_by(table.state_rank, table.negative_cost_eur, table.asset)
        .limit(limit)
    )
    if after is None:
        return query
    # As one row value the index leads there; spelt out with "or" each page would walk the ranking from its top.
    place = tuple_(table.state_rank, table.negative_cost_eur, table.asset)
    return query.where(place > (after.state_rank, after.negative_cost_eur, after.asset))


def ranked_row(row: Row[Any]) -> tuple[RankKey, Asset, RiskAssessment]:
    """Make records of a row of the ranking."""
    return RankKey(row.state_rank, row.negative_cost_eur, row.asset), asset_from(row), risk_from(row)
