"""The audit trail: every write, and every access that was denied, in one row each, written before the answer leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.types import Scope

from api.rooms import ApiRooms
from domain.access import Caller
from storage.access import AuditRow

__all__ = ["Audit", "is_audited", "make_audit"]

Audit = Callable[[Scope, int], None]

_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_DENIED: Final = frozenset({401, 403})


def is_audited(method: str, status: int) -> bool:
    """Tell whether an answer belongs in the trail."""
    return method not in _READING or status in _DENIED


def make_audit(rooms: ApiRooms) -> Audit | None:
    """Make the function that writes one row; None where there is no ledger."""
    ledger = rooms.access.ledger
    if ledger is None:
        return None

    def write(scope: Scope, status: int) -> None:
        caller = scope.get("schouw.caller")
        known = caller if isinstance(caller, Caller) else None
        client = scope.get("client")
        ledger.record(
            AuditRow(
                at_ns=rooms.wall_clock_ns(),
                organisation=known.organisation.id if known is not None and known.organisation is not None else "",
                caller_kind=known.kind if known is not None else "unknown",
                caller_id=known.id if known is not None else "",
                address=str(client[0]) if client else "",
                method=str(scope["method"]),
                path=str(scope["path"]),
                status=status,
            )
        )

    return write
