"""Posting to an address that somebody else chose, without reaching what is inside.

The name is resolved once; every address it gives must be public, and the connection goes to the one that was checked,
so a name that changes its mind in between (DNS rebinding) changes nothing. A redirect is a new address and is checked
as such. The certificate is checked against the name.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin, urlsplit

__all__ = ["Posted", "RefusedAddressError", "check_address", "post"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_REDIRECTS: Final = 3
_KEPT_BYTES: Final = 300
_REDIRECTING: Final = frozenset({307, 308})


class RefusedAddressError(Exception):
    """An address that must not be asked."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What a receiver answered: status, and the first of what it said."""

    status: int
    said: str


def check_address(url: str, *, allowed: Sequence[Network], plain: bool = False) -> tuple[str, int, str]:
    """Resolve an address, and give host, port and the one checked IP address to connect to.

    Parameters
    ----------
    allowed : sequence of networks
        Inside networks that the operator allows all the same.
    plain : bool
        Whether `http:` may be used; it may inside allowed networks.

    Raises
    ------
    RefusedAddressError
        If it is no https address, cannot be resolved, or leads inside; all of its addresses must be public.
    """
    parts = urlsplit(url)
    try:
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise RefusedAddressError(f"got {url[:100]!r}, expected an address with a port from 1 to 65535") from error
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None:
        raise RefusedAddressError(f"got {url[:100]!r}, expected https://host/path without a user name")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise RefusedAddressError(f"{host[:100]!r} has no address") from error
    addresses = [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]
    inside = [address for address in addresses if not _is_public(address)]
    excused = all(any(address in network for network in allowed) for address in inside)
    if inside and not excused:
        raise RefusedAddressError(f"{host[:100]!r} leads to {inside[0]}, which is not a public address")
    if parts.scheme == "http" and not (plain or inside):
        raise RefusedAddressError(f"got {url[:100]!r}, expected https: what is sent is not for everybody on the way")
    return host, port, str(addresses[0])


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float, allowed: Sequence[Network] = ()
) -> Posted:
    """Post a body, following at most three redirects that keep the method, each checked anew.

    Raises
    ------
    RefusedAddressError
        If an address on the way leads inside.
    OSError, http.client.HTTPException
        If the receiver cannot be reached or does not answer as one.
    """
    for _ in range(_REDIRECTS + 1):
        host, port, address = check_address(url, allowed=allowed)
        parts = urlsplit(url)
        connection = _Pinned(host, port, address, timeout_s, is_tls=parts.scheme == "https")
        try:
            target = parts.path or "/"
            connection.request("POST", f"{target}?{parts.query}" if parts.query else target, body, dict(headers))
            answer = connection.getresponse()
            said = answer.read(_KEPT_BYTES).decode("utf-8", "replace")
            location = answer.getheader("Location")
            if answer.status not in _REDIRECTING or not location:
                return Posted(answer.status, said)
        finally:
            connection.close()
        url = urljoin(url, location)
    raise RefusedAddressError(f"more than {_REDIRECTS} redirects")


class _Pinned(http.client.HTTPConnection):
    """A connection to one IP address, under the name that was asked for."""

    def __init__(self, host: str, port: int, address: str, timeout_s: float, *, is_tls: bool) -> None:
        super().__init__(host, port, timeout=timeout_s)
        self._address = address
        self._is_tls = is_tls
        if is_tls:
            self.default_port = http.client.HTTPS_PORT

    def connect(self) -> None:
        """Connect to the address that was checked."""
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._is_tls:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if mapped is not None:
        address = mapped
    return address.is_global and not address.is_multicast and not address.is_reserved
