"""Access as the settings ask for it: the ledger of keys and sessions, the limits, the secret."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Final

from api.cloud_events import WebhookRooms
from api.gate import Login
from api.rooms import Access
from domain.errors import ConfigurationError, StorageUnavailable
from service.folder import unwritable
from service.organisations import LoginProvider, SharedService, read_organisations
from service.safe_http import Network, RefusedAddressError, check_address
from service.settings import Settings
from service.telemetry import logger
from service.throttle import WindowThrottle
from storage.access import AccessStore
from storage.database import open_database
from storage.webhooks import WebhookStore

__all__ = ["make_access", "make_webhooks", "open_ledger", "open_webhooks", "shared_service"]

_LOOKS: Final = 20
_BETWEEN_LOOKS_S: Final = 0.05
_SECRET_BYTES: Final = 32
_NS_PER_S: Final = 1_000_000_000
_NS_PER_DAY: Final = 86_400 * _NS_PER_S
_PATIENCE_S: Final = 10.0


def shared_service(settings: Settings) -> SharedService:
    """Read which organisations share this service."""
    return read_organisations(settings.access.organisations_file, settings.owner)


def open_ledger(settings: Settings) -> AccessStore:
    """Open the tables of access; a database that is away is found out when they are used."""
    return AccessStore(open_database(settings.access_address, patience_s=_PATIENCE_S))


def open_webhooks(settings: Settings) -> WebhookStore:
    """Open the tables of webhooks; `open_ledger` has brought them up to date."""
    return WebhookStore(open_database(settings.access_address, patience_s=_PATIENCE_S))


def make_webhooks(
    settings: Settings, store: WebhookStore, own_address: str
) -> tuple[WebhookRooms, tuple[Network, ...]]:
    """Put together what the routes of webhooks work with, and the networks that receivers may be in.

    Raises
    ------
    ConfigurationError
        If a network is none.
    """
    try:
        allowed = tuple(ip_network(text) for text in settings.webhooks.allowed_networks)
    except ValueError as error:
        raise ConfigurationError(f"webhooks.allowed_networks: {error}; give networks such as 10.20.0.0/16") from error

    def refusal(url: str) -> str | None:
        try:
            check_address(url, allowed=allowed)
        except RefusedAddressError as refused:
            return str(refused)
        return None

    return WebhookRooms(store, refusal, settings.webhooks.source or own_address), allowed


def make_access(settings: Settings, ledger: AccessStore, shared: SharedService) -> Access:
    """Put together who may ask, and how that is told."""
    section = settings.access
    try:
        ledger.prune_audit(before_ns=time.time_ns() - section.audit_days * _NS_PER_DAY)
    except StorageUnavailable as error:
        logger().warning("audit_trail_not_pruned", reason=str(error))
    return Access(
        required=section.required,
        ledger=ledger,
        organisations=shared.organisations,
        login=_login(shared.providers),
        throttle=WindowThrottle(
            {
                "request": section.requests_per_minute,
                "failure": section.failures_per_minute,
                "login": section.logins_per_minute,
            }
        ),
        secret=_secret(settings),
        secure_cookies=section.secure_cookies,
        session_idle_ns=round(section.session_idle_minutes * 60 * _NS_PER_S),
        session_ns=round(section.session_hours * 3600 * _NS_PER_S),
    )


def _login(providers: Sequence[LoginProvider]) -> Login | None:
    if not providers:
        return None
    from service.oidc import OidcLogin  # noqa: PLC0415 -- a tenth of the API's start, and most have no providers

    return OidcLogin(providers)


def _secret(settings: Settings) -> bytes:
    """Give the secret of the settings, or the one that the data folder keeps for its owner's eyes."""
    if settings.access.secret is not None:
        return settings.access.secret.get_secret_value().encode()
    path = settings.data_dir / "access.secret"
    try:
        return _kept(path)
    except OSError as error:
        otherwise = "give it to this user, or set SCHOUW_ACCESS__SECRET"
        raise unwritable(repr(str(path)), error, otherwise=otherwise) from error


def _kept(path: Path) -> bytes:
    """Read the secret, or make one; of processes that begin at once in an empty folder one makes it for all."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        # Whoever has just made the file is about to write it.
        for _ in range(_LOOKS):
            kept = path.read_bytes()
            if len(kept) >= _SECRET_BYTES:
                return kept
            time.sleep(_BETWEEN_LOOKS_S)
        path.unlink(missing_ok=True)  # cut short by a full disk
        return _kept(path)
    with os.fdopen(handle, "wb") as file:
        made = secrets.token_hex(_SECRET_BYTES).encode()
        file.write(made)
        return made
