"""What an operator does at the command line, written into the same audit trail as what is asked over HTTP."""

from __future__ import annotations

import contextlib
import getpass
import time

from service.access import open_ledger
from service.settings import Settings
from storage.access import AuditRow

__all__ = ["note_operator"]

_DONE = 200


def note_operator(settings: Settings, what: str, *, organisation: str = "") -> None:
    """Write down what was done, under the name of the account that did it; `what` names nobody.

    Parameters
    ----------
    what : str
        The command as a path, such as `keys/create/k3f9a0c2b11d7`.
    """
    row = AuditRow(
        at_ns=time.time_ns(),
        organisation=organisation,
        caller_kind="operator",
        caller_id=_account(),
        address="",
        method="RUN",
        path=what,
        status=_DONE,
    )
    with contextlib.closing(open_ledger(settings)) as ledger:
        ledger.record(row)


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        return "unknown"
