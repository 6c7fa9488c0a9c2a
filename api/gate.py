"""What decides who may ask: the ledger, the limits and the organisations that the service hands in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fastapi import Request, Response

from domain.access import Organisation, Role
from storage.access import ApiKey, AuditRow, Session

__all__ = ["Access", "AccessLedger", "Login", "Person", "Throttle"]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody for whom a provider vouches, with the role that this gives."""

    id: str
    name: str
    role: Role


class Login(Protocol):
    """Logging in at the provider of an organisation."""

    @property
    def organisations(self) -> tuple[str, ...]:
        """Organisations whose people can log in."""

    async def start(self, request: Request, organisation: str, callback: str) -> Response:
        """Send the person to the provider, which sends them back to `callback`.

        Raises
        ------
        ProblemError
            502 when the provider does not answer as one.
        """

    async def finish(self, request: Request, organisation: str) -> Person:
        """Find out who came back.

        Raises
        ------
        ProblemError
            401 when the provider does not vouch, 403 when it gives no role here, 502 when it does not answer.
        """


class AccessLedger(Protocol):
    """Keys, sessions and the audit trail; `storage.access.AccessStore` keeps them."""

    def find_key(self, secret: str, *, now_ns: int) -> ApiKey | None:
        """Find the key with this secret; None when it is unknown, revoked or expired."""

    def find_session(self, secret: str, *, now_ns: int, idle_ns: int) -> Session | None:
        """Find the session with this secret; None when it is unknown or over."""

    def start_session(self, session: Session) -> str:
        """Keep a session, and give the secret for its cookie."""

    def end_session(self, secret: str) -> None:
        """Forget a session."""

    def record(self, row: AuditRow) -> None:
        """Write down one write or denied access."""

    def audit(
        self, *, organisation: str | None = None, before_id: int | None = None, limit: int = 100
    ) -> Sequence[AuditRow]:
        """List the trail, newest first."""


class Throttle(Protocol):
    """Counts what may happen only so often."""

    def wait_seconds(self, what: str, who: str) -> float:
        """Count one event of a kind for somebody; above 0: too many, and how long to wait.

        Parameters
        ----------
        what : str
            `request`, of one caller; `failure`, a key that did not hold, or `login`, an attempt, of one address.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may ask, and how that is told.

    Attributes
    ----------
    required : bool
        False answers anyone, as an administrator: for loopback only, where `service.web` allows it.
    ledger : AccessLedger or None
        None only without authentication: then nothing is audited but the decision log itself.
    organisations : tuple of Organisation
        All that share this service; the first owns assets that name none.
    login : Login or None
        Where people log in; None: only systems with keys come in.
    secret : bytes
        Random for each start; tokens against forged forms are made with it.
    secure_cookies : bool
        False only on loopback without TLS.
    session_idle_ns, session_ns : int
        How long a session holds without a request, and at most.
    """

    required: bool = False
    ledger: AccessLedger | None = None
    organisations: tuple[Organisation, ...] = ()
    throttle: Throttle | None = None
    login: Login | None = None
    secret: bytes = b""
    secure_cookies: bool = True
    session_idle_ns: int = 3_600_000_000_000
    session_ns: int = 36_000_000_000_000

    def organisation(self, identifier: str) -> Organisation | None:
        """Find an organisation."""
        return next((item for item in self.organisations if item.id == identifier), None)
