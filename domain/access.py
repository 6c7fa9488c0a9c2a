"""Who may do what: roles, the rights behind them, and the one who asks.

A right names one kind of thing that may be read or written; a role is a set of rights; a key of a system
may have fewer rights than its role. Nobody has a right outside the own organisation.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

__all__ = ["ROLE_RIGHTS", "Caller", "Organisation", "Right", "Role"]


class Right(StrEnum):
    """What somebody may do."""

    READ_RISKS = "risks:read"
    READ_ASSETS = "assets:read"
    READ_ALARMS = "alarms:read"
    READ_DECISIONS = "decisions:read"
    WRITE_DECISIONS = "decisions:write"
    READ_REFUSALS = "refusals:read"
    ONBOARD = "register:write"
    READ_METRICS = "metrics:read"
    MANAGE_WEBHOOKS = "webhooks:write"
    READ_AUDIT = "audit:read"


class Role(StrEnum):
    """Sets of rights; each holds those of the one before."""

    VIEWER = "viewer"
    PLANNER = "planner"
    ENGINEER = "engineer"
    ADMIN = "admin"


_VIEWER: Final = frozenset({Right.READ_RISKS, Right.READ_ASSETS, Right.READ_ALARMS, Right.READ_DECISIONS})
_PLANNER: Final = _VIEWER | {Right.WRITE_DECISIONS}
_ENGINEER: Final = _PLANNER | {Right.READ_REFUSALS, Right.ONBOARD, Right.READ_METRICS}

ROLE_RIGHTS: Final[dict[Role, frozenset[Right]]] = {
    Role.VIEWER: _VIEWER,
    Role.PLANNER: _PLANNER,
    Role.ENGINEER: _ENGINEER,
    Role.ADMIN: frozenset(Right),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """One authority that shares the service; blind to the others.

    Attributes
    ----------
    id : str
        Short name, as in the register's column `organisation`; empty where there is only one.
    name : str
        Stands on the pages and in the API's description.
    register_names : tuple of str or None
        What assets of this organisation carry in the register; the first organisation of a service also
        owns those that carry nothing. None: every asset, for the only organisation of a service.
    maintenance_budget_eur : float or None
        Euros a year, where the organisation gave one.
    false_alarms_per_year : float or None
        Its alarm budget for one asset; None: that of the service.
    is_public : bool
        Whether anybody may see how it works here, where several share a service; the only one follows a setting.
    """

    id: str
    name: str
    contact_name: str
    contact_url: str
    contact_email: str
    register_names: tuple[str, ...] | None = None
    maintenance_budget_eur: float | None = None
    false_alarms_per_year: float | None = None
    is_public: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The one who asks.

    Attributes
    ----------
    kind : str
        `person` (logged in), `key` (a system), or `local`: anyone on this machine, where no authentication is asked.
    id : str
        Of the key or the person; unique within its kind.
    name : str
        As shown; for a person it stands under decisions.
    organisation : Organisation or None
        Whose things are seen; None sees all, for `local` alone.
    csrf_token : str
        To be sent back by every form; empty for keys, which fill in no forms.
    """

    kind: Literal["person", "key", "local"]
    id: str
    name: str
    organisation: Organisation | None
    role: Role
    rights: frozenset[Right]
    csrf_token: str = ""

    def may(self, right: Right) -> bool:
        """Tell whether this right is held."""
        return right in self.rights
