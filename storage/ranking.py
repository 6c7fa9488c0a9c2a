"""The ranked list as one question, which the lists of the API and of the pages both narrow further."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, and_, or_, select

from storage.ownership import Organisations, own_row
from storage.protocols import RankKey
from storage.tables import asset_table, risk_table

__all__ = ["ranking"]


def ranking(organisations: Organisations, *, after: RankKey | None, limit: int) -> Select[Any]:
    """Ask for newest assessments with their assets, in the order of the ranking, behind `after`."""
    table = risk_table.c
    query = (
        select(
            table.state_rank,
            table.negative_cost_eur,
            table.asset,
            table.detail,
            table.revision,
            asset_table.c.detail.label("asset_detail"),
        )
        .join(asset_table, asset_table.c.id == table.asset)
        .where(own_row(organisations))
        .order_by(table.state_rank, table.negative_cost_eur, table.asset)
        .limit(limit)
    )
    if after is None:
        return query
    return query.where(
        or_(
            table.state_rank > after.state_rank,
            and_(table.state_rank == after.state_rank, table.negative_cost_eur > after.negative_cost_eur),
            and_(
                table.state_rank == after.state_rank,
                table.negative_cost_eur == after.negative_cost_eur,
                table.asset > after.asset,
            ),
        )
    )
