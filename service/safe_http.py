"""Posting to an address that somebody else chose, without reaching what is inside.

The name is resolved once; every address it gives must be public, and the connection goes to the one that was checked,
so a name that changes its mind in between (DNS rebinding) changes nothing. A redirect is a new address and is checked
as such. The certificate is checked against the name.

One deadline holds for all of it, because a timeout of a socket is for one operation: a receiver that sends a byte a
second never meets it. Only looking up a name takes as long as the resolver of this machine lets it.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
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
    if not url.isascii() or not url.isprintable() or " " in url:
        raise RefusedAddressError(
            f"got {url[:100]!r}, expected letters, digits and signs of ASCII; write a host as xn--..., and what else "
            "there is in %, such as %C3%BC for \u00fc and %20 for a space"
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise RefusedAddressError(
            f"got {url[:100]!r}, expected an address with a host, and a port from 1 to 65535"
        ) from error
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

    Parameters
    ----------
    timeout_s : float
        How long all of it may take, redirects and answers included, in seconds.

    Raises
    ------
    RefusedAddressError
        If an address on the way leads inside, or is none.
    OSError, http.client.HTTPException
        If the receiver cannot be reached, does not answer as one, or not in time.
    """
    deadline = _Deadline(timeout_s)
    for _ in range(_REDIRECTS + 1):
        host, port, address = check_address(url, allowed=allowed)
        parts = urlsplit(url)
        connection = _Pinned(host, port, address, deadline, is_tls=parts.scheme == "https")
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
        try:
            url = urljoin(url, location)
        except ValueError as error:
            raise RefusedAddressError(f"got a redirect to {location[:100]!r}, expected an address") from error
    raise RefusedAddressError(f"more than {_REDIRECTS} redirects")


class _Deadline:
    """When it must be over."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._ends_s = time.monotonic() + timeout_s

    def left_s(self) -> float:
        """Give how long there is, s.

        Raises
        ------
        TimeoutError
            If it is over.
        """
        left_s = self._ends_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError(f"no whole answer within {self._timeout_s:g} s")
        return left_s


class _Pinned(http.client.HTTPConnection):
    """A connection to one IP address, under the name that was asked for, up to a deadline."""

    def __init__(self, host: str, port: int, address: str, deadline: _Deadline, *, is_tls: bool) -> None:
        super().__init__(host, port)
        self._address = address
        self._deadline = deadline
        self._is_tls = is_tls
        if is_tls:
            self.default_port = http.client.HTTPS_PORT

    def connect(self) -> None:
        """Connect to the address that was checked."""
        connected = socket.create_connection((self._address, self.port), self._deadline.left_s())
        try:
            connected.settimeout(self._deadline.left_s())
            if self._is_tls:
                connected = ssl.create_default_context().wrap_socket(connected, server_hostname=self.host)
        except BaseException:
            connected.close()
            raise
        self.sock = _Timed(connected, self._deadline)


class _Timed:
    """What an HTTP connection asks of its socket, with what is left of the time at each operation."""

    def __init__(self, connected: socket.socket, deadline: _Deadline) -> None:
        self._socket = connected
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        """Send all of it."""
        rest = memoryview(data)
        while rest:
            self._socket.settimeout(self._deadline.left_s())
            rest = rest[self._socket.send(rest) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Give what comes, to be read."""
        return io.BufferedReader(_TimedReader(self._socket, self._deadline))

    def close(self) -> None:
        """Close it, once what was made of it is closed too."""
        self._socket.close()


class _TimedReader(io.RawIOBase):
    """What a socket receives, each time with what is left of the time."""

    def __init__(self, connected: socket.socket, deadline: _Deadline) -> None:
        super().__init__()
        self._socket = connected
        self._received = connected.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(self._deadline.left_s())
        return self._received.readinto(buffer)

    def close(self) -> None:
        self._received.close()
        super().close()


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if mapped is not None:
        address = mapped
    return address.is_global and not address.is_multicast and not address.is_reserved
