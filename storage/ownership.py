"""Which rows belong to an organisation: conditions for the questions of the operational store.

An asset carries its organisation's name in the register; all else belongs to it through its asset or gateway. None
stands for everything, for the one who runs the service without authentication on the machine itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, and_, select, true

from storage.tables import asset_table, channel_table

__all__ = ["Organisations", "own_asset", "own_gateway", "own_row"]

Organisations: TypeAlias = Sequence[str] | None


def own_row(organisations: Organisations, *, walked: bool = False) -> ColumnElement[bool]:
    """Ask for rows of the asset table itself, or of what is joined with it.

    Parameters
    ----------
    walked : bool
        True in a list that stops at a limit: by the index of this column SQLite would gather all that the
        organisation has and sort it, where walking down the list's own index soon has enough.
    """
    if organisations is None:
        return true()
    return _no_index(asset_table.c.organisation, walked=walked).in_(organisations)


def own_asset(asset_column: Any, organisations: Organisations, *, walked: bool = False) -> ColumnElement[bool]:
    """Ask for rows whose asset is the organisation's; `walked` as for `own_row`."""
    if organisations is None:
        return true()
    return _no_index(asset_column, walked=walked).in_(select(asset_table.c.id).where(own_row(organisations)))


def _no_index(column: ColumnElement[str], *, walked: bool) -> ColumnElement[str]:
    return column + "" if walked else column


def own_gateway(gateway_column: Any, organisations: Organisations) -> ColumnElement[bool]:
    """Ask for rows whose gateway serves the organisation and no other: what a refused message meant is not certain."""
    if organisations is None:
        return true()
    served = select(channel_table.c.gateway).join(asset_table, asset_table.c.id == channel_table.c.asset)
    others = served.where(asset_table.c.organisation.not_in(organisations))
    return and_(gateway_column.in_(served.where(own_row(organisations))), gateway_column.not_in(others))
